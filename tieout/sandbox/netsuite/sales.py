"""Invoices and credit memos: header, lines, tax and totals (Oracle: invoice, credit memo)."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tieout.sandbox.netsuite import checks, errors, settling, taxes, timework
from tieout.sandbox.netsuite.wire import ZERO, Row, rounded

if TYPE_CHECKING:
    from tieout.sandbox.netsuite.books import Books, Draft

_NUMBERS = {
    "invoice": "INV", "creditMemo": "CM", "customerPayment": "PYMT", "customerDeposit": "DEP",
    "depositApplication": "DEPAPPL", "journalEntry": "JE",
}  # fmt: skip
#: Decimals of a rate that is reckoned from an amount.
_RATE_PLACES = 8
NO_LINES = "You must enter at least one line item for this transaction."
NOT_THE_PRODUCT = (
    "The line total amount is not equal to the item price times the quantity. Is this correct?"
)
#: What a transform of an invoice copies.
_COPIED = (
    "subsidiary", "currency", "exchangeRate", "department", "class", "location", "job",
    "otherRefNum", "billAddress", "billingAddress", "taxDetailsOverride", "taxItem",
)  # fmt: skip


def prepare(books: Books, draft: Draft) -> None:
    """Check and complete an invoice or a credit memo."""
    header(books, draft)
    row, old = draft.row, draft.old
    if old is not None and old["status"] == "V":
        raise errors.user_error("This transaction has been voided and cannot be edited.")
    row["item"] = _lines(books, draft)
    row["time"] = timework.lines(books, draft)
    if not row["item"] and not row["time"]:
        raise errors.user_error(NO_LINES)
    row["subtotal"] = sum((line["amount"] for line in (*row["item"], *row["time"])), ZERO)
    taxes.reckon(books, draft)
    row["total"] = row["subtotal"] + row["taxTotal"]
    if row["total"] < 0:
        raise errors.user_error("The total of this transaction may not be negative.")
    if draft.kind == "creditMemo":
        settling.credit_memo(books, draft)
    else:
        _invoice(books, draft)


def header(books: Books, draft: Draft) -> None:
    """Check and complete the fields of the body."""
    row = draft.row
    if not row.get("entity"):
        raise errors.missing("Customer", "entity")
    customer = owner(books, draft, "entity")
    row.setdefault("tranDate", books.today())
    subsidiary(books, draft, customer)
    checks.document_currency(books, draft, customer)
    checks.open_period(books, draft)
    if draft.old is not None and draft.changed("entity") and books.applied_to(row["id"]):
        raise errors.user_error("You cannot change the customer of a transaction with payments.")
    before = draft.old or {}
    row.setdefault("account", account(books, "AcctRec")["id"])
    checks.segments(books, row, row["subsidiary"], before)
    check_job(books, row, customer, "job")
    _due_date(books, draft, customer)
    row.setdefault("customForm", books.settings.default_form)
    row.setdefault("status", "A")
    numbered(books, draft)


def owner(books: Books, draft: Draft, name: str) -> Row:
    """The customer of a transaction; its entity may be one of the customer's projects."""
    entity = draft.row[name]
    if draft.changed(name):
        checks.active(books, "entity", entity, name)
    customer = books.customer_of(entity)
    if customer is None:
        raise errors.not_allowed_value(name, entity)
    if draft.changed(name) and customer.get("isInactive"):
        raise errors.not_allowed_value(name, entity)
    return customer


def subsidiary(books: Books, draft: Draft, customer: Row) -> None:
    """Fill in the subsidiary; one the customer has no part in looks like a bad reference."""
    row = draft.row
    if not books.settings.one_world and draft.names("subsidiary"):
        raise errors.unknown_field("subsidiary", "subsidiary")
    row.setdefault("subsidiary", customer["subsidiary"])
    if not books.settings.one_world:
        return
    checks.active(books, "subsidiary", row["subsidiary"], "subsidiary")
    if row["subsidiary"] not in checks.subsidiaries_of(books, customer):
        raise errors.not_allowed_value("subsidiary", row["subsidiary"])


def check_job(books: Books, row: Row, customer: Row, path: str) -> None:
    """A project must be in use, and the customer's own."""
    if not row.get("job"):
        return
    found = books.find("job", row["job"])
    if found is None or found.get("isInactive"):
        raise errors.not_allowed_value("job", row["job"], path)
    if found.get("parent") and found["parent"] != customer["id"]:
        raise errors.not_allowed_value("job", row["job"], path)


def account(books: Books, kind: str) -> Row:
    """The first account of a type, such as AcctRec."""
    return next(each for each in books.rows("account") if each["acctType"] == kind)


def numbered(books: Books, draft: Draft) -> None:
    """Give a new transaction its numbers; a number that was sent may be overruled."""
    row, kind = draft.row, draft.kind
    if draft.old is not None:
        if not books.settings.override_numbers:
            row["tranId"] = draft.old["tranId"]
        return
    if draft.names("tranId") and not books.settings.override_numbers:
        if books.settings.refuse_numbers:
            raise errors.not_allowed_value("tranId", row["tranId"])
        row.pop("tranId")
    count = books.numbers.get(kind, 0) + 1
    # The number is taken when the record is stored: a refused one leaves no gap.
    draft.later.append(lambda: books.numbers.__setitem__(kind, count))
    row.setdefault("tranId", f"{_NUMBERS[kind]}{count:04d}")
    row["transactionNumber"] = f"{_NUMBERS[kind]}-{count}"
    row["originator"] = "restWebServices"


