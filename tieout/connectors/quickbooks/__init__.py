"""QuickBooks Online: the ledger's lists, its documents and payments, over the Accounting API v3.

Read `CONNECTOR` at the end first. Sources: Intuit's API reference, and its pages on
OAuth 2.0, limits and throttles, data queries, change data capture and batch operations.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, Literal

from pydantic import BaseModel, Field

from tieout.connectors import base, ledger, oauth
from tieout.connectors.base import Request, Since, Stream, Token, Writer
from tieout.connectors.quickbooks import (
    build,
    changes,
    faults,
    files,
    queries,
    taxes,
    translate,
    webhook,
    wire,
)
from tieout.connectors.quickbooks.unverified import UNVERIFIED
from tieout.model.document import Document
from tieout.model.party import Client
from tieout.model.project import Project
from tieout.model.settlement import ListEntry, ListKind, Payment, RemoteInvoice

_HOSTS = {
    "production": "https://quickbooks.api.intuit.com",
    "sandbox": "https://sandbox-quickbooks.api.intuit.com",
}
_TOKENS = "https://oauth.platform.intuit.com"
_PAGE = "https://appcenter.intuit.com/connect/oauth2"


class Settings(base.Settings):
    """One company. `base_url` replaces Intuit's hosts, for sign-in unless those are given."""

    realm_id: str = Field(pattern=r"^\d+$")  # the company's id
    environment: Literal["production", "sandbox"] = "production"
    minor_version: str = "75"  # Intuit answers as 75 whatever is said
    token_url: str = ""  # "" = Intuit's
    authorize_url: str = ""  # "" = Intuit's
    # As registered there to the letter: production keys need https and a name, not this machine.
    redirect_url: str = base.HERE


# -- sign-in ----------------------------------------------------------------------------
def _base_url(settings: Settings) -> str:
    host = settings.base_url.rstrip("/") or _HOSTS[settings.environment]
    return f"{host}/v3/company/{settings.realm_id}"


def _headers(settings: Settings, secrets: Mapping[str, str], token: Token | None) -> dict[str, str]:
    return {"Authorization": f"Bearer {token.access}"} if token else {}


def _grant(settings: Settings, secrets: Mapping[str, str], refresh: str, now: datetime) -> Request:
    """A refresh, the first time with the token an operator gave. Its value changes with use."""
    refresh = refresh or secrets["refresh_token"]
    return _ask(settings, secrets, grant_type="refresh_token", refresh_token=refresh)


def _exchange(settings: Settings, secrets: Mapping[str, str], code: base.Code) -> Request:
    return _ask(settings, secrets, **oauth.code_form(code))


def _ask(settings: Settings, secrets: Mapping[str, str], **form: str) -> Request:
    host = settings.base_url.rstrip("/") or _TOKENS
    url = settings.token_url or f"{host}/oauth2/v1/tokens/bearer"
    call = oauth.token_call(url, secrets, form)
    # Asks to be told when the grant itself ends: no refresh puts that off.
    told = ("x-include-refresh-token-hard-expires-in", "true")
    return replace(call, headers=(*call.headers, told))


def _page(settings: Settings) -> str:
    there = settings.base_url.rstrip("/") + "/connect/oauth2" if settings.base_url else _PAGE
    return settings.authorize_url or there


def _token(answer: Any, now: datetime) -> Token:
    """The token in an answer, its lives counted in seconds."""
    grant_ends = ("x_refresh_token_expires_in", "x_refresh_token_hard_expires_in")
    lives = [int(answer[name]) for name in grant_ends if answer.get(name)]
    return oauth.token_in(answer, now, timedelta(seconds=min(lives)) if lives else None)


# -- streams ----------------------------------------------------------------------------
def _stream(
    name: str, entity: str, request: Any, read: Any, facts: type, kind: str, shape: type[BaseModel]
) -> Stream:
    changing = shape is not wire.ListRow
    feed = base.Watermark(of=lambda row: None, overlap_s=300, answered=queries.answered)
    return Stream(
        name=name,
        kind=kind,
        yields=facts,
        wire=shape,
        request=request,
        pages=base.Offset(rows=queries.rows(entity), size=queries.PAGE, at=queries.at),
        # The mark is QuickBooks' clock alone: a row changed while later pages are read
        # must not move it past one that changed on an earlier page.
        cursor=feed if changing else base.FullScan(answered=queries.clock),
        key=lambda row: str(row.get("Id", "1")),
        read=read,
        revision=lambda row: str(row.get("SyncToken", "")),
        deleted=lambda row: row.get("status") == "Deleted",
    )


