"""Payments: money applied to invoices, credits used up (Intuit: Payment reference)."""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import dataclass, field
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from tieout.sandbox.quickbooks import faults
from tieout.sandbox.quickbooks.documents import set_balance, set_currency
from tieout.sandbox.quickbooks.indexes import journal_owed
from tieout.sandbox.quickbooks.shapes import number
from tieout.sandbox.quickbooks.store import Document
from tieout.sandbox.quickbooks.wire import ZERO, Row, cents

if TYPE_CHECKING:
    from tieout.sandbox.quickbooks.books import Books, Draft

_DEPOSIT_TYPES = ("Bank", "Other Current Asset")
#: What locks a payment: the private mark, the code of the refusal, the word for it.
_LOCKS = {
    "_deposited": (6540, "deposited"),
    "_settled": (6450, "settled"),
    "_matched": (6480, "matched"),
}
_LINKABLE = ("Invoice", "CreditMemo", "JournalEntry", "Expense", "Check", "CreditCardCredit")


@dataclass
class _Uses:
    """What the lines of a payment do: money to invoices, money from credits."""

    lines: list[Row] = field(default_factory=list)
    documents: dict[Document, Decimal] = field(default_factory=dict)


def prepare(books: Books, draft: Draft) -> None:
    row, old = draft.row, draft.old
    if not row.get("CustomerRef"):
        raise faults.required("CustomerRef")
    if row.get("TotalAmt") is None:
        raise faults.rule("You must set a transaction amount.")
    if row["TotalAmt"] < 0:
        raise faults.out_of_range("TotalAmt", row["TotalAmt"])
    _check_unlocked(old)
    customer = books.get("Customer", row["CustomerRef"]["value"])
    set_currency(books, draft, customer)
    _check_deposit_account(books, row)
    uses = _read_lines(row.get("Line") or [])
    before = links_of(old)
    for document, amount in uses.documents.items():
        _check_use(books, row, document, amount, before.get(document, ZERO))
    unapplied = left_of(books, row, uses.documents)
    if unapplied < 0:
        raise faults.rule("The amounts applied are more than the amount of the payment")
    row["Line"] = [_shown(books, line, before) for line in uses.lines]
    row["UnappliedAmt"] = unapplied
    row.setdefault("ProcessPayment", False)
    if "ExchangeRate" in row:
        row["HomeTotalAmt"] = cents(row["TotalAmt"] * row["ExchangeRate"])


def _check_unlocked(old: Row | None) -> None:
    if old is None:
        return
    for mark, (code, how) in _LOCKS.items():
        if old.get(mark):
            text = f"A payment that was {how} cannot be changed."
            raise faults.ApiFault(code, f"{how.capitalize()} transaction", text)


def _check_deposit_account(books: Books, row: Row) -> None:
    if "DepositToAccountRef" not in row:
        account = books.undeposited_funds()
        row["DepositToAccountRef"] = {"value": account["Id"], "name": account["Name"]}
        return
    account = books.get("Account", row["DepositToAccountRef"]["value"])
    if account["AccountType"] not in _DEPOSIT_TYPES:
        raise faults.rule("The deposit account must be a bank or other current asset account")


def _read_lines(sent: Any) -> _Uses:
    if not isinstance(sent, list):
        raise faults.bad_value("Line", sent)
    uses = _Uses()
    for raw in sent:
        if not isinstance(raw, dict):
            raise faults.bad_value("Line", raw)
        known = ["Amount", "Description", "DetailType", "Id", "LineEx", "LineNum", "LinkedTxn"]
        for name in raw:
            if name not in known:
                raise faults.unknown_property("Line", name, known)
        amount = cents(number("Line.Amount", raw.get("Amount", 0)))
        if amount < 0:
            raise faults.out_of_range("Line.Amount", amount)
        documents = [_document(link) for link in raw.get("LinkedTxn") or []]
        if not documents or not amount:
            continue
        for document in documents:
            uses.documents[document] = uses.documents.get(document, ZERO) + amount
        links = [{"TxnId": key, "TxnType": entity} for entity, key in documents]
        uses.lines.append({"Amount": amount, "LinkedTxn": links})
    return uses


