"""What each ledger is told of taxes that we computed, to the letter; and that it takes it so."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal
from typing import Any

import pytest

from tests.connectors import netsuite_desk
from tests.connectors.subjects import DOCUMENT
from tieout.connectors.base import LineCodes, WriteContext
from tieout.connectors.codes import LineTax, told_tax
from tieout.connectors.exact import encode
from tieout.connectors.ledger import expect_document
from tieout.connectors.netsuite import wire as netsuite_wire
from tieout.connectors.registry import connectors
from tieout.errors import Misconfigured
from tieout.model.document import DocumentKind
from tieout.sync.echo import differs


def codes(code: str, amount: str, percent: str = "20", *rates: str, item: str = "4") -> LineCodes:
    tax = LineTax(parts=((Decimal(percent), Decimal(amount)),), rate_ids=rates)
    return LineCodes(item_id=item, tax_code_id=code, tax_code="VAT", tax=tax)


#: 20 % of 1,875.00, 5 % of 1,861.08 (93.054), nothing on 30.00.
LINES = {
    "L001": codes("11", "375.00", "20", "21"),
    "L002": codes("12", "93.05", "5", "22"),
    "L003": codes("13", "0.00", "0"),
}


def around(lines: dict[str, LineCodes] = LINES, **known: Any) -> WriteContext:
    return WriteContext(
        **{"key": "v1:7", "customer_id": "61", "home_currency": "USD", "lines": lines, **known}
    )


def body(slug: str, context: WriteContext, kind: DocumentKind = DocumentKind.INVOICE) -> Any:
    writer = connectors()[slug].writer(kind.value)
    return writer.build(replace(DOCUMENT, kind=kind), context)


def test_the_tax_of_a_document_is_that_of_its_lines() -> None:
    assert told_tax(LINES) == Decimal("468.05")
    assert told_tax({"L001": LineCodes(item_id="4", tax_code_id="11")}) is None


def test_another_tax_in_the_echo_is_another_document() -> None:
    """A tax that we do not tell is the ledger's: then any will do. One of 0 that we tell is 0."""
    theirs = replace(expect_document(DOCUMENT, around()), tax=Decimal("468.06"))
    assert differs(expect_document(DOCUMENT, around()), theirs) == ("tax 468.05 here, 468.06 there")
    untold = {i: replace(each, tax=None) for i, each in LINES.items()}
    assert differs(expect_document(DOCUMENT, around(untold)), theirs) == ""
    none = {i: replace(each, tax=LINES["L003"].tax) for i, each in LINES.items()}
    assert differs(expect_document(DOCUMENT, around(none)), theirs) == "tax 0.00 here, 468.06 there"


# -- QuickBooks -------------------------------------------------------------------------
@pytest.mark.parametrize("kind", DocumentKind)
def test_quickbooks_is_told_each_rate_and_their_total(kind: DocumentKind) -> None:
    sent = body("quickbooks", around(country="GB"), kind)
    assert sent["GlobalTaxCalculation"] == "TaxExcluded"
    assert sent["TxnTaxDetail"] == {
        "TotalTax": Decimal("468.05"),
        "TaxLine": [
            {
                "Amount": amount,
                "DetailType": "TaxLineDetail",
                "TaxLineDetail": {
                    "TaxRateRef": {"value": rate},
                    "PercentBased": True,
                    "TaxPercent": percent,
                    "NetAmountTaxable": net,
                },
            }
            for amount, rate, percent, net in (
                (Decimal("375.00"), "21", 20, Decimal("1875.00")),
                (Decimal("93.05"), "22", 5, Decimal("1861.08")),
            )
        ],
    }


def test_quickbooks_adds_up_the_lines_of_one_rate() -> None:
    same = {i: codes("11", amount, "20", "21") for i, amount in
            (("L001", "375.00"), ("L002", "372.22"), ("L003", "6.00"))}  # fmt: skip
    (row,) = body("quickbooks", around(same, country="GB"))["TxnTaxDetail"]["TaxLine"]
    assert (row["Amount"], row["TaxLineDetail"]["NetAmountTaxable"]) == (
        Decimal("753.22"),
        Decimal("3766.08"),
    )


