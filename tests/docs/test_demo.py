"""The demo: every claim that it makes holds, and it leaves no process behind."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tracklib.delivery.lease import Lease

ROOT = Path(__file__).resolve().parents[2]
ACTS = 6


@pytest.mark.server
@pytest.mark.skipif(sys.platform == "win32", reason="the demo kills process groups")
def test_the_demo_holds(tmp_path):
    """All six acts are played, each claim is seen to hold, and whatever was started is gone."""
    pytest.importorskip("mlflow")
    command = [sys.executable, ROOT / "examples" / "demo.py", tmp_path]
    done = subprocess.run(command, env=os.environ, capture_output=True, text=True, check=False, timeout=600)
    assert done.returncode == 0, done.stdout + done.stderr
    assert re.findall(r"^(\d)\. ", done.stdout, re.MULTILINE) == [str(act) for act in range(1, ACTS + 1)]
    assert "NOT SO" not in done.stdout
    assert int(re.search(r"All (\d+) claims held", done.stdout)[1]) == done.stdout.count("[ok]") > 15
    leases = list((tmp_path / ".demo" / "tracklib" / "relays").glob("*/lease"))
    assert leases
    assert [lease for lease in leases if Lease(lease).holder() is not None] == []
    assert processes_that_name(str(tmp_path)) == []


def processes_that_name(word: str) -> list[str]:
    """Return the command lines, of other processes, that hold a word; none where /proc is missing."""
    found = []
    for path in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            text = path.read_bytes().replace(b"\0", b" ").decode(errors="replace")
        except OSError:  # gone meanwhile
            continue
        if word in text and path.parent.name != str(os.getpid()):
            found.append(text)
    return found
