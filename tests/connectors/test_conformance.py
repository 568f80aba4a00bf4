"""What every connector must keep, asked of every one in the registry.

A new connector is in this suite by its line in the registry; it adds a rig in
`rigs.py`, and what its writers write in `subjects.py`, then records.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.connectors import subjects
from tests.connectors.live import live_cases, live_replayed, load_notes
from tests.connectors.rigs import CASSETTES, GOLDEN, MADE, NOW, RIGS, Case, Stand, cases
from tests.connectors.tapes import golden_text, replayed
from tieout.connectors import faults
from tieout.connectors.attached import unstored
from tieout.connectors.base import (
    INVOICE,
    Connector,
    Family,
    Fault,
    Request,
    Response,
    Since,
    VendorError,
    Writer,
)
from tieout.connectors.exact import encode
from tieout.connectors.registry import connectors
from tieout.errors import RemoteError

CONNECTORS = list(connectors().values())
WIRED = [connector for connector in CONNECTORS if connector.family is not Family.FILES]
LIVE_CASES = [case for slug in RIGS for case in live_cases(slug)]
CASES = cases() + LIVE_CASES
WRITERS = [(connector, writer) for connector in WIRED for writer in connector.writers]
STREAMS = [(connector, stream) for connector in WIRED for stream in connector.streams]


def slug_of(value: Any) -> str:
    return getattr(value, "slug", "") or getattr(value, "name", "") or str(value)


# -- cassettes --------------------------------------------------------------------------
@pytest.mark.usefixtures("socket_disabled")
@pytest.mark.parametrize("case", CASES, ids=str)
def test_a_cassette_replays_to_its_golden_file(case: Case) -> None:
    """Byte for byte the same calls, and the same facts out of the same answers."""
    outcome = live_replayed(case) if case.live else replayed(case)
    assert golden_text(case, outcome) == case.golden.read_text(), (
        "if this change is wanted: python -m tests.connectors.record, then read the difference"
    )


def test_every_connector_is_recorded_and_nothing_else_is() -> None:
    assert {connector.slug for connector in WIRED} == set(RIGS)
    kept = set(CASSETTES.rglob("*.yaml"))
    assert kept == {case.cassette for case in CASES}
    recorded = {path for slug in RIGS for path in (GOLDEN / slug).rglob("*.json")}
    assert {case.golden for case in CASES} == recorded


def test_a_cassette_says_where_it_comes_from() -> None:
    live = {case.cassette for case in LIVE_CASES}
    for path in live:
        notes = load_notes(path.relative_to(CASSETTES).parts[0])
        assert notes is not None
        assert path.read_text().splitlines()[0] == f"# {notes.comment}"
    for path in set(CASSETTES.rglob("*.yaml")) - live:
        title = connectors()[path.relative_to(CASSETTES).parts[0]].title
        first = path.read_text().splitlines()[0]
        assert first == (
            f"# Recorded from the Tieout sandbox of {title}, {NOW.date()};"
            " not from a live account"
        )  # fmt: skip


_SECRET_SHAPES = re.compile(
    r"(?i)authorization|set-cookie|\b(bearer|basic) [A-Za-z0-9+/_.=-]{8}|-----BEGIN"
    r"|\beyJ[\w-]{6,}\.|127\.0\.0\.1|localhost"
    r"|\"(?:access_token|refresh_token|id_token|client_secret)\": ?\"(?!\[hidden\])"
    r"|(?:assertion|client_secret|refresh_token)=(?!\[hidden\])"
)


@pytest.mark.parametrize("slug", RIGS)
def test_no_secret_is_in_a_cassette(slug: str) -> None:
    stand = Stand(slug)
    secrets = set(stand.rig.secrets(stand.vendor).values())
    for path in [*(CASSETTES / slug).rglob("*.yaml"), *(GOLDEN / slug).rglob("*.json")]:
        text = path.read_text()
        assert not _SECRET_SHAPES.search(text), path
        assert not [secret for secret in secrets if secret in text], path


@pytest.mark.parametrize(("connector", "stream"), STREAMS, ids=slug_of)
def test_every_stream_brings_facts_of_its_kind(connector: Connector, stream: Any) -> None:
    case = next(c for c in CASES if (c.slug, c.folder) == (connector.slug, stream.name))
    records = json.loads(case.golden.read_text())["records"]
    told = {record["fact"][""] for record in records if "fact" in record}
    assert stream.yields.__name__ in told, "a cassette without a fact proves nothing"
    assert told <= {stream.yields.__name__, "Held"}


# -- values -----------------------------------------------------------------------------
@pytest.mark.parametrize("connector", CONNECTORS, ids=slug_of)
def test_the_value_is_sound(connector: Connector) -> None:
    assert re.fullmatch(r"[a-z]+", connector.slug)
    names = [each.name for each in (*connector.streams, *connector.writers)]
    assert len(names) == len(set(names)), "a stream or writer of the same name twice"
    assert connector.settings.model_json_schema()["properties"], "the form has no field"
    assert {name for writer in connector.writers for name in writer.depends_on} <= set(names)
    limits = [limit.name for limit in connector.pace]
    assert len(limits) == len(set(limits)), "limits of one name would share a counter"
    for writer in connector.writers:
        assert writer.finds, f"{writer.name}: no find, no writer"


@pytest.mark.parametrize(("connector", "stream"), STREAMS, ids=slug_of)
def test_asking_for_a_stream_writes_nothing(connector: Connector, stream: Any) -> None:
    stand = Stand(connector.slug)
    settings = stand.connection("https://x.example", signed_in=True).settings
    for start in (None, MADE):
        since = Since(start=start, end=NOW)
        request = stream.request(since, settings)
        assert not request.writes
        assert request.purpose
        assert request == stream.request(since, settings)


# -- writers ----------------------------------------------------------------------------
@pytest.mark.parametrize(("connector", "writer"), WRITERS, ids=slug_of)
def test_the_same_subject_makes_the_same_bytes_and_call(
    connector: Connector, writer: Writer
) -> None:
    settings = Stand(connector.slug).connection("https://x.example", signed_in=True).settings
    subject, context = subjects.of(connector.slug, writer)
    context = replace(context, settings=settings)
    calls = []
    for _ in range(2):
        body = encode(writer.build(subject, context))
        calls.append(writer.send(body, context.key[: writer.key_length], settings))
    assert calls[0] == calls[1]
    assert calls[0].writes
    stored = encode(writer.build(subject, context))
    if context.file is None:
        assert calls[0].body == stored, "sent as it was stored"
    else:
        file = unstored(stored)[1]
        assert file == context.file
        assert file.content in calls[0].body, "sent as it was stored, out of its wrapping"
    # Its version and digits: not every vendor's field takes a colon.
    version, _, digits = context.key.partition(":")
    # What changes a record there makes none: the record as wanted is what is looked for. Some
    # records have no room for a key.
    assert (
        writer.changes
        or writer.keyless
        or re.search(rf"\b{version}[:-]{digits}\b", encode(writer.build(subject, context)).decode())
    ), "the record carries our key, so that it can be found when the vendor forgets its own"


@pytest.mark.parametrize(("connector", "writer"), WRITERS, ids=slug_of)
def test_what_was_written_is_found_and_agrees(connector: Connector, writer: Writer) -> None:
    for live in {case.live for case in CASES if case.slug == connector.slug}:
        told = {
            case.name: json.loads(case.golden.read_text())
            for case in CASES
            if (case.slug, case.folder, case.live) == (connector.slug, writer.name, live)
        }
        if live and not told:
            continue  # nothing of it is recorded in the vendor's own account
        made = told["create"]
        # A tax that was not told is for the ledger to say.
        untold = made["expected"]["tax"] is None
        wanted = made["expected"] | ({"tax": made["digest"]["tax"]} if untold else {})
        assert made["digest"] == wanted
        assert made["found"]
        for by, refs in made["found"].items():
            assert refs == [made["ref"]], f"found by {by}"
        assert told["repeat"]["refs"] == [made["ref"]] * 2, "the same key twice is one record"


@pytest.mark.parametrize(("connector", "writer"), WRITERS, ids=slug_of)
def test_a_find_only_reads(connector: Connector, writer: Writer) -> None:
    settings = Stand(connector.slug).connection("https://x.example", signed_in=True).settings
    subject, context = subjects.of(connector.slug, writer)
    context = replace(context, settings=settings)
    for find in writer.finds:
        request = find.request(subject, context, settings)
        assert request is None or not request.writes


@pytest.mark.parametrize("connector", WIRED, ids=slug_of)
def test_words_and_a_link_go_where_the_connector_says_they_can(connector: Connector) -> None:
    """Its flags and its bodies agree: what a plan says is left out is left out."""
    if not connector.writes(INVOICE):
        assert (connector.memo_lines, connector.links) == (False, False)
        return
    writer = connector.writer(INVOICE)
    settings = Stand(connector.slug).connection("https://x.example", signed_in=True).settings
    subject, context = subjects.of(connector.slug, writer)
    words, link = {"budget_2": ("Ada Reyes, on call, 0.33 h",)}, "https://crm.example/deal/7"
    context = replace(context, settings=settings, memo_lines=words, link=link)
    body = encode(writer.build(subject, context)).decode()
    assert ("Ada Reyes, on call, 0.33 h" in body) == connector.memo_lines
    assert (link in body) == connector.links
    plain = replace(context, memo_lines={}, link="")
    assert writer.expect(subject, context) == writer.expect(subject, plain), "words are no lines"


# -- numbers ----------------------------------------------------------------------------
@pytest.mark.parametrize("case", CASES, ids=str)
def test_no_number_is_a_float(case: Case) -> None:
    """Amounts are exact on the wire and in the facts: golden files show them as text."""

    def floats(value: Any) -> Iterator[Any]:
        if isinstance(value, float):
            yield value
        children = value.values() if isinstance(value, dict) else value
        if isinstance(value, dict | list):
            for child in children:
                yield from floats(child)

    assert not list(floats(json.loads(case.golden.read_text())))


def test_a_float_does_not_get_into_a_body() -> None:
    assert encode({"a": Decimal("0.10")}) == b'{"a":0.10}'
    with pytest.raises(TypeError):
        encode({"a": 0.1})


# -- faults -----------------------------------------------------------------------------
def _lines() -> Iterator[tuple[Connector, int]]:
    for connector in WIRED:
        yield from ((connector, number) for number in range(len(connector.faults)))


def _answers(connector: Connector, line: Fault) -> Iterator[tuple[Response, Request]]:
    """Answers as this vendor words them that the line was written for."""
    error = VendorError(code=line.code or "", text=line.text or "")
    body = RIGS[connector.slug].refusal(error)
    for writes in (True, False):
        if line.writes in (None, writes):
            method = "POST" if writes else "GET"
            request = Request(method=method, path="/x", writes=writes)
            headers = {"content-type": "application/json"}
            yield Response(status=line.status or 400, headers=headers, body=body), request


@pytest.mark.parametrize(("connector", "number"), list(_lines()), ids=slug_of)
def test_every_fault_line_decides_something(connector: Connector, number: int) -> None:
    """The vendor's own words reach the line, and no line above it takes them all."""
    line = connector.faults[number]
    for answer, request in _answers(connector, line):
        error = faults.classify(connector, request, answer)
        assert type(error) is line.then
        assert isinstance(error, RemoteError)
        found = faults.first_match(
            connector.faults, request, answer.status, connector.errors(answer)
        )[0]
        assert found is line, f"the line {found} above takes its answers"


