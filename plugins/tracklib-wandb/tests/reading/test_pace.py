"""When requests go to a server that permits so many in so long: nearly as many as it permits, and few too many."""

import math

import pytest
from tracklib_wandb.pace import Answer, Pace, Turn, pace_of
from tracklib_wandb.server import Server
from tracklib_wandb.settings import WandbSettings

from tracklib.testing.emulators import RateLimit

from .crowd import Clock, Crowd, bucket, fixed, sliding, told

SERVERS = [
    (sliding, (25, 1, 1.0), 25),
    (sliding, (50, 1, 1.0), 50),
    (sliding, (10, 1, 1.0), 10),
    (sliding, (2, 1, 1.0), 2),
    (sliding, (250, 10, 1.0), 25),
    (sliding, (250, 10, 10.0), 25),
    (sliding, (600, 60, 1.0), 10),
    (sliding, (600, 60, 60.0), 10),
    (fixed, (25, 1), 25),
    (fixed, (50, 1), 50),
    (fixed, (250, 10), 25),
    (fixed, (600, 60), 10),
    (bucket, (600, 10, 1.0), 10),
    (bucket, (10, 10, 1.0), 10),
    (bucket, (25, 25, 1.0), 25),
]


@pytest.mark.parametrize("late", [0.002, 0.01])
@pytest.mark.parametrize(("kind", "limit", "rate"), SERVERS)
def test_what_is_permitted_is_used(kind, limit, rate, late):
    """However a server counts, 0.9 or more of what it permits is served, and 1 of 100 at most refused, once it is known."""
    crowd = Crowd(kind(*limit), late=late)
    crowd.run(100 * rate)
    before = len(crowd.refused)
    took = crowd.run(300 * rate)
    assert 300 * rate / took >= 0.9 * rate
    assert len(crowd.refused) - before <= 3 * rate


@pytest.mark.parametrize("late", [0.002, 0.01])
@pytest.mark.parametrize("limit", [(25, 1, 1.0), (50, 1, 1.0), (10, 1, 1.0), (250, 10, 10.0)])
def test_a_limit_is_known_after_its_first_refusal(limit, late):
    """From the first refusal on, readers in a crowd are within the limit: none follows until they go faster to try."""
    crowd = Crowd(sliding(*limit), late=late)
    while not crowd.refused:
        crowd.run(1)
    crowd.run(limit[0])
    before = len(crowd.refused)
    assert before <= 8  # those that were under way together
    crowd.run(8 * limit[0])
    assert len(crowd.refused) == before


def test_a_request_that_is_late_makes_none_too_many():
    """Where requests are late on their way by more than the space between two, hardly one in 100 is refused for that."""
    crowd = Crowd(sliding(25, 1, 1.0), late=0.1)
    crowd.run(1000)
    assert len(crowd.refused) <= 10


@pytest.mark.parametrize("whole", [math.ceil, math.floor])
@pytest.mark.parametrize(("permitted", "seconds"), [(250, 10), (600, 60), (3000, 60)])
def test_what_is_left_is_made_to_last(permitted, seconds, whole):
    """A server that says what is left refuses next to nothing, and serves 0.94 or more of what it permits."""
    crowd = Crowd(told(permitted, seconds, whole))
    crowd.run(permitted)
    took = crowd.run(6 * permitted)
    assert 6 * permitted / took >= 0.94 * permitted / seconds
    assert len(crowd.refused) <= (0 if whole is math.ceil else 0.01 * 7 * permitted)


def test_a_time_that_is_too_short_to_plan_with():
    """Where a server counts within a second, what it says of whole seconds changes nothing; its refusals teach."""
    silent, telling = Crowd(fixed(25, 1)), Crowd(told(25, 1))
    assert silent.run(1000) == telling.run(1000)
    assert len(silent.refused) == len(telling.refused) <= 10


