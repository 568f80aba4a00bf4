"""The people, clients, projects and rates of an account.

Rates and budgets are `Decimal`; dates are the person's local dates. Records are
dictionaries in the vendor's shape, with the ids of related records in their place.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Any, Literal

from tieout.clock import Clock
from tieout.sandbox.harvest.records import Number, Row, Settings, money


@dataclass
class Work:
    """Who works on what, at which rate."""

    clock: Clock
    settings: Settings = field(default_factory=Settings)
    id: int = 1_000_001

    def __post_init__(self) -> None:
        self.users: dict[int, Row] = {}
        self.roles: dict[int, Row] = {}
        self.clients: dict[int, Row] = {}
        self.projects: dict[int, Row] = {}
        self.tasks: dict[int, Row] = {}
        self.task_assignments: dict[int, Row] = {}
        self.user_assignments: dict[int, Row] = {}
        self.billable_rates: dict[int, list[Row]] = {}  # by user, oldest first
        self.cost_rates: dict[int, list[Row]] = {}
        self.teammates: dict[int, set[int]] = {}  # manager to the people they manage
        self.categories: dict[int, Row] = {}
        self._task_pairs: dict[tuple[int, int], int] = {}
        self._user_pairs: dict[tuple[int, int], int] = {}
        self._last_id = 7000

    # -- people and work ------------------------------------------------------
    def add_user(
        self,
        first_name: str,
        last_name: str,
        *,
        roles: Iterable[str] = ("member",),
        time_zone: str = "Eastern Time (US & Canada)",
        rate: Number | None = None,
        cost_rate: Number | None = None,
        email: str = "",
    ) -> int:
        """Add a person; `roles` are the access roles. `rate` and `cost_rate` have no start."""
        made = self._stamped(
            {
                "first_name": first_name,
                "last_name": last_name,
                "email": email or f"{first_name}.{last_name}@example.com".lower().replace(" ", ""),
                "telephone": "",
                "timezone": time_zone,
                "has_access_to_all_future_projects": False,
                "is_contractor": False,
                "is_active": True,
                "weekly_capacity": self.settings.weekly_capacity,
                "default_hourly_rate": None,
                "cost_rate": None,
                "roles": [],
                "access_roles": list(roles),
                "avatar_url": "",
            }
        )
        self.users[made["id"]] = made
        if rate is not None:
            self.set_rate(made["id"], rate, None)
        if cost_rate is not None:
            self.set_cost_rate(made["id"], cost_rate, None)
        return int(made["id"])

    def set_rate(self, user_id: int, amount: Number, start_date: date | None) -> None:
        """Give a person a default billable rate from a day on; None replaces all history."""
        self._set_rate(self.billable_rates, user_id, "default_hourly_rate", amount, start_date)

    def set_cost_rate(self, user_id: int, amount: Number, start_date: date | None) -> None:
        """Give a person a cost rate from a day on; None replaces all history."""
        self._set_rate(self.cost_rates, user_id, "cost_rate", amount, start_date)

    def manage(self, manager_id: int, user_ids: Iterable[int]) -> None:
        """Let a manager see the time of these people."""
        self.teammates.setdefault(manager_id, set()).update(user_ids)

    def add_role(self, name: str, user_ids: Iterable[int] = ()) -> int:
        """Add a job role with its people."""
        made = self._stamped({"name": name, "user_ids": list(user_ids)})
        self.roles[made["id"]] = made
        for user_id in made["user_ids"]:
            self.users[user_id]["roles"].append(name)
        return int(made["id"])

    def add_client(self, name: str, *, currency: str = "USD") -> int:
        made = self._stamped(
            {
                "name": name,
                "is_active": True,
                "address": None,
                "statement_key": "",
                "currency": currency,
            }
        )
        self.clients[made["id"]] = made
        return int(made["id"])

    def add_task(self, name: str, *, billable: bool = True, rate: Number | None = None) -> int:
        made = self._stamped(
            {
                "name": name,
                "billable_by_default": billable,
                "default_hourly_rate": money(rate),
                "is_default": False,
                "is_active": True,
            }
        )
        self.tasks[made["id"]] = made
        return int(made["id"])

    def add_project(
        self,
        client_id: int,
        name: str,
        *,
        code: str = "",
        bill_by: Literal["Project", "Tasks", "People", "none"] = "People",
        hourly_rate: Number | None = None,
        is_billable: bool = True,
        fee: Number | None = None,
        budget: Number | None = None,
        budget_by: str = "none",
        starts_on: date | None = None,
        ends_on: date | None = None,
    ) -> int:
        """Add a project; a `fee` makes it fixed-fee. Budgets are hours or money by `budget_by`."""
        made = self._stamped(
            {
                "client_id": client_id,
                "name": name,
                "code": code,
                "is_active": True,
                "is_billable": is_billable,
                "is_fixed_fee": fee is not None,
                "bill_by": bill_by,
                "hourly_rate": money(hourly_rate),
                "budget": money(budget),
                "budget_by": budget_by,
                "budget_is_monthly": False,
                "notify_when_over_budget": False,
                "over_budget_notification_percentage": Decimal("80.0"),
                "show_budget_to_all": False,
                "cost_budget": None,
                "cost_budget_include_expenses": False,
                "fee": money(fee),
                "notes": "",
                "starts_on": starts_on,
                "ends_on": ends_on,
            }
        )
        self.projects[made["id"]] = made
        return int(made["id"])

    def assign_task(
        self,
        project_id: int,
        task_id: int,
        *,
        billable: bool | None = None,
        rate: Number | None = None,
    ) -> int:
        """Let a task be used on a project; whether its time is billable is decided here."""
        task = self.tasks[task_id]
        made = self._stamped(
            {
                "project_id": project_id,
                "task_id": task_id,
                "is_active": True,
                "billable": task["billable_by_default"] if billable is None else billable,
                "hourly_rate": task["default_hourly_rate"] if rate is None else money(rate),
                "budget": None,
            }
        )
        self.task_assignments[made["id"]] = made
        self._task_pairs[project_id, task_id] = made["id"]
        return int(made["id"])

    def assign_user(
        self, project_id: int, user_id: int, *, manager: bool = False, rate: Number | None = None
    ) -> int:
        """Put a person on a project; without a `rate` their default rate counts."""
        made = self._stamped(
            {
                "project_id": project_id,
                "user_id": user_id,
                "is_active": True,
                "is_project_manager": manager,
                "use_default_rates": rate is None,
                "hourly_rate": money(rate),
                "budget": None,
            }
        )
        self.user_assignments[made["id"]] = made
        self._user_pairs[project_id, user_id] = made["id"]
        return int(made["id"])

    def change(self, kind: str, record_id: int, **values: Any) -> None:
        """Edit a client, project, task, user or assignment, such as `is_active=False`."""
        row: Row = getattr(self, kind)[record_id]
        row.update(values)
        row["updated_at"] = self._now()

    def forget(self, kind: str, record_id: int) -> None:
        """Remove a client, project, task or assignment that no other record needs."""
        row: Row = getattr(self, kind).pop(record_id)
        if kind == "task_assignments":
            del self._task_pairs[row["project_id"], row["task_id"]]
        if kind == "user_assignments":
            del self._user_pairs[row["project_id"], row["user_id"]]

    def change_settings(self, **values: Any) -> None:
        """Edit the account's preferences, see `Settings`."""
        self.settings = replace(self.settings, **values)

    def add_category(
        self, name: str, *, unit_name: str | None = None, unit_price: Number | None = None
    ) -> int:
        made = self._stamped(
            {
                "name": name,
                "unit_name": unit_name,
                "unit_price": money(unit_price),
                "is_active": True,
            }
        )
        self.categories[made["id"]] = made
        return int(made["id"])

    def may_use(self, project_id: int, task_id: int) -> bool:
        """Whether the task is assigned to the project and the assignment is active."""
        found = self._task_pairs.get((project_id, task_id))
        return found is not None and bool(self.task_assignments[found]["is_active"])

    def user_assignment(self, user_id: int, project_id: int) -> Row | None:
        found = self._user_pairs.get((project_id, user_id))
        return None if found is None else self.user_assignments[found]

    # -- inside -----------------------------------------------------------------
    def next_id(self) -> int:
        self._last_id += 1
        return self._last_id

    def _set_rate(
        self,
        book: dict[int, list[Row]],
        user_id: int,
        name: str,
        amount: Number,
        start_date: date | None,
    ) -> None:
        history = book.setdefault(user_id, [])
        if start_date is None:
            history.clear()
        elif history:
            history[-1]["end_date"] = start_date - timedelta(days=1)
        history.append(
            self._stamped({"amount": money(amount), "start_date": start_date, "end_date": None})
        )
        self.change("users", user_id, **{name: money(amount)})

    def _stamped(self, values: Mapping[str, Any]) -> Row:
        now = self._now()
        return {"id": self.next_id(), **values, "created_at": now, "updated_at": now}

    def _now(self) -> datetime:
        return self.clock.now().replace(microsecond=0)
