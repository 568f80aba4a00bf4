"""Xero: the ledger's lists, its documents and payments, over the Accounting API 2.0.

Read `CONNECTOR` at the end first. Sources: Xero's published specification of the Accounting
API, its pages on OAuth 2.0, scopes, limits, idempotency and rounding.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from functools import partial
from typing import Any, Literal

from pydantic import BaseModel, Field, model_validator

from tieout.connectors import base, ledger
from tieout.connectors.base import Request, Stream, Token, Writer
from tieout.connectors.oauth import exchange, token_call, token_in
from tieout.connectors.xero import build, changes, faults, files, queries, translate, webhook, wire
from tieout.connectors.xero.unverified import UNVERIFIED
from tieout.errors import Misconfigured
from tieout.model.document import Document
from tieout.model.party import Client
from tieout.model.settlement import ListEntry, ListKind, Payment, RemoteInvoice

_API, _IDENTITY = "https://api.xero.com", "https://identity.xero.com"
_LOGIN = "https://login.xero.com"
#: What Tieout needs (granular scopes, which apps of 2026 must ask for).
SCOPES = (
    "accounting.invoices accounting.payments.read accounting.contacts accounting.settings.read "
    "accounting.attachments"
)
#: A refresh token that is not used for so long is dead; each use gives a new one.
_REFRESH_LIFE = timedelta(days=60)


class Settings(base.Settings):
    """One organisation. `base_url` replaces Xero's data host, and its token host unless given."""

    sign_in: Literal["consent", "custom_connection"] = "consent"
    tenant_id: str = Field(default="", pattern=r"^[\w-]*$")  # a custom connection has only one
    class_category: str = ""  # the tracking category that stands for classes, "" = any other
    department_category: str = ""  # the one that stands for departments
    calls_a_day: int = Field(default=5000, ge=100)  # 1000 for an app on the Starter tier
    token_url: str = ""  # "" = Xero's
    authorize_url: str = ""  # "" = Xero's
    redirect_url: str = base.HERE  # as registered with the app, to the letter

    @model_validator(mode="after")
    def _names_its_organisation(self) -> Settings:
        if self.sign_in == "consent" and not self.tenant_id:
            raise ValueError("tenant_id is missing: one consent may open several organisations")
        return self


# -- sign-in ----------------------------------------------------------------------------
def _base_url(settings: Settings) -> str:
    return f"{_host(settings, _API)}/api.xro/2.0"


def _host(settings: Settings, theirs: str) -> str:
    return settings.base_url.rstrip("/") or theirs


def _headers(settings: Settings, secrets: Mapping[str, str], token: Token | None) -> dict[str, str]:
    headers = {"xero-tenant-id": settings.tenant_id} if settings.tenant_id else {}
    return headers | ({"Authorization": f"Bearer {token.access}"} if token else {})


def _grant(settings: Settings, secrets: Mapping[str, str], refresh: str, now: datetime) -> Request:
    """A refresh, the first time with the token a person gave; a custom connection has none.

    Raises Misconfigured when the secret that the chosen sign-in needs is missing.
    """
    if settings.sign_in == "custom_connection":
        form = {"grant_type": "client_credentials", "scope": SCOPES}
        needed, name = secrets.get("client_secret", ""), "client_secret"
    else:
        needed, name = refresh or secrets.get("refresh_token", ""), "refresh_token"
        form = {"grant_type": "refresh_token", "refresh_token": needed}
    if not needed:
        raise Misconfigured(f"Xero's sign-in {settings.sign_in} needs the secret {name}")
    return token_call(_tokens(settings), secrets, form)


def _tokens(settings: Settings) -> str:
    return settings.token_url or f"{_host(settings, _IDENTITY)}/connect/token"


def _companies(settings: Settings) -> Request:
    path = f"{_host(settings, _API)}/connections"
    return Request(method="GET", path=path, purpose="list organisations")


def _listed(answer: Any) -> tuple[base.Company, ...]:
    """The organisations a consent opens; practices are listed among them."""
    return tuple(
        base.Company(company=str(one["tenantId"]), name=str(one.get("tenantName") or ""))
        for one in answer
        if one.get("tenantType") == "ORGANISATION"
    )


BROWSER = base.Browser(
    page=lambda settings: (
        settings.authorize_url or f"{_host(settings, _LOGIN)}/identity/connect/authorize"
    ),
    # Without the first of them there is no refresh token.
    scopes=lambda settings: ("offline_access", *SCOPES.split()),
    exchange=exchange(_tokens),
    pkce=True,
    redirect=lambda settings: str(settings.redirect_url),
    applies=lambda settings: bool(settings.sign_in == "consent"),
    companies=_companies,
    listed=_listed,
    setting="tenant_id",
)


