"""What the bundle's tests share: recorded runs, and a real S3 server."""

from __future__ import annotations

import os
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from pathlib import Path

import pytest

from tracklib.testing.emulators.ports import free_port

pytest.importorskip("pyarrow")


@pytest.fixture(autouse=True)
def _quiet(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TRACKLIB_QUIET", "true")
