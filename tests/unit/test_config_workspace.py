"""Broken workspaces, each with the exact words its owner is told."""

# ruff: noqa: E501 - a table reads best with one case on a line

from __future__ import annotations

import shutil
from decimal import Decimal
from pathlib import Path

import pytest
from pydantic import BaseModel, ConfigDict

from tieout.config import Workspace, due_days, load_workspace
from tieout.errors import Misconfigured

EXAMPLE = Path(__file__).parents[2] / "config"


class Salesforce(BaseModel):
    model_config = ConfigDict(extra="forbid")
    base_url: str = ""
    flow: str
    consumer_key: str
    username: str
    extra_fields: tuple[str, ...] = ()


class Harvest(BaseModel):
    model_config = ConfigDict(extra="forbid")
    account_id: str
    contact: str
    firm_time_zone: str = "UTC"


class QuickBooks(BaseModel):
    model_config = ConfigDict(extra="forbid")
    realm_id: str
    environment: str = "production"
    firm_currency: str = ""


CONNECTORS: dict[str, type[BaseModel]] = {
    "salesforce": Salesforce,
    "harvest": Harvest,
    "quickbooks": QuickBooks,
}
SECRETS = {"salesforce": ("private_key", "client_secret"), "harvest": ("access_token",)}


def example(tmp_path: Path) -> Path:
    folder = tmp_path / "workspace"
    shutil.copytree(EXAMPLE, folder)
    return folder


def problems_in(folder: Path) -> list[str]:
    with pytest.raises(Misconfigured) as caught:
        load_workspace(folder, connectors=CONNECTORS, secrets=SECRETS)
    return [str(problem) for problem in caught.value.problems]


def edit(folder: Path, file: str, old: str, new: str) -> int:
    """Replace text in a file once; the line where the old text began."""
    path = folder / file
    text = path.read_text(encoding="utf-8")
    assert old in text, f"{old!r} is not in {file}"
    path.write_text(text.replace(old, new, 1), encoding="utf-8")
    return text[: text.index(old)].count("\n") + 1


TIEOUT, DEALS, TIME, RATES, LEDGER = (
    "tieout.yaml",
    "mappings/deals.yaml",
    "mappings/time.yaml",
    "mappings/rates.yaml",
    "mappings/ledger.yaml",
)
FIX_BUDGET = """        instalments:
          - { name: "On signature", percent: 50, after_days: 0 }
          - { name: "On delivery", percent: 50, after_days: 60 }
"""
ENV_TEXT = (
    "secrets.private_key: this is not the name of an environment variable; write a name such"
    " as CRM_SECRET, and if a secret stands here, replace it at the vendor"
)

