"""Time entries, and the time lines of an invoice (Oracle: time record, invoice.time)."""

from __future__ import annotations

from decimal import Decimal
from typing import TYPE_CHECKING

from tieout.sandbox.netsuite import checks, errors
from tieout.sandbox.netsuite.wire import Row, hours, rounded

if TYPE_CHECKING:
    from tieout.sandbox.netsuite.books import Books, Draft


def prepare(books: Books, draft: Draft) -> None:
    """Check and complete a time entry; one that is billed may not change."""
    row = draft.row
    if draft.old is not None and draft.old.get("_invoice"):
        raise errors.user_error("This time entry has been billed and cannot be edited.")
    for name, label in (("employee", "Employee"), ("hours", "Duration")):
        if not row.get(name):
            raise errors.missing(label, name)
    row.setdefault("tranDate", books.today())
    row.setdefault("isBillable", False)
    row.setdefault("timeType", "A")
    row.setdefault("approvalStatus", "3" if row.get("supervisorApproval") else "1")
    employee = books.get("employee", row["employee"])
    row.setdefault("subsidiary", str(employee.get("subsidiary", "")) or checks.home(books))
    if row.get("customer") and draft.changed("customer"):
        checks.active(books, "entity", row["customer"], "customer")
    if row.get("item"):
        checks.segments(books, row, row["subsidiary"], draft.old or {})


def lines(books: Books, draft: Draft) -> list[Row]:
    """The time lines of an invoice that stay, with their amounts."""
    done = []
    places = checks.places(books, draft.row["currency"])
    for index, line in enumerate(draft.row.get("time", ())):
        path = f"time.items[{index}]"
        if line.get("apply") is False:
            continue
        entry = books.find("timeBill", line.get("doc", ""))
        own = draft.row.get("id")
        if entry is None or not entry["isBillable"] or entry.get("_invoice") not in (None, own):
            raise errors.not_allowed_value("doc", line.get("doc", ""), f"{path}.doc")
        rate = line.get("rate", entry.get("rate", Decimal(0)))
        amount = rounded(hours(entry["hours"]) * rate, places)
        done.append({"apply": True, "doc": entry["id"], "rate": rate, "amount": amount})
    return done


def bill(books: Books, row: Row, old: Row | None) -> None:
    """Mark the time entries on an invoice as billed, and those taken off it as open."""
    now = {line["doc"] for line in row["time"]}
    before = {line["doc"] for line in (old or {}).get("time", ())}
    for each in sorted(now - before):
        books.put("timeBill", {**books.get("timeBill", each), "_invoice": row["id"]})
    for each in sorted(before - now):
        _open(books, each)


def release(books: Books, row: Row) -> None:
    """The time entries of an invoice that is gone may be billed again."""
    for line in row["time"]:
        _open(books, line["doc"])


def _open(books: Books, row_id: str) -> None:
    entry = {k: v for k, v in books.get("timeBill", row_id).items() if k != "_invoice"}
    books.put("timeBill", entry)
