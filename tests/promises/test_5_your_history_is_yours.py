"""Promise 5: your history is on your disk, in an open format, readable with no tracklib at all, deletable too."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import pathlib, tracklib
pathlib.Path("weights.bin").write_bytes(b"0123456789")
for name in ("kept", "gone"):
    with tracklib.init("mine", id=name, config={"lr": 0.1}) as run:
        run.log({"loss": 0.1 + 0.2}, step=7)
        run.log_artifact("weights.bin")
        pathlib.Path("weights.bin").write_bytes(name.encode())
        run.log_artifact("weights.bin", name="other")
"""
READER = """
import json, pathlib, sys
for path in sorted(pathlib.Path(sys.argv[1]).glob("mine/*/journal/*.jsonl")):
    for line in path.read_text().splitlines():
        record = json.loads(line)
        if record["kind"] == "metrics":
            print(json.dumps([path.parts[-3], record["step"], record["values"]]))
"""


def _run(*command: str, folder: Path) -> subprocess.CompletedProcess[str]:
    environ = {key: value for key, value in os.environ.items() if not key.startswith(("TRACKLIB_", "MLFLOW_"))}
    environ["TRACKLIB_DIR"] = str(folder / "root")
    return subprocess.run(
        [sys.executable, *command], cwd=folder, env=environ, capture_output=True, text=True, check=False, timeout=120
    )


def test_readable_with_nothing_but_python_and_deletable(tmp_path: Path) -> None:
    """A bare interpreter reads every point; deleting a run removes its records and what only it refers to."""
    assert _run("-c", SCRIPT, folder=tmp_path).returncode == 0
    read = _run("-I", "-S", "-c", READER, str(tmp_path / "root"), folder=tmp_path)
    assert [json.loads(line) for line in read.stdout.splitlines()] == [
        ["gone", 7, {"loss": 0.30000000000000004}],
        ["kept", 7, {"loss": 0.30000000000000004}],
    ]
    blobs = tmp_path / "root" / "blobs"
    before = sorted(path.read_bytes() for path in blobs.rglob("*") if path.is_file())
    assert before == [b"0123456789", b"gone", b"kept"]
    deleted = _run("-m", "tracklib.cli.main", "delete", "gone", "--yes", folder=tmp_path)
    assert deleted.returncode == 0, deleted.stderr
    assert not (tmp_path / "root" / "mine" / "gone").exists()
    assert (tmp_path / "root" / "mine" / "kept").is_dir()
    after = sorted(path.read_bytes() for path in blobs.rglob("*") if path.is_file())
    assert after == [b"0123456789", b"kept"]
