"""What a vendor's notifications are: who sent one, and what it says to look at sooner.

A notification is a hint and carries nothing that is believed: what changed is read from
the vendor afterwards, as on every other day. So losing one, or all of them, loses no work.

A connector needs a line for the signature and a pure function for the contents:

    Webhook(secrets=("signing_key",), verify=hmac_sha256("x-signature", "signing_key"), refs=refs)

A vendor's examination of an address before its first message needs nothing of its own
where a right signature is answered as `taken` and a wrong one as `refused`, both with an
empty body (Xero calls it the intent to receive).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from tieout.errors import BadInput

#: What a vendor's message raises in a function that expects another shape.
_ODD = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)

#: Whether bytes come from the vendor: (headers by lower-case names, raw body, secrets).
Verify = Callable[[Mapping[str, str], bytes, Mapping[str, str]], bool]


@dataclass(frozen=True, slots=True)
class Hint:
    """Something changed over there: a stream to look at sooner than its turn."""

    company: str  # the remote company, "" when the message names none
    stream: str  # one of the connector's


@dataclass(frozen=True, slots=True, kw_only=True)
class Webhook:
    """How a vendor's notifications are received.

    `verify` compares in constant time, over the bytes as they came, before anything reads
    them. `refs` is pure and may raise whatever a strange shape makes it raise: see `hints`.
    """

    secrets: tuple[str, ...]  # what `verify` needs; a connection works without them
    verify: Verify
    refs: Callable[[bytes], Iterable[Hint]]
    register: str  # where a person tells the vendor our address, and finds the secret
    answer_within_s: int  # how long the vendor waits for our answer
    headers: tuple[str, ...] = ("content-type",)  # those kept beside a message, in lower case
    taken: int = 200  # the answer to what was verified and stored
    refused: int = 401  # the answer to what was not signed as it should be
    unique: bool = True  # no two events have the same bytes: what comes again is a repeat


def hints(webhook: Webhook, body: bytes) -> frozenset[Hint]:
    """What a verified message says. Raises BadInput when its shape is not known."""
    try:
        return frozenset(webhook.refs(body))
    except _ODD as problem:
        raise BadInput(
            f"The message has not the shape this version knows ({type(problem).__name__})."
        ) from problem


def among(streams: Mapping[str, str], told: Iterable[tuple[str, str]]) -> list[Hint]:
    """Hints from (company, kind of record) pairs: `streams` by the kind in lower case.

    Kinds that no stream reads are left out.
    """
    pairs = [(str(company), kind.lower()) for company, kind in told]
    return [Hint(company, streams[kind]) for company, kind in pairs if kind in streams]


def hmac_sha256(
    header: str, secret: str, encoding: Literal["base64", "hex"] = "base64", prefix: str = ""
) -> Verify:
    """A signature in one header: HMAC-SHA256 of the raw body under the secret as UTF-8.

    `prefix` stands before it, such as `sha256=`. Without a secret nothing is right.
    """

    def verify(headers: Mapping[str, str], body: bytes, secrets: Mapping[str, str]) -> bool:
        key, given = secrets.get(secret, ""), headers.get(header, "")
        code = hmac.new(key.encode(), body, hashlib.sha256).digest()
        text = base64.b64encode(code) if encoding == "base64" else code.hex().encode()
        same = hmac.compare_digest(prefix.encode() + text, given.encode("utf-8", "replace"))
        return same and bool(key)

    return verify
