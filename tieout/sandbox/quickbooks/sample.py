"""A small studio that has traded for a year; dates count back from the clock's start.

In the United States only goods are taxed, with one code for the transaction. Elsewhere
each line has a code of its own: the country's standard one, as tax on services is usual.
"""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from typing import TYPE_CHECKING

from tieout.sandbox.quickbooks.wire import Row, rounded, to_pacific

if TYPE_CHECKING:
    from tieout.sandbox.quickbooks.books import Books

HISTORY = timedelta(days=365)

#: (display name, parent, e-mail, term)
_CUSTOMERS = (
    ("Amber Analytics", "", "ap@amber.example", "Net 30"),
    ("Birchwood Schools", "", "billing@birchwood.example", "Net 60"),
    ("Cobalt Robotics", "", "finance@cobalt.example", "Net 30"),
    ("Dover & Sons", "", "office@dover.example", "Due on receipt"),
    ("Elm Street Clinic", "", "accounts@elmstreet.example", "Net 15"),
    ("Fjord Outfitters", "", "pay@fjord.example", ""),
    ("Amber Rollout", "Amber Analytics", "", "Net 30"),
    ("Amber Support", "Amber Analytics", "", "Net 30"),
    ("Cobalt Website", "Cobalt Robotics", "", "Net 30"),
)
#: (name, type, price, income account)
_ITEMS = (
    ("Design", "Service", "150", "Services"),
    ("Development", "Service", "175", "Services"),
    ("Project management", "Service", "140", "Services"),
    ("Retainer", "Service", "0", "Client Retainers"),
    ("Reimbursable expense", "NonInventory", "0", "Reimbursed Expenses"),
    ("Style guide (printed)", "NonInventory", "80", "Sales of Product Income"),
)
#: (days ago, customer, item, quantity, paid share in percent)
_INVOICES = (
    (340, "Amber Rollout", "Design", "32.5", 100),
    (330, "Cobalt Website", "Development", "60", 100),
    (300, "Dover & Sons", "Project management", "12.25", 100),
    (275, "Amber Rollout", "Development", "48.75", 100),
    (250, "Elm Street Clinic", "Design", "20", 100),
    (220, "Cobalt Website", "Development", "75.5", 100),
    (190, "Birchwood Schools", "Project management", "16", 100),
    (160, "Amber Support", "Development", "10.33", 100),
    (130, "Dover & Sons", "Design", "8", 100),
    (100, "Cobalt Website", "Development", "41.5", 50),
    (75, "Birchwood Schools", "Design", "28", 0),
    (45, "Amber Support", "Development", "12", 100),
    (40, "Elm Street Clinic", "Project management", "9.5", 50),
    (20, "Amber Rollout", "Design", "18", 0),
    (10, "Cobalt Website", "Development", "36.75", 0),
    (3, "Dover & Sons", "Style guide (printed)", "5", 0),
)
#: By country: the standard tax code, the town of the customers.
_COUNTRIES = {
    "US": ("California", "Reno"),
    "GB": ("20.0% S", "Leeds"),
    "CA": ("HST ON", "Ottawa"),
    "AU": ("GST", "Perth"),
}
_ELSEWHERE = ("20.0%", "Anytown")
#: What one unit of a currency costs in US dollars, for the rates of the sample.
_DOLLARS = {"USD": "1", "EUR": "1.08", "GBP": "1.27", "CAD": "0.73", "AUD": "0.66"}


def trade(books: Books) -> None:
    """Enter the lists, then the year, oldest first."""
    _lists(books)
    names = {row["DisplayName"]: row["Id"] for row in books.rows("Customer")}
    items = {row["Name"]: row for row in books.rows("Item")}
    open_payments: list[tuple[int, str, Decimal]] = []
    for number, (ago, customer, item, quantity, percent) in enumerate(_INVOICES, 1001):
        _pay_due(books, open_payments, ago)
        invoice = _invoice(books, ago, str(number), names[customer], items[item], quantity)
        paid = (invoice["TotalAmt"] * percent / 100).quantize(Decimal("0.01"))
        if paid:
            open_payments.append((max(ago - 28, 0), invoice["Id"], paid))
    _pay_due(books, open_payments, -1)
    _at(books, 15)
    books.add_payment(names["Fjord Outfitters"], "500.00", PaymentRefNum="ADVANCE-1")
    memo = books.add_credit(names["Cobalt Robotics"], "250.00", DocNumber="CM-1001")
    _time(books, names, items)
    owner = {"EntityRef": {"type": "CreditMemo", "value": memo["Id"]}}
    books.create("Attachable", {"Note": "Goodwill agreed by phone", "AttachableRef": [owner]})
    if books.settings.multicurrency:
        _currencies(books)


