"""A backup is whole whoever writes meanwhile; put back, the firm goes on as if nothing was."""

from __future__ import annotations

import json
import shutil
import threading
import zipfile
from dataclasses import replace
from pathlib import Path

import pytest

from tests.scenarios import firm as firms
from tests.scenarios.books import in_the_ledger
from tests.scenarios.desk import Desk
from tieout.clock import SystemClock
from tieout.errors import Misconfigured
from tieout.store import Store, audit, outbox, runs
from tieout.store.outbox import OutboxState
from tieout.sync.backup import restore

# What a look at the clock or the disk changes between two looks.
MOVING = ("at", "audit_checked")


def restored(desk: Desk, file: Path, place: Path) -> Desk:
    """The backup in an empty folder, with the key that was kept apart."""
    again = replace(desk, folder=place)
    again.all_of(f"restore {file}")
    shutil.copy2(desk.folder / ".tieout" / "tieout.db.key", place / ".tieout")
    return again


def looks(desk: Desk) -> object:
    """What the status says, without the ages."""

    def still(value: object) -> object:
        if isinstance(value, dict):
            return {
                name: still(one)
                for name, one in value.items()
                if name not in MOVING and not name.endswith("_s")
            }
        return [still(one) for one in value] if isinstance(value, list) else value

    return still(desk.json("status"))


def test_what_is_put_back_is_what_was_and_pushes_nothing(desk: Desk, tmp_path: Path) -> None:
    before, file = looks(desk), tmp_path / "monday.zip"
    desk.all_of(f"backup {file}")
    again = restored(desk, file, tmp_path / "new")
    assert looks(again) == before
    assert again.json("audit verify")["holds"] is True
    written = len(desk.world.quickbooks.write_calls)
    assert again.json("push")["calls"] == 0
    again.all_of("pullback")
    assert len(desk.world.quickbooks.write_calls) == written
    for name in ("tieout.yaml", "mappings/deals.yaml"):
        assert (again.folder / name).read_bytes() == (desk.folder / name).read_bytes()
    assert [one["verdict"] for one in again.json("doctor")].count("problem") == 0


def test_a_backup_while_others_write(desk: Desk, tmp_path: Path) -> None:
    """Entries go into the log all the while; the copy ends between two of them."""
    stop = threading.Event()
    url = f"sqlite:///{desk.folder / '.tieout' / 'tieout.db'}"

    def write() -> None:
        store, number = Store.open(url, SystemClock()), 0
        while not stop.is_set():
            number += 1
            with store.begin() as tx:
                run_id = runs.start(tx, "pull", f"c{number}")
                runs.end(tx, run_id, runs.RunState.DONE)
                audit.record(tx, "finn", "run.noted", run_id)
        store.close()

    writers = [threading.Thread(target=write) for _ in range(2)]
    for writer in writers:
        writer.start()
    try:
        files = [tmp_path / f"{n}.zip" for n in range(3)]
        ends = [desk.json(f"backup {file}")["audit_seq"] for file in files]
    finally:
        stop.set()
        for writer in writers:
            writer.join(30)
    assert ends == sorted(ends)
    assert ends[0] < ends[-1]
    again = restored(desk, files[1], tmp_path / "new")
    with firms.opened(again.folder, desk.world) as engine, engine.store.read() as tx:
        noted = audit.entries(tx, action="run.noted", limit=100_000)
        there = {run.id for run in runs.latest(tx, limit=100_000)}
    # Both halves of every transaction that is in it, and of no other.
    assert {one.subject for one in noted} == {run for run in there if run_is_noted(again, run)}


def run_is_noted(desk: Desk, run_id: str) -> bool:
    with firms.opened(desk.folder, desk.world) as engine, engine.store.read() as tx:
        run = runs.get(tx, run_id)
    return run is not None and run.connection.startswith("c") and run.connection != "crm"


def test_no_secret_and_no_key_is_in_it(desk: Desk, tmp_path: Path) -> None:
    (desk.folder / "secrets.sh").write_text("export TIEOUT_KEY=canary-in-a-script")
    (desk.folder / ".env").write_text("TIEOUT_KEY=canary-in-a-script")
    file = tmp_path / "monday.zip"
    said = desk("backup " + str(file)).stdout
    assert "The key of stored credentials is not in it." in said
    assert {".env", "secrets.sh", ".tieout/tieout.db.key"} <= set(
        said.split("Left out: ")[1].split(".\n")[0].split(", ")
    )
    with zipfile.ZipFile(file) as archive:
        whole = b"".join(archive.read(name) for name in archive.namelist())
    assert b"canary" not in whole
    assert (desk.folder / ".tieout" / "tieout.db.key").read_bytes() not in whole


