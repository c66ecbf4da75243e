"""When requests go to a server that permits so many in so long: nearly as many as it permits, and few too many."""

import math
from collections import deque

import pytest
from tracklib_wandb.pace import Pace, pace_of


class Clock:
    """A clock on which a thread that sleeps is awake at once."""

    def __init__(self):
        self.now = 1000.0

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds


def sliding(permitted, seconds, retry_after):
    """Return a server that permits so many in any such time, and names a time to those beyond."""
    served = deque()

    def ask(now):
        while served and served[0] <= now - seconds:
            served.popleft()
        if len(served) >= permitted:
            return retry_after
        served.append(now)
        return None

    return ask


def fixed(permitted, seconds):
    """Return a server that counts anew every so many seconds, and names whole seconds until then."""
    counts = {}

    def ask(now):
        window = now // seconds
        counts[window] = counts.get(window, 0) + 1
        return None if counts[window] <= permitted else float(math.ceil((window + 1) * seconds - now))

    return ask


def bucket(size, rate, retry_after):
    """Return a server that has so many in store, and so many more each second."""
    stored, last = float(size), 1000.0

    def ask(now):
        nonlocal stored, last
        stored, last = min(size, stored + (now - last) * rate), now
        if stored < 1:
            return retry_after
        stored -= 1
        return None

    return ask


def reached(ask, wanted, took=1 / 130):
    """Return how many requests a second are served, and how many refused, by a client that could do 130 a second."""
    clock = Clock()
    pace = Pace(clock, clock.sleep)
    served = refused = 0
    while served < wanted:
        turn = pace.turn()
        clock.now += took
        wait = ask(clock.now)
        if wait is None:
            served += 1
            pace.permitted(turn)
        else:
            refused += 1
            pace.refused(turn, wait)
    return served / (clock.now - 1000), refused


@pytest.mark.parametrize(
    ("ask", "rate"),
    [
        (sliding(50, 1, 1.0), 50),
        (sliding(10, 1, 1.0), 10),
        (sliding(600, 60, 1.0), 10),
        (sliding(600, 60, 60.0), 10),
        (fixed(50, 1), 50),
        (fixed(600, 60), 10),
        (bucket(600, 10, 1.0), 10),
        (bucket(10, 10, 1.0), 10),
    ],
)
def test_what_is_permitted_is_used(ask, rate):
    """However a server counts, 0.84 or more of what it permits is asked for over 4,000 requests, and few are refused."""
    found, refused = reached(ask, 4000)
    assert found >= 0.84 * rate
    assert refused < 400


def test_nothing_is_held_back_before_a_refusal():
    """A server that refuses nothing is asked as fast as it answers."""
    found, refused = reached(lambda _now: None, 1000)
    assert (round(found), refused) == (130, 0)


def test_everybody_waits_for_a_server_that_refused_one():
    """The time that a server names to one request holds for all; late refusals of the same burst say nothing new."""
    clock = Clock()
    pace = Pace(clock, clock.sleep)
    turns = [pace.turn() for _ in range(10)]
    for turn in turns[:8]:
        pace.permitted(turn)
    pace.refused(turns[8], 5.0)
    rate = pace.rate
    assert rate == pytest.approx(8 / 5 * 0.95)
    clock.now += 1
    pace.refused(turns[9], 5.0)
    assert pace.rate == rate
    pace.turn()
    assert clock.now == 1006.0
    pace.turn()
    assert clock.now == pytest.approx(1006.0 + 1 / rate)


def test_a_server_that_names_no_time():
    """It is left alone for a second."""
    clock = Clock()
    pace = Pace(clock, clock.sleep)
    pace.refused(pace.turn(), None)
    pace.turn()
    assert (clock.now, pace.rate) == (1001.0, None)


def test_one_pace_for_each_server():
    """All readers of a server share one."""
    assert pace_of("http://a") is pace_of("http://a")
    assert pace_of("http://a") is not pace_of("http://b")
