"""The company and its preferences as the API shows them (Intuit: CompanyInfo, Preferences)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tieout.sandbox.quickbooks.lists import currency_reference
from tieout.sandbox.quickbooks.wire import Row, moment

if TYPE_CHECKING:
    from tieout.sandbox.quickbooks.books import Books

_THREE_LETTERS = {
    "US": "USA", "GB": "GBR", "CA": "CAN", "AU": "AUS", "IE": "IRL", "FR": "FRA", "DE": "DEU",
    "ES": "ESP", "IT": "ITA", "NL": "NLD", "NZ": "NZL",
}  # fmt: skip


def _header(books: Books) -> Row:
    made = moment(books.started)
    return {
        "domain": "QBO",
        "sparse": False,
        "Id": "1",
        "SyncToken": "0",
        "MetaData": {"CreateTime": made, "LastUpdatedTime": made},
    }


def company_info(books: Books) -> Row:
    """The CompanyInfo row."""
    settings = books.settings
    began = (books.started - timedelta(days=365)).date().isoformat()
    status = "PAID" if settings.subscription_active else "EXPIRED"
    pairs = {
        "NeoEnabled": "true",
        "IndustryType": "Professional, scientific and technical services",
        "OfferingSku": "QuickBooks Online Plus",
        "SubscriptionStatus": status,
    }
    return {
        "CompanyName": settings.company_name,
        "LegalName": settings.company_name,
        "CompanyAddr": {
            "Id": "1",
            "Line1": "1 Main Street",
            # Three letters since October 2025, whatever was written (Intuit: API changes).
            "Country": _THREE_LETTERS.get(settings.country, settings.country),
        },
        "CompanyStartDate": began,
        "FiscalYearStartMonth": "January",
        "Country": settings.country,
        "Email": {"Address": "books@northwind.example"},
        "SupportedLanguages": "en",
        "NameValue": [{"Name": name, "Value": value} for name, value in pairs.items()],
        **_header(books),
    }


def _custom_fields(names: tuple[str, ...]) -> list[Row]:
    """The names of the up to three custom fields of sales forms, and which are used."""
    used = [
        {"Name": f"SalesFormsPrefs.UseSalesCustom{index}", "Type": "BooleanType"}
        | {"BooleanValue": True}
        for index, _ in enumerate(names, 1)
    ]
    named = [
        {"Name": f"SalesFormsPrefs.SalesCustomName{index}", "Type": "StringType"}
        | {"StringValue": name}
        for index, name in enumerate(names, 1)
    ]
    return [{"CustomField": used}, {"CustomField": named}] if names else []


def _default_terms(books: Books) -> str:
    """The id of the term the company prefers, "" when there is none of that name."""
    wanted = books.settings.default_terms
    return next((row["Id"] for row in books.rows("Term") if row["Name"] == wanted), "")


def preferences(books: Books) -> Row:
    """The Preferences row."""
    settings = books.settings
    accounting: Row = {
        "FirstMonthOfFiscalYear": "January",
        "UseAccountNumbers": True,
        "ClassTrackingPerTxn": settings.class_per_txn,
        "ClassTrackingPerTxnLine": settings.class_per_line,
        "TrackDepartments": settings.track_departments,
        "DepartmentTerminology": "Location",
        "CustomerTerminology": "Customers",
    }
    if books.closed_until is not None:
        accounting["BookCloseDate"] = books.closed_until.isoformat()
    tax: Row = {"UsingSalesTax": settings.using_sales_tax}
    if settings.us and settings.automated_sales_tax:
        tax["PartnerTaxEnabled"] = True
    group = books.automatic_tax_code
    if settings.us and settings.using_sales_tax and group:
        tax["TaxGroupCodeRef"] = {"value": group}
    other = {"ProjectsEnabled": "false", "SalesFormsPrefs.DefaultCustomerMessage": "Thank you."}
    return {
        "AccountingInfoPrefs": accounting,
        "ProductAndServicesPrefs": {"ForSales": True, "QuantityWithPriceAndRate": True},
        "SalesFormsPrefs": {
            "CustomField": _custom_fields(settings.custom_fields),
            **({"DefaultTerms": {"value": terms}} if (terms := _default_terms(books)) else {}),
            "CustomTxnNumbers": settings.custom_txn_numbers,
            "AllowDeposit": settings.allow_deposit,
            "AllowDiscount": settings.allow_discount,
            "AllowEstimates": True,
            "AllowServiceDate": True,
            "AllowShipping": False,
            "AutoApplyCredit": settings.auto_apply_credit,
            "AutoApplyPayments": settings.auto_apply_payments,
            "ETransactionPaymentEnabled": False,
            "UsingProgressInvoicing": False,
        },
        "EmailMessagesPrefs": {},
        "TimeTrackingPrefs": {
            "UseServices": True,
            "BillCustomers": True,
            "ShowBillRateToAll": False,
            "WorkWeekStartDate": "Monday",
            "MarkTimeEntriesBillable": True,
        },
        "TaxPrefs": tax,
        "CurrencyPrefs": {
            "MultiCurrencyEnabled": settings.multicurrency,
            "HomeCurrency": {"value": currency_reference(settings.home_currency)["value"]},
        },
        "OtherPrefs": {
            "NameValue": [{"Name": name, "Value": value} for name, value in other.items()]
        },
        **_header(books),
    }
