"""Xero: the ledger's lists, invoices and payments, over the Accounting API 2.0.

Read `CONNECTOR` at the end first. Sources: Xero's published specification of the Accounting
API, its pages on OAuth 2.0, scopes, limits, idempotency and rounding.
"""

from __future__ import annotations

import base64
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import Any, Literal
from urllib.parse import urlencode

from pydantic import BaseModel, Field, model_validator

from tieout.connectors import base
from tieout.connectors.base import Request, Stream, Token, Writer
from tieout.connectors.xero import build, faults, queries, translate, webhook, wire
from tieout.errors import Misconfigured
from tieout.model.document import Document
from tieout.model.party import Client
from tieout.model.settlement import ListEntry, ListKind, Payment, RemoteInvoice

_API, _IDENTITY = "https://api.xero.com", "https://identity.xero.com"
#: What Tieout needs (granular scopes, which apps of 2026 must ask for).
SCOPES = "accounting.invoices accounting.payments.read accounting.contacts accounting.settings.read"
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

    @model_validator(mode="after")
    def _names_its_organisation(self) -> Settings:
        if self.sign_in == "consent" and not self.tenant_id:
            raise ValueError("tenant_id is missing: one consent may open several organisations")
        return self


# -- sign-in ----------------------------------------------------------------------------
def _base_url(settings: Settings) -> str:
    return f"{settings.base_url.rstrip('/') or _API}/api.xro/2.0"


def _headers(settings: Settings, secrets: Mapping[str, str], token: Token | None) -> dict[str, str]:
    headers = {"xero-tenant-id": settings.tenant_id} if settings.tenant_id else {}
    return headers | ({"Authorization": f"Bearer {token.access}"} if token else {})


def _grant(settings: Settings, secrets: Mapping[str, str], refresh: str, now: datetime) -> Request:
    """A refresh, the first time with the token a person gave; a custom connection has none.

    An app without a secret (PKCE) only names itself. Raises Misconfigured when the secret that
    the chosen sign-in needs is missing.
    """
    client_id, client_secret = secrets["client_id"], secrets.get("client_secret", "")
    if settings.sign_in == "custom_connection":
        form = {"grant_type": "client_credentials", "scope": SCOPES}
        needed, name = client_secret, "client_secret"
    else:
        needed, name = refresh or secrets.get("refresh_token", ""), "refresh_token"
        form = {"grant_type": "refresh_token", "refresh_token": needed}
    if not needed:
        raise Misconfigured(f"Xero's sign-in {settings.sign_in} needs the secret {name}")
    signed: tuple[tuple[str, str], ...] = ()
    if client_secret:
        pair = base64.b64encode(f"{client_id}:{client_secret}".encode())
        signed = (("Authorization", f"Basic {pair.decode()}"),)
    else:
        form["client_id"] = client_id
    return Request(
        method="POST",
        path=settings.token_url or f"{settings.base_url.rstrip('/') or _IDENTITY}/connect/token",
        headers=signed,
        body=urlencode(form).encode(),
        content_type="application/x-www-form-urlencoded",
        purpose="sign in",
    )


def _token(answer: Any, now: datetime) -> Token:
    """The token in an answer, its life counted in seconds."""
    refresh = answer.get("refresh_token") or ""
    return Token(
        access=answer["access_token"],
        refresh=refresh,
        expires_at=now + timedelta(seconds=int(answer["expires_in"])),
        refresh_expires_at=now + _REFRESH_LIFE if refresh else None,
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
def _stream(name: str, kind: str, facts: type, shape: type[BaseModel], **how: Any) -> Stream:
    return Stream(name=name, kind=kind, yields=facts, wire=shape, **how)


def _revision(row: base.Row) -> str:
    return str(row.get("UpdatedDateUTC") or "")


def _list(
    name: str, resource: str, rows: Callable[[Any], list[base.Row]], key: str, read: Any,
    **params: str,
) -> Stream:  # fmt: skip
    """A list read whole each time, in one call."""
    return _stream(
        name, "list_entry", ListEntry, wire.ListRow,
        request=lambda since, settings: queries.get(resource, **params),
        pages=base.OnePage(rows=rows), cursor=base.FullScan(),
        key=lambda row: str(row[key]), revision=_revision, read=read,
    )  # fmt: skip


def _changing(
    resource: str, key: str, kind: str, facts: type, shape: type[BaseModel], read: Any,
    types: tuple[str, ...] = (), **params: str,
) -> Stream:  # fmt: skip
    """What is asked for by its changes, page by page."""
    feed = base.Watermark(of=lambda row: None, overlap_s=300, answered=queries.answered)
    name = "credit_notes" if resource == "CreditNotes" else resource.lower()
    return _stream(
        name, kind, facts, shape, request=queries.changes(resource, key, **params),
        pages=queries.pages(queries.rows(resource, *types)), cursor=feed,
        key=lambda row: str(row[key]), revision=_revision, read=read,
        # A draft that was thrown away; an approved invoice can only be voided.
        deleted=lambda row: resource == "Invoices" and row.get("Status") == "DELETED",
    )  # fmt: skip


def _entry(kind: ListKind, remote_id: str, code: str = "", **details: str) -> Any:
    return translate.entry(kind, remote_id, code, details)


def _credits(resource: str, key: str, *types: str) -> Stream:
    """Credits set against invoices: payments of their own kind."""
    read = translate.credit
    return _changing(resource, key, "payment", Payment, wire.Credit, read, types)


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
              # Drafts are in nobody's books yet.
              Statuses="AUTHORISED,PAID,VOIDED,DELETED"),
    _changing("Payments", "PaymentID", "payment", Payment, wire.Payment, translate.payment,
              # Not bills, and not what was paid back to a client.
              where='PaymentType=="ACCRECPAYMENT"'),
    _credits("CreditNotes", "CreditNoteID", "ACCRECCREDIT"),
    _credits("Overpayments", "OverpaymentID", "RECEIVE-OVERPAYMENT", "AROVERPAYMENT"),
    _credits("Prepayments", "PrepaymentID", "RECEIVE-PREPAYMENT", "ARPREPAYMENT"),
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
        read=_token,
        secrets=("client_id",),
        one_of=("client_secret", "refresh_token"),
        starts_with="refresh_token",
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
    writers=(
        Writer(
            name=base.CUSTOMER, takes=Client, depends_on=(), build=build.contact,
            send=build.sender("Contacts"), record=build.record("Contacts", "ContactID"),
            read=translate.ref, digest=translate.contact_digest, expect=build.expect_contact,
            finds=build.FIND_CONTACTS, key_length=128,
        ),
        Writer(
            name=base.INVOICE, takes=Document, depends_on=(base.CUSTOMER,), build=build.invoice,
            send=build.sender("Invoices"), record=build.record("Invoices", "InvoiceID"),
            read=translate.ref, digest=translate.invoice_digest, expect=build.expect_invoice,
            finds=build.FIND_INVOICES, key_length=128, batch=build.BATCH,
        ),
    ),
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
    unlisted=(ListKind.TERM,),  # terms are days on the contact; an invoice has its due date
)  # fmt: skip
