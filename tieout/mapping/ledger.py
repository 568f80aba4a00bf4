"""Our names and the ledger's: what a document and its lines are called over there."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from difflib import get_close_matches
from urllib.parse import quote

from tieout.config import Choice, CustomerRules, DocumentChoice, Workspace
from tieout.mapping.conditions import (
    client_record,
    document_record,
    firm_record,
    line_record,
    project_record,
)
from tieout.mapping.directory import folded
from tieout.mapping.draft import Draft
from tieout.mapping.results import DocumentNames, Held, LineNames, Unresolved
from tieout.model.document import Document, HoldReason, Line
from tieout.model.party import Client
from tieout.model.project import Budget, Project
from tieout.model.settlement import ListEntry, ListKind

#: What stands in an address as it is.
_OF_AN_ADDRESS = "%:/?#[]@!$&'()*+,;="


def line_names(
    line: Line,
    *,
    budget: Budget,
    project: Project,
    client: Client,
    document: Document,
    workspace: Workspace,
) -> LineNames | Held:
    """The item, tax code and class of a line. The budget's own item wins over the rules."""
    rules = workspace.ledger
    draft = Draft(
        {
            "line": line_record(line, budget),
            "project": project_record([project]),
            "client": client_record(client, workspace.firm),
            "document": document_record(document),
            "firm": firm_record(workspace.firm),
        }
    )
    item = line.item or budget.item
    if item:
        draft.note("item", item, "", f"the budget '{budget.name}'")
    else:
        item = _chosen(draft, "item", rules.items)
    tax_code = _chosen(draft, "tax_code", rules.tax_codes)
    class_name = _chosen(draft, "class", rules.classes)
    if draft.problems:
        return _held(f"{document.id} {line.id}", draft)
    return LineNames(item=item, tax_code=tax_code, class_name=class_name, trail=tuple(draft.steps))


def document_names(
    document: Document, *, projects: Sequence[Project], client: Client, workspace: Workspace
) -> DocumentNames | Held:
    """The customer, terms, department and memo of a document.

    `projects` are those on it, in order; with several, texts join their values.
    """
    rules = workspace.ledger
    draft = Draft(
        {
            "project": project_record(projects),
            "client": client_record(client, workspace.firm),
            "document": document_record(document),
            "firm": firm_record(workspace.firm),
        }
    )
    terms = document.terms or workspace.invoices.payment_terms
    named = rules.terms.get(terms, terms)
    draft.note("terms", named, rules.origin_of("terms", terms) if terms in rules.terms else "")
    memo = draft.text("memo", rules.memo, rules, "memo")
    # A project's code may have blanks or letters that an address must not have.
    link = quote(draft.text("link", rules.link, rules, "link"), safe=_OF_AN_ADDRESS)
    department = _chosen(draft, "department", rules.departments)
    sub_customer = ""
    if rules.customers.sub_customers and len(projects) == 1:
        sub_customer = projects[0].name
        draft.note("sub_customer", sub_customer, rules.customers.origin_of("sub_customers"))
    if draft.problems:
        return _held(document.id, draft)
    return DocumentNames(
        customer=rules.customers.names.get(client.name, client.name),
        sub_customer=sub_customer,
        terms=named,
        department=department,
        memo=memo,
        link=link,
        trail=tuple(draft.steps),
    )


def _held(subject: str, draft: Draft) -> Held:
    return Held(
        subject=subject,
        reason=HoldReason.UNMAPPED,
        problems=tuple(draft.problems),
        trail=tuple(draft.steps),
    )


def _chosen(draft: Draft, field: str, choice: Choice | DocumentChoice) -> str:
    for rule in choice.rules:
        if draft.holds(rule.when, rule.origin_of("when")):
            draft.note(field, rule.use, rule.origin, rule.when)
            return rule.use
    if choice.default:
        draft.note(field, choice.default, choice.origin_of("default"), "the default")
    return choice.default