def test_others_may_use_up_what_is_permitted():
    """Where others leave nothing for two minutes, requests go on at half the rate or more, and by and by as before."""
    alone = sliding(25, 1, 1.0)
    taken = range(1100, 1220)
    crowd = Crowd(lambda now: Answer(is_refused=True, wait=1.0) if int(now) in taken else alone(now))
    while crowd.clock.now < 1220:
        crowd.run(1)
    assert len(crowd.refused) < 150
    assert crowd.run(200) <= 200 / 12.5 * 1.1
    crowd.run(3000)
    assert 500 / crowd.run(500) >= 0.9 * 25


def test_a_limit_that_is_raised_is_found():
    """A server that permits twice as much is asked for 1.5 times as much within ten minutes."""
    low, high = sliding(25, 1, 1.0), sliding(50, 1, 1.0)
    crowd = Crowd(lambda now: low(now) if now < 1060 else high(now))
    while crowd.clock.now < 1660:
        crowd.run(1)
    assert 500 / crowd.run(500) >= 1.5 * 25


def test_nothing_is_held_back_before_a_refusal():
    """A server that refuses nothing is asked as fast as it answers."""
    crowd = Crowd(lambda _now: Answer(), late=0)
    assert crowd.run(1000) == pytest.approx(125 * (0.001 + 0.05 + 0.005), rel=0.01)
    assert crowd.pace.rate is None


def test_everybody_waits_for_a_server_that_refused_one():
    """The time that a server names to one request holds for all; late refusals of the same burst say nothing new."""
    clock = Clock()
    pace = Pace(clock, clock.sleep)
    turns = [pace.turn() for _ in range(10)]
    clock.now += 0.1
    for turn in turns[:8]:
        pace.settle(turn, Answer())
    pace.settle(turns[8], Answer(is_refused=True, wait=5.0))
    clock.now += 1
    pace.settle(turns[9], Answer(is_refused=True, wait=5.0))
    assert pace.ask() == pytest.approx(5.0)
    first = pace.turn()
    assert clock.now == pytest.approx(1006.1)
    assert pace.rate == pytest.approx(8 / 5 * 0.95, rel=0.01)
    assert isinstance(pace.ask(), float)  # the others wait for the answer to the first
    pace.settle(first, Answer())
    rate = pace.rate
    pace.turn()
    assert clock.now == pytest.approx(1006.1 + 1 / rate, rel=0.001)


def test_a_server_that_names_no_time():
    """It is left alone for a second; where it never served anything, nothing is known of its limit."""
    clock = Clock()
    pace = Pace(clock, clock.sleep)
    pace.settle(pace.turn(), Answer(is_refused=True))
    pace.turn()
    assert (clock.now, pace.rate) == (1001.0, None)


def test_a_request_without_an_answer_counts():
    """What never came back may have been served: it takes a place among those that are permitted, for as long as others."""
    clock = Clock()
    pace = Pace(clock, clock.sleep)
    for answer in (Answer(), None, Answer(is_refused=True, wait=1.0)):
        turn = pace.turn()
        clock.now += 0.05
        pace.settle(turn, answer)
    first = pace.turn()
    assert isinstance(first, Turn)
    assert pace.rate == pytest.approx(2 * 0.95, rel=0.05)


@pytest.mark.server
def test_what_a_server_says_to_be_left_is_made_to_last(serve):
    """What an answer says in its headers spaces out the next questions, before any is refused."""
    server = serve()
    server.faults.add("TracklibViewer", RateLimit(10, seconds=3600, units=1000))
    clock = Clock()
    pace = Pace(clock, clock.sleep)
    reader = Server(WandbSettings(base_url=server.url, api_key=server.api_key), pace=pace)
    for _ in range(3):
        reader.viewer()
    assert clock.now == 1000.0
    reader.viewer()  # 8 were left of 10, so that the third question took an eighth of the hour
    assert clock.now == pytest.approx(1000 + 3600 / 8, abs=2)
    reader.close()
    assert [call.status for call in server.calls] == [200] * 4


def test_one_pace_for_each_server():
    """All readers of a server share one."""
    assert pace_of("http://a") is pace_of("http://a")
    assert pace_of("http://a") is not pace_of("http://b")
