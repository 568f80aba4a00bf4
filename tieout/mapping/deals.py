"""A won deal becomes a client, a project and its budgets."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from tieout.config import BudgetRule, DealRule, InstalmentRule, Workspace
from tieout.mapping.conditions import Record, deal_line_record, deal_record, firm_record
from tieout.mapping.draft import Draft
from tieout.mapping.results import Held, Ignored, MappedProject
from tieout.model.document import HoldReason
from tieout.model.ids import SourceRef, stable_id
from tieout.model.money import is_currency
from tieout.model.party import Client
from tieout.model.project import Budget, Deal, DealLine, Instalment, Project, TimeRounding


def project_of(deal: Deal, workspace: Workspace) -> MappedProject | Held | Ignored:
    """What the workspace's rules make of a deal.

    The same deal under the same rules gives the same identifiers for ever: the client
    by its id in the CRM, the project by the deal, each budget by the project, the
    budget's name in the rules and the deal line. Held carries every problem at once.
    """
    if not deal.is_won:
        return Ignored(subject=deal.id, because="the deal is not won")
    only = workspace.deals.connection
    if only and deal.source.connection != only:
        origin = workspace.deals.origin_of("connection")
        return Ignored(subject=deal.id, because=f"the rules read only '{only}'", origin=origin)
    draft = Draft({"deal": deal_record(deal), "firm": firm_record(workspace.firm)})
    rule = _first_rule(draft, workspace)
    if draft.problems:
        return _held(deal, draft)
    if rule is None:
        draft.problems.append(
            "no rule of mappings/deals.yaml takes this deal; add one, or one with `ignore: true`"
        )
        return _held(deal, draft)
    if rule.ignore:
        return Ignored(subject=deal.id, because=f"rule '{rule.name}'", origin=rule.origin)
    draft.note("rule", rule.name, rule.origin, rule.when)
    client = _client(draft, deal, rule)
    project = _project(draft, deal, rule, client, workspace)
    _check_contract_value(draft, deal, rule)
    if draft.problems:
        return _held(deal, draft)
    return MappedProject(client=client, project=project, rule=rule.name, trail=tuple(draft.steps))


def _held(deal: Deal, draft: Draft) -> Held:
    return Held(
        subject=deal.id,
        reason=HoldReason.UNMAPPED,
        problems=tuple(dict.fromkeys(draft.problems)),
        trail=tuple(draft.steps),
    )


def _first_rule(draft: Draft, workspace: Workspace) -> DealRule | None:
    for rule in workspace.deals.rules:
        if draft.holds(rule.when, rule.origin_of("when")):
            return rule
        if draft.problems:
            return None  # a later rule must not win because an earlier one broke
    return None


def _client(draft: Draft, deal: Deal, rule: DealRule) -> Client:
    name = draft.text("client.name", rule.client.name, rule.client, "name")
    currency = draft.text("client.currency", rule.client.currency, rule.client, "currency")
    email = draft.text("client.email", rule.client.email, rule.client, "email")
    if not name:
        draft.problems.append("the deal has no client")
    if currency and not is_currency(currency):
        draft.problems.append(f"client.currency: unknown currency '{currency}'")
    primary = next((contact for contact in deal.contacts if contact.is_primary), None)
    if not email and primary is not None:
        email = primary.email
        draft.note("client.email", email, "", "the deal's primary contact")
    return Client(
        id=stable_id("client", deal.source.connection, deal.client_ref or name),
        source=SourceRef(deal.source.connection, "clients", deal.client_ref)
        if deal.client_ref
        else None,
        name=name,
        currency=currency or None,
        email=email,
        address=deal.client_address,
    )


def _project(
    draft: Draft, deal: Deal, rule: DealRule, client: Client, workspace: Workspace
) -> Project:
    said = rule.project
    name = draft.text("project.name", said.name, said, "name")
    currency = draft.text("project.currency", said.currency, said, "currency")
    currency = currency or workspace.firm.currency
    if not name:
        draft.problems.append("the project's name comes out empty")
    if not is_currency(currency):
        draft.problems.append(f"project.currency: unknown currency '{currency}'")
    starts_on = draft.day("project.starts_on", said.starts_on, said.origin_of("starts_on"))
    project_id = stable_id("project", deal.source.connection, deal.source.remote_id)
    at = _Where(project_id, currency, starts_on, workspace.rate_cards)
    time_names = [
        draft.text(f"project.time_names[{index + 1}]", template, said, "time_names")
        for index, template in enumerate(said.time_names)
    ]
    return Project(
        id=project_id,
        source=deal.source,
        name=name,
        client_id=client.id,
        currency=currency,
        code=draft.text("project.code", said.code, said, "code"),
        budgets=_budgets(draft, deal, rule, at),
        starts_on=starts_on,
        ends_on=draft.day("project.ends_on", said.ends_on, said.origin_of("ends_on")),
        time_names=tuple(dict.fromkeys(each for each in time_names if each)),
        po_number=draft.text("project.po_number", said.po_number, said, "po_number"),
        terms=draft.text("project.terms", said.terms, said, "terms"),
    )


@dataclass(frozen=True, slots=True)
class _Where:
    """What the budgets of a project share."""

    project_id: str
    currency: str
    starts_on: date | None
    rate_cards: tuple[str, ...]


def _budgets(draft: Draft, deal: Deal, rule: DealRule, at: _Where) -> tuple[Budget, ...]:
    budgets: list[Budget] = []
    taken: dict[str, list[str]] = {line.id: [] for line in deal.lines}
    whole = False  # a budget for the whole deal takes in whatever no line budget does
    for said in rule.budgets:
        if said.for_each is None:
            if draft.holds(said.when, said.origin_of("when")):
                budgets.append(_budget(draft, said, None, at))
                whole = True
            continue
        for line in deal.lines:
            if draft.holds(said.when, said.origin_of("when"), deal_line_record(line)):
                budgets.append(_budget(draft, said, line, at))
                taken[line.id].append(said.origin)
    _check_lines(draft, deal, taken, whole)
    if not budgets and not draft.problems:
        draft.problems.append(f"rule '{rule.name}' gives this deal no budget ({rule.origin})")
    return tuple(budgets)


def _check_lines(draft: Draft, deal: Deal, taken: dict[str, list[str]], whole: bool) -> None:
    for line in deal.lines:
        origins = taken[line.id]
        if len(origins) > 1:
            places = " and ".join(origins)
            draft.problems.append(f"the line '{line.name}' falls into two budgets: {places}")
        if not origins and not whole:
            draft.problems.append(f"the line '{line.name}' falls into no budget")


def _budget(draft: Draft, said: BudgetRule, line: DealLine | None, at: _Where) -> Budget:
    record = None if line is None else deal_line_record(line)
    name = draft.text("budget", said.name, said, "name", record)
    field = f"budgets[{name}]"
    if not name:
        draft.problems.append(f"a budget's name comes out empty ({said.origin})")
    card = draft.text(f"{field}.rate_card", said.rate_card, said, "rate_card", record)
    draft.known(field, card, at.rate_cards, "rate card", said.origin_of("rate_card"))
    amount = draft.amount(
        f"{field}.amount", said.amount, at.currency, said.origin_of("amount"), record
    )
    instalments = tuple(
        part
        for index, each in enumerate(said.instalments)
        if (part := _instalment(draft, f"{field}.instalments[{index + 1}]", each, record, at))
    )
    _check_instalments(draft, field, amount, instalments)
    rounding = said.time_rounding
    return Budget(
        id=stable_id("budget", at.project_id, said.name, line.id if line else ""),
        name=name,
        model=said.model,
        amount=amount,
        rate_card=card,
        group_by=said.group_by,
        time_rounding_minutes=rounding.minutes if rounding else 0,
        time_rounding=rounding.direction if rounding else TimeRounding.NEAREST,
        instalments=instalments,
        tasks=said.tasks,
        item=draft.text(f"{field}.item", said.item, said, "item", record),
    )


def _instalment(
    draft: Draft, field: str, said: InstalmentRule, record: Record | None, at: _Where
) -> Instalment | None:
    amount = draft.amount(
        f"{field}.amount", said.amount, at.currency, said.origin_of("amount"), record
    )
    name = draft.text(f"{field}.name", said.name, said, "name", record)
    if said.after_days is None:
        due = draft.day(f"{field}.on", said.on, said.origin_of("on"), record)
        missing = f"{said.on} is empty"
    else:
        due = at.starts_on and at.starts_on + timedelta(days=said.after_days)
        missing = "the project has no start date to count from"
    if due is None:
        draft.problems.append(f"{field}: it is not known when it is due: {missing}")
        return None
    return Instalment(on=due, percent=said.percent, amount=amount, name=name)


def _check_instalments(
    draft: Draft, field: str, fee: Decimal | None, parts: tuple[Instalment, ...]
) -> None:
    amounts = [part.amount for part in parts if part.amount is not None]
    if fee is not None and amounts and sum(amounts) != fee:
        draft.problems.append(
            f"{field}: the instalments add up to {sum(amounts)}, the fee is {fee}"
        )


def _check_contract_value(draft: Draft, deal: Deal, rule: DealRule) -> None:
    totals = [line.total for line in deal.lines if line.total is not None]
    if deal.amount is None or not totals or len(totals) != len(deal.lines):
        return
    lines = sum(totals, Decimal(0))
    if lines == deal.amount:
        return
    apart = f"the deal says {deal.amount:f}, its lines add up to {lines:f}"
    if rule.contract_value == "must_agree":
        draft.problems.append(
            f"contract value: {apart} (difference {abs(deal.amount - lines):f});"
            " correct the deal, or set `contract_value: may_differ`"
        )
    else:
        draft.note("contract value", "differs", rule.origin_of("contract_value"), apart)
