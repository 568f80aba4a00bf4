"""A new organisation: chart of accounts, tax rates, currencies, tracking, users.

Rates are those of the country; every organisation also has one compound rate of
its own (`TAX001`), because a client that adds the components of a rate is wrong.
"""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING, Any, Literal

from tieout.sandbox.xero import sample
from tieout.sandbox.xero.wire import ZERO, Row, places

if TYPE_CHECKING:
    from tieout.sandbox.xero.books import Books

_CLASSES = {
    "BANK": "ASSET", "CURRENT": "ASSET", "FIXED": "ASSET", "INVENTORY": "ASSET",
    "NONCURRENT": "ASSET", "PREPAYMENT": "ASSET", "EQUITY": "EQUITY", "EXPENSE": "EXPENSE",
    "DEPRECIATN": "EXPENSE", "DIRECTCOSTS": "EXPENSE", "OVERHEADS": "EXPENSE",
    "CURRLIAB": "LIABILITY", "LIABILITY": "LIABILITY", "TERMLIAB": "LIABILITY",
    "PAYG": "LIABILITY", "REVENUE": "REVENUE", "SALES": "REVENUE", "OTHERINCOME": "REVENUE",
}  # fmt: skip
ACCOUNT_TYPES = tuple(_CLASSES)

#: (code, name, type, tax: sales, purchases or none, system account)
_ACCOUNTS = (
    ("090", "Business Bank Account", "BANK", "none", ""),
    ("091", "Business Savings Account", "BANK", "none", ""),
    ("200", "Sales", "REVENUE", "sales", ""),
    ("210", "Consulting", "REVENUE", "sales", ""),
    ("220", "Client Retainers", "CURRLIAB", "sales", ""),
    ("260", "Other Revenue", "REVENUE", "sales", ""),
    ("310", "Cost of Goods Sold", "DIRECTCOSTS", "purchases", ""),
    ("400", "Advertising", "EXPENSE", "purchases", ""),
    ("404", "Bank Fees", "EXPENSE", "none", ""),
    ("420", "Reimbursed Expenses", "EXPENSE", "purchases", ""),
    ("498", "Realised Currency Gains", "EXPENSE", "none", "REALISEDCURRENCYGAIN"),
    ("610", "Accounts Receivable", "CURRENT", "none", "DEBTORS"),
    ("800", "Accounts Payable", "CURRLIAB", "none", "CREDITORS"),
    ("820", "GST", "CURRLIAB", "none", "GST"),
    ("855", "Clearing Account", "CURRLIAB", "none", ""),
    ("860", "Rounding", "CURRLIAB", "none", "ROUNDING"),
    ("960", "Retained Earnings", "EQUITY", "none", "RETAINEDEARNINGS"),
)
#: By country: (tax type, name, percent, on what: r revenue, x expenses, a everything)
_RATES = {
    "NZ": (
        ("OUTPUT2", "15% GST on Income", "15", "r"),
        ("INPUT2", "15% GST on Expenses", "15", "x"),
        ("ZERORATED", "Zero Rated", "0", "a"),
        ("NONE", "No GST", "0", "a"),
    ),
    "AU": (
        ("OUTPUT", "GST on Income", "10", "r"),
        ("INPUT", "GST on Expenses", "10", "x"),
        ("EXEMPTOUTPUT", "GST Free Income", "0", "r"),
        ("BASEXCLUDED", "BAS Excluded", "0", "a"),
        ("NONE", "No GST", "0", "a"),
    ),
    "GB": (
        ("OUTPUT2", "20% (VAT on Income)", "20", "r"),
        ("INPUT2", "20% (VAT on Expenses)", "20", "x"),
        ("RROUTPUT", "5% (VAT on Income)", "5", "r"),
        ("ZERORATEDOUTPUT", "Zero Rated Income", "0", "r"),
        ("EXEMPTOUTPUT", "Exempt Income", "0", "r"),
        ("NONE", "No VAT", "0", "a"),
    ),
    "US": (
        ("OUTPUT", "Tax on Sales", "8.25", "r"),
        ("INPUT", "Tax on Purchases", "8.25", "x"),
        ("NONE", "Tax Exempt", "0", "a"),
    ),
}
_ELSEWHERE = (
    ("OUTPUT", "Tax on Sales", "20", "r"),
    ("INPUT", "Tax on Purchases", "20", "x"),
    ("NONE", "Tax Exempt", "0", "a"),
)
_COMPOUND = ({"Name": "Federal", "Rate": Decimal(5)}, {"Name": "Provincial", "Rate": "9.975"})
CURRENCY_NAMES = {
    "NZD": "New Zealand Dollar", "AUD": "Australian Dollar", "GBP": "British Pound",
    "USD": "United States Dollar", "EUR": "Euro", "CAD": "Canadian Dollar", "JPY": "Japanese Yen",
}  # fmt: skip
BASE_CURRENCY = {
    "NZ": "NZD", "AU": "AUD", "GB": "GBP", "US": "USD", "CA": "CAD", "IE": "EUR", "DE": "EUR",
    "FR": "EUR", "NL": "EUR", "ES": "EUR", "IT": "EUR",
}  # fmt: skip


