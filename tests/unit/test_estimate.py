"""How long a push takes, said before it begins."""

from __future__ import annotations

import pytest

from tieout.connectors.base import Limit
from tieout.sync.estimate import Calls, in_words, seconds_for

MINUTE = Limit(name="batches a minute", count=40, per_s=60, kept=2)
SECOND = Limit(name="calls a second", count=10, per_s=1)


def test_what_fits_into_one_window_takes_no_time() -> None:
    assert seconds_for([Calls(count=38, limits=(MINUTE,))], 4) == 0


def test_1200_invoices_in_batches_of_30_take_a_minute() -> None:
    assert seconds_for([Calls(count=40, limits=(MINUTE, SECOND))], 4) == 60


def test_10000_invoices_take_eight_minutes() -> None:
    assert seconds_for([Calls(count=334, limits=(MINUTE, SECOND))], 4) == 480


def test_a_person_may_use_all_of_a_window() -> None:
    work = [Calls(count=40, limits=(MINUTE,))]
    assert seconds_for(work, 4, attended=True) == 0


def test_calls_of_all_kinds_count_together() -> None:
    work = [Calls(count=5, limits=(SECOND,)), Calls(count=5, limits=(SECOND, MINUTE))]
    assert seconds_for(work, 4) == 1


def test_a_slow_vendor_decides_when_its_limits_do_not() -> None:
    work = [Calls(count=334, seconds=9.0, limits=(MINUTE,))]
    assert seconds_for(work, 4) == 334 * 9 / 4
    assert seconds_for(work, 1) == 334 * 9


def test_the_last_call_must_end() -> None:
    assert seconds_for([Calls(count=39, seconds=3.0, limits=(MINUTE,))], 40) == 63


def test_in_the_middle_of_a_push_no_window_is_empty() -> None:
    work = [Calls(count=38, limits=(MINUTE,))]
    assert seconds_for(work, 4, fresh=False) == 60


def test_nothing_to_do_takes_no_time() -> None:
    assert seconds_for([], 4) == 0
    assert seconds_for([Calls(count=0, limits=(MINUTE,))], 0, fresh=False) == 0


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (90, "90 s"), (91, "2 min"), (480, "8 min"), (5400, "90 min"), (5401, "2 h")],
)
def test_in_words(seconds: int, words: str) -> None:
    assert in_words(seconds) == words
