"""A crowd of readers on a clock that no wall knows, and servers that limit them in the ways that servers do."""

import heapq
import itertools
import math
import random
from collections import Counter, deque

from tracklib_wandb.pace import Answer, Pace, Turn

__all__ = ["Clock", "Crowd", "bucket", "fixed", "sliding", "told"]

START = 1000.0


class Clock:
    """A clock on which a thread that sleeps is awake at once."""

    def __init__(self):
        self.now = START

    def __call__(self):
        return self.now

    def sleep(self, seconds):
        assert seconds > 0
        self.now += seconds


def sliding(permitted, seconds, wait):
    """Return a server that permits so many in any such time, and names a time to those beyond."""
    served = deque()

    def ask(now):
        while served and served[0] <= now - seconds:
            served.popleft()
        if len(served) >= permitted:
            return Answer(is_refused=True, wait=wait)
        served.append(now)
        return Answer()

    return ask


def fixed(permitted, seconds):
    """Return a server that counts anew every so many seconds, and names whole seconds until then."""
    counts = Counter()

    def ask(now):
        window = now // seconds
        counts[window] += 1
        wait = float(math.ceil((window + 1) * seconds - now))
        return Answer() if counts[window] <= permitted else Answer(is_refused=True, wait=wait)

    return ask


def told(permitted, seconds, whole=math.ceil):
    """Return the same server, where it says with each answer how many thousandths are left, for how many seconds."""
    counts, limited = Counter(), fixed(permitted, seconds)

    def ask(now):
        window, answer = now // seconds, limited(now)
        counts[window] += 1
        left = max(0, 1000 * (permitted - counts[window]) // permitted)
        return Answer(answer.is_refused, answer.wait, left, whole((window + 1) * seconds - now))

    return ask


def bucket(size, rate, wait):
    """Return a server that has so many in store, and so many more each second."""
    stored, last = float(size), START

    def ask(now):
        nonlocal stored, last
        stored, last = min(size, stored + (now - last) * rate), now
        if stored < 1:
            return Answer(is_refused=True, wait=wait)
        stored -= 1
        return Answer()

    return ask


class Crowd:
    """Eight readers who share a pace: every request is some time on its way, and nobody wakes at the moment he named.

    Args:
        late: Seconds by which, on the average, a request is late on its way, each way, and a thread in waking.
    """

    def __init__(self, server, *, late=0.005, readers=8, seed=0):
        self.clock = Clock()
        self.pace = Pace(self.clock, self.clock.sleep)
        self.served, self.refused = [], []
        self._server = server
        self._late = late
        self._random = random.Random(seed)
        self._order = itertools.count()
        self._events = []
        for _ in range(readers):
            self._later(0, self._asks)

    def run(self, wanted):
        """Let so many more requests be served; return the seconds that this took."""
        begin, wanted = self.clock.now, wanted + len(self.served)
        while len(self.served) < wanted:
            self.clock.now, _, happens, details = heapq.heappop(self._events)
            happens(*details)
        return self.clock.now - begin

    def _later(self, seconds, happens, *details):
        late = self._random.expovariate(1 / self._late) if self._late else 0.0
        heapq.heappush(self._events, (self.clock.now + seconds + late, next(self._order), happens, details))

    def _asks(self):
        found = self.pace.ask()
        if isinstance(found, Turn):
            self._later(0.001, self._arrives, found)
        else:
            assert found > 0
            self._later(found, self._asks)

    def _arrives(self, turn):
        answer = self._server(self.clock.now)
        (self.refused if answer.is_refused else self.served).append(self.clock.now)
        self._later(0.001 if answer.is_refused else 0.05, self._hears, turn, answer)

    def _hears(self, turn, answer):
        self.pace.settle(turn, answer)
        self._later(0.005, self._asks)
