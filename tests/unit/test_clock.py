"""Several machines, one time: leases are worth what they say only when all agree on it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from tieout.clock import AgreedClock, VirtualClock

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def test_a_machine_whose_clock_is_off_goes_by_the_one_they_share() -> None:
    late = AgreedClock(VirtualClock(NOON - minutes(1.5)))
    assert late.is_due()
    late.agree(lambda: NOON)
    assert late.now() == NOON
    assert not late.is_due()
    late.sleep(30)
    assert late.now() == NOON + minutes(0.5)


def test_the_answer_is_from_the_middle_of_the_call() -> None:
    machine = VirtualClock(NOON)
    clock = AgreedClock(machine)

    def asked_slowly() -> datetime:
        machine.advance(2)
        return NOON + minutes(10)

    clock.agree(asked_slowly)
    assert clock.now() == NOON + minutes(10) + timedelta(seconds=1)


def test_it_asks_again_after_a_minute_and_at_once_when_the_machine_jumped() -> None:
    machine = VirtualClock(NOON)
    clock = AgreedClock(machine)
    clock.agree(lambda: NOON)
    clock.sleep(59)
    assert not clock.is_due()
    clock.sleep(1)
    assert clock.is_due()

    jumping = Jumping(NOON)
    clock = AgreedClock(jumping)
    clock.agree(lambda: NOON)
    jumping.off = minutes(4)
    assert clock.is_due()
    clock.agree(lambda: NOON)
    assert clock.now() == NOON


def test_a_machine_alone_keeps_its_own_time() -> None:
    alone = AgreedClock(VirtualClock(NOON))
    alone.agree(lambda: None)
    assert alone.now() == NOON
    assert not alone.is_due()


def test_a_day_begins_when_it_begins_for_all() -> None:
    late = AgreedClock(VirtualClock(datetime(2026, 3, 31, 23, 59, tzinfo=UTC)))
    late.agree(lambda: datetime(2026, 4, 1, 0, 1, tzinfo=UTC))
    assert late.today("UTC").isoformat() == "2026-04-01"


class Jumping(VirtualClock):
    """A clock that somebody sets while it runs."""

    off = timedelta()

    def now(self) -> datetime:
        return super().now() + self.off
