"""NetSuite's rows as canonical facts. Pure: nothing is worked out that it says itself."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import Any

from tieout.connectors.base import Held, Row
from tieout.connectors.netsuite import queries
from tieout.connectors.netsuite.wire import Line, ListRow, Settings, Transaction
from tieout.model import settlement as books
from tieout.model.ids import SourceRef
from tieout.model.money import Money, is_currency

_OURS = "tieout-"
_ZERO = Decimal(0)
#: Of these the money itself is recorded; the others only move what is there already.
_MONEY = "CustPymt"


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
    """An invoice as it stands now. Its signs are turned: income is negative over there."""
    currency = row.currency or settings.firm_currency
    if not is_currency(currency):
        return _no_currency(f"invoice {row.tranid or row.id}", currency)
    return books.RemoteInvoice(
        source=source,
        remote_id=row.id,
        revision=queries.revision({"changed": row.changed}),
        number=row.tranid,
        customer_id=row.entity,
        issue_date=row.trandate,
        due_date=row.duedate,
        total=Money(row.total or _ZERO, currency),
        tax=Money(_tax(row), currency),
        balance=Money(row.unpaid or _ZERO, currency),
        lines=tuple(_line(line) for line in _sold(row)),
        key=key_of(row.externalid),
        voided=_voided(row),
    )


def payment(row: Transaction, source: SourceRef, settings: Settings) -> books.Payment | Held:
    """Money received; or 0 of it, where a credit, deposit or journal settles an invoice."""
    currency = row.currency or settings.firm_currency
    if not is_currency(currency):
        return _no_currency(f"payment {row.tranid or row.id}", currency)
    is_money = row.type == _MONEY
    parts: dict[str, Decimal] = {}
    for line in row.lines:  # a pair of lines each; the sign differs between accounts
        parts[line.invoice] = parts.get(line.invoice, _ZERO) + abs(line.amount or _ZERO)
    return books.Payment(
        source=source,
        remote_id=row.id,
        revision=queries.revision({"changed": row.changed}),
        customer_id=row.entity,
        paid_on=row.trandate,
        total=Money(abs(row.total or _ZERO) if is_money else _ZERO, currency),
        unapplied=Money(abs(row.unused or _ZERO) if is_money else _ZERO, currency),
        allocations=tuple(
            books.Allocation(remote_document_id=i, document_type="Invoice", amount=part)
            for i, part in parts.items()
            if part
        ),
        reference=row.tranid,
        voided=_voided(row),
    )


def _sold(row: Transaction) -> list[Line]:
    return [line for line in row.lines if not line.tax and line.amount is not None]


def _tax(row: Transaction) -> Decimal:
    return sum((-(line.amount or _ZERO) for line in row.lines if line.tax), _ZERO) + _ZERO


def _line(line: Line) -> books.RemoteLine:
    return books.RemoteLine(
        description=line.memo,
        quantity=None if line.quantity is None else -line.quantity + 0,
        rate=line.rate,
        amount=-(line.amount or _ZERO) + 0,
        item_id=line.item,
    )


def _voided(row: Transaction) -> bool:
    """By flag or by status, of which the letter or the word is told (`CustInvc:V`, `Voided`)."""
    return row.voided or row.status.rpartition(":")[2].strip() in ("V", "Voided")


def _no_currency(what: str, code: str) -> Held:
    return Held(
        reason="currency_missing",
        text=f"{what} has the currency {code!r}" if code else f"{what} names no currency",
        what_to_do="set the firm's currency in the workspace, then pull again",
    )


# -- what we wrote, as it came back -----------------------------------------------------
def ref(row: Row) -> books.RemoteRef:
    """NetSuite's handle on what we wrote; the number of a customer is its name."""
    number = str(row.get("tranid") or row.get("name") or "")
    return books.RemoteRef(remote_id=str(row["id"]), number=number, revision=queries.revision(row))


def invoice_digest(row: Row) -> books.Digest:
    """What an invoice says; its number only where we gave it."""
    record = Transaction.model_validate(row)
    tax = _tax(record)
    return books.Digest(
        number=str(row.get("ournumber") or ""),
        currency=record.currency,
        net=(record.total or _ZERO) - tax,
        tax=tax,
        lines=len(_sold(record)),
        customer_id=record.entity,
        issue_date=record.trandate,
        key=key_of(record.externalid),
    )


def name_digest(row: Row) -> books.Digest:
    """A customer or project: its name as the number, its parent as the customer, no money."""
    return books.Digest(
        number=str(row.get("name") or ""),
        currency="",
        net=_ZERO,
        tax=_ZERO,
        lines=0,
        customer_id=str(row.get("parent") or ""),
        key=key_of(str(row.get("externalid") or "")),
    )