# file, what is replaced, by what, the problem's text after "file:line: ". The problem is
# on the line where the replaced text began.
BROKEN = [
    (TIEOUT, "time_zone:", "time_zon:", "unknown setting 'time_zon' in firm; did you mean 'time_zone'?"),
    (TIEOUT, "America/New_York\n", "America/New_Yrok\n", "firm.time_zone: unknown time zone 'America/New_Yrok'; did you mean 'America/New_York'?"),
    (TIEOUT, "currency: USD", "currency: usd", "firm.currency: unknown currency 'usd'; did you mean 'USD'?"),
    (TIEOUT, "currency: USD", "currency: XYZ", "firm.currency: unknown currency 'XYZ'; write an ISO 4217 code such as USD"),
    (TIEOUT, "country: US", "country: America", "firm.country: 'America' is not a country; write its two capital letters such as US"),
    (TIEOUT, "schedules:\n", "schedule:\n", "unknown setting 'schedule'; did you mean 'schedules'?"),
    (TIEOUT, 'number: "INV-{year}-{seq:04}"', 'number: "INV-{seq:04}"', "invoices.number: the number needs {year} and {seq} once each: counting starts anew each year"),
    (TIEOUT, 'number: "INV-{year}-{seq:04}"', 'number: "INV-{yaer}-{seq}"', "invoices.number: unknown place '{yaer}' in the number; did you mean 'year'?"),
    (TIEOUT, 'number: "INV-{year}-{seq:04}"', 'number: "NORTHWIND-INV-{year}-{seq:04}"', "invoices.number: a number such as 'NORTHWIND-INV-2026-9999' has 23 characters; ledgers keep at most 21"),
    (TIEOUT, "connector: salesforce", "connector: salesfroce", "connection 'crm': unknown connector 'salesfroce'; did you mean 'salesforce'?"),
    (TIEOUT, "connector: salesforce", "connector: sap", "connection 'crm': unknown connector 'sap'; known: salesforce, harvest, quickbooks"),
    (TIEOUT, 'account_id: "1234567"', 'acount_id: "1234567"', "unknown setting 'acount_id' in connections.time.settings; did you mean 'account_id'?"),
    (TIEOUT, 'account_id: "1234567"', "account_id: 1234567", "connections.time.settings.account_id: must be text; put it in quotes"),
    (TIEOUT, "private_key: SALESFORCE_PRIVATE_KEY", "private_key: 3MVG9lKcPoNINVB", ENV_TEXT),
    (TIEOUT, "private_key: SALESFORCE_PRIVATE_KEY", "private_key: AKIAIOSFODNN7EXAMPLE", ENV_TEXT),
    (TIEOUT, "private_key: SALESFORCE_PRIVATE_KEY", "cleint_secret: SALESFORCE_PRIVATE_KEY", "connection 'crm': salesforce has no secret 'cleint_secret'; did you mean 'client_secret'?"),
    (TIEOUT, "contact: ops", "base_url: http://x\n      contact: ops", "'base_url' is not a setting of a connector: it stands beside `settings:`, not in it"),
    (TIEOUT, "contact: ops", "api_token: abc\n      contact: ops", "settings.api_token looks like a secret; keep it in an environment variable and write the variable's name under `secrets:`"),
    (TIEOUT, "invoice_by: project", "invoice_by: projects", "policies.invoice_by: 'projects' is not known; did you mean 'project'?"),
    (TIEOUT, "rounding: half_up", "rounding: bankers", "policies.rounding: 'bankers' is not known; use 'half_up' or 'half_even'"),
    (TIEOUT, "max_hours_per_day: 24", "max_hours_per_day: -1", "policies.max_hours_per_day: -1 is negative"),
    (TIEOUT, "create_clients: true", "create_projects_in_ledger: true\n  create_clients: true", "unknown setting 'create_projects_in_ledger' in policies; known here: invoice_by, max_hours_per_day, create_clients, rounding, approvers, tolerance"),
    (TIEOUT, "create_clients: true", "create_clients: maybe", "policies.create_clients: must be true or false"),
    (TIEOUT, "pull: every 5 minutes", "pull: hourly", "schedules.pull: 'hourly' is not a schedule; write `every 5 minutes`, `every 1 hour`, \"22:00\" (the firm's time) or `off`"),
    (TIEOUT, 'push: "22:00"', 'push: "25:00"', "schedules.push: '25:00' is not a schedule; write `every 5 minutes`, `every 1 hour`, \"22:00\" (the firm's time) or `off`"),
    (DEALS, "connection: crm", "connection: crmm", "unknown connection 'crmm'; did you mean 'crm'?"),
    (DEALS, "ignore: true", "ignored: true", "unknown setting 'ignored' in rules[1]; did you mean 'ignore'?"),
    (DEALS, 'when: deal.client == "Northwind Consulting"', 'when: deal.clinet == "X"', "rules[1].when: a deal has no 'clinet'; did you mean 'client'?"),
    (DEALS, 'when: deal.client == "Northwind Consulting"', 'when: deal.Type == "X"', "rules[1].when: a deal has no 'Type'; other fields of the source are written deal.fields.Type"),
    (DEALS, 'when: deal.client == "Northwind Consulting"', "when: deal.client ==", "rules[1].when: the condition cannot be read: at character 15: Syntax error: mismatched input '<EOF>'"),
    (DEALS, 'when: deal.client == "Northwind Consulting"', "when: dael.is_won", "rules[1].when: unknown name 'dael' in the condition; did you mean 'deal'?"),
    (DEALS, 'when: deal.client == "Northwind Consulting"', "when: deal.client.startWith('N')", "rules[1].when: unknown function 'startWith' in the condition; did you mean 'startsWith'?"),
    (DEALS, 'when: deal.client == "Northwind Consulting"', "when: deal.amount > 100", "rules[1].when: 'amount' is an exact decimal and is not compared with an operator; write more_than(deal.amount, \"100\"), at_least, less_than, at_most or same_amount"),
    (DEALS, 'when: deal.client == "Northwind Consulting"', "when: size(deal.client) + 1 > 2", "rules[1].when: '+' is not allowed in a condition: it decides, it does not compute"),
    (DEALS, 'currency: "{deal.currency}"', 'currency: "{deal.curency}"', "rules[2].client.currency: a deal has no 'curency'; did you mean 'currency'?"),
    (DEALS, 'name: "{deal.name}"', 'name: "{deal.name"', "rules[2].project.name: a brace is not closed in '{deal.name'"),
    (DEALS, "model: fixed_fee", "model: fixed_fees", "rules[2].budgets[1].model: 'fixed_fees' is not known; did you mean 'fixed_fee'?"),
    (DEALS, "amount: line.total", "amount: line.totl", "rules[2].budgets[1].amount: a line has no 'totl'; did you mean 'total'?"),
    (DEALS, "rate_card: Standard", "rate_card: Standart", "unknown rate card 'Standart'; did you mean 'Standard'?"),
    (DEALS, "group_by: [task, person]", "group_by: [task, persn]", "rules[2].budgets[2].group_by[2]: 'persn' is not known; did you mean 'person'?"),
    (TIME, "connection: time", "connection: harvest", "unknown connection 'harvest'; known: crm, time, books"),
    (TIME, "match: [id, name, code]", "match: name", "projects.match: must be a list"),
    (TIME, "rate_card: Standard", "rate_card: Std", "unknown rate card 'Std'; cards: Standard, Nearshore, Contoso"),
    (TIME, 'when: entry.task == "Travel"', 'when: entry.tsk == "Travel"', "billable[1].when: an entry has no 'tsk'; did you mean 'task'?"),
    (RATES, "Partner: 350.00", "Partner: -350.00", "cards.Standard.roles.Partner: -350.00 is negative"),
    (RATES, "Partner: 350.00", "Partner: lots", "cards.Standard.roles.Partner: must be a number such as 200 or 200.00"),
    (RATES, "Partner: 350.00", "Partner: true", "cards.Standard.roles.Partner: must be a number such as 200 or 200.00"),
    (RATES, "Partner: 350.00", "Partner: .inf", "'.inf' is not a number; put text in quotes"),
    (RATES, "Partner: 350.00", "Partner: 350.0000001", "cards.Standard.roles.Partner: 350.0000001 has more than 6 decimals"),
    (RATES, "Partner: 350.00", "Partner: 1e99", "cards.Standard.roles.Partner: 1E+99 is larger than any amount here can be"),
    (RATES, "default_card: Standard", "default_card: Nearshor", "unknown rate card 'Nearshor'; did you mean 'Nearshore'?"),
    (RATES, "- { role: Consultant, rate: 126.00, from: 2026-07-01 }", "- { role: Consultant, rate: 126.00, from: 2026-06-30 }", "two rates for card Nearshore, role Consultant hold on 2026-06-30: this one and mappings/rates.yaml:25; end the older one with `to:`"),
    (RATES, "- { task: Travel, rate: 90.00, from: 2026-01-01, to: 2026-12-31 }", "- { task: Travel, rate: 90.00, from: 2026-01-01, to: 2025-12-31 }", "overrides[2]: the rate ends on 2025-12-31, before it starts on 2026-01-01"),
    (RATES, "- { task: Travel, rate: 90.00, from: 2026-01-01, to: 2026-12-31 }", "- { task: Travel, rate: 90.00, from: 2026-13-01 }", "2026-13-01 is not a date"),
    (RATES, "- { task: Travel, rate: 90.00, from: 2026-01-01, to: 2026-12-31 }", "- { rate: 90.00 }", "overrides[2]: an override needs a client, project, task, person or role"),
    (LEDGER, 'memo: "{project.name}', 'memo: "{projekt.name}', "memo: unknown record 'projekt' in 'projekt.name'; did you mean 'project'?"),
    (LEDGER, "mode: ledger", "mode: our", "taxes.mode: 'our' is not known; did you mean 'ours'?"),
    (LEDGER, "rounding: line", "rounding: cent", "taxes.rounding: 'cent' is not known; did you mean 'document'?"),
    (LEDGER, "- { from: 2020-01-01, percent: 0 }", "- { from: 2020-01-01, percent: -5 }", "taxes.rates.Reverse charge[1].percent: -5 is negative"),
    (LEDGER, "- { from: 2020-01-01, percent: 0 }", "- { from: 2020-01-01, percent: 14.9, parts: [5, 9.975] }", "taxes.rates.Reverse charge[1]: 5 + 9.975 is not 14.9: the parts add up to the percent"),
    (LEDGER, "- { from: 2020-01-01, percent: 0 }", "- { percent: 5 }", "taxes.rates.Reverse charge[1] needs 'from'"),
    (LEDGER, "taxes:\n  mode: ledger\n  rounding: line\n  rates:\n", "taxes:\n  mode: ledger\n  rounding: line\n  rates:\n    reverse CHARGE: [{ from: 2020-01-01, percent: 0 }]\n", "taxes: 'Reverse charge' has two rates from 2020-01-01 on"),
    (LEDGER, 'link: ""', 'link: "crm.example/deals/{project.code}"', "link: 'crm.example/deals/{project.code}' is no address of a page; it begins with https://"),
    (LEDGER, "  lines: false", "  lines: maybe", "timesheet.lines: must be true or false"),
    (LEDGER, 'when: client.country == "DE"\n', 'when: line.task == "DE"\n', "departments.rules[1].when: unknown name 'line' in the condition; did you mean 'client'?"),
]  # fmt: skip


