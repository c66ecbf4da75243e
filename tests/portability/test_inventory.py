"""The inventory: what it counts is what is there, and one bad run costs no other."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, BinaryIO, ClassVar

from tracklib.backends.capabilities import EXACT, Capabilities, Encoding, Feature, Limits, absent, lossy
from tracklib.model.query import RunQuery
from tracklib.model.records import (
    Artifact,
    Body,
    FileRef,
    Media,
    Metrics,
    Params,
    Record,
    RunEnd,
    RunStart,
    Tags,
)
from tracklib.model.run import RunInfo
from tracklib.portability.inventory import Inventory, take_stock

DAY = 86_400 * 10**9
START = 1_764_000_000 * 10**9  # in November 2025
DIGEST = "0" * 64


class Made:
    """A source of many runs, in two projects, whose bodies are given; some of them cannot be read."""

    capabilities = Capabilities(features=dict.fromkeys(Feature, EXACT))

    def __init__(self, runs: int, bodies: list[Body], bad: frozenset[int] = frozenset()) -> None:
        self.count, self.bodies, self.bad, self.read_runs = runs, bodies, bad, 0

    def runs(self, query: RunQuery, /) -> Iterator[RunInfo]:
        for number in range(self.count):
            project = "digits" if number % 4 else "words"
            status = "running" if number == 1 else "finished"
            yield RunInfo(project, f"r{number}", f"run {number}", status, START + number * DAY)

    def read(self, run: RunInfo, /, after: Any = None) -> Iterator[Record]:
        self.read_runs += 1
        for seq, body in enumerate(self.bodies, 1):
            if int(run.id[1:]) in self.bad and seq == len(self.bodies):
                raise OSError("the disk is gone")
            yield Record("w", seq, START + seq, body)

    def open_file(self, run: RunInfo, file: FileRef, /) -> BinaryIO:
        raise AssertionError("no content is fetched")


BODIES: list[Body] = [
    RunStart("digits", "x", context={"user": "ana"}),
    Params({"lr": 0.5, "deep": {"long": "x" * 300, "list": list(range(200))}}),
    Tags({"dev": "", "note": "y" * 60}),
    Metrics({"loss": 0.5, "acc": math.nan}, 0),
    Metrics({"loss": 0.25, "big": 2**60}, 0),
    Metrics({"loss": -0.25, "z" * 120: math.inf}, -1.5),
    Media("img", 0, "image", FileRef("i.png", 100, DIGEST)),
    Artifact("model", "model", (FileRef("w", 1000, DIGEST), FileRef("v", 500, DIGEST))),
    RunEnd("finished"),
]


def taken(runs: int, capabilities: Capabilities | None = None, **more: Any) -> tuple[Inventory, Made]:
    source = Made(runs, BODIES, **{key: more.pop(key) for key in ("bad",) if key in more})
    return take_stock(source, source.runs(RunQuery()), capabilities, **more), source


def test_everything_is_counted() -> None:
    """Runs, points, kinds of values and steps, media, artifacts, bytes, users, months and the largest runs."""
    found, _ = taken(10)
    whole = found.whole
    assert (whole.runs, whole.read, found.open) == (10, 10, 1)
    assert (whole.total.points, whole.total.params, whole.total.artifacts, whole.total.media) == (60, 30, 10, 10)
    assert (whole.total.files, whole.total.bytes) == (30, 16_000)
    assert {name: (stock.runs, stock.total.points) for name, stock in found.by_project.items()} == {
        "words": (3, 18),
        "digits": (7, 42),
    }
    assert found.values == {"finite": 30, "NaN": 10, "integer beyond 2**53": 10, "infinite": 10}
    assert found.steps == {"repeated": 10, "out of order": 10, "negative": 20, "fractional": 20}
    assert (found.media, found.artifacts, found.users) == ({"image": 10}, {"model": 10}, {"ana": 10})
    assert found.metrics == {"loss", "acc", "big", "z" * 120}
    assert found.months == {"2025-11": 7, "2025-12": 3}
    assert found.largest["points"][0][0] == 6
    assert len(found.largest["bytes"]) == 5
    assert (whole.first, whole.last) == (START, START + 9 * DAY)


def test_what_the_destination_would_change_is_counted() -> None:
    """Losses by the declaration's reasons; names and values beyond the limits, with an example; calls that it takes."""
    capabilities = Capabilities(
        features=dict.fromkeys(Feature, EXACT)
        | {
            Feature.MEDIA: absent("it has no media"),
            Feature.STEP_FRACTIONAL: lossy("steps are whole", math.floor),
        },
        limits=Limits(batch_records=4, name_chars=100, param_chars=250, tag_chars=50, requests_per_second=2.0),
        names=Encoding("z is written otherwise", lambda name: name.replace("acc", "a-c")),
    )
    found, _ = taken(3, capabilities)
    assert found.losses == {"it has no media": 3, "steps are whole": 6}
    assert {what: (count, example[:9]) for what, count, example in found.hits} == {
        "names of metrics or params longer than 100 characters": (1, "zzzzzzzzz"),
        "names of metrics or params with characters that are written otherwise": (1, "acc"),
        "params longer than 250 characters": (6, "deep.long"),
        "tags longer than 50 characters": (3, "note"),
    }
    assert found.requests == 3 * 3  # nine records a run, four a call


def test_a_sample_lists_all_and_reads_some() -> None:
    """With a sample, every run is listed, each so-many-th is read, and the scale says what is to be multiplied."""
    found, source = taken(100, every=10)
    assert (found.whole.runs, found.whole.read, source.read_runs, found.scale) == (100, 10, 10, 10.0)
    assert (found.whole.total.points, sum(found.months.values())) == (60, 100)


def test_one_bad_run_costs_no_other() -> None:
    """A run that breaks off is told, and nothing of it is counted; the others are."""
    found, _ = taken(5, bad=frozenset([2]))
    assert found.unread == [("digits/r2", "OSError: the disk is gone")]
    assert (found.whole.runs, found.whole.read, found.whole.total.points) == (5, 4, 24)
    assert (found.values.total(), found.users.total()) == (24, 4)


def test_what_belongs_to_no_run_is_counted() -> None:
    """What a source knows to be beside its runs, or did not list, is told."""

    class Thing:
        def __init__(self, kind: str) -> None:
            self.kind, self.name = kind, "x"

    class Knowing(Made):
        left_out: ClassVar = {"run in the bin": 2}

        def leftovers(self) -> Iterator[Thing]:
            yield from (Thing("report"), Thing("report"), Thing("sweep"))

    source = Knowing(2, BODIES)
    found = take_stock(source, source.runs(RunQuery()))
    assert (found.leftovers, found.left_out) == ({"report": 2, "sweep": 1}, {"run in the bin": 2})


def test_waves_have_500_to_1000_runs() -> None:
    """Every run is in one wave, waves are even, and their size is what ``migrate --wave`` takes."""
    for runs in (0, 1, 999, 1000, 1001, 2300, 5000):
        found, _ = taken(runs, every=500)
        size, waves = found.waves()
        assert 500 <= size <= 1000
        counts = [wave.runs for wave in waves]
        assert sum(counts) == runs
        assert counts[:-1] == [size] * (len(counts) - 1)
        assert all(count <= 1000 for count in counts)
