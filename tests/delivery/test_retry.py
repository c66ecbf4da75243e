"""Retry: waits grow, are spread, obey the vendor, and end at the first success."""

from __future__ import annotations

import pytest

from tracklib.delivery.retry import Breaker


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_waits_double_up_to_the_cap() -> None:
    """Each further fault waits twice as long, half of it left to chance, never longer than the cap."""
    clock = Clock()
    longest = Breaker(base=1, cap=60, clock=clock, chance=lambda: 1.0)
    shortest = Breaker(base=1, cap=60, clock=clock, chance=lambda: 0.0)
    assert [longest.failed() for _ in range(8)] == [1, 2, 4, 8, 16, 32, 60, 60]
    assert [shortest.failed() for _ in range(8)] == [0.5, 1, 2, 4, 8, 16, 30, 30]


def test_retry_after_is_obeyed_up_to_a_bound() -> None:
    """What the vendor asks for counts where it is longer; nobody can make it wait for a day."""
    breaker = Breaker(clock=Clock(), chance=lambda: 1.0)
    assert breaker.failed(retry_after=20) == 20
    assert breaker.failed(retry_after=0.001) == 1.0
    assert breaker.failed(retry_after=1e9) == 3600


def test_whoever_asks_is_served_at_once_unless_the_vendor_named_a_time() -> None:
    """Waking cuts the breaker's own caution short, and never what the vendor asked for."""
    clock = Clock()
    breaker = Breaker(base=8, clock=clock, chance=lambda: 1.0)
    breaker.failed()
    breaker.wake()
    assert breaker.waiting == 0
    assert breaker.failed(retry_after=5) == 16
    breaker.wake()
    assert breaker.waiting == 5
    clock.now = 5
    assert breaker.waiting == 0
    breaker.failed()
    breaker.wake()
    assert breaker.waiting == 0


def test_open_then_one_try_then_closed() -> None:
    """Nothing goes through while it is open; success closes it and the next fault starts from the beginning."""
    clock = Clock()
    breaker = Breaker(base=1, clock=clock, chance=lambda: 1.0)
    breaker.failed()
    breaker.failed()
    assert breaker.waiting == 2
    clock.now = 1.5
    assert breaker.waiting == pytest.approx(0.5)
    clock.now = 2
    assert breaker.waiting == 0
    breaker.succeeded()
    assert breaker.failed() == 1


def test_many_faults_do_not_overflow() -> None:
    """A vendor that is down for a year still only waits for the cap."""
    breaker = Breaker(clock=Clock(), chance=lambda: 1.0)
    assert {breaker.failed() for _ in range(5000)} >= {60.0}
    assert breaker.failed() == 60
