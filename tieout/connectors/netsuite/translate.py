"""NetSuite's rows as canonical facts. Pure: nothing is worked out that it says itself."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tieout.connectors import ledger
from tieout.connectors.base import Held, Row
from tieout.connectors.netsuite import queries
from tieout.connectors.netsuite.wire import Line, ListRow, Settings, Transaction
from tieout.model import settlement as books
from tieout.model.document import DocumentKind
from tieout.model.ids import SourceRef
from tieout.model.money import Money, is_currency

_OURS = "tieout-"
_ZERO = Decimal(0)
#: What to do about a record that does not say whose money it is.
_LOOK = "set the firm's currency in the workspace, then pull again"
#: Of these the money itself is recorded; the others only move what is there already.
_MONEY, _CREDIT = "CustPymt", queries.TYPES["credit_memos"]
_INVOICE = queries.TYPES["invoices"]


def external_id(key: str) -> str:
    """Our key as NetSuite takes one: letters, digits, `_` and `-` (Oracle: external ids)."""
    return _OURS + key.replace(":", "-")


def key_of(external: str) -> str:
    """Our key in an external id, "" when it is not one of ours."""
    return external.removeprefix(_OURS).replace("-", ":") if external.startswith(_OURS) else ""


def entry(kind: books.ListKind) -> Callable[[ListRow, SourceRef, Settings], books.ListEntry]:
    """How the rows of a list are read; what a query asks beyond the usual is a detail.

    A company's country is not told as one: the engine would take US tax codes for words.
    """

    def read(row: ListRow, source: SourceRef, settings: Settings) -> books.ListEntry:
        name = row.name or settings.account_id
        details: dict[str, Any] = dict(row.model_extra or {})
        details.pop("lines", None)
        if kind is books.ListKind.CUSTOMER:
            details["key"] = key_of(row.externalid)
        if kind is books.ListKind.PREFERENCES:
            details["home_currency"] = row.currency
            details["class_per_line"] = "classes" not in settings.without
            details["departments"] = "departments" not in settings.without
        return books.ListEntry(
            source=source,
            kind=kind,
            remote_id=row.id,
            name=name,
            full_name=f"{row.above}:{name}" if row.above else name,
            parent_id=row.parent,
            active=not row.inactive,
            currency=row.currency,
            details=details,
        )

    return read


def invoice(row: Transaction, source: SourceRef, settings: Settings) -> books.RemoteInvoice | Held:
    """An invoice as it stands now."""
    return _sale(row, source, settings, DocumentKind.INVOICE, row.unpaid or _ZERO)


def credit_memo(
    row: Transaction, source: SourceRef, settings: Settings
) -> books.RemoteInvoice | Held:
    """A credit memo as it stands now; its balance is what no invoice has used yet."""
    unused = abs(row.unused or _ZERO)
    return _sale(row, source, settings, DocumentKind.CREDIT_NOTE, unused)


def _sale(
    row: Transaction,
    source: SourceRef,
    settings: Settings,
    kind: DocumentKind,
    balance: Decimal,
) -> books.RemoteInvoice | Held:
    currency = row.currency or settings.firm_currency
    if not is_currency(currency):
        name = kind.value.replace("_", " ")
        return ledger.no_currency(f"{name} {row.tranid or row.id}", currency, _LOOK)
    turn = _turn(row)
    return books.RemoteInvoice(
        kind=kind,
        source=source,
        remote_id=row.id,
        revision=queries.revision({"changed": row.changed}),
        number=row.tranid,
        customer_id=row.entity,
        issue_date=row.trandate,
        due_date=row.duedate if kind is DocumentKind.INVOICE else None,
        total=Money(_total(row), currency),
        tax=Money(_tax(row), currency),
        balance=Money(balance, currency),
        lines=tuple(_line(line, turn) for line in _sold(row)),
        key=key_of(row.externalid),
        voided=_voided(row),
    )


def payment(row: Transaction, source: SourceRef, settings: Settings) -> books.Payment | Held:
    """Money received; or 0 of it, where a credit, deposit or journal settles an invoice."""
    currency = row.currency or settings.firm_currency
    if not is_currency(currency):
        return ledger.no_currency(f"payment {row.tranid or row.id}", currency, _LOOK)
    is_money, parts = row.type == _MONEY, _parts(row)
    settled = [("Invoice", invoice, part) for invoice, part in parts.items()]
    if row.type == _CREDIT and settled:  # a document of its own, of which so much is used
        settled.append(("CreditMemo", row.id, sum(parts.values(), _ZERO)))
    return books.Payment(
        source=source,
        remote_id=row.id,
        revision=queries.revision({"changed": row.changed}),
        customer_id=row.entity,
        paid_on=row.trandate,
        total=Money(abs(row.total or _ZERO) if is_money else _ZERO, currency),
        unapplied=Money(abs(row.unused or _ZERO) if is_money else _ZERO, currency),
        allocations=tuple(
            books.Allocation(remote_document_id=document, document_type=kind, amount=part)
            for kind, document, part in settled
        ),
        reference=row.tranid,
        voided=_voided(row),
    )


def _parts(row: Transaction) -> dict[str, Decimal]:
    """What settles which invoice: pairs of lines, whose sign differs between accounts."""
    parts: dict[str, Decimal] = {}
    for line in row.lines:
        parts[line.invoice] = parts.get(line.invoice, _ZERO) + abs(line.amount or _ZERO)
    return {invoice: part for invoice, part in parts.items() if part}


def _sold(row: Transaction) -> list[Line]:
    return [line for line in row.lines if not line.tax and line.amount is not None]


def _turn(row: Transaction) -> int:
    """What turns the signs of lines: an invoice's income is negative over there. Nobody has
    told how it is on a credit memo: the sum of its lines decides, which takes back."""
    is_negative = sum(line.amount or _ZERO for line in row.lines) < 0
    return -1 if is_negative or row.type == _INVOICE else 1


def _total(row: Transaction) -> Decimal:
    """With tax. That of a credit memo has another sign in some accounts."""
    total = row.total or _ZERO
    return total if row.type == _INVOICE else abs(total)


def _tax(row: Transaction) -> Decimal:
    return _turn(row) * sum((line.amount or _ZERO for line in row.lines if line.tax), _ZERO) + 0


def _line(line: Line, turn: int) -> books.RemoteLine:
    return books.RemoteLine(
        description=line.memo,
        quantity=None if line.quantity is None else turn * line.quantity + 0,
        rate=line.rate,
        amount=turn * (line.amount or _ZERO) + 0,
        item_id=line.item,
    )


def _voided(row: Transaction) -> bool:
    """By flag or by status, of which the letter or the word is told (`CustInvc:V`, `Voided`)."""
    return row.voided or row.status.rpartition(":")[2].strip() in ("V", "Voided")


# -- what we wrote, as it came back -----------------------------------------------------
def ref(row: Row) -> books.RemoteRef:
    """NetSuite's handle on what we wrote; the number of a customer is its name."""
    number = str(row.get("tranid") or row.get("name") or "")
    return books.RemoteRef(remote_id=str(row["id"]), number=number, revision=queries.revision(row))