def find_entry(
    kind: ListKind, name: str, entries: Iterable[ListEntry], *, stored_id: str = ""
) -> ListEntry | Unresolved:
    """The row of the ledger's list that a name means.

    A link stored earlier decides; then the exact name or `Parent:Child` name, without
    case or outer blanks. Never a similar name: those are only suggested.
    """
    rows = [entry for entry in entries if entry.kind is kind]
    what = kind.value.replace("_", " ")
    if stored_id:
        linked = next((row for row in rows if row.remote_id == stored_id), None)
        if linked is None or not linked.active:
            state = "is not" if linked is None else "is no longer active"
            text = f"{what} '{name}' was linked to {stored_id}, which {state} in the ledger"
            return Unresolved(name=name, text=text)
        return linked
    wanted = folded(name)
    same = [row for row in rows if wanted in (folded(row.full_name or row.name), folded(row.name))]
    exact = [row for row in same if folded(row.full_name or row.name) == wanted] or same
    active = [row for row in exact if row.active]
    if len(active) == 1:
        return active[0]
    if active:
        names = tuple(row.full_name or row.name for row in active)
        shown = ", ".join(f"'{row.full_name or row.name}' ({row.remote_id})" for row in active)
        text = f"{what} '{name}' is more than one in the ledger: {shown}"
        return Unresolved(name=name, text=text, suggestions=names)
    if exact:
        return Unresolved(name=name, text=f"{what} '{name}' is inactive in the ledger")
    return _unknown(what, name, rows)


def _unknown(what: str, name: str, rows: list[ListEntry]) -> Unresolved:
    names: dict[str, str] = {}
    for row in rows:
        if row.active:
            names.setdefault(folded(row.name), row.full_name or row.name)
            names.setdefault(folded(row.full_name or row.name), row.full_name or row.name)
    close = get_close_matches(folded(name), list(names), n=3, cutoff=0.6)
    suggestions = tuple(dict.fromkeys(names[each] for each in close))
    quoted = ", ".join(f"'{each}'" for each in suggestions)
    hint = f"nearest in the ledger: {quoted}" if quoted else f"the ledger has {len(rows)} of them"
    text = f"unknown {what} '{name}'; {hint}"
    return Unresolved(name=name, text=text, suggestions=suggestions, absent=True)


def find_customer(
    client: Client,
    entries: Iterable[ListEntry],
    rules: CustomerRules,
    *,
    stored_id: str = "",
) -> ListEntry | Unresolved:
    """The ledger's customer for a client: the stored link, then by the rules' keys in order."""
    rows = [entry for entry in entries if entry.kind is ListKind.CUSTOMER]
    name = rules.names.get(client.name, client.name)
    by_name = find_entry(ListKind.CUSTOMER, name, rows, stored_id=stored_id)
    if stored_id or client.name in rules.names:
        # A person decided, so nothing else is tried; a slip in the name they wrote must
        # not become a new customer either.
        return by_name if isinstance(by_name, ListEntry) else replace(by_name, absent=False)
    for key in rules.match:
        if key == "name" and isinstance(by_name, ListEntry):
            return by_name
        if key == "email" and client.email:
            found = [row for row in rows if row.active and _email(row) == folded(client.email)]
            if len(found) == 1:
                return found[0]
            if found:
                return _shared_email(client, found)
    if isinstance(by_name, ListEntry):  # there is one, but the rules do not go by the name
        return replace(_unknown("customer", name, rows), absent=False)
    return by_name


def _shared_email(client: Client, rows: list[ListEntry]) -> Unresolved:
    names = tuple(row.full_name or row.name for row in rows)
    shown = ", ".join(f"'{name}'" for name in names)
    text = f"customer '{client.name}': {client.email} is the address of {shown} in the ledger"
    return Unresolved(name=client.name, text=text, suggestions=names)


def _email(row: ListEntry) -> str:
    return folded(str(row.details.get("email") or ""))
