"""The worked examples, through the product and through the oracle."""

import pytest

from tests.oracle import billing_oracle, story

BILLERS = {"product": story.bill, "oracle": billing_oracle.bill}
NAMES = sorted(path.name for path in story.CASES.glob("*.yaml"))


def as_told(line, expected):
    """The parts of a line that the example mentions."""
    return {key: line[key] for key in expected}


@pytest.mark.parametrize("biller", BILLERS)
@pytest.mark.parametrize("name", NAMES)
def test_the_example_comes_out_to_the_cent(name, biller):
    told = story.load(name)
    billed = set()
    for period in told["bills"]:
        result = BILLERS[biller](told, period["period"], billed)
        assert [one["total"] for one in result["invoices"]] == [
            one["total"] for one in period["invoices"]
        ]
        for invoice, expected in zip(result["invoices"], period["invoices"], strict=True):
            lines = zip(invoice["lines"], expected["lines"], strict=True)
            assert [as_told(line, want) for line, want in lines] == expected["lines"]
            billed |= {work for line in invoice["lines"] for work in line["from"]}
        assert result["held"] == period.get("held", {})
        assert result["never_billed"] == period.get("never_billed", [])


@pytest.mark.parametrize("name", NAMES)
def test_product_and_oracle_agree_on_every_word(name):
    told = story.load(name)
    for period in told["bills"]:
        ours = story.bill(told, period["period"])
        assert ours == billing_oracle.bill(told, period["period"])