def check_open(books: Books, row: Row) -> None:
    """Raises when a transaction lies in a period that may not be changed."""
    checks.check_period(books.get("accountingPeriod", row["postingPeriod"]))


def copied(books: Books, invoice: Row, target: str) -> Row:
    """What a transform of an invoice begins with. Raises for a target that is not kept here."""
    if invoice["status"] != "A":
        raise errors.user_error("This record cannot be transformed.")
    row = {name: invoice[name] for name in _COPIED if name in invoice}
    if target == "customerPayment":
        due = {"doc": invoice["id"], "apply": True, "amount": books.due(invoice), "line": 0}
        for name in ("otherRefNum", "billAddress", "billingAddress", "job", "taxItem",
                     "taxDetailsOverride"):  # fmt: skip
            row.pop(name, None)
        return {**row, "customer": invoice["entity"], "apply": [due]}
    if target != "creditMemo":
        raise errors.bad_request(f"The transformation of invoice to {target} is not supported.")
    lines = [
        {name: value for name, value in line.items() if name != "lineUniqueKey"}
        for line in invoice["item"]
    ]
    row |= {"entity": invoice["entity"], "createdFrom": invoice["id"], "item": lines}
    if invoice.get("taxDetailsOverride"):
        row["taxDetails"] = [dict(line) for line in invoice["taxDetails"]]
    return row


# -- inside --------------------------------------------------------------------------
def _invoice(books: Books, draft: Draft) -> None:
    row, old = draft.row, draft.old
    if old is None and books.settings.approval_routing:
        row["status"], row["approvalStatus"] = "D", "1"
    if old is not None and row["status"] == "D" and row.get("approvalStatus") in ("2", "3"):
        row["status"] = {"2": "A", "3": "E"}[row["approvalStatus"]]
    row.setdefault("approvalStatus", "2")
    settled = books.applied_to(row.get("id", ""))
    if row["total"] < settled:
        raise errors.user_error("The total may not be less than the amount already applied.")
    for name in ("currency", "subsidiary"):
        if old is not None and settled and draft.changed(name):
            raise errors.not_allowed_value(name, row[name])


def _due_date(books: Books, draft: Draft, customer: Row) -> None:
    row, old = draft.row, draft.old
    if draft.kind == "creditMemo":
        return
    if old is None and customer.get("terms"):
        row.setdefault("terms", customer["terms"])
    if draft.names("dueDate"):
        return
    moved = old is None or draft.changed("terms") or draft.changed("tranDate")
    terms = books.find("term", row.get("terms", "")) or {}
    if moved or "dueDate" not in row:
        days = int(terms.get("daysUntilNetDue", 0))
        row["dueDate"] = (date.fromisoformat(row["tranDate"]) + timedelta(days=days)).isoformat()


def _lines(books: Books, draft: Draft) -> list[Row]:
    row, old = draft.row, draft.old
    places = checks.places(books, row["currency"])
    before = {line["line"]: line for line in (old or {}).get("item", ())}
    last = int((old or {}).get("_lastLine", 0))
    customer = books.customer_of(row["entity"])
    assert customer is not None
    done = []
    for index, line in enumerate(row.get("item", ())):
        path = f"item.items[{index}]"
        line = dict(line)
        if line.get("line") is None or (line["line"] not in before and line["line"] <= last):
            line["line"] = last + 1
        last = max(last, line["line"])
        if not line.get("item"):
            raise errors.missing("Items", f"{path}.item")
        checks.segments(books, line, row["subsidiary"], before.get(line["line"], {}), path)
        check_job(books, line, customer, f"{path}.job")
        gross = line.pop("grossAmt", None)
        rate = taxes.rate_of(books, row, line)
        if gross is not None and rate:
            # Since 2026.1 a gross amount on a taxable line decides about its amount.
            line["amount"] = gross / (1 + rate / 100)
        _amount(draft, line, places, path)
        item = books.get("item", line["item"])
        line.setdefault("description", item.get("salesDescription", ""))
        line.setdefault("lineUniqueKey", books.next_line_key())
        line["itemType"] = "Service"
        done.append(line)
    row["_lastLine"] = last
    return done


def _amount(draft: Draft, line: Row, places: int, path: str) -> None:
    """Amount, rate and quantity: what was sent wins, what is missing is reckoned."""
    rate, quantity = line.get("rate"), line.get("quantity")
    if line.get("amount") is None:
        if rate is None:
            raise errors.missing("Amount", f"{path}.amount")
        line["amount"] = rounded(rate * (Decimal(1) if quantity is None else quantity), places)
        return
    line["amount"] = rounded(line["amount"], places)
    if rate is None and quantity:
        line["rate"] = rounded(line["amount"] / quantity, _RATE_PLACES)
    elif rate is not None and quantity is not None:
        product = rounded(rate * quantity, places)
        if product != line["amount"]:
            draft.warnings.append(errors.PREFIX + NOT_THE_PRODUCT)


def status(books: Books, row: Row) -> str:
    """The status letter: A becomes B when nothing is left to pay."""
    if row["status"] != "A":
        return str(row["status"])
    return "A" if books.due(row) > 0 else "B"