@pytest.mark.parametrize("connector", WIRED, ids=slug_of)
@pytest.mark.parametrize("status", [200, 300, 400, 401, 404, 429, 500, 502, 503])
@pytest.mark.parametrize(
    "body",
    [
        b"", b"null", b"[]", b"{}", b"0", b'"text"', b"<html>busy</html>", b"\xff\xfe\x00",
        b'{"Fault":null}', b'{"Fault":{"Error":[{}]}}', b'[{"errorCode":null}]', b'{"error":{}}',
        b"[" * 5000, b'{"message":null}', b'[["x"]]', b"{" ,
    ],
)  # fmt: skip
def test_no_body_can_break_the_reading_of_errors(
    connector: Connector, status: int, body: bytes
) -> None:
    answer = Response(status=status, headers={}, body=body)
    for writes in (True, False):
        request = Request(method="POST", path="/x", writes=writes)
        error = faults.classify(connector, request, answer)
        assert (error is None) <= (status < 300)
        if writes and status >= 500:
            assert type(error).__name__ in ("Unknown", "Transient", "RateLimited", "Conflict")


def test_folders_and_registry_agree() -> None:
    home = Path(faults.__file__).parent
    folders = {path.parent.name for path in home.glob("*/__init__.py")}
    assert folders == set(connectors())
    for folder in folders:
        assert (home / folder / "README.md").exists(), f"{folder} has no README.md"