@pytest.mark.parametrize(("file", "old", "new", "text"), BROKEN)
def test_a_broken_workspace_is_told_what_where_and_the_nearest_name(
    tmp_path: Path, file: str, old: str, new: str, text: str
) -> None:
    folder = example(tmp_path)
    line = edit(folder, file, old, new)
    assert f"{file}:{line}: {text}" in problems_in(folder)


def test_a_setting_written_twice_names_both_lines(tmp_path: Path) -> None:
    folder = example(tmp_path)
    line = edit(folder, TIEOUT, "  country: US\n", "  country: US\n  country: CA\n")
    assert problems_in(folder) == [
        f"tieout.yaml:{line + 1}: 'country' is written twice; the first is on line {line}"
    ]


def test_a_missing_setting_is_reported_where_its_section_begins(tmp_path: Path) -> None:
    folder = example(tmp_path)
    edit(folder, TIEOUT, "  name: Northwind Consulting\n", "")
    line = (folder / TIEOUT).read_text().split("\nfirm:")[0].count("\n") + 2
    assert problems_in(folder) == [f"tieout.yaml:{line}: firm needs 'name'"]


def test_wrong_word_for_use(tmp_path: Path) -> None:
    folder = example(tmp_path)
    line = edit(folder, LEDGER, "use: Travel", "item: Travel")
    assert problems_in(folder) == [
        f"mappings/ledger.yaml:{line - 1}: items.rules[2] needs 'use'",
        f"mappings/ledger.yaml:{line}: unknown setting 'item' in items.rules[2];"
        " known here: when, use",
    ]


