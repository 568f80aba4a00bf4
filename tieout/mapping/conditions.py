"""Canonical values as the records that conditions and templates ask about.

The condition language itself is in `config/conditions.py`, because conditions are
checked when a workspace is read.
"""

from __future__ import annotations

from collections.abc import Sequence

from tieout.config import Firm
from tieout.config.conditions import Value
from tieout.model.document import Document, Line
from tieout.model.party import Client
from tieout.model.project import Budget, Deal, DealLine, Project
from tieout.model.work import TimeEntry

Record = dict[str, Value]


def deal_record(deal: Deal) -> Record:
    """`deal`: its own fields, `fields` for every other one, and `lines`."""
    address = deal.client_address
    return {
        "id": deal.id,
        "name": deal.name,
        "client": deal.client,
        "client_ref": deal.client_ref,
        "client_country": address.country if address else "",
        "amount": deal.amount,
        "currency": deal.currency,
        "close_date": deal.close_date,
        "owner": deal.owner,
        "is_won": deal.is_won,
        "is_closed": deal.is_closed,
        "fields": dict(deal.fields),
        "lines": [deal_line_record(line) for line in deal.lines],
    }


def deal_line_record(line: DealLine) -> Record:
    """`line` in the rules for deals."""
    return {
        "id": line.id,
        "name": line.name,
        "product_code": line.product_code,
        "quantity": line.quantity,
        "unit_price": line.unit_price,
        "total": line.total,
        "service_date": line.service_date,
        "description": line.description,
        "fields": dict(line.fields),
    }


def entry_record(entry: TimeEntry, *, person: str, role: str, task: str) -> Record:
    """`entry`, with our names for the person, the role and the task."""
    return {
        "person": person,
        "client": entry.client,
        "project": entry.project,
        "task": task,
        "role": role,
        "notes": entry.notes,
        "work_date": entry.work_date,
        "seconds": entry.seconds,
        "billable": entry.billable,
        "approval": entry.approval.value,
    }


def firm_record(firm: Firm) -> Record:
    """What conditions and templates may ask of the firm."""
    return {"name": firm.name, "currency": firm.currency, "country": firm.country}


def line_record(line: Line, budget: Budget) -> Record:
    """`line` in the rules for the ledger."""
    return {
        "kind": line.kind.value,
        "budget": budget.name,
        "model": budget.model.value,
        "task": line.task,
        "role": line.role,
        "person": line.person,
        "description": line.description,
    }


def document_record(document: Document) -> Record:
    """What they may ask of a document."""
    return {
        "kind": document.kind.value,
        "number": document.number,
        "currency": document.currency,
        "issue_date": document.issue_date,
        "due_date": document.due_date,
        "period_from": document.period_from,
        "period_to": document.period_to,
        "po_number": document.po_number,
    }


def project_record(projects: Sequence[Project]) -> Record:
    """`project`: the one of a line, or all of a document joined in one text."""
    return {
        name: ", ".join(dict.fromkeys(text for text in texts if text))
        for name, texts in {
            "id": [project.id for project in projects],
            "name": [project.name for project in projects],
            "code": [project.code for project in projects],
            "currency": [project.currency for project in projects],
            "po_number": [project.po_number for project in projects],
            "terms": [project.terms for project in projects],
        }.items()
    }


def client_record(client: Client, firm: Firm) -> Record:
    """What they may ask of a client."""
    return {
        "id": client.id,
        "name": client.name,
        "currency": client.currency or firm.currency,
        "email": client.email,
        "country": client.address.country if client.address else "",
    }
