"""What people and programs see: tables on a console, JSON on standard output."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from collections.abc import Set as AbstractSet
from contextlib import contextmanager
from dataclasses import fields, is_dataclass
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Annotated, Any, NamedTuple

import typer
from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn
from rich.table import Table
from rich.text import Text

from tieout.model.money import Money, minor_units
from tieout.sync.engine import Progress as Told
from tieout.sync.engine import silent

Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]

#: Columns of a table that nobody looks at on a screen: nothing is cut off in a file.
_WIDE = 200


class Column(NamedTuple):
    """One column: the name in JSON, the header, whether it holds amounts or counts."""

    key: str
    header: str
    right: bool = False


Row = Mapping[str, Any]


def console(*, err: bool = False) -> Console:
    """Where people read: standard output, or standard error."""
    stream = sys.stderr if err else sys.stdout
    width = None if stream.isatty() else _WIDE
    return Console(file=stream, width=width, highlight=False, markup=False, emoji=False)


def say(text: str, *, err: bool = False) -> None:
    """One message, as long as it is. A vendor's words are shown as they are."""
    _bars.clear()
    console(err=err).print(Text(text), soft_wrap=True)


def listing(title: str, columns: Sequence[Column], rows: Iterable[Row], as_json: bool) -> None:
    """A table for people, or an array of objects for programs: the same values."""
    if as_json:
        emit([{column.key: row.get(column.key) for column in columns} for row in rows])
        return
    table(title, columns, rows)


def table(title: str, columns: Sequence[Column], rows: Iterable[Row]) -> None:
    """A table for people; one line when there is nothing in it."""
    shown = list(rows)
    if not shown:
        say(f"{title}: none.")
        return
    drawn = Table(title=Text(title), title_justify="left", box=box.SIMPLE_HEAD)
    for column in columns:
        drawn.add_column(
            column.header, justify="right" if column.right else "left", overflow="fold"
        )
    for row in shown:
        drawn.add_row(*(Text(as_text(row.get(column.key))) for column in columns))
    _bars.clear()
    console().print(drawn)


def emit(value: Any) -> None:
    """JSON on standard output, and nothing else."""
    _bars.clear()
    typer.echo(json.dumps(plain(value), indent=2, ensure_ascii=False))


def plain(value: Any) -> Any:
    """A value as JSON: amounts and other decimals are exact text, instants ISO 8601."""
    if isinstance(value, Money):
        return {"amount": value.plain, "currency": value.currency}
    if isinstance(value, Enum):
        return value.value
    if value is None or isinstance(value, str | int):
        return value
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, timedelta):
        return int(value.total_seconds())
    if is_dataclass(value) and not isinstance(value, type):
        return {field.name: plain(getattr(value, field.name)) for field in fields(value)}
    if isinstance(value, Mapping):
        return {str(plain(key)): plain(item) for key, item in value.items()}
    if isinstance(value, Sequence | AbstractSet) and not isinstance(value, bytes):
        return [plain(item) for item in value]
    return str(value)


def as_text(value: Any) -> str:
    """A value in a cell."""
    if value is None:
        return ""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, Money):
        return money(value)
    if isinstance(value, Enum):
        return str(value.value).replace("_", " ")
    if isinstance(value, datetime):
        return f"{value:%Y-%m-%d %H:%M} UTC"
    if isinstance(value, timedelta):
        return age(value)
    if isinstance(value, list | tuple):
        return ", ".join(map(as_text, value))
    return str(value)


def money(value: Money) -> str:
    """`1,234.50 USD`."""
    return f"{value.amount:,.{minor_units(value.currency)}f} {value.currency}"


def age(value: timedelta) -> str:
    """How long ago, in the largest unit that says enough: `3 days`, `5 h`, `12 min`."""
    minutes = int(value.total_seconds()) // 60
    if minutes < 60:
        return f"{minutes} min"
    if minutes < 48 * 60:
        return f"{minutes // 60} h"
    return f"{minutes // 1440} days"


def count(number: int, one: str, many: str = "") -> str:
    """`1 invoice`, `2 invoices`."""
    return f"{number} {one if number == 1 else many or one + 's'}"


class _Bars:
    """The bars of long work, drawn while it lasts and gone before anything else is said."""

    def __init__(self) -> None:
        self._drawn: Progress | None = None
        self._bars: dict[str, TaskID] = {}

    def told(self, what: str, done: int, total: int | None) -> None:
        if self._drawn is None:
            parts = (
                TextColumn("{task.description}", markup=False),
                BarColumn(),
                MofNCompleteColumn(),
            )
            # Standard output stays what it is: only these bars go to standard error.
            self._drawn = Progress(
                *parts,
                console=console(err=True),
                transient=True,
                redirect_stdout=False,
                redirect_stderr=False,
            )
            self._drawn.start()
        name = what.partition(" (")[0]  # a remark in brackets changes from time to time
        if name not in self._bars:
            self._bars[name] = self._drawn.add_task(what, total=total)
        self._drawn.update(self._bars[name], description=what, completed=done, total=total)

    def clear(self) -> None:
        if self._drawn is not None:
            self._drawn.stop()
        self._drawn, self._bars = None, {}


_bars = _Bars()


@contextmanager
def progress() -> Iterator[Told]:
    """Shows long work on standard error while somebody watches; else tells nobody."""
    try:
        yield _bars.told if sys.stderr.isatty() else silent
    finally:
        _bars.clear()
