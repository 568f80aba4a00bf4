"""The command line: help, exit codes, errors in full, JSON that parses."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tieout import __version__
from tieout.cli import app, exit_code_of, show
from tieout.cli.exits import ExitCode, as_json, words_of, worst
from tieout.cli.session import Session
from tieout.clock import VirtualClock
from tieout.errors import (
    AuthExpired,
    BadInput,
    Misconfigured,
    NotAllowed,
    RateLimited,
    Rejected,
    StoreError,
    Unknown,
)
from tieout.model.money import Money

COMMANDS = [
    "init", "check", "connect", "connections", "pull", "map preview", "projects", "bill",
    "invoices", "approve", "match", "credit", "void", "correct", "plan", "push", "pullback",
    "reconcile",
    "held", "retry", "explain", "status", "run", "sandbox serve", "import", "export",
    "audit verify",
]  # fmt: skip
LISTINGS = ["connections", "map preview", "projects", "invoices", "held"]

runner = CliRunner()


def tieout(*args: str, folder: Path | None = None, **session: Any) -> Result:
    return runner.invoke(app, list(args), obj=Session(workspace=folder, actor="nora", **session))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    path = tmp_path / "firm"
    assert tieout("init", str(path), "--firm", "Fern & Co").exit_code == 0
    return path


# -- help and usage ---------------------------------------------------------------------
@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_explains_itself(command: str) -> None:
    result = tieout(*command.split(), "--help")
    assert result.exit_code == 0
    assert "Usage:" in result.stdout


def test_the_help_names_every_command_and_exit_code() -> None:
    text = tieout("--help").stdout
    assert [name for name in COMMANDS if name.split()[0] not in text] == []
    assert "0 done, 1 problems found, 2 usage or configuration" in text


def test_the_version_is_told() -> None:
    result = tieout("--version")
    assert (result.exit_code, result.stdout) == (0, f"tieout {__version__}\n")


def test_a_wrong_command_is_a_usage_error() -> None:
    assert tieout("frobnicate").exit_code == 2
    result = tieout("frobnicate", "--json")
    assert result.exit_code == 2
    assert json.loads(result.stdout)["error"]["text"] == "No such command 'frobnicate'."


# -- a workspace ------------------------------------------------------------------------
def test_init_writes_a_workspace_that_checks(folder: Path) -> None:
    result = tieout("check", folder=folder)
    assert result.exit_code == 0
    assert result.stdout.startswith("Fern & Co: no problems.")
    assert json.loads(tieout("check", "--json", folder=folder).stdout)["firm"] == "Fern & Co"


def test_init_does_not_touch_what_is_there(folder: Path) -> None:
    result = tieout("init", str(folder))
    assert result.exit_code == 2
    assert "is not empty" in result.stderr
    assert "nothing was written" in result.stderr


def test_a_folder_that_is_not_there_is_named(tmp_path: Path) -> None:
    missing = tmp_path / "no"
    result = tieout("status", folder=missing)
    assert result.exit_code == 2
    assert result.stderr == (
        f"Error: {missing} is not a folder; `tieout init {missing}` creates a workspace\n"
    )
    assert result.stdout == ""


def test_a_broken_workspace_tells_every_problem_once(folder: Path) -> None:
    file = folder / "tieout.yaml"
    file.write_text(file.read_text().replace("America/New_York", "America/Gotham"))
    (folder / "mappings/rates.yaml").write_text("crads: {}\n")
    result = tieout("check", folder=folder)
    assert result.exit_code == 2
    assert "has 2 problems; nothing was done" in result.stderr
    assert result.stderr.count("tieout.yaml:") == 1
    assert result.stderr.count("mappings/rates.yaml:1: ") == 1
    assert "Traceback" not in result.output
    said = json.loads(tieout("check", "--json", folder=folder).stdout)["error"]
    assert (said["class"], said["exit_code"]) == ("Misconfigured", 2)
    assert [problem["file"] for problem in said["problems"]] == [
        "tieout.yaml",
        "mappings/rates.yaml",
    ]


def test_the_workspace_comes_from_the_environment_too(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TIEOUT_WORKSPACE", str(folder))
    assert runner.invoke(app, ["check"]).exit_code == 0


@pytest.mark.parametrize("command", LISTINGS)
def test_listings_of_nothing(folder: Path, command: str) -> None:
    assert json.loads(tieout(*command.split(), "--json", folder=folder).stdout) == []
    assert tieout(*command.split(), folder=folder).stdout.endswith(": none.\n")


def test_status_of_a_new_workspace(folder: Path) -> None:
    said = json.loads(tieout("status", "--json", folder=folder).stdout)
    assert (said.pop("firm"), said.pop("held"), said.pop("unknown")) == ("Fern & Co", 0, 0)
    assert datetime.fromisoformat(said.pop("at")).tzinfo is not None
    assert said.pop("audit_checked") is None
    assert {name for name, rows in said.items() if rows} == set()


def test_the_audit_log_of_a_new_workspace_holds(folder: Path) -> None:
    said = json.loads(tieout("audit", "verify", "--json", folder=folder).stdout)
    assert said == {"holds": True, "broken": None}


# -- what is wrong is said -----------------------------------------------------------------
@pytest.mark.parametrize(
    ("command", "code", "said"),
    [
        ("bill", 2, "Say which period: --month 2026-03, or both --from and --to."),
        ("bill --month 2026-3", 2, "'2026-3' is not a month; write it as 2026-03."),
        ("bill --month 2026-03 --to 2026-03-31", 2, "Say which period"),
        ("bill --from 2026-03-31 --to 2026-03-01", 2, "the period ends on 2026-03-01, before"),
        ("approve", 2, "Name the drafts to approve, or say --all"),
        ("connect crm", 2, "There is no connection 'crm' in tieout.yaml (there are: none)."),
        ("pull crm", 2, "There is no connection 'crm' in tieout.yaml (there are: none)."),
        ("match", 2, "tieout.yaml needs exactly one ledger connection; it has: none."),
        ("match --undo", 2, "say whose link to take back, and no more: tieout match CLIENT --undo"),
        ("plan", 2, "tieout.yaml needs exactly one ledger connection; it has: none."),
        ("push", 2, "tieout.yaml needs exactly one ledger connection; it has: none."),
        ("reconcile", 2, "tieout.yaml needs exactly one ledger connection; it has: none."),
        ("explain INV-1", 1, "There is no document INV-1; `tieout invoices` lists them."),
        ("retry INV-1", 1, "There is no write called INV-1. `tieout held` lists what waits"),
        ("sandbox serve --vendor odoo", 2, "there is no stand-in for 'odoo'"),
        ("sandbox serve --schema no.yaml", 2, "no.yaml: cannot read the schema"),
    ],
)
def test_an_error_says_what_and_what_next(folder: Path, command: str, code: int, said: str) -> None:
    result = tieout(*command.split(), folder=folder)
    assert result.exit_code == code
    assert result.stderr.startswith(f"Error: {said}")
    assert result.stdout == ""


def test_a_report_folder_that_cannot_be_made_is_named(folder: Path) -> None:
    blocked = folder / "tieout.yaml" / "out.jsonl"
    result = tieout("export", "--out", str(blocked), folder=folder)
    assert (result.exit_code, result.stderr) == (2, f"Error: {blocked}: Not a directory.\n")


def test_billing_nothing_is_done(folder: Path) -> None:
    said = json.loads(tieout("bill", "--month", "2026-02", "--json", folder=folder).stdout)
    assert said == {"period": "2026-02-01 to 2026-02-28", "drafts": [], "held": []}


# -- one place for exit codes -------------------------------------------------------------
@pytest.mark.parametrize(
    ("error", "code"),
    [
        (Misconfigured("x"), ExitCode.USAGE),
        (BadInput("x"), ExitCode.USAGE),
        (FileNotFoundError(2, "No such file", "x"), ExitCode.USAGE),
        (Rejected("x"), ExitCode.REFUSED),
        (AuthExpired("x"), ExitCode.REFUSED),
        (Unknown("x"), ExitCode.REFUSED),
        (RateLimited("x", wait_s=1), ExitCode.REFUSED),
        (NotAllowed("x"), ExitCode.PROBLEMS),
        (StoreError("x"), ExitCode.PROBLEMS),
    ],
)
def test_an_error_has_one_exit_code(error: Exception, code: ExitCode) -> None:
    assert exit_code_of(error) is code


def test_several_outcomes_end_with_the_worst() -> None:
    assert worst() is ExitCode.DONE
    assert worst(ExitCode.PROBLEMS, ExitCode.HELD, ExitCode.DONE) is ExitCode.HELD
    assert worst(ExitCode.HELD, ExitCode.REFUSED) is ExitCode.REFUSED


def test_a_refusal_keeps_the_vendors_words_and_trace() -> None:
    error = Rejected("Duplicate [DocNumber]", status=400, code="6140", trace_id="1-ab")
    assert words_of(error) == "Duplicate [DocNumber]\n  Their support finds it under 1-ab."
    said = as_json(error)["error"]
    assert (said["status"], said["code"], said["exit_code"]) == (400, "6140", 3)


# -- what is shown --------------------------------------------------------------------------
def test_json_is_exact() -> None:
    value = {
        "total": Money.of("1234.50", "USD"),
        "hours": Decimal("1.10"),
        "at": datetime(2026, 3, 2, tzinfo=UTC),
        "age": timedelta(minutes=2),
        "code": ExitCode.HELD,
        "names": ("a", None, True),
    }
    assert show.plain(value) == {
        "total": {"amount": "1234.50", "currency": "USD"},
        "hours": "1.10",
        "at": "2026-03-02T00:00:00+00:00",
        "age": 120,
        "code": 4,
        "names": ["a", None, True],
    }


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (Money.of("1234567.5", "USD"), "1,234,567.50 USD"),
        (Money.of(1200, "JPY"), "1,200 JPY"),
        (timedelta(minutes=5), "5 min"),
        (timedelta(hours=47), "47 h"),
        (timedelta(days=3), "3 days"),
        (("a", "b"), "a, b"),
        (None, ""),
        (True, "yes"),
    ],
)
def test_a_cell_reads_well(value: object, text: str) -> None:
    assert show.as_text(value) == text


def test_a_table_shows_the_vendors_words_whole(capsys: pytest.CaptureFixture[str]) -> None:
    columns = (show.Column("text", "Text"), show.Column("total", "Total", right=True))
    show.listing("T", columns, [{"text": "[red] is " + "long " * 50, "total": 5}], False)
    shown = capsys.readouterr().out
    assert "[red] is" in shown
    assert shown.count("long") == 50


# -- long work ------------------------------------------------------------------------------
class Stopping(VirtualClock):
    """A clock on which somebody presses Ctrl-C at the third sleep."""

    def __init__(self) -> None:
        super().__init__(datetime(2026, 3, 2, 12, tzinfo=UTC))
        self.sleeps = 0

    def sleep(self, seconds: float) -> None:
        self.sleeps += 1
        if self.sleeps == 3:
            raise KeyboardInterrupt
        super().sleep(seconds)


def test_run_works_by_the_schedules_and_stops_cleanly(folder: Path) -> None:
    handler = signal.getsignal(signal.SIGTERM)
    result = tieout("run", folder=folder, clock=Stopping())
    assert result.exit_code == 0
    assert result.stderr.endswith("Stopped.\n")
    steps = [line.split("UTC  ")[1].split(":")[0] for line in result.stdout.splitlines()]
    assert steps == ["pull", "push", "pullback", "reconcile"]  # each once, an error ends none
    assert signal.getsignal(signal.SIGTERM) is handler


def test_run_once_does_every_step_and_tells_the_worst(folder: Path) -> None:
    result = tieout("run", "--once", folder=folder)
    assert result.exit_code == 2
    assert len(result.stdout.splitlines()) == 4


def test_a_sandbox_serves_until_it_is_told_to_end() -> None:
    command = [sys.executable, "-m", "tieout", "sandbox", "serve", "--vendor", "harvest"]
    with subprocess.Popen(
        [*command, "--preset", "empty"],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, "PYTHONUNBUFFERED": "1"},
    ) as process:
        assert process.stdout is not None
        assert process.stderr is not None
        first = process.stdout.readline()
        assert "Serving" in process.stderr.readline()
        process.send_signal(signal.SIGTERM)
        # Read through the same buffers as above: communicate() would read beside them and lose
        # whatever the first readline had already taken in.
        out, err = process.stdout.read(), process.stderr.read()
        assert process.wait(timeout=20) == 0
    assert first.startswith("Harvest (time): http://127.0.0.1:")
    assert "export TIEOUT_TIME_ACCESS_TOKEN=" in out
    assert err == "Stopped.\n"
