"""Migrating: every run once, whatever interrupts it, and nothing outside the destination."""

from __future__ import annotations

import hashlib
import subprocess
import sys
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

import tracklib
from tracklib.backends import Outcome, RunQuery, Sink, SinkContext
from tracklib.backends.memory import MemorySink, MemorySource, MemoryStore
from tracklib.errors import TransientError
from tracklib.model.records import Artifact, FileRef, Metrics, Position, Record, RunEnd, RunStart
from tracklib.portability.choice import Choice
from tracklib.portability.compare import compare, compare_runs
from tracklib.portability.copy import batches, copy_run
from tracklib.portability.ledger import Ledger
from tracklib.portability.migrate import Migration, Result, map_users
from tracklib.portability.places import open_place
from tracklib.portability.snapshot import snapshot


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKLIB_CAPTURE", "none")
    monkeypatch.setenv("TRACKLIB_QUIET", "true")


def make(root: Path, name: str, points: int = 40) -> None:
    """Record a run with some of everything."""
    folder = root.parent / f"model-{name}"
    folder.mkdir()
    (folder / "w.bin").write_bytes(name.encode() * 100)
    config = {"lr": 1e-3, "model": {"depth": 4, "wide": True}}
    with tracklib.init(
        "digits", name=f"run {name}", id=name, dir=root, config=config, tags=["dev"], backends=[]
    ) as run:
        for step in range(points):
            run.log({"loss": 1 / (step + 1), **({"acc": float("nan")} if step % 7 == 0 else {})}, step=step)
        run.log({"loss": -0.0}, step=3)
        run.log({"note": tracklib.Text("hello")}, step=1)
        run.log_artifact(folder, name="model", type="model", aliases=["best"], copy="now")


def migrated(source: str, destination: str, ledger: Path, **more: Any) -> list[Result]:
    """Migrate all runs; return what became of each."""
    book = Ledger(ledger, source, destination)
    try:
        migration = Migration(open_place(source), open_place(destination), book, **more)
        return [result for wave in migration.waves(None) for result in migration.copy(wave)]
    finally:
        book.close()


def assert_equal(source: str, destination: str) -> None:
    """Check that each run is in both, once, and equal but for what the destination declares."""
    left, right = open_place(source).source(), open_place(destination).source()
    ours, theirs = ({run.id: run for run in side.runs(RunQuery())} for side in (left, right))
    assert ours.keys() == theirs.keys()
    assert len(list(right.runs(RunQuery()))) == len(theirs)
    for run_id, run in ours.items():
        copy = snapshot(run_id, right.read(theirs[run_id]))
        result = compare(snapshot(run_id, left.read(run)), copy, right.capabilities)
        assert result.equal, [str(difference) for difference in result.differences]


@pytest.mark.filterwarnings("ignore::Warning")  # the vendors' SDKs use what others have deprecated
@pytest.mark.parametrize("vendor", ["mlflow", "aim"])
def test_a_run_goes_to_a_vendor_and_comes_back_equal(tmp_path: Path, vendor: str) -> None:
    """From a journal to a vendor and back to another journal nothing is lost, and repeating it does nothing."""
    pytest.importorskip(f"tracklib_{vendor}")
    for name in ("one", "two"):
        make(tmp_path / "a", name)
    a, c = f"local:{tmp_path / 'a'}", f"local:{tmp_path / 'c'}"
    b = f"mlflow:sqlite:///{tmp_path / 'b.db'}" if vendor == "mlflow" else f"aim:{tmp_path / 'b'}"
    there = migrated(a, b, tmp_path / "there.sqlite")
    assert [result.state for result in there] == ["copied", "copied"], there
    assert [result.progress.tally.points for result in there] == [47, 47]
    assert [result.progress.tally.files for result in there] == [2, 2]
    assert_equal(a, b)
    back = migrated(b, c, tmp_path / "back.sqlite")
    assert [result.state for result in back] == ["copied", "copied"], back
    assert_equal(b, c)
    again = migrated(a, b, tmp_path / "there.sqlite")
    assert [result.state for result in again] == ["unchanged", "unchanged"]
    assert again[0].progress == there[0].progress


TWO = hashlib.sha256(b"two" * 100).hexdigest()
"""The content of the second run's model."""


