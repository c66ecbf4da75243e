"""Runs that are deleted while they are read: told by name and left, and never taken for whole; the others arrive."""

from __future__ import annotations

import contextlib
import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import Any, BinaryIO

import pytest

from tests.portability.deletions import PLACES, filled, made, removed, vanishing
from tests.portability.kinds_of_place import KINDS, Ground, new_place
from tests.portability.made_runs import keep
from tests.portability.test_migrate import Vendor
from tracklib.backends.contract import Source
from tracklib.backends.memory import MemorySource
from tracklib.errors import RejectedError
from tracklib.model.query import RunQuery
from tracklib.model.records import FileRef, Position, Record
from tracklib.model.run import RunInfo
from tracklib.portability.compare import compare_runs
from tracklib.portability.export import Export
from tracklib.portability.ledger import Ledger
from tracklib.portability.migrate import Migration, Result
from tracklib.portability.parity import Parity
from tracklib.portability.places import Place
from tracklib.reading.query import answer
from tracklib.reading.reader import Reader

pytestmark = [
    pytest.mark.server,
    pytest.mark.filterwarnings("ignore::Warning"),  # the vendors' SDKs use what others have deprecated
]

RUNS = [f"RUN-{number}" for number in range(7)]
GONE = re.compile(
    "deleted while it was read|holds no run|got nothing|not found|is gone from|cannot be read|missing|no experiment has"
)
"""How sources tell of a run that is not there any more."""


@dataclass
class Scene:
    """A place whose runs vanish, and what it held before.

    Attributes:
        ids: Of its runs; the first one stays.
        left: Those that were not deleted so far.
        gone: What the last migration said of copies that stay unfinished.
        mirror: A journal root with a copy of everything.
    """

    kind: str
    place: Place
    mirror: Place
    ids: list[str]
    ground: Ground
    left: list[str] = field(default_factory=list)
    gone: dict[str, str] = field(default_factory=dict)

    @contextlib.contextmanager
    def deleting(self, *moments: int) -> Iterator[list[str]]:
        """Delete the next runs as they are read, each behind so many records; yield their ids."""
        victims = dict(zip(self.left[1:], moments, strict=False))
        assert len(victims) == len(moments)
        with vanishing(type(self.place.source()), victims, functools.partial(removed, self.kind, self.place)) as gone:
            yield list(victims)
        assert gone == victims.keys()
        self.left = [run_id for run_id in self.left if run_id not in gone]

    def __post_init__(self) -> None:
        self.left = list(self.ids)

    def migrate(self, target: Any) -> dict[str, Result]:
        """Migrate all runs; return what became of each."""
        with contextlib.closing(Ledger(self.ground.folder / f"{self.kind}.sqlite", "source", "target")) as ledger:
            migration = Migration(self.place, target, ledger)
            results = [result for wave in migration.waves(None) for result in migration.copy(wave)]
            self.gone = {run.id: run.status for run in migration.gone()}
            return {result.run.id: result for result in results}

    def same(self, run_id: str, other: Source) -> bool:
        """Tell whether a place has the run as it was before it was deleted."""
        query = RunQuery(id=run_id)
        (before,), (after,) = self.mirror.source().runs(query), other.runs(query)
        return compare_runs(self.mirror.source(), before, other, after).equal


@pytest.fixture(params=PLACES)
def scene(request: pytest.FixtureRequest, ground: Ground) -> Scene:
    """A place of each kind with seven runs."""
    place, mirror = filled(request.param, ground, RUNS), new_place("local", ground)
    with contextlib.closing(Ledger(ground.fresh("ledger"), "place", "mirror")) as ledger:
        migration = Migration(place, mirror, ledger)
        results = [result for wave in migration.waves(None) for result in migration.copy(wave)]
    assert {(result.state, result.error) for result in results} == {("copied", "")}
    return Scene(request.param, place, mirror, sorted(result.run.id for result in results), ground)


