"""The tables a query sees, and the rows each record gives them (Oracle: SuiteQL, record catalogue).

A column is written `name:kind>target`: `i` integer, `n` number, `b` 'T' or 'F', `d` date,
`m` date-time, nothing for text. With a target there is a second, hidden column beside it
with what BUILTIN.DF shows.
"""

from __future__ import annotations

from decimal import Decimal
from functools import lru_cache
from typing import TYPE_CHECKING, Any, NamedTuple

from tieout.sandbox.netsuite import posting, show, sqldates
from tieout.sandbox.netsuite.fields import SETTLERS, TYPES
from tieout.sandbox.netsuite.wire import ZERO, Row, plain, rounded

if TYPE_CHECKING:
    from tieout.sandbox.netsuite.books import Books

#: Ends the name of a hidden column.
DISPLAY = "$df"


class Column(NamedTuple):
    name: str
    kind: str
    target: str  # "" for none, "=" when the row itself says what is displayed


_SEGMENTS = "department:i>department class:i>classification location:i>location"
_ENTITY = """id:i entityid externalid companyname firstname lastname altname email phone
 subsidiary:i>subsidiary currency:i>currency isinactive:b lastmodifieddate:m datecreated:m"""
_LINKS = """previousdoc:i previousline:i previoustype nextdoc:i nextline:i nexttype linktype
 foreignamount:n lastmodifieddate:m"""
_NAMED = "id:i externalid name parent:i subsidiary isinactive:b lastmodifieddate:m"
_TABLES = {
    "transaction": f"""id:i type:>= recordtype tranid transactionnumber externalid
      entity:i>entity trandate:d duedate:d status:>= posting:b postingperiod:i>accountingPeriod
      currency:i>currency exchangerate:n foreigntotal:n foreignamountpaid:n
      foreignamountunpaid:n foreignpaymentamountused:n foreignpaymentamountunused:n
      createddate:m lastmodifieddate:m memo otherrefnum voided:b void:b subsidiary:i>subsidiary
      terms:i>term approvalstatus account:i>account {_SEGMENTS}""",
    "transactionline": f"""transaction:i id:i linesequencenumber:i mainline:b taxline:b
      item:i>item itemtype quantity:n rate:n foreignamount:n netamount:n memo entity:i>entity
      subsidiary:i>subsidiary uniquekey:i createdfrom:i {_SEGMENTS}""",
    "transactionaccountingline": """transaction:i transactionline:i account:i>account amount:n
      debit:n credit:n amountpaid:n amountunpaid:n accountingbook:i posting:b""",
    "nexttransactionlinelink": _LINKS,
    "previoustransactionlinelink": _LINKS,
    "customer": f"{_ENTITY} parent:i>customer terms:i>term isperson:b entitystatus:i accountnumber",
    "job": f"""{_ENTITY} parent:i>customer customer:i>customer startdate:d enddate:d
      projectedenddate:d jobbillingtype entitystatus jobprice:n""",
    "employee": _ENTITY,
    "contact": f"{_ENTITY} company:i>entity",
    "entity": f"{_ENTITY} type",
    "item": """id:i externalid itemid fullname displayname itemtype subtype subsidiary
      incomeaccount:i>account isinactive:b createddate:m lastmodifieddate:m""",
    "currency": "id:i name symbol exchangerate:n isbasecurrency:b isinactive:b lastmodifieddate:m",
    "term": "id:i externalid name daysuntilnetdue:i isinactive:b",
    "account": "id:i externalid acctnumber acctname fullname accttype:>= isinactive:b subsidiary",
    "department": _NAMED + " fullname",
    "classification": _NAMED + " fullname",
    "location": _NAMED + " fullname",
    "subsidiary": """id:i name fullname currency:i>currency country iselimination:b isinactive:b
      parent:i>subsidiary""",
    "accountingperiod": """id:i periodname startdate:d enddate:d closed:b alllocked:b arlocked:b
      aplocked:b isposting:b isquarter:b isyear:b isadjust:b isinactive:b parent:i
      lastmodifieddate:m""",
    "timebill": f"""id:i externalid employee:i>employee customer:i>entity item:i>item hours:n
      isbillable:b trandate:d memo rate:n approvalstatus timetype subsidiary:i>subsidiary
      createddate:m lastmodifieddate:m {_SEGMENTS}""",
    "salestaxitem": "id:i itemid rate:n taxtype isinactive:b",
    "customersubsidiaryrelationship": "id:i entity:i>customer subsidiary:i>subsidiary isinactive:b",
    "deletedrecord": "deleteddate:m recordid:i recordtypeid:i name type scriptid deletedby:i",
    "dual": "dummy",
}
#: The table of each record type that has one of its own.
OF_TYPE = {
    name: {"serviceSaleItem": "item"}.get(name, name.lower())
    for name in TYPES
    if {"serviceSaleItem": "item"}.get(name, name.lower()) in _TABLES
}
_CUSTOM = {"transaction": "custbody", "transactionline": "custcol", "customer": "custentity",
           "job": "custentity", "item": "custitem"}  # fmt: skip
