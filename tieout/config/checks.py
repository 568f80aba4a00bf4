"""Problems that only show when the files of a workspace are read together."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass

from pydantic import BaseModel, ValidationError

from tieout.config.located import nearest
from tieout.config.problems import problems_of
from tieout.config.root import Connection, Root
from tieout.config.rules_deals import DealRules
from tieout.config.rules_ledger import LedgerRules
from tieout.config.rules_rates import RateRules
from tieout.config.rules_time import TimeRules
from tieout.config.yaml_lines import Lines
from tieout.errors import Problem

_ENV_NAME = re.compile(r"[A-Z][A-Z0-9_]*")
_SECRET_KEY = re.compile(r"secret|password|passphrase|token|private_key|api_key|credential", re.I)
_SECRET_VALUE = re.compile(
    r"-----BEGIN|^eyJ[\w-]+\.|^(sk|pk|rk|ghp|xox[bap])[_-]|^AKIA[0-9A-Z]{16}$"
)


@dataclass(frozen=True, slots=True)
class Files:
    """The parts that could be read; None where a file has problems of its own."""

    root: Root | None
    deals: DealRules | None
    time: TimeRules | None
    rates: RateRules | None
    ledger: LedgerRules | None


#: Settings that a connector knows but an operator writes elsewhere in tieout.yaml.
_ELSEWHERE = {
    "base_url": "it stands beside `settings:`, not in it",
    "firm_time_zone": "it is firm.time_zone",
    "firm_currency": "it is firm.currency",
}


def check_connections(
    root: Root,
    lines: Lines,
    connectors: Mapping[str, type[BaseModel]],
    secrets: Mapping[str, tuple[str, ...]],
) -> tuple[dict[str, BaseModel], list[Problem]]:
    """The validated settings of every connection, and what is wrong with them.

    A connector that has `base_url`, `firm_time_zone` or `firm_currency` among its
    settings is given them from the connection and the firm.
    """
    settings: dict[str, BaseModel] = {}
    problems: list[Problem] = []
    for name, connection in root.connections.items():
        kind = connectors.get(connection.connector)
        problems += _secret_problems(connection, lines.file, kind)
        if kind is None:
            known = list(connectors)
            hint = nearest(connection.connector, known) or f"; known: {', '.join(known)}"
            text = f"connection '{name}': unknown connector '{connection.connector}'{hint}"
            problems.append(Problem(lines.file, connection.line_of("connector"), text))
            continue
        problems += _secret_names(name, connection, secrets, lines.file)
        problems += _misplaced(connection, lines.file)
        try:
            settings[name] = kind.model_validate(_filled(root, connection, kind))
        except ValidationError as error:
            problems += problems_of(error, kind, lines, ("connections", name, "settings"))
    return settings, problems


def _filled(root: Root, connection: Connection, kind: type[BaseModel]) -> dict[str, object]:
    given = {
        "base_url": connection.base_url,
        "firm_time_zone": root.firm.time_zone,
        "firm_currency": root.firm.currency,
    }
    known = {key: value for key, value in given.items() if key in kind.model_fields}
    return {**connection.settings, **known}


def _misplaced(connection: Connection, file: str) -> Iterator[Problem]:
    for key in connection.settings:
        if key in _ELSEWHERE:
            text = f"'{key}' is not a setting of a connector: {_ELSEWHERE[key]}"
            yield Problem(file, connection.line_of("settings", key), text)


def _secret_names(
    name: str, connection: Connection, secrets: Mapping[str, tuple[str, ...]], file: str
) -> Iterator[Problem]:
    expected = secrets.get(connection.connector)
    if expected is None:
        return
    for secret in connection.secrets:
        if secret not in expected:
            hint = nearest(secret, expected) or f"; known: {', '.join(expected) or 'none'}"
            text = f"connection '{name}': {connection.connector} has no secret '{secret}'{hint}"
            yield Problem(file, connection.line_of("secrets", secret), text)


def _secret_problems(
    connection: Connection, file: str, kind: type[BaseModel] | None
) -> Iterator[Problem]:
    # The value is never repeated: problems are printed, logged and sent to colleagues.
    for secret, variable in connection.secrets.items():
        if not _ENV_NAME.fullmatch(variable) or _SECRET_VALUE.search(variable):
            text = (
                f"secrets.{secret}: this is not the name of an environment variable; write a name"
                " such as CRM_SECRET, and if a secret stands here, replace it at the vendor"
            )
            yield Problem(file, connection.line_of("secrets", secret), text)
    declared = kind.model_fields if kind else {}
    for key, value in connection.settings.items():
        # A connector's own setting may be called token_url, or be a long public key id.
        named = key not in declared and _SECRET_KEY.search(key)
        if named or (isinstance(value, str) and _SECRET_VALUE.search(value)):
            text = (
                f"settings.{key} looks like a secret; keep it in an environment variable and"
                " write the variable's name under `secrets:`"
            )
            yield Problem(file, connection.line_of("settings", key), text)


def cross_check(files: Files) -> list[Problem]:
    """Names that one file uses and another one defines."""
    problems: list[Problem] = []
    if files.root is not None:
        problems += _unknown_connections(files, list(files.root.connections))
    if files.rates is not None:
        problems += _unknown_cards(files, list(files.rates.cards))
    return problems


def _unknown_connections(files: Files, known: list[str]) -> Iterator[Problem]:
    named = {"deals": files.deals, "time": files.time, "ledger": files.ledger}
    for file, rules in named.items():
        if rules is None or not rules.connection or rules.connection in known:
            continue
        hint = nearest(rules.connection, known) or f"; known: {', '.join(known) or 'none'}"
        text = f"unknown connection '{rules.connection}'{hint}"
        yield Problem(f"mappings/{file}.yaml", rules.line_of("connection"), text)


def _unknown_cards(files: Files, known: list[str]) -> Iterator[Problem]:
    used = [
        ("deals", budget.rate_card, budget.line_of("rate_card"))
        for rule in (files.deals.rules if files.deals else ())
        for budget in rule.budgets
    ]
    if files.time:
        default = files.time.projects.default_budget
        used.append(("time", default.rate_card, default.line_of("rate_card")))
    if files.rates:
        used.append(("rates", files.rates.default_card, files.rates.line_of("default_card")))
    for file, card, line in used:
        if not card or "{" in card or card in known:
            continue
        hint = nearest(card, known) or f"; cards: {', '.join(known) or 'none'}"
        yield Problem(f"mappings/{file}.yaml", line, f"unknown rate card '{card}'{hint}")