def fill(books: Books, preset: Literal["sample", "empty"]) -> None:
    """Set an organisation up, and let the sample have traded for a year."""
    books.backdated = books.started - sample.HISTORY
    _rates(books)
    _accounts(books)
    base = books.settings.base_currency
    books.put("Currencies", {"Code": base, "Description": CURRENCY_NAMES.get(base, base)})
    for order, name in enumerate(("Standard", "Consulting")):
        theme = {"Name": name, "SortOrder": order, "Type": "INVOICE"}
        books.put("BrandingThemes", {**theme, "CreatedDateUTC": books.now()})
    person = {"EmailAddress": "owner@northwind.example", "FirstName": "Ada", "LastName": "Reyes"}
    books.put("Users", {**person, "IsSubscriber": True, "OrganisationRole": "FINANCIALADVISER"})
    if preset == "sample":
        sample.trade(books)
    books.backdated = None


def rates_of(country: str) -> tuple[tuple[str, str, str, str], ...]:
    return _RATES.get(country, _ELSEWHERE)


def sales_tax(country: str) -> str:
    """The tax type a country's sales accounts carry."""
    return rates_of(country)[0][0]


def _rates(books: Books) -> None:
    for tax_type, name, percent, scope in rates_of(books.settings.country):
        component = {"Name": name, "Rate": Decimal(percent), "IsCompound": False}
        row = tax_rate(tax_type, name, [component])
        books.put("TaxRates", {**row, **_scope(scope)})
    parts = [{**part, "IsCompound": part["Name"] == "Provincial"} for part in _COMPOUND]
    row = tax_rate("TAX001", "Compound sales tax", parts)
    books.put("TaxRates", {**row, **_scope("r")})


def tax_rate(tax_type: str, name: str, components: list[Row]) -> Row:
    """A tax rate from its components; a compound one is charged on top of the others."""
    plain = compound = ZERO
    shown = []
    for part in components:
        rate = places(Decimal(str(part["Rate"])), 4)
        compounds = bool(part.get("IsCompound"))
        plain, compound = (plain, compound + rate) if compounds else (plain + rate, compound)
        shown.append(
            {
                "Name": part["Name"],
                "Rate": rate,
                "IsCompound": compounds,
                "IsNonRecoverable": bool(part.get("IsNonRecoverable")),
            }
        )
    effective = plain + compound * (1 + plain / 100)
    return {
        "Name": name,
        "TaxType": tax_type,
        "Status": "ACTIVE",
        "ReportTaxType": "OUTPUT",
        **_scope("a"),
        "DisplayTaxRate": places(plain + compound, 4),
        "EffectiveRate": places(effective, 4),
        "TaxComponents": shown,
    }


def _scope(scope: str) -> Row:
    wide = scope == "a"
    return {
        "CanApplyToAssets": True,
        "CanApplyToEquity": True,
        "CanApplyToExpenses": wide or scope == "x",
        "CanApplyToLiabilities": True,
        "CanApplyToRevenue": wide or scope == "r",
    }


def _accounts(books: Books) -> None:
    rates = rates_of(books.settings.country)
    taxes = {"sales": rates[0][0], "purchases": rates[1][0], "none": "NONE"}
    for code, name, kind, tax, system in _ACCOUNTS:
        values: dict[str, Any] = {"Code": code, "Name": name, "TaxType": taxes[tax]}
        row = account(values, kind)
        if system:
            row["SystemAccount"] = system
        if kind == "BANK":
            number = {"BankAccountNumber": f"12-3456-0{code}-00", "BankAccountType": "BANK"}
            row |= {**number, "CurrencyCode": books.settings.base_currency}
        row["EnablePaymentsToAccount"] = code in ("404", "855")
        books.put("Accounts", row)


def account(values: Row, kind: str) -> Row:
    """An account of a type, active, with what Xero works out for it."""
    return {
        "Status": "ACTIVE",
        "EnablePaymentsToAccount": False,
        "ShowInExpenseClaims": False,
        "AddToWatchlist": False,
        "HasAttachments": False,
        **values,
        "Type": kind,
        "Class": _CLASSES[kind],
    }
