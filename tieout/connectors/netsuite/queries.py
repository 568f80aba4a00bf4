"""What we ask in SuiteQL, and the rows of its answers.

Rules (Oracle: SuiteQL, executing queries through REST web services): values are bound with
`?`, dates are texts only through TO_CHAR and compared only with TO_DATE, a page has at most
1000 rows and a query 100,000, the header `Prefer: transient` is a must. Pages are not a
snapshot, so each asks for what lies behind the last id: `WHERE id > ? ORDER BY id`, whose
id is always the first value bound.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

from tieout.connectors.base import CursorToken, Request, Row, Since
from tieout.connectors.exact import encode
from tieout.connectors.netsuite.wire import Settings

PAGE = 1000
#: What is sold and taken back, by its stream, as NetSuite's queries name it.
TYPES = {"invoices": "CustInvc", "credit_memos": "CustCred"}
#: NetSuite's wall clock in a query. Its zone is not told anywhere, so what it says is only
#: ever given back to it, never compared with another clock.
CLOCK = "YYYY-MM-DD HH24:MI:SS"
_OWN_NUMBER = ", t.tranid ournumber"
#: The columns of the lines of an answer begin so; the others are of the record itself.
_OF_LINE = "l_"

_HEADER = f"""
    t.id, t.type, t.tranid, t.externalid, t.entity, t.status, t.voided, c.symbol currency,
    TO_CHAR(t.trandate, 'YYYY-MM-DD') trandate, TO_CHAR(t.duedate, 'YYYY-MM-DD') duedate,
    TO_CHAR(t.lastmodifieddate, '{CLOCK}') changed, t.memo, t.foreigntotal total,
    t.foreignamountunpaid unpaid, t.foreignpaymentamountunused unused"""
_SALE = """
SELECT {columns}, l.taxline l_tax, l.item l_item, l.memo l_memo, l.quantity l_quantity,
    l.rate l_rate, l.foreignamount l_amount
FROM transaction t LEFT JOIN currency c ON c.id = t.currency
    LEFT JOIN transactionline l ON l.transaction = t.id AND l.mainline = 'F'
WHERE t.id > ? AND t.type IN ({types}){where}
ORDER BY t.id, l.linesequencenumber"""
# Whatever may be set against an invoice, with a row for each part of it that is.
_PAYMENT = """
SELECT {columns}, k.previousdoc l_invoice, k.foreignamount l_amount
FROM transaction t LEFT JOIN currency c ON c.id = t.currency
    LEFT JOIN nexttransactionlinelink k ON k.nextdoc = t.id AND k.previoustype = 'CustInvc'
WHERE t.id > ? AND (t.type IN ('CustPymt', 'CustCred', 'DepAppl')
    OR (t.type = 'Journal' AND k.nextdoc IS NOT NULL)){where}