def _warnings(answer: Any) -> list[str]:
    """What a person should know of an organisation before the first push."""
    (row,) = answer["Organisations"]
    told = {
        "it is the demo company: after a reset it has another tenant_id": row.get("IsDemoCompany"),
        "its edition PARTNER has no invoices": row.get("Edition") == "PARTNER",
    }
    return [text for text, holds in told.items() if holds]


# -- streams ----------------------------------------------------------------------------
def _revision(row: base.Row) -> str:
    return str(row.get("UpdatedDateUTC") or "")


def _list(
    name: str, resource: str, rows: Callable[[Any], list[base.Row]], key: str, read: Any,
    **params: str,
) -> Stream:  # fmt: skip
    """A list read whole each time, in one call."""
    return Stream(
        name=name, kind="list_entry", yields=ListEntry, wire=wire.ListRow,
        request=lambda since, settings: queries.get(resource, **params),
        pages=base.OnePage(rows=rows), cursor=base.FullScan(),
        key=lambda row: str(row[key]), revision=_revision, read=read,
    )  # fmt: skip


#: Drafts are in nobody's books, kept or thrown away; what was approved can only be voided.
_NOT_ISSUED = ("DRAFT", "SUBMITTED", "DELETED")


def _changing(
    resource: str, key: str, kind: str, facts: type, shape: type[BaseModel], read: Any,
    types: tuple[str, ...] = (), name: str = "", **params: str,
) -> Stream:  # fmt: skip
    """What is asked for by its changes, page by page."""
    feed = base.Watermark(of=lambda row: None, overlap_s=300, answered=queries.answered)
    return Stream(
        name=name or resource.lower(), kind=kind, yields=facts, wire=shape,
        request=queries.changes(resource, key, **params),
        pages=queries.pages(queries.rows(resource, *types)), cursor=feed,
        key=lambda row: str(row[key]), revision=_revision, read=read,
        deleted=lambda row: facts is RemoteInvoice and row.get("Status") in _NOT_ISSUED,
    )  # fmt: skip


def _credits(resource: str, key: str, *types: str, name: str = "") -> Stream:
    """Credits set against invoices: payments of their own kind."""
    how = ("payment", Payment, wire.Credit, translate.credit)
    return _changing(resource, key, *how, types, name)


_entry = translate.entry
STREAMS = (
    _list("organisation", "Organisation", queries.organisation, "Part", translate.organisation),
    _changing("Contacts", "ContactID", "list_entry", ListEntry, wire.ListRow,
              _entry(ListKind.CUSTOMER, "ContactID", email="EmailAddress", key="ContactNumber",
                     merged_to="MergedToContactID"), includeArchived="true"),
    _list("items", "Items", queries.rows("Items"), "ItemID",
          _entry(ListKind.ITEM, "Code", "Code", unit_price="SalesDetails.UnitPrice",
                 account="SalesDetails.AccountCode", tax_code="SalesDetails.TaxType"),
          unitdp="4"),
    _list("accounts", "Accounts", queries.rows("Accounts"), "AccountID",
          _entry(ListKind.ACCOUNT, "AccountID", type="Type", number="Code", tax_code="TaxType",
                 system="SystemAccount")),
    _list("tax_rates", "TaxRates", queries.rows("TaxRates"), "TaxType",
          _entry(ListKind.TAX_CODE, "TaxType", "TaxType", rate="EffectiveRate",
                 for_sales="CanApplyToRevenue")),
    _list("tracking", "TrackingCategories", queries.options, "TrackingOptionID",
          translate.option, includeArchived="true"),
    _changing("Invoices", "InvoiceID", "remote_invoice", RemoteInvoice, wire.Invoice,
              translate.invoice, where='Type=="ACCREC"', includeArchived="true",
              Statuses="AUTHORISED,PAID,VOIDED,DELETED"),
    _changing("Payments", "PaymentID", "payment", Payment, wire.Payment, translate.payment,
              # Not bills, and not what was paid back to a client.
              where='PaymentType=="ACCRECPAYMENT"'),
    _changing("CreditNotes", "CreditNoteID", "remote_credit", RemoteInvoice, wire.Credit,
              translate.credit_note, ("ACCRECCREDIT",), "credit_notes"),
    _credits("CreditNotes", "CreditNoteID", "ACCRECCREDIT", name="credits_used"),
    _credits("Overpayments", "OverpaymentID", "RECEIVE-OVERPAYMENT", "AROVERPAYMENT"),
    _credits("Prepayments", "PrepaymentID", "RECEIVE-PREPAYMENT", "ARPREPAYMENT"),
)  # fmt: skip