def _document(link: Any) -> Document:
    kind = link.get("TxnType") if isinstance(link, dict) else None
    if kind not in _LINKABLE:
        raise faults.bad_enum("TxnType", kind)
    row_id = str(link.get("TxnId", ""))
    if not row_id.isdigit():
        raise faults.bad_id(row_id)
    return str(kind), row_id


def _check_use(
    books: Books, row: Row, document: Document, amount: Decimal, before: Decimal
) -> None:
    entity, row_id = document
    if entity not in ("Invoice", "CreditMemo", "JournalEntry"):
        raise faults.not_found()
    target = books.get(entity, row_id)
    theirs, balance = _owner_of(entity, target)
    customer = row["CustomerRef"]["value"]
    if not theirs or top_of(books, customer) != top_of(books, theirs):
        raise faults.ApiFault(
            620,
            "Transaction can not be linked",
            "Transaction can not be linked : it belongs to another customer.",
        )
    if target["CurrencyRef"]["value"] != row["CurrencyRef"]["value"]:
        raise faults.rule("The currency of the payment is not the currency of the transaction")
    if amount > balance + before:
        raise faults.rule("The amount applied is more than the open balance of the transaction")


def _owner_of(entity: str, target: Row) -> tuple[str, Decimal]:
    """Whose a document is, and what is open of it; "" for an entry that is nobody's."""
    if entity != "JournalEntry":
        return str(target["CustomerRef"]["value"]), Decimal(target["Balance"])
    owed = journal_owed(target)
    if len(owed) != 1:
        return "", ZERO
    customer, amount = next(iter(owed.items()))
    return customer, abs(amount)


def top_of(books: Books, customer_id: str) -> str:
    """The top customer above a sub-customer: a payment may span one such family."""
    row = books.get("Customer", customer_id)
    while row.get("ParentRef"):
        row = books.get("Customer", row["ParentRef"]["value"])
    return str(row["Id"])


def _shown(books: Books, line: Row, before: dict[Document, Decimal]) -> Row:
    link = line["LinkedTxn"][0]
    target = books.find(link["TxnType"], link["TxnId"]) or {}
    document = (link["TxnType"], link["TxnId"])
    owed = target.get("Balance", ZERO) + before.get(document, ZERO)
    pairs = (
        ("txnId", link["TxnId"]),
        ("txnOpenBalance", format(cents(owed), "f")),
        ("txnReferenceNumber", target.get("DocNumber") or ""),
    )
    return {**line, "LineEx": {"any": [_name_value(name, value) for name, value in pairs]}}


def _name_value(name: str, value: str) -> Row:
    return {
        "name": "{http://schema.intuit.com/finance/v3}NameValue",
        "declaredType": "com.intuit.schema.finance.v3.NameValue",
        "scope": "javax.xml.bind.JAXBElement$GlobalScope",
        "value": {"Name": name, "Value": value},
        "nil": False,
        "globalScope": True,
        "typeSubstituted": False,
    }


def links_of(row: Row | None) -> dict[Document, Decimal]:
    """What a stored payment applies to each document."""
    return _read_lines(row["Line"]).documents if row else {}


# -- after the commit -------------------------------------------------------------
def settle(books: Books, draft: Draft, row: Row) -> None:
    _relink(books, row["Id"], links_of(draft.old), links_of(row))


def release(books: Books, row: Row) -> None:
    """Before a void or delete: reopen what the payment settled."""
    _check_unlocked(row)
    _relink(books, row["Id"], links_of(row), {})


def voided(row: Row) -> Row:
    """The next revision of a payment when it is voided."""
    note = ("Voided " + row.get("PrivateNote", "")).strip()
    void = {**row, "TotalAmt": ZERO, "UnappliedAmt": ZERO, "Line": [], "PrivateNote": note}
    if "HomeTotalAmt" in row:
        void["HomeTotalAmt"] = ZERO
    return void


def unlink(books: Books, document: Document) -> None:
    """Take a document off every payment; the money stays, unapplied."""
    found = [books.get("Payment", each) for each in books.applied.get(document, {})]
    for old in found:
        _check_unlocked(old)
    for old in found:
        kept = [line for line in old["Line"] if not _names(line, document)]
        _rewrite(books, old, kept)


