"""Whatever a client sends to the stand-in of Xero, it is answered and never breaks."""

from __future__ import annotations

from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.sandbox.xero_desk import NOW, desk, put
from tieout.clock import VirtualClock
from tieout.sandbox.xero import Xero
from tieout.sandbox.xero.caller import Caller

NAMES = st.sampled_from(
    ["Type", "Contact", "LineItems", "Quantity", "UnitAmount", "LineAmount", "DiscountRate",
     "TaxType", "AccountCode", "AccountID", "ItemCode", "Tracking", "Date", "Status", "Name",
     "Option", "Invoice", "InvoiceID", "InvoiceNumber", "CreditNote", "Amount", "Account", "Code",
     "Payments", "Url", "CurrencyCode", "CurrencyRate", "LineAmountTypes", "ContactID",
     "ContactStatus", "PaymentTerms", "Sales", "Addresses", "SalesDetails", "UnitPrice",
     "TaxComponents", "Rate", "IsCompound", "Details", "name", "contactId", "rate", "chargeType",
     "estimateMinutes", "duration", "dateUtc", "status", "deadlineUtc", "Invoices"]
)  # fmt: skip
PLAIN = st.one_of(
    st.none(), st.booleans(), st.integers(), st.text(max_size=6),
    st.sampled_from(["ACCREC", "AUTHORISED", "DELETED", "Inclusive", "090", "210", "OUTPUT2", "EUR",
                     "2026-03-31", "/Date(1774915200000)/", "/Date(99999999999999999)/", "1e9",
                     "-1", "0.005", "TIME", "NaN", "00000000-0000-0000-0000-000000000000"]),
)  # fmt: skip
BODIES = st.recursive(
    PLAIN,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(NAMES, inner, max_size=6)),
    max_leaves=12,
)
PATHS = (
    "Invoices", "CreditNotes", "Contacts", "Items", "Accounts", "TaxRates", "Currencies",
    "TrackingCategories", "Payments", "BatchPayments", "Invoices/INV-0001", "Contacts/crm-001",
    "Invoices/INV-0001/History", "Invoices/INV-0001/Email", "CreditNotes/CN-0001/Allocations",
    "Items/DEV",
)  # fmt: skip
SAMPLE = Xero(VirtualClock(NOW), limits=False)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(PATHS), st.sampled_from(("PUT", "POST")), BODIES)
def test_any_body_is_answered(path: str, method: str, body: Any) -> None:
    status = Caller(SAMPLE.copy()).send(method, path, body).status_code
    assert status in (200, 204, 400, 404, 405)


@settings(max_examples=80, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.sampled_from(("Projects", "Projects/{}/Tasks", "Projects/{}/Time")), BODIES)
def test_any_body_of_the_projects_api_is_answered(path: str, body: Any) -> None:
    vendor = SAMPLE.copy()
    contact = next(vendor.books.rows("Contacts"))["ContactID"]
    project = vendor.books.put(
        "Projects",
        {"contactId": contact, "name": "x", "status": "INPROGRESS", "currencyCode": "NZD"},
    )
    address = path.format(project["projectId"])
    response = Caller(vendor).send("POST", address, body, base="/projects.xro/2.0/")
    assert response.status_code in (200, 201, 400, 404)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.sampled_from(("Invoices", "Contacts", "Payments", "TaxRates", "BatchPayments")),
    st.dictionaries(
        st.sampled_from(["where", "order", "IDs", "page", "pageSize", "unitdp", "Statuses",
                         "summaryOnly", "searchTerm", "ContactIDs", "InvoiceNumbers"]),
        st.one_of(
            st.text(max_size=12),
            st.sampled_from(["Date>=DateTime(2026,13,45)", "Date>5", 'AmountDue>"x"', "Date DESC",
                             "Contact.Name", 'Type=="ACCREC" OR Total<0', "1", "0", "True",
                             "Invoice.Type==5", "UpdatedDateUTC", "EffectiveRate DESC"]),
        ),
        max_size=4,
    ),
)  # fmt: skip
def test_any_query_is_answered(path: str, query: dict[str, str]) -> None:
    caller = Caller(SAMPLE.copy())
    assert caller.send("GET", path, **query).status_code in (200, 400)


def test_keys_limits_and_headers_that_make_no_sense() -> None:
    caller = desk()
    put(caller)
    for headers in (
        {"Authorization": "Basic x"},
        {"If-Modified-Since": "Tue, 99 Foo 2026 25:61:61 GMT"},
        {"xero-tenant-id": "'; drop table"},
        {"Accept": "application/pdf"},
        {"Idempotency-Key": "ключ".encode().decode("latin-1")},
    ):
        assert caller.send("GET", "Invoices", headers=headers).status_code in (200, 401, 403)
