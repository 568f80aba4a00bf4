"""The three vendors as one world: serving them, and the demo firm that works in them."""

from __future__ import annotations

import base64
import json
import shlex
import socket
from collections import Counter
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path

import jwt
import pytest
import requests

from tieout.clock import VirtualClock
from tieout.sandbox.core import ConnectionCut
from tieout.sandbox.firm import (
    demo_firm,
    edit_invoice_behind,
    late_entry,
    lose_next_answer,
    pay_some,
    unapplied_payment,
)
from tieout.sandbox.quickbooks.caller import Caller
from tieout.sandbox.world import World, describe, load_schema, serve, shell_exports

NOW = datetime(2026, 3, 2, 15, 0, tzinfo=UTC)
JANUARY, FEBRUARY = date(2026, 1, 1), date(2026, 2, 1)


def empty_world() -> World:
    return World(VirtualClock(NOW), preset="empty")


@pytest.fixture(scope="module")
def built():
    """The firm at its full size; the tests that share it only read."""
    world = empty_world()
    return world, demo_firm(world)


@pytest.fixture
def small():
    """A firm small enough to be made for each test."""
    world = empty_world()
    return world, demo_firm(world, people=6, projects=8)


# -- the firm ------------------------------------------------------------------
def test_the_firm_has_its_people_deals_and_months_of_time(built) -> None:
    world, facts = built
    account, org = world.harvest.account, world.salesforce.org
    assert facts.months == (JANUARY, FEBRUARY)
    assert len(account.users) == len(facts.people) == 60
    assert len({person.email for person in facts.people}) == 60
    assert len(account.projects) == len(org.records("Opportunity", IsWon=True)) == 80
    assert len(org.records("Opportunity", IsWon=False)) == facts.other_deals == 15
    assert len(org.records("Account")) == len(org.records("Contact")) == 35
    assert 4_500 < len(account.entries) == facts.entries < 5_500
    assert {row["name"] for row in account.roles.values()} == set(facts.rates)
    with_fee = [each for each in facts.projects if each.kind != "time"]
    assert len(with_fee) == 27
    assert [row["DisplayName"] for row in world.quickbooks.books.rows("Customer")] == list(
        facts.known_customers
    )
    assert 0 < len(facts.known_customers) < len(facts.clients)


def test_what_the_vendors_hold_comes_to_what_was_expected(built) -> None:
    """The plan counted in quarter hours and cents; Harvest is read in hours and rates."""
    world, facts = built
    account = world.harvest.account
    hours: Counter[tuple[str, date]] = Counter()
    money: dict[tuple[str, date], Decimal] = {}
    for entry in account.entries.values():
        if not entry.is_closed or not account.is_billable(entry):
            continue
        key = (account.projects[entry.project_id]["code"], entry.spent_date.replace(day=1))
        hours[key] += account.hours(entry)
        money[key] = money.get(key, Decimal(0)) + account.hours(entry) * account.rate(entry)
    for line in world.salesforce.org.records("OpportunityLineItemSchedule"):
        item = world.salesforce.org.get("OpportunityLineItem", line["OpportunityLineItemId"])
        deal = world.salesforce.org.get("Opportunity", item["OpportunityId"])
        key = (deal["Tieout_Project_Code__c"], line["ScheduleDate"].replace(day=1))
        money[key] = money.get(key, Decimal(0)) + line["Revenue"]
    expected_s = {key: total for key, total in facts.billable_seconds.items() if total}
    assert {key: total * 3600 for key, total in hours.items()} == expected_s
    for month in facts.months:
        found = {code: total for (code, when), total in money.items() if when == month}
        assert found == facts.invoices(month)
        assert sum(found.values()) == facts.month_total(month)
    assert sum(hours.values()) * 3600 == facts.seconds(JANUARY) + facts.seconds(FEBRUARY)


def test_a_few_hours_are_not_approved_and_some_are_not_billable(built) -> None:
    world, facts = built
    entries = list(world.harvest.account.entries.values())
    only_submitted = [each for each in entries if not each.is_closed]
    assert 3 <= len(only_submitted) == facts.submitted_only <= 30
    assert all(each.is_submitted for each in only_submitted)
    free = [each for each in entries if not world.harvest.account.is_billable(each)]
    assert len(free) == facts.non_billable > 100


