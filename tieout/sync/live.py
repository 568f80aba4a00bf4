"""Looks at a live account with the eyes of a connector: signs in, reads a little, writes nothing.

Each stream is asked for its first page only. What a machine cannot see is left to the
connector's own list (`Connector.unverified`).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta

from pydantic import ValidationError

from tieout.connectors.base import Family, Held, Request, Response, Row, Since, Stream
from tieout.connectors.transport import Connection
from tieout.errors import BadInput, FeedFull, NotAllowed, RemoteError, TieoutError
from tieout.model.ids import SourceRef
from tieout.sync.doctor import connection_findings
from tieout.sync.engine import Engine
from tieout.sync.findings import Finding, Verdict, fine, worth_a_look, wrong

#: How far back what changes is asked for.
BACK = timedelta(days=7)
#: Rows of a page that are translated; the rest is only counted.
ROWS = 50
#: Parts of the names of headers that tell of limits.
_LIMIT_WORDS = ("limit", "remaining", "retry-after", "quota")
_LONGEST = 120
_ODD = (ValidationError, KeyError, TypeError, AttributeError, ValueError)
_REPORT = "Report it: the connector reads this vendor wrongly."


def live(engine: Engine, name: str) -> Iterator[Finding]:
    """Every check of one connection that can be made without writing; one that fails is a
    finding. Raises Misconfigured for an unknown connection, BadInput for files."""
    connection = engine.connection(name)
    if connection.connector.family is Family.FILES:
        raise BadInput(f"{name} reads files: there is no live account to look at.")
    findings = list(connection_findings(engine, connection))
    yield from findings
    if any(one.check == "connection" and one.verdict is Verdict.PROBLEM for one in findings):
        return  # nothing else could be read either
    seen: dict[str, str] = {}
    for stream in connection.connector.streams:
        if not stream.applies(connection.settings):
            continue
        yield _stream(engine, connection, stream, seen)
    yield _limits(connection, seen)


def _stream(
    engine: Engine, connection: Connection, stream: Stream, seen: dict[str, str]
) -> Finding:
    where, now = f"{connection.name}/{stream.name}", engine.now()
    try:
        request = stream.request(Since(start=now - BACK, end=now), connection.settings)
        answer = _read(engine, connection, request)
        seen |= {key: text for key, text in answer.headers.items() if _tells_limits(key)}
        rows = stream.pages.rows(answer.json())
    except FeedFull as full:
        return worth_a_look("read", where, f"{full}", "Nothing: a pull reads it whole.")
    except RemoteError as refusal:
        trace = f" Their support finds it under {refusal.trace_id}." if refusal.trace_id else ""
        text = f"{type(refusal).__name__}: {refusal.text}"
        return wrong("read", where, text, f"Give the sign-in the right to read it.{trace}")
    except TieoutError as refusal:
        return wrong("read", where, f"{refusal}", "Do as the text says.")
    except _ODD as odd:
        text = f"the answer has another shape than expected ({type(odd).__name__})"
        return wrong("read", where, text, _REPORT)
    text = _counted(len(rows))
    held: list[str] = []
    for row in rows[:ROWS]:
        try:
            why = _held(connection, stream, row)
        except _ODD as odd:
            return wrong("read", where, f"{text}, and {_words_of(odd, row)}", _REPORT)
        held += [why] if why else []
    if held:
        more = f"{text}, {len(held)} of them held, such as: {held[0][:_LONGEST]}"
        return worth_a_look("read", where, more, "See `tieout held` after a pull.")
    return fine("read", where, text)


def _read(engine: Engine, connection: Connection, request: Request) -> Response:
    if request.writes:
        raise NotAllowed(f"{request.purpose} would write: it was not sent.")
    return engine.transport.call(replace(connection, attended=True), request)


def _counted(count: int) -> str:
    """`12 records on the first page`."""
    return f"{count} record{'' if count == 1 else 's'} on the first page"


def _held(connection: Connection, stream: Stream, row: Row) -> str:
    """Why a row cannot become a fact; "" when it does."""
    if stream.deleted(row):
        return ""
    source = SourceRef(connection.name, stream.name, stream.key(row))
    read = stream.read(stream.wire.model_validate(row), source, connection.settings)
    return read.text if isinstance(read, Held) else ""


def _words_of(odd: Exception, row: Row) -> str:
    """Which record, and which fields of it: never their values."""
    fields = ""
    if isinstance(odd, ValidationError):
        fields = ", ".join(sorted({str(each["loc"][0]) for each in odd.errors() if each["loc"]}))
    record = row.get("Id") or row.get("id") or "without an id"
    return f"record {record} cannot be read: {fields or type(odd).__name__}"[:_LONGEST]


def _limits(connection: Connection, seen: dict[str, str]) -> Finding:
    told = {quota.header for quota in connection.connector.quotas}
    absent = sorted(header for header in told if header not in seen)
    shown = "; ".join(f"{name}: {text}"[:_LONGEST] for name, text in sorted(seen.items()))
    if absent:
        text = f"not told: {', '.join(absent)}" + (f"; told: {shown}" if shown else "")
        todo = "Nothing: Tieout counts its own calls then."
        return worth_a_look("limits", connection.name, text, todo)
    return fine("limits", connection.name, shown or "no header tells of limits")


def _tells_limits(header: str) -> bool:
    return any(word in header.lower() for word in _LIMIT_WORDS)
