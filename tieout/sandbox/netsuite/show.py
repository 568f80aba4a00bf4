"""Records as the record API answers them: references, enums, links, sublists."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tieout.sandbox.netsuite import lists, sales
from tieout.sandbox.netsuite.fields import MEMBERS, TYPES, Field, Sublist
from tieout.sandbox.netsuite.wire import Row, plain

if TYPE_CHECKING:
    from tieout.sandbox.netsuite.books import Books

_WORDS = {"2": "Approved", "1": "Pending Approval", "3": "Rejected", "11": "Open"}


@dataclass(frozen=True)
class View:
    """How a record is wanted."""

    expand: bool = False  # sublists and subrecords whole, not as links
    fields: frozenset[str] = frozenset()  # lower-case names of body fields; empty for all
    simple_enums: bool = False  # enums as bare ids


def link(books: Books, *parts: str, rel: str = "self") -> Row:
    """A link into the record API; types are written in lower case."""
    path = "/".join((parts[0].lower(), *parts[1:]))
    return {"rel": rel, "href": f"{books.settings.rest}/record/v1/{path}"}


def name_of(books: Books, kind: str, row_id: str) -> str:
    """What a reference to a record shows: the refName."""
    if kind in MEMBERS:
        kind = books.kind_of(kind, row_id)
    row = books.find(kind, row_id) if kind in TYPES else None
    if row is None:
        return ""
    record = TYPES[kind]
    if record.transaction:
        return f"{record.label} #{row.get('tranId', row_id)}"
    if kind in ("customer", "job"):
        return str(row.get("_fullName") or row["entityId"])
    return str(row.get(record.title) or row_id)


def record(books: Books, kind: str, row: Row, view: View = View()) -> Row:
    """One record as a GET answers it."""
    shape = TYPES[kind]
    whole = {**row, **derived(books, kind, row)}
    shown: Row = {"links": [link(books, kind, row["id"])]}
    hidden = {name.lower() for name in books.settings.hidden_fields.get(kind, ())}
    if not books.settings.one_world:
        hidden.add("subsidiary")
    for key in sorted((name for name in whole if name[0] != "_"), key=str.lower):
        lower = key.lower()
        wanted = not view.fields or lower in view.fields or lower == "id"
        if not wanted or lower in hidden:
            continue
        if lower in shape.lists:
            if not view.fields:
                shown[key] = sublist(books, kind, row, shape.lists[lower], view)
            continue
        value = _value(books, kind, row, shape.fields.get(lower), whole[key], view)
        if value is not None:
            shown[key] = value
    return shown


def derived(books: Books, kind: str, row: Row) -> Row:
    """The fields that are reckoned when a record is read."""
    name = name_of(books, kind, row["id"])
    found: Row = {"refName": name} if kind != "timeBill" else {}
    if kind in ("invoice", "creditMemo"):
        settled = books.applied_to(row["id"]) if kind == "invoice" else row["applied"]
        left = row["total"] - settled
        found |= {"amountPaid": settled, "amountRemaining": left, "amountRemainingTotalBox": left}
        found["status"] = sales.status(books, row) if kind == "invoice" else _memo_status(row)
    if kind == "customerPayment":
        found["balance"] = row["unapplied"]
        if row["status"] == "V":
            found["status"] = None
    if kind == "customerDeposit":
        left = lists.left_of_deposit(books, row)
        found |= {"unapplied": left, "applied": row["payment"] - left}
        found["status"] = "C" if not left else ("A" if row["undepFunds"] else "B")
    if kind == "customer":
        totals = lists.balances(books, row, row["currency"])
        found |= {**totals, "consolBalance": totals["balance"],
                  "consolOverdueBalance": totals["overdueBalance"]}  # fmt: skip
    return found


def _memo_status(row: Row) -> str:
    if row["status"] == "V":
        return "V"
    return "A" if row["unapplied"] > 0 else "B"


# -- sublists ------------------------------------------------------------------------
def key_of(shape: Sublist, row: Row, index: int) -> str:
    """The last part of a line's address."""
    return str(row.get(shape.key) if shape.key else index + 1)


def sublist(books: Books, kind: str, row: Row, shape: Sublist, view: View) -> Row:
    """A sublist inside a record: a link, or everything when expanded."""
    home = link(books, kind, row["id"], shape.name)
    if not view.expand:
        return {"links": [home]}
    items = lines(books, kind, row, shape, view)
    return {
        "links": [home],
        "count": len(items),
        "hasMore": False,
        "items": items,
        "offset": 0,
        "totalResults": len(items),
    }


