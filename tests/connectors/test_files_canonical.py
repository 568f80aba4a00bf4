"""Canonical facts as JSON Lines: out and home again, digit for digit."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tieout.connectors.canonical import KINDS, schema, to_line
from tieout.connectors.files import CONNECTOR, Settings, parse
from tieout.connectors.files.translate import STREAMS
from tieout.errors import BadInput
from tieout.model.ids import SourceRef
from tieout.model.money import Money
from tieout.model.project import Deal, Rate, RateFact
from tieout.model.work import TimeEntry

PUBLISHED = Path(__file__).parents[2] / "docs/reference/schema/canonical.schema.json"

PERSON = '{"kind":"person","version":1,"id":"P-7","name":"Ada"}'
DEAL = (
    '{"kind":"deal","version":1,"id":"7","name":"n","client":"c","client_ref":"","amount":AMOUNT,'
    '"currency":"USD","is_won":true,"is_closed":true,"fields":{"Cap":0.10000000000000000001}}'
)

# -- any fact there is ------------------------------------------------------------------
NUMBERS = st.decimals(allow_nan=False, allow_infinity=False, min_value=-(10**25), max_value=10**25)
for kind, strategy in {
    Decimal: NUMBERS,
    Money: st.builds(Money, NUMBERS, st.sampled_from(["EUR", "USD", "JPY", "KWD"])),
    SourceRef: st.builds(SourceRef, st.text(min_size=1), st.text(), st.text()),
    datetime: st.datetimes(timezones=st.just(UTC)),
}.items():
    st.register_type_strategy(kind, strategy)
IDS = st.text(min_size=1)
CURRENCIES = st.sampled_from(["EUR", "GBP", "JPY"])
WITH_CURRENCY = {"deal", "project", "client"}


def any_of(kind):
    given_fields = {"id": IDS}
    if kind in WITH_CURRENCY:
        given_fields["currency"] = CURRENCIES
    if kind == "rate":
        given_fields = {"currency": CURRENCIES, "origin": IDS}
    return st.builds(KINDS[kind], **given_fields)


FACTS = st.one_of(*(any_of(kind) for kind in KINDS))


def home(*lines):
    """What lines become in the end, by stream."""
    facts = {}
    for parsed in parse("x.jsonl", "\n".join(lines).encode(), Settings()):
        stream = CONNECTOR.stream(parsed.stream)
        facts[parsed.stream] = [
            stream.read(
                stream.wire.model_validate(row),
                SourceRef("import", stream.name, stream.key(row)),
                Settings(),
            )
            for row in parsed.rows
        ]
    return facts


def problems(text):
    data = text.encode() if isinstance(text, str) else text
    with pytest.raises(BadInput) as refused:
        parse("x.jsonl", data, Settings())
    return [str(problem) for problem in refused.value.problems]


@given(FACTS)
def test_every_fact_comes_home_as_it_left(fact):
    line = to_line(fact)
    assert "\n" not in line
    [[again]] = home(line).values()
    assert (again.rate if isinstance(again, RateFact) else again) == fact
    assert to_line(again) == line


@given(FACTS)
def test_every_line_fits_the_published_schema(fact):
    VALIDATOR.validate(json.loads(to_line(fact)))


def test_the_published_schema_is_current():
    """When the model changed: write `json.dumps(schema(), indent=2)` and a line end there."""
    assert PUBLISHED.read_text() == json.dumps(schema(), indent=2) + "\n"


jsonschema.Draft202012Validator.check_schema(schema())
VALIDATOR = jsonschema.Draft202012Validator(schema())


def test_the_schema_knows_wrong_records():
    VALIDATOR.validate(json.loads(PERSON))
    for wrong in (PERSON.replace("1,", "2,"), PERSON.replace("name", "nome"), "{}"):
        with pytest.raises(jsonschema.ValidationError):
            VALIDATOR.validate(json.loads(wrong))


def test_every_kind_has_a_stream():
    assert set(STREAMS) == set(KINDS)
    assert {stream.kind for stream in CONNECTOR.streams} == set(KINDS)


# -- in ---------------------------------------------------------------------------------
def test_a_file_of_several_kinds():
    rate = '{"kind":"rate","version":1,"amount":"95.00","currency":"GBP","role":"Lead"}'
    found = home(PERSON, "", rate, PERSON.replace("P-7", "P-8"))
    assert [person.source.remote_id for person in found["people"]] == ["P-7", "P-8"]
    assert found["people"][0].source == SourceRef("import", "people", "P-7")
    [fact] = found["rates"]
    assert (fact.rate.amount, fact.rate.origin) == (Decimal(95), str(fact.source))


@pytest.mark.parametrize("amount", ["1.123456789012345678901", '"1.123456789012345678901"'])
def test_money_is_exact_as_text_and_as_number(amount):
    [deal] = home(DEAL.replace("AMOUNT", amount))["deals"]
    assert deal.amount == Decimal("1.123456789012345678901")
    assert deal.fields == {"Cap": Decimal("0.10000000000000000001")}


def test_the_same_lines_again_change_nothing():
    before = parse("x.jsonl", PERSON.encode(), Settings())
    assert before == parse("y.jsonl", f"\ufeff{PERSON}\r\n{PERSON}\n".encode(), Settings())


def test_an_export_keeps_its_own_id_and_source():
    source = SourceRef("harvest", "time_entries", "7")
    [row] = parse("x.jsonl", PERSON.encode(), Settings())[0].rows
    assert row["record"].get("source") is None
    deal = Deal(id="deal_1", source=source, name="n", client="c", client_ref="", amount=None,
                currency=None, is_won=True, is_closed=True)  # fmt: skip
    assert home(to_line(deal))["deals"] == [deal]


def test_only_what_is_canonical_is_exported():
    with pytest.raises(TypeError, match="a SourceRef is not exported"):
        to_line(SourceRef("a", "b", "c"))
    rate = Rate(amount=Decimal(1), currency="EUR", origin="rates.csv")
    assert to_line(RateFact(rate=rate, source=SourceRef("a", "b", "c"))) == to_line(rate)


# -- refusals ---------------------------------------------------------------------------
ENTRY = (
    '{"kind":"time_entry","version":1,"id":"7","person":"Ada","work_date":"2026-03-31",'
    '"seconds":1,"billable":true,"approval":"none"}'
)


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ('{"a":', "not JSON at character 6 (Expecting value); write one object a line"),
        ("[1]", 'not an object; write one as in {"kind": "person", ...}'),
        ('{"kind":"persn"}', "'persn' is not a kind of record; did you mean 'person'?"),
        ('{"version":1}', f"needs 'kind'; known: {', '.join(KINDS)}"),
        ('{"kind":"person"}', "needs 'version'; this Tieout reads version 1"),
        (PERSON.replace("1,", "2,"), "version 2 is not known; this Tieout reads version 1"),
        (PERSON.replace("1,", "true,"), "version True is not known; this Tieout reads version 1"),
        (PERSON.replace('"P-7"', "7"),
         "needs 'id', a text of its own that stays the same when the record changes"),
        (PERSON.replace('"name":"Ada"', '"id":"x"'), "'id' is there twice; keep one"),
        (PERSON.replace(',"name":"Ada"', ""), "needs 'name'"),
        (PERSON.replace('"Ada"', "5"), "name: should be a valid string"),
        (PERSON.replace("}", ',"emial":""}'), "unknown field 'emial'; did you mean 'email'?"),
        (DEAL.replace("AMOUNT", "NaN"), "NaN is not a number that JSON knows"),
        (DEAL.replace("AMOUNT", '"NaN"'), "amount: should be a finite number"),
        (DEAL.replace("AMOUNT", "1e999999999"),
         "1e999999999 is not a number that means anything here"),
        (DEAL.replace("AMOUNT", "1").replace("USD", "usd"), "unknown currency 'usd'"),
        (ENTRY.replace('"2026-03-31"', "0"), "work_date: should be a valid date"),
        (ENTRY.replace(":1,\"b", ':"1","b'), "seconds: should be a valid integer"),
        (ENTRY.replace("none", "ok"),
         "approval: should be 'none', 'pending', 'approved', 'rejected' or 'withdrawn'"),
        (ENTRY.replace("}", ',"updated_at":"2026-03-31T09:00:00"}'),
         "updated_at needs its offset, as in 2026-01-31T09:00:00Z"),
    ],
)  # fmt: skip
def test_lines_that_cannot_be_used(line, words):
    [problem] = problems(f"{PERSON}\n\n{line}\n")
    assert problem in (f"x.jsonl:3: {words}", f"x.jsonl:3: record: {words}")


def test_every_bad_line_is_listed():
    found = problems(f"{PERSON.replace('Ada', 'Bo')}\n{{\n{ENTRY}\n[]\n")
    assert [problem.split(":")[1] for problem in found] == ["2", "4"]


def test_one_id_with_two_contents():
    assert problems(f"{PERSON}\n{PERSON.replace('Ada', 'Bo')}") == [
        "x.jsonl:2: the id 'P-7' is in line 1 too, with another name; "
        "keep one, or give each its own id"
    ]


def test_a_deal_with_other_lines_is_another_content():
    """In JSON Lines a deal has all its lines in one place."""
    one = DEAL.replace("AMOUNT", "1")
    other = one.replace('"fields"', '"lines":[{"id":"1","name":"x"}],"fields"')
    [problem] = problems(f"{one}\n{other}")
    assert "is in line 1 too, with another lines" in problem


def test_lines_are_utf_8_and_there_must_be_some():
    assert problems(PERSON.encode() + b'\n{"name":"Zo\xeb"}') == [
        "x.jsonl:2: the byte 0xEB is not UTF-8; JSON Lines are always UTF-8"
    ]
    assert problems("\n \n") == ["x.jsonl: the file is empty; write one JSON object a line"]
    assert "recursion" in problems("[" * 200_000)[0]


def test_an_entry_is_what_its_line_says():
    [entry] = home(ENTRY)["time"]
    assert isinstance(entry, TimeEntry)
    assert (entry.person, entry.seconds) == ("Ada", 1)
