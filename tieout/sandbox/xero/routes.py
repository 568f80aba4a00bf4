"""Which call goes where, and which scope it takes."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass

from tieout.sandbox.xero import extras, reading, report, writing
from tieout.sandbox.xero.call import Answer, Call

Handler = Callable[[Call], Answer]

_INVOICES, _PAYMENTS = "accounting.invoices", "accounting.payments"
_SETTINGS, _CONTACTS = "accounting.settings", "accounting.contacts"
_ATTACHMENTS = "accounting.attachments"
_BROAD = "accounting.transactions"
#: The old broad scope that covers a new one.
BROAD = {_INVOICES: _BROAD, _PAYMENTS: _BROAD, "accounting.reports.aged": "accounting.reports"}


@dataclass(frozen=True)
class Route:
    """One path with its handlers by method; any of `scopes` opens it."""

    pattern: re.Pattern[str]
    resource: str
    handlers: dict[str, Handler]
    scopes: tuple[str, ...]


def _route(path: str, scopes: tuple[str, ...], **handlers: Handler) -> Route:
    """`{id}` and `{inner}` stand for one part of the path each."""
    resource = path.split("/")[0]
    pattern = re.sub(r"\{(\w+)\}", r"(?P<\1>[^/]+)", path)
    return Route(re.compile(pattern, re.IGNORECASE), resource, handlers, scopes)


def _documents() -> list[Route]:
    found = []
    create, upsert = writing.create_documents, writing.upsert_documents
    for name in ("Invoices", "CreditNotes"):
        scope = (_INVOICES,)
        found += [
            _route(name, scope, GET=reading.many, PUT=create, POST=upsert),
            _route(f"{name}/{{id}}", scope, GET=reading.one, POST=writing.update_document),
            _route(f"{name}/{{id}}/pdf", scope, GET=extras.pdf),
        ]
    invoice = "Invoices/{id}"
    found += [
        _route(f"{invoice}/OnlineInvoice", (_INVOICES,), GET=extras.online),
        _route(f"{invoice}/Email", (_INVOICES,), POST=extras.email),
    ]
    return found


def _money() -> list[Route]:
    scope = (_PAYMENTS,)
    found = [
        _route("Payments", scope, GET=reading.many, PUT=writing.put_payments,
               POST=writing.put_payments),
        _route("Payments/{id}", scope, GET=reading.one, POST=writing.update_payment),
        _route("BatchPayments", scope, GET=reading.many, PUT=writing.put_batches,
               POST=writing.delete_batch),
        _route("BatchPayments/{id}", scope, GET=reading.one, POST=writing.delete_batch),
    ]  # fmt: skip
    for name in ("Overpayments", "Prepayments"):
        found += [
            _route(name, scope, GET=reading.many),
            _route(f"{name}/{{id}}", scope, GET=reading.one),
        ]
    for name in ("CreditNotes", "Overpayments", "Prepayments"):
        either = (_INVOICES,) if name == "CreditNotes" else scope
        path = f"{name}/{{id}}/Allocations"
        found += [
            _route(path, either, PUT=writing.put_allocations),
            _route(f"{path}/{{inner}}", either, DELETE=writing.delete_allocation),
        ]
    return found


def _lists() -> list[Route]:
    items, settings = (_SETTINGS, _INVOICES), (_SETTINGS,)
    category = "TrackingCategories/{id}"
    return [
        _route("Contacts", (_CONTACTS,), GET=reading.many, PUT=writing.put_contacts,
               POST=writing.post_contacts),
        _route("Contacts/{id}", (_CONTACTS,), GET=reading.one, POST=writing.update_contact),
        _route("Items", items, GET=reading.many, PUT=writing.put_items, POST=writing.post_items),
        _route("Items/{id}", items, GET=reading.one, POST=writing.update_item,
               DELETE=writing.delete_item),
        _route("Accounts", settings, GET=reading.many, PUT=writing.put_account),
        _route("Accounts/{id}", settings, GET=reading.one, POST=writing.post_account,
               DELETE=writing.delete_account),
        _route("TaxRates", settings, GET=reading.many, PUT=writing.put_tax_rates,
               POST=writing.post_tax_rates),
        _route("TaxRates/{id}", settings, GET=reading.one),
        _route("Currencies", settings, GET=reading.many, PUT=writing.put_currency),
        _route("TrackingCategories", settings, GET=reading.many, PUT=writing.put_category),
        _route(category, settings, GET=reading.one, POST=writing.post_category,
               DELETE=writing.delete_category),
        _route(f"{category}/Options", settings, PUT=writing.put_option),
        _route(f"{category}/Options/{{inner}}", settings, POST=writing.post_option,
               DELETE=writing.delete_option),
        _route("BrandingThemes", settings, GET=reading.many),
        _route("BrandingThemes/{id}", settings, GET=reading.one),
        _route("Users", settings, GET=reading.many),
        _route("Users/{id}", settings, GET=reading.one),
        _route("Organisations?", settings, GET=extras.organisation),
        _route("Reports/AgedReceivablesByContact", ("accounting.reports.aged",),
               GET=report.aged_receivables),
    ]  # fmt: skip


def _hanging() -> list[Route]:
    """History and attachments, of whatever has them."""
    scopes = {
        "Invoices": _INVOICES, "CreditNotes": _INVOICES, "Contacts": _CONTACTS,
        "Items": _SETTINGS, "Payments": _PAYMENTS, "BatchPayments": _PAYMENTS,
        "Overpayments": _PAYMENTS, "Prepayments": _PAYMENTS,
    }  # fmt: skip
    found = [
        _route(f"{name}/{{id}}/History", (scope,), GET=extras.history, PUT=extras.add_history)
        for name, scope in scopes.items()
    ]
    for name in ("Invoices", "CreditNotes", "Contacts", "Accounts"):
        path = f"{name}/{{id}}/Attachments"
        found += [
            _route(path, (_ATTACHMENTS,), GET=extras.attachments),
            _route(f"{path}/{{inner}}", (_ATTACHMENTS,), GET=extras.download, PUT=extras.attach,
                   POST=extras.attach),
        ]  # fmt: skip
    return found


ROUTES = (*_documents(), *_money(), *_lists(), *_hanging())


def find(path: str) -> tuple[Route, dict[str, str]] | None:
    """The route of a path below the base, and what its parts say."""
    for route in ROUTES:
        match = route.pattern.fullmatch(path)
        if match:
            return route, match.groupdict()
    return None
