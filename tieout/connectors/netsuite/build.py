"""What we write: bodies of customers, projects, invoices and credit memos, the calls that carry
them, and how to look for one that may be there already.

Oracle's REST API Browser (customer, job, invoice, credit memo) and its help on the upsert
operation, on external ids and on sublists. Nothing here rounds. `build` functions raise
Misconfigured for what NetSuite could not hold, before anything is sent.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

from tieout.connectors import ledger
from tieout.connectors.base import Find, LineCodes, Request, Response, Row, WriteContext
from tieout.connectors.fields import exact, known, said
from tieout.connectors.netsuite import queries, taxes, translate
from tieout.errors import Misconfigured, Unknown
from tieout.model.document import Document, DocumentKind
from tieout.model.party import Client
from tieout.model.project import Project
from tieout.model.settlement import Digest

RATE_PLACES = 8
#: An invoice is read back in one answer, of which a row each for header and tax are spare.
MOST_LINES = 900
#: Documents with lines: their types in paths, and the streams that their queries are those of.
SALES = {"invoice": "invoices", "creditMemo": "credit_memos"}


def customer(client: Client, context: WriteContext) -> Row:
    """A customer that is a company."""
    currency = client.currency or context.home_currency
    return said(
        externalId=translate.external_id(context.key),
        isPerson=False,
        companyName=plain_name(context),
        email=context.email or client.email,
        subsidiary=_ref(context.settings.subsidiary_id),
        currency=_currency(currency, f"customer {client.name}", context),
    )


def project(subject: Project, context: WriteContext) -> Row:
    """A project (`job`) under its customer."""
    parent = known(context.parent_id, f"customer of project {subject.name}")
    return said(
        externalId=translate.external_id(context.key),
        companyName=plain_name(context),
        parent=_ref(parent),
        subsidiary=_ref(context.settings.subsidiary_id),
    )


def plain_name(context: WriteContext) -> str:
    """The name on one line."""
    return str(known(_flat(context.display_name), "name of a customer or project"))


def sales_document(document: Document, context: WriteContext) -> Row:
    """An invoice or a credit memo with all its lines; our number goes where people look for it.

    A credit memo's amounts are positive too. It is set against its invoice by a call of its own,
    which knows the tax that NetSuite put on it, and never against others by NetSuite itself.
    """
    settings, is_invoice = context.settings, document.kind is DocumentKind.INVOICE
    what = f"{document.kind.value.replace('_', ' ')} {document.number}"
    if document.total.amount < 0:
        raise Misconfigured(f"{what} is over {document.total}: NetSuite takes none below zero")
    if len(document.lines) > MOST_LINES:
        raise Misconfigured(
            f"{what} has {len(document.lines)} lines, at most {MOST_LINES} are sent"
        )
    foreign = document.currency != context.home_currency
    return said(
        externalId=translate.external_id(context.key),
        tranId=document.number if settings.own_numbers else "",
        entity=_ref(known(context.customer_id, f"customer of {what}")),
        subsidiary=_ref(settings.subsidiary_id),
        currency=_currency(document.currency, what, context),
        # Without one of ours NetSuite takes the rate of the day from its own table.
        exchangeRate=context.exchange_rate if foreign else None,
        tranDate=document.issue_date.isoformat(),
        dueDate=document.due_date.isoformat() if is_invoice and document.due_date else None,
        terms=_ref(context.term_id) if is_invoice else None,
        otherRefNum=document.po_number,
        memo=memo(document, document.memo, settings),
        email=context.email,
        customForm=_ref(settings.form_id if is_invoice else settings.credit_form_id),
        department=_ref(context.department_id),
        location=_ref(settings.location_id),
        autoApply=None if is_invoice else False,
        item={"items": list(_lines(document, context))},
        **taxes.of_document(document, context),
    )


def memo(document: Document, text: str, settings: Any) -> str:
    """What a document says it is for; our number opens it where NetSuite numbers by itself."""
    return _flat(text if settings.own_numbers else f"{document.number} {text}")


def _lines(document: Document, context: WriteContext) -> Iterator[Row]:
    for line in document.lines:
        what = f"line {line.id} ({line.description})"
        codes = context.lines.get(line.id) or LineCodes(item_id="")
        yield said(
            item=_ref(known(codes.item_id, f"item of {what}")),
            description=_flat(line.description),
            quantity=line.quantity,
            rate=exact(line.rate, RATE_PLACES, f"rate of {what}"),
            # Told, not left to NetSuite: where it differs from the product, this one counts.
            amount=line.amount.amount,
            **taxes.of_line(line, codes, context),
            department=_ref(context.department_id),
            location=_ref(context.settings.location_id),
            **{"class": _ref(codes.class_id)},
        )


def _currency(code: str, what: str, context: WriteContext) -> Row | None:
    """The internal id of a currency; it is said always, never left to a customer's default."""
    ids = context.settings.currency_ids
    if not ids and code == context.home_currency:
        return None
    if code not in ids:
        raise Misconfigured(
            f"{what} is in {code}: give that currency's internal id in currency_ids of the"
            " connection (in NetSuite: Lists > Accounting > Currencies)"
        )
    return {"id": ids[code]}


