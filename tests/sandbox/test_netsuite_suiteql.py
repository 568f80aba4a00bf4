"""SuiteQL in the NetSuite sandbox: its texts, its dates, its refusals, its tables."""

from __future__ import annotations

from datetime import UTC, datetime
from decimal import Decimal
from typing import Any

import pytest

from tieout.clock import VirtualClock
from tieout.sandbox.netsuite import Caller, NetSuite
from tieout.sandbox.netsuite.wire import decode

STATE = """
SELECT t.id, t.tranid, t.externalid, t.status, BUILTIN.DF(t.status) statusname, t.entity,
       t.currency, BUILTIN.DF(t.currency) cur, TO_CHAR(t.trandate,'YYYY-MM-DD') trandate,
       TO_CHAR(t.duedate,'YYYY-MM-DD') duedate, t.foreigntotal, t.foreignamountpaid,
       t.foreignamountunpaid, TO_CHAR(t.lastmodifieddate,'YYYY-MM-DD HH24:MI:SS') lastmod
FROM transaction t WHERE t.type='CustInvc' AND t.id > ?
  AND t.lastmodifieddate >= TO_DATE(?,'YYYY-MM-DD HH24:MI:SS') ORDER BY t.id
"""


class Desk(Caller):
    def __init__(self, **settings: Any) -> None:
        self.clock = VirtualClock(datetime(2026, 3, 2, 17, tzinfo=UTC))
        super().__init__(NetSuite(self.clock, preset="empty", **settings))
        self.acts = self.vendor.acts
        self.acme = self.acts.add_customer("Acme")["id"]

    def invoice(self, amount: str, **more: Any) -> str:
        return str(self.acts.add_invoice(self.acme, amount, **more)["id"])

    def wrong(self, text: str, *params: Any, **page: str) -> str:
        """What the caller of a refused query is told."""
        answer = self.query(text, *params, **page)
        assert answer.get("status") == 400, answer
        return str(answer["o:errorDetails"][0]["detail"])


@pytest.fixture
def desk() -> Desk:
    return Desk()


def test_the_state_of_our_invoices(desk: Desk) -> None:
    invoice = desk.invoice("1234.50", externalId="inv-1", terms="2")
    desk.acts.pay({invoice: "34.50"})
    assert desk.rows(STATE, 0, "2026-03-01 00:00:00") == [
        {
            "id": invoice, "tranid": "INV0001", "externalid": "inv-1", "status": "A",
            "statusname": "Invoice : Open", "entity": desk.acme, "currency": "1",
            "cur": "US Dollar", "trandate": "2026-03-02", "duedate": "2026-04-01",
            "foreigntotal": "1234.5", "foreignamountpaid": "34.5", "foreignamountunpaid": "1200",
            "lastmod": "2026-03-02 09:00:00",
        }
    ]  # fmt: skip
    assert desk.rows(STATE, int(invoice), "2026-03-01 00:00:00") == []


def test_the_answer_of_a_query(desk: Desk) -> None:
    desk.invoice("5", memo="")
    body = {"q": "SELECT id AS Number, tranid, memo FROM transaction"}
    answer = desk.send("POST", "query/v1/suiteql", body, headers={"Prefer": "transient"})
    kind = "application/vnd.oracle.resource+json; type=collection; charset=UTF-8"
    assert answer.headers["Content-Type"] == kind
    assert answer.headers["Preference-Applied"] == "transient"
    whole = decode(answer.get_data())
    assert whole["items"] == [{"links": [], "number": "1201", "tranid": "INV0001"}]
    assert (whole["count"], whole["hasMore"], whole["totalResults"]) == (1, False, 1)
    assert whole["links"][-1]["href"].endswith("/query/v1/suiteql?limit=1000&offset=0")


def test_the_preference_is_required(desk: Desk) -> None:
    body = {"q": "SELECT id FROM currency"}
    refusal = decode(desk.send("POST", "query/v1/suiteql", body).get_data())
    assert (refusal["status"], refusal["o:errorDetails"][0]["o:errorHeader"]) == (400, "Prefer")
    later = {"Prefer": "respond-async"}
    assert desk.send("POST", "query/v1/suiteql", body, headers=later).status_code == 400


def test_dates_without_to_char_are_in_the_users_format(desk: Desk) -> None:
    desk.invoice("5", tranDate="2026-02-27")
    query = "SELECT trandate, lastmodifieddate m FROM transaction"
    assert desk.rows(query) == [{"trandate": "2/27/2026", "m": "3/2/2026"}]
    desk.acts.prefer(date_format="D.M.YYYY")
    assert desk.rows(query) == [{"trandate": "27.2.2026", "m": "2.3.2026"}]


def test_times_are_wall_clock_times_of_a_zone_nobody_tells(desk: Desk) -> None:
    invoice = desk.invoice("5")
    query = "SELECT TO_CHAR(lastmodifieddate, 'YYYY-MM-DD HH24:MI:SS') m FROM transaction"
    assert desk.get(f"invoice/{invoice}")["lastModifiedDate"] == "2026-03-02T17:00:00Z"
    assert desk.rows(query) == [{"m": "2026-03-02 09:00:00"}]
    desk.acts.prefer(query_zone="Europe/London")
    assert desk.rows(query) == [{"m": "2026-03-02 17:00:00"}]


