"""Every field of the NetSuite sandbox exists in Oracle's catalogue of release 2026.1.

The catalogue is an extract that lies beside a checkout of the developers; it is no part of
the project.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pytest

from tieout.sandbox.netsuite.fields import ADDRESS, TYPES, Field

ROOT = Path(__file__).parents[2]
CATALOGUE = ROOT.parent / "shared/specs/netsuite/record_fields_2026_1.json"
#: Names that the extract did not reach: it says itself that these lists are read in part.
NOT_READ = {"creditMemo": {"unapplied"}, "customer": {"url", "vatRegNum"}}
#: Sublists whose lines are listed under another record's name.
SAME_LINES = {
    "creditMemo.item": "invoice.item[]",
    "creditMemo.taxDetails": "invoice.taxDetails[]",
    "creditMemo.apply": "customerPayment.apply[]",
}
KINDS = {
    "text": {"string"},
    "number": {"number"},
    "integer": {"integer"},
    "boolean": {"boolean"},
    "date": {"date"},
    "datetime": {"datetime"},
    "duration": {"string"},
    "address": {"subrecord"},
    "ref": {"ref"},
    "refs": {"ref", "sublist"},
    "enum": {"enum"},
    "flag": {"enum"},
}


def records() -> dict[str, Any]:
    if not CATALOGUE.exists():
        pytest.skip("the catalogue of fields is not part of the project and is not here")
    return dict(json.loads(CATALOGUE.read_text())["records"])


def strangers(name: str, fields: Iterable[Field], known: dict[str, Any]) -> list[str]:
    """Fields that the catalogue has not, or has as something else."""
    found = []
    for field in fields:
        entry = known.get(field.name)
        if entry is None and field.name not in NOT_READ.get(name, ()):
            found.append(f"{name}.{field.name} is not in the catalogue")
        elif entry is not None and field.name != "links" and entry["t"] not in KINDS[field.kind]:
            found.append(f"{name}.{field.name} is {field.kind}, there {entry['t']}")
        elif entry is not None and set(field.codes) - set(entry.get("ids", field.codes)):
            found.append(f"{name}.{field.name} has other codes than {entry['ids']}")
    return found


def all_strangers(catalogue: dict[str, Any]) -> list[str]:
    found = strangers("address", ADDRESS.values(), catalogue["address(subrecord)"]["fields"])
    for name, record in TYPES.items():
        if name not in catalogue:
            continue
        known = catalogue[name]["fields"]
        found += strangers(name, record.fields.values(), known)
        for sublist in record.sublists:
            if known.get(sublist.name, {}).get("t") != "sublist":
                found.append(f"{name}.{sublist.name} is no sublist in the catalogue")
            key = f"{name}.{sublist.name}"
            lines = catalogue.get(SAME_LINES.get(key, f"{key}[]"))
            if lines is not None:
                found += strangers(key, sublist.fields.values(), lines["fields"])
    return found


def test_every_field_is_in_the_catalogue() -> None:
    catalogue = records()
    checked = [name for name in TYPES if name in catalogue]
    assert {"invoice", "creditMemo", "customerPayment", "customer", "job", "timeBill"} < {
        *checked, "accountingPeriod",
    }  # fmt: skip
    assert all_strangers(catalogue) == []


def test_a_field_that_is_not_there_is_found() -> None:
    """The check can fail: without one name the catalogue no longer knows the sandbox's field."""
    catalogue = records()
    del catalogue["invoice"]["fields"]["otherRefNum"]
    catalogue["invoice.item[]"]["fields"]["quantity"]["t"] = "string"
    catalogue["job"]["fields"]["jobBillingType"]["ids"] = ["1", "2"]
    assert sorted(all_strangers(catalogue)) == [
        "creditMemo.item.quantity is number, there string",
        "invoice.item.quantity is number, there string",
        "invoice.otherRefNum is not in the catalogue",
        "job.jobBillingType has other codes than ['1', '2']",
    ]
