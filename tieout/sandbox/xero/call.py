"""One call of the Accounting API as its handlers see it, and the answer they give."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from typing import Any

from werkzeug.wrappers import Request

from tieout.sandbox.xero import errors, fields, xmlform
from tieout.sandbox.xero.books import Books
from tieout.sandbox.xero.wire import Row, decode, to_flag, to_guid

_JSON = ("application/json", "text/json")
_XML = ("application/xml", "text/xml", "application/x-www-form-urlencoded")
_SINCE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)(Z|[+-]\d\d:?\d\d)?")
_BAD_GUIDS = "Supplied parameter '{0}' cannot be parsed - must be of type UUID."


@dataclass
class Answer:
    """What a handler answers: a body for the envelope, or bytes as they are."""

    body: Row | None = None
    status: int = 200
    enveloped: bool = True
    content: bytes | None = None
    content_type: str = ""


@dataclass
class Call:
    """A call that may pass, on the books of one organisation."""

    books: Books
    request: Request
    resource: str = ""
    ids: dict[str, str] = field(default_factory=dict)  # what the path says

    # -- the query ---------------------------------------------------------------------
    def flag(self, name: str, default: bool) -> bool:
        """A boolean parameter in any case. Raises `Refusal`."""
        value = self.request.args.get(name)
        if value is None or value == "":
            return default
        try:
            return to_flag(value)
        except ValueError as problem:
            raise errors.bad_query(f"{name} must be true or false") from problem

    @property
    def summarize(self) -> bool:
        return self.flag("summarizeErrors", self.books.settings.summarize_default)

    @property
    def unitdp(self) -> int:
        """Decimals of unit prices: 4 when asked for, else 2. Raises `Refusal`."""
        value = self.request.args.get("unitdp", "2")
        if value not in ("2", "3", "4"):
            raise errors.bad_query("unitdp must be 2, 3 or 4")
        return int(value)

    def listed(self, name: str) -> list[str] | None:
        """A comma list, None when it is not asked for."""
        value = self.request.args.get(name)
        return [each.strip() for each in value.split(",") if each.strip()] if value else None

    def guids(self, name: str) -> set[str] | None:
        """A comma list of guids. Raises `Refusal` in plain text, whatever was asked for."""
        found = self.listed(name)
        if found is None:
            return None
        try:
            return {to_guid(each) for each in found}
        except ValueError as problem:
            shown = "Ids" if name == "IDs" else name
            raise errors.PlainRefusal(400, _BAD_GUIDS.format(shown)) from problem

    def whole(self, name: str, default: int | None = None) -> int | None:
        """A whole number from 1. Raises `Refusal`."""
        value = self.request.args.get(name)
        if value is None or value == "":
            return default
        if not value.isascii() or not value.isdigit() or int(value) < 1:
            raise errors.bad_query(f"{name} must be a whole number from 1")
        return int(value)

    @property
    def since(self) -> datetime | None:
        """If-Modified-Since, None when it is absent or in a form that is not understood."""
        text = self.request.headers.get("If-Modified-Since", "").strip()
        found = _SINCE.fullmatch(text)
        try:
            instant = datetime.fromisoformat(text) if found else parsedate_to_datetime(text)
        except (ValueError, TypeError):
            return None
        return instant if instant.tzinfo else instant.replace(tzinfo=UTC)

    # -- the body ----------------------------------------------------------------------
    def body(self) -> Any:
        """The body as Python values; nothing is an empty object. Raises `Refusal`."""
        kind = (self.request.mimetype or "").lower()
        content = self.request.get_data()
        if kind and kind not in _JSON + _XML:
            raise errors.Refusal(415, None)
        if kind in _XML:
            return xmlform.parse(self._xml(kind, content))
        if not content.strip():
            return {}
        try:
            return decode(content)
        except ValueError as problem:
            raise errors.bad_body("JSON for post data was invalid") from problem

    def _xml(self, kind: str, content: bytes) -> bytes:
        if kind in _XML[:2]:
            return content
        # An old client sends XML as a field of a form.
        return self.request.form.get("xml", "").encode()

    def elements(self, plural: str) -> list[Row]:
        """The objects in the body: in an envelope, in an array, or one alone. Raises `Refusal`."""
        sent = self.body()
        if isinstance(sent, dict) and plural in sent:
            sent = sent[plural]
        if isinstance(sent, dict):
            sent = [sent]
        if not isinstance(sent, list) or not all(isinstance(each, dict) for each in sent):
            raise errors.bad_body("JSON for post data was invalid")
        for each in sent:
            fields.check(each)
        return sent

    def element(self, plural: str) -> Row:
        """The first object in the body. Raises `Refusal` when there is none."""
        found = self.elements(plural)
        if not found:
            raise errors.bad_body("JSON for post data was empty")
        return found[0]