#: The column that says which record a row came from.
KEYS = {
    "transactionline": "transaction", "transactionaccountingline": "transaction",
    "nexttransactionlinelink": "nextdoc", "previoustransactionlinelink": "nextdoc",
}  # fmt: skip
_LINKED = {"customerPayment": "Payment", "creditMemo": "Payment", "depositApplication": "Payment"}
_ACCOUNT_TYPES = {
    "AcctRec": "Accounts Receivable", "OthCurrAsset": "Other Current Asset",
    "OthCurrLiab": "Other Current Liability", "OthIncome": "Other Income",
}  # fmt: skip


@lru_cache(maxsize=8)
def columns(custom: tuple[str, ...]) -> dict[str, tuple[Column, ...]]:
    """Every table's columns, with the account's custom fields."""
    found = {}
    for table, text in _TABLES.items():
        prefix = _CUSTOM.get(table, "\x00")
        words = [*text.split(), *(name for name in custom if name.startswith(prefix))]
        found[table] = tuple(_column(word) for word in words)
    return found


def _column(word: str) -> Column:
    name, _, rest = word.partition(":")
    kind, _, target = rest.partition(">")
    return Column(name, kind, target)


def create(table: str, shape: tuple[Column, ...]) -> str:
    """The statement that makes a table."""
    kinds = {"i": "INTEGER", "n": "NUMERIC"}
    parts = [f'"{each.name}" {kinds.get(each.kind, "TEXT")}' for each in shape]
    parts += [f'"{each.name}{DISPLAY}" TEXT' for each in shape if each.target]
    return f'CREATE TABLE "{table}" ({", ".join(parts)})'


def insert(table: str, shape: tuple[Column, ...]) -> str:
    """The statement that adds a row made by `values`."""
    count = len(shape) + sum(1 for each in shape if each.target)
    return f'INSERT INTO "{table}" VALUES ({", ".join("?" * count)})'


def values(books: Books, shape: tuple[Column, ...], row: Row) -> list[Any]:
    """A row as the database keeps it."""
    found = [_value(books, each, row.get(each.name)) for each in shape]
    return found + [_displayed(books, each, row) for each in shape if each.target]


def _displayed(books: Books, column: Column, row: Row) -> str | None:
    value = row.get(column.name)
    if value is None:
        return None
    if column.target == "=":
        return str(row.get(column.name + DISPLAY, value))
    return show.name_of(books, column.target, str(value)) or str(value)


def _value(books: Books, column: Column, value: Any) -> Any:
    if value is None or value == "":
        return None
    if column.kind == "b":
        return "T" if value else "F"
    if column.kind == "d":
        return sqldates.of_day(value)
    if column.kind == "m":
        return sqldates.of_instant(value, books.settings.query_zone)
    if isinstance(value, Decimal):
        return plain(value)
    if isinstance(value, list):  # several references: "1, 2, 5"
        return ", ".join(str(each) for each in value)
    if isinstance(value, bool):
        return "T" if value else "F"
    if isinstance(value, dict):
        return str(value.get("id", ""))
    return value if isinstance(value, int) else str(value)


# -- the rows of a record ------------------------------------------------------------
def rows_of(books: Books, kind: str, row: Row) -> list[tuple[str, Row]]:
    """What a record puts into the tables: (table, row)."""
    lower = {name.lower(): value for name, value in row.items() if name[0] != "_"}
    if TYPES[kind].transaction:
        return _transaction(books, kind, row, lower)
    table = OF_TYPE.get(kind)
    if table is None:
        return []
    if kind == "serviceSaleItem":
        lower |= {"itemtype": "Service", "subtype": "Sale", "fullname": row["itemId"]}
    if kind == "account":
        lower |= {"fullname": row["acctName"],
                  "accttype$df": _ACCOUNT_TYPES.get(row["acctType"], row["acctType"])}  # fmt: skip
    if kind == "timeBill":
        whole, _, minutes = row["hours"].partition(":")
        lower["hours"] = Decimal(whole) + Decimal(minutes) / 60
    if "name" in lower:
        lower["fullname"] = lower["name"]
    if kind == "job":
        lower["customer"] = lower.get("parent")
    found = [(table, lower)]
    if TYPES[kind].group == "entity":
        types = {"customer": "CustJob", "job": "Job", "employee": "Employee", "contact": "Contact"}
        found.append(("entity", {**lower, "type": types[kind]}))
    return found


