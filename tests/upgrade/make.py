"""Keeps a release's database for the tests of its successors.

Run at each release, with the code of that release:

    python -m tests.upgrade.make tests/upgrade/releases

It writes a folder named for the newest migration: the workspace's files, the database as
SQL, and what it must still say after an upgrade. What was kept is never written anew.
"""

from __future__ import annotations

import gzip
import json
import os
import shutil
import sqlite3
import sys
import tempfile
from pathlib import Path

from tests.scenarios.books import billed_and_approved, issued, ready_to_push, reconciled, rows
from tests.scenarios.firm import FEBRUARY, Firm, small_firm
from tieout.cli.proof import prove
from tieout.sandbox.firm import pay_some
from tieout.store import audit, held, migrate, secrets
from tieout.sync.bill import bill
from tieout.sync.push import push

#: The key that the kept databases' credentials are encrypted with; it guards nothing else.
KEY = "dGllb3V0LXVwZ3JhZGUtdGVzdHMtb25seS1rZXktMDE="
CREDENTIAL = "a-refresh-token-of-the-first-release"


def make(releases: Path) -> Path:
    """Make this release's folder; returns it. Raises FileExistsError when it is there."""
    target = releases / migrate.HEAD
    target.mkdir(parents=True)
    with tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        with small_firm(folder, people=3, projects=4) as firm:
            _two_months(firm)
            (target / "expected.json").write_text(
                json.dumps(said(firm), indent=2) + "\n", encoding="utf-8"
            )
        for name in ("tieout.yaml", "mappings"):
            source = folder / name
            copy = shutil.copytree if source.is_dir() else shutil.copy
            copy(source, target / name)
        with sqlite3.connect(folder / ".tieout" / "tieout.db") as database:
            text = "\n".join(database.iterdump())
        database.close()
    (target / "database.sql.gz").write_bytes(gzip.compress(text.encode(), mtime=0))
    return target


def _two_months(firm: Firm) -> None:
    """January billed, pushed and half paid; February drafted; somebody waits for a rate."""
    for name in firm.engine.connections:
        prove(firm.engine, name)
    with firm.engine.store.begin() as tx:
        secrets.put(tx, "ledger", "kept", CREDENTIAL)
    ready_to_push(firm)
    push(firm.engine)
    pay_some(firm.world, firm.facts, "0.5")
    firm.look_at_the_ledger()
    billed_and_approved(firm, FEBRUARY)
    push(firm.engine)
    reconciled(firm)
    bill(firm.engine, FEBRUARY)


def said(firm: Firm) -> dict[str, object]:
    """What a bookkeeper sees: documents, the outbox, what waits, the log of who did what."""
    with firm.engine.store.read() as tx:
        waiting = [f"{one.held.subject}: {one.held.reason}" for one in held.open_held(tx)]
        entries = audit.entries(tx, limit=100_000)
    return {
        "documents": [
            {
                "number": one.number,
                "total": one.total.plain,
                "status": one.status.value,
                "lines": len(one.lines),
            }
            for one in issued(firm)
        ],
        "outbox": sorted(f"{one.writer} {one.remote_id} {one.state.value}" for one in rows(firm)),
        "held": waiting,
        "audit": {"entries": len(entries), "head": entries[-1].hash},
    }


if __name__ == "__main__":
    os.environ["TIEOUT_KEY"] = KEY
    print(make(Path(sys.argv[1])))
