"""Time entries find their project, person, role and task."""

from __future__ import annotations

from collections.abc import Mapping

from tieout.config import TimeRules, Workspace
from tieout.config.located import nearest
from tieout.mapping.conditions import entry_record
from tieout.mapping.directory import Lookup, folded
from tieout.mapping.draft import Draft
from tieout.mapping.results import Held, MappedProject, ResolvedEntry
from tieout.mapping.trail import Step
from tieout.model.document import HoldReason
from tieout.model.ids import stable_id
from tieout.model.party import Client
from tieout.model.project import BillingModel, Budget, Project, TimeRounding
from tieout.model.work import TimeEntry

_MATCH_WORDS = {"id": "the tool's project id", "name": "the project's name", "code": "the code"}


def resolve(entry: TimeEntry, workspace: Workspace, lookup: Lookup) -> ResolvedEntry | Held:
    """Our names for what an entry says, or why it cannot be placed.

    Whether it may be billed is a question for billing: this only says whether the
    rules call it billable and its approval a release. With `create_from_time`, an
    entry of an unknown project carries the project to make in `creates`.
    """
    rules = workspace.time
    draft = Draft({})
    if rules.connection and entry.source.connection != rules.connection:
        draft.problems.append(
            f"it comes from '{entry.source.connection}', the rules of time.yaml read only"
            f" '{rules.connection}' ({rules.origin_of('connection')})"
        )
        return _held(entry, HoldReason.UNMAPPED, draft)
    found = _project(draft, entry, rules, lookup)
    creates: MappedProject | None = None
    if found is None and not draft.problems and rules.projects.create_from_time:
        creates = _created(draft, entry, workspace, lookup)
        found = creates.project if creates else None
    if found is None:
        if not draft.problems:
            draft.problems.append(_not_found(entry, lookup))
        return _held(entry, HoldReason.NO_PROJECT, draft)
    person = _renamed(draft, "person", entry.person, rules.people.aliases, rules, "aliases")
    task = _renamed(draft, "task", entry.task, rules.tasks, rules, "tasks")
    role = _role(draft, entry, person, rules, lookup)
    billable = _billable(draft, entry, rules, person=person, role=role, task=task)
    if draft.problems:
        return _held(entry, HoldReason.UNMAPPED, draft)
    return ResolvedEntry(
        entry=entry,
        project_id=found.id,
        person=person,
        role=role,
        task=task,
        billable=billable,
        approved=entry.approval in rules.approvals,
        trail=tuple(draft.steps),
        creates=creates,
    )


def _held(entry: TimeEntry, reason: HoldReason, draft: Draft) -> Held:
    return Held(
        subject=entry.id,
        reason=reason,
        problems=tuple(draft.problems),
        trail=tuple(draft.steps),
    )


def _project(draft: Draft, entry: TimeEntry, rules: TimeRules, lookup: Lookup) -> Project | None:
    if not entry.project and not entry.project_ref:
        draft.problems.append("the entry names no project")
        return None
    alias = _alias(rules.projects.aliases, entry.project)
    if alias is not None:
        target = rules.projects.aliases[alias]
        origin = rules.projects.origin_of("aliases", alias)
        named = lookup.projects_by_name(target) or lookup.projects_by_code(target)
        if not named:
            hint = nearest(target, lookup.project_names())
            draft.problems.append(f"the alias at {origin} leads to no project '{target}'{hint}")
            return None
        return _only(draft, entry, named, origin, "an alias")
    client = _client_name(entry, rules)
    for key in rules.projects.match:
        projects = _candidates(key, entry, client, lookup)
        if projects:
            origin = rules.projects.origin_of("match")
            return _only(draft, entry, projects, origin, _MATCH_WORDS[key])
    return None


def _candidates(key: str, entry: TimeEntry, client: str, lookup: Lookup) -> tuple[Project, ...]:
    if key == "id":
        if not entry.project_ref:
            return ()
        qualified = lookup.projects_by_time_name(_qualified(entry))
        return qualified or lookup.projects_by_time_name(entry.project_ref)
    if not entry.project:
        return ()
    if key == "name":
        linked = lookup.projects_by_time_name(entry.project)
        if linked:
            return linked
        projects = lookup.projects_by_name(entry.project)
    else:
        projects = lookup.projects_by_code(entry.project)
    # Two clients may both have a "Website": a name alone must not bill the wrong one.
    return tuple(project for project in projects if _same_client(project, client, lookup))


def _same_client(project: Project, name: str, lookup: Lookup) -> bool:
    client = lookup.client(project.client_id)
    return not name or client is None or folded(client.name) == folded(name)


