"""QuickBooks' records as canonical facts. Pure: nothing is worked out that it says itself."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from decimal import Decimal
from typing import Any

from tieout.connectors import ledger
from tieout.connectors.base import Held, Row
from tieout.connectors.quickbooks import wire
from tieout.model import settlement as books
from tieout.model.document import DocumentKind
from tieout.model.ids import SourceRef
from tieout.model.money import Money, is_currency

Detail = str | int | bool | Decimal | None

#: What to do about a record that does not say whose money it is.
_LOOK = "set the firm's currency in the workspace, then pull again"


def entry(
    kind: books.ListKind, paths: dict[str, str]
) -> Callable[[wire.ListRow, SourceRef, Any], books.ListEntry]:
    """How a list's rows are read: `paths` are its details, by the fields they stand in.

    A detail the row does not tell is None, which for the company's settings is not `no`.
    """

    def read(row: wire.ListRow, source: SourceRef, settings: Any) -> books.ListEntry:
        details = {name: _at(row.model_extra, path) for name, path in paths.items()}
        if kind is books.ListKind.CUSTOMER:
            details["key"] = ledger.key_in(row.Notes)
        name = row.DisplayName or row.Name or row.CompanyName or kind.value
        # Books in one currency may not name it: then it is the firm's.
        home = str(details.get("home_currency") or settings.firm_currency)
        return books.ListEntry(
            source=source,
            kind=kind,
            remote_id=row.Id,
            name=name,
            full_name=row.FullyQualifiedName or name,
            parent_id=row.ParentRef.value,
            active=row.Active,
            currency=home if kind is books.ListKind.PREFERENCES else row.CurrencyRef.value,
            details=details,
        )

    return read


def _at(value: Any, path: str) -> Detail:
    """What stands at a path; of each record of a list (`Rates[].Id`), with blanks between."""
    above, several, below = path.partition("[].")
    if several:
        *way, last = above.split(".")
        for part in way:
            value = value.get(part) or {}
        return " ".join(str(_at(each, below)) for each in value.get(last) or ())
    for part in path.split("."):
        if isinstance(value, list):  # pairs of a name and a value
            value = {pair.get("Name"): pair.get("Value") for pair in value}
        value = value.get(part) if isinstance(value, dict) else None
    return value if isinstance(value, str | int | Decimal) else None


def invoice(row: wire.Invoice, source: SourceRef, settings: Any) -> books.RemoteInvoice | Held:
    """An invoice as it stands now, with QuickBooks' own tax."""
    return _document(row, source, settings, DocumentKind.INVOICE, row.Balance)


def credit_memo(
    row: wire.CreditMemo, source: SourceRef, settings: Any
) -> books.RemoteInvoice | Held:
    """A credit memo as it stands now; its balance is what no invoice has used yet."""
    return _document(row, source, settings, DocumentKind.CREDIT_NOTE, row.RemainingCredit)


def _document(
    row: wire.Document, source: SourceRef, settings: Any, kind: DocumentKind, balance: Decimal
) -> books.RemoteInvoice | Held:
    currency = row.CurrencyRef.value or settings.firm_currency
    if not is_currency(currency):
        name = kind.value.replace("_", " ")
        return ledger.no_currency(f"{name} {row.DocNumber or row.Id}", currency, _LOOK)
    return books.RemoteInvoice(
        kind=kind,
        source=source,
        remote_id=row.Id,
        revision=row.SyncToken,
        number=row.DocNumber,
        customer_id=row.CustomerRef.value,
        issue_date=row.TxnDate,
        due_date=row.DueDate,
        total=Money(row.TotalAmt, currency),
        tax=Money(row.TxnTaxDetail.TotalTax, currency),
        balance=Money(balance, currency),
        lines=tuple(_money_lines(row.Line)),
        key=ledger.key_in(row.PrivateNote),
        voided=_voided(row),
        linked_payments=tuple(
            link.TxnId for link in row.LinkedTxn if link.TxnType in ("Payment", "ReceivePayment")
        ),
    )


