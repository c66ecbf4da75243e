"""A server and a folder to write to, and a bench to write and read with."""

from __future__ import annotations

import uuid

import pytest
from tracklib_wandb.settings import WandbSettings
from tracklib_wandb.spec import SPEC

from tracklib.model.query import RunQuery
from tracklib.testing import bench as testing
from tracklib.testing.emulators.fixtures import wandb_emulator

__all__ = ["wandb_emulator"]


class Bench(testing.Bench):
    """A run at a server or in a folder, as the sink writes it, the source reads it, and the server or the log has it."""

    def __init__(self, settings, folder, server=None):
        # One program of W&B's serves this process, and tells runs apart by their ids alone.
        self.id = f"run-{uuid.uuid4().hex[:10]}"
        super().__init__(SPEC, settings, folder)
        self.server = server

    def run(self, run_id=None, **more):
        return super().run(run_id or self.id, **more)

    def write(self, *bodies, info=None, **more):
        """Write bodies as every bench does; all of them are confirmed when the sink is closed."""
        records = self.records(*bodies, **more)
        sink = self.sink(info)
        outcomes = sink.send(records)
        sink.close()
        assert sink.confirmed()[records[-1].writer] == records[-1].seq
        return records, list(outcomes)

    @property
    def raw(self):
        """The run as the server has it."""
        return self.server.run(self.project, self.id)

    @property
    def rows(self):
        """The rows as the server or the log has them, each as W&B's own reader gives it."""
        if self.server is not None:
            return self.raw.history
        from tracklib_wandb.offline_folder import OfflineFolder

        (view,) = [
            v for v in OfflineFolder(self.folder / "wandb").views(RunQuery()) if v.vitals.project == self.project
        ]
        return list(view.history())

    def shown(self, metric):
        """Return the points of a metric by W&B's own step."""
        return [(row["_step"], row[metric]) for row in self.rows if metric in row]


@pytest.fixture
def online(wandb_emulator, tmp_path):
    """A bench on a server."""
    url, key = wandb_emulator.url, wandb_emulator.api_key
    return Bench(WandbSettings(base_url=url, api_key=key, entity="team"), tmp_path, wandb_emulator)


@pytest.fixture
def offline(tmp_path, monkeypatch):
    """A bench on a folder."""
    for kind in ("DIR", "CACHE_DIR", "CONFIG_DIR", "DATA_DIR", "ARTIFACT_DIR"):
        monkeypatch.setenv(f"WANDB_{kind}", str(tmp_path / f"wandb-{kind.lower()}"))
    return Bench(WandbSettings(directory=str(tmp_path / "wandb")), tmp_path)


@pytest.fixture(params=["online", "offline"])
def bench(request):
    """A bench on a server, and one on a folder."""
    return request.getfixturevalue(request.param)
