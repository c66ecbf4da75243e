"""Backups: only what is new, completed later, kept as long as asked, and in nobody's way."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import pytest

import tracklib
from tests.portability.bundle.conftest import fresh
from tests.portability.test_migrate import Vendor, assert_equal, make
from tracklib.cli.deliveries import receipts_of
from tracklib.errors import UsageError
from tracklib.journal.layout import Root
from tracklib.model.records import Artifact, FileRef, Metrics, Record, RunEnd, RunStart
from tracklib.portability.bundle.backup import Backup
from tracklib.portability.bundle.catalog import Catalog
from tracklib.portability.bundle.folders import FolderStore
from tracklib.portability.bundle.inspection import Inspection
from tracklib.portability.bundle.leases import Lease, lease
from tracklib.portability.bundle.retention import Retention, retain
from tracklib.portability.bundle.snapshots import Snapshot
from tracklib.portability.bundle.source import BundleSource
from tracklib.portability.migrate import Result
from tracklib.portability.places import open_place
from tracklib.portability.verify import verify_run


def back_up(source: Any, catalog: Catalog, **more: Any) -> list[Result]:
    place = open_place(f"local:{source}") if isinstance(source, Path) else source
    return list(Backup(place, open_place("bundle:unused"), catalog, **more).run())


def files(root: Path) -> dict[str, int]:
    return {str(p.relative_to(root)): p.stat().st_mtime_ns for p in root.rglob("*") if p.is_file()}


def test_a_second_backup_writes_nothing_but_its_snapshot(tmp_path: Path, recorded: Path, catalog: Catalog) -> None:
    """Runs that did not change are passed over, by another process too, and the account is the same."""
    first = back_up(recorded, catalog)
    before = files(tmp_path / "b")
    second = back_up(recorded, fresh(tmp_path / "b"))
    assert [r.state for r in first] == ["copied", "copied"]
    assert [r.state for r in second] == ["unchanged", "unchanged"]
    assert [r.progress.tally for r in second] == [r.progress.tally for r in first]
    after = files(tmp_path / "b")
    (new,) = after.keys() - before.keys()
    assert new.startswith("snapshots/")
    assert {path: after[path] for path in before} == before


def test_a_new_run_is_added_and_the_others_are_left(tmp_path: Path, recorded: Path, catalog: Catalog) -> None:
    """What came since the last backup is taken in; what is there stays as it is."""
    back_up(recorded, catalog)
    before = files(tmp_path / "b" / "runs")
    make(recorded, "three")
    assert [r.state for r in back_up(recorded, fresh(tmp_path / "b"))] == ["unchanged", "copied", "unchanged"]
    after = files(tmp_path / "b" / "runs")
    assert {path: after[path] for path in before} == before
    assert_equal(f"local:{recorded}", f"bundle:{tmp_path / 'b'}")


def test_a_run_that_goes_on_is_completed_later(tmp_path: Path, catalog: Catalog) -> None:
    """What is there of a running run is taken in, the rest by the next backup, wherever the root lies then."""
    run = tracklib.init("digits", id="one", dir=tmp_path / "a", backends=[])
    run.log({"loss": 1.0}, step=0)
    (first,) = back_up(tmp_path / "a", catalog)
    (entry,) = fresh(tmp_path / "b").entries()
    assert (first.state, entry.run.status, first.progress.tally.points) == ("partial", "running", 1)
    run.log({"loss": 0.5}, step=1)
    run.finish()
    (tmp_path / "a").rename(tmp_path / "moved")
    (second,) = back_up(tmp_path / "moved", fresh(tmp_path / "b"))
    (entry,) = fresh(tmp_path / "b").entries()
    assert (second.state, entry.run.status, second.progress.tally.points) == ("copied", "finished", 2)
    assert_equal(f"local:{tmp_path / 'moved'}", f"bundle:{tmp_path / 'b'}")


def vendor_run(vendor: Vendor, *values: float, end: str = "finished") -> None:
    bodies = [RunStart("digits", "run"), *(Metrics({"loss": v}, i) for i, v in enumerate(values)), RunEnd(end)]
    held = {("w", i): Record("w", i, 10**18 + i, body) for i, body in enumerate(bodies, 1)}
    vendor.store.records["one"] = held


class Place:
    """A vendor in memory as a place."""

    def __init__(self, vendor: Vendor) -> None:
        self._vendor = vendor
        self.resolved = open_place("local:x").resolved

    def source(self) -> Any:
        return self._vendor.source()


def test_a_run_that_a_vendor_changed_is_replaced(tmp_path: Path, catalog: Catalog) -> None:
    """A source that numbers records anew gives a whole new copy; an older snapshot keeps the old one until it goes."""
    vendor = Vendor()
    vendor_run(vendor, 1.0, 2.0)
    back_up(Place(vendor), catalog)
    (old,) = catalog.entries()
    vendor_run(vendor, 1.0, 3.0, 4.0, end="failed")
    (result,) = back_up(Place(vendor), catalog)
    (new,) = fresh(tmp_path / "b").entries()
    assert (result.state, old.generation, new.generation, new.run.status) == ("copied", 1, 2, "failed")
    points = [r.body.values["loss"] for r in BundleSource(catalog).read(new.run) if isinstance(r.body, Metrics)]
    assert points == [1.0, 3.0, 4.0]
    assert all((tmp_path / "b" / part.path).exists() for part in (*old.parts, *new.parts))
    retain(fresh(tmp_path / "b"), Retention(last=2), grace=-9)
    assert all((tmp_path / "b" / part.path).exists() for part in old.parts)
    done = retain(fresh(tmp_path / "b"), Retention(last=1), grace=-9)
    assert (done.snapshots, [(tmp_path / "b" / part.path).exists() for part in old.parts]) == (1, [False, False])
    assert [found.problems for found in Inspection(fresh(tmp_path / "b"), deep=True)] == [[], []]


def test_a_run_whose_start_is_told_otherwise_later_is_the_same(catalog: Catalog) -> None:
    """Of a distributed run the lowest rank says when it began, though another one did before: that is no other run."""

    class Growing(Place):
        def source(self) -> Any:
            source = super().source()
            source.append_only = True
            return source

    vendor = Vendor()
    vendor.store.records["one"] = held = {}
    for rank, state in ((1, "partial"), (0, "partial")):
        writer = f"w{rank}"
        bodies = [RunStart("digits", "run", rank=rank), Metrics({"loss": 1.0}, 0)]
        held |= {(writer, i): Record(writer, i, 10**18 - 10 * rank + i, body) for i, body in enumerate(bodies, 1)}
        assert [r.state for r in back_up(Growing(vendor), catalog)] == [state]
    (entry,) = catalog.entries()
    assert (entry.run.started, entry.tally.records, entry.generation) == (10**18 + 1, 4, 2)
    assert len(list(BundleSource(catalog).read(entry.run))) == 4


def test_reading_again_finds_what_a_listing_does_not_tell(catalog: Catalog) -> None:
    """A value that was changed behind the run's back is found with ``again``, and nothing is written where none was."""
    vendor = Vendor()
    vendor_run(vendor, 1.0)
    back_up(Place(vendor), catalog)
    assert [r.state for r in back_up(Place(vendor), catalog, again=True)] == ["unchanged"]
    assert [entry.generation for entry in catalog.entries()] == [1]
    vendor_run(vendor, 1.5)
    assert [r.state for r in back_up(Place(vendor), catalog)] == ["unchanged"]
    assert [r.state for r in back_up(Place(vendor), catalog, again=True)] == ["copied"]
    assert [entry.generation for entry in catalog.entries()] == [2]