def _only(
    draft: Draft, entry: TimeEntry, projects: tuple[Project, ...], origin: str, because: str
) -> Project | None:
    if len({project.id for project in projects}) > 1:
        names = ", ".join(
            f"'{project.name}' ({project.code or project.id})" for project in projects
        )
        draft.problems.append(
            f"the project '{entry.project}' could be {names}; add an alias by code in time.yaml"
        )
        return None
    draft.note("project", projects[0].name, origin, because)
    return projects[0]


def _not_found(entry: TimeEntry, lookup: Lookup) -> str:
    shown = entry.project or entry.project_ref
    of_client = f" of client '{entry.client}'" if entry.client else ""
    same = lookup.projects_by_name(entry.project) if entry.project else ()
    if same:
        owner = lookup.client(same[0].client_id)
        return (
            f"no project '{shown}'{of_client}; the project of that name belongs to"
            f" '{owner.name if owner else same[0].client_id}': if that is the same client,"
            " say so under `clients:` in time.yaml"
        )
    return f"no project '{shown}'{of_client}{nearest(shown, lookup.project_names())}"


def _created(
    draft: Draft, entry: TimeEntry, workspace: Workspace, lookup: Lookup
) -> MappedProject | None:
    name = entry.project or entry.project_ref
    client_name = _client_name(entry, workspace.time)
    if not client_name:
        draft.problems.append(f"the project '{name}' cannot be made: the entry names no client")
        return None
    said = workspace.time.projects
    connection = entry.source.connection
    currency = entry.rate.currency if entry.rate else workspace.firm.currency
    client = lookup.client_by_name(client_name) or Client(
        id=stable_id("client", connection, entry.client_ref or folded(client_name)),
        source=None,
        name=client_name,
    )
    key = entry.project_ref or f"{folded(client_name)}/{folded(name)}"
    project_id = stable_id("project", connection, key)
    default = said.default_budget
    rounding = default.time_rounding
    budget = Budget(
        id=stable_id("budget", project_id, default.name, ""),
        name=default.name,
        model=BillingModel.TIME_AND_MATERIALS,
        rate_card=default.rate_card,
        group_by=default.group_by,
        time_rounding_minutes=rounding.minutes if rounding else 0,
        time_rounding=rounding.direction if rounding else TimeRounding.NEAREST,
    )
    project = Project(
        id=project_id,
        source=None,
        name=name,
        client_id=client.id,
        currency=currency,
        budgets=(budget,),
        time_names=(_qualified(entry),) if entry.project_ref else (),
    )
    step = Step("project", name, said.origin_of("create_from_time"), "made from the time tool")
    draft.steps.append(step)
    return MappedProject(client=client, project=project, rule="create_from_time", trail=(step,))


def _qualified(entry: TimeEntry) -> str:
    # Two time tools may use the same number for different projects.
    return f"{entry.source.connection}/{entry.project_ref}"


def _client_name(entry: TimeEntry, rules: TimeRules) -> str:
    alias = _alias(rules.clients, entry.client)
    return entry.client.strip() if alias is None else rules.clients[alias]


def _alias(names: Mapping[str, str], name: str) -> str | None:
    if name in names:
        return name
    wanted = folded(name)
    return next((each for each in names if folded(each) == wanted), None)


def _renamed(
    draft: Draft, field: str, name: str, names: Mapping[str, str], rules: TimeRules, key: str
) -> str:
    alias = _alias(names, name)
    if alias is None:
        draft.note(field, name, "", "as the time tool says")
        return name.strip()
    path = ("people", key, alias) if field == "person" else (key, alias)
    draft.note(field, names[alias], rules.origin_of(*path), f"'{name}' in the time tool")
    return names[alias]


def _role(draft: Draft, entry: TimeEntry, person: str, rules: TimeRules, lookup: Lookup) -> str:
    alias = _alias(rules.people.roles, person)
    roles = lookup.roles_of(entry.person_ref, entry.person)
    found = {
        "table": ("" if alias is None else rules.people.roles[alias], "the table of roles"),
        "entry": (entry.role, "the entry"),
        "person": (roles[0] if roles else "", "the tool's list of people"),
    }
    for source in rules.people.role_from:
        role, because = found[source]
        if role:
            table = source == "table" and alias is not None
            path = ("people", "roles", alias or "") if table else ("people", "role_from")
            draft.note("role", role, rules.origin_of(*path), because)
            return role
    draft.note("role", "", "", "nothing gives a role")
    return ""


def _billable(
    draft: Draft, entry: TimeEntry, rules: TimeRules, *, person: str, role: str, task: str
) -> bool:
    draft.records = {"entry": entry_record(entry, person=person, role=role, task=task)}
    for rule in rules.billable:
        if draft.holds(rule.when, rule.origin_of("when")):
            draft.note("billable", str(rule.billable).lower(), rule.origin, rule.when)
            return rule.billable
    draft.note("billable", str(entry.billable).lower(), "", "the tool's own mark")
    return entry.billable
