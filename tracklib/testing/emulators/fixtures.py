"""Fixtures for pytest: a vendor's server for one test, with the environment that leads its SDK there.

Bring those that you need into your ``conftest.py``::

    from tracklib.testing.emulators.fixtures import comet_emulator, wandb_emulator  # noqa: F401
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tracklib.testing.emulators.comet import CometEmulator
from tracklib.testing.emulators.emulator import Emulator
from tracklib.testing.emulators.wandb import WandbEmulator

__all__ = ["comet_emulator", "serving", "wandb_emulator"]

E = TypeVar("E", bound=Emulator)


@pytest.fixture
def wandb_emulator(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[WandbEmulator]:
    """Serve W&B to one test, whose SDK keeps its files in the test's folder.

    The test fails when the SDK asked for something that the emulator does not know.
    """
    for kind in ("DIR", "CACHE_DIR", "CONFIG_DIR", "DATA_DIR", "ARTIFACT_DIR"):
        monkeypatch.setenv(f"WANDB_{kind}", str(tmp_path / f"wandb-{kind.lower()}"))
    (tmp_path / "wandb-dir").mkdir()
    yield from serving(WandbEmulator(), monkeypatch)


@pytest.fixture
def comet_emulator(monkeypatch: pytest.MonkeyPatch) -> Iterator[CometEmulator]:
    """Serve Comet to one test.

    The test fails when the SDK asked for something that the emulator does not know.
    """
    yield from serving(CometEmulator(), monkeypatch)


def serving(emulator: E, monkeypatch: pytest.MonkeyPatch) -> Iterator[E]:
    """Run an emulator for the length of a test, and fail the test on complaints."""
    with emulator:
        for name, value in emulator.environment().items():
            monkeypatch.setenv(name, value)
        yield emulator
    if emulator.complaints:
        pytest.fail(
            f"{type(emulator).__name__} was asked for what it does not know:\n" + "\n".join(emulator.complaints)
        )
