"""The command line on a small firm with work to bill, its vendors in process."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tests.scenarios import firm as firms
from tests.scenarios.desk import Desk, new_desk, with_january_pushed
from tieout.bootstrap import COMPANY
from tieout.cli import app
from tieout.cli.session import Session
from tieout.connectors.inprocess import WsgiAdapter
from tieout.store import outbox, secrets
from tieout.store.outbox import OutboxState


@pytest.fixture(scope="module")
def desk(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    """A firm whose January is pushed."""
    return with_january_pushed(new_desk(tmp_path_factory.mktemp("firm")))


def test_connections_tell_their_company(desk: Desk) -> None:
    rows = {row["name"]: row for row in desk.json("connections")}
    assert list(rows) == ["crm", "time", "ledger"]
    assert all(row["company"] and row["state"] == "done" for row in rows.values())


def test_another_company_is_refused_by_both_names(desk: Desk) -> None:
    with firms.opened(desk.folder, desk.world) as engine:
        with engine.store.begin() as tx:
            company = secrets.get(tx, "ledger", COMPANY) or ""
            secrets.put(tx, "ledger", COMPANY, "123")
        said = desk.json("connect ledger", code=2)["error"]["text"]
        assert said.startswith("wrong company: ledger belongs to Fernhill Partners (123), and ")
        assert f"({company}) answered. Nothing was changed." in said
        with engine.store.begin() as tx:
            secrets.put(tx, "ledger", COMPANY, company)
    assert desk("connect ledger").exit_code == 0


def test_amounts_are_right_aligned_and_exact(desk: Desk) -> None:
    rows = desk.json("invoices")
    assert rows
    assert {row["status"] for row in rows} == {"pushed"}
    shown = desk("invoices").stdout
    ends = {len(line.rstrip()) for line in shown.splitlines() if line.rstrip().endswith(" USD")}
    assert len(ends) == 1
    assert desk.json("invoices --status draft") == []


def test_bill_ends_with_4_when_work_waits(desk: Desk) -> None:
    result = desk("bill --month 2026-02 --json")
    said = json.loads(result.stdout)
    assert result.exit_code == (4 if said["held"] else 0)
    assert len(desk.json("held")) >= len(said["held"])


def test_a_pushed_ledger_needs_nothing_more(desk: Desk) -> None:
    assert desk.json("plan")["writes"] == []
    said = desk.json("push")
    assert (said["confirmed"], said["calls"], said["held_rows"]) == ([], 0, [])


def test_explain_reaches_the_raw_record(desk: Desk) -> None:
    said = desk.json("explain INV-2026-0001 --line 1")
    item = said["lines"][0]["work"][0]
    assert item["source"].startswith("time/time_entries/")
    assert str(item["payload"]["id"]) == item["source"].rsplit("/", 1)[1]
    text = desk("explain INV-2026-0001 --line 1").stdout
    assert "rate: " in text
    assert "raw billable: true" in text
    refused = desk("explain INV-2026-0001 --line 99")
    assert (refused.exit_code, "there is no line 99" in refused.stderr) == (1, True)


def test_retry_is_for_what_is_held(desk: Desk) -> None:
    refused = desk("retry INV-2026-0001")
    assert refused.exit_code == 1
    assert refused.stderr == "Error: Only held rows can be retried; this one is confirmed.\n"


def test_a_held_write_is_told_and_released(desk: Desk) -> None:
    with firms.opened(desk.folder, desk.world) as engine, engine.store.begin() as tx:
        row = next(r for r in outbox.list_rows(tx) if r.writer == "invoice")
        made = outbox.again(tx, row.id, "v1:" + "0" * 32)
        claimed = outbox.claim(tx, "ledger", "test", 60, 1, (OutboxState.PENDING,))[0]
        outbox.hold(tx, claimed, claimed.fence, error_class="Rejected", error_text="Bad [tax]")
    told = next(one for one in desk.json("held") if one["id"] == made.id)
    assert (told["reason"], told["text"]) == ("Rejected", "Bad [tax]")
    assert desk.json("status")["held"] >= 1
    said = desk.json(f"retry {made.id} --rebuild")
    assert (said["id"], said["state"]) == (made.id, "pending")
    with firms.opened(desk.folder, desk.world) as engine, engine.store.begin() as tx:
        claimed = outbox.claim(tx, "ledger", "test", 60, 1, (OutboxState.PENDING,))[0]
        outbox.hold(tx, claimed, claimed.fence, error_class="Rejected", error_text="done with")
    assert desk.json("audit verify")["holds"] is True


def test_an_edited_rule_is_previewed(desk: Desk, tmp_path: Path) -> None:
    for file in ("tieout.yaml", *(f"mappings/{n}.yaml" for n in ("time", "rates", "ledger"))):
        (tmp_path / file).parent.mkdir(exist_ok=True)
        (tmp_path / file).write_text((desk.folder / file).read_text())
    deals = (desk.folder / "mappings/deals.yaml").read_text()
    (tmp_path / "mappings/deals.yaml").write_text(deals)
    assert desk.json(f"map preview --rules {tmp_path}") == []
    assert {row["becomes"][:7] for row in desk.json("map preview")} >= {"project"}


def test_reconcile_writes_its_report_where_it_is_told(desk: Desk, tmp_path: Path) -> None:
    result = desk(f"reconcile --out {tmp_path / 'r'} --json")
    said = json.loads(result.stdout)
    assert result.exit_code == (1 if said["discrepancies"] else 0)
    assert [Path(file).suffix for file in said["files"]] == [".html", ".csv", ".json"]
    assert all(Path(file).is_file() for file in said["files"])


def test_a_refusing_vendor_ends_with_3(desk: Desk) -> None:
    hosts = firms.hosts(desk.world)
    session = Session(workspace=desk.folder, clock=desk.clock, mounts={
        hosts[v.slug]["base_url"]: WsgiAdapter(v) for v in desk.world.vendors.values()
    })  # fmt: skip
    token = desk.world.harvest.credentials["access_token"]
    env = {
        name: "no-such-token" if value == token else value
        for name, value in firms.secrets_for(hosts).items()
    }
    result = CliRunner().invoke(app, ["pull", "time", "--json"], obj=session, env=env)
    assert result.exit_code == 3
    assert all(row["error"] for row in json.loads(result.stdout)["pulled"])


def test_export_is_json_lines(desk: Desk, tmp_path: Path) -> None:
    out = tmp_path / "all.jsonl"
    assert desk(f"export --out {out}").exit_code == 0
    lines = out.read_text().splitlines()
    assert lines
    assert all(isinstance(json.loads(line), dict) for line in lines)
    assert desk("export").stdout.splitlines() == lines
