"""The tax on a document's lines: a code, nothing, or what we computed.

Oracle, REST API Browser (invoice, credit memo): with `taxDetailsOverride` the rows of `taxDetails`
count in the place of what SuiteTax works out; each belongs to the line of the same reference. A
legacy account takes a code, and no amount. Pure.
"""

from __future__ import annotations

from typing import Any

from tieout.connectors.base import LineCodes, Row, WriteContext
from tieout.connectors.fields import known
from tieout.errors import Misconfigured
from tieout.model.document import Document, Line

_OVERRIDE = "suitetax_override"
#: What a new line is called, for its row of tax to name it.
_REFERENCE = "NEW_ITEM_"


def refused(settings: Any) -> str:
    """Why an account takes no taxes of ours, and what to do; "" where it does."""
    if settings.tax != _OVERRIDE:
        return (
            "NetSuite takes our taxes only with SuiteTax, where tax of the connection is "
            f"{_OVERRIDE}: it is {settings.tax}. Change that in tieout.yaml, or write "
            "`mode: ledger` under taxes in mappings/ledger.yaml."
        )
    if not settings.tax_type_id:
        return (
            "NetSuite asks for the type of our taxes: give its internal id in tax_type_id of the "
            "connection (in NetSuite: Setup > Tax > Tax Types)."
        )
    return ""


def of_line(line: Line, codes: LineCodes, context: WriteContext) -> Row:
    """The fields of a line that say its tax. Raises Misconfigured where they cannot."""
    mode, what = context.settings.tax, f"line {line.id} ({line.description})"
    if mode == _OVERRIDE:
        if codes.tax is None:
            raise Misconfigured(
                f"tax of the connection is {_OVERRIDE}, and Tieout does not compute the taxes: "
                "write `mode: ours` under taxes in mappings/ledger.yaml, or set tax to "
                "suitetax_auto"
            )
        return {"taxDetailsReference": _REFERENCE + line.id}
    if mode == "legacy_code":
        return {"taxCode": {"id": known(codes.tax_code_id, f"tax code of {what}")}}
    if codes.tax_code_id:
        raise Misconfigured(
            f"{what} has a tax code, and in this account NetSuite works out the tax: take the"
            " tax codes out of mappings/ledger.yaml, or set tax to legacy_code"
        )
    return {}


def of_document(document: Document, context: WriteContext) -> Row:
    """A row of tax for each line, where we compute the taxes."""
    if context.settings.tax != _OVERRIDE:
        return {}
    rows = []
    for line in document.lines:
        codes = context.lines[line.id]
        assert codes.tax is not None  # else its line could not be built
        rows.append(
            {
                "taxDetailsReference": {"id": _REFERENCE + line.id},
                "taxType": context.settings.tax_type_id,
                "taxCode": {"id": known(codes.tax_code_id, f"tax code of line {line.id}")},
                "taxRate": codes.tax.percent,
                "taxBasis": line.amount.amount,
                "taxAmount": codes.tax.amount,
            }
        )
    return {"taxDetailsOverride": True, "taxDetails": {"items": rows}}
