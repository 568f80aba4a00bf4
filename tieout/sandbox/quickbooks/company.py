"""The company and its preferences as the API shows them (Intuit: CompanyInfo, Preferences)."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from tieout.sandbox.quickbooks.lists import currency_reference
from tieout.sandbox.quickbooks.wire import Row, moment

if TYPE_CHECKING:
    from tieout.sandbox.quickbooks.books import Books


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
        "CompanyAddr": {"Id": "1", "Line1": "1 Main Street", "Country": settings.country},
        "CompanyStartDate": began,
        "FiscalYearStartMonth": "January",
        "Country": settings.country,
        "Email": {"Address": "books@northwind.example"},
        "SupportedLanguages": "en",
        "NameValue": [{"Name": name, "Value": value} for name, value in pairs.items()],
        **_header(books),
    }


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
    other = {"ProjectsEnabled": "false", "SalesFormsPrefs.DefaultCustomerMessage": "Thank you."}
    return {
        "AccountingInfoPrefs": accounting,
        "ProductAndServicesPrefs": {"ForSales": True, "QuantityWithPriceAndRate": True},
        "SalesFormsPrefs": {
            "CustomField": [],
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
