"""Kills: whatever a backup is doing when it ends, the bundle is whole, and the next one comes to the same."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.portability.bundle.conftest import fresh
from tests.portability.test_migrate import KilledError, assert_equal
from tracklib.portability.bundle.backup import Backup
from tracklib.portability.bundle.catalog import Catalog
from tracklib.portability.bundle.folders import FolderStore
from tracklib.portability.bundle.inspection import Inspection
from tracklib.portability.bundle.retention import Retention, retain
from tracklib.portability.migrate import Result
from tracklib.portability.places import open_place


class MortalStore(FolderStore):
    """A folder whose user ends at the nth change that it makes, before or behind it."""

    def __init__(self, root: str, dies_at: int = 0) -> None:
        super().__init__(root)
        self.calls, self._dies_at = 0, dies_at

    def _tick(self) -> None:
        self.calls += 1
        if self.calls == self._dies_at:
            raise KilledError

    def _put(self, *words: Any) -> None:
        self._tick()
        super()._put(*words)
        self._tick()

    def remove(self, path: str, /) -> None:
        self._tick()
        super().remove(path)
        self._tick()


def back_up(source: Path, store: FolderStore, **more: Any) -> list[Result]:
    place = open_place(f"local:{source}")
    return list(Backup(place, open_place("bundle:unused"), Catalog(store), **more).run())


def hashes(root: Path) -> dict[str, str]:
    """Return everything that a bundle says of its runs, by path and checksum."""
    catalog = fresh(root)
    assert catalog.damage == {}
    found = {part.path: part.sha256 for entry in catalog.entries() for part in entry.parts}
    for path in sorted((root / "files").rglob("*")):
        if path.is_file():
            found[str(path.relative_to(root))] = hashlib.sha256(path.read_bytes()).hexdigest()
    return found


def test_killed_at_any_call_and_continued_the_bundle_is_the_same(
    tmp_path: Path, recorded: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whichever change is the last one, no run is half visible, and going on comes to the same parts and files."""
    monkeypatch.setattr("tracklib.portability.bundle.drafts._GROUP_ROWS", 10)
    monkeypatch.setattr("tracklib.portability.bundle.drafts._PART_ROWS", 20)
    whole = MortalStore(str(tmp_path / "whole"))
    expected = [result.progress.tally for result in back_up(recorded, whole)]
    parts = hashes(tmp_path / "whole")
    assert len([path for path in parts if "/points-" in path]) == 6
    for moment in range(1, whole.calls + 1):
        root = tmp_path / str(moment)
        with pytest.raises(KilledError):
            back_up(recorded, MortalStore(str(root), moment))
        if (root / "bundle.json").exists():
            seen = [found for found in Inspection(fresh(root), deep=True) if found.problems]
            assert seen == [], moment
        results = back_up(recorded, FolderStore(str(root)))
        assert [result.progress.tally for result in results] == expected, moment
        assert hashes(root) == parts, moment
        assert {result.state for result in back_up(recorded, FolderStore(str(root)))} == {"unchanged"}


def test_killed_while_clearing_and_continued_nothing_is_lost(tmp_path: Path, recorded: Path) -> None:
    """Whichever removal is the last one, every run is whole, and clearing again leaves the same as one go."""

    def prepared(root: Path, dies_at: int = 0) -> Catalog:
        for _ in range(3):
            back_up(recorded, FolderStore(str(root)))
        (root / "runs" / "digits" / "one" / "points-000000000000-0123456789abcdef.parquet").write_bytes(b"left behind")
        return Catalog(MortalStore(str(root), dies_at))

    whole = prepared(tmp_path / "whole")
    retain(whole, Retention(last=1), grace=-9)
    left = hashes(tmp_path / "whole")
    assert len(list((tmp_path / "whole" / "snapshots").iterdir())) == 1
    for moment in range(1, whole.store.calls + 1):
        root = tmp_path / str(moment)
        dying = prepared(root, moment)
        with pytest.raises(KilledError):
            retain(dying, Retention(last=1), grace=-9)
        for path in (root / "locks").glob("*"):
            path.unlink()  # it lapses by itself after hours
        assert [found.problems for found in Inspection(fresh(root), deep=True) if found.problems] == []
        retain(fresh(root), Retention(last=1), grace=-9)
        assert hashes(root) == left, moment
        assert len(list((root / "snapshots").iterdir())) == 1
        assert not list(root.rglob("*0123456789abcdef*"))


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
app(["backup", {source!r}, {bundle!r}])
"""


def test_a_killed_process_leaves_nothing_that_the_next_does_not_put_right(tmp_path: Path, recorded: Path) -> None:
    """A process that ends between any two files it touches leaves a bundle that the next one completes."""
    source, died = f"local:{recorded}", 0
    for moment in (2, 9, 17, 29, 43, 60):
        place = tmp_path / f"b{moment}"
        words = {"source": source, "bundle": f"bundle:{place}", "place": str(place)}
        script = DIES.format(moment=moment, **words)
        done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=240, check=False)
        died += done.returncode == 9
        done = subprocess.run(
            [sys.executable, "-m", "tracklib.cli.main", "backup", source, f"bundle:{place}"],
            capture_output=True,
            text=True,
            timeout=240,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert_equal(source, f"bundle:{place}")
    assert died >= 4
