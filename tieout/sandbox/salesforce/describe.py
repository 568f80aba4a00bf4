"""What the org says about its objects and fields."""

from __future__ import annotations

from typing import Any

from tieout.sandbox.salesforce.schema import FieldDef, ObjectDef, Schema


def global_entry(target: ObjectDef, version: str) -> dict[str, Any]:
    """One line of the list of objects."""
    base = f"/services/data/{version}/sobjects/{target.name}"
    return {
        "name": target.name,
        "label": target.label,
        "labelPlural": target.label + "s",
        "keyPrefix": target.prefix,
        "custom": target.name.endswith("__c"),
        "createable": True,
        "updateable": True,
        "deletable": True,
        "queryable": True,
        "urls": {
            "sobject": base,
            "describe": base + "/describe",
            "rowTemplate": base + "/{ID}",
        },
    }


def describe(schema: Schema, target: ObjectDef, version: str) -> dict[str, Any]:
    """Everything a mapping needs to know about an object."""
    children = [
        {
            "childSObject": child.name,
            "field": link.name,
            "relationshipName": link.children or None,
            "cascadeDelete": False,
        }
        for child, link in schema.children(target.name)
    ]
    return global_entry(target, version) | {
        "fields": [_field(each) for each in target.fields.values()],
        "childRelationships": children,
        "recordTypeInfos": [],
    }


def _field(definition: FieldDef) -> dict[str, Any]:
    return {
        "name": definition.name,
        "label": definition.label,
        "type": definition.type,
        "custom": definition.custom,
        "length": definition.length,
        "precision": definition.precision,
        "scale": definition.scale,
        "nillable": not definition.required and definition.type not in ("boolean", "id"),
        "createable": definition.createable,
        "updateable": definition.updateable,
        "filterable": definition.type != "textarea",
        "externalId": definition.external_id,
        "unique": definition.unique,
        "caseSensitive": False,
        "calculated": False,
        "defaultedOnCreate": definition.type == "boolean" or definition.name == "OwnerId",
        "restrictedPicklist": definition.restricted,
        "picklistValues": [
            {"active": True, "defaultValue": False, "label": value, "value": value}
            for value in definition.picklist
        ],
        "referenceTo": [definition.reference_to] if definition.reference_to else [],
        "relationshipName": definition.relationship or None,
    }