class KilledError(BaseException):
    """The process ends here."""


class Vendor:
    """A vendor in memory, as source and sink, whose process ends at the nth call and holds the last batch back."""

    def __init__(self, dies_at: int = 0) -> None:
        self.store = MemoryStore()
        self.calls = 0
        self.dies_at = dies_at

    def source(self) -> MemorySource:
        return MemorySource(self.store)

    def sink(self, context: SinkContext) -> Sink:
        return _Fragile(self, context)

    def tick(self) -> None:
        self.calls += 1
        if self.calls == self.dies_at:
            raise KilledError


class _Fragile(MemorySink):
    def __init__(self, vendor: Vendor, context: SinkContext) -> None:
        super().__init__(vendor.store, context)
        self._vendor = vendor
        self._behind = dict(context.position)
        self._next = dict(context.position)

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        self._vendor.tick()
        outcomes = super().send(batch)
        self._behind, self._next = self._next, dict(super().confirmed())
        self._vendor.tick()
        return outcomes

    def confirmed(self) -> Position:
        return self._behind

    def close(self) -> None:
        self._vendor.tick()
        self._behind = dict(super().confirmed())


def run_once(root: Path, vendor: Vendor, ledger: Path, **more: Any) -> list[Result]:
    """Migrate a journal root to a vendor in memory."""
    book = Ledger(ledger, "a", "b")
    try:
        migration = Migration(open_place(f"local:{root}"), vendor, book, **more)  # type: ignore[arg-type]  # acts as one
        return [result for wave in migration.waves(None) for result in migration.copy(wave)]
    finally:
        book.close()


