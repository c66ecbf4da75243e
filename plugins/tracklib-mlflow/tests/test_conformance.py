"""MLflow keeps the laws that every backend keeps."""

from pathlib import Path
from urllib.parse import unquote

import pytest

from tracklib.testing.conformance import PlaceSubject
from tracklib.testing.conformance.suite import ConformanceSuite


class Tables:
    """What stands in MLflow's own tables, read with no MLflow between."""

    def __init__(self, store):
        self._store = store

    def points(self, run, metric):
        return self._store.sql("SELECT step, value FROM metrics WHERE run_uuid = ? AND key = ?", run.id, metric)


class TestMLflow(ConformanceSuite):
    """On a real server."""

    sdks = ("mlflow",)
    results = Path(__file__).parent / "support.json"

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, server_store):
        return PlaceSubject(f"mlflow:{unquote(server_store.uri)}", witness=Tables(server_store))


class Lines:
    """What stands in the files of MLflow's file store."""

    def __init__(self, folder):
        self._folder = folder

    def points(self, run, metric):
        (path,) = self._folder.glob(f"*/{run.id}/metrics/{metric}")
        lines = [line.split() for line in path.read_text().splitlines()]
        return [(int(step), float(value)) for _, value, step in lines]


class TestFolder(ConformanceSuite):
    """In a folder: written by MLflow's own file store, read from the disk."""

    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls, tmp_path_factory):
        folder = tmp_path_factory.mktemp("conformance") / "mlruns"
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
            yield PlaceSubject(f"mlflow:{folder}", witness=Lines(folder))
