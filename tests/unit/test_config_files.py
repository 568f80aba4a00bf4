"""YAML with lines, conditions, templates, schemas, `tieout init`, the environment."""

from __future__ import annotations

import json
from contextlib import suppress
from datetime import date
from decimal import Decimal
from pathlib import Path

import jsonschema
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from tieout.config import Connection, load_workspace, secrets_of, settings_from
from tieout.config.conditions import ConditionFailed, answer, check_condition
from tieout.config.init import create_workspace, shipped
from tieout.config.records import DEAL_CONDITION, DEAL_LINE_TEMPLATE
from tieout.config.schema import NAMES, json_schema, schema_text
from tieout.config.templates import FieldMissing, check_template, fill
from tieout.config.workspace import FILES
from tieout.config.yaml_lines import load_yaml, parse_yaml
from tieout.errors import BadInput, Misconfigured

ROOT = Path(__file__).parents[2]


class TestYaml:
    def test_numbers_keep_every_digit_and_never_become_floats(self) -> None:
        loaded = parse_yaml("a: 200.10\nb: 0.1\nc: 7\nd: 1e-3\ne: '3.0'\nf: -0.30", "x.yaml")
        assert loaded.data == {
            "a": Decimal("200.10"),
            "b": Decimal("0.1"),
            "c": 7,
            "d": Decimal("0.001"),
            "e": "3.0",
            "f": Decimal("-0.30"),
        }
        assert str(loaded.data["a"]) == "200.10"

    @given(st.decimals(allow_nan=False, allow_infinity=False, places=4))
    def test_any_written_decimal_comes_back_exactly(self, amount: Decimal) -> None:
        assert parse_yaml(f"rate: {amount:f}", "x.yaml").data["rate"] == amount

    def test_other_values(self) -> None:
        loaded = parse_yaml("a: yes\nb: true\nc: 2026-02-28\nd: 22:00\ne:\nf: [1, x]", "x.yaml")
        assert loaded.data == {
            "a": "yes",
            "b": True,
            "c": date(2026, 2, 28),
            "d": "22:00",
            "e": None,
            "f": [1, "x"],
        }

    def test_every_key_knows_its_line(self) -> None:
        lines = parse_yaml("a:\n  b: 1\n  c:\n    - d: 2\n    - d: 3\n", "x.yaml").lines
        assert lines.at(("a", "b")) == 2
        assert lines.at(("a", "c", 1, "d")) == 5
        assert lines.at(("a", "c", 1, "missing")) == 5
        assert lines.origin(("a",)) == "x.yaml:1"

    @pytest.mark.parametrize(
        ("text", "problem"),
        [
            ("a: 1\na: 2", "x.yaml:2: 'a' is written twice; the first is on line 1"),
            ("a: [1", "x.yaml:1: not valid YAML"),
            ("a: &x 1\nb: *x", "x.yaml:1: an alias (*name) is not supported; write the value out"),
            ("? [1]\n: 2", "x.yaml:1: a setting's name must be plain text"),
            ("a: !!python/object:os.system 1", "x.yaml:1: the tag"),
            ("a: .nan", "x.yaml:1: '.nan' is not a number"),
            ("a: 2026-02-30", "x.yaml:1: 2026-02-30 is not a date"),
            ("- 1\n- 2", "x.yaml:1: must be settings written as `name: value`"),
            ("a: 1\n---\nb: 2", "x.yaml:2: not valid YAML"),
            ("[" * 5000, "x.yaml"),
            ("a: " + "[" * 30 + "]" * 30, "x.yaml:1: nested more than 20 levels deep"),
        ],
    )
    def test_what_cannot_be_used_is_a_problem_with_its_line(self, text: str, problem: str) -> None:
        found = parse_yaml(text, "x.yaml").problems
        assert found
        assert str(found[0]).startswith(problem)

    def test_a_file_that_is_not_text(self, tmp_path: Path) -> None:
        (tmp_path / "x.yaml").write_bytes(b"a: 1\nb: \xff\xfe\n")
        (problem,) = load_yaml(tmp_path / "x.yaml", "x.yaml").problems
        assert str(problem) == "x.yaml:2: not UTF-8 text; save the file as UTF-8"

    @pytest.mark.parametrize("text", ["", "# nothing yet\n", "null\n"])
    def test_an_empty_file_is_no_settings(self, text: str) -> None:
        assert parse_yaml(text, "x.yaml") == parse_yaml("", "x.yaml")


DEAL = {
    "deal": {
        "name": "Website",
        "amount": Decimal("10000.00"),
        "close_date": date(2026, 3, 31),
        "owner": None,
        "fields": {"Type": "New", "Cap": None},
        "lines": [{"product_code": "FIX-1"}, {"product_code": "TM"}],
    }
}


