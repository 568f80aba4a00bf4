"""Companies as Intuit sets them up: accounts, terms, tax codes, one service."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tieout.sandbox.quickbooks import sample
from tieout.sandbox.quickbooks.taxservice import add_code
from tieout.sandbox.quickbooks.wire import Row

if TYPE_CHECKING:
    from tieout.sandbox.quickbooks.books import Books

#: (number, name, type, sub-type)
_ACCOUNTS = (
    ("1000", "Checking", "Bank", "Checking"),
    ("1010", "Savings", "Bank", "Savings"),
    ("1100", "Accounts Receivable (A/R)", "Accounts Receivable", "AccountsReceivable"),
    ("1200", "Undeposited Funds", "Other Current Asset", "UndepositedFunds"),
    ("1300", "Prepaid Expenses", "Other Current Asset", "PrepaidExpenses"),
    ("1500", "Office Equipment", "Fixed Asset", "FurnitureAndFixtures"),
    ("2000", "Accounts Payable (A/P)", "Accounts Payable", "AccountsPayable"),
    ("2100", "Company Card", "Credit Card", "CreditCard"),
    ("2200", "Client Retainers", "Other Current Liability", "OtherCurrentLiabilities"),
    ("2210", "Deferred Revenue", "Other Current Liability", "DeferredRevenue"),
    ("2300", "Sales Tax Payable", "Other Current Liability", "SalesTaxPayable"),
    ("3000", "Opening Balance Equity", "Equity", "OpeningBalanceEquity"),
    ("3100", "Retained Earnings", "Equity", "RetainedEarnings"),
    ("4000", "Services", "Income", "ServiceFeeIncome"),
    ("4010", "Reimbursed Expenses", "Income", "OtherPrimaryIncome"),
    ("4020", "Sales of Product Income", "Income", "SalesOfProductIncome"),
    ("4900", "Discounts given", "Income", "DiscountsRefundsGiven"),
    ("5000", "Cost of Labor", "Cost of Goods Sold", "CostOfLaborCos"),
    ("5100", "Subcontractors", "Cost of Goods Sold", "OtherCostsOfServiceCos"),
    ("6000", "Software", "Expense", "OfficeGeneralAdministrativeExpenses"),
    ("6100", "Bad debts", "Expense", "BadDebts"),
    ("8000", "Exchange Gain or Loss", "Other Expense", "ExchangeGainOrLoss"),
)
_TERMS = (("Due on receipt", 0), ("Net 15", 15), ("Net 30", 30), ("Net 60", 60))
#: By country: (agency, rates by name, codes with the names of their rates, whether taxable)
_Rates = dict[str, str]
_Codes = tuple[tuple[str, tuple[str, ...], bool], ...]
_TAXES: dict[str, tuple[str, _Rates, _Codes]] = {
    "US": (
        "Board of Equalization",
        {"California": "8", "AZ State tax": "7.1", "Tucson City": "2"},
        (("California", ("California",), True), ("Tucson", ("AZ State tax", "Tucson City"), True)),
    ),
    "GB": (
        "HM Revenue & Customs",
        {"20.0% S (Sales)": "20", "5.0% R (Sales)": "5", "0.0% Z (Sales)": "0"},
        (
            ("20.0% S", ("20.0% S (Sales)",), True),
            ("5.0% R", ("5.0% R (Sales)",), True),
            ("0.0% Z", ("0.0% Z (Sales)",), True),
            ("Exempt", (), False),
            ("No VAT", (), False),
        ),
    ),
    "CA": (
        "Canada Revenue Agency",
        {"GST": "5", "HST (ON)": "13", "QST 9.975": "9.975", "Zero-rated": "0"},
        (
            ("GST", ("GST",), True),
            ("HST ON", ("HST (ON)",), True),
            ("GST/QST QC - 9.975", ("GST", "QST 9.975"), True),
            ("Zero-rated", ("Zero-rated",), True),
            ("Exempt", (), False),
        ),
    ),
    "AU": (
        "Australian Taxation Office",
        {"GST (sales)": "10", "GST-free (sales)": "0"},
        (
            ("GST", ("GST (sales)",), True),
            ("GST free", ("GST-free (sales)",), True),
            ("Out of scope", (), False),
        ),
    ),
}
_ELSEWHERE: tuple[str, _Rates, _Codes] = (
    "Tax Office",
    {"20.0% (Sales)": "20", "0.0% (Sales)": "0"},
    (
        ("20.0%", ("20.0% (Sales)",), True),
        ("0.0%", ("0.0% (Sales)",), True),
        ("Exempt", (), False),
    ),
)


def fill(books: Books, preset: str) -> None:
    """Set a company up; the sample also gets a year of trade."""
    books.backdated = books.started - sample.HISTORY
    _accounts(books)
    for name, days in _TERMS:
        books.create("Term", {"Name": name, "DueDays": days})
    _taxes(books)
    for name in ("Cash", "Check", "Bank transfer"):
        books.create("PaymentMethod", {"Name": name, "Type": "NON_CREDIT_CARD"})
    income = account(books, "Services")
    for name in ("Services", "Hours"):
        service = {"Name": name, "Type": "Service", "Description": name}
        books.create("Item", {**service, "IncomeAccountRef": {"value": income["Id"]}})
    if preset == "sample":
        sample.trade(books)
    books.backdated = None
    books.changes.clear()


def account(books: Books, name: str) -> Row:
    """The account of a name."""
    return next(row for row in books.rows("Account") if row["Name"] == name)


def _accounts(books: Books) -> None:
    for code, name, kind, sub_type in _ACCOUNTS:
        values = {"AcctNum": code, "Name": name, "AccountType": kind, "AccountSubType": sub_type}
        books.create("Account", values)


def _taxes(books: Books) -> None:
    country = books.settings.country
    agency_name, rates, codes = _TAXES.get(country, _ELSEWHERE)
    agency = books.create("TaxAgency", {"DisplayName": agency_name})
    rows: dict[str, Row] = {}
    for name, percent in rates.items():
        values = {"Name": name, "RateValue": Decimal(percent), "Description": name}
        rows[name] = books.create("TaxRate", {**values, "AgencyRef": {"value": agency["Id"]}})
    if country == "US":
        # The pseudo codes of lines are rows of TaxCode whose ids are words.
        for code, taxable in (("TAX", True), ("NON", False), ("CustomSalesTax", True)):
            pseudo = {"Id": code, "Name": code, "Description": code, "Taxable": taxable}
            books.put("TaxCode", {**pseudo, "Active": True, "TaxGroup": False})
    for name, parts, taxable in codes:
        add_code(books, name, [rows[part] for part in parts], taxable=taxable)