def test_an_instalment_plan_must_make_a_hundred_percent(tmp_path: Path) -> None:
    folder = example(tmp_path)
    edit(folder, DEALS, '"On delivery", percent: 50', '"On delivery", percent: 40')
    assert "the instalments add up to 90 percent, not 100" in problems_in(folder)[0]


def test_a_fixed_fee_needs_instalments(tmp_path: Path) -> None:
    folder = example(tmp_path)
    edit(folder, DEALS, FIX_BUDGET, "")
    line = (folder / DEALS).read_text().split('      - name: "{line.name}"')[0].count("\n") + 1
    assert problems_in(folder) == [
        f"mappings/deals.yaml:{line}: rules[2].budgets[1]: a fixed_fee budget needs"
        " 'instalments'; for one invoice at the start write [{percent: 100, after_days: 0}]"
    ]


def test_a_rate_without_a_currency(tmp_path: Path) -> None:
    folder = example(tmp_path)
    edit(folder, RATES, "currency: USD\n", "")
    found = problems_in(folder)
    assert len(found) == 7  # three standard rates, two dated ones, two overrides; Contoso says EUR
    assert found[0] == (
        "mappings/rates.yaml:18: a rate without a currency (card Standard, role Partner): write"
        " `currency:` on the rate, on its card or at the top of the file"
    )


def test_missing_files_and_files_nobody_reads(tmp_path: Path) -> None:
    folder = example(tmp_path)
    (folder / "mappings" / "time.yaml").rename(folder / "mappings" / "times.yaml")
    assert problems_in(folder) == [
        "mappings/time.yaml: the file is missing; `tieout init` in an empty folder shows what"
        " belongs in it",
        "mappings/times.yaml: nothing reads this file; did you mean 'mappings/time.yaml'?",
    ]