def test_a_content_that_is_there_is_not_fetched_again(catalog: Catalog) -> None:
    """A run that changed at a vendor costs its records again, not its files; reading all again costs them too."""
    vendor, content = Vendor(), b"weights"
    fetched: list[str] = []

    class Counting(Place):
        def source(self) -> Any:
            source = super().source()
            give = source.open_file
            source.open_file = lambda run, file: (fetched.append(file.path), give(run, file))[1]
            return source

    def log(name: str) -> None:
        file = FileRef("w", len(content), hashlib.sha256(content).hexdigest())
        bodies = [
            RunStart("digits", name),
            Artifact("a", "model", (file,)),
            Artifact("b", "model", (file,)),
            RunEnd("finished"),
        ]
        vendor.store.records["one"] = {("w", i): Record("w", i, 10**18 + i, body) for i, body in enumerate(bodies, 1)}
        vendor.store.files[file.sha256] = content

    log("first name")
    back_up(Counting(vendor), catalog)
    assert fetched == ["w"]
    log("second name")
    assert [r.state for r in back_up(Counting(vendor), catalog)] == ["copied"]
    assert fetched == ["w"]
    back_up(Counting(vendor), catalog, again=True)
    assert fetched == ["w", "w"]


def test_runs_are_delivered_to_a_bundle_as_to_any_backend(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A bundle may stand among the backends of a run, which is in it when the run has ended."""
    monkeypatch.setenv("TRACKLIB_DELIVERY", "inline")
    run = tracklib.init("digits", id="one", dir=tmp_path / "a", backends=[f"bundle:{tmp_path / 'b'}"])
    run.log({"loss": 1.0}, step=0)
    run.log({"note": tracklib.Text("hello")}, step=1)
    run.finish(wait=True)
    assert_equal(f"local:{tmp_path / 'a'}", f"bundle:{tmp_path / 'b'}")
    (receipt,) = receipts_of(run.folder).good
    found = verify_run(Root(tmp_path / "a"), run.folder, receipt)
    assert (found.equal, found.counts["points"], found.differences) == (True, 1, [])


def test_another_run_of_the_same_id_is_refused(tmp_path: Path, recorded: Path, catalog: Catalog) -> None:
    """A run that was begun elsewhere under an id that the bundle holds is reported, and the held one stays."""
    back_up(recorded, catalog)
    (tmp_path / "other").mkdir()
    make(tmp_path / "other" / "a", "one")
    for again in (False, True):
        (result,) = back_up(tmp_path / "other" / "a", catalog, again=again)
        assert (result.state, "holds another run as digits/one" in result.error) == ("failed", True)
    assert_equal(f"local:{recorded}", f"bundle:{tmp_path / 'b'}")


def test_several_jobs_come_to_the_same(tmp_path: Path, recorded: Path) -> None:
    """With four jobs the parts are those of one."""
    for name in ("c", "d", "e", "f"):
        make(recorded, name, points=5)
    held = []
    for jobs in (1, 4):
        catalog = Catalog(FolderStore(str(tmp_path / f"b{jobs}")))
        assert {r.state for r in back_up(recorded, catalog, jobs=jobs)} == {"copied"}
        held.append([(entry.key, entry.parts) for entry in fresh(tmp_path / f"b{jobs}").entries()])
    assert held[0] == held[1]


def test_commits_are_folded_as_they_become_many(
    tmp_path: Path, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The list is gathered into a manifest after so many commits; a reader sees the same before and after."""
    monkeypatch.setattr("tracklib.portability.bundle.catalog._FOLD_AT", 2)
    for name in ("c", "d", "e"):
        make(recorded, name, points=1)
    work = Backup(open_place(f"local:{recorded}"), open_place("bundle:x"), Catalog(FolderStore(str(tmp_path / "b"))))
    watched = [fresh(tmp_path / "b").names() for _ in work.run()]
    assert [len(names) for names in watched] == [1, 2, 3, 4, 5]
    assert len(list((tmp_path / "b" / "manifests").iterdir())) == 3


def test_two_machines_that_fold_at_once_lose_nothing(tmp_path: Path, recorded: Path) -> None:
    """Each knows runs that the other does not; a reader sees all, and the next backup has one list of them."""
    a, b = (Catalog(FolderStore(str(tmp_path / "b"))) for _ in range(2))
    back_up(recorded, a)
    b.refresh()
    for name, catalog in (("c", a), ("d", b)):
        (tmp_path / name).mkdir()
        make(tmp_path / name / "root", name, points=1)
        catalog.refresh = lambda: None  # type: ignore[method-assign]  # it sees nothing of the other meanwhile
        back_up(tmp_path / name / "root", catalog)
    assert [run_id for _, run_id in fresh(tmp_path / "b").names()] == ["c", "d", "one", "two"]
    back_up(recorded, fresh(tmp_path / "b"))
    newest = max((tmp_path / "b" / "snapshots").iterdir())
    catalog = fresh(tmp_path / "b")
    assert next(catalog.snapshots()).name.endswith(newest.name)
    assert next(catalog.snapshots()).runs == 4


def test_retention_keeps_what_is_asked_for() -> None:
    """A number keeps so many backups, an age those that are not older, and the newest always stays."""
    day = 86400
    snapshots = [Snapshot("backup", int(i * day * 1e9), name=str(i)) for i in range(10)]
    snapshots.append(Snapshot("fold", int(20 * day * 1e9), name="fold"))
    assert Retention(last=3).keeps(snapshots, 9 * day) == {"7", "8", "9"}
    assert Retention(seconds=2 * day).keeps(snapshots, 9 * day) == {"7", "8", "9"}
    assert Retention(seconds=1).keeps(snapshots, 99 * day) == {"9"}


def test_what_was_just_uploaded_is_not_cleared_away(tmp_path: Path, recorded: Path, catalog: Catalog) -> None:
    """A part that no manifest names yet may belong to a copy that goes on; it is cleared after a day."""
    back_up(recorded, catalog)
    part = tmp_path / "b" / "runs" / "digits" / "new" / "points-000000000000-0123456789abcdef.parquet"
    part.parent.mkdir()
    part.write_bytes(b"half")
    (part.parent / ".0123.part").write_bytes(b"ha")
    assert retain(catalog, Retention(last=1)).files == 0
    long_ago = time.time() - 25 * 3600
    for path in part.parent.iterdir():
        os.utime(path, (long_ago, long_ago))
    done = retain(catalog, Retention(last=1))
    assert (done.files, done.bytes, part.parent.exists()) == (2, 6, False)


def test_nothing_is_cleared_under_a_backup(tmp_path: Path, recorded: Path, catalog: Catalog) -> None:
    """A backup and a clearing exclude each other; two backups do not; a lease of one that was killed lapses."""
    back_up(recorded, catalog)
    with lease(catalog.store, "backup"):
        with pytest.raises(UsageError, match="to be the only one"):
            retain(catalog, Retention(last=1))
        assert [r.state for r in back_up(recorded, catalog)] == ["unchanged", "unchanged"]
    with lease(catalog.store, "prune"), pytest.raises(UsageError, match="to be the only one"):
        back_up(recorded, catalog)
    Lease(catalog.store, "backup").take()
    (left,) = (tmp_path / "b" / "locks").iterdir()
    os.utime(left, (time.time() - 7 * 3600,) * 2)
    assert retain(catalog, Retention(last=1)).snapshots == 1
