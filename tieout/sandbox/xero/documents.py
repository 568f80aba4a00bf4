"""Invoices and credit notes: creating, changing, approving, voiding.

`create` and `update` raise `Invalid` with everything that is wrong, and change
nothing then.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TYPE_CHECKING

from tieout.sandbox.xero import errors, fields, lines, parties
from tieout.sandbox.xero.errors import Invalid, Problems
from tieout.sandbox.xero.wire import CENT, ZERO, Row, lock_day, places

if TYPE_CHECKING:
    from tieout.sandbox.xero.books import Books

TYPES = ("Exclusive", "Inclusive", "NoTax")
LIVE = ("DRAFT", "SUBMITTED", "AUTHORISED", "PAID")
_LONGEST = {"Reference": 255, "InvoiceNumber": 255, "CreditNoteNumber": 255}
#: Which status may follow which, besides itself.
_NEXT = {
    "DRAFT": ("SUBMITTED", "AUTHORISED", "DELETED"),
    "SUBMITTED": ("DRAFT", "AUTHORISED", "DELETED"),
    "AUTHORISED": ("VOIDED",),
}
#: Fields that stay as they are once a document is partly settled, besides lines and dates.
_FIXED = ("CurrencyCode", "Reference", "BrandingThemeID", "LineAmountTypes")
#: Changes on a part-paid document that leave UpdatedDateUTC alone (Xero: invoices).
_SILENT = ("DueDate", "SentToContact")


@dataclass(frozen=True)
class Kind:
    """How invoices differ from credit notes."""

    resource: str
    id_field: str
    number_field: str
    types: tuple[str, str]  # to clients, from suppliers
    prefix: str
    noun: str
    taken: str  # what is said of a number that exists


INVOICE = Kind(
    "Invoices", "InvoiceID", "InvoiceNumber", ("ACCREC", "ACCPAY"), "INV-", "Invoice",
    "Invoice # must be unique.",
)  # fmt: skip
CREDIT_NOTE = Kind(
    "CreditNotes", "CreditNoteID", "CreditNoteNumber", ("ACCRECCREDIT", "ACCPAYCREDIT"), "CN-",
    "Credit Note", "Credit Note # must be unique.",
)  # fmt: skip
KINDS = {"Invoices": INVOICE, "CreditNotes": CREDIT_NOTE}


def create(books: Books, kind: Kind, sent: Row, unitdp: int, *, by_app: bool = True) -> Row:
    """A new document from the fields that were sent. Raises `Invalid`."""
    problems = Problems()
    status = fields.text(sent, "Status") or "DRAFT"
    if status not in ("DRAFT", "SUBMITTED", "AUTHORISED"):
        raise Invalid(f"{kind.noun} {errors.NOT_CREATABLE}")
    type_ = fields.text(sent, "Type")
    if type_ not in kind.types:
        raise Invalid(f"The document type '{type_ or ''}' is not valid")
    row: Row = {
        "Type": type_,
        "Status": status,
        "LineAmountTypes": "Exclusive",
        "SentToContact": False,
        "HasAttachments": False,
        "_by_app": by_app,
        "_uses": (),
    }
    if fields.parts(sent, "LineItems") in (None, []):
        problems.add(errors.NO_LINES)
    contact_id, newcomer = parties.for_document(books, sent, problems)
    row["_contact"] = contact_id
    _compose(books, kind, row, {}, sent, unitdp, problems)
    _number(books, kind, row, sent, problems)
    check_lock(books, problems, row["Date"], draft=status in ("DRAFT", "SUBMITTED"))
    problems.stop()
    return _store(books, kind, row, newcomer)


def update(books: Books, kind: Kind, row_id: str, sent: Row, unitdp: int) -> Row:
    """Change a document; lines that were sent replace the lines there are. Raises `Invalid`."""
    old = books.get(kind.resource, row_id)
    status = fields.text(sent, "Status") or old["Status"]
    settled = bool(books.paid_on((kind.resource, row_id)) or _used(books, kind, row_id, old))
    _check_status(kind, old, status, sent, settled)
    problems = Problems()
    check_lock(books, problems, old["Date"], draft=old["Status"] in ("DRAFT", "SUBMITTED"))
    if status in ("DELETED", "VOIDED"):
        problems.stop()
        return _closed(books, kind, old, status)
    row = {**old, "Status": status}
    newcomer = None
    if fields.part(sent, "Contact") is not None:
        row["_contact"], newcomer = parties.for_document(books, sent, problems)
    if settled:
        _check_settled(row, old, sent)
    _compose(books, kind, row, old, sent, unitdp, problems)
    _number(books, kind, row, sent, problems, old)
    check_lock(books, problems, row["Date"], draft=status in ("DRAFT", "SUBMITTED"))
    problems.stop()
    changed = {name for name in row if row.get(name) != old.get(name)}
    quiet = settled and bool(changed) and changed <= set(_SILENT)
    return _store(books, kind, row, newcomer, bump=not quiet)


# -- status ------------------------------------------------------------------------------
def _used(books: Books, kind: Kind, row_id: str, old: Row) -> bool:
    return bool(books.used_on(row_id)) if kind is INVOICE else bool(old["_uses"])


def _check_status(kind: Kind, old: Row, status: str, sent: Row, settled: bool) -> None:
    """Raises `Invalid` for a step that the status machine does not have."""
    now = old["Status"]
    refused = f"{kind.noun} {errors.NOT_MODIFIABLE}"
    if now in ("DELETED", "VOIDED"):
        raise Invalid(refused, existing=old)
    if now == "PAID":
        extra = (errors.HAS_SETTLEMENTS,) if settled else ()
        raise Invalid(refused, *extra, existing=old)
    if status != now and status not in _NEXT[now]:
        raise Invalid(refused, existing=old)
    if status == "VOIDED" and settled:
        raise Invalid(refused, errors.HAS_SETTLEMENTS, existing=old)


def _check_settled(row: Row, old: Row, sent: Row) -> None:
    """Raises `Invalid` when more than harmless fields of a part-paid document would change."""
    changes = (
        sent.get("LineItems") is not None,
        row["_contact"] != old["_contact"],
        fields.day(sent, "Date") not in (None, old["Date"]),
        fields.number(sent, "CurrencyRate") not in (None, old["CurrencyRate"]),
        *(sent.get(name) not in (None, old.get(name)) for name in _FIXED),
    )
    if any(changes):
        raise Invalid(errors.HAS_SETTLEMENTS, existing=old)


def _closed(books: Books, kind: Kind, old: Row, status: str) -> Row:
    """Delete a draft or void an approved document: nothing is due any more."""
    row = {**old, "Status": status}
    if kind is INVOICE:
        row["AmountDue"] = places(ZERO, 2)
    else:
        row["RemainingCredit"] = places(ZERO, 2)
    return books.put(kind.resource, row)


# -- fields ------------------------------------------------------------------------------
def _compose(
    books: Books, kind: Kind, row: Row, old: Row, sent: Row, unitdp: int, problems: Problems
) -> None:
    """Fill a row in from what was sent; `old` is the document before, {} for a new one."""
    approving = row["Status"] == "AUTHORISED"
    for message in fields.too_long(sent, _LONGEST):
        problems.add(message)
    for name in ("Reference", "Url"):
        value = fields.text(sent, name)
        if value is not None:
            row[name] = value
    if "://" not in row.get("Url", "://"):
        problems.add("Url must be an absolute URL")
    row["Date"] = fields.day(sent, "Date") or row.get("Date") or books.today()
    for name in ("DueDate", "ExpectedPaymentDate", "PlannedPaymentDate"):
        day = fields.day(sent, name)
        if day is not None:
            row[name] = day
    _theme(books, row, sent, problems)
    _currency(books, row, sent, problems)
    types = fields.text(sent, "LineAmountTypes") or row["LineAmountTypes"]
    spelled = {known.lower(): known for known in TYPES}.get(types.lower())
    if spelled is None:
        problems.add(f"LineAmountTypes '{types}' is not valid")
    row["LineAmountTypes"] = spelled or "Exclusive"
    _lines(books, kind, row, old, sent, unitdp, problems)
    sent_flag = fields.flag(sent, "SentToContact")
    if sent_flag is not None and approving:
        row["SentToContact"] = sent_flag
    due_wanted = kind is INVOICE and books.settings.due_date_required
    if approving and due_wanted and row.get("DueDate") is None:
        problems.add("DueDate must be specified")


def _theme(books: Books, row: Row, sent: Row, problems: Problems) -> None:
    theme = fields.guid(sent, "BrandingThemeID")
    if theme is not None and books.find("BrandingThemes", theme) is None:
        problems.add("The branding theme does not exist")
    elif theme is not None:
        row["BrandingThemeID"] = theme
    row.setdefault("BrandingThemeID", next(books.rows("BrandingThemes"))["BrandingThemeID"])


def _currency(books: Books, row: Row, sent: Row, problems: Problems) -> None:
    base = books.settings.base_currency
    code = fields.text(sent, "CurrencyCode") or row.get("CurrencyCode") or base
    if books.find("Currencies", code) is None:
        problems.add(f"Organisation is not subscribed to currency {code}")
    rate = fields.number(sent, "CurrencyRate")
    if rate is not None and rate <= 0:
        problems.add("CurrencyRate must be greater than zero")
    same = code == row.get("CurrencyCode")
    if code == base:
        rate = Decimal(1)
    elif not rate:
        rate = row["CurrencyRate"] if same else books.rate_on(code, row["Date"])
    row["CurrencyCode"], row["CurrencyRate"] = code, places(rate, 6)


def _lines(
    books: Books, kind: Kind, row: Row, old: Row, sent: Row, unitdp: int, problems: Problems
) -> None:
    new = fields.parts(sent, "LineItems")
    same = all(row[name] == old.get(name) for name in ("Status", "LineAmountTypes"))
    if new is None and same:
        return  # lines nobody speaks of are left alone, whatever became of their items
    if new == [] and old:
        problems.add(errors.NO_LINES)
    sale = row["Type"] == kind.types[0]
    reader = lines.Reader(
        books,
        row["LineAmountTypes"],
        unitdp,
        sale,
        discounts=sale and kind is INVOICE,
        approving=row["Status"] == "AUTHORISED",
        problems=problems,
        old={line["LineItemID"]: line for line in row.get("LineItems", ())},
    )
    if new is None:
        # What approving asks for, and what the tax is, depends on more than the lines.
        again = [dict(line) for line in row.get("LineItems", ())]
        reader.unitdp = 4
        new = [_as_sent(line) for line in again]
    row["LineItems"] = _in_place(books, reader.read(new), reader.old)
    if problems.messages:
        return
    row |= {"TotalDiscount": None, **lines.totals(row["LineItems"], row["LineAmountTypes"])}
    if row["Total"] < 0:
        problems.add("The document total cannot be negative")


def _in_place(books: Books, found: list[Row], old: dict[str, Row]) -> list[Row]:
    if books.settings.new_lines == "in_order":
        return found
    return sorted(found, key=lambda line: line["LineItemID"] in old)


def _as_sent(line: Row) -> Row:
    """A stored line as somebody would send it unchanged."""
    derived = ["LineAmount", "AccountID"]
    if not line.get("_tax_given"):
        derived.append("TaxAmount")
    return {key: value for key, value in line.items() if key not in derived}


def _number(
    books: Books, kind: Kind, row: Row, sent: Row, problems: Problems, old: Row | None = None
) -> None:
    number = fields.text(sent, kind.number_field)
    sale = row["Type"] == kind.types[0]
    if number and sale:
        taken = list(books.numbered(kind.resource, number, row["Type"]))
        if books.settings.reuse_numbers:
            taken = [each for each in taken if each["Status"] in LIVE]
        others = [
            each for each in taken if old is None or each[kind.id_field] != old[kind.id_field]
        ]
        if others:
            problems.add(kind.taken)
            problems.existing = others[-1]
    if number:
        row[kind.number_field] = number
    elif old is None and not problems.messages:
        automatic = books.next_number(kind.resource, kind.prefix) if sale else ""
        row[kind.number_field] = automatic


def check_lock(books: Books, problems: Problems, day: date, *, draft: bool = False) -> None:
    """Adds the lock error of a date to `problems`."""
    settings = books.settings
    if draft and not settings.lock_drafts:
        return
    locks = [("end of year lock date", books.year_lock)]
    if not settings.adviser:
        locks.append(("period lock date", books.period_lock))
    for name, lock in locks:
        if lock is None or day > lock or (day == lock and not settings.lock_equality):
            continue
        shown = lock_day(lock)
        problems.add(f"The document date cannot be before the {name}, currently set at {shown}")
        return


def _store(books: Books, kind: Kind, row: Row, newcomer: Row | None, *, bump: bool = True) -> Row:
    if newcomer is not None:
        row["_contact"] = books.add_unknown_contact(newcomer)["ContactID"]
    if row.get("TotalDiscount") is None:
        row.pop("TotalDiscount", None)
    return books.put(kind.resource, books.settled(kind.resource, row), bump=bump)


def override_total(books: Books, invoice_id: str, by: Decimal) -> Row:
    """What the Xero screen lets a user do: change the total by up to 0.10 against the lines.

    Raises `Invalid` for more, and for an invoice that has payments.
    """
    row = books.get("Invoices", invoice_id)
    if abs(by) > 10 * CENT or row["Status"] not in ("DRAFT", "SUBMITTED", "AUTHORISED"):
        raise Invalid(f"Invoice {errors.NOT_MODIFIABLE}")
    if books.paid_on(("Invoices", invoice_id)) or books.used_on(invoice_id):
        raise Invalid(errors.HAS_SETTLEMENTS)
    changed = {**row, "Total": row["Total"] + by, "TotalTax": row["TotalTax"] + by}
    return books.put("Invoices", books.settled("Invoices", changed))
