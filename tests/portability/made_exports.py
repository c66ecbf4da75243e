"""Made exports: what hypothesis may come upon as the files of a vendor that tracklib reads and does not write."""

from __future__ import annotations

import importlib.util
import sys
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import strategies as st

from tests.portability.kinds_of_place import Ground
from tracklib.portability.places import Place, open_place

__all__ = ["EXPORTS", "module_of"]

_PLUGINS = Path(__file__).parents[2] / "plugins"
_BASE = 1_790_000_000_123
_INT64 = st.integers(-(2**63), 2**63 - 1)
_MS = st.integers(0, 2 * 10**12)

# What MLflow takes as a name, and its folders can hold side by side.
_METRICS = st.sampled_from(["loss", "val/acc", "val/top 1", "gr\u00f6\u00dfe", "a.b", "x_y-z", "LOSS"])
_VALUES = st.one_of(st.floats(), _INT64.map(float), st.sampled_from([-0.0, 5e-324, 1e308]))
_POINTS = st.lists(st.tuples(_METRICS, _VALUES, st.one_of(st.integers(-3, 40), _INT64), _MS), min_size=5, max_size=60)
_TEXTS = st.text(st.characters(exclude_categories=["Cs"], exclude_characters="\0"), min_size=1, max_size=30)
_LABELS = st.dictionaries(st.sampled_from(["lr", "opt.name", "model/depth", "x y", "LR"]), _TEXTS, max_size=4)
_FILES = st.dictionaries(
    st.sampled_from(["w.bin", "deep/er/a b.txt", "gr\u00f6\u00dfe/100%.txt"]), st.binary(max_size=40)
)
_FOLDER_RUNS = st.fixed_dictionaries(
    {
        "points": _POINTS,
        "params": _LABELS,
        "tags": _LABELS,
        "files": _FILES,
        "status": st.sampled_from(["FINISHED", "FAILED", "KILLED"]),
        "name": _TEXTS,
        "project": st.sampled_from(["digits", "vision: gr\u00f6\u00dfe"]),
    }
)


@contextmanager
def _file_store() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
        patch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
        yield


def _write_folder(runs: list[Mapping[str, Any]], ground: Ground) -> Place:
    """Write runs by MLflow's own file store."""
    pytest.importorskip("tracklib_mlflow")
    pytest.importorskip("mlflow")
    from mlflow import MlflowClient
    from mlflow.entities import Metric, Param

    folder = ground.fresh("mlruns")
    with _file_store():
        client = MlflowClient(folder.as_uri())
        parent: str | None = None
        for run in runs:
            found = client.get_experiment_by_name(run["project"])
            experiment = found.experiment_id if found else client.create_experiment(run["project"])
            tags = {**run["tags"], "mlflow.user": "ada", **({"mlflow.parentRunId": parent} if parent else {})}
            made = client.create_run(experiment, start_time=_BASE, tags=tags, run_name=run["name"])
            parent = made.info.run_id
            metrics = [Metric(key, value, time, step) for key, value, step, time in run["points"]]
            client.log_batch(parent, metrics=metrics, params=[Param(*item) for item in run["params"].items()])
            for path, content in run["files"].items():
                file = ground.fresh("file") / Path(path).name
                file.parent.mkdir(parents=True)
                file.write_bytes(content)
                client.log_artifact(parent, str(file), str(Path(path).parent) if "/" in path else None)
            client.set_terminated(parent, run["status"], _BASE + 60_000)
    return open_place(f"mlflow:{folder}")


def module_of(plugin: str, path: str) -> ModuleType:
    """Return a module of a plugin's own tests, which makes what its vendor's programs make.

    The test is skipped where the plugin is not installed.
    """
    pytest.importorskip(plugin.replace("-", "_"))
    module = f"tests_of_{plugin}.{path.replace('/', '.')}"
    if module not in sys.modules:
        spec = importlib.util.spec_from_file_location(module, _PLUGINS / plugin / "tests" / f"{path}.py")
        assert spec is not None
        assert spec.loader is not None
        found = importlib.util.module_from_spec(spec)
        spec.loader.exec_module(found)
        sys.modules[module] = found
    return sys.modules[module]


def _write_neptune(runs: list[Any], ground: Ground) -> Place:
    """Write runs as neptune-exporter does."""
    export = module_of("tracklib-neptune", "conftest").Export(ground.fresh("neptune"))
    for number, (single, series, files, parts) in enumerate(runs):
        run_id = f"RUN-{number}"
        rows = [export.row(path, *typed) for path, typed in single.items()]
        rows += [export.row(path, kind, value, step, time) for path, (kind, value), step, time in series]
        for index, (path, content) in enumerate(files.items()):
            rows.append(export.row(path, "file", export.file(f"{run_id}/{index}", content)))
        chunks = [rows[part::parts] for part in range(parts)]
        export.write([*export.sys_rows(f"run {number}"), *chunks[0]], *chunks[1:], run_id=run_id)
    return open_place(f"neptune:{export.root}")


EXPORTS: Mapping[str, tuple[st.SearchStrategy[list[Any]], Callable[[list[Any], Ground], Place]]] = {
    "mlflow-folder": (st.lists(_FOLDER_RUNS, min_size=2, max_size=3), _write_folder),
    "neptune": (
        st.deferred(lambda: st.lists(module_of("tracklib-neptune", "test_end_to_end").RUNS, min_size=2, max_size=3)),
        _write_neptune,
    ),
}
"""For each kind of export what may stand in it, and what writes it to files."""
