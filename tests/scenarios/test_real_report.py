"""A real company's hours of one year, through import, billing, approval and push, month by month.

The file is not part of the project. Where it lies beside the checkout the test runs over
it; elsewhere it says so.
"""

from __future__ import annotations

import csv
from collections import defaultdict
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from itertools import pairwise
from pathlib import Path

import pytest

from tieout.billing.inputs import Period
from tieout.bootstrap import open_engine
from tieout.clock import VirtualClock
from tieout.config import settings_from
from tieout.connectors.inprocess import WsgiAdapter
from tieout.sandbox.quickbooks import QuickBooks
from tieout.store import documents, projects, work
from tieout.sync.approve import approve
from tieout.sync.bill import bill
from tieout.sync.imports import import_file
from tieout.sync.pullback import pullback
from tieout.sync.push import push

REPORT = Path(__file__).parents[3] / "shared" / "data" / "time-report-2012.csv"

WORKSPACE = {
    "tieout.yaml": """
firm: {{name: Old Street Software, time_zone: Europe/London, currency: GBP, country: GB}}
connections:
  files: {{connector: files}}
  ledger:
    connector: quickbooks
    base_url: http://quickbooks.local
    settings: {{realm_id: "{realm}"}}
    secrets: {{client_id: QB_ID, client_secret: QB_SECRET, refresh_token: QB_REFRESH}}
policies: {{invoice_by: client, max_hours_per_day: null}}
""",
    "mappings/deals.yaml": "rules: []\n",
    "mappings/time.yaml": "projects: {{match: [name], create_from_time: true}}\n",
    "mappings/rates.yaml": "currency: GBP\nuse_source_rates: true\n",
    "mappings/ledger.yaml": """
items: {{default: Services}}
tax_codes: {{default: "{tax}"}}
""",
}


def months_of_2012() -> list[Period]:
    starts = [date(2012, month, 1) for month in range(1, 13)] + [date(2013, 1, 1)]
    return [Period(start, following - timedelta(days=1)) for start, following in pairwise(starts)]


def summed_by_hand() -> tuple[Decimal, dict[str, Decimal]]:
    """Approved billable hours, and their worth by client, straight from the file."""
    hours, worth = Decimal(0), defaultdict[str, Decimal](Decimal)
    with REPORT.open(encoding="utf-8-sig", newline="") as file:
        for row in csv.DictReader(file):
            if row["Billable?"] == "Yes" and row["Approved?"] == "Yes":
                hours += Decimal(row["Hours"])
                worth[row["Client"]] += Decimal(row["Hours"]) * Decimal(row["Billable Rate"])
    return hours, dict(worth)


@pytest.mark.skipif(not REPORT.exists(), reason="the real time report is not beside the checkout")
def test_a_year_of_real_hours_reaches_the_ledger_once(tmp_path: Path) -> None:
    clock = VirtualClock(datetime(2013, 1, 7, 9, 0, tzinfo=UTC))
    ledger = QuickBooks(clock, preset="empty", country="GB", limits=False)
    items = {row["Name"] for row in ledger.books.live("Item")}
    taxes = [row["Name"] for row in ledger.books.live("TaxCode")]
    assert "Services" in items
    for name, text in WORKSPACE.items():
        target = tmp_path / name
        target.parent.mkdir(exist_ok=True)
        zero = next(tax for tax in taxes if tax.startswith("0.0%"))
        target.write_text(text.format(realm=ledger.realm_id, tax=zero))
    with open_engine(
        settings_from({"TIEOUT_WORKSPACE": str(tmp_path)}),
        clock=clock,
        mounts={"http://quickbooks.local": WsgiAdapter(ledger)},
        environment={
            "QB_ID": ledger.credentials["client_id"],
            "QB_SECRET": ledger.credentials["client_secret"],
            "QB_REFRESH": ledger.credentials["refresh_token"],
        },
        actor="nora",
    ) as engine:
        imported = import_file(engine, REPORT)
        assert (imported.landed.new, imported.held) == (412, 0)
        pullback(engine)

        for month in months_of_2012():
            bill(engine, month)
            approve(engine, everything=True)
            done = push(engine)
            assert (done.held, done.stopped) == ([], "")

        hours, worth = summed_by_hand()
        assert hours == Decimal("1999.55")
        with engine.store.read() as tx:
            ours = documents.list_documents(tx)
            clients = {client.id: client.name for client in projects.list_clients(tx)}
        billed = sum(line.quantity for document in ours for line in document.lines)
        assert billed == hours
        by_client = defaultdict[str, Decimal](Decimal)
        for document in ours:
            by_client[clients[document.client_id]] += document.total.amount
        assert dict(by_client) == worth

        # The ledger's own books say the same.
        in_ledger = defaultdict[str, Decimal](Decimal)
        for invoice in ledger.books.live("Invoice"):
            in_ledger[invoice["CustomerRef"]["name"]] += invoice["TotalAmt"]
        assert dict(in_ledger) == worth
        assert len(ledger.books.live("Invoice")) == len(ours)

        # A second import and a second push: no request that writes.
        written = len(ledger.write_calls)
        again = import_file(engine, REPORT)
        assert (again.landed.new, again.landed.changed) == (0, 0)
        for month in months_of_2012():
            assert bill(engine, month).drafts == ()
        push(engine)
        assert len(ledger.write_calls) == written
        with engine.store.read() as tx:
            assert len(list(work.all_of(tx, work.WorkKind.TIME))) == 412
