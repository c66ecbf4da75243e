"""docs/migrating.md: its walk through the four phases says what really happens."""

from __future__ import annotations

import re
import shlex
import subprocess
import sys
from pathlib import Path

import pytest

from tests.docs.test_readme import blocks, clean_environment

PAGE = Path(__file__).resolve().parents[2] / "docs" / "migrating.md"


def told(pattern: str, output: str) -> bool:
    """Tell whether an output is what a page shows of it, where ``...`` stands for anything, and blanks for blanks."""
    lines = [re.escape(" ".join(line.split())).replace(r"\.\.\.", ".*") for line in pattern.strip().splitlines()]
    plain = "\n".join(" ".join(line.split()) for line in output.strip().splitlines())
    return re.fullmatch("\n".join(lines), plain, re.DOTALL) is not None


@pytest.mark.server
def test_the_four_phases(tmp_path: Path) -> None:
    """Each command of the walk prints what the page shows, and ends at a cut-over where all is met."""
    pytest.importorskip("tracklib_mlflow")
    environment = clean_environment(TRACKLIB_CAPTURE="none", NO_COLOR="1")
    (tmp_path / "tracklib.toml").touch()
    (setup,) = blocks(PAGE, "python")
    done = subprocess.run(
        [sys.executable, "-c", setup], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    steps = [
        step for block in blocks(PAGE, "console") for step in re.split(r"^\$ tracklib ", block, flags=re.MULTILINE)[1:]
    ]
    assert len(steps) == 9
    for step in steps:
        command, _, expected = step.partition("\n")
        done = subprocess.run(
            [sys.executable, "-m", "tracklib.cli.main", *shlex.split(command)],
            cwd=tmp_path,
            env=environment,
            capture_output=True,
            text=True,
            check=False,
            timeout=200,
        )
        is_open = "open" in expected.strip().splitlines()[-1]
        assert done.returncode == (1 if is_open else 0), f"{command}\n{done.stdout}{done.stderr}"
        assert told(expected, done.stdout), f"{command}\n{done.stdout}\n--- expected\n{expected}"
    assert (tmp_path / "cutover.md").read_text().count("| met |") == 5
