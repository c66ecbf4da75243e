"""The suite in several processes: each backend is examined in one of them, once."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest

pytest.importorskip("xdist")

PROGRAM = """
import os
import pytest
from tracklib.testing.conformance import suite
from tracklib.testing.conformance.verdict import Report
from tracklib.backends.memory import CAPABILITIES


def examine(subject, **_):
    with open(os.environ["EXAMINED"], "a") as file:
        file.write(f"{subject}\\n")
    return Report(subject, CAPABILITIES, {})


suite.examine = examine


class TestOne(suite.ConformanceSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls):
        return cls.__name__


class TestOther(suite.ConformanceSuite):
    @pytest.fixture(scope="class")
    @classmethod
    def subject(cls):
        return cls.__name__
"""


def test_a_backend_is_examined_by_one_process(tmp_path):
    """Of four processes that share the laws of two backends, one examines each."""
    (tmp_path / "test_backends.py").write_text(PROGRAM, encoding="utf-8")
    (tmp_path / "pytest.ini").write_text("[pytest]\n", encoding="utf-8")
    environment = {name: value for name, value in os.environ.items() if not name.startswith(("PYTEST_", "TRACKLIB_"))}
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:randomly"]
    done = subprocess.run(
        [*command, "-n", "4", "--dist", "loadscope"],
        cwd=tmp_path,
        env={**environment, "EXAMINED": str(tmp_path / "examined")},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    assert sorted((tmp_path / "examined").read_text().split()) == ["TestOne", "TestOther"]