class TestConditions:
    @pytest.mark.parametrize(
        ("text", "expected"),
        [
            ("true", True),
            ('deal.name == "Website"', True),
            ('deal.fields.Type == "Renewal"', False),
            ('deal.name.startsWith("Web") && deal.owner == null', True),
            ('more_than(deal.amount, "9999.99")', True),
            ('more_than(deal.amount, "10000")', False),
            ('at_least(deal.amount, 10000) && at_most(deal.amount, "10000.0")', True),
            ('same_amount(deal.amount, "1e4")', True),
            ('less_than(deal.amount, "0.1")', False),
            ('deal.close_date >= "2026-01-01"', True),
            ('deal.lines.exists(l, l.product_code.startsWith("FIX-"))', True),
            ("has(deal.fields.Missing) && deal.fields.Missing", False),
            ('deal.name == "a + b - c * d"', False),
        ],
    )
    def test_answers(self, text: str, expected: bool) -> None:
        check_condition(text, DEAL_CONDITION)
        assert answer(text, DEAL) is expected

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ('deal.fields.Tipe == "New"', "there is no field 'Tipe'; did you mean 'Type'?"),
            ("deal.name", "it gives 'Website', not true or false"),
            ('more_than(deal.fields.Cap, "1")', "there is no amount to compare"),
            ('more_than(deal.name, "1")', "'Website' is not an amount"),
            ("deal.name > 3", "it compares values of different kinds"),
        ],
    )
    def test_no_answer(self, text: str, why: str, capfd: pytest.CaptureFixture[str]) -> None:
        check_condition(text, DEAL_CONDITION)
        with pytest.raises(ConditionFailed, match="^" + why.split("'")[0]) as caught:
            answer(text, DEAL)
        assert str(caught.value).startswith(why)
        assert capfd.readouterr() == ("", "")  # records do not leak onto a console

    @pytest.mark.parametrize(
        ("text", "why"),
        [
            ("", "the condition is empty; write `true` for always"),
            ("true || " * 70 + "true", "the condition has 564 characters, at most 500"),
            ("(" * 21 + "true" + ")" * 21, "the condition is nested more than 20 deep"),
            ("!" * 30 + "deal.is_won", "the condition is nested more than 20 deep"),
            ("deal.id + 'x' == 'yx'", "'+' is not allowed in a condition"),
            ("size(deal.id) - 1 == 2", "'-' is not allowed"),
            ("size(deal.id) * 2 == 2", "'*' is not allowed"),
            ("size(deal.id) / 2 == 2", "'/' is not allowed"),
            ("size(deal.id) % 2 == 1", "'%' is not allowed"),
            ("-size(deal.id) < 2", "'-' is not allowed"),
            ("deal.lines.map(l, l.id) == []", "'map' is not available"),
            (
                "deal.lines.all(a, deal.lines.all(b, deal.lines.all(c, true)))",
                "at most 2 of exists and all",
            ),
            ("deal.amount >= 100", "'amount' is an exact decimal"),
            ("100 < deal.amount", "'amount' is an exact decimal"),
            ("deal.lines.exists(l, l.total > 5)", "'total' is an exact decimal"),
        ],
    )
    def test_refused_when_read(self, text: str, why: str) -> None:
        with pytest.raises(ValueError) as caught:
            check_condition(text, DEAL_CONDITION)
        assert str(caught.value).startswith(why)

    @given(st.text(max_size=80))
    def test_any_text_is_accepted_or_explained(self, text: str) -> None:
        with suppress(ValueError):  # and nothing else is raised
            check_condition(text, DEAL_CONDITION)


class TestTemplates:
    def test_places_are_filled(self) -> None:
        record = {"deal": {"name": "Web", "currency": None, "fields": {"N": Decimal("1.50")}}}
        records = {**record, "firm": {"currency": "USD"}}
        assert fill("{deal.name}: {deal.currency|firm.currency} {deal.fields.N}", records) == (
            "Web: USD 1.50"
        )
        assert fill("{deal.fields.Gone?}", records) == ""
        with pytest.raises(FieldMissing, match="the deal has no field 'Nn'"):
            fill("{deal.fields.Nn}", records)

    @pytest.mark.parametrize(
        "text", ["{deal}", "{deal.fields}", "{deal.name.x}", "{deal.name", "{}", "{dael.name}"]
    )
    def test_refused_when_read(self, text: str) -> None:
        with pytest.raises(ValueError):
            check_template(text, DEAL_LINE_TEMPLATE)


class TestSchemas:
    @pytest.mark.parametrize("name", NAMES)
    def test_the_checked_in_schema_is_current(self, name: str) -> None:
        file = ROOT / "docs" / "reference" / "schema" / f"{name}.json"
        assert file.read_text(encoding="utf-8") == schema_text(name), (
            "run: python -m tieout.config.schema docs/reference/schema"
        )

    @pytest.mark.parametrize("name", NAMES)
    def test_the_example_satisfies_the_schema_its_first_line_names(self, name: str) -> None:
        file = ROOT / "config" / NAMES[name]
        text = file.read_text(encoding="utf-8")
        named = text.splitlines()[0].removeprefix("# yaml-language-server: $schema=")
        schema = json.loads((file.parent / named).read_text(encoding="utf-8"))
        jsonschema.Draft202012Validator.check_schema(schema)
        jsonschema.validate(_as_json(parse_yaml(text, name).data), schema)

    def test_a_misspelt_setting_fails_the_schema_too(self) -> None:
        with pytest.raises(jsonschema.ValidationError):
            jsonschema.validate({"use_source_rate": True}, json_schema("rates"))

    def test_an_unknown_schema(self) -> None:
        with pytest.raises(BadInput, match="there is no schema 'deal'; did you mean 'deals'"):
            json_schema("deal")


