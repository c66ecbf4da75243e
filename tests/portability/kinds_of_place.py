"""Kinds of place: for each backend, and each form that it has, new empty places to copy runs to."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest

from tracklib.backends.settings import Secret
from tracklib.portability.places import Place, open_place
from tracklib.testing.emulators.comet import CometEmulator
from tracklib.testing.emulators.emulator import Emulator
from tracklib.testing.emulators.wandb import WandbEmulator

__all__ = ["KINDS", "Ground", "grounds", "new_place"]

KINDS = ("mlflow", "wandb", "wandb-folder", "comet", "comet-folder", "aim", "bundle", "local")
"""A backend at a server or in a database, and backends in folders."""

_SDKS = {
    "mlflow": "mlflow",
    "wandb": "wandb",
    "comet": "comet_ml",
    "aim": "aim",
    "bundle": "pyarrow",
    "neptune": "pyarrow",
}
_WANDB_FOLDERS = ("DIR", "CACHE_DIR", "CONFIG_DIR", "DATA_DIR", "ARTIFACT_DIR")


@dataclass(slots=True)
class Ground:
    """Where places stand: a folder, and servers that many tests share.

    A place at a vendor's server is a server of its own: the same run may be in two of them.
    """

    folder: Path
    stack: ExitStack
    emulators: list[Emulator] = field(default_factory=list)
    _count: int = 0

    def surroundings(self) -> dict[str, str]:
        """Return the folders in which the vendors' SDKs keep what is their own, by the variables that name them."""
        home = {kind: self.folder / f"wandb-{kind.lower()}" for kind in _WANDB_FOLDERS}
        for path in (*home.values(), self.folder / "home"):
            path.mkdir(exist_ok=True)
        return {**{f"WANDB_{kind}": str(path) for kind, path in home.items()}, "HOME": str(self.folder / "home")}

    def fresh(self, word: str) -> Path:
        """Return the path of something that is not there yet."""
        self._count += 1
        return self.folder / f"{word}-{self._count}"

    def serve(self, emulator: Emulator) -> Emulator:
        """Run a server until the tests end."""
        self.emulators.append(self.stack.enter_context(emulator))  # type: ignore[arg-type]
        return emulator


def grounds(folder: Path) -> Iterator[Ground]:
    """Yield a ground, and stop what stands there; no server may have been asked for anything that it does not know."""
    with ExitStack() as stack:
        ground = Ground(folder, stack)
        yield ground
        complaints = [complaint for emulator in ground.emulators for complaint in emulator.complaints]
    assert complaints == []


def new_place(kind: str, ground: Ground) -> Place:
    """Return a place of a kind that holds nothing; the test is skipped where its vendor's SDK is not installed."""
    if sdk := _SDKS.get(kind.partition("-")[0]):
        pytest.importorskip(sdk)
    return _MAKERS[kind](ground)


def _mlflow(ground: Ground) -> Place:
    base = _copied("mlflow", ground, lambda path: open_place(f"mlflow:sqlite:///{path}/mlflow.db").resolved.check())
    return _with(open_place(f"mlflow:sqlite:///{base}/mlflow.db"), artifact_root=str(base / "artifacts"))


def _aim(ground: Ground) -> Place:
    from tracklib_aim.repository import Repository
    from tracklib_aim.settings import AimSettings

    def make(path: Path) -> None:
        with Repository.opened(AimSettings(repo=str(path)).resolved()):
            return

    return open_place(f"aim:{_copied('aim', ground, make)}")


def _copied(word: str, ground: Ground, make: Callable[[Path], object]) -> Path:
    """Return a new folder with empty tables; making them takes seconds, copying them none."""
    empty = ground.folder / f"empty-{word}"
    if not empty.exists():
        empty.mkdir()
        make(empty)
    return Path(shutil.copytree(empty, ground.fresh(word)))


def _wandb(ground: Ground) -> Place:
    server = ground.serve(WandbEmulator())
    assert isinstance(server, WandbEmulator)
    return _with(open_place("wandb:team"), base_url=server.url, api_key=Secret(server.api_key))


def _comet(ground: Ground) -> Place:
    server = ground.serve(CometEmulator())
    assert isinstance(server, CometEmulator)
    pace = {"metrics_per_minute": 0, "params_per_minute": 0, "lines_per_minute": 0}
    url = server.environment()["COMET_URL_OVERRIDE"]
    return _with(open_place("comet:team"), url=url, api_key=Secret(server.api_key), **pace)


def _folder(backend: str) -> Callable[[Ground], Place]:
    return lambda ground: open_place(f"{backend}:{ground.fresh(backend)}")


def _with(place: Place, **settings: Any) -> Place:
    """Return a place with settings that no place names."""
    resolved = place.resolved
    return replace(place, resolved=replace(resolved, settings=replace(resolved.settings, **settings).resolved()))


_MAKERS: dict[str, Callable[[Ground], Place]] = {
    "mlflow": _mlflow,
    "wandb": _wandb,
    "wandb-folder": _folder("wandb"),
    "comet": _comet,
    "comet-folder": _folder("comet"),
    "aim": _aim,
    "bundle": _folder("bundle"),
    "local": _folder("local"),
}