def payment(row: wire.Payment, source: SourceRef, settings: Any) -> books.Payment | Held:
    """Money received. A payment of 0 sets a credit memo against an invoice."""
    currency = row.CurrencyRef.value or settings.firm_currency
    if not is_currency(currency):
        return ledger.no_currency(f"payment {row.PaymentRefNum or row.Id}", currency, _LOOK)
    return books.Payment(
        source=source,
        remote_id=row.Id,
        revision=row.SyncToken,
        customer_id=row.CustomerRef.value,
        paid_on=row.TxnDate,
        total=Money(row.TotalAmt, currency),
        unapplied=Money(row.UnappliedAmt, currency),
        allocations=tuple(
            books.Allocation(
                remote_document_id=link.TxnId, document_type=link.TxnType, amount=line.Amount
            )
            for line in row.Line
            for link in line.LinkedTxn
        ),
        reference=row.PaymentRefNum,
        voided=_voided(row),
    )


def _money_lines(lines: tuple[wire.TxnLine, ...]) -> Iterator[books.RemoteLine]:
    """Lines that carry money: subtotals and texts do not, a bundle's inner lines do."""
    for line in lines:
        if line.GroupLineDetail:
            yield from _money_lines(line.GroupLineDetail.Line)
        elif line.DetailType in ("SalesItemLineDetail", "DiscountLineDetail"):
            sold, less = line.SalesItemLineDetail, line.DetailType == "DiscountLineDetail"
            yield books.RemoteLine(
                description=line.Description,
                quantity=sold.Qty,
                rate=sold.UnitPrice,
                amount=-line.Amount if less else line.Amount,
                item_id=sold.ItemRef.value,
            )


def _voided(row: wire.Transaction) -> bool:
    """There is no status: a void sets every amount to 0 and puts a word before the note."""
    return row.TotalAmt == 0 and row.PrivateNote.startswith("Voided")


# -- what we wrote, as it came back -----------------------------------------------------
def ref(row: Row) -> books.RemoteRef:
    """QuickBooks' handle on what we wrote; the number of a customer is its name."""
    number = str(row.get("DocNumber") or row.get("DisplayName") or "")
    return books.RemoteRef(
        remote_id=str(row["Id"]), number=number, revision=str(row.get("SyncToken", ""))
    )


def document_digest(row: Row) -> books.Digest:
    """What an invoice or a credit memo says. Its currency is "" where the company keeps one
    and names none."""
    record = wire.Document.model_validate(row)
    tax = record.TxnTaxDetail.TotalTax
    return books.Digest(
        number=record.DocNumber,
        currency=record.CurrencyRef.value,
        net=record.TotalAmt - tax,
        tax=tax,
        lines=len(list(_money_lines(record.Line))),
        customer_id=record.CustomerRef.value,
        issue_date=record.TxnDate,
        key=ledger.key_in(record.PrivateNote),
    )


def worded(row: Row) -> books.Digest:
    """What an invoice says, with the words and the due date that may be corrected."""
    record = wire.Document.model_validate(row)
    due, memo = record.DueDate, record.CustomerMemo.value
    return replace(document_digest(row), key="", due_date=due, memo=memo)


def allocation_digest(row: Row) -> books.Digest:
    """What a payment sets against invoices: its amount there, and how many lines it has."""
    record = wire.Payment.model_validate(row)
    against = [
        line.Amount
        for line in record.Line
        if any(link.TxnType == "Invoice" for link in line.LinkedTxn)
    ]
    return books.Digest(
        number="",
        currency=record.CurrencyRef.value,
        net=sum(against, Decimal(0)),
        tax=record.TotalAmt,  # money, of which there must be none
        lines=len(record.Line),
        customer_id=record.CustomerRef.value,
        issue_date=record.TxnDate,
        key=ledger.key_in(record.PrivateNote),
    )


def void_digest(row: Row) -> books.Digest:
    """What a void invoice says: it comes to nothing, its lines to no amount."""
    return replace(document_digest(row), lines=0, key="")


def customer_digest(row: Row) -> books.Digest:
    """What a customer or sub-customer says."""
    record = wire.ListRow.model_validate(row)
    key = ledger.key_in(record.Notes)
    return ledger.name_digest(record.DisplayName, key, record.ParentRef.value)
