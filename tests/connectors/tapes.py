"""Cassettes: how a recording is scrubbed, kept and replayed, whoever answered."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import vcr
import vcr.request
from vcr.persisters.filesystem import FilesystemPersister
from vcr.serialize import serialize

from tests.connectors.rigs import Case, Stand, host
from tieout.connectors.connection import Connection
from tieout.connectors.redact import body_out
from tieout.connectors.registry import connectors
from tieout.connectors.transport import Transport

MATCH = ("method", "scheme", "host", "port", "path", "query", "body")
_LOCAL = re.compile(r"(?:https?://)?127\.0\.0\.1:\d+")
_KEPT_REQUEST = {"content-type", "accept"}
_KEPT_ANSWER = {"content-type", "location", "retry-after"}


@dataclass(frozen=True, kw_only=True)
class Mask:
    """What a recording of one connector must not show, beside what looks like a credential.

    It is put on the calls of a replay too, so that both sides are scrubbed alike.
    """

    slug: str
    host: str  # in the place of every address that matches
    addresses: re.Pattern[str] = _LOCAL
    texts: Mapping[str, str] = field(default_factory=dict)  # what stands for an account's own ids
    secrets: tuple[str, ...] = ()  # known by value
    personal: tuple[str, ...] = ()  # names of the fields that are about people

    def text(self, text: str) -> str:
        """A text without addresses and ids."""
        text = self.addresses.sub(self._address, text)
        for ours, instead in self.texts.items():
            text = re.sub(rf"(?<![A-Za-z0-9]){re.escape(ours)}(?![A-Za-z0-9])", instead, text)
        return text

    def body(self, body: bytes) -> bytes:
        """A body without addresses, ids, credentials and what is about people."""
        masked = self.text(body.decode()).encode()
        return body_out(masked, personal=self.personal, secrets=self.secrets)

    def _address(self, found: re.Match[str]) -> str:
        return self.host if found.group().startswith("http") else self.host.split("//")[1]


def sandbox_mask(slug: str) -> Mask:
    """Of what a sandbox of ours answers: it knows no people."""
    return Mask(slug=slug, host=host(slug))


def headed(comment: str) -> type[Any]:
    """Writes cassettes under a comment that says what they are."""

    class Headed(FilesystemPersister):  # type: ignore[misc]
        @staticmethod
        def save_cassette(cassette_path: Any, cassette_dict: Any, serializer: Any) -> None:
            path = Path(cassette_path)
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(f"# {comment}\n{serialize(cassette_dict, serializer)}")

    return Headed


def recorder(mask: Mask, comment: str = "") -> vcr.VCR:
    """The recorder of one connector; for replays too."""
    kept = _KEPT_ANSWER | {connectors()[mask.slug].trace_header}

    def request_out(request: vcr.request.Request) -> vcr.request.Request:
        request.uri = mask.text(request.uri)
        request.headers = {
            name: value for name, value in request.headers.items() if name.lower() in _KEPT_REQUEST
        }
        if request.body:
            request.body = mask.body(bytes(request.body))
        return request

    def answer_out(answer: dict[str, Any]) -> dict[str, Any]:
        headers = {
            name: [mask.text(value) for value in values]
            for name, values in answer["headers"].items()
            if name.lower() in kept
        }
        return answer | {
            "headers": headers,
            "body": {"string": mask.body(answer["body"]["string"])},
        }

    made = vcr.VCR(
        match_on=MATCH, before_record_request=request_out, before_record_response=answer_out
    )
    made.register_persister(headed(comment))
    return made


def play(case: Case, mask: Mask, transport: Transport, connection: Connection) -> dict[str, Any]:
    """The outcome of a case by its cassette; nothing is sent."""
    with recorder(mask).use_cassette(str(case.cassette), record_mode="none") as tape:
        outcome = case.run(transport, connection)
        assert tape.all_played, f"{case}: recorded calls were not made"
    return outcome


def replayed(case: Case) -> dict[str, Any]:
    """The outcome of a sandbox's case by its cassette."""
    stand = Stand(case.slug)
    connection = stand.connection(host(case.slug), signed_in=not case.signs_in)
    return play(case, sandbox_mask(case.slug), Transport(stand.clock), connection)


def golden_text(case: Case, outcome: dict[str, Any]) -> str:
    """An outcome as its golden file says it."""
    text = json.dumps(outcome, indent=1, sort_keys=True, ensure_ascii=False)
    return _LOCAL.sub(host(case.slug), text) + "\n"
