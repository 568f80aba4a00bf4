"""Whose turn it is, in the firm's own time."""

from datetime import datetime
from zoneinfo import ZoneInfo

from tieout.config.kinds import parse_schedule
from tieout.sync.schedule import period_of

NEW_YORK = ZoneInfo("America/New_York")


def turn(schedule: str, *at: int) -> str | None:
    return period_of(parse_schedule(schedule), datetime(*at, tzinfo=NEW_YORK))


def test_a_nightly_step_has_its_turn_from_its_hour_until_the_next_night() -> None:
    assert turn("22:00", 2026, 3, 5, 22, 0) == "2026-03-05T22:00"
    assert turn("22:00", 2026, 3, 6, 21, 59) == "2026-03-05T22:00"


def test_every_five_minutes_counts_from_midnight() -> None:
    assert turn("every 5 minutes", 2026, 3, 5, 0, 4) == "2026-03-05#0"
    assert turn("every 5 minutes", 2026, 3, 5, 0, 5) == "2026-03-05#1"


def test_the_night_the_clock_jumps_has_one_push() -> None:
    before = turn("02:30", 2026, 3, 8, 1, 59)
    after = {turn("02:30", 2026, 3, 8, hour, 45) for hour in (3, 4, 23)}
    assert before == "2026-03-07T02:30"
    assert after == {"2026-03-08T02:30"}


def test_off_never_has_a_turn() -> None:
    assert turn("off", 2026, 3, 5, 12, 0) is None
