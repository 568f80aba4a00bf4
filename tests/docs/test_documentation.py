"""The documentation holds together: its links resolve, its pages are reached, its manners."""

from __future__ import annotations

import os
import re
from pathlib import Path

import pytest

from tests.docs.pages import PAGES, ROOT, name_of
from tieout.config import load_workspace
from tieout.connectors.registry import connectors


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
    pages = {page for page in PAGES if page.is_relative_to(index.parent)} - {index}
    pages.add(ROOT / "cassettes" / "README.md")
    pages -= set((ROOT / "docs" / "decisions").glob("*.md"))  # linked as a folder
    assert {name_of(page) for page in pages - reached} == set()


def test_the_readme_is_short() -> None:
    assert len((ROOT / "README.md").read_text("utf-8").splitlines()) < 120


@pytest.mark.skipif(os.name == "nt", reason="the recipes are for a Unix shell")
def test_make_help_lists_the_reference() -> None:
    assert "reference:" in (ROOT / "Makefile").read_text("utf-8")
