"""NetSuite: the ledger's lists, documents and payments, over SuiteTalk REST and SuiteQL.

Read `CONNECTOR` at the end first. Sources: Oracle's help on SuiteTalk REST web services,
SuiteQL, OAuth 2.0 and concurrency governance, and its REST API Browser of release 2026.1.
"""

from __future__ import annotations

from datetime import date
from typing import Any

from tieout.connectors import base
from tieout.connectors.base import Request, Row, Since, Stream, Writer
from tieout.connectors.netsuite import (
    build,
    changes,
    faults,
    queries,
    sign_in,
    taxes,
    translate,
    webhook,
    wire,
)
from tieout.connectors.netsuite.queries import listed
from tieout.connectors.netsuite.unverified import UNVERIFIED
from tieout.connectors.netsuite.wire import Settings
from tieout.errors import Misconfigured
from tieout.model.document import Document
from tieout.model.party import Client
from tieout.model.project import Project
from tieout.model.settlement import ListEntry, ListKind, Payment, RemoteInvoice

# -- streams ----------------------------------------------------------------------------
_CURRENCY = "LEFT JOIN currency c ON c.id = x.currency"
_BRANCH = "x.id, x.name, x.parent, p.name above, x.isinactive inactive"
_UNDER = "{0} x LEFT JOIN {0} p ON p.id = x.parent"
_ENTITY = (
    "x.id, x.externalid, NVL(x.companyname, x.entityid) name, x.entityid, x.email, x.parent,"
    " BUILTIN.DF(x.parent) above, c.symbol currency, x.isinactive inactive"
)
_OF_SUBSIDIARY = listed("x.id, x.name, c.symbol currency", f"subsidiary x {_CURRENCY}", "x.id = ?")
_OF_ACCOUNT = listed("x.id, x.symbol currency", "currency x", "x.isbasecurrency = 'T'")


def _company(settings: Settings) -> Request:
    """The subsidiary whose books are kept; without OneWorld, the account's own currency."""
    if settings.subsidiary_id:
        return queries.query(_OF_SUBSIDIARY, [settings.subsidiary_id], "query subsidiary")
    return queries.query(_OF_ACCOUNT, [], "query the account's currency")


def _list(
    name: str,
    kind: ListKind,
    columns: str = "",
    tables: str = "",
    *,
    feature: str = "",
    taxed: bool = False,
) -> Stream:
    """A list read whole each time, with its inactive rows."""

    def request(since: Since, settings: Settings) -> Request:
        if not tables:
            return _company(settings)
        return queries.query(listed(columns, tables), [], f"query {name}")

    def applies(settings: Settings) -> bool:
        return feature not in settings.without and (not taxed or settings.tax in wire.CODED)

    return Stream(
        name=name,
        kind="list_entry",
        yields=ListEntry,
        wire=wire.ListRow,
        request=request,
        pages=queries.pages(),
        cursor=base.FullScan(),
        key=_key,
        read=translate.entry(kind),
        applies=applies,
    )


def _documents(name: str, kind: str, facts: type, read: Any) -> Stream:
    """Invoices, credit memos or payments. Nothing tells what was deleted: what is gone is missed
    by a sweep."""
    return Stream(
        name=name,
        kind=kind,
        yields=facts,
        wire=wire.Transaction,
        request=queries.changes(name),
        pages=queries.pages(name),
        # The marks are NetSuite's wall clock. It shows an hour twice when it is put back:
        # that hour and ten minutes are asked for again, always.
        cursor=base.Watermark(of=lambda row: None, overlap_s=4200, answered=queries.latest),
        key=_key,
        read=read,
        revision=queries.revision,
        sweep=base.Sweep(request=queries.days(name), day=_day),
    )


def _key(row: Row) -> str:
    return str(row["id"])


def _day(row: Row) -> date | None:
    return date.fromisoformat(row["trandate"]) if row.get("trandate") else None


