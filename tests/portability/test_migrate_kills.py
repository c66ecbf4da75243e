"""A migration that is killed and called again comes to what an undisturbed one does.

``TRACKLIB_KILLS`` sets the number of kills: a few on each commit, 200 in a campaign (``make soak``).
"""

from __future__ import annotations

import hashlib
import os
import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tests.portability.test_migrate import make
from tracklib.backends import RunQuery
from tracklib.model.codec import dumps, to_fields
from tracklib.portability.places import open_place

KILLS = int(os.environ.get("TRACKLIB_KILLS", "4"))
RUNS = 12


@pytest.fixture
def source(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> str:
    for name in [name for name in os.environ if name.startswith("TRACKLIB_")]:  # the campaign's own are no settings
        monkeypatch.delenv(name)
    monkeypatch.setenv("TRACKLIB_CAPTURE", "none")
    monkeypatch.setenv("TRACKLIB_QUIET", "true")
    for number in range(RUNS):
        make(tmp_path / "a", f"run{number}", points=400)
    return f"local:{tmp_path / 'a'}"


def started(source: str, destination: str, ledger: Path) -> subprocess.Popen[str]:
    words = ["migrate", source, destination, "--ledger", str(ledger), "--jobs", "2"]
    pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen([sys.executable, "-m", "tracklib.cli.main", *words], text=True, **pipes)  # type: ignore[call-overload,no-any-return]


def digests(place: str) -> dict[str, tuple[int, str]]:
    """Return for each run how many records it has, and what they are, apart from the numbers that the place gives them."""
    held = open_place(place).source()
    found = {}
    for run in held.runs(RunQuery()):
        assert run.id not in found, "a run is there twice"
        lines = sorted(dumps({**to_fields(record), "seq": 0}) for record in held.read(run))
        found[run.id] = len(lines), hashlib.sha256(b"\n".join(lines)).hexdigest()
    return found


@pytest.mark.faults
@pytest.mark.filterwarnings("ignore::Warning")  # the vendors' SDKs use what others have deprecated
@pytest.mark.parametrize(("vendor", "kills"), [("local", KILLS), ("mlflow", max(1, KILLS // 4))])
def test_killed_at_random_moments_and_continued(tmp_path: Path, source: str, vendor: str, kills: int) -> None:
    """Whenever the process is killed, calling it again comes to the same runs, counts and hashes; nothing is there twice."""
    pytest.importorskip("tracklib_mlflow") if vendor == "mlflow" else None

    def place(number: int) -> str:
        return (
            f"mlflow:sqlite:///{tmp_path / f'{number}.db'}" if vendor == "mlflow" else f"local:{tmp_path / str(number)}"
        )

    def ledger(number: int) -> Path:
        return tmp_path / f"{number}.sqlite"

    whole = started(source, place(0), ledger(0))
    began = _wait_for(ledger(0), whole)
    told = whole.communicate(timeout=300)
    assert whole.returncode == 0, told
    lasts = time.monotonic() - began
    expected = digests(place(0))
    assert len(expected) == RUNS
    chance, struck = random.Random(kills), 0
    for number in range(1, kills + 1):
        process = started(source, place(number), ledger(number))
        _wait_for(ledger(number), process)
        # The machine may have become faster since it was measured: the last one strikes at once, if none did.
        time.sleep(chance.uniform(0, lasts) if struck or number < kills else 0)
        process.kill()
        process.communicate()
        struck += process.returncode != 0
        again = started(source, place(number), ledger(number))
        told = again.communicate(timeout=300)
        assert again.returncode == 0, told
        assert digests(place(number)) == expected, number
    assert struck


def _wait_for(path: Path, process: subprocess.Popen[str]) -> float:
    """Wait until a migration has its ledger, which is when it begins to copy; return when that was."""
    while not path.exists():
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    return time.monotonic()
