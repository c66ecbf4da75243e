"""The inventory: what a place holds, what a destination would make of it, and how it could be moved."""

from __future__ import annotations

import datetime as dt
import math
import time
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tracklib.errors import AuthError, ConfigError, TracklibError
from tracklib.model.records import Artifact, Context, Media, Metrics, Record, RunStart
from tracklib.portability.limits import Hits
from tracklib.portability.losses import Losses
from tracklib.portability.tally import Tally
from tracklib.typing import Number, Step

if TYPE_CHECKING:
    from tracklib.backends.capabilities import Capabilities
    from tracklib.backends.contract import Source
    from tracklib.model.run import RunInfo

__all__ = ["Inventory", "Stock", "take_stock"]

_BUCKET = 50
"""Runs: waves are made of whole buckets, so that one pass over the runs is enough."""

_SMALLEST_WAVE, _LARGEST_WAVE = 500, 1000
_LARGEST = 5


@dataclass(slots=True)
class Stock:
    """What some runs hold.

    Attributes:
        read: How many of the runs were looked into; the counts are theirs.
        first, last: When the first and the last one began.
    """

    runs: int = 0
    read: int = 0
    total: Tally = field(default_factory=Tally)
    first: int | None = None
    last: int | None = None
    projects: set[str] = field(default_factory=set)

    def take(self, run: RunInfo) -> None:
        """Count a run that was listed."""
        self.runs += 1
        self.projects.add(run.project)
        self.first = run.started if self.first is None else min(self.first, run.started)
        self.last = run.started if self.last is None else max(self.last, run.started)

    def add(self, other: Stock) -> None:
        """Add other runs."""
        self.runs += other.runs
        self.read += other.read
        self.total.add(other.total)
        self.projects |= other.projects
        for name, choose in (("first", min), ("last", max)):
            both = [time for time in (getattr(self, name), getattr(other, name)) if time is not None]
            setattr(self, name, choose(both, default=None))