def _transaction(books: Books, kind: str, row: Row, lower: Row) -> list[tuple[str, Row]]:
    record = TYPES[kind]
    extra = show.derived(books, kind, row)
    status = extra.get("status") or row.get("status") or ""
    sign = -1 if kind == "creditMemo" and books.settings.negative_credit_totals else 1
    voided = bool(row.get("_voided"))
    main = {
        **lower,
        "type": record.code,
        "type$df": record.label,
        "recordtype": kind.lower(),
        "entity": row.get("entity") or row.get("customer"),
        "status": status,
        "status$df": f"{record.label} : {record.names.get(status, status)}" if status else None,
        "posting": row.get("status") not in ("D", "E"),
        "foreigntotal": sign * row["total"] if "total" in row else None,
        "voided": voided,
        "void": voided,
    }
    if kind == "invoice":
        main["foreignamountpaid"] = extra["amountPaid"]
        main["foreignamountunpaid"] = extra["amountRemaining"]
    if "unapplied" in extra or "unapplied" in row:
        main["foreignpaymentamountused"] = extra.get("applied", row.get("applied"))
        main["foreignpaymentamountunused"] = extra.get("unapplied", row.get("unapplied"))
    if not books.settings.header_subsidiary:
        main["subsidiary"] = None
    found = [("transaction", main)]
    found += [("transactionline", each) for each in _lines(books, kind, row)]
    found += [("transactionaccountingline", each) for each in _postings(books, kind, row)]
    for link in _links(books, kind, row):
        found += [(f"{each}transactionlinelink", link) for each in ("next", "previous")]
    return found


def _lines(books: Books, kind: str, row: Row) -> list[Row]:
    """Header, items and tax; income is negative, and so is an invoice's quantity."""
    sign = main = -1 if kind == "creditMemo" else 1
    if books.settings.negative_credit_lines:
        sign = 1
    rate = row.get("exchangeRate", Decimal(1))
    shared = {"transaction": row["id"], "subsidiary": row.get("subsidiary"), "taxline": False}
    found = [
        {**shared, "id": 0, "mainline": True, "foreignamount": main * row.get("total", ZERO),
         "netamount": main * rounded(row.get("total", ZERO) * rate),
         "entity": row.get("entity") or row.get("customer"), "memo": row.get("memo"),
         **{name: row.get(name) for name in ("department", "class", "location")}}
    ]  # fmt: skip
    for line in row.get("item", ()):
        lower = {name.lower(): value for name, value in line.items()}
        quantity = line.get("quantity")
        found.append({
            **lower, **shared, "id": line["line"], "mainline": False,
            "quantity": None if quantity is None else -sign * quantity,
            "foreignamount": -sign * line["amount"],
            "netamount": -sign * rounded(line["amount"] * rate),
            "memo": line.get("description"), "uniquekey": line["lineUniqueKey"],
            "entity": line.get("job") or row.get("job") or row["entity"],
            "createdfrom": row.get("createdFrom"),
        })  # fmt: skip
    last = row.get("_lastLine", 0)
    for index, line in enumerate(row.get("time", ()), last + 1):
        found.append({**shared, "id": index, "mainline": False, "rate": line["rate"],
                      "foreignamount": -sign * line["amount"],
                      "netamount": -sign * rounded(line["amount"] * rate)})  # fmt: skip
    for index, tax in enumerate(row.get("_taxes", ()), last + len(row.get("time", ())) + 1):
        found.append({**shared, "id": index, "mainline": False, "taxline": True,
                      "rate": tax["rate"] / 100, "foreignamount": -sign * tax["amount"],
                      "netamount": -sign * rounded(tax["amount"] * rate)})  # fmt: skip
    if kind not in ("invoice", "creditMemo"):
        total = row.get("total", ZERO)
        found.append({**shared, "id": 1, "mainline": False, "foreignamount": -total,
                      "netamount": -rounded(total * rate)})  # fmt: skip
    return [{**line, "linesequencenumber": index} for index, line in enumerate(found)]


def _postings(books: Books, kind: str, row: Row) -> list[Row]:
    found = []
    paid = books.applied_to(row["id"]) if kind == "invoice" else row.get("applied", ZERO)
    rate = row.get("exchangeRate", Decimal(1))
    for line, account, amount in posting.entries(books, kind, row):
        each: Row = {
            "transaction": row["id"], "transactionline": line, "account": account,
            "amount": amount, "posting": True,
            "debit": amount if amount > 0 else None, "credit": -amount if amount < 0 else None,
        }  # fmt: skip
        if kind == "invoice" and line == 0:
            each["amountpaid"] = rounded(paid * rate)
            each["amountunpaid"] = rounded((row["total"] - paid) * rate)
        found += [
            {**each, "accountingbook": book + 1} for book in range(books.settings.accounting_books)
        ]
    return found


def _links(books: Books, kind: str, row: Row) -> list[Row]:
    if kind not in SETTLERS:
        return []
    sign = -1 if books.settings.negative_links else 1
    return [
        {"previousdoc": line["doc"], "previousline": 0, "previoustype": "CustInvc",
         "nextdoc": row["id"], "nextline": 0, "nexttype": TYPES[kind].code,
         "linktype": _LINKED[kind], "foreignamount": sign * line["amount"]}
        for line in row.get("apply", ())
    ]  # fmt: skip


def label(books: Books, kind: str, row: Row) -> str:
    """The name other rows show of a record."""
    return "" if TYPES[kind].transaction else show.name_of(books, kind, row["id"])
