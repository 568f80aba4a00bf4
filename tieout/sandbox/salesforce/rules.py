"""What the platform does by itself around a write: derived fields, checks and roll-ups."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import TYPE_CHECKING

from tieout.sandbox.salesforce.errors import ApiError
from tieout.sandbox.salesforce.schema import ObjectDef
from tieout.sandbox.salesforce.values import Record

if TYPE_CHECKING:
    from tieout.sandbox.salesforce.org import Org

_CENT = Decimal("0.01")


def apply(org: Org, target: ObjectDef, new: Record, old: Record | None, given: set[str]) -> None:
    """Fill what the platform derives, in place. `given` are the fields the caller set."""
    if target.name == "Opportunity":
        _opportunity(org, new, old)
    if target.name == "OpportunityLineItem":
        _line(org, new, old, given)
    if target.name == "Contact":
        new["Name"] = " ".join(part for part in (new["FirstName"], new["LastName"]) if part)
    product = org.find_latest("Product2", new.get("Product2Id") or "")
    if target.name == "PricebookEntry" and product is not None:
        new["Name"], new["ProductCode"] = product["Name"], product["ProductCode"]


def check(org: Org, target: ObjectDef, new: Record, given: set[str]) -> None:
    """Required fields, and for the given ones: parents that exist and unique values."""
    missing = [
        each.name
        for each in target.fields.values()
        if each.required and new.get(each.name) is None and each.type != "boolean"
    ]
    if missing:
        names = ", ".join(missing)
        raise ApiError(
            400, "REQUIRED_FIELD_MISSING", f"Required fields are missing: [{names}]", missing
        )
    for each in target.fields.values():
        value = new.get(each.name)
        if value is None or each.name not in given:
            continue
        if each.type == "reference":
            _check_parent(org, each.name, each.reference_to, value)
        if each.unique:
            _check_unique(org, target, new, each.name)


def _check_parent(org: Org, name: str, parent: str, value: str) -> None:
    found = org.find_latest(parent, value)
    if found is None or found["IsDeleted"]:
        raise ApiError(
            400, "INVALID_CROSS_REFERENCE_KEY", f"invalid cross reference id: {value}", [name]
        )


def _check_unique(org: Org, target: ObjectDef, new: Record, name: str) -> None:
    wanted = str(new[name]).casefold()
    for other in org.lookup(target.name, name, wanted):
        if other["Id"] == new["Id"]:
            continue
        raise ApiError(
            400,
            "DUPLICATE_VALUE",
            f"duplicate value found: {name} duplicates value on record with id: {other['Id']}",
            [],
        )


def _opportunity(org: Org, new: Record, old: Record | None) -> None:
    if old is not None and old["HasOpportunityLineItem"]:
        # With products the amount is their sum: the platform ignores any other value.
        new["Amount"] = old["Amount"]
    stage = next(
        (
            each
            for each in org.every_latest("OpportunityStage")
            if new["StageName"] in (each["ApiName"], each["MasterLabel"])
        ),
        None,
    )
    new["IsClosed"] = bool(stage and stage["IsClosed"])
    new["IsWon"] = bool(stage and stage["IsWon"])


def _line(org: Org, new: Record, old: Record | None, given: set[str]) -> None:
    if old is None:
        _line_product(org, new)
    if {"UnitPrice", "TotalPrice"} <= given:
        raise ApiError(
            400,
            "FIELD_INTEGRITY_EXCEPTION",
            "field integrity exception: unknown (only one of unit price or total price may be "
            "specified)",
            [],
        )
    quantity = new["Quantity"]
    if not quantity:
        raise ApiError(
            400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [Quantity]", ["Quantity"]
        )
    kept = 1 - (new.get("Discount") or Decimal(0)) / 100
    if "TotalPrice" in given and new["TotalPrice"] is not None and kept:
        new["UnitPrice"] = _cents(new["TotalPrice"] / quantity / kept)
    elif new["UnitPrice"] is None:
        new["UnitPrice"] = new["ListPrice"]
    if new["UnitPrice"] is None:
        raise ApiError(
            400, "REQUIRED_FIELD_MISSING", "Required fields are missing: [UnitPrice]", ["UnitPrice"]
        )
    new["Subtotal"] = _cents(quantity * new["UnitPrice"])
    if "TotalPrice" not in given:
        new["TotalPrice"] = _cents(quantity * new["UnitPrice"] * kept)


def _line_product(org: Org, new: Record) -> None:
    entry = org.find_latest("PricebookEntry", new["PricebookEntryId"] or "")
    if entry is not None:
        new["Product2Id"] = entry["Product2Id"]
        new["ListPrice"] = entry["UnitPrice"]
    product = org.find_latest("Product2", new["Product2Id"] or "")
    if product is None:
        raise ApiError(
            400,
            "REQUIRED_FIELD_MISSING",
            "Required fields are missing: [PricebookEntryId]",
            ["PricebookEntryId"],
        )
    new["ProductCode"] = product["ProductCode"]
    deal = org.find_latest("Opportunity", new["OpportunityId"] or "")
    new["Name"] = f"{deal['Name']} {product['Name']}"[:376] if deal else product["Name"]


def _cents(amount: Decimal) -> Decimal:
    return amount.quantize(_CENT, rounding=ROUND_HALF_UP)


def roll_up(org: Org, opportunity_id: str, by: str, late_s: int) -> None:
    """Bring a deal's amount to the sum of its lines.

    The deal is stamped only when something on it changes: an edit of a line that
    leaves the total alone does not touch the deal.
    """
    deal = org.latest("Opportunity", opportunity_id)
    lines = list(org.lookup("OpportunityLineItem", "OpportunityId", opportunity_id))
    had_lines = deal["HasOpportunityLineItem"]
    # The amount of a deal whose last line goes is zero here; the vendor does not say.
    total = sum((line["TotalPrice"] for line in lines), Decimal("0.00"))
    amount = total if lines or had_lines else deal["Amount"]
    if (amount, bool(lines)) == (deal["Amount"], had_lines):
        return
    org.store(
        "Opportunity", {**deal, "Amount": amount, "HasOpportunityLineItem": bool(lines)}, by, late_s
    )


def set_schedule_flags(org: Org, line_id: str, by: str, late_s: int) -> None:
    """Mark a line that has instalments."""
    line = org.latest("OpportunityLineItem", line_id)
    kinds = {
        each["Type"]
        for each in org.lookup("OpportunityLineItemSchedule", "OpportunityLineItemId", line_id)
    }
    flags = {
        "HasSchedule": bool(kinds),
        "HasRevenueSchedule": bool(kinds & {"Revenue", "Both"}),
        "HasQuantitySchedule": bool(kinds & {"Quantity", "Both"}),
    }
    if any(line[name] != value for name, value in flags.items()):
        org.store("OpportunityLineItem", {**line, **flags}, by, late_s)