def lines(books: Books, kind: str, row: Row, shape: Sublist, view: View) -> list[Row]:
    """The lines of a sublist as a GET answers them."""
    found = []
    for index, line in enumerate(row.get(shape.name, ())):
        shown: Row = {"links": [link(books, kind, row["id"], shape.name,
                                     key_of(shape, line, index))]}  # fmt: skip
        whole = {**line, **_of_line(books, row, shape, line)}
        for key in sorted((name for name in whole if name[0] != "_"), key=str.lower):
            value = _value(books, kind, row, shape.fields.get(key.lower()), whole[key], view)
            if value is not None:
                shown[key] = value
        found.append(shown)
    return found


def _of_line(books: Books, row: Row, shape: Sublist, line: Row) -> Row:
    """The fields of a line that are reckoned when it is read."""
    if shape.name == "currencyList":
        totals = lists.balances(books, row, line["currency"])
        return {"balance": totals["balance"], "overdueBalance": totals["overdueBalance"]}
    if shape.name != "apply":
        return {}
    invoice = books.find("invoice", line["doc"]) or {}
    if not invoice:
        return {}
    return {
        "applyDate": invoice["tranDate"],
        "currency": (books.find("currency", invoice["currency"]) or {}).get("name", ""),
        "due": books.due(invoice) + line["amount"],
        "refNum": invoice["tranId"],
        "total": invoice["total"],
        "type": "Invoice",
    }


# -- values --------------------------------------------------------------------------
def field_value(books: Books, kind: str, row: Row, name: str, value: Any) -> Any:
    """One field of a record, as a GET answers it."""
    return _value(books, kind, row, TYPES[kind].fields.get(name.lower()), value, View())


def _value(books: Books, kind: str, row: Row, shape: Field | None, value: Any, view: View) -> Any:
    if value is None or value == "":
        return None  # a null field is absent
    if shape is None or shape.kind not in _SHOWN:
        return value
    return _SHOWN[shape.kind](books, kind, row, shape, value, view)


def reference(books: Books, target: str, row_id: str) -> Row:
    """A reference as it is read."""
    shown: Row = {"links": [], "id": row_id}
    actual = books.kind_of(target, row_id) if target in MEMBERS else target
    if actual:
        shown["links"] = [link(books, actual, row_id)]
    name = name_of(books, target, row_id) if target else ""
    return shown | ({"refName": name} if name else {})


def _reference(books: Books, kind: str, row: Row, shape: Field, value: Any, view: View) -> Row:
    return reference(books, shape.target, value)


def _references(books: Books, kind: str, row: Row, shape: Field, value: Any, view: View) -> Row:
    home = link(books, kind, row["id"], shape.name)
    if not view.expand:
        return {"links": [home]}
    items = [reference(books, shape.target, each) for each in value]
    return {"links": [home], "count": len(items), "hasMore": False, "items": items,
            "offset": 0, "totalResults": len(items)}  # fmt: skip


def _enum(books: Books, kind: str, row: Row, shape: Field, value: Any, view: View) -> Any:
    names: dict[str, str] = TYPES[kind].names
    name = names.get(value, value) if shape.name in ("status", "entityStatus") else value
    if shape.name == "approvalStatus":
        name = (names if kind == "timeBill" else _WORDS).get(value, value)
    word = shape.name == "status" and books.settings.status_ids == "word"
    code = name if word else value
    return code if view.simple_enums else {"id": code, "refName": name}


def _flag(books: Books, kind: str, row: Row, shape: Field, value: Any, view: View) -> Any:
    code = "T" if value else "F"
    return code if view.simple_enums else {"id": code, "refName": "Yes" if value else "No"}


def _address(books: Books, kind: str, row: Row, shape: Field, value: Any, view: View) -> Any:
    if not view.expand:
        return {"links": [link(books, kind, row["id"], shape.name)]}
    shown = dict(value)
    if "country" in shown:
        code = shown["country"]
        shown["country"] = code if view.simple_enums else {"id": code, "refName": code}
    return {"links": [link(books, kind, row["id"], shape.name)], **shown}


Shower = Callable[["Books", str, Row, Field, Any, View], Any]
_SHOWN: dict[str, Shower] = {
    "ref": _reference,
    "refs": _references,
    "enum": _enum,
    "address": _address,
    "flag": _flag,
}


# -- collections ---------------------------------------------------------------------
def page_links(base: str, limit: int, offset: int, total: int, extra: Iterable[str]) -> list[Row]:
    """The links of one page of a collection: prev, first, next, last, self."""
    rest = "".join(f"&{each}" for each in extra)

    def at(rel: str, start: int) -> Row:
        return {"rel": rel, "href": f"{base}?limit={limit}&offset={start}{rest}"}

    found = []
    if offset > 0:
        found += [at("prev", max(0, offset - limit)), at("first", 0)]
    if offset + limit < total:
        last = (total - 1) // limit * limit
        found += [at("next", offset + limit), at("last", last)]
    return [*found, at("self", offset)]


def text(value: Any) -> str:
    """A value as `q` and SuiteQL compare it."""
    if isinstance(value, bool):
        return "T" if value else "F"
    return plain(value) if hasattr(value, "as_tuple") else str(value)
