"""A bench on which scripts are run and captured as a user's are."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from tracklib.journal.glance import glance
from tracklib.journal.layout import Root, RunFolder
from tracklib.journal.reader import read_run
from tracklib.model.records import Body
from tracklib.model.state import RunState, fold

GIT = {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_SYSTEM": "/dev/null"}
PERSON = ("-c", "user.name=A. Tester", "-c", "user.email=a@example.org", "-c", "init.defaultBranch=main")


def git(folder: Path, *arguments: str) -> str:
    """Run git in a folder, and return what it says."""
    command = ["git", *PERSON, "-C", str(folder), *arguments]
    done = subprocess.run(command, env={**os.environ, **GIT}, check=True, text=True, capture_output=True, timeout=60)
    return done.stdout.strip()


def until(condition, seconds: float = 60.0) -> None:
    """Wait for something; a process that hangs must not hang the tests."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "it never came to pass"
        time.sleep(0.02)


class Bench:
    """A folder in which scripts are run."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.root = Root(path / ".tracklib")

    def start(self, script: str, *arguments: str, **environ: str) -> subprocess.Popen[str]:
        """Start a script, with what is usual captured."""
        (self.path / "train.py").write_text(script, encoding="utf-8")
        ours = {key: value for key, value in os.environ.items() if key != "TRACKLIB_CAPTURE"}
        command = [sys.executable, "train.py", *arguments]
        pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
        return subprocess.Popen(command, cwd=self.path, env={**ours, **GIT, **environ}, text=True, **pipes)

    def run(self, script: str, *arguments: str, **environ: str) -> tuple[str, str]:
        """Run a script, wait until everything is written down, and return what it printed."""
        process = self.start(script, *arguments, **environ)
        out, err = process.communicate(timeout=120)
        assert process.returncode == 0, err
        self.wait()
        return out, err

    def wait(self) -> None:
        """Wait until nobody writes any more."""
        until(lambda: not any(glance(folder).open for folder in self.root.runs()))

    @property
    def folder(self) -> RunFolder:
        """The only run's folder."""
        (folder,) = self.root.runs()
        return folder

    def bodies(self, *kinds: type) -> list[Body]:
        """Return the bodies of the only run's records of some kinds."""
        return [record.body for record in read_run(self.folder) if isinstance(record.body, kinds)]

    def state(self) -> RunState:
        """Return what the only run has come to."""
        return fold("", read_run(self.folder))

    def blob(self, name: str) -> str:
        """Return the content of the only file of an artifact."""
        (artifact,) = (artifact for artifact in self.state().artifacts if artifact.name == name)
        digest = artifact.files[0].sha256
        return (self.root.blobs / digest[:2] / digest[2:]).read_text(encoding="utf-8")


@pytest.fixture
def bench(tmp_path: Path) -> Bench:
    (tmp_path / "tracklib.toml").touch()
    return Bench(tmp_path)