def _as_json(value: object) -> object:
    """Plain values as an editor sees them: JSON numbers, dates as text."""
    if isinstance(value, dict):
        return {key: _as_json(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_as_json(item) for item in value]
    if isinstance(value, Decimal):
        return float(value)
    return value.isoformat() if isinstance(value, date) else value


FIRM = {"time_zone": "Europe/Berlin", "currency": "EUR", "country": "DE"}


class TestInit:
    def test_a_new_workspace_is_valid_at_once(self, tmp_path: Path) -> None:
        written = create_workspace(tmp_path / "new", name='Müller: "Rat & Tat" #1', **FIRM)
        workspace = load_workspace(tmp_path / "new", connectors={})
        assert workspace.firm.name == 'Müller: "Rat & Tat" #1'
        assert workspace.rate_rules.currency == "EUR"
        assert workspace.time.projects.create_from_time
        assert {path.name for path in written} >= {"tieout.yaml", "deals.yaml", "deals.json"}

    def test_its_editor_comments_lead_to_schemas(self, tmp_path: Path) -> None:
        create_workspace(tmp_path, name="A", **FIRM)
        for file in FILES:
            first = (tmp_path / file).read_text(encoding="utf-8").splitlines()[0]
            named = first.removeprefix("# yaml-language-server: $schema=")
            assert ((tmp_path / file).parent / named).is_file()

    def test_a_folder_in_use_is_left_alone(self, tmp_path: Path) -> None:
        (tmp_path / "notes.txt").write_text("mine")
        with pytest.raises(BadInput, match=r"is not empty \(it holds notes.txt\)"):
            create_workspace(tmp_path, name="A", **FIRM)
        assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]

    def test_a_file_in_the_way(self, tmp_path: Path) -> None:
        (tmp_path / "x").write_text("mine")
        with pytest.raises(BadInput, match="is a file"):
            create_workspace(tmp_path / "x", name="A", **FIRM)

    def test_git_and_its_ignore_file_are_no_obstacle(self, tmp_path: Path) -> None:
        (tmp_path / ".git").mkdir()
        (tmp_path / ".gitignore").write_text("mine\n")
        create_workspace(tmp_path, name="A", **FIRM)
        assert (tmp_path / ".gitignore").read_text() == "mine\n"

    def test_unusable_answers_write_nothing(self, tmp_path: Path) -> None:
        with pytest.raises(BadInput) as caught:
            create_workspace(
                tmp_path / "n", name="", time_zone="Berlin", currency="EURO", country="DE"
            )
        assert [problem.text for problem in caught.value.problems] == [
            "name: must not be empty",
            "time_zone: unknown time zone 'Berlin'; did you mean 'Europe/Berlin'?",
            "currency: unknown currency 'EURO'; write an ISO 4217 code such as USD",
        ]
        assert not (tmp_path / "n").exists()

    def test_every_template_ships(self) -> None:
        assert all(shipped(file).startswith("# yaml-language-server:") for file in FILES)


class TestEnvironment:
    def test_defaults(self) -> None:
        settings = settings_from({})
        assert settings.workspace == Path()
        assert settings.database == "sqlite:///.tieout/tieout.db"
        assert settings.key is None
        assert settings.log_level == "INFO"

    def test_the_database_lives_in_the_workspace(self) -> None:
        settings = settings_from({"TIEOUT_WORKSPACE": "/srv/firm", "TIEOUT_KEY": "k3y"})
        assert settings.database == "sqlite:////srv/firm/.tieout/tieout.db"
        assert settings.data_folder == Path("/srv/firm/.tieout")
        assert settings.key is not None
        assert settings.key.get_secret_value() == "k3y"
        assert "k3y" not in repr(settings)

    def test_what_is_wrong_is_said_without_passwords(self) -> None:
        with pytest.raises(Misconfigured) as caught:
            settings_from({"TIEOUT_LOG_LEVEL": "debg", "TIEOUT_DATABASE": "mysql://u:pw@h/d"})
        assert "TIEOUT_LOG_LEVEL: 'DEBG' is not a log level; did you mean 'DEBUG'?" in str(
            caught.value
        )
        assert "pw" not in str(caught.value)

    def test_secrets_come_from_the_variables_they_name(self) -> None:
        connection = Connection(connector="salesforce", secrets={"client_secret": "CRM_SECRET"})
        found = secrets_of("crm", connection, {"CRM_SECRET": "hush"})
        assert found["client_secret"].get_secret_value() == "hush"
        with pytest.raises(Misconfigured) as caught:
            secrets_of("crm", connection, {})
        assert str(caught.value.problems[0]) == (
            "tieout.yaml: connection 'crm' needs the environment variable CRM_SECRET for its"
            " client_secret"
        )


def test_the_models_are_pydantic_all_the_way() -> None:
    assert all(issubclass(model, BaseModel) for model in FILES.values())
