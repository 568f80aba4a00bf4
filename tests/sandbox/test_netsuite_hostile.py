"""Whatever a client sends, the NetSuite sandbox answers in NetSuite's own words."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tieout.clock import VirtualClock
from tieout.sandbox.netsuite import Caller, NetSuite
from tieout.sandbox.netsuite.fields import TYPES
from tieout.sandbox.netsuite.wire import decode

LEAVES = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-(10**25), 10**25),
    st.decimals(allow_nan=False, allow_infinity=False),
    st.text(max_size=6),
    st.sampled_from(["1", "2", "601", "602", "81", "1201", "2026-03-02", "2026-02-30", "4:30"]),
)
VALUES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3),
        st.dictionaries(st.sampled_from(["id", "externalId", "items", "refName"]), inner),
    ),
    max_leaves=6,
)
WRITABLE = [name for name, record in TYPES.items() if "c" in record.verbs]


@st.composite
def bodies(draw: Any) -> tuple[str, dict[str, Any]]:
    """A record type, and a body with its own field names and any values."""
    kind = draw(st.sampled_from(WRITABLE))
    record = TYPES[kind]
    names = [field.name for field in record.fields.values()]
    body = draw(st.dictionaries(st.sampled_from(names), VALUES, max_size=6))
    for sublist in record.sublists:
        columns = st.sampled_from([field.name for field in sublist.fields.values()])
        lines = st.lists(st.dictionaries(columns, VALUES, max_size=5), max_size=3)
        body[sublist.name] = {"items": draw(lines)}
    body[draw(st.text(max_size=4))] = draw(LEAVES)
    good = {"entity": "602", "customer": "602", "companyName": "X", "subsidiary": "1"}
    for name, value in good.items():
        if name.lower() in record.fields and draw(st.booleans()):
            body[name] = value
    return kind, body


def account() -> Caller:
    """An account with a customer, an invoice and a payment."""
    vendor = NetSuite(VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC)), preset="empty")
    acme = vendor.acts.add_customer("Acme")["id"]
    vendor.acts.pay({vendor.acts.add_invoice(acme, "100")["id"]: Decimal(40)})
    return Caller(vendor)


def said(answer: Any) -> None:
    """The answer is empty, or an error envelope with a detail."""
    if answer.status_code == 204:
        return
    envelope = decode(answer.get_data())
    assert 400 <= envelope["status"] == answer.status_code < 500
    assert all(each["detail"] and each["o:errorCode"] for each in envelope["o:errorDetails"])


@settings(max_examples=50, deadline=None, suppress_health_check=list(HealthCheck))
@given(asked=bodies())
def test_any_body_is_taken_or_refused_in_words(asked: tuple[str, dict[str, Any]]) -> None:
    kind, body = asked
    caller = account()
    said(caller.send("POST", f"record/v1/{kind}", body))
    said(caller.send("PUT", f"record/v1/{kind}/eid:x", body, replace="item,apply"))
    said(caller.send("PUT", f"record/v1/{kind}/eid:x", body))
    said(caller.send("PATCH", "record/v1/invoice/1201", body))
    for row in list(caller.vendor.acts.rows(kind)):
        assert caller.get(f"{kind}/{row['id']}", expandSubResources="true")["id"] == row["id"]
    assert "items" in caller.query("SELECT COUNT(*) n FROM transaction t, transactionline l")


CALLER = account()
QUERY_WORDS = (
    "SELECT FROM WHERE AND OR id transaction t . , ( ) ? 'a' 1 = > IN BETWEEN ROWNUM <= BUILTIN DF"
    " SUM TO_DATE TO_CHAR SYSDATE - + trandate status GROUP BY ORDER TOP FETCH FIRST ROWS ONLY * ||"
    " dual NVL TRUNC \" ' \x00 é"
)
CONDITION_WORDS = (
    "total memo tranDate entity isInactive IS EQUAL ANY_OF BETWEEN ON EMPTY CONTAIN AND OR"
    ' ( ) [ ] , 5 "3/2/2026" "x y" " 602 abc'
)
WORDS = st.lists(st.sampled_from(QUERY_WORDS.split(" ")), max_size=14)
CONDITIONS = st.lists(st.sampled_from(CONDITION_WORDS.split(" ")), max_size=10)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(words=WORDS, params=st.lists(LEAVES, max_size=3))
def test_any_query_is_run_or_refused_in_words(words: list[str], params: list[Any]) -> None:
    answer = CALLER.query("SELECT " + " ".join(words), *params)
    assert "items" in answer or (answer["status"], bool(answer["o:errorDetails"])) == (400, True)


@settings(max_examples=300, deadline=None, suppress_health_check=list(HealthCheck))
@given(words=CONDITIONS)
def test_any_condition_is_read_or_refused_in_words(words: list[str]) -> None:
    status, answer = CALLER.call("GET", "invoice", q=" ".join(words))
    assert status == 200 or (status, bool(answer["o:errorDetails"])) == (400, True)