def document_digest(row: Row) -> books.Digest:
    """What an invoice or a credit memo says; its number only where we gave it."""
    record = Transaction.model_validate(row)
    tax = _tax(record)
    return books.Digest(
        number=str(row.get("ournumber") or ""),
        currency=record.currency,
        net=_total(record) - tax,
        tax=tax,
        lines=len(_sold(record)),
        customer_id=record.entity,
        issue_date=record.trandate,
        key=key_of(record.externalid),
    )


def worded(row: Row) -> books.Digest:
    """What an invoice says, with the words and the due date that may be corrected."""
    record = Transaction.model_validate(row)
    return replace(document_digest(row), key="", due_date=record.duedate, memo=record.memo)


def allocation_digest(row: Row) -> books.Digest:
    """What a credit memo is set against: how much, and how many invoices."""
    record = Transaction.model_validate(row)
    parts = _parts(record)
    return books.Digest(
        number="",
        currency=record.currency,
        net=sum(parts.values(), _ZERO),
        tax=_ZERO,
        lines=len(parts),
        customer_id=record.entity,
    )


def name_digest(row: Row) -> books.Digest:
    """A customer or project: its name as the number, its parent as the customer, no money."""
    name, parent, external = (str(row.get(c) or "") for c in ("name", "parent", "externalid"))
    return ledger.name_digest(name, key_of(external), parent)
