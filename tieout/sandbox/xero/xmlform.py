"""The XML form: what a call without `Accept: application/json` gets, and what some clients send.

A list is an element named in the plural around elements named in the singular.
Dates are ISO, booleans in lower case; everything that is read comes as text.
"""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import Any
from xml.etree import ElementTree as ET

from tieout.sandbox.xero.errors import bad_body
from tieout.sandbox.xero.wire import Row

_SINGULAR = {
    "Currencies": "Currency", "TrackingCategories": "TrackingCategory", "Addresses": "Address",
    "InvoiceAddresses": "InvoiceAddress", "Tracking": "TrackingCategory", "Phones": "Phone",
    "LineItems": "LineItem", "Rows": "Row", "Cells": "Cell",
}  # fmt: skip
#: Elements that end in an s and are no lists.
_SINGLES = ("Status", "IsSupplier", "Address", "Class", "PaymentTerms", "Sales", "Bills", "Details",
            "SalesDetails", "PurchaseDetails", "LineAmountTypes", "BankAccountDetails",
            "ContactStatus", "Changes", "Particulars", "Response")  # fmt: skip


def write(body: Row) -> bytes:
    """An answer as XML. Keys that are no names of elements are left out."""
    root = ET.Element("Response")
    _fill(root, body)
    return b'<?xml version="1.0" encoding="utf-8"?>\r\n' + ET.tostring(root)


def parse(content: bytes) -> Any:
    """A body as the JSON form would carry it, every value a text. Raises `Refusal`."""
    if b"<!DOCTYPE" in content[:2000] or b"<!ENTITY" in content:
        raise bad_body("XML for post data was invalid")
    try:
        root = ET.fromstring(content)
    except ET.ParseError as problem:
        raise bad_body("XML for post data was invalid") from problem
    return {root.tag: _value(root)} if _is_list(root) else _value(root)


def _fill(parent: ET.Element, body: Row) -> None:
    for key, value in body.items():
        if not key.isidentifier():
            continue
        child = ET.SubElement(parent, key)
        if isinstance(value, list):
            for each in value:
                inner = ET.SubElement(child, _singular(key))
                _put(inner, each)
        else:
            _put(child, value)


def _put(element: ET.Element, value: Any) -> None:
    if isinstance(value, dict):
        _fill(element, value)
    elif isinstance(value, bool):
        element.text = "true" if value else "false"
    elif isinstance(value, Decimal):
        element.text = format(value, "f")
    elif isinstance(value, datetime):
        element.text = value.strftime("%Y-%m-%dT%H:%M:%S.") + f"{value.microsecond // 1000:03d}"
    elif isinstance(value, date):
        element.text = f"{value.isoformat()}T00:00:00"
    elif value is not None:
        element.text = str(value)


def _singular(key: str) -> str:
    if key in _SINGULAR:
        return _SINGULAR[key]
    return key[:-1] if key.endswith("s") else key


def _is_list(element: ET.Element) -> bool:
    tag = element.tag
    if tag in _SINGLES:
        return False
    names = {child.tag for child in element}
    return (tag.endswith("s") and names <= {_singular(tag)}) or tag == "Tracking"


def _value(element: ET.Element) -> Any:
    if _is_list(element):
        return [_value(child) for child in element]
    if len(element):
        return {child.tag: _value(child) for child in element}
    return element.text or ""