def test_killed_at_any_call_and_continued_all_is_there_once(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whichever call to the destination is the last, going on comes to the same counts and records as one go."""
    monkeypatch.setattr("tracklib.portability.copy.BATCH", 10)
    for name in ("one", "two"):
        make(tmp_path / "a", name)
    whole = Vendor()
    expected = [result.progress.tally for result in run_once(tmp_path / "a", whole, tmp_path / "whole.sqlite")]
    for moment in range(1, whole.calls + 1):
        vendor, ledger = Vendor(moment), tmp_path / f"{moment}.sqlite"
        with pytest.raises(KilledError):
            run_once(tmp_path / "a", vendor, ledger)
        results = run_once(tmp_path / "a", vendor, ledger)
        assert [result.progress.tally for result in results] == expected, moment
        assert vendor.store == whole.store
        calls = vendor.calls
        assert {result.state for result in run_once(tmp_path / "a", vendor, ledger)} == {"unchanged"}
        assert vendor.calls == calls


class _Long(_Fragile):
    """Takes the third batch of a run only when the migration is told to stop, or asks to wait for an hour then."""

    stopped: threading.Event
    reached: threading.Event
    waits: bool
    batches = 0

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        self.batches += 1
        if self.batches < 3:
            return super().send(batch)
        self.reached.set()
        if self.waits:
            raise TransientError("busy", retry_after=3600)
        assert self.stopped.wait(60)
        return super().send(batch)


@pytest.mark.parametrize("waits", [False, True])
def test_what_ends_a_migration_ends_every_job_of_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, *, waits: bool
) -> None:
    """Ctrl-C waits for no long run to its end, nor for a destination that asked to wait; repeated, all is there once."""
    monkeypatch.setattr("tracklib.portability.copy.BATCH", 10)
    make(tmp_path / "a", "one", points=1)
    with tracklib.init("digits", id="two", dir=tmp_path / "a", backends=[]) as run:
        for step in range(200):
            run.log({"loss": 1 / (step + 1)}, step=step, timestamp=1.7e9 + step)
    vendor, ledger = Vendor(), Ledger(tmp_path / "ledger.sqlite", "a", "b")
    migration = Migration(open_place(f"local:{tmp_path / 'a'}"), vendor, ledger, jobs=2)  # type: ignore[arg-type]
    reached = threading.Event()
    long = type("Long", (_Long,), {"stopped": migration._stopped, "reached": reached, "waits": waits})
    monkeypatch.setattr(vendor, "sink", lambda context: long(vendor, context))
    (runs,) = migration.waves(None)
    results = migration.copy(runs)
    assert next(results).run.id == "one"
    assert reached.wait(60)
    results.close()  # type: ignore[attr-defined]  # as Ctrl-C does, wherever it comes
    entry = ledger.find("digits", "two")
    assert entry is not None
    assert (entry.state, 0 < entry.progress.tally.points < 100) == ("begun", True)
    ledger.close()
    monkeypatch.delattr(vendor, "sink")
    whole = Vendor()
    expected = [result.progress.tally for result in run_once(tmp_path / "a", whole, tmp_path / "whole.sqlite")]
    again = run_once(tmp_path / "a", vendor, tmp_path / "ledger.sqlite", jobs=2)
    assert [result.progress.tally for result in again] == expected
    assert vendor.store == whole.store


DIES = """
import os, sys
events = 0
def hook(event, args):
    global events
    if event in ("open", "os.rename", "os.remove") and str(args[0]).startswith({place!r}):
        events += 1
        if events == {moment}:
            os._exit(9)
sys.addaudithook(hook)
from tracklib.cli.main import app
app(["migrate", {source!r}, {destination!r}, "--ledger", {ledger!r}])
"""


def test_killed_while_writing_a_journal_root_and_continued_the_root_is_whole(tmp_path: Path) -> None:
    """A process that ends between any two files it touches leaves nothing that the next one does not put right."""
    make(tmp_path / "a", "one")
    source, died = f"local:{tmp_path / 'a'}", 0
    for moment in (1, 3, 5, 7, 9, 11):
        place, ledger = tmp_path / f"b{moment}", tmp_path / f"{moment}.sqlite"
        words = {"source": source, "destination": f"local:{place}", "ledger": str(ledger), "place": str(place)}
        script = DIES.format(moment=moment, **words)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=240, check=False)
        died += done.returncode == 9
        done = subprocess.run(
            [sys.executable, "-m", "tracklib.cli.main", "migrate", source, f"local:{place}", "--ledger", str(ledger)],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert_equal(source, f"local:{place}")
    assert died >= 3


def test_a_run_that_goes_on_is_completed_later(tmp_path: Path) -> None:
    """What is there of a running run is copied, and the rest by the next migration, with nothing twice."""
    vendor, ledger = Vendor(), tmp_path / "ledger.sqlite"
    run = tracklib.init("digits", id="one", dir=tmp_path / "a", backends=[])
    run.log({"loss": 1.0}, step=0)
    (first,) = run_once(tmp_path / "a", vendor, ledger)
    run.log({"loss": 0.5}, step=1)
    run.finish()
    (second,) = run_once(tmp_path / "a", vendor, ledger)
    assert (first.state, first.progress.tally.points) == ("partial", 1)
    assert (second.state, second.progress.tally.points) == ("copied", 2)
    (copy,) = vendor.source().runs(RunQuery())
    assert copy.status == "finished"
    points = [r.body.values for r in vendor.source().read(copy) if isinstance(r.body, Metrics)]
    assert points == [{"loss": 1.0}, {"loss": 0.5}]


def test_one_bad_run_leaves_the_others_alone(tmp_path: Path) -> None:
    """A file that is gone is a refused record; a run that the destination recorded itself is reported and left."""
    for name in ("one", "two"):
        make(tmp_path / "a", name)
    (tmp_path / "a" / "blobs" / "sha256" / TWO[:2] / TWO[2:]).unlink()
    (tmp_path / "a2").mkdir()
    make(tmp_path / "a2" / "b", "one")
    results = migrated(f"local:{tmp_path / 'a'}", f"local:{tmp_path / 'a2' / 'b'}", tmp_path / "ledger.sqlite")
    assert [result.state for result in results] == ["failed", "copied"]
    assert "was recorded in" in results[0].error
    assert results[1].progress.tally.refused.total() == 1
    assert results[1].progress.tally.points == 47


@pytest.mark.parametrize("name", ["../evil", "/etc/evil", "a/../../evil", "", "a\0b"])
def test_a_hostile_file_name_is_refused_and_writes_nothing(tmp_path: Path, name: str) -> None:
    """An artifact whose file would lie outside it is refused and counted; the rest of its run goes on."""
    digest = hashlib.sha256(b"x").hexdigest()
    vendor = Vendor()
    evil = Artifact("model", "model", (FileRef(name, 1, digest),))
    bodies = [RunStart("digits", "run"), evil, Metrics({"loss": 1.0}, 0), RunEnd("finished")]
    vendor.store.records["one"] = {("w", i): Record("w", i, 10**18 + i, body) for i, body in enumerate(bodies, 1)}
    vendor.store.files[digest] = b"x"
    (run,) = vendor.source().runs(RunQuery())
    (tmp_path / "scratch").mkdir()
    place = open_place(f"local:{tmp_path / 'in' / 'b'}")
    progress = copy_run(vendor.source(), run, place.sink, tmp_path / "scratch")
    assert progress.tally.points == 1
    assert sum(progress.tally.refused.values()) == 1
    assert not list(tmp_path.rglob("*evil*"))
    assert sorted(path.name for path in tmp_path.iterdir()) == ["in", "scratch"]
    assert list((tmp_path / "scratch").iterdir()) == []


class _Keeping(MemorySink):
    """A sink that keeps files and folders of its own from its opening to its close, as a vendor's SDK does."""

    def __init__(self, vendor: Vendor, context: SinkContext) -> None:
        super().__init__(vendor.store, context)
        self._own = [context.scratch / "own" / "log", context.scratch / "late"]
        for path in self._own:
            path.parent.mkdir(exist_ok=True)
            path.write_text("kept")

    def close(self) -> None:
        assert [path.read_text() for path in self._own] == ["kept"] * 2


def test_what_a_sink_keeps_in_its_scratch_stays_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Files that were fetched are removed with their batch; what the sink has put beside them is its own until its close."""
    monkeypatch.setattr("tracklib.portability.copy.BATCH", 5)
    make(tmp_path / "a", "one")
    vendor = Vendor()
    vendor.sink = lambda context: _Keeping(vendor, context)  # type: ignore[method-assign]
    (result,) = run_once(tmp_path / "a", vendor, tmp_path / "ledger")
    assert (result.state, result.error) == ("copied", "")
    assert result.progress.tally.artifacts > 0


class _Broken(MemorySink):
    """A sink whose first ones confirm nothing, and cannot be closed; once that was tried, they take nothing more."""

    def __init__(self, vendor: Vendor, context: SinkContext) -> None:
        super().__init__(vendor.store, context)
        self._vendor = vendor
        self._begun = dict(context.position)
        self._tries = 0

    def confirmed(self) -> Position:
        return super().confirmed() if self._vendor.calls == 3 else self._begun

    def close(self) -> None:
        self._tries += 1
        assert self._tries == 1, "it was let go, and is closed again"
        self._vendor.calls += 1
        if self._vendor.calls < 3:
            raise TransientError("the connection was lost")


def test_a_sink_that_could_not_be_closed_is_let_go(tmp_path: Path) -> None:
    """As delivery does, copying takes a new sink, and sends it what was not confirmed."""
    make(tmp_path / "a", "one")
    vendor, (run,) = Vendor(), open_place(f"local:{tmp_path / 'a'}").source().runs(RunQuery())
    waits: list[float] = []
    (tmp_path / "scratch").mkdir()
    source = open_place(f"local:{tmp_path / 'a'}").source()
    progress = copy_run(source, run, lambda context: _Broken(vendor, context), tmp_path / "scratch", sleep=waits.append)
    assert (vendor.calls, len(waits)) == (3, 2)
    assert progress.tally.records == len(list(source.read(run)))
    assert compare_runs(source, run, vendor.source(), next(vendor.source().runs(RunQuery()))).equal


def test_what_a_source_gives_under_a_digest_is_checked(tmp_path: Path) -> None:
    """Content that is not what its digest says is refused, not stored."""
    vendor, digest = Vendor(), hashlib.sha256(b"x").hexdigest()
    bodies = [RunStart("digits", "run"), Artifact("m", "model", (FileRef("w", 1, digest),)), RunEnd("finished")]
    vendor.store.records["one"] = {("w", i): Record("w", i, 10**18 + i, body) for i, body in enumerate(bodies, 1)}
    vendor.store.files[digest] = b"y"
    (run,) = vendor.source().runs(RunQuery())
    (tmp_path / "scratch").mkdir()
    progress = copy_run(vendor.source(), run, open_place(f"local:{tmp_path / 'b'}").sink, tmp_path / "scratch")
    assert progress.tally.artifacts == 0
    assert "with the digest" in next(iter(progress.tally.refused))


def test_users_get_their_new_names() -> None:
    """The map of users changes the user of a run's context, and nothing else."""
    change = map_users({"ada": "ada@new"})
    start = Record("w", 1, 1, RunStart("p", "n", context={"user": "ada", "host": "ada"}))
    assert change(start).body == RunStart("p", "n", context={"user": "ada@new", "host": "ada"})
    other = Record("w", 2, 2, Metrics({"loss": 1.0}, 0))
    assert change(other) is other


def test_one_millisecond_stays_in_one_batch() -> None:
    """Records of one millisecond are not parted, as a vendor that keeps milliseconds could not tell repeats apart."""
    records = [Record("w", i, 1_000_000 * (i // 4), Metrics({"a": 1.0}, i)) for i in range(12)]
    assert [len(batch) for batch in batches(records, 3)] == [4, 4, 4]
    assert [record for batch in batches(records, 3) for record in batch] == records


def test_a_choice_takes_runs_by_tag_count_and_project(tmp_path: Path) -> None:
    """Tags, a limit, each so-many-th, and a query choose the runs."""
    for name in ("one", "three", "two"):
        make(tmp_path / "a", name, points=1)
    source = open_place(f"local:{tmp_path / 'a'}").source()

    def chosen(**more: Any) -> list[str]:
        return [run.id for run in Choice(**more).runs(source)]

    assert chosen() == ["one", "three", "two"]
    assert chosen(limit=2) == ["one", "three"]
    assert chosen(every=2) == ["one", "two"]
    assert chosen(tags=(("dev", None),)) == ["one", "three", "two"]
    assert chosen(tags=(("dev", "x"),)) == []
    assert chosen(query=RunQuery(name="run two")) == ["two"]


def test_several_runs_at_a_time_come_to_the_same(tmp_path: Path) -> None:
    """With three jobs every run is copied once, and told in the order of the list."""
    for name in ("a", "b", "c", "d", "e"):
        make(tmp_path / "root", name, points=5)
    alone, together = Vendor(), Vendor()
    expected = run_once(tmp_path / "root", alone, tmp_path / "alone.sqlite")
    results = run_once(tmp_path / "root", together, tmp_path / "together.sqlite", jobs=3)
    assert results == expected
    assert together.store == alone.store


def test_a_run_that_goes_on_is_completed_in_a_journal_root(tmp_path: Path) -> None:
    """A journal root takes the rest of a run behind what an earlier copy brought; the copy is never taken for dead."""
    run = tracklib.init("digits", id="one", dir=tmp_path / "a", backends=[])
    run.log({"loss": 1.0}, step=0)
    a, b, ledger = f"local:{tmp_path / 'a'}", f"local:{tmp_path / 'b'}", tmp_path / "ledger.sqlite"
    (first,) = migrated(a, b, ledger)
    (copy,) = open_place(b).source().runs(RunQuery())
    assert (first.state, copy.status) == ("partial", "running")
    run.log({"loss": 0.5}, step=1)
    run.finish()
    (second,) = migrated(a, b, ledger)
    assert (second.state, second.progress.tally.points) == ("copied", 2)
    assert_equal(a, b)


def test_a_writer_of_any_name_is_a_file_in_the_journal(tmp_path: Path) -> None:
    """A source's writer may be called anything; its segment lies in the run's journal, and copying again keeps it."""
    vendor = Vendor()
    bodies = [RunStart("digits", "run"), Metrics({"loss": 1.0}, 0), RunEnd("finished")]
    vendor.store.records["one"] = {("../W", i): Record("../W", i, 10**18 + i, body) for i, body in enumerate(bodies, 1)}
    (run,) = vendor.source().runs(RunQuery())
    (tmp_path / "scratch").mkdir()
    place = open_place(f"local:{tmp_path / 'b'}")
    for _ in range(2):
        copy_run(vendor.source(), run, place.sink, tmp_path / "scratch")
        (copy,) = place.source().runs(RunQuery())
        assert [record.body for record in place.source().read(copy)] == bodies
        assert copy.status == "finished"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["b", "scratch"]
