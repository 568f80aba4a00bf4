"""Making tax codes (Intuit: TaxService): the only way to add codes and rates through the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tieout.sandbox.quickbooks import faults
from tieout.sandbox.quickbooks.shapes import number
from tieout.sandbox.quickbooks.wire import Row

if TYPE_CHECKING:
    from tieout.sandbox.quickbooks.books import Books


def create(books: Books, payload: Any) -> Row:
    """Answer a `taxservice/taxcode` call: a code with new or existing rates."""
    if not isinstance(payload, dict) or not payload.get("TaxCode"):
        raise faults.required("TaxCode")
    details = payload.get("TaxRateDetails") or []
    if not details:
        raise faults.required("TaxRateDetails")
    rates = [_rate(books, detail) for detail in details]
    code = add_code(books, str(payload["TaxCode"]), rates)
    shown = [
        {
            "TaxRateName": rate["Name"],
            "TaxRateId": rate["Id"],
            "RateValue": rate["RateValue"],
            "TaxApplicableOn": "Sales",
        }
        for rate in rates
    ]
    return {"TaxCode": code["Name"], "TaxCodeId": code["Id"], "TaxRateDetails": shown}


def _rate(books: Books, detail: Row) -> Row:
    if detail.get("TaxRateId"):
        return books.get("TaxRate", str(detail["TaxRateId"]))
    for name in ("TaxRateName", "RateValue", "TaxAgencyId"):
        if detail.get(name) in (None, ""):
            raise faults.required(name)
    agency = books.get("TaxAgency", str(detail["TaxAgencyId"]))
    percent = number("RateValue", detail["RateValue"])
    values = {"Name": str(detail["TaxRateName"]), "RateValue": percent}
    return books.create("TaxRate", {**values, "AgencyRef": {"value": agency["Id"]}})


def add_code(books: Books, name: str, rates: list[Row], *, taxable: bool = True) -> Row:
    """Store a tax code made of rates."""
    details = [
        {
            "TaxRateRef": {"value": rate["Id"], "name": rate["Name"]},
            "TaxTypeApplicable": "TaxOnAmount",
            "TaxOrder": index,
        }
        for index, rate in enumerate(rates)
    ]
    values: Row = {"Name": name, "Description": name, "Taxable": taxable, "TaxGroup": bool(rates)}
    if details:
        values["SalesTaxRateList"] = {"TaxRateDetail": details}
    return books.create("TaxCode", values)
