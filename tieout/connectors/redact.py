"""Takes secrets and personal data out of what is logged, shown or recorded.

`secrets_out` is for every text that came from a vendor; `personal_out` goes
further, for logs and cassettes. Both keep the shape of what they are given.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable, Mapping, MutableMapping
from decimal import Decimal
from typing import Any
from urllib.parse import urlsplit, urlunsplit

from tieout.connectors.exact import encode

HIDDEN = "[hidden]"

#: Names of JSON fields, form fields and query parameters whose values are secrets.
SECRET_NAMES = frozenset(
    {
        "access_token",
        "api_key",
        "apikey",
        "assertion",
        "authorization",
        "client_assertion",
        "client_secret",
        "code",
        "code_verifier",
        "id_token",
        "password",
        "private_key",
        "refresh_token",
        "secret",
        "security_token",
        "sessionid",
        "signature",
        "token",
    }
)
#: Headers whose values are secrets, lower case.
SECRET_HEADERS = frozenset(
    {
        "authorization",
        "cookie",
        "intuit-signature",
        "proxy-authorization",
        "set-cookie",
        "x-api-key",
        "x-auth-token",
    }
)
#: In a form `code` and `token` are secrets; in an answer the one is an error code and
#: the other may be a place in a listing.
_JSON_SECRETS = SECRET_NAMES - {"code", "token"}
_TEXT_SECRETS = "|".join(sorted(SECRET_NAMES - {"code", "token", "secret", "signature"}))

_PATTERNS = (
    (re.compile(r"(?i)\b(bearer|basic)\s+[A-Za-z0-9._~+/=!-]{6,}"), rf"\1 {HIDDEN}"),
    # A JSON web token, wherever it stands: it may be signed and still valid.
    (re.compile(r"\beyJ[A-Za-z0-9_-]{5,}\.[A-Za-z0-9_-]{5,}(?:\.[A-Za-z0-9_-]*)*"), HIDDEN),
    (
        re.compile(rf"(?i)([\"']?\b(?:{_TEXT_SECRETS})\b[\"']?\s*[:=]\s*[\"']?)[^\s\"'&,;}}\[]+"),
        rf"\1{HIDDEN}",
    ),
)
_EMAIL = re.compile(r"[A-Za-z0-9._%+-]+@(?:[A-Za-z0-9-]+\.)+[A-Za-z]{2,}")
#: Domains that no person can have (RFC 2606): addresses there are samples already.
_SAMPLE_DOMAIN = re.compile(r"(?i)(?:\.(?:example|invalid|test)|[@.]example\.(?:com|net|org))$")
#: Shorter secrets would hide common words; nothing that guards money is that short.
_SHORTEST_SECRET = 6


def secrets_out(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without credentials: those given by value, and whatever looks like one."""
    for value in sorted({s for s in secrets if len(s) >= _SHORTEST_SECRET}, key=len, reverse=True):
        text = text.replace(value, HIDDEN)
    for pattern, instead in _PATTERNS:
        text = pattern.sub(instead, text)
    return text


def personal_out(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without credentials and with made-up e-mail addresses.

    The same address always becomes the same made-up one, so records still match.
    """
    return _EMAIL.sub(lambda found: pseudonym(found.group()), secrets_out(text, secrets))


def pseudonym(address: str) -> str:
    """A made-up e-mail address for a real one; sample addresses stay."""
    if _SAMPLE_DOMAIN.search(address):
        return address
    mark = hashlib.sha256(address.lower().encode()).hexdigest()[:10]
    return f"person-{mark}@example.com"


def url_out(url: str) -> str:
    """The URL without its query, its fragment and any user name and password in it."""
    parts = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit((parts.scheme, host, parts.path, "", ""))


def headers_out(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers with the values of credentials hidden."""
    return {
        name: HIDDEN if name.lower() in SECRET_HEADERS else personal_out(value)
        for name, value in headers.items()
    }


def body_out(body: bytes, *, personal: Iterable[str] = (), secrets: Iterable[str] = ()) -> bytes:
    """A request's or an answer's body, fit to be kept.

    In JSON, secret fields and the fields named in `personal` are hidden; form
    fields with secret names too; e-mail addresses become made-up ones. A body
    that nothing had to be taken out of comes back byte for byte.
    """
    if not body:
        return body
    names = {name.lower() for name in personal}
    known = tuple(secrets)
    try:
        parsed = json.loads(body, parse_float=Decimal)
    except (ValueError, RecursionError):
        return _form_out(body.decode("utf-8", "replace"), names, known).encode()
    cleaned = _value_out(parsed, names, known)
    return body if cleaned == parsed else encode(cleaned)


def _value_out(value: Any, personal: set[str], secrets: tuple[str, ...]) -> Any:
    if isinstance(value, dict):
        return {
            key: HIDDEN
            if isinstance(field, str) and field and _hides(key, personal)
            else _value_out(field, personal, secrets)
            for key, field in value.items()
        }
    if isinstance(value, list):
        return [_value_out(item, personal, secrets) for item in value]
    return personal_out(value, secrets) if isinstance(value, str) else value


def _hides(name: str, personal: set[str]) -> bool:
    return name.lower() in _JSON_SECRETS or name.lower() in personal


def _form_out(text: str, personal: set[str], secrets: tuple[str, ...]) -> str:
    names = "|".join(re.escape(name) for name in sorted(SECRET_NAMES | personal))
    hidden = re.sub(rf"(?i)(^|&)({names})=[^&\s]*", rf"\1\2={HIDDEN}", text)
    return personal_out(hidden, secrets)


def processor(
    logger: Any, method: str, event: MutableMapping[str, Any]
) -> MutableMapping[str, Any]:
    """A structlog processor: hides secrets and personal data in every text of an event."""
    for name, value in event.items():
        event[name] = _value_out(value, set(), ()) if not _hides(name, set()) else HIDDEN
    return event
