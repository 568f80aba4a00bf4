"""A firm whose January is in the ledger, made once; each test works on a copy of its folder."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from tests.scenarios.desk import Desk, new_desk, with_january_pushed


@pytest.fixture(scope="session")
def pushed(tmp_path_factory: pytest.TempPathFactory) -> Desk:
    return with_january_pushed(new_desk(tmp_path_factory.mktemp("firm")))


@pytest.fixture
def desk(pushed: Desk, tmp_path: Path) -> Desk:
    """Its own database and workspace; the vendors and the time of day are everybody's."""
    folder = tmp_path / "firm"
    shutil.copytree(pushed.folder, folder)
    # Refresh tokens are replaced after a day, by whichever test is at work: each has its own.
    token = pushed.world.quickbooks.sign_in.issue()["refresh_token"]
    return Desk(folder, pushed.world, pushed.clock, env={"TIEOUT_LEDGER_REFRESH_TOKEN": token})
