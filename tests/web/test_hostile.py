"""Whatever bytes come, from whomever: no crash, and no change without a right signature."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.web.client import ask
from tests.web.office import PATH, Listening
from tieout.connectors.registry import connectors
from tieout.connectors.webhook import hints
from tieout.errors import BadInput
from tieout.sandbox.quickbooks import webhook_signature
from tieout.store.tables import inbox
from tieout.sync.heed import heed

MANY = settings(
    max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
NAMES = st.sampled_from(
    ["intuit-signature", "content-type", "content-length", "cookie", "x-xero-signature"]
)
#: What a header may hold on the wire.
TEXTS = st.text(st.characters(min_codepoint=32, max_codepoint=255), max_size=60)

#: JSON that looks like a notification, and goes wrong somewhere.
_leaves = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.text(max_size=8),
    st.sampled_from(["qbo.invoice.updated.v1", "Invoice", "9341450000000001", "payment"]),
)
_keys = st.sampled_from(
    ["type", "intuitaccountid", "eventNotifications", "realmId", "dataChangeEvent", "entities",
     "name", "id", "events", "tenantId", "eventCategory"]
)  # fmt: skip
NEARLY = st.recursive(
    _leaves,
    lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(_keys, inner, max_size=5)),
    max_leaves=12,
).map(lambda value: json.dumps(value).encode())


@pytest.fixture
def empty(office: Listening) -> Iterator[Listening]:
    yield office
    assert [one for one in office.everything().items() if one[0] == "audit" and one[1]] == []


@MANY
@given(
    body=st.one_of(st.binary(max_size=300), NEARLY),
    headers=st.dictionaries(NAMES, TEXTS, max_size=4),
    path=st.sampled_from([PATH, "/webhooks/ledger%00", "/webhooks/..", "/webhooks/é", "/health"]),
    method=st.sampled_from(["POST", "GET", "PUT", "HEAD", "OPTIONS", "BREW"]),
)
def test_no_unsigned_bytes_change_anything(
    empty: Listening, body: bytes, headers: dict[str, str], path: str, method: str
) -> None:
    before = empty.everything()
    answer = ask(empty.app, path, body, headers, method)
    assert answer.status in (200, 401, 404, 405, 413)
    assert (answer.status == 200) <= (path == "/health")
    assert answer.body == b""
    assert empty.everything() == before


@MANY
@given(body=st.one_of(st.binary(max_size=300), NEARLY))
def test_signed_bytes_are_kept_whatever_they_are_and_settle(office: Listening, body: bytes) -> None:
    """They become a row with these bytes, and the next look is done with it."""
    with office.firm.engine.store.begin() as tx:
        tx.execute(inbox.delete())
    token = office.firm.world.quickbooks.verifier_token
    headers = {"intuit-signature": webhook_signature(body, token)}
    assert ask(office.app, PATH, body, headers).status == 200
    assert [(state.value, kept) for state, _, kept in office.messages()] == [("waiting", body)]
    assert heed(office.firm.engine) == 1
    assert office.states() in (["done"], ["odd"])


@MANY
@given(body=st.one_of(st.binary(max_size=300), NEARLY))
def test_a_message_is_read_or_said_to_be_strange(body: bytes) -> None:
    for connector in connectors().values():
        if connector.webhook is not None:
            streams = {stream.name for stream in connector.streams}
            try:
                found = hints(connector.webhook, body)
            except BadInput:
                continue
            assert {hint.stream for hint in found} <= streams
