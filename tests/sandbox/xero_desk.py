"""A signed-in caller of a small Xero organisation, for the tests of the stand-in."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from tests.sandbox.xero_spec import CheckedCaller
from tieout.clock import VirtualClock
from tieout.sandbox.xero import Xero

Row = dict[str, Any]
D = Decimal

NOW = datetime(2026, 3, 31, 9, tzinfo=UTC)


def desk(**settings: Any) -> CheckedCaller:
    """An organisation in New Zealand with one client, Acme Ltd; it is 31 March 2026."""
    options = {"preset": "empty", "limits": False} | settings
    caller = CheckedCaller(Xero(VirtualClock(NOW), **options))
    caller.vendor.books.add_contact(
        "Acme Ltd", ContactNumber="crm-001", EmailAddress="ap@acme.test"
    )
    return caller


def acme(caller: CheckedCaller) -> str:
    """The id of the client."""
    return str(caller.vendor.books.named("Name", "Acme Ltd")[0]["ContactID"])


def line(amount: Any = "100.00", **values: Any) -> Row:
    """A line of consulting at 15 %."""
    return {
        "Description": "Consulting",
        "Quantity": 1,
        "UnitAmount": D(str(amount)),
        "AccountCode": "210",
        **values,
    }


def invoice(caller: CheckedCaller, *lines: Row, **values: Any) -> Row:
    """The body of an approved invoice; a value of None is left out."""
    body = {
        "Type": "ACCREC",
        "Contact": {"ContactID": acme(caller)},
        "Date": "2026-03-31",
        "DueDate": "2026-04-30",
        "Status": "AUTHORISED",
        "LineItems": list(lines) or [line()],
        **values,
    }
    return {name: value for name, value in body.items() if value is not None}


def put(caller: CheckedCaller, *lines: Row, **values: Any) -> Row:
    """Create one invoice; the element that is answered."""
    body = invoice(caller, *lines, **values)
    return caller.write("PUT", "Invoices", body, unitdp="4")[0]


def note(caller: CheckedCaller, amount: Any = "50.00", **values: Any) -> Row:
    """Create one approved credit note without tax."""
    body = invoice(caller, line(amount, TaxType="NONE"), Type="ACCRECCREDIT", **values)
    return caller.write("PUT", "CreditNotes", body)[0]


def pay(caller: CheckedCaller, row: Row, amount: Any, **values: Any) -> Row:
    """Pay an invoice into the bank account; the element that is answered."""
    body = {
        "Invoice": {"InvoiceID": row["InvoiceID"]},
        "Account": {"Code": "090"},
        "Date": "2026-03-31",
        "Amount": D(str(amount)),
        **values,
    }
    return caller.write("PUT", "Payments", body)[0]


def again(caller: CheckedCaller, row: Row) -> Row:
    """An invoice as it is now."""
    return caller.rows(f"Invoices/{row['InvoiceID']}", unitdp="4")[0]


def messages(element: Row) -> list[str]:
    """What is wrong with an element."""
    return [each["Message"] for each in element["ValidationErrors"]]