def _ref(value: str) -> Row | None:
    return {"id": value} if value else None


def _flat(text: str) -> str:
    """A text on one line: how a line break must be written is told in no clear way."""
    return " ".join(text.split())


# -- the calls --------------------------------------------------------------------------
def sender(kind: str, method: str = "PUT") -> Callable[[bytes, str, Any], Request]:
    """PUT makes a record, or brings the one with this external id to the same state; PATCH
    changes what it names of one that is there.

    The lines of a document replace those that are there: without that a repeat adds them again.
    """
    replaces = method == "PUT" and kind in SALES

    def send(body: bytes, key: str, settings: Any) -> Request:
        said = json.loads(body)
        # The call's key may change when it is tried again, the record's own name never does.
        named = said.get("externalId") or translate.external_id(key)
        lists = ",".join(name for name in ("item", "taxDetails") if name in said)
        return Request(
            method=method,
            path=f"/record/v1/{kind}/eid:{named}",
            params=(("replace", lists),) if replaces else (),
            # Without it a field that is not known is dropped in silence.
            headers=(("X-NetSuite-PropertyNameValidation", "error"),),
            body=body,
            content_type="application/json",
            purpose=f"write {kind}" if method == "PUT" else f"change {kind}",
            writes=True,
        )

    return send


def reader(
    kind: str, ask: Callable[[str], Request] | None = None
) -> Callable[[Response, Any], Request]:
    """The read of what a write made: its answer is empty but for an address with the id.

    `ask` says how to read it by that id, where it is not read as the record itself.
    """

    def read_back(answer: Response, settings: Any) -> Request:
        remote_id = answer.headers.get("location", "").rstrip("/").rpartition("/")[2]
        if not remote_id.isdecimal():
            raise Unknown(f"NetSuite answered without the address of the {kind}")
        return ask(remote_id) if ask else by(kind, "id", remote_id, settings)

    return read_back


def by(kind: str, column: str, value: str, settings: Any) -> Request:
    """The records of a type with this value in a column."""
    if kind in SALES:
        return queries.sale_by(SALES[kind], column, value, settings)
    return queries.entity_by(kind, f"x.{column} = ?", value)


def record(answer: Any) -> Row:
    """The one record of a query's answer. Raises Unknown when it is not there (yet)."""
    found = queries.rows(answer)
    if not found:
        raise Unknown("NetSuite does not show the record that was written")
    return found[0]


# -- looking ----------------------------------------------------------------------------
def finds(kind: str) -> tuple[Find, ...]:
    """By our external id; then by the number or name that somebody else may have taken.

    A record that is not there gives no row, like one that NetSuite still works on (for at most
    15 minutes): a repeat carries the same external id, so whichever comes second changes what
    the first made to the same.
    """

    def by_key(subject: Any, context: WriteContext, settings: Any) -> Request:
        return by(kind, "externalid", translate.external_id(context.key), settings)

    def by_name(subject: Any, context: WriteContext, settings: Any) -> Request | None:
        if kind in SALES:
            numbered = settings.own_numbers and subject.number
            return by(kind, "tranid", subject.number, settings) if numbered else None
        where, name = "LOWER(NVL(x.companyname, x.entityid)) = ?", plain_name(context).lower()
        if kind == "job":
            return queries.entity_by(kind, f"{where} AND x.parent = ?", name, context.parent_id)
        return queries.entity_by(kind, where, name)

    def pick(answer: Any, subject: Any, context: WriteContext) -> list[Row]:
        return queries.rows(answer)

    second = "number" if kind in SALES else "name"
    return (
        Find(by="key", request=by_key, pick=pick),
        Find(by=second, request=by_name, pick=pick),
    )


# -- what must come back ----------------------------------------------------------------
def expect_name(subject: Client | Project, context: WriteContext) -> Digest:
    """What a customer or project must come back as."""
    return ledger.name_digest(plain_name(context), context.key, context.parent_id)


def expect_document(document: Document, context: WriteContext) -> Digest:
    """What an invoice or a credit memo must come back as; its number only where we give it."""
    digest = ledger.expect_document(document, context)
    return digest if context.settings.own_numbers else replace(digest, number="")