def _list(name: str, entity: str, kind: ListKind, path: str = "", **details: str) -> Stream:
    """A list read whole each time, with its inactive rows; with a path, a record there is one of.

    `details` name the fields they stand in: see `translate.entry`.
    """
    columns = "*, Sku" if entity == "Item" else "*"  # Sku comes only when it is named

    def request(since: Since, settings: Settings) -> Request:
        if path:
            return queries.get(path.format(settings.realm_id), settings, f"read {entity}")
        return queries.query(entity, settings, queries.LISTED, columns=columns)

    read = translate.entry(kind, details)
    return _stream(name, entity, request, read, ListEntry, "list_entry", wire.ListRow)


_COMPANY = "/companyinfo/{}"
STREAMS = (
    _list("company_info", "CompanyInfo", ListKind.COMPANY, _COMPANY, country="Country",
          offering="NameValue.OfferingSku", subscription="NameValue.SubscriptionStatus"),
    _list("preferences", "Preferences", ListKind.PREFERENCES, "/preferences",
          home_currency="CurrencyPrefs.HomeCurrency.value",
          multicurrency="CurrencyPrefs.MultiCurrencyEnabled",
          own_numbers="SalesFormsPrefs.CustomTxnNumbers",  # False: duplicates are not refused
          auto_apply_credit="SalesFormsPrefs.AutoApplyCredit",
          auto_apply_payments="SalesFormsPrefs.AutoApplyPayments",
          class_per_line="AccountingInfoPrefs.ClassTrackingPerTxnLine",
          departments="AccountingInfoPrefs.TrackDepartments",
          book_close_date="AccountingInfoPrefs.BookCloseDate",  # often not told
          automated_sales_tax="TaxPrefs.PartnerTaxEnabled"),
    _list("customers", "Customer", ListKind.CUSTOMER, email="PrimaryEmailAddr.Address",
          job="Job", bill_with_parent="BillWithParent", is_project="IsProject"),
    _list("items", "Item", ListKind.ITEM, type="Type", sku="Sku", unit_price="UnitPrice",
          taxable="Taxable", income_account_id="IncomeAccountRef.value"),
    _list("accounts", "Account", ListKind.ACCOUNT, type="AccountType", number="AcctNum"),
    _list("terms", "Term", ListKind.TERM, due_days="DueDays", day_of_month_due="DayOfMonthDue"),
    _list("tax_codes", "TaxCode", ListKind.TAX_CODE, taxable="Taxable", group="TaxGroup",
          sales_rates="SalesTaxRateList.TaxRateDetail[].TaxRateRef.value"),
    _list("classes", "Class", ListKind.CLASS),
    _list("departments", "Department", ListKind.DEPARTMENT),
    _stream("invoices", "Invoice", queries.changes("Invoice"), translate.invoice,
            RemoteInvoice, "remote_invoice", wire.Invoice),
    _stream("credit_memos", "CreditMemo", queries.changes("CreditMemo"), translate.credit_memo,
            RemoteInvoice, "remote_credit", wire.CreditMemo),
    _stream("payments", "Payment", queries.changes("Payment"), translate.payment,
            Payment, "payment", wire.Payment),
)  # fmt: skip


#: The lists whose changes the feed tells. It does not tell of tax codes; of the company and
#: its preferences nobody says that it does, and each is one record.
_FED = {"customers": "Customer", "items": "Item", "accounts": "Account", "terms": "Term",
        "classes": "Class", "departments": "Department"}  # fmt: skip
FEED = base.Feed(
    streams=tuple(_FED),
    request=lambda names, since, settings: queries.feed(
        [_FED[name] for name in names], since, settings
    ),
    changed=lambda answer: {name for name, entity in _FED.items() if entity in queries.fed(answer)},
    answered=queries.clock,
)


# -- writers ----------------------------------------------------------------------------
def _party(name: str, takes: type, depends_on: tuple[str, ...], make: Any) -> Writer:
    return Writer(
        name=name,
        takes=takes,
        depends_on=depends_on,
        build=make,
        send=build.sender("customer"),
        record=build.record("Customer"),
        read=translate.ref,
        digest=translate.customer_digest,
        expect=build.expect_name,
        finds=build.FIND_NAMES,
        key_length=build.CALL_KEY,
    )


