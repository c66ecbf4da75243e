"""Disabled: ``TRACKLIB_MODE=disabled`` touches nothing, starts nothing, and loads nothing beyond ``init`` itself."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

SCRIPT = """
import json, os, sys, threading
from tracklib import init, current_run, log, finish
seen = []
loaded = set(sys.modules)
def hook(event, args):
    if event == "open" and isinstance(args[2], int) and args[2] & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
        seen.append([event, str(args[0])])
    if event.split(".")[0] in ("subprocess", "socket", "shutil", "tempfile") or event in FORBIDDEN:
        seen.append([event, repr(args)])
FORBIDDEN = {"os.mkdir", "os.rename", "os.remove", "os.rmdir", "os.link", "os.symlink", "os.truncate", "os.utime",
             "os.chmod", "os.fork", "os.forkpty", "os.posix_spawn", "os.exec", "os.system", "os.kill", "_thread.start_new_thread"}
sys.addaudithook(hook)
excepthook, leave = sys.excepthook, sys.exit
with init("p", config={"lr": 0.1}, tags=["dev"], notes="n") as run:
    for step in range(1000):
        run.log({"loss": 1.0}, step=step)
    log({"loss": 2.0})
    run.log_params({"a": 1})
    run.log_artifact(__file__)
    run.summary["best"] = 1
    assert not run.native("mlflow")
finish()
print(json.dumps({
    "seen": seen, "loaded": sorted(set(sys.modules) - loaded), "threads": threading.active_count(),
    "hooked": sys.excepthook is not excepthook or sys.exit is not leave, "heavy": sorted(
        {name.partition(".")[0] for name in sys.modules} & {"pydantic", "mlflow", "subprocess", "hashlib", "sqlite3"})
}))
"""


@pytest.mark.parametrize("backends", ["", "mlflow"])
def test_a_disabled_run_costs_nothing(tmp_path: Path, backends: str) -> None:
    """No file is written, no process, thread or connection begun, no hook installed, and no vendor looked for."""
    folder = tmp_path / "here"
    folder.mkdir()
    (folder / "train.py").write_text(SCRIPT)
    environ = {
        **os.environ,
        "TRACKLIB_MODE": "disabled",
        "TRACKLIB_BACKENDS": backends,
        "TRACKLIB_DIR": str(folder / "root"),
    }
    command = [sys.executable, "-B", "train.py"]
    done = subprocess.run(command, cwd=folder, env=environ, text=True, capture_output=True, timeout=60, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout) == {
        "seen": [],
        "loaded": ["tracklib.tracking.native"],
        "threads": 1,
        "hooked": False,
        "heavy": [],
    }
    assert [path.name for path in folder.iterdir()] == ["train.py"]
