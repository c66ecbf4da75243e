"""Four vendors at once: MLflow and Aim on this disk, W&B and Comet as emulated servers, each through its own SDK."""

from __future__ import annotations

import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.promises.conftest import clean_environ
from tests.together import holdings
from tracklib.delivery.account import Line
from tracklib.testing.emulators.comet import CometEmulator
from tracklib.testing.emulators.wandb import WandbEmulator
from tracklib.testing.workplace import Workplace

VENDORS = ("mlflow", "wandb", "comet", "aim")
SDKS = {"mlflow", "wandb", "comet_ml", "aim"}
SHIM = Path(__file__).parent / "shim"


class Desk(Workplace):
    """A folder in which scripts run that go to all four, at places of this desk's own."""

    def __init__(self, path: Path, wandb: WandbEmulator, comet: CometEmulator) -> None:
        if missing := [name for name in sorted(SDKS) if importlib.util.find_spec(name) is None]:
            pytest.skip(f"not installed: {', '.join(missing)}")
        super().__init__(path, TRACKLIB_CAPTURE="none", TRACKLIB_FINISH_TIMEOUT="120")
        self.wandb, self.comet = wandb, comet
        self.entries = {
            "mlflow": f"mlflow:sqlite:///{path}/mlflow.db",
            "wandb": "wandb",
            "comet": "comet",
            "aim": f"aim:{path}/repo",
        }
        home = path / "home"
        home.mkdir()
        self.environ |= {
            **wandb.environment(),
            **comet.environment(),
            "HOME": str(home),
            "TRACKLIB_BACKENDS": ",".join(self.entries.values()),
            "TRACKLIB_COMET__METRICS_PER_MINUTE": "0",
            "PYTHONPATH": str(SHIM),
            "FOUR_FAULT": str(path / "fault.json"),
        }
        self.mend()

    def spoil(self, vendor: str, kind: str) -> None:
        """Make one vendor's SDK fail from now on, wherever it is imported."""
        (self.path / "fault.json").write_text(json.dumps({"vendor": vendor, "kind": kind}))

    def mend(self) -> None:
        (self.path / "fault.json").write_text("{}")

    def of(self) -> dict[str, list[Line]]:
        """Return the lines of the account by vendor."""
        found: dict[str, list[Line]] = {vendor: [] for vendor in VENDORS}
        for line in self.lines():
            found[line.backend].append(line)
        return found

    def await_done(self, *vendors: str, seconds: float = 240) -> None:
        """Wait until everything is held by these vendors."""
        deadline = time.monotonic() + seconds
        while not all(line.done for vendor in vendors for line in self.of()[vendor]):
            assert time.monotonic() < deadline, self.lines()
            time.sleep(0.2)

    def verified(self, *vendors: str) -> None:
        """See that what these vendors hold is what was recorded."""
        words = [word for vendor in vendors for word in ("--backend", self.entries[vendor])]
        done = self.tracklib("verify", *words)
        assert done.returncode == 0, done.stdout + done.stderr

    def holds(self, vendor: str) -> holdings.Holding:
        """Return what a vendor holds, seen past every client, without ids and times."""
        if vendor == "mlflow":
            return holdings.mlflow(self.path / "mlflow.db")
        if vendor == "aim":
            return holdings.aim(self.path / "repo")
        return holdings.wandb(self.wandb) if vendor == "wandb" else holdings.comet(self.comet)


@pytest.fixture(scope="session")
def make_desk() -> Iterator[Callable[[Path], Desk]]:
    """Return a function that makes a desk, with servers of its own."""
    with ExitStack() as stack:

        def make(path: Path) -> Desk:
            wandb, comet = (stack.enter_context(kind()) for kind in (WandbEmulator, CometEmulator))
            return Desk(path, wandb, comet)

        yield make


@pytest.fixture
def desk(tmp_path: Path, make_desk: Callable[[Path], Desk]) -> Iterator[Desk]:
    """Return a desk; whatever its servers did not know fails the test."""
    made = make_desk(tmp_path / "desk")
    yield made
    assert (made.wandb.complaints, made.comet.complaints) == ([], [])


def until(true: Callable[[], object], seconds: float = 120) -> None:
    """Wait until something is so."""
    deadline = time.monotonic() + seconds
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def own(text: str) -> list[str]:
    """Return the lines of an output that are not tracklib's."""
    return [line for line in text.splitlines() if not line.startswith("tracklib: ")]


def processes_of(desk: Desk) -> list[str]:
    """Return the command lines of all processes that serve a desk; without /proc there is nothing to look at."""
    found = []
    for path in Path("/proc").glob("[0-9]*"):
        try:
            command = (path / "cmdline").read_bytes().replace(b"\0", b" ").decode("utf-8", "replace")
            around = (path / "environ").read_bytes()
        except OSError:
            continue
        if command and str(path.name) != str(os.getpid()) and os.fsencode(f"TRACKLIB_DIR={desk.root.path}") in around:
            found.append(command)
    return found


def python(script: str, *words: str) -> str:
    """Run a script that imports an SDK, in a process of its own; return what it prints."""
    done = subprocess.run(
        [sys.executable, "-c", script, *words],
        env=clean_environ(),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