def _names(line: Row, document: Document) -> bool:
    return any((link["TxnType"], link["TxnId"]) == document for link in line["LinkedTxn"])


def _rewrite(books: Books, old: Row, kept: list[Row]) -> None:
    row = dict(old)
    uses = _read_lines(kept)
    # Without its credit a payment may settle more than it has: its last invoices reopen.
    while (unapplied := left_of(books, row, uses.documents)) < 0:
        kept = _without_last_settled(books, kept)
        uses = _read_lines(kept)
    row["Line"] = kept
    row["UnappliedAmt"] = unapplied
    books.put("Payment", row)
    _relink(books, row["Id"], links_of(old), uses.documents)


def left_of(books: Books, payment: Row, documents: dict[Document, Decimal]) -> Decimal:
    """What is left of a payment: its money and its credits less what it settles.

    A journal entry is a credit when it lowers what the customer owes.
    """
    left = Decimal(payment["TotalAmt"])
    for (entity, row_id), amount in documents.items():
        credit = entity == "CreditMemo"
        if entity == "JournalEntry":
            credit = any(owed < 0 for owed in books.get(entity, row_id)["_owed"].values())
        left += amount if credit else -amount
    return left


def _without_last_settled(books: Books, lines: list[Row]) -> list[Row]:
    settling = [
        index
        for index, line in enumerate(lines)
        if left_of(books, {"TotalAmt": ZERO}, _read_lines([line]).documents) < 0
    ]
    return [line for index, line in enumerate(lines) if index != settling[-1]]


def _relink(
    books: Books,
    payment_id: str,
    before: dict[Document, Decimal],
    after: dict[Document, Decimal],
) -> None:
    """Change what a payment settles; every document touched gets its next revision."""
    for document in {**before, **after}:
        if before.get(document) == after.get(document):
            continue
        by_payment = books.applied.setdefault(document, {})
        by_payment.pop(payment_id, None)
        if document in after:
            by_payment[payment_id] = after[document]
        entity, row_id = document
        stored = books.find(entity, row_id)
        if stored is None:
            continue
        row = dict(stored)
        if entity == "JournalEntry":
            row["_settled_amount"] = books.applied_to(document)
        else:
            set_balance(books, entity, row)
        books.put(entity, row)


def auto_apply(books: Books, row: Row) -> None:
    """Use a customer's old money and credits on a new invoice, when preferences say so."""
    customer = row["CustomerRef"]["value"]
    if books.settings.auto_apply_payments:
        for payment in books.of_customer("Payment", customer):
            left = books.get("Invoice", row["Id"])["Balance"]
            usable = min(left, payment["UnappliedAmt"])
            if usable > 0:
                line = _line(usable, "Invoice", row["Id"])
                sent = _echo(payment) | {"Line": [*payment["Line"], line]}
                _try_to(books.update, sent | {"sparse": True})
    if not books.settings.auto_apply_credit:
        return
    for memo in books.of_customer("CreditMemo", customer):
        left = books.get("Invoice", row["Id"])["Balance"]
        usable = min(left, memo["RemainingCredit"])
        if usable > 0:
            used = [_line(usable, "Invoice", row["Id"]), _line(usable, "CreditMemo", memo["Id"])]
            header = {"CustomerRef": row["CustomerRef"], "CurrencyRef": row["CurrencyRef"]}
            sent = {**header, "TotalAmt": ZERO, "Line": used}
            _try_to(books.create, sent)


def _try_to(work: Callable[[str, Row], Row], sent: Row) -> None:
    """Money that cannot be moved (a closed period, a deposit) stays where it is."""
    with contextlib.suppress(faults.ApiFault):
        work("Payment", sent)


def _echo(row: Row) -> Row:
    return {"Id": row["Id"], "SyncToken": row["SyncToken"], "CurrencyRef": row["CurrencyRef"]}


def _line(amount: Decimal, entity: str, row_id: str) -> Row:
    return {"Amount": amount, "LinkedTxn": [{"TxnId": row_id, "TxnType": entity}]}
