"""What lines cost in the stand-in of Xero: prices, discounts, tax, currencies, to the cent."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.sandbox.xero_desk import D, desk, invoice, line, messages, put


def test_the_worked_example_of_the_rounding_rules() -> None:
    caller = desk()
    row = put(caller, line("180.2550", Quantity=D("7.5"), DiscountRate=10))
    shown = row["LineItems"][0]
    assert (shown["LineAmount"], shown["TaxAmount"]) == (D("1216.72"), D("182.51"))
    assert row["Total"] == D("1399.23")
    assert row["TotalDiscount"] == D("135.19")


def test_tax_is_rounded_line_by_line() -> None:
    row = put(desk(), line("25.06"), line("25.61"), line("25.63"))
    assert [each["TaxAmount"] for each in row["LineItems"]] == [D("3.76"), D("3.84"), D("3.84")]
    assert (row["TotalTax"], row["Total"]) == (D("11.44"), D("87.74"))


@pytest.mark.parametrize(
    ("gross", "tax"), [("89.00", "11.61"), ("90.00", "11.74"), ("95.50", "12.46")]
)
def test_tax_inside_the_price(gross: str, tax: str) -> None:
    row = put(desk(), line(gross), LineAmountTypes="Inclusive")
    assert row["LineItems"][0]["TaxAmount"] == D(tax)
    assert (row["SubTotal"], row["Total"]) == (D(gross) - D(tax), D(gross))


def half_up(part: int, whole: int) -> int:
    """A fraction as the nearest whole number, halves up; both are not negative."""
    return (2 * part + whole) // (2 * whole)


def half_even(part: int, whole: int) -> int:
    """The same with halves to the even number."""
    found, twice = part // whole, 2 * (part % whole)
    return found + (twice > whole or (twice == whole and found % 2 == 1))


#: Quantities and prices in ten-thousandths, discounts in whole percent.
LINES = st.lists(
    st.tuples(st.integers(0, 400_000), st.integers(0, 9_999_999), st.integers(0, 99)),
    min_size=1, max_size=4,
)  # fmt: skip


@settings(max_examples=60, deadline=None)
@given(LINES, st.booleans(), st.sampled_from(["half_up", "half_even"]))
def test_any_lines_cost_what_whole_numbers_say(
    sold: list[tuple[int, int, int]], inclusive: bool, mode: str
) -> None:
    nearest = half_up if mode == "half_up" else half_even
    body, amount, tax = [], 0, 0
    for quantity, price, discount in sold:
        rate = {"DiscountRate": discount} if discount else {}
        quantity_, price_ = (D(each) / 10_000 for each in (quantity, price))
        body.append(line(price_, Quantity=quantity_, **rate))
        cents = nearest(quantity * price * (100 - discount), 100_000_000)
        amount += cents
        tax += nearest(cents * 15, 115 if inclusive else 100)
    types = "Inclusive" if inclusive else "Exclusive"
    row = put(desk(rounding_mode=mode), *body, LineAmountTypes=types)
    total = amount if inclusive else amount + tax
    assert (row["TotalTax"] * 100, row["Total"] * 100) == (tax, total)
    assert row["SubTotal"] + row["TotalTax"] == row["Total"]
    assert (row["Status"] == "PAID") == (total == 0)


def test_no_tax_at_all() -> None:
    row = put(desk(), line("89.00"), LineAmountTypes="NoTax")
    assert (row["TotalTax"], row["LineItems"][0]["TaxType"]) == (D(0), "NONE")


@pytest.mark.parametrize(("mode", "tax"), [("half_up", "0.02"), ("half_even", "0.02")])
def test_half_a_cent_goes_where_the_setting_says(mode: str, tax: str) -> None:
    # 15 % of 0.10 is a cent and a half; of 0.30 four and a half.
    caller = desk(rounding_mode=mode)
    assert put(caller, line("0.10"))["TotalTax"] == D(tax)
    assert put(caller, line("0.30"))["TotalTax"] == D("0.05" if mode == "half_up" else "0.04")


def test_prices_have_two_decimals_unless_four_are_asked_for() -> None:
    caller = desk()
    body = invoice(caller, line("180.2550", Quantity=10))
    coarse = caller.write("PUT", "Invoices", body)[0]
    assert coarse["SubTotal"] == D("1802.60")
    fine = caller.write("PUT", "Invoices", body, unitdp="4")[0]
    assert fine["SubTotal"] == D("1802.55")
    path = f"Invoices/{fine['InvoiceID']}"
    assert caller.rows(path)[0]["LineItems"][0]["UnitAmount"] == D("180.26")
    assert caller.rows(path, unitdp="4")[0]["LineItems"][0]["UnitAmount"] == D("180.2550")


def test_two_of_three_amounts_are_enough() -> None:
    caller = desk()
    asked = {"Description": "x", "AccountCode": "210", "LineAmount": D("100.00")}
    by_quantity = put(caller, {**asked, "Quantity": 8})["LineItems"][0]
    assert by_quantity["UnitAmount"] == D("12.5000")
    by_price = put(caller, {**asked, "UnitAmount": D("12.50")})["LineItems"][0]
    assert by_price["Quantity"] == D(8)
    alone = put(caller, asked)["LineItems"][0]
    assert (alone["Quantity"], alone["UnitAmount"]) == (D(1), D(100))


def test_a_line_total_that_does_not_fit_is_refused() -> None:
    row = put(desk(), line("12.50", Quantity=8, LineAmount=D("99.00")))
    assert messages(row) == ["The line total 99.00 does not match the expected line total 100.00"]


def test_quantities_are_not_negative_but_prices_may_be() -> None:
    caller = desk()
    assert messages(put(caller, line(Quantity=-2))) == ["The quantity value '-2.0000' is invalid"]
    assert put(caller, line("100.00"), line("-30.00"))["SubTotal"] == D(70)
    assert messages(put(caller, line("-30.00"))) == ["The document total cannot be negative"]


def test_a_discount_of_nothing_is_refused_as_is_more_than_one() -> None:
    caller = desk()
    assert messages(put(caller, line(DiscountRate=0))) == ["The discount must be greater than zero"]
    both = put(caller, line(DiscountRate=5, DiscountAmount=5))
    assert messages(both) == ["Only one of DiscountRate and DiscountAmount can be specified"]
    fixed = put(caller, line("100.00", DiscountAmount=D("12.34")))
    assert fixed["SubTotal"] == D("87.66")
    assert put(desk(zero_discount="accept"), line(DiscountRate=0))["SubTotal"] == D(100)
    nothing = line("100.00", DiscountRate=100, LineAmount=D("0.00"))
    assert put(caller, nothing)["Total"] == 0
    assert put(desk(zero_line_amount="refuse"), nothing)["HasErrors"] is True


def test_tax_that_is_sent_overrides_the_rate_and_stays() -> None:
    caller = desk()
    row = put(caller, line("100.00", TaxAmount=D("14.99")))
    assert row["Total"] == D("114.99")
    path = f"Invoices/{row['InvoiceID']}"
    assert caller.write("POST", path, {"Reference": "x"})[0]["Total"] == D("114.99")


def test_a_compound_tax_is_more_than_the_sum_of_its_parts() -> None:
    caller = desk()
    row = put(caller, line("100.00", TaxType="TAX001"))
    # 5 %, and 9.975 % on top of that: 15.47375 %.
    assert row["TotalTax"] == D("15.47")
    rate = caller.rows("TaxRates/TAX001")[0]
    assert (rate["DisplayTaxRate"], rate["EffectiveRate"]) == (D("14.9750"), D("15.4738"))


def test_a_tax_type_must_fit_the_account() -> None:
    caller = desk()
    assert messages(put(caller, line(TaxType="INPUT2"))) == [
        "The TaxType code 'INPUT2' cannot be used with account code '210'."
    ]
    assert messages(put(caller, line(TaxType="OUTPUT9"))) == [
        "The TaxType code 'OUTPUT9' does not exist or cannot be used for this type of transaction."
    ]


@pytest.mark.parametrize("code", ["090", "610", "820"])
def test_bank_and_system_accounts_take_no_lines(code: str) -> None:
    assert messages(put(desk(), line(AccountCode=code, TaxType="NONE"))) == [
        f"Account code '{code}' is not a valid code for this document."
    ]


def test_the_rounding_account_takes_a_line_and_an_archived_one_does_not() -> None:
    caller = desk()
    row = put(caller, line("100.00"), line("-0.01", AccountCode="860", TaxType="NONE"))
    assert row["Total"] == D("114.99")
    caller.vendor.books.archive_account("210")
    assert messages(put(caller)) == ["Account code '210' is not a valid code for this document."]


def test_an_item_fills_in_what_is_not_sent() -> None:
    caller = desk()
    caller.write(
        "PUT", "Items",
        {"Code": "CONSULT-SR", "Name": "Senior consulting", "Description": "Senior hour",
         "SalesDetails": {"UnitPrice": D("180.2550"), "AccountCode": "210",
                          "TaxType": "OUTPUT2"}},
        unitdp="4",
    )  # fmt: skip
    shown = put(caller, {"ItemCode": "CONSULT-SR", "Quantity": 2})["LineItems"][0]
    assert (shown["Description"], shown["AccountCode"]) == ("Senior hour", "210")
    assert (shown["UnitAmount"], shown["LineAmount"]) == (D("180.2550"), D("360.51"))
    assert shown["Item"]["Code"] == "CONSULT-SR"
    assert messages(put(caller, {"ItemCode": "NONE", "Quantity": 1}))[0] == (
        "Item code 'NONE' is not valid."
    )


def test_a_currency_needs_a_subscription_and_has_a_rate() -> None:
    caller = desk()
    assert messages(put(caller, CurrencyCode="EUR")) == [
        "Organisation is not subscribed to currency EUR"
    ]
    caller.write("PUT", "Currencies", {"Code": "EUR"}, loose=True)
    caller.vendor.books.set_rate("EUR", "0.55")
    assert put(caller, CurrencyCode="EUR")["CurrencyRate"] == D("0.550000")
    ours = put(caller, CurrencyCode="EUR", CurrencyRate=D("0.912345"))
    assert ours["CurrencyRate"] == D("0.912345")
    assert put(caller, CurrencyRate=D("0.9"))["CurrencyRate"] == D(1)


def test_tracking_is_named_exactly_as_it_is_in_xero() -> None:
    caller = desk()
    region = caller.vendor.books.add_tracking("Region", "North", "South")
    by_name = put(caller, line(Tracking=[{"Name": "Region", "Option": "North"}]))
    shown = by_name["LineItems"][0]["Tracking"][0]
    ids = {key: shown[key] for key in ("TrackingCategoryID", "TrackingOptionID")}
    assert put(caller, line(Tracking=[ids]))["LineItems"][0]["Tracking"] == [shown]
    assert shown["TrackingCategoryID"] == region["TrackingCategoryID"]
    failed = put(caller, line(Tracking=[{"Name": "Region", "Option": "East"}]))
    assert messages(failed) == ["The tracking option 'East' does not exist"]
    caller.vendor.books.archive_option("Region", "South")
    failed = put(caller, line(Tracking=[{"Name": "Region", "Option": "South"}]))
    assert messages(failed) == ["The tracking option 'South' is archived"]
    three = [{"Name": "Region", "Option": "North"}] * 3
    assert "A line item can have at most 2 tracking categories" in messages(
        put(caller, line(Tracking=three))
    )


def test_too_many_digits_get_a_message_about_something_else() -> None:
    caller = desk(long_amounts="refuse")
    assert messages(put(caller, line("10.12345"))) == [
        "Account must be valid.",
        "Tax rate must be valid.",
    ]
    assert put(desk(), line("10.12345"))["SubTotal"] == D("10.12")
