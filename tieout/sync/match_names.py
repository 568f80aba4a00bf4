"""Items, terms, classes ... that the mappings name: those the ledger does not have."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tieout.mapping import Unresolved, find_entry
from tieout.mapping.similar import Names
from tieout.model.settlement import ListEntry, ListKind
from tieout.store import projects
from tieout.store.core import Tx
from tieout.sync.engine import Engine
from tieout.sync.ledger_lists import LedgerLists

#: Suggestions shown for one name.
MOST = 3
#: A US company's tax codes are these words themselves (Intuit: sales tax for US locales).
_WORDS = ("TAX", "NON")


@dataclass(frozen=True, kw_only=True)
class Near:
    """A row of the ledger's list with a name like it."""

    remote_id: str
    name: str
    score: int  # likeness, 0 to 100
    active: bool


@dataclass(frozen=True, kw_only=True)
class NameMissing:
    """A name that is written here and that the ledger does not have, or not once."""

    kind: str  # `item`, `term` ...
    name: str
    where: str  # `mappings/ledger.yaml:12`
    text: str
    what_to_do: str
    near: tuple[Near, ...]


def missing(engine: Engine, tx: Tx) -> list[NameMissing]:
    """Every name of the mappings that is not in the ledger, each once."""
    lists = LedgerLists(tx, engine.ledger())
    found: dict[tuple[ListKind, str], NameMissing] = {}
    for kind, name, where in _named(engine, tx):
        if not name or (kind, name) in found:
            continue
        if kind is ListKind.TAX_CODE and lists.country == "US" and name in _WORDS:
            continue
        entries = lists.of(kind)
        entry = find_entry(kind, name, entries)
        if isinstance(entry, Unresolved):
            found[kind, name] = _missing(kind, name, where, entry.text, entries)
    return list(found.values())


def _missing(
    kind: ListKind, name: str, where: str, text: str, entries: list[ListEntry]
) -> NameMissing:
    rows = [row for row in entries if row.kind is kind]
    shown = [row.full_name or row.name for row in rows]
    near = [
        Near(remote_id=rows[at].remote_id, name=shown[at], score=score, active=rows[at].active)
        for at, score in Names(shown).like(name)
    ]
    near.sort(key=lambda one: (not one.active, -one.score))
    return NameMissing(
        kind=kind.value,
        name=name,
        where=where,
        text=text,
        what_to_do=f"Write the ledger's name in {where}, or add '{name}' there and pull back.",
        near=tuple(near[:MOST]),
    )


def _named(engine: Engine, tx: Tx) -> Iterator[tuple[ListKind, str, str]]:
    rules = engine.workspace.ledger
    for kind, choice in (
        (ListKind.ITEM, rules.items),
        (ListKind.TAX_CODE, rules.tax_codes),
        (ListKind.CLASS, rules.classes),
        (ListKind.DEPARTMENT, rules.departments),
    ):
        yield kind, choice.default, choice.origin_of("default")
        for rule in choice.rules:
            yield kind, rule.use, rule.origin_of("use")
    usual = engine.workspace.invoices.payment_terms
    where = rules.origin_of("terms", usual) if usual in rules.terms else "tieout.yaml"
    yield ListKind.TERM, rules.terms.get(usual, usual), where
    for ours, theirs in rules.terms.items():
        yield ListKind.TERM, theirs, rules.origin_of("terms", ours)
    for project in projects.list_projects(tx, active_only=True):
        for budget in project.budgets:
            yield ListKind.ITEM, budget.item, f"the budget '{budget.name}' of {project.name}"
