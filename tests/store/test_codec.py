"""Values survive the way into the database and back, whatever they hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, date, datetime
from decimal import Decimal

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tieout.errors import StoreError
from tieout.model.discrepancy import Discrepancy
from tieout.model.document import Document
from tieout.model.ids import SourceRef
from tieout.model.money import Money
from tieout.model.party import Client, Person
from tieout.model.project import Deal, Project, Rate
from tieout.model.settlement import Digest, ListEntry, Payment, RemoteInvoice
from tieout.model.work import Approval, Expense, TimeEntry
from tieout.store.codec import decode, encode, fingerprint, payload_of, payload_text

_DECIMALS = st.decimals(allow_nan=False, allow_infinity=False, places=3) | st.decimals(
    allow_nan=False, allow_infinity=False
)
st.register_type_strategy(Decimal, _DECIMALS)
st.register_type_strategy(datetime, st.datetimes(timezones=st.just(UTC)))
st.register_type_strategy(
    Money, st.builds(Money, _DECIMALS, st.sampled_from(["USD", "JPY", "KWD"]))
)

MODELS = (
    Client,
    Deal,
    Digest,
    Discrepancy,
    Document,
    Expense,
    ListEntry,
    Payment,
    Person,
    Project,
    Rate,
    RemoteInvoice,
    TimeEntry,
)


@pytest.mark.parametrize("model", MODELS, ids=lambda model: model.__name__)
def test_every_model_comes_back_as_it_was(model):
    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(st.from_type(model))
    def round_trip(value):
        text = encode(value)
        back = decode(model, text)
        assert back == value
        assert encode(back) == text

    round_trip()


def test_what_the_text_of_an_entry_looks_like():
    entry = TimeEntry(
        id="te_1",
        source=SourceRef("harvest", "time_entries", "636709355"),
        person="Ana Ruiz",
        work_date=date(2026, 1, 31),
        seconds=5400,
        billable=True,
        approval=Approval.APPROVED,
        rate=Money.of("120.50", "USD"),
        updated_at=datetime(2026, 2, 1, 8, 30, tzinfo=UTC),
    )
    text = encode(entry)
    assert '"rate":{"amount":"120.50","currency":"USD"}' in text
    assert '"work_date":"2026-01-31"' in text
    assert '"approval":"approved"' in text
    assert '"updated_at":"2026-02-01T08:30:00+00:00"' in text
    assert fingerprint(decode(TimeEntry, text)) == fingerprint(entry)


def test_custom_fields_keep_their_kind():
    fields = {"rate": Decimal("1.50"), "text": "1.50", "whole": 2, "yes": True, "none": None}
    deal = Deal(
        id="deal_1",
        source=SourceRef("salesforce", "opportunities", "006"),
        name="Audit",
        client="Brightwater",
        client_ref="001",
        amount=Decimal("10.00"),
        currency=None,
        is_won=True,
        is_closed=True,
        fields=fields,
    )
    back = decode(Deal, encode(deal)).fields
    assert back == fields
    assert [type(value) for value in back.values()] == [type(fields[name]) for name in back]
    assert str(back["rate"]) == "1.50"
    assert '"rate":{"$dec":"1.50"}' in encode(deal)


@dataclass(frozen=True)
class Slip:
    amount: Decimal
    note: str | None = None


@pytest.mark.parametrize("slip", [Slip(1.5), Slip(Decimal("NaN")), Slip(Decimal(1), note=7)])
def test_wrong_types_are_refused_when_written(slip):
    with pytest.raises(TypeError, match="expected"):
        encode(slip)


@pytest.mark.parametrize(
    "text", ['{"amount": "1", "vat": "2"}', '{"amount": "one"}', "{}", "[]", "no json"]
)
def test_what_does_not_fit_says_what_to_do(text):
    with pytest.raises(StoreError, match="install the version that wrote it"):
        decode(Slip, text)


def test_a_field_left_out_takes_its_default():
    assert decode(Slip, '{"amount": "1.00"}') == Slip(Decimal("1.00"))


def test_payloads_keep_every_digit():
    text = '{"a":1.10,"b":[12345678901234567890.123456789,7],"c":{"d":"é\\n"}}'
    assert payload_text(payload_of(text)) == text
    assert payload_of(text)["a"] == Decimal("1.10")
    assert payload_of(text)["b"][1] == 7


def test_payloads_hold_json_only():
    with pytest.raises(TypeError, match="cannot hold"):
        payload_text({"at": date(2026, 1, 1)})
    with pytest.raises(ValueError, match=r"U\+E000"):
        payload_text({"a": Decimal("1.5"), "b": "\ue0001.5\ue001"})
