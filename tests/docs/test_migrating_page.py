"""docs/migrating.md, from folders and exports: the commands, run where there is such a one, print what the page shows."""

from __future__ import annotations

import importlib.util
import re
import shlex
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from tracklib.cli.main import app

ROOT = Path(__file__).resolve().parents[2]
PLUGINS = ROOT / "plugins"


def console(section: str) -> list[tuple[str, str]]:
    """Return the commands of a section's blocks, each with the output that is shown below it."""
    page = (ROOT / "docs" / "migrating.md").read_text(encoding="utf-8")
    (text,) = re.findall(rf"^## {section}\n(.*?)(?=^## |\Z)", page, re.DOTALL | re.MULTILINE)
    blocks = re.findall(r"^```shell-session\n(.*?)^```", text, re.DOTALL | re.MULTILINE)
    return [
        (command, output)
        for block in blocks
        for command, output in re.findall(r"^\$ (.*)\n((?:[^$].*\n)*)", block, re.MULTILINE)
    ]


def check(section: str) -> None:
    """Run a section's commands in the working directory; ``...`` stands for anything in a line."""
    shown = console(section)
    assert shown
    for command, expected in shown:
        program, *words = shlex.split(command)
        assert program == "tracklib"
        done = CliRunner(env={"COLUMNS": "200"}).invoke(app, words)
        assert done.exit_code == 0, done.output
        pattern = re.escape(expected).replace(re.escape("..."), ".*")
        assert re.fullmatch(pattern, done.output), f"{command}\n{done.output}"


@pytest.fixture(autouse=True)
def _place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("TRACKLIB_DIR", str(tmp_path / "root"))
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)


@pytest.mark.filterwarnings("ignore::Warning")  # MLflow uses what others have deprecated
def test_from_an_mlruns_folder(tmp_path: Path) -> None:
    """The section's commands, with a folder that MLflow 3.17 wrote, in which all runs have ended."""
    pytest.importorskip("tracklib_mlflow")
    shutil.copytree(PLUGINS / "tracklib-mlflow/tests/golden/3.17.2", tmp_path / "mlruns")
    for meta in (tmp_path / "mlruns").glob("*/*/meta.yaml"):
        text = meta.read_text().replace("status: 1\n", "status: 3\n")
        meta.write_text(text.replace("end_time: null", "end_time: 1600000000002"))
    check("From an mlruns folder")


@pytest.mark.filterwarnings("ignore::Warning")  # MLflow uses what others have deprecated
def test_from_neptune(tmp_path: Path) -> None:
    """The section's commands, with an export of two runs."""
    pytest.importorskip("tracklib_neptune")
    pytest.importorskip("tracklib_mlflow")
    where = PLUGINS / "tracklib-neptune/tests/conftest.py"
    spec = importlib.util.spec_from_file_location("neptune_exports", where)
    assert spec is not None and spec.loader is not None
    exports = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(exports)
    export = exports.Export(tmp_path / "exports")
    for number in (1, 2):
        run_id = f"DIG-{number}"
        rows = export.sys_rows(f"run {number}", owner=("string", "ada"), tags=("string_set", ["dev"]))
        rows += [export.row("parameters/lr", "float", 0.1), export.row("test/acc", "float", 0.9)]
        series = [export.row("train/loss", "float_series", 1 / (k + 1), k, export.BASE + k) for k in range(100)]
        files = [export.row("model", "file", export.file(f"{run_id}/model", b"w" * 1000))]
        export.write(rows, series, files, run_id=run_id)
    check("From Neptune")
