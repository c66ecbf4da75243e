"""What every test starts from: a folder of its own, and an environment that steers nothing."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import hypothesis
import pytest

from tracklib.journal.layout import Root, RunFolder
from tracklib.journal.reader import read_run
from tracklib.model.records import Body, Record
from tracklib.tracking import current

# The machine is shared, so a slow example is no failure; TRACKLIB_EXAMPLES asks for more of them in a campaign.
hypothesis.settings.register_profile(
    "tracklib", deadline=None, database=None, max_examples=int(os.environ.get("TRACKLIB_EXAMPLES", "60"))
)
hypothesis.settings.load_profile("tracklib")

STEERING = ("TRACKLIB_", "MLFLOW_", "WANDB_", "COMET_", "AIM_", "NEPTUNE_", "PYTHONDONTWRITEBYTECODE")
"""Beginnings of the variables that steer tracklib, a vendor, or the byte code of child processes."""

LAUNCHERS = (
    "SLURM_",
    "TORCHELASTIC_",
    "OMPI_",
    "PMIX_",
    "PMI_",
    "MV2_",
    "MPI_",
    "RANK",
    "WORLD_SIZE",
    "LOCAL_",
    "NODE_RANK",
)
"""Beginnings of the variables by which a process knows its rank."""


@pytest.fixture(autouse=True)
def isolated(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Give each test its own working folder and journal root, and no variable that steers tracklib or a vendor."""
    for name in list(os.environ):
        if name.startswith((*STEERING, *LAUNCHERS)):
            monkeypatch.delenv(name)
    monkeypatch.setenv("TRACKLIB_DIR", str(tmp_path / ".tracklib"))
    monkeypatch.setenv("TRACKLIB_CAPTURE", "none")  # no second process beside each of thousands of runs
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(current, "_last", [])
    token = current._current.set(None)
    yield tmp_path
    current._current.reset(token)


@pytest.fixture
def root(tmp_path: Path) -> Root:
    """Return the test's journal root."""
    return Root(tmp_path / ".tracklib")


@pytest.fixture
def records(root: Root) -> Callable[..., list[Record]]:
    """Return a function that reads the records of a run: of the given one, or of the only one there is."""

    def read(run: object = None) -> list[Record]:
        folder = run if isinstance(run, RunFolder) else getattr(run, "folder", None)
        if folder is None:
            (folder,) = root.runs()
        return list(read_run(folder))

    return read


@pytest.fixture
def bodies(records: Callable[..., list[Record]]) -> Callable[..., list[Body]]:
    """Return a function that reads the bodies of a run's records that are of the given types."""

    def read(*kinds: type, run: object = None) -> list[Body]:
        return [record.body for record in records(run) if not kinds or isinstance(record.body, kinds)]

    return read
