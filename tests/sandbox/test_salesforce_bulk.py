"""The Salesforce stand-in: query jobs of Bulk API 2.0."""

from __future__ import annotations

import csv
import io
import json
from datetime import UTC, datetime, timedelta

import pytest
from werkzeug.test import Client

from tieout.clock import VirtualClock
from tieout.sandbox.salesforce import Salesforce

START = datetime(2026, 1, 15, 9, 30, tzinfo=UTC)
BASE = "/services/data/v66.0/jobs/query"
DEALS = "SELECT Id, Name, Amount, IsWon, Account.Name FROM Opportunity ORDER BY Id"


@pytest.fixture
def clock():
    return VirtualClock(START)


@pytest.fixture
def vendor(clock):
    return Salesforce(clock)


def call(vendor, method, path="", body=None, base=BASE):
    headers = {"Authorization": f"Bearer {vendor.oauth.issue()}"}
    if body is not None:
        headers["Content-Type"] = "application/json"
    data = None if body is None else json.dumps(body)
    return Client(vendor).open(f"{base}{path}", method=method, headers=headers, data=data)


def made(vendor, query=DEALS, operation="query"):
    answer = call(vendor, "POST", body={"operation": operation, "query": query})
    assert (answer.status_code, answer.json["state"]) == (200, "UploadComplete")
    return answer.json["id"]


def read(answer):
    assert answer.mimetype == "text/csv"
    return list(csv.DictReader(io.StringIO(answer.get_data(as_text=True))))


def test_a_job_is_polled_until_it_is_done(vendor, clock):
    job = made(vendor)
    assert job.startswith("750")
    states = []
    for _ in range(4):
        states.append(call(vendor, "GET", f"/{job}").json["state"])
        clock.advance(1)
    assert states == ["UploadComplete", "InProgress", "JobComplete", "JobComplete"]


def test_results_come_in_pages_until_the_locator_is_the_word_null(vendor, clock):
    deal = vendor.org.records("Opportunity")[0]["Id"]
    vendor.org.update("Opportunity", deal, {"Name": 'Say "hi",\nthen', "Description": "x"})
    job = made(vendor)
    clock.advance(5)
    rows, locator, sizes = [], "", []
    while locator != "null":
        answer = call(vendor, "GET", f"/{job}/results?maxRecords=8&locator={locator}")
        rows += read(answer)
        locator = answer.headers["Sforce-Locator"]
        sizes.append(answer.headers["Sforce-NumberOfRecords"])
    assert sizes == ["8", "8", "4"]
    assert [row["Id"] for row in rows] == [
        each["Id"] for each in vendor.org.records("Opportunity")]  # fmt: skip
    assert rows[0]["Name"] == 'Say "hi",\nthen'
    assert rows[0]["Account.Name"] == "Northwind Traders"
    assert {row["IsWon"] for row in rows} == {"true", "false"}


def test_deleted_rows_come_with_query_all(vendor, clock):
    gone = vendor.org.records("Opportunity")[0]["Id"]
    vendor.org.delete("Opportunity", gone)
    text = f"SELECT Id FROM Opportunity WHERE Id = '{gone}'"
    jobs = [made(vendor, text, operation) for operation in ("query", "queryAll")]
    clock.advance(5)
    found = [len(read(call(vendor, "GET", f"/{job}/results"))) for job in jobs]
    assert found == [0, 1]


def test_an_aborted_job_has_no_results_and_old_ones_are_gone(vendor, clock):
    job, other, third = made(vendor), made(vendor), made(vendor)
    assert call(vendor, "DELETE", f"/{third}").status_code == 204
    assert call(vendor, "GET", f"/{third}").status_code == 404
    assert made(vendor) not in (job, other, third)
    early = call(vendor, "GET", f"/{job}/results")
    assert early.status_code == 400
    assert call(vendor, "PATCH", f"/{job}", {"state": "Aborted"}).json["state"] == "Aborted"
    clock.advance(60)
    assert call(vendor, "GET", f"/{job}").json["state"] == "Aborted"
    assert call(vendor, "GET", f"/{job}/results").status_code == 400
    assert call(vendor, "PATCH", f"/{job}", {"state": "Aborted"}).status_code == 400
    clock.advance(timedelta(days=7).total_seconds())
    assert call(vendor, "GET", f"/{other}/results").status_code == 404


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({}, "INVALIDJOB"),
        ({"operation": "query", "query": "SELECT"}, "MALFORMED_QUERY"),
        ({"operation": "query", "query": "SELECT Nope FROM Account"}, "INVALID_FIELD"),
        ({"operation": "query", "query": "SELECT Id FROM Nope"}, "INVALID_TYPE"),
        ({"operation": "query", "query": "SELECT COUNT() FROM Account"}, "MALFORMED_QUERY"),
        ({"operation": "query", "query": "SELECT Id, (SELECT Id FROM Contacts) FROM Account"},
         "MALFORMED_QUERY"),
    ],
)  # fmt: skip
def test_bad_jobs_are_refused(vendor, body, code):
    answer = call(vendor, "POST", body=body)
    assert (answer.status_code, answer.json[0]["errorCode"]) == (400, code)


def test_jobs_are_counted_over_a_day(vendor, clock):
    vendor.jobs.daily_limit = 1
    made(vendor)
    refused = call(vendor, "POST", body={"operation": "query", "query": DEALS})
    assert refused.json[0]["errorCode"] == "REQUEST_LIMIT_EXCEEDED"
    limits = call(vendor, "GET", base="/services/data/v66.0/limits").json
    assert limits["DailyBulkV2QueryJobs"] == {"Max": 1, "Remaining": 0}
    clock.advance(24 * 3600)
    made(vendor)
    assert vendor.write_calls == []