def test_every_deal_says_what_it_is_and_is_the_project_of_the_same_name(built) -> None:
    world, facts = built
    org, account = world.salesforce.org, world.harvest.account
    for project in facts.projects:
        deal = org.get("Opportunity", project.opportunity_id)
        row = account.projects[project.harvest_id]
        assert deal["Tieout_Project_Code__c"] == row["code"] == project.code
        assert deal["Name"] == row["name"] == project.name
        assert account.clients[row["client_id"]]["name"] == project.client
        lines = org.records("OpportunityLineItem", OpportunityId=deal["Id"])
        kinds = {line["Tieout_Budget_Kind__c"] for line in lines}
        both = {"time_and_materials", "fixed_fee"}
        wanted = {"time": {"time_and_materials"}, "fee": {"fixed_fee"}, "both": both}
        assert kinds == wanted[project.kind]
        assert deal["Tieout_Billing_Type__c"] in kinds
        assert deal["Amount"] == sum(line["TotalPrice"] for line in lines)
        time_total = sum(facts.time_cents[project.code, month] for month in facts.months)
        sold = sum(line["TotalPrice"] for line in lines) - project.fee
        assert Decimal(time_total) / 100 <= sold


def test_everything_happened_when_it_says(built) -> None:
    world, facts = built
    assert world.clock.now() == NOW
    assert world.salesforce.org.clock is world.harvest.account.clock is world.clock
    assert world.quickbooks.books.backdated is None
    for entry in world.harvest.account.entries.values():
        assert entry.spent_date == entry.created_at.date()
        assert entry.created_at < entry.updated_at <= NOW
    deals = [
        world.salesforce.org.get("Opportunity", each.opportunity_id) for each in facts.projects
    ]
    stamps = [deal["SystemModstamp"] for deal in deals]
    assert stamps == sorted(stamps)
    assert max(deal["CloseDate"] for deal in deals) < JANUARY
    assert all(deal["CreatedDate"] < deal["SystemModstamp"] < NOW for deal in deals)


def test_the_same_firm_comes_out_every_time(small) -> None:
    world, facts = small
    again = empty_world()
    assert demo_firm(again, people=6, projects=8) == facts
    assert again.harvest.account.entries == world.harvest.account.entries


def test_months_that_are_not_over_and_worlds_in_use_are_refused(small) -> None:
    with pytest.raises(ValueError, match="February 2026 are not over"):
        demo_firm(empty_world(), first_month=FEBRUARY)
    with pytest.raises(ValueError, match="preset 'empty'"):
        demo_firm(small[0])
    with pytest.raises(ValueError, match="3 to 400 people, not 2"):
        demo_firm(empty_world(), people=2)
    earlier = demo_firm(empty_world(), people=3, projects=2, first_month=date(2025, 11, 20))
    assert earlier.months == (date(2025, 11, 1), date(2025, 12, 1))


# -- what happens later ----------------------------------------------------------
def billed(world: World, count: int = 10) -> None:
    """Invoices as an integration leaves them: three of the first customer, one of the second."""
    books = world.quickbooks.books
    customers = [row["Id"] for row in books.rows("Customer")]
    for number in range(count):
        customer = customers[0 if number < 3 else 1]
        line = {
            "DetailType": "SalesItemLineDetail",
            "Amount": Decimal("375.00"),
            "SalesItemLineDetail": {
                "ItemRef": {"value": "1"},
                "Qty": Decimal("2.5"),
                "UnitPrice": Decimal(150),
                "TaxCodeRef": {"value": "NON"},
            },
        }
        fields = {"CustomerRef": {"value": customer}, "DocNumber": f"INV-{number + 1:04d}"}
        books.add("Invoice", Line=[line], **fields)


def test_an_hour_comes_in_late(small) -> None:
    world, facts = small
    act = late_entry(world, facts)
    entry = world.harvest.account.entries[int(act.id)]
    assert entry.spent_date == date(2026, 1, 30)
    assert (entry.is_closed, entry.updated_at) == (True, NOW)
    assert act.amount == world.harvest.account.rate(entry) * 6
    assert "after January was billed" in str(act)