STREAMS = (
    _list("company_info", ListKind.COMPANY),
    _list("preferences", ListKind.PREFERENCES),
    _list("customers", ListKind.CUSTOMER, _ENTITY, f"customer x {_CURRENCY}"),
    _list("projects", ListKind.CUSTOMER, _ENTITY, f"job x {_CURRENCY}", feature="projects"),
    _list("items", ListKind.ITEM,
          "x.id, x.itemid name, x.displayname, x.itemtype type, x.isinactive inactive", "item x"),
    _list("accounts", ListKind.ACCOUNT,
          "x.id, x.acctname name, x.acctnumber number, x.accttype type, x.isinactive inactive",
          "account x"),
    _list("terms", ListKind.TERM,
          "x.id, x.name, x.daysuntilnetdue due_days, x.isinactive inactive", "term x"),
    _list("tax_codes", ListKind.TAX_CODE, "x.id, x.itemid name, x.isinactive inactive",
          "salestaxitem x", taxed=True),
    _list("classes", ListKind.CLASS, _BRANCH, _UNDER.format("classification"),
          feature="classes"),
    _list("departments", ListKind.DEPARTMENT, _BRANCH, _UNDER.format("department"),
          feature="departments"),
    _documents("invoices", "remote_invoice", RemoteInvoice, translate.invoice),
    _documents("credit_memos", "remote_credit", RemoteInvoice, translate.credit_memo),
    _documents("payments", "payment", Payment, translate.payment),
)  # fmt: skip


# -- writers ----------------------------------------------------------------------------
def _writer(
    name: str,
    takes: type,
    kind: str,
    depends_on: tuple[str, ...],
    make: Any,
    says: tuple[Any, Any],
    **more: Any,
) -> Writer:
    """Makes a record of a type, unless `more` says otherwise; `says` is digest and expect."""
    calls: dict[str, Any] = {
        "send": build.sender(kind),
        "read_back": build.reader(kind),
        "finds": build.finds(kind),
    }
    return Writer(
        name=name,
        takes=takes,
        depends_on=depends_on,
        build=make,
        record=build.record,
        read=translate.ref,
        digest=says[0],
        expect=says[1],
        **(calls | more),
    )


def _change(name: str, kind: str, changed: str, make: Any, says: Any, **more: Any) -> Writer:
    calls: dict[str, Any] = {
        "send": build.sender(kind, "PATCH"),
        "look": changes.INVOICES.look,
        "changes": True,
    }
    return _writer(name, Document, kind, (changed,), make, says, **(calls | more))


_NAME = (translate.name_digest, build.expect_name)
_SALE = (translate.document_digest, build.expect_document)
_APPLIED = (translate.allocation_digest, changes.expect_allocation)
_WORDED = (translate.worded, changes.expect_correction)
#: None that voids: the REST services have no call for it.
WRITERS = (
    _writer(base.CUSTOMER, Client, "customer", (), build.customer, _NAME),
    _writer(base.PROJECT, Project, "job", (base.CUSTOMER,), build.project, _NAME),
    _writer(base.INVOICE, Document, "invoice", (base.CUSTOMER, base.PROJECT),
            build.sales_document, _SALE),
    _writer(base.CREDIT_NOTE, Document, "creditMemo", (base.INVOICE,),
            build.sales_document, _SALE),
    _change(base.ALLOCATION, "creditMemo", base.CREDIT_NOTE, changes.allocation, _APPLIED,
            read_back=build.reader("creditMemo", queries.applied),
            finds=changes.FIND_ALLOCATION),
    _change(base.CORRECTION, "invoice", base.INVOICE, changes.correction, _WORDED,
            finds=changes.INVOICES.find_correction),
)  # fmt: skip


def _who(answer: Any) -> tuple[str, str]:
    """The company's name, where it has one: its id is in the settings."""
    found = queries.rows(answer)
    if not found:
        raise Misconfigured("NetSuite has no such subsidiary: see subsidiary_id of the connection")
    return "", str(found[0].get("name") or "")


CONNECTOR = base.Connector(
    slug="netsuite",
    title="NetSuite",
    family=base.Family.LEDGER,
    settings=Settings,
    base_url=sign_in.base_url,
    company=lambda settings: str(settings.account_id),
    auth=sign_in.AUTH,
    errors=faults.errors,
    faults=faults.FAULTS,
    # Oracle limits calls at a time, for all integrations of an account together, not a rate.
    at_once=5,
    at_once_setting="concurrency",
    streams=STREAMS,
    writers=WRITERS,
    identity=base.Identity(request=_company, read=_who),
    trace_header="x-n-operationid",
    webhook=webhook.WEBHOOK,
    about=("company_info", "preferences"),
    refuses_taxes=lambda settings, country: taxes.refused(settings),
    unverified=UNVERIFIED,
)
