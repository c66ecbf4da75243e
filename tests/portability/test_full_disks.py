"""Full disks: a destination without room is named in one line, keeps what it has, and takes the rest when there is room."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import tracklib
from tests.portability.kinds_of_place import Ground, new_place

pytestmark = pytest.mark.filterwarnings("ignore::Warning")  # the vendors' SDKs use what others have deprecated

FOLDERS = ("mlflow", "wandb-folder", "comet-folder", "aim", "local")
"""Kinds of place on a disk; a bundle's own test is beside it."""

WAITED = 5
"""Seconds that are slept at most, while some vendor's program ends; nobody waits for room."""

MOUNT = """
mount -t tmpfs -o size=64m none "$1" || exit 99
cp -r "$2/." "$1" || exit 99
cd "$1" || exit 99
exec "$0" -c "$3" "$1"
"""
COMMANDS = """
import json, os, subprocess, sys, time
from typer.testing import CliRunner
from tracklib.cli.main import app

def said(*words):
    done = CliRunner().invoke(app, [*words, "--json"])
    return [done.exit_code, done.stdout, done.stderr]

disk, source, target = sys.argv[1], *{places!r}
slept = []
time.sleep = lambda seconds, sleep=time.sleep: (slept.append(seconds), sleep(min(seconds, 0.1)))
free = os.statvfs(disk)
with open(os.path.join(disk, "ballast"), "wb") as file:  # what is left is too little for one of the runs
    file.write(bytes(max(0, free.f_bavail * free.f_frsize - {room})))
told = [said("migrate", source, target)]
waited = sum(slept)
os.unlink(os.path.join(disk, "ballast"))
subprocess.run(["mount", "-o", "remount,size=200m", disk], check=True)
told += [said("migrate", source, target), said("verify", source, target)]
print("\\n" + json.dumps([told, waited]))
"""


@pytest.fixture
def runs(tmp_path: Path) -> str:
    """A journal root with a run between two small ones that is too large for the disk."""
    (tmp_path / "big.bin").write_bytes(os.urandom(40 << 20))
    for name in ("a", "big", "small"):
        with tracklib.init("digits", id=name, dir=tmp_path / "runs", backends=[]) as run:
            for step in range(20):
                run.log({"loss": 1 / (step + 1)}, step=step)
            if name == "big":
                run.log_artifact(tmp_path / "big.bin", name="model", copy="now")
    return f"local:{tmp_path / 'runs'}"


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs Linux's unshare(1)")
@pytest.mark.parametrize("kind", FOLDERS)
def test_a_full_disk(ground: Ground, tmp_path: Path, runs: str, kind: str) -> None:
    """The run that does not fit has failed at once, and names the place; the others are there; with room, so is this one."""
    empty, disk = new_place(kind, ground), tmp_path / "disk"
    disk.mkdir()
    folder = Path(empty.text.partition(":")[2].removeprefix("sqlite:///").removesuffix("/mlflow.db"))
    folder.mkdir(exist_ok=True)
    target = f"mlflow:sqlite:///{disk}/mlflow.db" if kind == "mlflow" else f"{empty.text.partition(':')[0]}:{disk}"
    script = COMMANDS.format(places=(runs, target), room=24 << 20)
    done = subprocess.run(
        ["unshare", "-Urm", "sh", "-c", MOUNT, sys.executable, str(disk), str(folder), script],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    if done.returncode == 99 or "unshare" in done.stderr:
        pytest.skip(f"this machine lends no small disk: {done.stderr}")
    assert done.returncode == 0, done.stderr
    (first, again, verified), waited = json.loads(done.stdout.splitlines()[-1])
    assert (first[0], again[0], verified[0]) == (1, 0, 0), (first, again, verified)
    runs_told = {run["run"]["id"]: (run["state"], run["error"]) for run in json.loads(first[1])["runs"]}
    assert runs_told["a"] == runs_told["small"] == ("copied", "")
    state, error = runs_told["big"]
    assert (state, error.startswith(f"no room for it in {target}: "), "\n" in error) == ("failed", True, False), error
    assert error.endswith("free some, and repeat")
    assert waited < WAITED
    assert json.loads(again[1])["states"] == {"unchanged": 2, "copied": 1}
    assert json.loads(verified[1])["states"] == {"identical": 3}