def test_somebody_edits_an_invoice_in_the_ledger(small) -> None:
    world, _ = small
    billed(world, 1)
    act = edit_invoice_behind(world, "INV-0001")
    row = world.quickbooks.books.get("Invoice", act.id)
    assert (row["TotalAmt"], row["SyncToken"], act.amount) == (400, "1", 25)
    assert "invoice INV-0001" in act.said
    assert "from 375.00 to 400.00" in act.said
    with pytest.raises(ValueError, match="no invoice INV-9"):
        edit_invoice_behind(world, "INV-9")


def test_clients_pay_in_full_in_part_and_for_several_at_once(small) -> None:
    world, facts = small
    billed(world)
    act = pay_some(world, facts, "0.6")
    books = world.quickbooks.books
    paid = [books.get("Payment", each) for each in act.ids]
    assert [len(row["Line"]) for row in paid] == [3, 1, 1, 1]
    assert [str(row["TotalAmt"]) for row in paid] == ["1125.00", "187.50", "375.00", "375.00"]
    assert act.amount == Decimal("2062.50")
    assert Counter(row["Balance"] for row in books.rows("Invoice")) == {
        Decimal(0): 5, Decimal("187.50"): 1, Decimal(375): 4,
    }  # fmt: skip
    assert "INV-0001, INV-0002, INV-0003" in act.said
    assert pay_some(world, facts, "0").said == "No client of Fernhill Partners paid."
    with pytest.raises(ValueError, match="between 0 and 1"):
        pay_some(world, facts, "60")


def test_money_comes_in_that_belongs_to_nothing(small) -> None:
    world, _ = small
    act = unapplied_payment(world)
    row = world.quickbooks.books.get("Payment", act.id)
    assert row["UnappliedAmt"] == act.amount == 2500
    assert row["Line"] == []


@pytest.mark.parametrize("match", ["", "batch"])
def test_the_ledger_commits_and_the_answer_is_lost(small, match) -> None:
    world, _ = small
    caller = Caller(world.quickbooks)
    lose_next_answer(world, match)
    customer = caller.post("Customer", {"DisplayName": "Not what is waited for"})
    line = {
        "Amount": 10,
        "DetailType": "SalesItemLineDetail",
        "SalesItemLineDetail": {"ItemRef": {"value": "1"}},
    }
    invoice = {"CustomerRef": {"value": customer["Id"]}, "Line": [line]}
    items = {"BatchItemRequest": [{"bId": "1", "operation": "create", "Invoice": invoice}]}
    with pytest.raises(ConnectionCut):
        caller.call("POST", "batch", items) if match else caller.post("Invoice", invoice)
    assert len(list(world.quickbooks.books.rows("Invoice"))) == 1


# -- served over loopback ---------------------------------------------------------
def test_each_vendor_answers_a_signed_in_call_on_its_own_port(small) -> None:
    world, facts = small
    with serve(world) as serving:
        told = json.loads(json.dumps(describe(serving)))
        assert len({each["base_url"] for each in told.values()}) == 3
        assert crm_accounts(told["salesforce"]) == len(facts.clients)
        assert time_people(told["harvest"]) == 6
        assert ledger_customers(told["quickbooks"]) == len(facts.known_customers)
    with pytest.raises(requests.ConnectionError):
        requests.get(told["harvest"]["base_url"], timeout=5)


def crm_accounts(told: dict) -> int:
    keys = told["credentials"]
    claims = {
        "iss": keys["client_id"],
        "sub": keys["username"],
        "aud": told["base_url"],
        "exp": int(NOW.timestamp()) + 180,
    }
    form = {
        "grant_type": "urn:ietf:params:oauth:grant-type:jwt-bearer",
        "assertion": jwt.encode(claims, keys["private_key"], algorithm="RS256"),
    }
    token = requests.post(keys["token_url"], data=form, timeout=5).json()["access_token"]
    answer = requests.get(
        told["base_url"] + "/services/data/v66.0/query",
        params={"q": "SELECT Id FROM Account"},
        headers={"Authorization": f"Bearer {token}"},
        timeout=5,
    )
    return answer.json()["totalSize"]