def _document(name: str, entity: str, depends_on: tuple[str, ...], **more: Any) -> Writer:
    return Writer(
        name=name,
        takes=Document,
        depends_on=depends_on,
        build=build.sales_document,
        send=build.sender(entity.lower()),
        record=build.record(entity),
        read=translate.ref,
        digest=translate.document_digest,
        expect=ledger.expect_document,
        finds=build.find_documents(entity),
        key_length=build.CALL_KEY,
        **more,
    )


_TIMESHEET = Writer(
    name=base.TIMESHEET,
    takes=Document,
    depends_on=(base.INVOICE,),
    build=ledger.attach,
    send=files.send,
    record=files.record,
    read=files.ref,
    digest=files.digest,
    expect=ledger.expect_file,
    finds=files.FIND,
    key_length=build.CALL_KEY,
    keyless=True,
)


_ALLOCATION = Writer(
    name=base.ALLOCATION,
    takes=Document,
    depends_on=(base.CREDIT_NOTE,),
    build=changes.allocation,
    send=build.sender("payment"),
    record=build.record("Payment"),
    read=translate.ref,
    digest=translate.allocation_digest,
    expect=changes.expect_allocation,
    finds=build.FIND_ALLOCATIONS,
    key_length=build.CALL_KEY,
    look=changes.INVOICES.look,
)


def _change(name: str, make: Any, send: Any, digest: Any, expect: Any, finds: Any) -> Writer:
    return Writer(
        name=name,
        takes=Document,
        depends_on=(base.INVOICE,),
        build=make,
        send=send,
        record=build.record("Invoice"),
        read=translate.ref,
        digest=digest,
        expect=expect,
        finds=finds,
        key_length=build.CALL_KEY,
        look=changes.INVOICES.look,
        changes=True,
    )


CONNECTOR = base.Connector(
    slug="quickbooks",
    title="QuickBooks Online",
    family=base.Family.LEDGER,
    settings=Settings,
    base_url=_base_url,
    company=lambda settings: str(settings.realm_id),
    auth=base.Auth(
        headers=_headers,
        grant=_grant,
        read=_token,
        secrets=("client_id", "client_secret", "refresh_token"),
        starts_with="refresh_token",
        browser=base.Browser(
            page=_page,
            scopes=lambda settings: ("com.intuit.quickbooks.accounting",),
            exchange=_exchange,
            redirect=lambda settings: str(settings.redirect_url),
            company=lambda query: query.get("realmId", ""),
            setting="realm_id",
        ),
    ),
    errors=faults.errors,
    faults=faults.FAULTS,
    pace=(
        base.Limit(name="calls a minute", count=500, per_s=60),
        base.Limit(name="calls a second", count=10, per_s=1),
        # People send no batches; two are spare for calls that take longer on their way.
        base.Limit(name="batches a minute", count=40, per_s=60, applies=build.is_batch, kept=2),
    ),
    at_once=4,  # more than ten are refused; Intuit's advice is to stay well below
    streams=STREAMS,
    feed=FEED,
    writers=(
        _party(base.CUSTOMER, Client, (), build.customer),
        _party(base.PROJECT, Project, (base.CUSTOMER,), build.sub_customer),
        _document(base.INVOICE, "Invoice", (base.CUSTOMER, base.PROJECT), batch=build.BATCH),
        _document(base.CREDIT_NOTE, "CreditMemo", (base.INVOICE,)),
        _ALLOCATION,
        _change(
            base.VOID,
            changes.void,
            changes.send_void,
            translate.void_digest,
            ledger.expect_void,
            changes.INVOICES.find_void,
        ),
        _change(
            base.CORRECTION,
            changes.correction,
            changes.send_correction,
            translate.worded,
            ledger.expect_correction,
            changes.INVOICES.find_correction,
        ),
        _TIMESHEET,
    ),
    identity=base.Identity(
        request=lambda settings: queries.get(
            _COMPANY.format(settings.realm_id), settings, "read CompanyInfo"
        ),
        # The answer names the company but not its id: the settings do.
        read=lambda answer: ("", str(answer["CompanyInfo"]["CompanyName"])),
    ),
    trace_header="intuit_tid",
    one_currency=True,
    memo_lines=True,
    tax_words={"US": ("TAX", "NON")},  # the words themselves, on every line
    refuses_taxes=lambda settings, country: taxes.refused(country),
    webhook=webhook.WEBHOOK,
    about=("company_info", "preferences"),
    unverified=UNVERIFIED,
)