def test_sums_are_exact(desk: Desk) -> None:
    for amount in ("0.10", "0.20", "1000000.10", "2000000.23"):
        desk.invoice(amount)
    query = "SELECT SUM(foreigntotal) total, COUNT(*) n FROM transaction"
    assert desk.rows(query) == [{"total": "3000000.63", "n": "4"}]
    having = "SELECT entity FROM transaction GROUP BY entity HAVING SUM(foreigntotal) > 3000000.62"
    assert desk.rows(having) == [{"entity": desk.acme}]


def test_signs_are_turned_on_lines(desk: Desk) -> None:
    desk.acts.prefer(tax="legacy")
    code = next(row["id"] for row in desk.acts.rows("salesTaxItem") if row["rate"])
    line = {**desk.acts.one_line("100"), "quantity": 2, "rate": 50, "taxCode": code}
    desk.acts.add("invoice", entity=desk.acme, item={"items": [line]})
    query = "SELECT mainline, taxline, quantity, foreignamount a FROM transactionline ORDER BY id"
    assert desk.rows(query) == [
        {"mainline": "T", "taxline": "F", "a": "107.25"},
        {"mainline": "F", "taxline": "F", "quantity": "-2", "a": "-100"},
        {"mainline": "F", "taxline": "T", "a": "-7.25"},
    ]


def test_each_posting_is_shown_once_for_each_book(desk: Desk) -> None:
    desk.invoice("5")
    desk.acts.prefer(accounting_books=2)
    query = "SELECT accountingbook b, SUM(amount) s, SUM(debit) d FROM transactionaccountingline"
    books = [{"b": "1", "s": "0", "d": "5"}, {"b": "2", "s": "0", "d": "5"}]
    assert desk.rows(f"{query} GROUP BY accountingbook ORDER BY 1") == books


def test_periods_by_date(desk: Desk) -> None:
    desk.acts.lock_period("2026-02-10")
    query = (
        "SELECT id, periodname, closed, alllocked, arlocked FROM accountingperiod"
        " WHERE isquarter='F' AND isyear='F' AND isadjust='F'"
        " AND TO_DATE(?, 'YYYY-MM-DD') BETWEEN startdate AND enddate"
    )
    (found,) = desk.rows(query, "2026-02-28")
    assert (found["periodname"], found["closed"], found["arlocked"]) == ("Feb 2026", "F", "T")
    bare = query.replace("TO_DATE(?, 'YYYY-MM-DD')", "?")
    assert desk.rows(bare, "2026-02-28") == desk.rows(bare, "2/28/2026") == [found]
    assert "Invalid date" in desk.wrong(bare, "28.2.2026")


def test_pages_of_a_query(desk: Desk) -> None:
    for _ in range(5):
        desk.invoice("1")
    query = "SELECT id FROM transaction ORDER BY id"
    page = desk.query(query, limit="2", offset="2")
    assert [row["id"] for row in page["items"]] == ["1203", "1204"]
    assert (page["hasMore"], page["totalResults"]) == (True, 5)
    assert "divisible" in desk.wrong(query, limit="2", offset="1")
    assert "1000" in desk.wrong(query, limit="1001")


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("SELECT id FROM transaction WHERE ROWNUM <= 2 ORDER BY id", ["1201", "1202"]),
        ("SELECT id FROM (SELECT id FROM transaction ORDER BY id DESC) WHERE ROWNUM < 2", ["1203"]),
        ("SELECT TOP 1 id FROM transaction ORDER BY id", ["1201"]),
        ("SELECT id FROM transaction ORDER BY id FETCH FIRST 1 ROWS ONLY", ["1201"]),
        ("SELECT id FROM transaction WHERE trandate >= SYSDATE - 30 ORDER BY id", ["1202", "1203"]),
        ("SELECT id FROM transaction WHERE trandate = TRUNC(SYSDATE)", ["1202", "1203"]),
        ("SELECT id FROM transaction WHERE TO_CHAR(trandate, 'MON YY') = 'JAN 26'", ["1201"]),
        ("SELECT id FROM transaction WHERE NVL(memo, 'none') = 'none' AND id > 1202", ["1203"]),
        ("SELECT MAX(id) id FROM transaction -- the newest", ["1203"]),
        ("SELECT id FROM transaction WHERE tranid || 'x' = 'INV0002x'", ["1202"]),
    ],
)
def test_the_dialect(desk: Desk, text: str, found: list[str]) -> None:
    for day in ("2026-01-05", "2026-03-02", "2026-03-02"):
        desk.invoice("1", tranDate=day)
    assert [row["id"] for row in desk.rows(text)] == found


