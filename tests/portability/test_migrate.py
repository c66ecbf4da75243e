"""Migrating: every run once, whatever interrupts it, and nothing outside the destination."""

from __future__ import annotations

import dataclasses
import io
from collections.abc import Iterator
from pathlib import Path

import pytest

import tracklib
from tracklib.backends import RunQuery
from tracklib.backends.memory import MemorySource, MemoryStore
from tracklib.journal.layout import Root
from tracklib.model.records import Artifact, FileRef, Media, Metrics, Record
from tracklib.portability.choice import Choice
from tracklib.portability.compare import compare
from tracklib.portability.copy import Progress, batches, copy_run
from tracklib.portability.ledger import Ledger
from tracklib.portability.migrate import Migration, Result, map_users
from tracklib.portability.places import open_place
from tracklib.portability.snapshot import snapshot


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKLIB_CAPTURE", "none")
    monkeypatch.setenv("TRACKLIB_QUIET", "true")


def make(root: Path, id: str, points: int = 40) -> None:
    """Record a run with some of everything."""
    folder = root.parent / f"model-{id}"
    folder.mkdir()
    (folder / "w.bin").write_bytes(id.encode() * 100)
    config = {"lr": 1e-3, "model": {"depth": 4, "wide": True}}
    with tracklib.init("digits", name=f"run {id}", id=id, dir=root, config=config, tags=["dev"], backends=[]) as run:
        for step in range(points):
            run.log({"loss": 1 / (step + 1), **({"acc": float("nan")} if step % 7 == 0 else {})}, step=step)
        run.log({"loss": -0.0}, step=3)
        run.log({"note": tracklib.Text("hello")}, step=1)
        run.log_artifact(folder, name="model", type="model", aliases=["best"], copy="now")


def migrated(source: str, destination: str, ledger: Path, **more: object) -> list[Result]:
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


@pytest.mark.parametrize("vendor", ["mlflow", "aim"])
def test_a_run_goes_to_a_vendor_and_comes_back_equal(tmp_path: Path, vendor: str) -> None:
    """From a journal to a vendor and back to another journal nothing is lost, and repeating it does nothing."""
    pytest.importorskip(f"tracklib_{vendor}")
    for id in ("one", "two"):
        make(tmp_path / "a", id)
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
