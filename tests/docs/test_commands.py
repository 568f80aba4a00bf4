"""Every command on every page runs here, in the order of the page, and ends as it should.

A page is a story: what it presumes is set up, then its reader does all that it asks for.
A page that is not among the stories is followed at the desk of a firm whose January is
billed and pushed, so a command that is added to any page runs too, or fails.
"""

from __future__ import annotations

import filecmp
import json
import shlex
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from decimal import Decimal
from pathlib import Path

import pytest
from ruamel.yaml import YAML

from tests.connectors.live import variable
from tests.connectors.rigs import CASSETTES, RIGS
from tests.docs.pages import PAGES, ROOT, Step, name_of, named, steps
from tests.docs.reader import NOT_RUN, Reader, Workshop, run
from tieout.clock import SystemClock
from tieout.sandbox.firm import demo_firm
from tieout.sandbox.firm_workspace import secrets_for, write_workspace
from tieout.sandbox.serving import Served
from tieout.sandbox.world import VENDORS
from tieout.sandbox.xero import Xero


# -- what pages presume -------------------------------------------------------------------
def nothing(reader: Reader) -> None:
    """An empty folder, and stand-ins with a small consultancy's records."""
    reader.meets("sample")


def a_new_workspace(reader: Reader) -> None:
    """What `tieout init` makes."""
    reader.types("tieout init firm")
    reader.types("cd firm")


def an_account(reader: Reader) -> None:
    """A new workspace, and an account at the vendor with some records."""
    reader.meets("sample", schema={"objects": {"Opportunity": {"fields": [PROJECT_CODE]}}})
    reader.example_account = True
    a_new_workspace(reader)


def a_firm(reader: Reader) -> None:
    """The workspace of a firm that has worked for two months; nothing is billed yet."""
    facts = demo_firm(reader.meets("empty"), people=3, projects=3)
    folder = Path("firm")
    write_workspace(folder, reader.described(), facts.rates, facts.instalment_days)
    reader.exports(secrets_for(reader.described()))
    reader.types(f"cd {folder}")


def a_ledger_to_connect(reader: Reader) -> None:
    """The firm's other systems are connected; its ledger is what the page is about."""
    a_firm(reader)
    reader.example_account = True


def another_ledger_to_connect(reader: Reader) -> None:
    """The firm is to keep its books in Xero instead: a sample organisation."""
    facts = demo_firm(reader.meets("empty", vendors=(*VENDORS, "xero")), people=3, projects=3)
    write_workspace(Path("firm"), reader.described(), facts.rates, facts.instalment_days)
    reader.exports(secrets_for(reader.described()))
    reader.types("cd firm")
    reader.world.vendors["xero"] = Xero(reader.clock, country="US")
    yaml, file = YAML(), Path("tieout.yaml")
    there = yaml.load(file.read_text("utf-8"))
    del there["connections"]["ledger"]
    with file.open("w", encoding="utf-8") as out:
        yaml.dump(there, out)
    reader.example_account = True


def a_firm_at_work(reader: Reader) -> None:
    """The firm's January is billed, pushed and reconciled."""
    a_firm(reader)
    for line in JANUARY:
        reader.types(f"tieout {line}", ends=4 if line.startswith("bill") else 0)


def credentials_of_an_account(reader: Reader) -> None:
    """A vendor to record from: a served stand-in, as nobody here has an account."""
    vendor = RIGS["quickbooks"].make(SystemClock())
    address = reader.closes.enter_context(Served(vendor)).base_url
    given = RIGS["quickbooks"].settings(vendor) | RIGS["quickbooks"].secrets(vendor)
    given["base_url"] = address
    reader.exports({variable("quickbooks", name): value for name, value in given.items()})


JANUARY = (
    "connect crm", "connect time", "connect ledger", "pull", "pullback", "bill --month 2026-01",
    "approve --all", "push", "pullback", "reconcile",
)  # fmt: skip
APPROVED = ("pull", "bill --month 2026-01", "approve --all")
PROJECT_CODE = {"name": "Project_Code__c", "type": "string", "length": 20}


@dataclass(frozen=True)
class Story:
    """How a page is followed."""

    presumes: Callable[[Reader], None] = lambda reader: None
    ends: Mapping[str, int] = field(default_factory=dict)  # commands that end with another than 0
    before: Mapping[str, tuple[str, ...]] = field(default_factory=dict)  # done before a command
    proof: Callable[[Reader], None] = lambda reader: None  # what is true at its end


