"""A firm told in plain words (a dict, as in tests/cases) and billed by the product.

The oracle reads the same dict and knows nothing of this module. Both answer in the
same plain shape, so that they can be compared with ==.
"""

from datetime import date
from decimal import Decimal
from pathlib import Path

from ruamel.yaml import YAML

from tieout.billing.draft import draft_invoices
from tieout.billing.inputs import BillableEntry, BillingInput, Period, Policies
from tieout.billing.rates import RateBook
from tieout.model.ids import SourceRef
from tieout.model.party import Client
from tieout.model.project import (
    BillingModel,
    Budget,
    GroupKey,
    Instalment,
    InvoiceBy,
    Project,
    Rate,
    TimeRounding,
)
from tieout.model.work import Approval, TimeEntry

CASES = Path(__file__).parent.parent / "cases"


def load(name):
    return YAML(typ="safe").load(CASES / name)


def decimal(text):
    return None if text is None else Decimal(text)


def budget_of(raw):
    rounding = raw.get("time_rounding", {})
    return Budget(
        id=raw["name"],
        name=raw["name"],
        model=BillingModel(raw["model"]),
        amount=decimal(raw.get("amount")),
        rate_card=raw.get("rate_card", ""),
        group_by=tuple(GroupKey(key) for key in raw.get("group_by", ["task", "person"])),
        time_rounding_minutes=rounding.get("minutes", 0),
        time_rounding=TimeRounding(rounding.get("mode", "nearest")),
        instalments=tuple(
            Instalment(
                on=part["on"],
                percent=decimal(part.get("percent")),
                amount=decimal(part.get("amount")),
            )
            for part in raw.get("instalments", ())
        ),
        tasks=tuple(raw.get("tasks", ())),
    )


def project_of(raw):
    return Project(
        id=raw["name"],
        source=None,
        name=raw["name"],
        client_id=raw["client"],
        currency=raw["currency"],
        budgets=tuple(budget_of(budget) for budget in raw["budgets"]),
        active=raw.get("active", True),
    )


def rate_of(raw):
    scopes = {
        key: raw.get(key, "") for key in ("card", "client", "project", "task", "person", "role")
    }
    return Rate(
        amount=Decimal(raw["rate"]),
        currency=raw.get("currency", "USD"),
        origin=raw.get("origin", ""),
        from_date=raw.get("from"),
        to_date=raw.get("to"),
        **scopes,
    )


def entry_of(raw, people):
    entry = TimeEntry(
        id=raw["id"],
        source=SourceRef("harvest", "time_entries", raw["id"]),
        person=raw["person"],
        task=raw.get("task", ""),
        work_date=raw["date"],
        seconds=raw["seconds"],
        billable=raw.get("billable", True),
        approval=Approval(raw.get("approval", "approved")),
        running=raw.get("running", False),
        billed_upstream=raw.get("billed_upstream", False),
    )
    return BillableEntry(entry, raw.get("project"), role=people.get(raw["person"], ""))


def given(story, period, already_billed=frozenset()):
    """The product's input for one period, given as (first day, last day)."""
    projects = tuple(project_of(raw) for raw in story["projects"])
    names = sorted({project.client_id for project in projects})
    people = story.get("people", {})
    return BillingInput(
        projects=projects,
        clients=tuple(Client(id=name, source=None, name=name) for name in names),
        entries=tuple(entry_of(raw, people) for raw in story.get("time_entries", ())),
        rates=RateBook(rate_of(raw) for raw in story.get("rates", ())),
        period=Period(*period),
        policies=Policies(invoice_by=InvoiceBy(story.get("invoice_by", "project"))),
        already_billed=frozenset(already_billed),
    )


def bill(story, period, already_billed=frozenset()):
    """Bill the story with the product; the plain shape the oracle answers in too."""
    return plain(draft_invoices(given(story, period, already_billed)))


def plain(result):
    return {
        "invoices": [
            {
                "client": document.client_id,
                "currency": document.currency,
                "total": document.total.plain,
                "lines": [_plain_line(line) for line in document.lines],
            }
            for document in result.documents
        ],
        "held": {held.work_id: held.reason.value for held in result.held},
        "never_billed": [never.work_id for never in result.never_billed],
        "already_billed": list(result.already_billed),
    }


def _plain_line(line):
    return {
        "project": line.project_id,
        "budget": line.budget_id,
        "task": line.task,
        "person": line.person,
        "role": line.role,
        "quantity": str(line.quantity),
        "rate": str(line.rate),
        "amount": line.amount.plain,
        "from": [share.work_id for share in line.work],
    }


def day(text):
    return date.fromisoformat(text)
