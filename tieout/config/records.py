"""What conditions and templates may ask of each record: the field names rules can use.

The mapping builds records with exactly these names; a rule that asks for another one
is a problem when the workspace is read, not when the first deal is won.
"""

from __future__ import annotations

from collections.abc import Mapping

#: Record names to their fields. `fields` holds everything else the source gave.
Records = Mapping[str, tuple[str, ...]]

DEAL = (
    "id",
    "name",
    "client",
    "client_ref",
    "client_country",
    "amount",
    "currency",
    "close_date",
    "owner",
    "is_won",
    "is_closed",
    "fields",
)
DEAL_LINE = (
    "id",
    "name",
    "product_code",
    "quantity",
    "unit_price",
    "total",
    "service_date",
    "description",
    "fields",
)
ENTRY = (
    "person",
    "client",
    "project",
    "task",
    "role",
    "notes",
    "work_date",
    "seconds",
    "billable",
    "approval",
)
LINE = ("kind", "budget", "model", "task", "role", "person", "description")
DOCUMENT = (
    "kind",
    "number",
    "currency",
    "issue_date",
    "due_date",
    "period_from",
    "period_to",
    "po_number",
)
PROJECT = ("id", "name", "code", "currency", "po_number", "terms")
CLIENT = ("id", "name", "currency", "email", "country")
FIRM = ("name", "currency", "country")

DEAL_CONDITION: Records = {"deal": (*DEAL, "lines")}
DEAL_LINE_CONDITION: Records = {"deal": (*DEAL, "lines"), "line": DEAL_LINE}
DEAL_TEMPLATE: Records = {"deal": DEAL, "firm": FIRM}
DEAL_LINE_TEMPLATE: Records = {"deal": DEAL, "line": DEAL_LINE, "firm": FIRM}
DEAL_VALUE: Records = {"deal": DEAL, "line": DEAL_LINE}
ENTRY_CONDITION: Records = {"entry": ENTRY}
DOCUMENT_RECORDS: Records = {
    "document": DOCUMENT,
    "project": PROJECT,
    "client": CLIENT,
    "firm": FIRM,
}
LINE_CONDITION: Records = {"line": LINE, **DOCUMENT_RECORDS}


def with_article(record: str) -> str:
    """`a deal`, `an entry`."""
    return f"an {record}" if record[0] in "aeiou" else f"a {record}"
