"""The settings of `mappings/time.yaml`: what the entries of a time tool mean."""

from __future__ import annotations

from typing import Literal, Self

from pydantic import Field, model_validator

from tieout.config.kinds import EntryCondition, Name, Text
from tieout.config.located import Section
from tieout.config.rules_deals import TimeRoundingRule
from tieout.model.project import GroupKey
from tieout.model.work import Approval

MatchKey = Literal["id", "name", "code"]
RoleSource = Literal["table", "entry", "person"]


class DefaultBudget(Section):
    """The time-and-materials budget of a project that only the time tool knows."""

    name: Name = "Time"
    rate_card: Text = ""
    group_by: tuple[GroupKey, ...] = (GroupKey.TASK, GroupKey.PERSON)
    time_rounding: TimeRoundingRule | None = None


class ProjectMatch(Section):
    """How the time tool's projects are recognised."""

    match: tuple[MatchKey, ...] = ("id", "name", "code")
    """Tried in this order: the tool's project id, its name, a code its name starts with."""
    aliases: dict[str, Name] = Field(default_factory=dict)
    """A project's name in the time tool: its name or code here."""
    create_from_time: bool = False
    """true = a project without a deal is made from the client and project names."""
    default_budget: DefaultBudget = Field(default_factory=DefaultBudget)
    """What such a project is billed by."""


class PeopleRules(Section):
    """Who is who."""

    aliases: dict[str, Name] = Field(default_factory=dict)
    """A person's name in the time tool: the name invoices and rates use."""
    roles: dict[str, Name] = Field(default_factory=dict)
    """A person's name: the role rates are looked up by."""
    role_from: tuple[RoleSource, ...] = ("table", "entry", "person")
    """Where the role comes from, first that has one: `roles` above, the entry, the tool's list."""


class BillableRule(Section):
    """A decision about some entries; the first whose condition holds decides."""

    when: EntryCondition
    """A CEL condition over `entry`."""
    billable: bool


class TimeRules(Section):
    """Time tool to projects, people, roles and tasks: `mappings/time.yaml`."""

    connection: Text = ""
    """The connection whose entries these rules read; empty = every time tool."""
    projects: ProjectMatch = Field(default_factory=ProjectMatch)
    clients: dict[str, Name] = Field(default_factory=dict)
    """A client's name in the time tool: its name here."""
    people: PeopleRules = Field(default_factory=PeopleRules)
    tasks: dict[str, Name] = Field(default_factory=dict)
    """A task's name in the time tool: the name invoices and rates use."""
    approvals: tuple[Approval, ...] = (Approval.APPROVED,)
    """Which approvals release time for billing. `none` is for tools without approvals."""
    billable: tuple[BillableRule, ...] = ()
    """Without a matching rule the tool's own billable mark counts."""

    @model_validator(mode="after")
    def _never_rejected(self) -> Self:
        for refused in (Approval.REJECTED, Approval.WITHDRAWN):
            if refused in self.approvals:
                raise ValueError(f"time that is '{refused}' can never be billed")
        return self
