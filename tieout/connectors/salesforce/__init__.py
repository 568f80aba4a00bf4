"""Salesforce: deals, their lines and contacts, and accounts, read over the REST API.

Read `CONNECTOR` at the end first; `soql` above it is the only query there is.
Sources: Salesforce's REST guide, object reference and OAuth guide.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any
from urllib.parse import urlencode

import jwt
from simple_salesforce.format import format_soql

from tieout.connectors import base
from tieout.connectors.base import Request, Since, Token
from tieout.connectors.salesforce import faults, translate, wire
from tieout.connectors.salesforce.wire import Settings
from tieout.errors import Misconfigured
from tieout.model.party import Client
from tieout.model.project import Deal, DealContactFact, DealLineFact

_ASSERTION_S = 120  # Salesforce takes an assertion that ends within 3 minutes
_JWT_GRANT = "urn:ietf:params:oauth:grant-type:jwt-bearer"

_DEAL = (
    "Id", "Name", "AccountId", "Account.Name", "Amount", "StageName", "IsClosed", "IsWon",
    "CloseDate", "Type", "OwnerId", "Owner.Name", "HasOpportunityLineItem", "Description",
    "CreatedDate",
)  # fmt: skip
_LINE = (
    "Id", "OpportunityId", "Name", "Product2Id", "ProductCode", "Quantity", "UnitPrice",
    "TotalPrice", "ServiceDate", "Description", "SortOrder",
)  # fmt: skip
_CONTACT = (
    "Id", "OpportunityId", "ContactId", "Role", "IsPrimary", "Contact.Name", "Contact.Email",
)  # fmt: skip
_ACCOUNT = (
    "Id", "Name", "AccountNumber", "BillingStreet", "BillingCity", "BillingState",
    "BillingPostalCode", "BillingCountry",
)  # fmt: skip


# -- sign-in ----------------------------------------------------------------------------
def _headers(settings: Settings, secrets: Mapping[str, str], token: Token | None) -> dict[str, str]:
    headers = {"Sforce-Call-Options": "client=Tieout"}
    return headers | ({"Authorization": f"Bearer {token.access}"} if token else {})


def _grant(settings: Settings, secrets: Mapping[str, str], refresh: str, now: datetime) -> Request:
    """The token call of the chosen flow. No flow here knows refresh tokens: it signs in anew.

    Raises Misconfigured when the flow's secret is missing or is not a key.
    """
    if settings.flow == "jwt":
        form = {"grant_type": _JWT_GRANT, "assertion": _assertion(settings, secrets, now)}
    else:
        form = {
            "grant_type": "client_credentials",
            "client_id": settings.consumer_key,
            "client_secret": _secret(secrets, "client_secret", settings),
        }
    return Request(
        method="POST",
        path=f"{settings.login}/services/oauth2/token",
        body=urlencode(form).encode(),
        content_type="application/x-www-form-urlencoded",
        purpose="sign in",
    )


def _assertion(settings: Settings, secrets: Mapping[str, str], now: datetime) -> str:
    # A key kept in an environment variable often has its line breaks written out.
    key = _secret(secrets, "private_key", settings).replace("\\n", "\n")
    claims = {
        "iss": settings.consumer_key,
        "sub": settings.username,
        "aud": settings.audience or settings.login,
        "exp": int(now.timestamp()) + _ASSERTION_S,
    }
    try:
        return jwt.encode(claims, key, algorithm="RS256")
    except (ValueError, TypeError, jwt.PyJWTError) as error:
        raise Misconfigured(
            "the secret private_key is not an RSA key in PEM form: give the text between and "
            "with its BEGIN and END lines"
        ) from error


def _secret(secrets: Mapping[str, str], name: str, settings: Settings) -> str:
    if not secrets.get(name):
        raise Misconfigured(f"Salesforce flow {settings.flow} needs the secret {name}")
    return secrets[name]


def _token(answer: Any, now: datetime) -> Token:
    """The token in an answer. It tells no life: it is used until a call says 401.

    `id` is an address ending in organisation id and user id.
    """
    parts = str(answer.get("id") or "").rstrip("/").split("/")
    return Token(
        access=answer["access_token"],
        refresh=answer.get("refresh_token") or "",
        base_url=answer["instance_url"].rstrip("/"),
        company=translate.long_id(parts[-2]) if len(parts) > 1 else "",
    )


# -- streams ----------------------------------------------------------------------------
def soql(
    table: str, columns: tuple[str, ...], since: Since, *, currency: bool, more: tuple[str, ...]
) -> str:
    """The query for what changed in a window, oldest first: closed start, open end, UTC.

    Change stamps have whole seconds. `IsDeleted` makes deletions visible, and there is no
    filter on what a deal is: one that is moved back from won must be seen.
    """
    wanted = (*columns, "SystemModstamp", "IsDeleted", *(("CurrencyIsoCode",) if currency else ()))
    known = {name.lower() for name in wanted}  # a field asked for twice is an error there
    unknown = {name.lower(): name for name in more if name.lower() not in known}
    query = f"SELECT {','.join((*wanted, *unknown.values()))} FROM {table} WHERE "  # noqa: S608
    if since.start is not None:
        query += _literal("SystemModstamp >= {} AND ", since.start)
    return query + _literal("SystemModstamp < {} ORDER BY SystemModstamp,Id", since.end)


def _literal(condition: str, instant: datetime) -> str:
    # The helper writes whole seconds in UTC; Z needs no escaping in an address, + does.
    return str(format_soql(condition, instant)).replace("+00:00", "Z")


def _query(table: str, query: str, settings: Settings) -> Request:
    return Request(
        method="GET",
        path=f"/services/data/v{settings.api_version}/queryAll",
        params=(("q", query),),
        purpose=f"query {table}",
    )


def _deals(since: Since, settings: Settings) -> Request:
    table, more = "Opportunity", settings.extra_fields
    query = soql(table, _DEAL, since, currency=settings.multi_currency, more=more)
    return _query(table, query, settings)


def _lines(since: Since, settings: Settings) -> Request:
    table, more = "OpportunityLineItem", settings.line_fields
    query = soql(table, _LINE, since, currency=settings.multi_currency, more=more)
    return _query(table, query, settings)


def _contacts(since: Since, settings: Settings) -> Request:
    table = "OpportunityContactRole"
    return _query(table, soql(table, _CONTACT, since, currency=False, more=()), settings)


def _accounts(since: Since, settings: Settings) -> Request:
    query = soql("Account", _ACCOUNT, since, currency=settings.multi_currency, more=())
    return _query("Account", query, settings)


# Pages may be smaller than asked for; `done` ends the walk, not a row count.
_PAGES = base.NextLink(
    rows=lambda answer: answer["records"],
    link=lambda answer: None if answer.get("done") else answer.get("nextRecordsUrl"),
)
# A change can become visible some time after its stamp: hence lag and overlap.
_CHANGED = base.Watermark(of=translate.stamp, overlap_s=300, lag_s=60)


def _key(row: base.Row) -> str:
    return str(row["Id"])


def _revision(row: base.Row) -> str:
    return str(row.get("SystemModstamp") or "")


def _deleted(row: base.Row) -> bool:
    return row.get("IsDeleted") is True


_STREAMS = (
    base.Stream(
        name="deals",
        kind="deal",
        yields=Deal,
        wire=wire.Opportunity,
        request=_deals,
        pages=_PAGES,
        cursor=_CHANGED,
        key=_key,
        read=translate.deal,
        revision=_revision,
        deleted=_deleted,
    ),
    base.Stream(
        name="deal_lines",
        kind="deal_line",
        yields=DealLineFact,
        wire=wire.LineItem,
        request=_lines,
        pages=_PAGES,
        cursor=_CHANGED,
        key=_key,
        read=translate.deal_line,
        revision=_revision,
        deleted=_deleted,
    ),
    base.Stream(
        name="deal_contacts",
        kind="deal_contact",
        yields=DealContactFact,
        wire=wire.ContactRole,
        request=_contacts,
        pages=_PAGES,
        cursor=_CHANGED,
        key=_key,
        read=translate.deal_contact,
        revision=_revision,
        deleted=_deleted,
    ),
    base.Stream(
        name="accounts",
        kind="client",
        yields=Client,
        wire=wire.Account,
        request=_accounts,
        pages=_PAGES,
        cursor=_CHANGED,
        key=_key,
        read=translate.client,
        revision=_revision,
        deleted=_deleted,
    ),
)


# -- the connector ----------------------------------------------------------------------
def _who(settings: Settings) -> Request:
    return Request(method="GET", path="/services/oauth2/userinfo", purpose="who am I")


def _organisation(answer: Any) -> tuple[str, str]:
    # The answer names the user, not the organisation.
    return translate.long_id(answer["organization_id"]), ""


CONNECTOR = base.Connector(
    slug="salesforce",
    title="Salesforce",
    family=base.Family.CRM,
    settings=Settings,
    base_url=lambda settings: settings.login,
    company=lambda settings: f"{settings.login}/{settings.username or settings.consumer_key}",
    auth=base.Auth(
        headers=_headers, grant=_grant, read=_token, one_of=("private_key", "client_secret")
    ),
    errors=faults.errors,
    faults=faults.FAULTS,
    quotas=(
        # Comes with every answer: `api-usage=25/5000; per-app-api-usage=17/250(appName=x)`.
        base.QuotaHeader(
            name="calls a day",
            header="sforce-limit-info",
            pattern=r"(?<![\w-])api-usage=(?P<used>\d+)/(?P<total>\d+)",
        ),
    ),
    streams=_STREAMS,
    identity=base.Identity(request=_who, read=_organisation),
)