# -- what is true at the end of a page ------------------------------------------------------
def the_first_workspace_is_billed(reader: Reader) -> None:
    numbers = [
        row.get("DocNumber", "")
        for row in reader.world.quickbooks.books.live("Invoice")
        if row.get("DocNumber", "").startswith("INV-")
    ]
    assert numbers, "the story ends with invoices in the ledger"
    assert len(set(numbers)) == len(numbers)
    assert list(Path("reports").glob("*.html"))


def the_approved_hours_are_billed(reader: Reader) -> None:
    """6.5 h and 2 h at 150.00; the 4 h that are not approved wait."""
    (draft,) = json.loads(reader.types("tieout invoices --json"))
    assert (draft["client"], draft["status"]) == ("Amber Analytics", "draft")
    assert Decimal(draft["total"]["amount"]) == Decimal("1275.00")
    assert "Ben Okafor" in reader.said["tieout held"]


def the_ledger_has_the_corrections(reader: Reader) -> None:
    books = reader.world.quickbooks.books
    first, second, third = (
        books.get("Invoice", books.numbered("Invoice", f"INV-2026-000{n}")[0]) for n in (1, 2, 3)
    )
    assert first["Balance"] == 0
    assert second["DueDate"] == "2026-06-30"
    assert third["TotalAmt"] == 0
    numbers = {memo["DocNumber"] for memo in books.rows("CreditMemo")}
    assert numbers == {"CN-2026-0001", "CN-2026-0002"}


def the_plan_lists_the_invoices(reader: Reader) -> None:
    assert "INV-2026-0001" in reader.said["tieout plan"]
    assert list(reader.world.quickbooks.books.rows("Invoice")) == []


def the_organisation_is_read(reader: Reader) -> None:
    assert "Northwind Studio" in reader.said["tieout connect books"]
    assert "17 payments known." in reader.said["tieout pullback"]


def deals_are_there(reader: Reader) -> None:
    assert json.loads(reader.types("tieout projects --json"))


def hours_are_there(reader: Reader) -> None:
    exported = reader.types("tieout export --kind time_entry").splitlines()
    assert len(exported) > 100


def the_cassettes_are_the_same(reader: Reader) -> None:
    """Recorded again, by the page's own command, nothing differs: the stand-in is the same."""
    ours = CASSETTES / "harvest"
    theirs = reader.workshop.folder / "cassettes" / "harvest"
    files = [path.relative_to(ours) for path in ours.rglob("*.yaml")]
    assert filecmp.cmpfiles(ours, theirs, files, shallow=False)[1:] == ([], [])


