"""Any order of faults, pushes, looks and waits: Hypothesis searches, and shrinks what it finds."""

from __future__ import annotations

import shutil
import tempfile
from contextlib import ExitStack
from pathlib import Path

from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, precondition, rule, run_state_machine_as_test

from tests.scenarios.books import assert_each_once, billed_and_approved, push_until_settled
from tests.scenarios.firm import FEBRUARY, JANUARY, Firm, opened, small_firm
from tieout.sandbox.firm import pay_some
from tieout.sync.pullback import pullback
from tieout.sync.push import push

_FAULTS = ("lost_answer", "cut_before", "error_before", "error_after", "truncated", "throttled")
_CALLS = ("/customer", "/batch", "/invoice", "/query")


class Ledger(RuleBasedStateMachine):
    """A firm with two projects; whatever is done to its calls, each invoice is there once."""

    def __init__(self) -> None:
        super().__init__()
        self.stack = ExitStack()
        self.folder = Path(tempfile.mkdtemp())
        self.firm: Firm = self.stack.enter_context(small_firm(self.folder, people=3, projects=2))
        self.firm.pull()
        self.firm.look_at_the_ledger()
        self.months = [JANUARY, FEBRUARY]

    @rule(kind=st.sampled_from(_FAULTS), call=st.sampled_from(_CALLS), times=st.integers(1, 3))
    def something_goes_wrong(self, kind: str, call: str, times: int) -> None:
        faults = self.firm.world.ledger.vendor.faults
        where = {"path": call, "method": "" if call == "/query" else "POST", "times": times}
        if kind == "throttled":
            faults.add("reply", status=429, **where)
        else:
            faults.add(kind, **where)  # type: ignore[arg-type]

    @precondition(lambda self: self.months)
    @rule()
    def a_month_is_billed(self) -> None:
        assert billed_and_approved(self.firm, self.months.pop(0))

    @rule()
    def somebody_pushes(self) -> None:
        push(self.firm.engine)

    @rule(seconds=st.sampled_from((1, 61, 151, 301, 4000)))
    def time_passes(self, seconds: int) -> None:
        self.firm.clock.advance(seconds)

    @rule()
    def the_ledger_is_looked_at(self) -> None:
        pullback(self.firm.engine)

    @rule()
    def a_client_pays(self) -> None:
        pay_some(self.firm.world, self.firm.facts, "0.5")

    @rule()
    def the_process_starts_anew(self) -> None:
        self.stack.close()
        self.firm.engine = self.stack.enter_context(opened(self.folder, self.firm.world))

    def teardown(self) -> None:
        self.firm.world.ledger.vendor.faults.clear()
        while self.months:
            self.a_month_is_billed()
        push_until_settled(self.firm)
        assert_each_once(self.firm)
        self.stack.close()
        shutil.rmtree(self.folder)


def test_each_invoice_is_there_once_whatever_the_order() -> None:
    run_state_machine_as_test(
        Ledger,
        settings=settings(
            max_examples=8,
            stateful_step_count=14,
            deadline=None,
            derandomize=True,
            suppress_health_check=list(HealthCheck),
        ),
    )
