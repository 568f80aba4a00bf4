"""What the connectors of ledgers share: our key in a text, what a write must come back as, and
how what was done to an invoice is seen. Pure, and of no vendor.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Any

from pydantic import BaseModel

from tieout.connectors.attached import stored, unstored
from tieout.connectors.base import File, Find, Held, Look, Request, Row, WriteContext
from tieout.connectors.codes import told_tax
from tieout.connectors.fields import known
from tieout.errors import Misconfigured
from tieout.model.document import Document
from tieout.model.ids import SourceRef
from tieout.model.settlement import Digest, RemoteInvoice

_KEY = re.compile(r"\[tieout:([^\]\s]+)\]")
_BULLET = "· "
_NOTHING = Decimal(0)


def mark(key: str) -> str:
    """How our key is written into a text that people may read."""
    return f"[tieout:{key}]"


def key_in(text: str) -> str:
    """Our key in a text, "" when there is none."""
    found = _KEY.search(text)
    return found[1] if found else ""


def bullet(text: str) -> str:
    """A line of words below the lines that carry money: told by its mark from a memo."""
    return f"{_BULLET}{text}"


def is_bullet(text: str) -> bool:
    """Whether a line of words is one of those."""
    return text.startswith(_BULLET)


def no_currency(what: str, code: str, what_to_do: str) -> Held:
    """A record of money that does not say whose."""
    return Held(
        reason="currency_missing",
        text=f"{what} has the currency {code!r}" if code else f"{what} names no currency",
        what_to_do=what_to_do,
    )


# -- looking ----------------------------------------------------------------------------
def find(
    by: str,
    where: Callable[[Any, WriteContext], Any],
    ask: Callable[[Any, Any], Request],
    rows: Callable[[Any], list[Row]],
    fits: Callable[[Row, Any, WriteContext], bool],
) -> Find:
    """Look through what some conditions give; an empty `where`: this way cannot be used.

    `where` makes the conditions, and `ask` the call that asks for them, given the settings.
    """

    def request(subject: Any, context: WriteContext, settings: Any) -> Request | None:
        conditions = where(subject, context)
        return ask(conditions, settings) if conditions else None

    def pick(answer: Any, subject: Any, context: WriteContext) -> list[Row]:
        return [row for row in rows(answer) if fits(row, subject, context)]

    return Find(by=by, request=request, pick=pick)


# -- what must come back ----------------------------------------------------------------
def name_digest(name: str, key: str, parent_id: str = "") -> Digest:
    """A customer: its name as the number, its parent as the customer, no money."""
    return Digest(
        number=name,
        currency="",
        net=_NOTHING,
        tax=_NOTHING,
        lines=0,
        customer_id=parent_id,
        key=key,
    )


def file_digest(name: str, size: int) -> Digest:
    """A file: its name and its size in bytes as the number, no money."""
    return name_digest(f"{name}, {size} bytes", "")


def expect_file(invoice: Document, context: WriteContext) -> Digest:
    """What a file must come back as: by the bytes once they are kept, as entries may change."""
    _, file = the_file(context)
    return file_digest(file.name, len(file.content))


def the_file(context: WriteContext) -> tuple[str, File]:
    """The ledger's invoice, and what is attached to it."""
    if context.sent is not None:
        return unstored(context.sent)
    return context.invoice_id, known(context.file, "file")


def attach(invoice: Document, context: WriteContext) -> Row:
    """A file for an invoice, as the outbox keeps it."""
    there = known(context.invoice_id, f"record of invoice {invoice.number}")
    return stored(there, known(context.file, f"file of invoice {invoice.number}"))


def expect_document(document: Document, context: WriteContext) -> Digest:
    """What an invoice or a credit note must come back as. A tax that we do not tell is the
    ledger's to say."""
    return Digest(
        number=document.number,
        currency=document.currency,
        net=document.total.amount,
        tax=told_tax(context.lines),
        lines=len(document.lines),
        customer_id=context.customer_id,
        issue_date=document.issue_date,
        key=context.key,
    )


def void(digest: Digest) -> Digest:
    """What a void invoice says: what it came to is of no account any more, its key its own."""
    return replace(digest, net=_NOTHING, tax=_NOTHING, lines=0, key="")


def expect_void(invoice: Document, context: WriteContext) -> Digest:
    """What an invoice must come back as once it is void."""
    return void(expect_document(invoice, context))


def expect_correction(invoice: Document, context: WriteContext) -> Digest:
    """What an invoice must come back as once it is corrected: as it was, but for that."""
    digest, order = replace(expect_document(invoice, context), key=""), context.order
    return replace(digest, due_date=order.due_date, memo=order.memo) if order else digest


# -- what was done to an invoice ----------------------------------------------------------
@dataclass(frozen=True, slots=True, kw_only=True)
class Invoices:
    """How one invoice is read by its id: as a list, which is empty when it is gone.

    `wire` and `read` are those of its stream; `worded` is what one says with its memo and due
    date, `expect` what it is to say once it is corrected.
    """

    ask: Callable[[Any, WriteContext, Any], Request]  # (subject, context, settings)
    rows: Callable[[Any], list[Row]]
    wire: type[BaseModel]
    read: Callable[[Any, SourceRef, Any], RemoteInvoice | Held]
    worded: Callable[[Row], Digest]
    expect: Callable[[Document, WriteContext], Digest] = expect_correction

    @property
    def look(self) -> Look:
        """How it stands, before it is written about."""
        return Look(
            request=self.ask,
            pick=lambda answer: next(iter(self.rows(answer)), None),
            read=self._stands,
        )

    @property
    def find_void(self) -> tuple[Find, ...]:
        """The invoice, when it is void."""
        return (Find(by="record", request=self.ask, pick=self._voided),)

    @property
    def find_correction(self) -> tuple[Find, ...]:
        """The invoice, when it says what it was to be corrected to."""
        return (Find(by="record", request=self.ask, pick=self._corrected),)

    def _stands(self, row: Row, settings: Any) -> RemoteInvoice:
        record = self.wire.model_validate(row)
        found = self.read(record, SourceRef("", "invoices", ""), settings)
        if not isinstance(found, RemoteInvoice):
            raise Misconfigured(found.text)
        return found

    def _voided(self, answer: Any, subject: Any, context: WriteContext) -> list[Row]:
        return [row for row in self.rows(answer) if self._stands(row, context.settings).voided]

    def _corrected(self, answer: Any, subject: Any, context: WriteContext) -> list[Row]:
        wanted = self.expect(subject, context)
        found = [(row, self.worded(row)) for row in self.rows(answer)]
        return [
            row
            for row, told in found
            if wanted.due_date in (None, told.due_date) and wanted.memo in (None, told.memo)
        ]