ORDER BY t.id, k.previousdoc"""
_SINCE = f"t.lastmodifieddate >= TO_DATE(?, '{CLOCK}')"
# Nobody says that a payment touches the date of its invoice: then the payment's own counts.
_SINCE_PAID = (
    f"({_SINCE} OR t.id IN (SELECT k.previousdoc FROM nexttransactionlinelink k "  # noqa: S608
    f"JOIN transaction p ON p.id = k.nextdoc WHERE {_SINCE.replace('t.', 'p.')}))"
)
_OF_COMPANY = (
    "t.id IN (SELECT m.transaction FROM transactionline m "
    "WHERE m.mainline = 'T' AND m.subsidiary = ?)"
)


def query(text: str, values: Iterable[str], purpose: str) -> Request:
    """A query from its first page on; the first `?` in it is the id it begins behind."""
    return Request(
        method="POST",
        path="/query/v1/suiteql",
        params=(("limit", str(PAGE)), ("offset", "0")),
        headers=(("Prefer", "transient"),),
        body=encode({"q": text, "params": ["0", *values]}),
        content_type="application/json",
        purpose=purpose,
    )


def behind(request: Request, last: str) -> Request:
    """The same query from behind an id."""
    asked = json.loads(request.body)
    asked["params"][0] = last
    return replace(request, body=encode(asked))


def rows(answer: Any) -> list[Row]:
    """The records of an answer, each with its `lines`; one the page ends in is left for the next.

    Raises ValueError for a record that is longer than a page.
    """
    found: dict[str, Row] = {}
    for each in answer["items"]:
        line = {n.removeprefix(_OF_LINE): v for n, v in each.items() if n.startswith(_OF_LINE)}
        own = {n: v for n, v in each.items() if n != "links" and not n.startswith(_OF_LINE)}
        record = found.setdefault(each["id"], own | {"lines": []})
        record["lines"] += [line] if line else []
    whole = list(found.values())
    if answer["hasMore"]:
        whole.pop()
        if not whole:
            raise ValueError(f"a record has more than {PAGE} rows")
    return whole


def pages(name: str = "") -> CursorToken:
    """The pages of a listing; of `TYPES`, which are asked for together, only what is of one."""

    def mine(answer: Any) -> list[Row]:
        return [row for row in rows(answer) if row["type"] == TYPES[name]]

    return CursorToken(
        rows=mine if name in TYPES else rows,
        token=lambda answer: rows(answer)[-1]["id"] if answer["hasMore"] else "",
        at=behind,
    )


def listed(columns: str, tables: str, where: str = "") -> str:
    """The query for a list; the table whose ids count is called `x`."""
    also = f" AND {where}" if where else ""
    return " ".join(("SELECT", columns, "FROM", f"{tables} WHERE x.id > ?{also} ORDER BY x.id"))


def changes(name: str) -> Callable[[Since, Settings], Request]:
    """What to ask for invoices and credit memos, or for payments: everything, or what changed."""

    def request(since: Since, settings: Settings) -> Request:
        where: list[str] = []
        values: list[str] = []
        if since.start is not None:
            mark = since.start.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S")
            where.append(_SINCE_PAID if name in TYPES else _SINCE)
            values += [mark, mark] if name in TYPES else [mark]
        return _asked(name, where, values, settings)

    return request


def days(name: str) -> Callable[[Since, Settings], Request]:
    """What to ask to notice what is gone: all that is dated in a period of days."""

    def request(since: Since, settings: Settings) -> Request:
        where = [f"t.trandate {sign} TO_DATE(?, 'YYYY-MM-DD')" for sign in (">=", "<=")]
        return _asked(name, where, [str(since.from_date), str(since.to_date)], settings)

    return request


def _asked(name: str, where: Sequence[str], values: list[str], settings: Settings) -> Request:
    if settings.subsidiary_id:
        where, values = [*where, _OF_COMPANY], [*values, settings.subsidiary_id]
    if name in TYPES:
        return query(_filled(_SALE, where, tuple(TYPES.values())), values, "query sales")
    return query(_filled(_PAYMENT, where), values, f"query {name}")


def _filled(text: str, where: Sequence[str], of: Sequence[str] = (), more: str = "") -> str:
    also = "".join(f" AND {each}" for each in where)
    types = ", ".join(f"'{each}'" for each in of)
    return " ".join(text.format(columns=_HEADER + more, where=also, types=types).split())


def sale_by(name: str, column: str, value: str, settings: Settings) -> Request:
    """One of `TYPES` as its echo is read: our number is told only where we may give one."""
    more = _OWN_NUMBER if settings.own_numbers else ""
    text = _filled(_SALE, [f"t.{column} = ?"], [TYPES[name]], more)
    return query(text, [value], f"look among {name}")


def applied(remote_id: str) -> Request:
    """What a payment or credit memo is set against."""
    return query(
        _filled(_PAYMENT, ["t.id = ?"]), [remote_id], "look at what a credit is set against"
    )


def entity_by(table: str, where: str, *values: str) -> Request:
    """Customers or projects (`job`) that may be ours; `where` binds the values."""
    columns = "x.id, x.externalid, NVL(x.companyname, x.entityid) name, x.parent"
    return query(listed(columns, f"{table} x", where), values, f"look for a {table}")


def moment(row: Row) -> datetime | None:
    """A row's change on NetSuite's wall clock, under the name of UTC: see `CLOCK`."""
    text = row.get("changed")
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S").replace(tzinfo=UTC) if text else None


def latest(answer: Any) -> datetime | None:
    """The last change among all records of an answer."""
    return max((at for row in rows(answer) if (at := moment(row))), default=None)


def revision(row: Row) -> str:
    """The same as words, not as an instant: when clocks are put back it does not grow."""
    return f"{row['changed']} there" if row.get("changed") else ""