def test_a_folder_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(Misconfigured, match=r"is not a folder; `tieout init"):
        load_workspace(tmp_path / "nowhere", connectors={})


def test_broken_yaml_has_a_line(tmp_path: Path) -> None:
    folder = example(tmp_path)
    line = edit(folder, TIEOUT, "  country: US\n", "  country: [US\n")
    (found,) = problems_in(folder)
    assert found.startswith("tieout.yaml:")
    assert "not valid YAML" in found
    assert int(found.split(":")[1]) >= line


def test_every_problem_of_every_file_at_once(tmp_path: Path) -> None:
    folder = example(tmp_path)
    edit(folder, TIEOUT, "currency: USD", "currency: DOLLARS")
    edit(folder, TIEOUT, "connector: harvest", "connector: harvst")
    edit(folder, DEALS, "ignore: true", "ignore: perhaps")
    edit(folder, TIME, "approvals: [approved]", "approvals: [rejected]")
    edit(folder, RATES, "Analyst: 125.00", "Analyst: 125,00")
    edit(folder, LEDGER, "connection: books", "connection: book")
    with pytest.raises(Misconfigured) as caught:
        load_workspace(folder, connectors=CONNECTORS, secrets=SECRETS)
    files = [problem.file for problem in caught.value.problems]
    # tieout.yaml does not validate, so what stands on it (connectors, connection names)
    # is checked once it does.
    assert files == [TIEOUT, DEALS, TIME, RATES]
    assert "has 4 problems; nothing was done" in str(caught.value)


def test_a_secret_in_the_file_is_never_repeated(tmp_path: Path) -> None:
    folder = example(tmp_path)
    secret = "s3cr3t-9f86d081884c7d659a2feaa0c55ad015"
    token = "eyJhbGciOiJIUzI1NiJ9.e30.9f86d081884c7d65"
    edit(folder, TIEOUT, "private_key: SALESFORCE_PRIVATE_KEY", f"private_key: {secret}")
    edit(folder, TIEOUT, "contact: ops@northwind.example", f"contact: {token}")
    edit(folder, TIEOUT, "username: tieout", f"password: {secret}\n      username: tieout")
    with pytest.raises(Misconfigured) as caught:
        load_workspace(folder, connectors=CONNECTORS, secrets=SECRETS)
    assert "settings.contact looks like a secret" in str(caught.value)
    assert "settings.password looks like a secret" in str(caught.value)
    assert secret not in str(caught.value)
    assert token not in str(caught.value)


def test_a_connector_is_told_what_stands_elsewhere(tmp_path: Path) -> None:
    folder = example(tmp_path)
    edit(folder, TIEOUT, "    # base_url:", "    base_url:")
    settings = load_workspace(folder, connectors=CONNECTORS, secrets=SECRETS).settings
    assert settings["crm"].model_dump()["base_url"] == "http://127.0.0.1:8801"
    assert settings["time"].model_dump()["firm_time_zone"] == "America/New_York"
    assert settings["books"].model_dump()["firm_currency"] == "USD"


def test_the_example_is_valid(workspace: Workspace) -> None:
    assert workspace.firm.currency == "USD"
    assert workspace.schedules.push.at is not None
    assert workspace.settings["time"].account_id == "1234567"  # type: ignore[attr-defined]


def test_rates_are_exact_dated_and_know_their_line(workspace: Workspace) -> None:
    partner = workspace.rates[0]
    assert (partner.card, partner.role, partner.amount) == (
        "Standard",
        "Partner",
        Decimal("350.00"),
    )
    assert str(partner.amount) == "350.00"
    file, line = partner.origin.split(":")
    assert "Partner: 350.00" in (EXAMPLE / file).read_text().splitlines()[int(line) - 1]
    contoso = [rate for rate in workspace.rates if rate.card == "Contoso"]
    assert {rate.currency for rate in contoso} == {"EUR"}
    assert {rate.client for rate in contoso} == {"Contoso GmbH"}


def test_numbers_and_terms(workspace: Workspace) -> None:
    assert workspace.invoices.format_number(2026, 7) == "INV-2026-0007"
    assert workspace.invoices.format_number(2026, 7, credit=True) == "CN-2026-0007"
    assert (due_days("Net 30"), due_days("due on receipt"), due_days("2/10 n30")) == (30, 0, None)


@pytest.fixture
def workspace() -> Workspace:
    return load_workspace(EXAMPLE, connectors=CONNECTORS, secrets=SECRETS)