def time_people(told: dict) -> int:
    keys = told["credentials"]
    headers = {
        "Authorization": f"Bearer {keys['access_token']}",
        "Harvest-Account-Id": keys["account_id"],
        "User-Agent": "Tieout tests",
    }
    answer = requests.get(told["base_url"] + "/v2/users", headers=headers, timeout=5)
    return answer.json()["total_entries"]


def ledger_customers(told: dict) -> int:
    keys = told["credentials"]
    pair = base64.b64encode(f"{keys['client_id']}:{keys['client_secret']}".encode()).decode()
    form = {"grant_type": "refresh_token", "refresh_token": keys["refresh_token"]}
    token = requests.post(
        keys["token_url"], data=form, headers={"Authorization": f"Basic {pair}"}, timeout=5
    ).json()["access_token"]
    answer = requests.get(
        f"{told['base_url']}/v3/company/{keys['realm_id']}/query",
        params={"query": "select count(*) from Customer"},
        headers={"Authorization": f"Bearer {token}", "Accept": "application/json"},
        timeout=5,
    )
    return answer.json()["QueryResponse"]["totalCount"]


def test_the_secrets_come_as_lines_for_a_shell() -> None:
    world = World(VirtualClock(NOW), vendors=("salesforce", "quickbooks"))
    with serve(world) as serving:
        told = describe(serving)
    words = [word for word in shlex.split(shell_exports(told)) if word != "export"]
    found = dict(word.split("=", 1) for word in words)
    assert sorted(found) == [
        "TIEOUT_CRM_CLIENT_SECRET",
        "TIEOUT_CRM_PRIVATE_KEY",
        "TIEOUT_LEDGER_CLIENT_ID",
        "TIEOUT_LEDGER_CLIENT_SECRET",
        "TIEOUT_LEDGER_REFRESH_TOKEN",
        "TIEOUT_LEDGER_VERIFIER_TOKEN",
    ]
    assert found["TIEOUT_CRM_PRIVATE_KEY"] == world.salesforce.credentials["private_key"]


def test_the_secrets_of_a_second_ledger_are_named_after_it() -> None:
    world = World(VirtualClock(NOW), preset="empty", vendors=("netsuite", "xero"))
    with serve(world) as serving:
        told = describe(serving)
    words = [word for word in shlex.split(shell_exports(told)) if word != "export"]
    found = dict(word.split("=", 1) for word in words)
    assert sorted(found) == [
        "TIEOUT_LEDGER_PRIVATE_KEY",
        "TIEOUT_XERO_CLIENT_ID",
        "TIEOUT_XERO_CLIENT_SECRET",
        "TIEOUT_XERO_REFRESH_TOKEN",
        "TIEOUT_XERO_WEBHOOK_KEY",
    ]
    assert found["TIEOUT_LEDGER_PRIVATE_KEY"] == world.netsuite.credentials["private_key"]
    alone = shell_exports({"xero": told["xero"]})
    assert "export TIEOUT_LEDGER_REFRESH_TOKEN=" in alone


def test_a_port_can_be_chosen_and_one_in_use_is_named() -> None:
    world = World(VirtualClock(NOW), preset="empty", vendors=("harvest",))
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(OSError, match=f"port {port} for harvest is in use"):
            serve(world, {"harvest": port}).__enter__()
    with serve(world, {"harvest": port}) as serving:
        assert serving.base_url("harvest") == f"http://127.0.0.1:{port}"


def test_a_world_has_only_the_vendors_asked_for_and_takes_their_time() -> None:
    clock = VirtualClock(NOW)
    world = World(clock, preset="empty", vendors=("quickbooks",), service_s={"quickbooks": 0.5})
    Caller(world.quickbooks).send("GET", "preferences")
    assert (clock.now() - NOW).total_seconds() == 0.5
    with pytest.raises(ValueError, match="this world has no harvest; it has quickbooks"):
        _ = world.harvest
    with pytest.raises(ValueError, match="no stand-in for 'sage'"):
        World(clock, vendors=("sage",))


# -- schema files -----------------------------------------------------------------
SCHEMA = """
objects:
  Opportunity:
    fields:
      - Region__c picklist(40) values=North|South
      - {name: Engagement__c, type: reference, referenceTo: Engagement__c}
  Engagement__c:
    label: Engagement
    fields:
      Budget__c: {type: currency, precision: 18, scale: 2}
"""