# -- writers ----------------------------------------------------------------------------
def _writer(
    name: str, takes: type, *depends_on: str, resource: str = "Invoices", key: str = "InvoiceID",
    **how: Any,
) -> Writer:  # fmt: skip
    return Writer(
        **{
            "name": name, "takes": takes, "depends_on": depends_on, "key_length": 128,
            "send": build.sender(resource), "record": build.record(resource, key),
            "read": translate.ref, **how,
        }
    )  # fmt: skip


def _document(name: str, resource: str, key: str, depends_on: str, **more: Any) -> Writer:
    return _writer(
        name, Document, depends_on, resource=resource, key=key, build=build.sales_document,
        digest=translate.document_digest, expect=ledger.expect_document,
        finds=build.find_documents(resource), **more,
    )  # fmt: skip


def _change(name: str, **how: Any) -> Writer:
    """What is done to an invoice that is there."""
    return _writer(
        name,
        Document,
        base.INVOICE,
        send=changes.send,
        look=changes.INVOICES.look,
        changes=True,
        **how,
    )


WRITERS = (
    _writer(
        base.CUSTOMER, Client, resource="Contacts", key="ContactID", build=build.contact,
        digest=translate.contact_digest, expect=build.expect_contact, finds=build.FIND_CONTACTS,
    ),
    _document(base.INVOICE, "Invoices", "InvoiceID", base.CUSTOMER, batch=build.BATCH),
    _document(base.CREDIT_NOTE, "CreditNotes", "CreditNoteID", base.INVOICE),
    _writer(
        base.ALLOCATION, Document, base.CREDIT_NOTE, resource="Allocations", key="AllocationID",
        build=changes.allocation, send=changes.send_allocation, keyless=True,
        look=changes.INVOICES.look,
        digest=translate.allocation_digest, expect=changes.expect_allocation,
        finds=changes.FIND_ALLOCATION,
    ),
    _change(
        base.VOID, build=changes.void, digest=translate.void_digest,
        expect=ledger.expect_void, finds=changes.INVOICES.find_void,
    ),
    _change(
        base.CORRECTION, build=changes.correction, digest=translate.worded,
        expect=ledger.expect_correction, finds=changes.INVOICES.find_correction,
    ),
    _writer(
        base.TIMESHEET, Document, base.INVOICE, resource="Attachments", key="AttachmentID",
        build=ledger.attach, send=files.send, read=files.ref, keyless=True,
        digest=files.digest, expect=ledger.expect_file, finds=files.FIND,
    ),
)  # fmt: skip


# -- the connector ----------------------------------------------------------------------
def _organisation(settings: Settings) -> Request:
    return queries.get("Organisation")


CONNECTOR = base.Connector(
    slug="xero",
    title="Xero",
    family=base.Family.LEDGER,
    settings=Settings,
    base_url=_base_url,
    company=lambda settings: str(settings.tenant_id),
    auth=base.Auth(
        headers=_headers,
        grant=_grant,
        read=partial(token_in, refresh_life=_REFRESH_LIFE),
        secrets=("client_id",),
        one_of=("client_secret", "refresh_token"),
        starts_with="refresh_token",
        browser=BROWSER,
    ),
    errors=faults.errors,
    faults=faults.FAULTS,
    pace=(
        base.Limit(name="calls a minute", count=60, per_s=60),
        base.Limit(name="calls a day", count=5000, per_s=86_400, setting="calls_a_day"),
    ),
    at_once=5,
    quotas=(
        base.QuotaHeader(
            name="calls of the day", header="x-daylimit-remaining", pattern=r"^(?P<left>\d+)$",
            total=5000, setting="calls_a_day",
        ),
        # Fixed minutes: whoever looks again in a quarter of one finds a new one soon.
        base.QuotaHeader(
            name="calls of the minute", header="x-minlimit-remaining", pattern=r"^(?P<left>\d+)$",
            total=60, slow_percent=90, stop_percent=100, slow_s=2, look_again_s=15,
        ),
        base.QuotaHeader(
            name="calls of the app's minute", header="x-appminlimit-remaining",
            pattern=r"^(?P<left>\d+)$", total=10_000, slow_percent=90, slow_s=2, look_again_s=15,
        ),
    ),
    streams=STREAMS,
    writers=WRITERS,
    identity=base.Identity(
        request=_organisation,
        read=lambda answer: (
            str(answer["Organisations"][0]["OrganisationID"]),
            str(answer["Organisations"][0]["Name"]),
        ),
        rights=_organisation,
        warnings=_warnings,
    ),
    trace_header="xero-correlation-id",
    webhook=webhook.WEBHOOK,
    memo_lines=True,
    links=True,
    unlisted=(ListKind.TERM,),  # terms are days on the contact; an invoice has its due date
    about=("organisation",),  # told as two records
    unverified=UNVERIFIED,
)  # fmt: skip