def test_a_run_that_is_deleted_while_it_is_read(scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However far it was read when it was deleted, each command has it whole or tells it by name; the others arrive."""
    monkeypatch.setattr("tracklib.portability.copy.BATCH", 3)  # so that the destination hears of it meanwhile
    _migrated(scene)
    _verified(scene)
    _asked(scene)
    _exported(scene, tmp_path)


def _migrated(scene: Scene) -> None:
    """What failed is not at the destination, or has no end there, of which the next migration tells."""
    target = Vendor()
    with scene.deleting(0, 1, 9) as victims:
        results = scene.migrate(target)
    assert sorted(results) == scene.ids
    copies = {run.id: run.status for run in target.source().runs(RunQuery())}
    for run_id, result in results.items():
        if result.state == "copied":
            assert result.progress.tally.refused == {}
            assert scene.same(run_id, target.source()), run_id
        else:
            assert (result.state, run_id in victims, bool(GONE.search(result.error))) == ("failed", True, True), result
            assert copies.pop(run_id, "running") == "running"
    assert results[victims[0]].state == "failed"
    again = scene.migrate(target)
    is_listed = scene.kind == "bundle"  # which says what it holds, and of what is damaged in it
    assert {run_id for run_id, result in again.items() if result.state != "unchanged"} == (
        {run_id for run_id, result in results.items() if result.state == "failed"} if is_listed else set()
    )
    begun = {run.id for run in target.source().runs(RunQuery())} - copies.keys()
    assert scene.gone == ({} if is_listed else dict.fromkeys(begun, "running"))


def _verified(scene: Scene) -> None:
    """A run is identical, or the difference or the reason says what is missing."""
    with scene.deleting(1) as (victim,):
        halves = {half.run.id: half for half in Parity(scene.place.source(), scene.mirror.source())}
    others = {run_id for run_id, half in halves.items() if half.state == "identical"} - {victim}
    assert others == set(scene.left)
    half = halves[victim]
    told = half.error + " ".join(str(difference.right) for difference in half.comparison.differences)
    assert half.state == "identical" or GONE.search(told), half


def _asked(scene: Scene) -> None:
    """An answer has all points of a run, or none and the reason."""
    unread: dict[str, str] = {}
    query = "SELECT run, count(*) AS points FROM metrics GROUP BY run"
    with scene.deleting(1) as (victim,), answer(Reader(scene.place), query, unread=unread) as rows:
        found = {row["run"]: row["points"] for row in rows.read_all().to_pylist()}
    points = found[scene.left[0]]
    assert all(reason.startswith(f"the run {name} can't be read") for name, reason in unread.items())
    assert all(map(GONE.search, unread.values()))
    damaged = {run_id for run_id in scene.ids if any(name.endswith(f"/{run_id}") for name in unread)}
    assert found == dict.fromkeys({*scene.left, victim} - damaged, points)
    assert damaged - {victim} == (set(scene.ids) - {*scene.left, victim} if scene.kind == "bundle" else set())


def _exported(scene: Scene, tmp_path: Path) -> None:
    """A run's folder is there when it is whole, or what is missing is told."""
    export = Export(scene.place.source(), tmp_path / "out", "json")
    with scene.deleting(1) as (victim,):
        done = {run.id: export.write(run) for run in list(export.source.runs(RunQuery())) if run.id in scene.left}
    assert [run_id for run_id, item in done.items() if item.problems] in ([], [victim])
    assert all(map(GONE.search, done[victim].problems))
    assert {run_id for run_id, item in done.items() if item.folder.exists()} >= set(scene.left)


class Breaking(MemorySource):
    """A source of which somebody deletes one run behind its tenth record, and another one's files."""

    def runs(self, query: RunQuery, /) -> Iterator[RunInfo]:
        """Yield the runs; asked for by its id, the one whose files are gone is gone too."""
        return super().runs(query) if query.id != "RUN-2" else iter(())

    def read(self, run: RunInfo, /, after: Position | None = None) -> Iterator[Record]:
        """Yield the records of a run, as far as it is there."""
        for number, record in enumerate(super().read(run, after), 1):
            if number == 10 and run.id == "RUN-1":
                raise RejectedError("it was deleted while it was read")
            yield record

    def open_file(self, run: RunInfo, file: FileRef, /) -> BinaryIO:
        """Open a file that is there."""
        if run.id == "RUN-2":
            raise RejectedError("no such file")
        return super().open_file(run, file)


@pytest.mark.parametrize("there", KINDS)
def test_half_a_run_is_not_taken_for_whole(ground: Ground, there: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Of runs that broke off, a destination has nothing, or a run without an end; can they be read, they are completed."""
    monkeypatch.setattr("tracklib.portability.copy.BATCH", 3)
    store, target = keep(list(map(made, RUNS[:3]))), new_place(there, ground)
    results, kept = [], []
    for source in (Breaking(store), MemorySource(store)):
        place: Any = SimpleNamespace(source=lambda source=source: source)
        with contextlib.closing(Ledger(ground.folder / f"to-{there}.sqlite", "source", "target")) as ledger:
            migration = Migration(place, target, ledger)
            results.append([result for wave in migration.waves(None) for result in migration.copy(wave)])
        kept.append({run.id: run.status for run in target.source().runs(RunQuery())})
    assert [result.state for result in results[0]] == ["copied", "failed", "failed"]
    assert ["deleted while it was read" in result.error for result in results[0]] == [False, True, True]
    assert kept[0].pop("RUN-0") == "finished"
    assert kept[0].items() <= {(run_id, status) for run_id in RUNS[1:3] for status in ("running", "crashed")}
    assert [result.state for result in results[1]] == ["unchanged", "copied", "copied"]
    halves = list(Parity(MemorySource(store), target.source()))
    assert [half.state for half in halves] == ["identical"] * 3, halves
