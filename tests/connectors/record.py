"""Record the cassettes and golden files anew: `python -m tests.connectors.record [SLUG ...]`.

Every case runs against a fresh sandbox served on loopback. What is kept is scrubbed:
no token, no signature, no port, no header that changes from run to run. Read the
difference before keeping it: a changed golden file is a changed behaviour.
"""

from __future__ import annotations

import json
import logging
import re
import shutil
import sys
from pathlib import Path
from typing import Any

import structlog
import vcr
import vcr.request
from vcr.persisters.filesystem import FilesystemPersister
from vcr.serialize import serialize

from tests.connectors.rigs import CASSETTES, GOLDEN, RIGS, Case, Stand, cases, host
from tieout.connectors.auth import token_for
from tieout.connectors.redact import body_out
from tieout.connectors.registry import connectors
from tieout.connectors.transport import Transport
from tieout.sandbox.serving import Served

MATCH = ("method", "scheme", "host", "port", "path", "query", "body")
_LOCAL = re.compile(r"(?:https?://)?127\.0\.0\.1:\d+")
_KEPT_REQUEST = {"content-type", "accept"}
_KEPT_ANSWER = {"content-type", "retry-after"}


class Headed(FilesystemPersister):  # type: ignore[misc]
    """Writes a cassette under a comment that says what it is."""

    @staticmethod
    def save_cassette(cassette_path: Any, cassette_dict: Any, serializer: Any) -> None:
        path = Path(cassette_path)
        slug = path.relative_to(CASSETTES).parts[0]
        title, day = connectors()[slug].title, Stand(slug).clock.now().date()
        comment = f"# Recorded from the Tieout sandbox of {title}, {day}; not from a live account\n"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(comment + str(serialize(cassette_dict, serializer)))


def recorder(slug: str) -> vcr.VCR:
    """The recorder of one connector; for replays too, so both sides are scrubbed alike."""
    trace = connectors()[slug].trace_header

    def request_out(request: vcr.request.Request) -> vcr.request.Request:
        request.uri = _LOCAL.sub(host(slug), request.uri)
        request.headers = {
            name: value for name, value in request.headers.items() if name.lower() in _KEPT_REQUEST
        }
        if request.body:
            request.body = body_out(bytes(request.body))
        return request

    def answer_out(answer: dict[str, Any]) -> dict[str, Any]:
        kept = _KEPT_ANSWER | {trace}
        headers = {n: v for n, v in answer["headers"].items() if n.lower() in kept}
        text = answer["body"]["string"].decode()
        local = _LOCAL.sub(lambda found: _as(found.group(), slug), text)
        return answer | {"headers": headers, "body": {"string": body_out(local.encode())}}

    made = vcr.VCR(
        match_on=MATCH, before_record_request=request_out, before_record_response=answer_out
    )
    made.register_persister(Headed)
    return made


def _as(local: str, slug: str) -> str:
    return host(slug) if local.startswith("http") else host(slug).removeprefix("https://")


def replayed(case: Case) -> dict[str, Any]:
    """The outcome of a case by its cassette; nothing is sent."""
    stand = Stand(case.slug)
    connection = stand.connection(host(case.slug), signed_in=not case.signs_in)
    with recorder(case.slug).use_cassette(str(case.cassette), record_mode="none") as tape:
        outcome = case.run(Transport(stand.clock), connection)
        assert tape.all_played, f"{case}: recorded calls were not made"
    return outcome


def record(case: Case) -> dict[str, Any]:
    """Run a case against its sandbox; keeps the wire and gives the outcome."""
    stand = Stand(case.slug)
    with Served(stand.vendor) as served:
        connection = stand.connection(served.base_url, signed_in=False)
        transport = Transport(stand.clock)
        if not case.signs_in:
            token_for(connection, transport)
        for fault in case.faults:
            stand.vendor.faults.add(**fault)
        with recorder(case.slug).use_cassette(str(case.cassette), record_mode="all"):
            return case.run(transport, connection)


def golden_text(case: Case, outcome: dict[str, Any]) -> str:
    """An outcome as its golden file says it."""
    text = json.dumps(outcome, indent=1, sort_keys=True, ensure_ascii=False)
    return _LOCAL.sub(host(case.slug), text) + "\n"


def main(slugs: list[str]) -> None:
    """Record the named connectors, or all."""
    quiet = structlog.make_filtering_bound_logger(logging.CRITICAL)
    structlog.configure(wrapper_class=quiet)
    for slug in slugs or list(RIGS):
        for folder in (CASSETTES / slug, GOLDEN / slug):
            shutil.rmtree(folder, ignore_errors=True)
    for case in cases():
        if slugs and case.slug not in slugs:
            continue
        outcome = record(case)
        case.golden.parent.mkdir(parents=True, exist_ok=True)
        case.golden.write_text(golden_text(case, outcome))
        sys.stdout.write(f"{case}\n")


if __name__ == "__main__":
    main(sys.argv[1:])
