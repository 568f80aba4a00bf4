"""A workspace: one folder of YAML, read whole or refused whole."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

from pydantic import BaseModel, ValidationError

from tieout.config.checks import Files, check_connections, cross_check
from tieout.config.located import Section, locate, nearest
from tieout.config.notifications import Notifications
from tieout.config.problems import problems_of
from tieout.config.rates import rates_of
from tieout.config.root import Connection, Firm, Invoices, Policies, Root, Schedules
from tieout.config.rules_deals import DealRules
from tieout.config.rules_ledger import LedgerRules
from tieout.config.rules_rates import RateRules
from tieout.config.rules_time import TimeRules
from tieout.config.yaml_lines import Lines, load_yaml
from tieout.errors import Misconfigured, Problem
from tieout.model.project import Rate

S = TypeVar("S", bound=Section)

#: The files of a workspace and what each must hold, in the order people read them.
FILES: Mapping[str, type[Section]] = {
    "tieout.yaml": Root,
    "mappings/deals.yaml": DealRules,
    "mappings/time.yaml": TimeRules,
    "mappings/rates.yaml": RateRules,
    "mappings/ledger.yaml": LedgerRules,
}


@dataclass(frozen=True, slots=True, kw_only=True)
class Workspace:
    """Everything a firm decided, validated."""

    folder: Path
    firm: Firm
    invoices: Invoices
    connections: Mapping[str, Connection]
    settings: Mapping[str, BaseModel]  # by connection: the connector's own settings, validated
    policies: Policies
    schedules: Schedules
    notifications: Notifications
    deals: DealRules
    time: TimeRules
    rate_rules: RateRules
    rates: tuple[Rate, ...]  # every rate of rates.yaml, dated, with its line
    ledger: LedgerRules

    @property
    def rate_cards(self) -> tuple[str, ...]:
        """The names of the rate cards."""
        return tuple(self.rate_rules.cards)


def load_workspace(
    path: Path,
    *,
    connectors: Mapping[str, type[BaseModel]],
    secrets: Mapping[str, tuple[str, ...]] | None = None,
) -> Workspace:
    """Read and validate the workspace in a folder.

    `connectors` gives the settings model of each connector by its slug, `secrets` the
    names of the secrets each knows, where they are to be checked. Raises Misconfigured
    with every problem of every file at once, in the order of the files and lines.
    """
    if not path.is_dir():
        raise Misconfigured(f"{path} is not a folder; `tieout init {path}` creates a workspace")
    problems: list[Problem] = []
    root, lines = _read(path, "tieout.yaml", Root, problems)
    deals, _ = _read(path, "mappings/deals.yaml", DealRules, problems)
    time, _ = _read(path, "mappings/time.yaml", TimeRules, problems)
    rate_rules, _ = _read(path, "mappings/rates.yaml", RateRules, problems)
    ledger, _ = _read(path, "mappings/ledger.yaml", LedgerRules, problems)
    problems += _strangers(path)
    settings: dict[str, BaseModel] = {}
    rates: tuple[Rate, ...] = ()
    if root is not None:
        settings, found = check_connections(root, lines, connectors, secrets or {})
        problems += found
    if rate_rules is not None:
        rates, found = rates_of(rate_rules)
        problems += found
    problems += cross_check(Files(root, deals, time, rate_rules, ledger))
    if problems or not (root and deals and time and rate_rules and ledger):
        raise Misconfigured(_headline(problems, path), _in_order(problems))
    return Workspace(
        folder=path,
        firm=root.firm,
        invoices=root.invoices,
        connections=root.connections,
        settings=settings,
        policies=root.policies,
        schedules=root.schedules,
        notifications=root.notifications,
        deals=deals,
        time=time,
        rate_rules=rate_rules,
        rates=rates,
        ledger=ledger,
    )


def _read(path: Path, name: str, model: type[S], problems: list[Problem]) -> tuple[S | None, Lines]:
    file = path / name
    if not file.is_file():
        text = "the file is missing; `tieout init` in an empty folder shows what belongs in it"
        problems.append(Problem(name, 0, text))
        return None, Lines(name)
    loaded = load_yaml(file, name)
    problems += loaded.problems
    if loaded.problems and not loaded.data:
        return None, loaded.lines
    try:
        section = model.model_validate(loaded.data)
    except ValidationError as error:
        known = {(problem.file, problem.line) for problem in loaded.problems}
        problems += [
            problem
            for problem in problems_of(error, model, loaded.lines)
            if (problem.file, problem.line) not in known
        ]
        return None, loaded.lines
    locate(section, loaded.lines)
    return section, loaded.lines


def _strangers(path: Path) -> Iterator[Problem]:
    """Files that look like settings and that nobody reads: most often a misspelt name."""
    for folder in ("", "mappings/"):
        if not (path / folder).is_dir():
            continue
        for file in sorted((path / folder).iterdir()):
            name = f"{folder}{file.name}"
            if file.suffix in (".yaml", ".yml") and name not in FILES:
                known = [each for each in FILES if each.startswith(folder)]
                yield Problem(name, 0, f"nothing reads this file{nearest(name, known)}")


def _in_order(problems: list[Problem]) -> tuple[Problem, ...]:
    order = list(FILES)

    def key(problem: Problem) -> tuple[int, str, int]:
        known = order.index(problem.file) if problem.file in order else len(order)
        return known, problem.file, problem.line

    return tuple(sorted(dict.fromkeys(problems), key=key))


def _headline(problems: list[Problem], path: Path) -> str:
    count = len(dict.fromkeys(problems))
    return f"the workspace {path} has {count} problem{'' if count == 1 else 's'}; nothing was done"
