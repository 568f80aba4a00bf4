"""The documentation can be followed: its commands exist, its links resolve, its story runs."""

from __future__ import annotations

import os
import re
import shlex
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML
from typer.main import get_command
from typer.testing import CliRunner

from tieout.cli import app
from tieout.cli.session import Session
from tieout.clock import VirtualClock
from tieout.config import load_workspace
from tieout.connectors.inprocess import WsgiAdapter
from tieout.connectors.registry import connectors
from tieout.sandbox.world import World, shell_exports

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
TUTORIAL = ROOT / "docs/how-to/first-workspace.md"
START = datetime(2026, 3, 2, 14, 0, tzinfo=UTC)

#: Seconds between two commands: the stand-ins count calls, as the vendors do.
A_PERSON_TYPES_S = 60
#: Commands of the story that end with another code than 0, and the codes that are right.
ENDS = {"bill": {0, 4}, "plan": {0, 1}, "push": {0, 4}, "reconcile": {0, 1}}


def name_of(path: Path) -> str:
    return path.relative_to(ROOT).as_posix()


def blocks(page: Path) -> Iterator[tuple[str, str]]:
    """The fenced blocks of a page: language and text."""
    found = re.finditer(r"^```(\w+)\n(.*?)^```", page.read_text("utf-8"), re.MULTILINE | re.DOTALL)
    yield from ((block[1], block[2]) for block in found)


def commands(page: Path, program: str) -> list[str]:
    """The lines of its shell blocks that run a program."""
    lines = [line for kind, text in blocks(page) if kind == "sh" for line in text.splitlines()]
    return [line for line in lines if line.split()[:1] == [program]]


def words(line: str) -> list[str]:
    return shlex.split(line, comments=True)


# -- commands ---------------------------------------------------------------------------
def typed(line: str) -> None:
    """Take a command line apart as the program does, without running it."""
    command: Any = get_command(app)
    name, rest = "tieout", words(line)[1:]
    while hasattr(command, "commands"):
        # A group takes its own options, and leaves the command and what follows.
        context = command.make_context(name, rest, resilient_parsing=True)
        left = [*getattr(context, "_protected_args", []), *context.args]
        assert left[:1], f"{line}: the command is missing"
        assert left[0] in command.commands, f"{line}: there is no command {left[0]}"
        name, rest = left[0], left[1:]
        command = command.commands[name]
    command.make_context(name, rest).close()


@pytest.mark.parametrize(
    ("page", "line"),
    [(page, line) for page in PAGES for line in commands(page, "tieout")],
    ids=lambda value: name_of(value) if isinstance(value, Path) else value,
)
def test_a_command_and_its_options_exist(page: Path, line: str) -> None:
    typed(line)


def test_commands_that_the_text_names_exist() -> None:
    """Those in the middle of a sentence too: `tieout held`."""
    known = set(get_command(app).commands)  # type: ignore[attr-defined]
    named = {
        (name_of(page), match[1])
        for page in PAGES
        for match in re.finditer(r"`tieout ([a-z]+)\b", page.read_text("utf-8"))
    }
    assert {(page, name) for page, name in named if name not in known} == set()


def test_what_is_made_can_be_made() -> None:
    targets = set(re.findall(r"^([a-z]+):", (ROOT / "Makefile").read_text("utf-8"), re.MULTILINE))
    made = {words(line)[1] for page in PAGES for line in commands(page, "make")}
    assert {"demo", "test"} <= made
    assert made - targets == set()


# -- the first workspace ----------------------------------------------------------------
@pytest.mark.timeout(300)
def test_the_first_workspace_can_be_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    clock = VirtualClock(START)
    world = World(clock)
    described = {
        slug: {"base_url": f"http://{slug}.local", "credentials": credentials(vendor)}
        for slug, vendor in world.vendors.items()
    }
    for line in shlex.split(shell_exports(described)):
        variable, equals, value = line.partition("=")
        if equals and variable.isupper():
            monkeypatch.setenv(variable, value)
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("TIEOUT_WORKSPACE", raising=False)
    mounts = {f"http://{slug}.local": WsgiAdapter(vendor) for slug, vendor in world.vendors.items()}
    for kind, text in blocks(TUTORIAL):
        if kind == "yaml":
            edited(text, described)
        for line in text.splitlines() if kind == "sh" else ():
            clock.advance(A_PERSON_TYPES_S)
            followed(line, Session(clock=clock, mounts=mounts), monkeypatch)
    invoices = [one for one in world.quickbooks.books.live("Invoice") if "INV-" in number(one)]
    assert invoices, "the story ends with invoices in the ledger"
    assert len({number(one) for one in invoices}) == len(invoices)
    assert list((tmp_path / "northwind" / "reports").glob("*.html"))


