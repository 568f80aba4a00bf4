"""A small account of the stand-in of Harvest, for the tests that call it."""

from __future__ import annotations

import json
from datetime import UTC, date, datetime
from decimal import Decimal

from werkzeug.test import Client

from tieout.sandbox.harvest import Harvest

START = datetime(2026, 4, 2, 15, 0, tzinfo=UTC)
DAY = date(2026, 3, 31)


class Firm:
    """An account with one client, project and task, and calls with any of its tokens."""

    def __init__(self, clock, **more):
        self.vendor = Harvest(clock, preset="empty", **more)
        self.books = self.vendor.account
        self.user = self.vendor.people["member"]
        self.client = self.books.add_client("Contoso", currency="EUR")
        self.task = self.books.add_task("Consulting")
        self.project = self.books.add_project(self.client, "Rollout")
        self.books.assign_task(self.project, self.task)

    def entry(self, hours="1", day=DAY):
        return self.books.add_entry(self.user, self.project, self.task, day, hours)

    def __call__(self, method, path, body=None, token="access_token", form=None):
        headers = {
            "Authorization": f"Bearer {self.vendor.credentials[token]}",
            "Harvest-Account-Id": self.vendor.credentials["account_id"],
            "User-Agent": "Tieout tests (tests@example.com)",
        }
        data = form if body is None else json.dumps(body)
        if body is not None:
            headers["Content-Type"] = "application/json"
        return Client(self.vendor).open(f"/v2/{path}", method=method, headers=headers, data=data)

    def get(self, path):
        answer = self("GET", path)
        assert answer.status_code == 200, answer.get_data(as_text=True)
        return json.loads(answer.get_data(as_text=True), parse_float=Decimal)
