"""Aged receivables of one contact: a cross-check, all values as text."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from tieout.sandbox.xero import errors
from tieout.sandbox.xero.call import Answer, Call
from tieout.sandbox.xero.wire import ZERO, Row, to_day, to_guid

_HEADER = ("Date", "Number", "Due Date", "", "Total", "Paid", "Credited", "Due")


def aged_receivables(call: Call) -> Answer:
    """Open and settled sales invoices of a contact as of a date. Raises `Refusal`, `Missing`."""
    books, args = call.books, call.request.args
    contact_id = args.get("contactId") or args.get("contactID") or ""
    try:
        contact = books.get("Contacts", to_guid(contact_id))
    except ValueError as problem:
        raise errors.bad_query("contactId must be specified") from problem
    as_of = _day(call, "date") or books.today()
    first = _day(call, "fromDate", "FromDate")
    last = _day(call, "toDate", "ToDate") or as_of
    rows = [
        row
        for row in (books.tables[r][i] for r, i in books.of_contact.get(contact["ContactID"], {}))
        if row["Type"] == "ACCREC" and row["Status"] in ("AUTHORISED", "PAID")
    ]
    opening = ZERO
    shown: list[Row] = []
    sums = [ZERO] * 4
    for row in sorted(rows, key=lambda each: (each["Date"], each["_order"])):
        amounts = _amounts(call, row, as_of)
        if first is not None and row["Date"] < first:
            opening += amounts[3]
        elif row["Date"] <= last:
            shown.append(_line(row, amounts, as_of))
            sums = [one + other for one, other in zip(sums, amounts, strict=True)]
    sums[3] += opening
    start = first or (min((row["Date"] for row in rows), default=last))
    return Answer({"Reports": [_report(call, contact, start, last, as_of, opening, shown, sums)]})


def _report(
    call: Call,
    contact: Row,
    start: date,
    last: date,
    as_of: date,
    opening: Decimal,
    shown: list[Row],
    sums: list[Decimal],
) -> Row:
    words = [_words(each) for each in (start, last, as_of)]
    begin = [f"{start} 00:00:00", "Opening Balance", "", "", "", "", "", f"{opening:.2f}"]
    total = ["Total", "", "", "", *(f"{each:.2f}" for each in sums)]
    sections = [[_row(begin)]] + ([[*shown, _row(total, kind="SummaryRow")]] if shown else [])
    return {
        "ReportName": "Aged Receivables By Contact",
        "ReportType": "AgedReceivablesByContact",
        "ReportTitles": [
            "Invoices",
            contact["Name"],
            f"From {words[0]} to {words[1]}",
            f"Showing payments to {words[2]}",
        ],
        "ReportDate": words[2],
        "UpdatedDateUTC": call.books.now(),
        "Fields": [],
        "Rows": [
            {"RowType": "Header", "Cells": [{"Value": name} for name in _HEADER]},
            *({"RowType": "Section", "Title": "", "Rows": rows} for rows in sections),
        ],
    }


def _amounts(call: Call, row: Row, as_of: date) -> list[Decimal]:
    """Total, paid, credited and due of an invoice, counting what happened until a date."""
    books = call.books
    document = ("Invoices", row["InvoiceID"])
    paid = sum((each["Amount"] for each in books.paid_on(document) if each["Date"] <= as_of), ZERO)
    uses = [use for _, _, use in books.used_on(row["InvoiceID"])]
    credited = sum((use["Amount"] for use in uses if use["Date"] <= as_of), ZERO)
    return [row["Total"], paid, credited, row["Total"] - paid - credited]


def _line(row: Row, amounts: list[Decimal], as_of: date) -> Row:
    due = row.get("DueDate")
    late = (as_of - due).days if due and amounts[3] else 0
    words = f"{late} days overdue" if late > 0 else ""
    values = [f"{row['Date']} 00:00:00", row["InvoiceNumber"], f"{due} 00:00:00" if due else ""]
    return _row([*values, words, *(f"{each:.2f}" for each in amounts)], row["InvoiceID"])


def _row(values: list[str], invoice_id: str = "", kind: str = "Row") -> Row:
    mark = {"Attributes": [{"Value": invoice_id, "Id": "invoiceID"}]} if invoice_id else {}
    return {"RowType": kind, "Cells": [{"Value": value, **mark} for value in values]}


def _words(day: date) -> str:
    return day.strftime(f"{day.day} %B %Y")


def _day(call: Call, *names: str) -> date | None:
    for name in names:
        value = call.request.args.get(name)
        if value:
            try:
                return to_day(value)
            except ValueError as problem:
                raise errors.bad_query(f"{name} must be a date") from problem
    return None