def _currencies(books: Books) -> None:
    """Two foreign currencies with a rate from the first day on."""
    home = books.settings.home_currency
    worth = Decimal(_DOLLARS.get(home, "1"))
    for code in [code for code in ("EUR", "GBP", "USD") if code != home][:2]:
        books.create("CompanyCurrency", {"Code": code})
        books.set_rate(code, rounded(Decimal(_DOLLARS[code]) / worth, 4), _day(books, 365))


def _lists(books: Books) -> None:
    terms = {row["Name"]: row["Id"] for row in books.rows("Term")}
    accounts = {row["Name"]: row["Id"] for row in books.rows("Account")}
    for name, kind, price, account in _ITEMS:
        values: Row = {"Name": name, "Type": kind, "UnitPrice": Decimal(price)}
        goods = kind == "NonInventory" and price != "0"
        income = {"value": accounts[account]}
        books.create("Item", {**values, "Taxable": goods, "IncomeAccountRef": income})
    for name in ("Studio", "Engineering"):
        books.create("Class", {"Name": name})
    for name in ("Head office", "West coast"):
        books.create("Department", {"Name": name})
    books.create("Vendor", {"DisplayName": "Kite Freelance", "GivenName": "Kim"})
    books.create("Employee", {"GivenName": "Ada", "FamilyName": "Reyes", "BillableTime": True})
    ids: dict[str, str] = {}
    for name, parent, email, term in _CUSTOMERS:
        town = _COUNTRIES.get(books.settings.country, _ELSEWHERE)[1]
        fields: Row = {"CompanyName": name, "BillAddr": {"Line1": "1 Main Street", "City": town}}
        if email:
            fields["PrimaryEmailAddr"] = {"Address": email}
        if term:
            fields["SalesTermRef"] = {"value": terms[term]}
        if parent:
            fields |= {"Job": True, "ParentRef": {"value": ids[parent]}}
        ids[name] = books.add_customer(name, **fields)["Id"]


def _at(books: Books, ago: int) -> None:
    books.backdated = books.started - timedelta(days=ago)


def _day(books: Books, ago: int) -> date:
    return to_pacific(books.started - timedelta(days=ago)).date()


def _invoice(
    books: Books, ago: int, number: str, customer_id: str, item: Row, quantity: str
) -> Row:
    _at(books, ago)
    price = Decimal(item["UnitPrice"])
    goods = item["Taxable"]
    code = _standard_code(books)
    line_code = ("TAX" if goods else "NON") if books.settings.us else code
    detail = {
        "ItemRef": {"value": item["Id"]},
        "Qty": Decimal(quantity),
        "UnitPrice": price,
        "TaxCodeRef": {"value": line_code},
    }
    line = {
        "Description": item["Name"],
        "Amount": (Decimal(quantity) * price).quantize(Decimal("0.01")),
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": detail,
    }
    values: Row = {"DocNumber": number, "CustomerRef": {"value": customer_id}, "Line": [line]}
    if goods and books.settings.us:
        values["TxnTaxDetail"] = {"TxnTaxCodeRef": {"value": code}}
    return books.add("Invoice", **values)


def _standard_code(books: Books) -> str:
    """The id of the country's standard tax code."""
    name = _COUNTRIES.get(books.settings.country, _ELSEWHERE)[0]
    return next(str(row["Id"]) for row in books.rows("TaxCode") if row["Name"] == name)


def _pay_due(books: Books, waiting: list[tuple[int, str, Decimal]], ago: int) -> None:
    """Receive the payments that fell due before a day, oldest first."""
    waiting.sort(key=lambda each: -each[0])
    while waiting and waiting[0][0] > ago:
        due, invoice_id, amount = waiting.pop(0)
        _at(books, due)
        books.pay({invoice_id: amount}, PaymentRefNum=f"WIRE-{invoice_id}")


def _time(books: Books, names: dict[str, str], items: dict[str, Row]) -> None:
    employee = next(books.rows("Employee"))["Id"]
    vendor = next(books.rows("Vendor"))["Id"]
    people = (("Employee", "EmployeeRef", employee), ("Vendor", "VendorRef", vendor))
    for ago in (5, 4, 2):
        _at(books, ago)
        for kind, reference, person in people:
            values: Row = {"NameOf": kind, reference: {"value": person}}
            values |= {
                "CustomerRef": {"value": names["Amber Support"]},
                "BillableStatus": "Billable",
            }
            values |= {"ItemRef": {"value": items["Development"]["Id"]}, "HourlyRate": Decimal(175)}
            books.create("TimeActivity", {**values, "Hours": 6, "Minutes": 15})
