"""docs/testing.md: its files, put side by side, are a suite of tests that passes."""

from __future__ import annotations

import importlib.util
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.promises.conftest import clean_environ
from tracklib.testing.ports import free_port

PAGE = Path(__file__).resolve().parents[2] / "docs" / "testing.md"


@pytest.mark.server
@pytest.mark.skipif(importlib.util.find_spec("wandb") is None, reason="wandb is not installed")
def test_the_page_is_a_suite_that_passes(tmp_path):
    """The page's conftest.py and its tests run as they stand."""
    for code in re.findall(r"^```python\n(.*?)^```", PAGE.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE):
        (tmp_path / re.match(r"# (\S+)\n", code)[1]).write_text(code, encoding="utf-8")
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "2 passed" in done.stdout


@pytest.mark.server
@pytest.mark.skipif(importlib.util.find_spec("tracklib_aim") is None, reason="Aim's plugin is not installed")
def test_four_vendors_at_once_as_the_page_says(tmp_path):
    """What the page gives to paste trains, prints what the script prints, and finds all four equal."""
    (block,) = re.findall(
        r"^```sh\n(python -m tracklib.testing.emulators wandb --port 8081.*?)^```",
        PAGE.read_text("utf-8"),
        re.DOTALL | re.MULTILINE,
    )
    for port in ("8081", "8082"):
        block = block.replace(port, str(free_port()))
    (tmp_path / "examples").mkdir()
    shutil.copy(PAGE.parents[1] / "examples" / "digits.py", tmp_path / "examples")
    here = os.pathsep.join([os.path.dirname(sys.executable), os.environ["PATH"]])
    environ = {**clean_environ(), "PATH": here, "TRACKLIB_FINISH_TIMEOUT": "120", "HOME": str(tmp_path)}
    done = subprocess.run(
        ["bash", "-c", block], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False, timeout=400
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stdout.count("epoch") == 12
    for vendor in ("mlflow", "wandb", "comet", "aim"):
        assert re.search(rf" {vendor}: equal ", done.stdout), done.stdout + done.stderr
    own = [line for line in done.stderr.splitlines() if not line.startswith("tracklib: ")]
    assert own == []