def credentials(vendor: Any) -> dict[str, str]:
    found: dict[str, str] = vendor.credentials
    return found


def number(invoice: dict[str, Any]) -> str:
    return str(invoice.get("DocNumber", ""))


def edited(text: str, described: dict[str, Any]) -> None:
    """Do an edit that the page asks for: the file is named in the block's first line."""
    yaml = YAML()
    file = Path(text.splitlines()[0].removeprefix("# "))
    wanted = yaml.load(text)
    for said in wanted.get("connections", {}).values():
        said["base_url"] = described[said["connector"]]["base_url"]
    there = yaml.load(file.read_text("utf-8"))
    there.update(wanted)
    with file.open("w", encoding="utf-8") as out:
        yaml.dump(there, out)


def followed(line: str, session: Session, monkeypatch: pytest.MonkeyPatch) -> None:
    """Run a line of the page; the stand-ins are there already, and so is the program."""
    program, *rest = words(line)
    if program == "cd":
        monkeypatch.chdir(rest[0])
    elif program == "tieout" and rest[:2] != ["sandbox", "serve"]:
        result = CliRunner().invoke(app, rest, obj=session)
        said = f"{line}\n{result.output}"
        assert result.exception is None or isinstance(result.exception, SystemExit), said
        assert result.exit_code in ENDS.get(rest[0], {0}), said


def test_the_example_workspace_holds() -> None:
    """The workspace that the pages send people to is one that Tieout accepts."""
    known = {slug: connector.settings for slug, connector in connectors().items()}
    assert load_workspace(ROOT / "config", connectors=known).firm.name


# -- links and manners ------------------------------------------------------------------
def headings(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    titles = re.findall(r"^#+ (.+)$", page.read_text("utf-8"), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", title.lower()).replace(" ", "-") for title in titles}


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_links_resolve(page: Path) -> None:
    text = re.sub(r"^```.*?^```", "", page.read_text("utf-8"), flags=re.MULTILINE | re.DOTALL)
    wrong = []
    for target in re.findall(r"\]\(([^)\s]+)\)", text):
        place, _, anchor = target.partition("#")
        if place.startswith(("http://", "https://")):
            continue
        file = (page.parent / place).resolve() if place else page
        if not file.exists() or (anchor and anchor not in headings(file)):
            wrong.append(target)
    assert wrong == []


@pytest.mark.parametrize("page", PAGES, ids=name_of)
def test_a_page_names_no_machine_and_leaves_nothing_open(page: Path) -> None:
    banned = (
        "/" + "work/|/" + "root/|/" + "home/[a-z]|/" + "Users/|" + r"\b(TO" + "DO|FIX" + "ME|TBD)"
    )
    assert re.findall(banned, page.read_text("utf-8")) == []


def test_every_page_can_be_reached_from_the_index() -> None:
    index = ROOT / "docs" / "index.md"
    linked = re.findall(r"\]\(([^)\s#]+)", index.read_text("utf-8"))
    reached = {(index.parent / target).resolve() for target in linked}
    pages = {page for page in PAGES if page not in (index, ROOT / "README.md")}
    pages -= set((ROOT / "docs" / "decisions").glob("*.md"))  # linked as a folder
    assert {name_of(page) for page in pages - reached} == set()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) < 120


@pytest.mark.skipif(os.name == "nt", reason="the recipes are for a Unix shell")
def test_make_help_lists_the_reference() -> None:
    assert "reference:" in (ROOT / "Makefile").read_text("utf-8")
