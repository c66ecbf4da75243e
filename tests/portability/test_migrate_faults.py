"""Migrating in bad conditions: the run concerned is reported and left, and the others go on."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.portability.test_migrate import Vendor, make, migrated
from tracklib.backends import RunQuery
from tracklib.journal.segment import seal, seed_of
from tracklib.model.codec import dumps
from tracklib.model.records import Record
from tracklib.model.run import RunInfo
from tracklib.portability.ledger import Ledger
from tracklib.portability.local import JournalSource
from tracklib.portability.migrate import Migration
from tracklib.portability.places import open_place


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKLIB_CAPTURE", "none")
    monkeypatch.setenv("TRACKLIB_QUIET", "true")


def segment(root: Path, run_id: str) -> Path:
    (path,) = (root / "digits" / run_id / "journal").glob("*.jsonl")
    return path


def flip(path: Path) -> None:
    """Change one character in the middle of a line that holds a point."""
    lines = path.read_bytes().splitlines(keepends=True)
    place = next(i for i, line in enumerate(lines) if b'"loss":0.25' in line)
    lines[place] = lines[place].replace(b"0.25", b"0.35")
    path.write_bytes(b"".join(lines))


DAMAGE: dict[str, tuple[Callable[[Path], object], str]] = {
    "a flipped bit": (flip, "only part of it could be read and was copied: 1 damaged lines, 1 records missing"),
    "a newer format": (
        lambda path: path.write_bytes(seal(dumps({"kind": "segment", "format": "9.0"}), seed_of(path.stem))),
        "only part of it could be read and was copied: 1 damaged lines",
    ),
    "a folder in its place": (lambda path: (path.unlink(), path.mkdir()), "only part of it could be read"),
}


@pytest.mark.parametrize("name", DAMAGE)
def test_a_damaged_journal_is_reported_and_the_others_go_on(tmp_path: Path, name: str) -> None:
    """A run of which not all can be read is no copied run, however much of it was; those beside it are copied."""
    for run_id in ("one", "three", "two"):
        make(tmp_path / "a", run_id)
    damage, words = DAMAGE[name]
    damage(segment(tmp_path / "a", "three"))
    results = migrated(f"local:{tmp_path / 'a'}", f"local:{tmp_path / 'b'}", tmp_path / "ledger.sqlite")
    states = {result.run.id: result.state for result in results}
    assert states == {"one": "copied", "three": "failed", "two": "copied"}
    (failed,) = (result for result in results if result.state == "failed")
    assert words in failed.error


class Deleted(JournalSource):
    """A journal root of which somebody deletes a run while it is read."""

    def read(self, run: RunInfo, /, after: object = None) -> Iterator[Record]:
        for number, record in enumerate(super().read(run)):
            if number == 3 and run.id == "one":
                shutil.rmtree(self._folder(run).path)
            yield record


class Emptied(JournalSource):
    """A place that has forgotten a run by the time it is asked for it."""

    def read(self, run: RunInfo, /, after: object = None) -> Iterator[Record]:
        return iter(())


@pytest.mark.parametrize("moment", ["listed", "begun"])
def test_a_run_that_is_deleted_while_it_is_copied_is_reported(tmp_path: Path, moment: str) -> None:
    """Deleted between the list and its turn, a run has failed; deleted as it is read, what is open can be read on."""
    for run_id in ("one", "two"):
        make(tmp_path / "a", run_id)
    vendor, ledger = Vendor(), Ledger(tmp_path / "ledger.sqlite", "a", "b")
    source = open_place(f"local:{tmp_path / 'a'}")
    migration = Migration(source, vendor, ledger)  # type: ignore[arg-type]  # acts as one
    (runs,) = migration.waves(None)
    if moment == "listed":
        shutil.rmtree(tmp_path / "a" / "digits" / "one")
    else:
        migration._local.source = Deleted(source.source()._root)  # type: ignore[attr-defined]
    one, two = migration.copy(runs)
    assert two.state == "copied"
    if moment == "listed":
        assert (one.state, "expected the run 'one'" in one.error) == ("failed", True)
        assert [run.id for run in vendor.source().runs(RunQuery())] == ["two"]  # of the other, it heard nothing
    else:
        assert (one.state, one.progress.tally.points) == ("copied", 47)
    ledger.close()


def test_a_run_that_gives_nothing_any_more_is_no_copied_run(tmp_path: Path) -> None:
    """A source whose run is empty by the time it is read has lost it, and the copy is not called one."""
    make(tmp_path / "a", "one")
    vendor, ledger = Vendor(), Ledger(tmp_path / "ledger.sqlite", "a", "b")
    migration = Migration(open_place(f"local:{tmp_path / 'a'}"), vendor, ledger)  # type: ignore[arg-type]  # acts as one
    (runs,) = migration.waves(None)
    migration._local.source = Emptied(migration._source()._root)  # type: ignore[attr-defined]
    (result,) = migration.copy(runs)
    assert (result.state, result.error) == (
        "failed",
        "its source gives no record of it any more; it was listed as finished",
    )
    assert list(vendor.source().runs(RunQuery())) == []
    ledger.close()


FULL = """
import json, sys
from pathlib import Path
sys.path.insert(0, {tests!r})
from tests.portability.test_migrate import migrated
results = migrated({source!r}, "local:" + sys.argv[1] + "/b", Path({ledger!r}))
print(json.dumps([[result.run.id, result.state, result.error] for result in results]))
"""


def test_a_full_disk_fails_the_runs_that_do_not_fit(tmp_path: Path) -> None:
    """On a real file system that is too small for one run, that one is reported at once, and the others are copied."""
    for run_id, points in (("a", 40), ("huge", 8000), ("small", 40)):
        make(tmp_path / "a", run_id, points)
    (tmp_path / "disk").mkdir()
    mount = 'mount -t tmpfs -o size=600k none "$0" && exec "$@"'
    command = ["unshare", "-Urm", "sh", "-c", mount, str(tmp_path / "disk")]
    if subprocess.run([*command, "true"], check=False, capture_output=True).returncode != 0:
        pytest.skip("no mount namespaces for users here: the full disk was not tested")
    words = {"source": f"local:{tmp_path / 'a'}", "ledger": str(tmp_path / "ledger.sqlite")}
    script = FULL.format(tests=str(Path(__file__).parents[2]), **words)
    done = subprocess.run(
        [*command, sys.executable, "-c", script, str(tmp_path / "disk")],
        capture_output=True,
        text=True,
        timeout=40,  # nobody waits for room: each try would double the pause
        check=False,
    )
    assert done.returncode == 0, done.stderr
    results = {run_id: (state, error) for run_id, state, error in json.loads(done.stdout)}
    assert results["a"] == results["small"] == ("copied", "")
    assert results["huge"][0] == "failed"
    assert "No space left on device" in results["huge"][1]
    assert done.stderr == ""


def test_memory_does_not_grow_with_the_number_of_runs(tmp_path: Path) -> None:
    """Groups come one by one from a list on disk, which was complete before the first of them."""
    listed = []

    class Endless:
        def runs(self, query: RunQuery) -> Iterator[RunInfo]:
            for number in range(1800):
                listed.append(number)
                yield RunInfo("p", f"r{number}", "name")

    vendor, ledger = Vendor(), Ledger(tmp_path / "ledger.sqlite", "a", "b")
    vendor.source = Endless  # type: ignore[method-assign,assignment]
    migration = Migration(vendor, vendor, ledger)  # type: ignore[arg-type]  # acts as one
    waves = migration.waves(None)
    assert len(next(waves)) == 500
    assert len(listed) == 1800
    assert [len(wave) for wave in waves] == [500, 500, 300]
    assert [len(wave) for wave in migration.waves(1000)] == [1000, 800]
    ledger.close()


def test_the_ledger_gives_its_entries_piece_by_piece(tmp_path: Path) -> None:
    """More entries than are held at a time come all, once, in order, and with what copying them took."""
    from dataclasses import replace

    from tracklib.portability.ledger import Entry
    from tracklib.portability.plan import Rate

    ledger = Ledger(tmp_path / "ledger.sqlite", "a", "b")
    ledger._base.execute("PRAGMA synchronous = OFF")
    made = [Entry(f"p{n % 3}", f"r{n:04}", "name", "copied", seconds=0.5) for n in range(1201)]
    for entry in made:
        tally = replace(entry.progress.tally, records=10)
        ledger.save(entry.at(replace(entry.progress, tally=tally)))
    found = list(ledger.entries())
    assert [(entry.project, entry.id) for entry in found] == sorted((entry.project, entry.id) for entry in made)
    rate = Rate.of(ledger)
    assert (rate.runs, rate.records, rate.seconds) == (1201, 12010, 600.5)
    assert rate.estimate(10, 1000) == (pytest.approx(5.0), pytest.approx(50.0))
    assert Rate().estimate(10, 1000) is None
    ledger.close()
