"""A small studio that has traded for a year; dates count back from the clock's start.

It has what a reconciliation has to cope with: part payments, a batch payment, a
credit note, an overpayment, a prepayment, a bill, a voided invoice, an archived
and a merged contact, and a foreign currency.
"""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tieout.sandbox.xero import documents, presets
from tieout.sandbox.xero.wire import Row, places

if TYPE_CHECKING:
    from tieout.sandbox.xero.books import Books

HISTORY = timedelta(days=365)

#: (name, contact number, e-mail, payment days)
_CONTACTS = (
    ("Amber Analytics", "crm-001", "ap@amber.example", 30),
    ("Birchwood Schools", "crm-002", "billing@birchwood.example", 60),
    ("Cobalt Robotics", "crm-003", "finance@cobalt.example", 30),
    ("Dover & Sons", "crm-004", "office@dover.example", 7),
    ("Elm Street Clinic", "crm-005", "accounts@elmstreet.example", 14),
    ("Fjord Outfitters", "crm-006", "pay@fjord.example", 30),
    ("Granite Tools", "", "ap@granite.example", 30),
    ("Kite Freelance", "", "kim@kite.example", 14),
)
#: (code, name, price, account)
_ITEMS = (
    ("DESIGN", "Design", "150", "210"),
    ("DEV", "Development", "175", "210"),
    ("PM", "Project management", "140", "210"),
    ("CONSULT-SR", "Senior consulting", "180.2550", "210"),
    ("RETAINER", "Retainer", "0", "220"),
    ("EXPENSE", "Reimbursable expense", "0", "260"),
)
#: (days ago, contact, item, quantity, paid share in percent)
_INVOICES = (
    (340, "Amber Analytics", "DESIGN", "32.5", 100),
    (330, "Cobalt Robotics", "DEV", "60", 100),
    (300, "Dover & Sons", "PM", "12.25", 100),
    (275, "Amber Analytics", "DEV", "48.75", 100),
    (250, "Elm Street Clinic", "DESIGN", "20", 100),
    (220, "Cobalt Robotics", "DEV", "75.5", 100),
    (190, "Birchwood Schools", "PM", "16", 100),
    (160, "Amber Analytics", "CONSULT-SR", "10.33", 100),
    (100, "Cobalt Robotics", "DEV", "41.5", 50),
    (75, "Birchwood Schools", "DESIGN", "28", 0),
    (45, "Amber Analytics", "DEV", "12", 100),
    (40, "Elm Street Clinic", "PM", "9.5", 50),
    (20, "Amber Analytics", "DESIGN", "18", 0),
    (10, "Cobalt Robotics", "DEV", "36.75", 0),
)
#: What one unit of a currency costs in New Zealand dollars, for the rates of the sample.
_WORTH = {"NZD": "1", "USD": "1.68", "EUR": "1.82", "GBP": "2.14", "AUD": "1.09", "CAD": "1.23"}


def trade(books: Books) -> None:
    """Enter the lists, then the year, oldest first."""
    contacts = _lists(books)
    due: list[tuple[int, str, Decimal]] = []
    for ago, contact, item, quantity, percent in _INVOICES:
        _pay_due(books, due, ago)
        row = _invoice(books, ago, contacts[contact], item, quantity)
        paid = places(row["Total"] * percent / 100, 2)
        if paid:
            due.append((max(ago - 28, 0), row["InvoiceID"], paid))
    _pay_due(books, due, -1)
    _oddities(books, contacts)


def _lists(books: Books) -> dict[str, str]:
    base = books.settings.base_currency
    others = [code for code in ("EUR", "USD", "GBP") if code != base][:2]
    for code in others if books.settings.multicurrency else ():
        rate = Decimal(_WORTH.get(base, "1")) / Decimal(_WORTH[code])
        books.add_currency(code, places(rate, 6))
    tax = presets.sales_tax(books.settings.country)
    for code, name, price, account in _ITEMS:
        details = {"UnitPrice": Decimal(price), "AccountCode": account, "TaxType": tax}
        books.add_item(code, Name=name, Description=name, SalesDetails=details)
    books.add_tracking("Region", "North", "South")
    books.add_tracking("Project", "Amber Rollout", "Cobalt Website")
    ids = {}
    for name, number, email, days in _CONTACTS:
        term = {"Sales": {"Day": days, "Type": "DAYSAFTERBILLDATE"}}
        values: Row = {"EmailAddress": email, "PaymentTerms": term}
        if number:
            values["ContactNumber"] = number
        ids[name] = books.add_contact(name, **values)["ContactID"]
    return ids


def _at(books: Books, ago: int) -> None:
    books.backdated = books.started - timedelta(days=ago)


def _invoice(books: Books, ago: int, contact_id: str, item: str, quantity: str) -> Row:
    _at(books, ago)
    day = books.today()
    body: Row = {
        "Type": "ACCREC",
        "Contact": {"ContactID": contact_id},
        "Date": day.isoformat(),
        "DueDate": (day + timedelta(days=30)).isoformat(),
        "Status": "AUTHORISED",
        "LineItems": [{"ItemCode": item, "Quantity": quantity}],
    }
    return documents.create(books, documents.INVOICE, body, 4, by_app=False)


def _pay_due(books: Books, waiting: list[tuple[int, str, Decimal]], ago: int) -> None:
    """Receive the payments that fell due before a day, oldest first."""
    waiting.sort(key=lambda each: -each[0])
    while waiting and waiting[0][0] > ago:
        due, invoice_id, amount = waiting.pop(0)
        _at(books, due)
        books.pay(invoice_id, amount, Reference="Wire transfer")


def _oddities(books: Books, contacts: dict[str, str]) -> None:
    _at(books, 15)
    fjord, dover = contacts["Fjord Outfitters"], contacts["Dover & Sons"]
    books.prepay(fjord, "500.00", Reference="ADVANCE-1")
    first, second = (books.add_invoice(dover, amount) for amount in ("120.00", "80.00"))
    amounts = {first["InvoiceID"]: "120.00", second["InvoiceID"]: "80.00"}
    books.pay_several(amounts, Reference="Two invoices")
    third = books.add_invoice(dover, "60.00")
    books.overpay(third["InvoiceID"], "75.00")
    note = books.add_credit_note(contacts["Cobalt Robotics"], "250.00", Reference="Goodwill")
    books.record(note["CreditNoteID"], "Goodwill agreed by phone")
    voided = books.add_invoice(fjord, "99.00")
    books.void_invoice(voided["InvoiceID"])
    books.add_bill(contacts["Kite Freelance"], "640.00", InvoiceNumber="KITE-7")
    twin = books.add_contact("Birchwood School")
    books.merge_contacts(twin["ContactID"], contacts["Birchwood Schools"])
    books.archive_contact(contacts["Granite Tools"])