def test_a_column_without_a_name_is_called_expr(desk: Desk) -> None:
    desk.invoice("5")
    query = "SELECT BUILTIN.DF(status), foreigntotal * 2 FROM transaction"
    assert desk.rows(query) == [{"expr1": "Invoice : Open", "expr2": "10"}]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("SELECT foo FROM transaction", "Search error occurred: Field 'foo' not found."),
        ("SELECT id FROM parrot", "Record 'parrot' was not found."),
        ("SELECT id FROM transaction LIMIT 5", "unsupported search near 'LIMIT'"),
        ("SELECT id FROM [transaction]", "unsupported search near '['"),
        ("SELECT id FROM transaction WHERE trandate > '2026-01-01'", "TO_DATE"),
        ("SELECT id FROM transaction t WHERE '1/1/2026' < t.trandate", "TO_DATE"),
        ("SELECT a.id FROM transaction a, customer b WHERE a.entity = b.id(+)", "(+)"),
        ("SELECT 'a' + 'b' FROM dual", "use ||"),
        ("WITH x AS (SELECT 1 n FROM dual) SELECT n FROM x", "Invalid or unsupported search"),
        ("DELETE FROM transaction", "Invalid or unsupported search"),
        ("SELECT id FROM transaction; DROP TABLE customer", "unsupported search near ';'"),
        ("SELECT TO_DATE('31.12.2026', 'YYYY-MM-DD') d FROM dual", "Invalid date '31.12.2026'"),
        ("SELECT id FROM transaction WHERE id IN (" + ",".join("1" * 1001) + ")", "1000 elements"),
        ("", "'q' is missing"),
    ],
)
def test_queries_that_are_refused(desk: Desk, text: str, said: str) -> None:
    assert said in desk.wrong(text)
    if text:
        assert desk.query(text)["title"] in ("Invalid search query.", "Bad Request")


def test_bind_values(desk: Desk) -> None:
    invoice = desk.invoice("12.34")
    query = "SELECT id FROM transaction WHERE type = ? AND id IN (?, ?) AND foreigntotal = ?"
    assert desk.rows(query, "CustInvc", invoice, 5, Decimal("12.34")) == [{"id": invoice}]
    assert "may not be null" in desk.wrong("SELECT id FROM transaction WHERE id = ?", None)
    assert "TO_DATE" in desk.wrong("SELECT id FROM transaction WHERE trandate = ?", "2026-03-02")
    assert "TO_DATE" in desk.wrong("SELECT id FROM transaction WHERE ? <= trandate", "2026-03-02")


def test_a_role_sees_only_its_records(desk: Desk) -> None:
    desk.acts.pay(desk.invoice("1"))
    desk.acts.prefer(denied=frozenset({"customerPayment", "department"}))
    assert desk.rows("SELECT type FROM transaction") == [{"type": "CustInvc"}]
    assert "Record 'department' was not found." in desk.wrong("SELECT id FROM department")
    assert desk.call("GET", "customerPayment/1202")[0] == 403


def test_without_oneworld_the_subsidiary_table_is_missing() -> None:
    assert "was not found" in Desk(one_world=False).wrong("SELECT id FROM subsidiary")


def test_inactive_records_are_found(desk: Desk) -> None:
    desk.acts.inactivate("customer", desk.acme)
    query = "SELECT id FROM customer WHERE companyname = ? AND isinactive = 'T'"
    assert desk.rows(query, "Acme") == [{"id": desk.acme}]


def test_a_new_name_shows_everywhere(desk: Desk) -> None:
    desk.invoice("1")
    query = "SELECT BUILTIN.DF(entity) name FROM transaction"
    assert desk.rows(query) == [{"name": "Acme"}]
    desk.acts.edit("customer", desk.acme, entityId="Acme Corp")
    assert desk.rows(query) == [{"name": "Acme Corp"}]


def test_what_was_deleted(desk: Desk) -> None:
    probe = "SELECT * FROM deletedrecord WHERE ROWNUM <= 1"
    assert desk.rows(probe) == []
    desk.acts.delete_invoice(desk.invoice("1"))
    (found,) = desk.rows(probe)
    assert (found["recordid"], found["name"], found["type"]) == ("1201", "INV0001", "Invoice")
    assert desk.rows("SELECT id FROM transaction WHERE id IN (1201)") == []
    desk.acts.prefer(deleted_records=False)
    assert "was not found" in desk.wrong(probe)


def test_lists_name_their_subsidiaries_in_one_text(desk: Desk) -> None:
    desk.acts.add_row("department", name="Shared", subsidiary=["1", "2"])
    query = "SELECT subsidiary FROM department WHERE name = 'Shared'"
    assert desk.rows(query) == [{"subsidiary": "1, 2"}]


def test_a_dataset_is_a_saved_query(desk: Desk) -> None:
    desk.vendor.datasets["custdataset1"] = "SELECT id, symbol FROM currency ORDER BY id"
    answer = desk.send("GET", "query/v1/dataset/custdataset1/result", limit="1")
    assert decode(answer.get_data())["items"] == [{"links": [], "id": "1", "symbol": "USD"}]
    assert desk.send("GET", "query/v1/dataset/other/result").status_code == 404