def the_account_is_in_the_suite(reader: Reader) -> None:
    folder = reader.workshop.folder
    assert len(list(folder.glob("cassettes/quickbooks/*/*.live.yaml"))) > 10
    suite = [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", "-k", "quickbooks and live"]
    code, output = run([*suite, "tests/connectors/test_conformance.py"], folder)
    assert code == 0, output


def the_line_is_explained(reader: Reader) -> None:
    assert "rate: " in reader.said["tieout explain INV-2026-0001 --line 1"]


STORIES: Mapping[str, Story] = {
    "README.md": Story(presumes=a_firm_at_work, proof=the_line_is_explained),
    "docs/how-to/first-workspace.md": Story(
        presumes=nothing,
        ends={"tieout bill --month 2026-02": 4, "tieout reconcile": 1},
        proof=the_first_workspace_is_billed,
    ),
    "docs/how-to/connect-quickbooks.md": Story(
        presumes=a_ledger_to_connect,
        before={"tieout pullback": tuple(f"tieout {line}" for line in APPROVED)},
        proof=the_plan_lists_the_invoices,
    ),
    "docs/how-to/connect-xero.md": Story(
        presumes=another_ledger_to_connect, proof=the_organisation_is_read
    ),
    "docs/how-to/connect-salesforce.md": Story(presumes=an_account, proof=deals_are_there),
    "docs/how-to/connect-harvest.md": Story(presumes=an_account, proof=hours_are_there),
    "docs/how-to/correct-invoices.md": Story(
        presumes=a_firm_at_work,
        ends={"tieout bill --month 2026-01": 4, "tieout reconcile": 1},
        proof=the_ledger_has_the_corrections,
    ),
    "docs/how-to/operate.md": Story(
        presumes=a_firm_at_work,
        # The variables that the example names are not set: nobody can be told.
        ends={"tieout notify --test": 1, "tieout notify": 1},
    ),
    "docs/reference/cli.md": Story(presumes=a_new_workspace),
    "docs/reference/workspace.md": Story(presumes=a_new_workspace),
    "docs/how-to/import-files.md": Story(
        presumes=an_account,
        ends={"tieout bill --month 2026-03": 4},
        proof=the_approved_hours_are_billed,
    ),
}


#: What targets of the Makefile presume, and what is true when they are made.
MAKES: Mapping[str, Story] = {
    "make record VENDOR=harvest": Story(proof=the_cassettes_are_the_same),
    "make record VENDOR=quickbooks LIVE=1": Story(
        presumes=credentials_of_an_account, proof=the_account_is_in_the_suite
    ),
}


# -- following them ---------------------------------------------------------------------------
@pytest.fixture(scope="session")
def workshop(tmp_path_factory: pytest.TempPathFactory) -> Workshop:
    return Workshop(tmp_path_factory.mktemp("repository"))


@pytest.fixture
def reader(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, workshop: Workshop) -> Iterator[Reader]:
    one = Reader(tmp_path, monkeypatch, workshop)
    with one.closes:
        yield one


def pasted(reader: Reader, output: str) -> None:
    """Paste the lines that the stand-ins printed for the shell."""
    words = shlex.split(output[output.index("export ") :])
    reader.exports(dict(word.split("=", 1) for word in words if word.startswith("TIEOUT_")))


def asked(page: Path) -> list[Step]:
    """All that a page asks its reader to do, but for what a test must not run."""
    return [step for step in steps(page.read_text("utf-8")) if step.text not in NOT_RUN]


def made(step: Step) -> bool:
    return step.kind == "type" and step.text.split()[0] == "make"


def story_of(page: Path) -> list[Step]:
    """What its reader does one after the other; targets are made for all pages at once."""
    return [step for step in asked(page) if not made(step)]


FOLLOWED = [page for page in PAGES if any(step.kind == "type" for step in story_of(page))]
TARGETS = sorted({step.text for page in PAGES for step in asked(page) if made(step)})


@pytest.mark.timeout(300)
@pytest.mark.parametrize("page", FOLLOWED, ids=name_of)
def test_a_page_can_be_followed(page: Path, reader: Reader) -> None:
    story = STORIES.get(name_of(page), Story(presumes=a_firm_at_work))
    story.presumes(reader)
    for step in story_of(page):
        for line in story.before.get(step.text, ()):
            reader.types(line, ends=4 if "bill" in line else 0)
        reader.follows(step, ends=story.ends.get(step.text, 0))
        if step.text == "tieout sandbox serve":
            pasted(reader, reader.said[step.text])
    story.proof(reader)


@pytest.mark.timeout(300)
@pytest.mark.parametrize("line", TARGETS)
def test_a_target_that_a_page_names_is_made(line: str, reader: Reader) -> None:
    story = MAKES.get(line, Story())
    story.presumes(reader)
    reader.types(line)
    story.proof(reader)


def test_the_commands_that_a_page_only_names_run_on_it_in_full() -> None:
    """`tieout connect` in a sentence: the page, or the tests' own story, runs it with a name."""
    for page in PAGES:
        typed = [step.text for step in asked(page) if step.kind == "type"]
        for line in named(page.read_text("utf-8")):
            run_in_full = [one for one in typed if one.startswith(f"{line} ")]
            assert run_in_full, f"{name_of(page)} names `{line}`; a command of it must run it"


@pytest.mark.parametrize(
    "line", ["tieout plan --nmae books", "tieout puhs", "docker compose up", "make supper"]
)
def test_a_page_that_gains_a_command_which_cannot_run_fails(line: str, reader: Reader) -> None:
    nothing(reader)
    (step,) = steps(f"# A page\n\n```sh\n{line}\n```\n")
    with pytest.raises(AssertionError):
        reader.follows(step)


def test_what_no_test_runs_is_on_a_page_and_has_another_who_does() -> None:
    typed = {step.text for page in PAGES for step in steps(page.read_text("utf-8"))}
    assert NOT_RUN.keys() - typed == set()
    script = (ROOT / ".ci" / "run").read_text("utf-8").splitlines()
    there = {line for line, why in NOT_RUN.items() if ".ci/run" in why}
    assert there - set(script) == set()


def test_every_shell_block_and_every_sentence_is_read() -> None:
    text = (
        "# `tieout plan` is a title\n"
        "Type `tieout\nheld` or `tieout connect`, in `tieout.yaml`; `make` helps.\n"
        "```sh\n# a comment\ntieout push   # twice\n```\n"
        "```csv hours.csv\nDate\n```\n"
        "```yaml\n# mappings/time.yaml\nrules: []\n```\n"
    )
    assert [(step.kind, step.title or step.text) for step in steps(text)] == [
        ("type", "tieout held"),
        ("type", "make"),
        ("type", "tieout push"),
        ("write", "hours.csv"),
        ("edit", "mappings/time.yaml"),
    ]
    assert list(named(text)) == ["tieout connect"]