def test_quickbooks_is_told_the_parts_of_a_code_of_two_rates() -> None:
    """Canada: 5 % and 9.975 % of 1,875.00, each by itself."""
    parts = (Decimal(5), Decimal("93.75")), (Decimal("9.975"), Decimal("187.03"))
    two = LineCodes(item_id="4", tax_code_id="11", tax=LineTax(parts=parts, rate_ids=("21", "22")))
    lines = {**LINES, "L001": two, "L002": codes("13", "0.00", "0")}
    sent = body("quickbooks", around(lines, country="CA"))["TxnTaxDetail"]
    assert sent["TotalTax"] == Decimal("280.78")
    assert [
        (
            row["TaxLineDetail"]["TaxRateRef"]["value"],
            row["TaxLineDetail"]["TaxPercent"],
            row["Amount"],
        )
        for row in sent["TaxLine"]
    ] == [("21", 5, Decimal("93.75")), ("22", Decimal("9.975"), Decimal("187.03"))]


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        (
            {**LINES, "L001": codes("11", "375.00", "20", "21", "23")},
            "the tax code 'VAT' is made of 2 rates on sales in QuickBooks, and of 1 in "
            "mappings/ledger.yaml: give their percents there, in QuickBooks' order, as its `parts`",
        ),
        (
            {**LINES, "L001": codes("11", "375.00")},
            "the tax code 'VAT' is made of 0 rates on sales in QuickBooks, and of 1 in "
            "mappings/ledger.yaml",
        ),
    ],
)
def test_quickbooks_is_not_told_what_it_could_not_hold(
    lines: dict[str, LineCodes], words: str
) -> None:
    with pytest.raises(Misconfigured, match=words):
        body("quickbooks", around(lines, country="GB"))


def test_without_a_tax_of_ours_nothing_of_it_is_said() -> None:
    untold = {i: replace(each, tax=None) for i, each in LINES.items()}
    assert "TxnTaxDetail" not in body("quickbooks", around(untold, country="GB"))
    rows = body("xero", around(untold))["Invoices"][0]["LineItems"]
    assert not [row for row in rows if "TaxAmount" in row]
    legacy = netsuite(tax="legacy_code")
    sent = body("netsuite", around(untold, settings=legacy))
    assert not {"taxDetails", "taxDetailsOverride"} & sent.keys()
    assert sent["item"]["items"][0]["taxCode"] == {"id": "11"}


# -- Xero -------------------------------------------------------------------------------
@pytest.mark.parametrize("kind", DocumentKind)
def test_xero_is_told_the_tax_of_each_line(kind: DocumentKind) -> None:
    (document,) = next(iter(body("xero", around(), kind).values()))
    told = [
        (row["TaxType"], row["TaxAmount"]) for row in document["LineItems"] if "ItemCode" in row
    ]
    assert told == [
        ("11", Decimal("375.00")),
        ("12", Decimal("93.05")),
        ("13", Decimal("0.00")),
    ]


# -- NetSuite ---------------------------------------------------------------------------
def netsuite(**changes: Any) -> netsuite_wire.Settings:
    said = {"account_id": "1", "client_id": "c", "tax": "suitetax_override", "tax_type_id": "2"}
    return netsuite_wire.Settings.model_validate({**said, **changes})


@pytest.mark.parametrize("kind", DocumentKind)
def test_netsuite_is_told_in_the_place_of_suitetax(kind: DocumentKind) -> None:
    sent = body("netsuite", around(settings=netsuite()), kind)
    assert sent["taxDetailsOverride"] is True
    references = [line["taxDetailsReference"] for line in sent["item"]["items"]]
    assert references == ["NEW_ITEM_L001", "NEW_ITEM_L002", "NEW_ITEM_L003"]
    assert not [line for line in sent["item"]["items"] if "taxCode" in line]
    assert sent["taxDetails"]["items"][1] == {
        "taxDetailsReference": {"id": "NEW_ITEM_L002"},
        "taxType": "2",
        "taxCode": {"id": "12"},
        "taxRate": 5,
        "taxBasis": Decimal("1861.08"),
        "taxAmount": Decimal("93.05"),
    }
    writer = connectors()["netsuite"].writer("invoice")
    request = writer.send(encode(sent), "v1:7", netsuite())
    assert request.params == (("replace", "item,taxDetails"),), "a repeat doubles no row of tax"


def test_netsuite_is_not_left_without_a_tax_where_it_waits_for_ours() -> None:
    untold = {i: replace(each, tax=None) for i, each in LINES.items()}
    with pytest.raises(Misconfigured, match="write `mode: ours` under taxes"):
        body("netsuite", around(untold, settings=netsuite()))


def test_netsuite_holds_what_it_was_told_and_a_repeat_changes_nothing() -> None:
    ours = {"tax": "suitetax_override", "tax_type_id": "2"}
    at = netsuite_desk.desk(tax="suitetax", ours=ours)
    (code, *_) = at.books.rows("salesTaxItem")
    lines = {"L001": codes(code["id"], "375.01", item=at.item)}
    context = at.context(1, customer_id=at.customer(), lines=lines)
    for _ in range(2):
        made = at.write("invoice", netsuite_desk.document(), context)
        found = at.pull("invoices")[made.remote_id]
        assert (found.tax.plain, found.total.plain) == ("375.01", "2250.01")
        (detail,) = at.books.get("invoice", made.remote_id)["taxDetails"]
        assert (detail["taxAmount"], detail["taxCode"]) == (Decimal("375.01"), code["id"])
