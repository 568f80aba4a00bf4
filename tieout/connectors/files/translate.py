"""Files become rows to land, and landed rows become canonical facts. Pure.

A row is known again by its id, or else by the cells that say which row it is and a count
for equal ones: a file imported twice changes nothing, a corrected one what it corrects.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import replace
from typing import Any

from tieout.connectors.base import Parsed, Row
from tieout.connectors.canonical import KINDS, NOWHERE, Landed, read_lines
from tieout.connectors.files import cells
from tieout.connectors.files.layouts import RATE_IDENTITY, Column, Spec, Values, recognise
from tieout.connectors.files.wire import Settings
from tieout.connectors.tables import Table, read_table, refused
from tieout.errors import Problem
from tieout.model.ids import SourceRef, stable_id
from tieout.model.project import Deal, Rate, RateFact

#: The canonical kinds and the streams their records land in.
STREAMS = {
    "time_entry": "time",
    "expense": "expenses",
    "deal": "deals",
    "project": "projects",
    "client": "clients",
    "person": "people",
    "rate": "rates",
}
_Lines = list[tuple[int, Row]]


def parse(name: str, data: bytes, settings: Settings) -> list[Parsed]:
    """The rows of a file by stream: of one for a table, of one a kind for JSON Lines.

    `name` is how a person knows the file. Raises BadInput with every problem.
    """
    problems: list[Problem] = []
    if name.lower().endswith(".jsonl") or data.lstrip().startswith(b"{"):
        found, layout = _of_lines(name, data), "canonical"
    else:
        table = read_table(name, data)
        spec = recognise(table)
        lines, problems = _of_table(table, spec, settings)
        found, layout = {spec.stream: lines}, spec.name
    parsed = []
    for stream, lines in found.items():
        rows, twice = _joined(name, lines)
        problems += twice
        parsed.append(Parsed(stream=stream, layout=layout, rows=rows))
    if problems:
        raise refused(name, problems)
    return parsed


def read(landed: Landed[Any], source: SourceRef, settings: Settings) -> Any:
    """The fact of a landed row. One that names its own source is taken as it is."""
    fact = landed.record
    if isinstance(fact, Rate):
        return RateFact(rate=replace(fact, origin=fact.origin or str(source)), source=source)
    if fact.source != NOWHERE:
        return fact
    kind = next(kind for kind, cls in KINDS.items() if isinstance(fact, cls))
    fact = replace(fact, source=source, id=stable_id(kind, source.connection, source.remote_id))
    if not isinstance(fact, Deal):
        return fact
    where = (source.connection, source.remote_id)
    lines = (replace(line, id=stable_id("deal_line", *where, line.id)) for line in fact.lines)
    return replace(fact, lines=tuple(lines))


def _of_lines(name: str, data: bytes) -> dict[str, _Lines]:
    found: dict[str, _Lines] = {}
    seen: Counter[str] = Counter()
    for line, kind, record in read_lines(name, data):
        key = record["id"] if kind != "rate" else _key(record, RATE_IDENTITY, seen)
        row = {"key": key, "layout": "canonical", "record": record, "other": {}}
        found.setdefault(STREAMS[kind], []).append((line, row))
    return found


def _of_table(table: Table, spec: Spec, settings: Settings) -> tuple[_Lines, list[Problem]]:
    columns, others = spec.columns(table.header), spec.others(table.header)
    numbers = [column.found for column in columns if column.kind in ("number", "hours")]
    typed = [(line, row[name]) for line, row in table.rows for name in numbers if name]
    mark, problems = table.decimal_mark or settings.decimal_mark, list[Problem]()
    if not mark:
        mark, problems = cells.decimal_mark(table.name, typed)
    lines: _Lines = []
    seen: Counter[str] = Counter()
    for line, found in table.rows:
        values, texts = _values(columns, found, mark, settings.date_order)
        try:
            record = spec.record(values) if not texts else {}
        except ValueError as error:
            texts = [str(error)]
        problems += [Problem(table.name, line, text) for text in texts]
        if texts:
            continue
        key = values.get("id") or _key(record, spec.identity, seen)
        other = {name: found[name] for name in others if found[name]}
        if spec.stream == "deals":  # a deal has room for what the CRM says besides
            record, other = {**record, "fields": other}, {}
        lines.append((line, {"key": key, "layout": spec.name, "record": record, "other": other}))
    return lines, problems


def _values(
    columns: list[Column], found: dict[str, str], mark: str, order: str
) -> tuple[Values, list[str]]:
    """The cells of one row as values, and what is wrong with them."""
    values, texts = Values(client="", task="", notes="", billable=None), []
    for column in columns:
        text = found.get(column.found, "")
        values[column.to] = text if column.kind == "text" else None
        try:
            if text:
                values[column.to] = cells.value(text, column.kind, mark, order)
            elif column.filled and column.found:
                raise ValueError("is empty; every row needs it")
        except ValueError as error:
            texts.append(f"{column.found}: {error}")
    return values, texts


def _key(record: Row, identity: tuple[str, ...], seen: Counter[str]) -> str:
    told = stable_id("row", *(str(record.get(name) or "") for name in identity))
    seen[told] += 1
    return f"{told}-{seen[told]}"


def _joined(name: str, lines: _Lines) -> tuple[list[Row], list[Problem]]:
    """Rows with one id joined: equal ones are one, those of a deal give it their lines."""
    rows: dict[str, tuple[int, Row]] = {}
    problems = []
    for line, row in lines:
        first, known = rows.setdefault(row["key"], (line, row))
        if known is row:
            continue
        before, now = _compared(known), _compared(row)
        names = [n for n in sorted(before.keys() | now.keys()) if before.get(n) != now.get(n)]
        if names:
            text = f"the id '{row['key']}' is in line {first} too, with another {', '.join(names)}"
            problems.append(Problem(name, line, f"{text}; keep one, or give each its own id"))
        elif row["layout"] != "canonical":
            known["record"].get("lines", []).extend(row["record"].get("lines", ()))
    for _, row in rows.values():
        for place, part in enumerate(row["record"].get("lines", ()), 1):
            part["id"] = part["id"] or str(place)
    return [row for _, row in rows.values()], problems


def _compared(row: Row) -> Row:
    """What rows with one id must agree on: all of it; in a table, a row is one line of a deal."""
    others = {f"'{column}'": text for column, text in row["other"].items()}
    tabled = row["layout"] != "canonical"
    return {**others, **row["record"], **({"lines": ()} if tabled else {})}