def test_nothing_is_overwritten(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "monday.zip"
    desk.all_of(f"backup {file}")
    refused = desk(f"backup {file}")
    assert (refused.exit_code, "never overwrites" in refused.stderr) == (1, True)
    refused = desk(f"restore {file}")
    assert (refused.exit_code, "never overwrites" in refused.stderr) == (1, True)
    (tmp_path / "half" / ".tieout").mkdir(parents=True)
    (tmp_path / "half" / ".tieout" / "tieout.db").write_text("somebody's")
    refused = replace(desk, folder=tmp_path / "half")(f"restore {file}")
    assert (refused.exit_code, "is there already" in refused.stderr) == (1, True)
    assert not (tmp_path / "half" / "tieout.yaml").exists()


def changed(file: Path, target: Path, name: str, value: bytes) -> Path:
    with zipfile.ZipFile(file) as source, zipfile.ZipFile(target, "x") as out:
        for each in source.namelist():
            out.writestr(each, value if each == name else source.read(each))
    return target


def manifest_of(file: Path) -> dict[str, object]:
    with zipfile.ZipFile(file) as archive:
        found: dict[str, object] = json.loads(archive.read("manifest.json"))
    return found


def test_a_changed_backup_is_refused_and_nothing_is_written(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "monday.zip"
    desk.all_of(f"backup {file}")
    manifest = manifest_of(file)
    newer = {**manifest, "migration": "9999", "tieout": "9.0"}
    outside = {**manifest, "parts": {"../evil": "0"}}
    other_end = {**manifest, "audit": {"seq": 1, "hash": "0" * 64}}
    empty = replace(desk, folder=tmp_path / "new")
    for number, (name, value, code, words) in enumerate(
        (
            ("workspace/tieout.yaml", b"firm: {}", 2, "workspace/tieout.yaml is not what it was"),
            ("database.sqlite", b"SQLite", 2, "database.sqlite is not what it was"),
            ("manifest.json", json.dumps(newer).encode(), 1, "newer than this one"),
            ("manifest.json", json.dumps(outside).encode(), 2, "a file outside of itself"),
            ("manifest.json", json.dumps(other_end).encode(), 1, "does not end where it did"),
            ("manifest.json", b"{}", 2, "is not a backup of Tieout"),
        )
    ):
        bad = changed(file, tmp_path / f"bad{number}.zip", name, value)
        refused = empty(f"restore {bad}")
        assert (refused.exit_code, words in refused.stderr) == (code, True), refused.stderr
        assert not empty.folder.exists()
    (tmp_path / "notes.zip").write_text("only some notes")
    assert empty(f"restore {tmp_path / 'notes.zip'}").exit_code == 2


def test_writes_in_hand_go_on_once(desk: Desk, tmp_path: Path) -> None:
    """The backup is of Monday; on Tuesday February was pushed. Put back, nothing is twice."""
    assert desk("bill --month 2026-02").exit_code in (0, 4)
    desk.all_of("approve --all", "plan")
    with firms.opened(desk.folder, desk.world) as engine, engine.store.begin() as tx:
        waiting = outbox.list_rows(tx, states=[OutboxState.PENDING])
        claimed = outbox.claim(tx, "ledger", "other:1:1", 900, 1, (OutboxState.PENDING,))
        run_id = runs.start(tx, "push", "ledger", owner="other:1:1")
    assert len(waiting) > 1
    file = tmp_path / "monday.zip"
    desk.all_of(f"backup {file}")
    with firms.opened(desk.folder, desk.world) as engine, engine.store.begin() as tx:
        outbox.postpone(
            tx, claimed[0], claimed[0].fence, not_before=tx.now(), error_class="", error_text=""
        )
    desk.all_of("push")
    there = in_the_ledger(firms.Firm(None, desk.world, None, desk.clock, desk.folder))  # type: ignore[arg-type]
    again = restored(desk, file, tmp_path / "new")
    with firms.opened(again.folder, desk.world) as engine, engine.store.read() as tx:
        run = runs.get(tx, run_id)
    assert run is not None
    assert (run.state, run.error_text) == ("failed", "It was running when the backup was made.")
    for _ in range(4):
        again("push")
    assert in_the_ledger(firms.Firm(None, desk.world, None, desk.clock, desk.folder)) == there  # type: ignore[arg-type]
    assert {one["state"] for one in again.json("status")["queue"]} == {"confirmed"}


def test_another_kind_of_database_is_refused(desk: Desk, tmp_path: Path) -> None:
    file = tmp_path / "monday.zip"
    desk.all_of(f"backup {file}")
    store = Store.open("postgresql://me@127.0.0.1:1/tieout", SystemClock())
    with pytest.raises(Misconfigured, match=r"holds database\.sqlite, .* a postgresql database"):
        restore(file, tmp_path / "new", store)
    store.close()
