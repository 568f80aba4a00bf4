"""The key of stored credentials is replaced while everything goes on."""

from __future__ import annotations

import pytest
from cryptography.fernet import Fernet

from tests.scenarios.desk import Desk


@pytest.fixture
def fresh(desk: Desk) -> str:
    result = desk("secrets key")
    assert result.exit_code == 0
    return result.stdout.strip()


def test_a_printed_key_is_one(desk: Desk, fresh: str) -> None:
    Fernet(fresh)
    assert desk("secrets key").stdout.strip() != fresh


def test_a_key_files_key_is_replaced_in_two_steps(desk: Desk) -> None:
    file = desk.folder / ".tieout" / "tieout.db.key"
    first = file.read_text()
    assert desk.json("secrets rotate --new")["rotated"] > 0
    assert first in file.read_text()
    desk.all_of("pull time", "pullback", "secrets rotate --forget-old")
    assert first not in file.read_text()
    desk.all_of("pull", "pullback", "audit verify")
    assert {one["verdict"] for one in desk.json("doctor")} == {"fine"}


def test_not_both_steps_at_once(desk: Desk) -> None:
    refused = desk("secrets rotate --new --forget-old")
    assert (refused.exit_code, "Not both at once" in refused.stderr) == (1, True)


def test_a_variables_key_is_replaced_where_it_is_set(desk: Desk, fresh: str) -> None:
    first = (desk.folder / ".tieout" / "tieout.db.key").read_text()
    desk.env["TIEOUT_KEY"] = first
    for option in ("--new", "--forget-old"):
        refused = desk(f"secrets rotate {option}")
        assert (refused.exit_code, "replaced there" in refused.stderr) == (1, True)
    desk.env["TIEOUT_KEY"] = f"{fresh},{first}"
    desk.all_of("pullback", "secrets rotate")
    desk.env["TIEOUT_KEY"] = fresh
    desk.all_of("pullback", "doctor")
    desk.env["TIEOUT_KEY"] = first
    refused = desk("pullback")
    assert (refused.exit_code, "cannot be read with this key" in refused.stderr) == (1, True)


def test_a_key_in_a_file_that_is_named(desk: Desk) -> None:
    beside = desk.folder / ".tieout" / "tieout.db.key"
    kept = desk.folder.parent / "kept.key"
    beside.rename(kept)
    desk.env["TIEOUT_KEY_FILE"] = str(kept)
    desk.all_of("pullback", "secrets rotate --new", "pullback")
    assert not beside.exists()
    assert len(kept.read_text().split(",")) == 2