@dataclass(slots=True)
class Inventory:
    """What was found.

    Attributes:
        open: How many runs still go on.
        months: How many runs began in each month (``2026-11``), UTC.
        metrics: The names of all metrics.
        values, steps: How many points have a value, or a step, of each kind.
        media, artifacts: How many of each type.
        largest: The runs with the most points, and those with the most bytes.
        losses: For each declared change of the destination, how many points, params, texts, ... it concerns.
        hits: What goes beyond the destination's limits.
        left_out: What the source holds and did not list, in its own words.
        leftovers: What the place holds that belongs to no run, by the vendor's word for it.
        unread: Runs that could not be read, with the reason.
        seconds: What reading took.
        requests: How many calls the destination takes it in, at the least.
    """

    whole: Stock = field(default_factory=Stock)
    by_project: dict[str, Stock] = field(default_factory=dict)
    open: int = 0
    statuses: Counter[str] = field(default_factory=Counter)
    months: Counter[str] = field(default_factory=Counter)
    users: Counter[str] = field(default_factory=Counter)
    metrics: set[str] = field(default_factory=set)
    values: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    media: Counter[str] = field(default_factory=Counter)
    artifacts: Counter[str] = field(default_factory=Counter)
    largest: dict[str, list[tuple[int, str]]] = field(default_factory=lambda: {"points": [], "bytes": []})
    losses: Counter[str] = field(default_factory=Counter)
    hits: Hits = field(default_factory=Hits)
    left_out: dict[str, int] = field(default_factory=dict)
    leftovers: Counter[str] = field(default_factory=Counter)
    unread: list[tuple[str, str]] = field(default_factory=list)
    seconds: float = 0.0
    requests: int = 0
    buckets: list[Stock] = field(default_factory=list)

    @property
    def scale(self) -> float:
        """How many times what was read there may be: 1 where every run was."""
        return self.whole.runs / self.whole.read if self.whole.read else 1.0

    def waves(self) -> tuple[int, list[Stock]]:
        """Return groups of runs in the order of the source, of 500 to 1,000 each, and their size."""
        count = max(1, math.ceil(self.whole.runs / _LARGEST_WAVE))
        size = max(_SMALLEST_WAVE, math.ceil(self.whole.runs / count / _BUCKET) * _BUCKET)
        made: list[Stock] = []
        for number, bucket in enumerate(self.buckets):
            if number % (size // _BUCKET) == 0:
                made.append(Stock())
            made[-1].add(bucket)
        return size, made


def take_stock(
    source: Source, runs: Iterable[RunInfo], capabilities: Capabilities | None = None, *, every: int = 1
) -> Inventory:
    """List runs, and look into every so-many-th of them, without the contents of their files.

    One that cannot be read is told, and the others go on.

    Args:
        source: The place.
        runs: Which of its runs.
        capabilities: Of the destination.
        every: Look into only each so-many-th run; the others are counted.

    Raises:
        AuthError, ConfigError: No run can be read.
    """
    found = Inventory()
    found.hits = Hits(capabilities)
    begun = time.perf_counter()
    for number, run in enumerate(runs):
        _list(found, run, number)
        if number % every:
            continue
        try:
            stock = _look_into(found, source, run, capabilities)
        except (AuthError, ConfigError):
            raise
        except Exception as error:  # a plugin's own fault in one run is no reason to leave out the others
            words = str(error) if isinstance(error, TracklibError) else f"{type(error).__name__}: {error}"
            found.unread.append((f"{run.project}/{run.id}", words))
            continue
        for each in (found.whole, found.by_project[run.project], found.buckets[-1]):
            each.read += 1
            each.total.add(stock)
        _keep_largest(found, run, stock)
    found.seconds = time.perf_counter() - begun
    found.left_out = dict(getattr(source, "left_out", {}))
    if (leftovers := getattr(source, "leftovers", None)) is not None:  # few sources know of any
        found.leftovers.update(item.kind for item in leftovers())
    return found


def _list(found: Inventory, run: RunInfo, number: int) -> None:
    if number % _BUCKET == 0:
        found.buckets.append(Stock())
    for each in (found.whole, found.by_project.setdefault(run.project, Stock()), found.buckets[-1]):
        each.take(run)
    found.statuses[run.status] += 1
    found.open += run.status in ("running", "stale")
    found.months[_month(run.started)] += 1


def _look_into(found: Inventory, source: Source, run: RunInfo, capabilities: Capabilities | None) -> Tally:
    """Read a run; what it is made of is counted only once it is read whole."""
    stock, user = Tally(), ""
    look = _Look()
    losses = Losses(run.id, capabilities) if capabilities is not None else None
    for record in source.read(run):
        stock.count(record)
        user = _user(record) or user
        look.take(record)
        if losses is not None:
            losses.take(record)
            found.hits.take(record)
    found.users[user] += 1
    found.metrics |= look.reached.keys()
    for name in ("values", "steps", "media", "artifacts"):
        getattr(found, name).update(getattr(look, name))
    if capabilities is not None and losses is not None:
        losses.settle()
        found.losses.update(losses.counts)
        found.requests += math.ceil(stock.records / capabilities.limits.batch_records)
    return stock


@dataclass(slots=True)
class _Look:
    """What one run is made of.

    Attributes:
        reached: The greatest step of each metric.
    """

    reached: dict[str, Step] = field(default_factory=dict)
    values: Counter[str] = field(default_factory=Counter)
    steps: Counter[str] = field(default_factory=Counter)
    media: Counter[str] = field(default_factory=Counter)
    artifacts: Counter[str] = field(default_factory=Counter)

    def take(self, record: Record) -> None:
        """Count a record."""
        body = record.body
        if isinstance(body, Metrics):
            for key, value in body.values.items():
                self.values[_kind_of_value(value)] += 1
                self.steps.update(_kinds_of_step(body.step, self.reached.get(key)))
                self.reached[key] = max(body.step, self.reached.get(key, body.step))
        elif isinstance(body, Media):
            self.media[body.media_type] += 1
        elif isinstance(body, Artifact):
            self.artifacts[body.type] += 1


def _kind_of_value(value: Number) -> str:
    if isinstance(value, int):
        return "integer beyond 2**53" if abs(value) > 2**53 else "finite"
    return "NaN" if math.isnan(value) else "infinite" if math.isinf(value) else "finite"


def _kinds_of_step(step: Step, reached: Step | None) -> Iterator[str]:
    if isinstance(step, float) and not step.is_integer():
        yield "fractional"
    if step < 0:
        yield "negative"
    if reached is not None and step <= reached:
        yield "repeated" if step == reached else "out of order"


def _user(record: Record) -> str:
    body = record.body
    held = body.context if isinstance(body, RunStart) else body.values if isinstance(body, Context) else {}
    user = held.get("user")
    return user if isinstance(user, str) else ""


def _month(moment: int) -> str:
    try:
        return dt.datetime.fromtimestamp(moment // 10**9, dt.timezone.utc).strftime("%Y-%m")
    except (OverflowError, ValueError, OSError):  # a clock that was far off
        return "unknown"


def _keep_largest(found: Inventory, run: RunInfo, stock: Tally) -> None:
    for name, amount in (("points", stock.points), ("bytes", stock.bytes)):
        kept = [*found.largest[name], (amount, f"{run.project}/{run.id}")]
        found.largest[name] = sorted(kept, key=_amount, reverse=True)[:_LARGEST]


def _amount(item: tuple[int, str]) -> int:
    return item[0]
