"""A journal root with runs of every kind, and copies of it elsewhere."""

from __future__ import annotations

import importlib.util
import math
from pathlib import Path

import pytest

import tracklib
from tests.portability.test_migrate import migrated


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("TRACKLIB_QUIET", "true")
    (tmp_path / "tracklib.toml").touch()


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """Two runs of one project with some of everything, and one of another."""
    folder = tmp_path / "model"
    (folder / "deep").mkdir(parents=True)
    (folder / "w.bin").write_bytes(b"weights")
    (folder / "deep" / "b.bin").write_bytes(b"bias")
    root = tmp_path / "root"
    config = {"lr": 1e-3, "model": {"depth": 4, "wide": True, "name": "resnet"}, "a.b": [1, None], "nan": math.nan}
    with tracklib.init(
        "digits", id="base", name="baseline", dir=root, config=config, tags=["dev"], notes="first"
    ) as run:
        for step in range(20):
            run.log({"loss": 1 / (step + 1), "acc": step / 20}, step=step, timestamp=1_764_000_000.0 + step)
        odd = {"odd": math.nan, "big": 2**70 + 1, "zero": -0.0, "inf": -math.inf}
        run.log(odd, step=2**53 + 1, timestamp=1_764_000_020.0)
        run.log({"note": tracklib.Text("hello")}, step=3)
        run.log_artifact(folder, name="model", type="model", aliases=["best"], metadata={"k": 1}, copy="now")
        run.summary["best"] = 0.5
    with tracklib.init("digits", id="next", dir=root, tags={"team": "vision"}, group="folds") as run:
        run.log({"loss": 0.25}, step=0.5)
        run.finish(status="failed")
    with tracklib.init("words", id="other", dir=root) as run:
        run.log({"loss": 7}, step=-1)
    return root


@pytest.fixture
def copies(root: Path, tmp_path: Path) -> dict[str, str]:
    """The same runs at other backends, as places."""
    pytest.importorskip("tracklib_mlflow")
    places = {"local": f"local:{root}", "mlflow": f"mlflow:sqlite:///{tmp_path / 'ml.db'}"}
    if importlib.util.find_spec("aim") is not None:  # there is none for Python 3.13
        places["aim"] = f"aim:{tmp_path / 'aim'}"
    for name, place in places.items():
        if name != "local":
            assert {r.state for r in migrated(places["local"], place, tmp_path / f"{name}.sqlite")} == {"copied"}
    return places
