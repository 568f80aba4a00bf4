"""What applying rules gives: a value, or a reason why not."""

from __future__ import annotations

from dataclasses import dataclass

from tieout.mapping.trail import Trail
from tieout.model.document import HoldReason
from tieout.model.party import Client
from tieout.model.project import Project
from tieout.model.work import TimeEntry


@dataclass(frozen=True, slots=True, kw_only=True)
class Held:
    """A record that needs a person, with every reason at once, in a bookkeeper's words."""

    subject: str  # the record's id
    reason: HoldReason
    problems: tuple[str, ...]
    trail: Trail = ()

    @property
    def text(self) -> str:
        """All reasons in one line."""
        return "; ".join(self.problems)


@dataclass(frozen=True, slots=True, kw_only=True)
class Ignored:
    """A record that makes nothing, on purpose."""

    subject: str
    because: str
    origin: str = ""  # the rule that says so; "" when it is not a rule


@dataclass(frozen=True, slots=True, kw_only=True)
class MappedProject:
    """The client and the project that a deal, or a time entry, stands for."""

    client: Client
    project: Project
    rule: str  # the rule's name
    trail: Trail


@dataclass(frozen=True, slots=True, kw_only=True)
class ResolvedEntry:
    """A time entry with our names for what it says."""

    entry: TimeEntry
    project_id: str
    person: str
    role: str  # "" when nothing gives one
    task: str
    billable: bool  # by the rules, else the tool's own mark
    approved: bool  # whether its approval counts as a release for billing
    trail: Trail
    creates: MappedProject | None = None  # the project to make first, when none existed


@dataclass(frozen=True, slots=True, kw_only=True)
class LineNames:
    """The names of a line in the ledger; "" = none."""

    item: str
    tax_code: str
    class_name: str
    trail: Trail


@dataclass(frozen=True, slots=True, kw_only=True)
class DocumentNames:
    """The names of a document in the ledger; "" = none."""

    customer: str
    sub_customer: str  # the project's name when invoices go to sub-customers
    terms: str
    department: str
    memo: str
    link: str  # an absolute address, safe to send
    trail: Trail


@dataclass(frozen=True, slots=True, kw_only=True)
class Unresolved:
    """A name the ledger does not have, or has more than once."""

    name: str
    text: str
    suggestions: tuple[str, ...] = ()
    absent: bool = False  # nothing of that name is there, so making it is no second one