def written(folder: Path, text: str, name: str = "schema.yaml") -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_a_schema_file_adds_objects_and_fields(tmp_path) -> None:
    schema = load_schema(written(tmp_path, SCHEMA))
    assert load_schema(written(tmp_path, json.dumps(schema), "schema.json")) == schema
    org = World(VirtualClock(NOW), vendors=("salesforce",), schema=schema).salesforce.org
    parent = org.insert("Engagement__c", {"Name": "Rollout", "Budget__c": "1500.50"})
    deal = org.records("Opportunity")[0]["Id"]
    org.update("Opportunity", deal, {"Region__c": "North", "Engagement__c": parent})
    assert org.get("Opportunity", deal)["Region__c"] == "North"
    assert org.get("Engagement__c", parent)["Budget__c"] == Decimal("1500.50")
    assert load_schema(written(tmp_path, "")) == {}


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("- a", "must hold a mapping with 'objects'"),
        ("object: {}", "there is no key 'object'; did you mean 'objects'?"),
        ("objects: [Opportunity]", "objects: must be a mapping"),
        ("objects: {Oportunity: {}}", "did you mean 'Opportunity'?"),
        ("objects: {Deal__c: {field: []}}", "no key 'field'; did you mean 'fields'?"),
        ("objects: {Deal__c: {prefix: toolong}}", "'toolong' is not three letters"),
        ("objects: {Deal__c: {fields: 7}}", "fields: must be a list"),
        ("objects: {Deal__c: {fields: [7]}}", "fields[1]: must be a text such as"),
        ("objects: {Deal__c: {fields: [Region__c]}}", "cannot read 'Region__c'"),
        ("objects: {Deal__c: {fields: [A__c text(9)]}}", "A__c: there is no type 'text'"),
        ("objects: {Deal__c: {fields: [A__c strin(9)]}}", "did you mean 'string'?"),
        ("objects: {Deal__c: {fields: [A__c int requird]}}", "did you mean 'required'?"),
        ("objects: {Deal__c: {fields: [A__c int(x]}}", "cannot read the field"),
        ("objects: {Deal__c: {fields: [{type: int}]}}", "'name' is missing"),
        ("objects: {Deal__c: {fields: {A__c: int}}}", "A__c: must be a mapping"),
        ("objects: {Deal__c: {fields: {A__c: {length: ten}}}}", "'length' must be a whole number"),
        ("objects: {Deal__c: {fields: {A__c: {picklist: x}}}}", "'picklist' must be a list"),
        ("objects: {Deal__c: {fields: {A__c: {referenceTo: Acount}}}}", "did you mean 'Account'?"),
        ("objects: {", ":1: not YAML"),
        ("objects: {}\nobjects: {}", ":2: not YAML"),
    ],
)
def test_a_mistake_in_a_schema_file_is_named(tmp_path, text, told) -> None:
    path = written(tmp_path, text)
    with pytest.raises(ValueError) as caught:
        load_schema(path)
    assert str(caught.value).startswith(str(path))
    assert told in str(caught.value)


def test_all_mistakes_are_told_at_once_and_a_missing_file_too(tmp_path) -> None:
    path = written(tmp_path, "objects: {Deal: {}, Acount: {}}")
    with pytest.raises(ValueError) as caught:
        load_schema(path)
    assert len(str(caught.value).splitlines()) == 3
    with pytest.raises(ValueError, match="cannot read the schema: No such file"):
        load_schema(tmp_path / "none.yaml")
    with pytest.raises(ValueError, match="not JSON"):
        load_schema(written(tmp_path, "{", "broken.json"))


def test_the_sample_company_can_be_in_another_country() -> None:
    for country, home in (("US", "USD"), ("GB", "GBP"), ("CA", "CAD"), ("AU", "AUD")):
        world = World(VirtualClock(NOW), vendors=["quickbooks"], country=country)
        books = world.quickbooks.books
        assert world.quickbooks.settings.home_currency == home
        assert list(books.rows("Invoice"))
        assert list(books.rows("TaxCode"))
