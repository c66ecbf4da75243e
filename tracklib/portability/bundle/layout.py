"""The layout: what lies where in a bundle, and under which names."""

from __future__ import annotations

import re

from tracklib.errors import RejectedError
from tracklib.journal.layout import encode_name
from tracklib.model.run import RunInfo

__all__ = [
    "ABOUT",
    "COMMITS",
    "FILES",
    "LOCKS",
    "MANIFESTS",
    "RUNS",
    "SNAPSHOTS",
    "VERSION",
    "file_path",
    "is_supported",
    "place_of",
    "run_folder",
]

VERSION = "1.0"
"""Of the format. A reader refuses another major version, and passes over columns and tables that it does not know."""

ABOUT = "bundle.json"
"""Says that this is a bundle, and of which version."""

SNAPSHOTS = "snapshots"
"""One file for each backup: when, from where, what came of it, and its manifest."""

MANIFESTS = "manifests"
"""Lists of runs, under their SHA-256: a line for each run, with its parts and their checksums."""

COMMITS = "commits"
"""Runs that were taken in since the last manifest: a file of one such line for each."""

RUNS = "runs"
"""The Parquet files, a folder for each run."""

FILES = "files"
"""The files that artifacts and media name, under their SHA-256."""

LOCKS = "locks"
"""Who writes at present."""

_DIGEST = re.compile("[0-9a-f]{64}")


def run_folder(project: str, run_id: str) -> str:
    """Return where a run's tables lie."""
    return f"{RUNS}/{encode_name(project)}/{encode_name(run_id)}"


def place_of(run: RunInfo) -> str:
    """Return the id under which the bundle keeps a run: unlike the run's own, it is there once."""
    return run_folder(run.project, run.id).removeprefix(f"{RUNS}/")


def file_path(sha256: str) -> str:
    """Return where a content lies.

    Raises:
        RejectedError: It is no digest.
    """
    if _DIGEST.fullmatch(sha256) is None:
        raise RejectedError(f"expected a SHA-256 of 64 hexadecimal digits, got {sha256[:80]!r}")
    return f"{FILES}/sha256/{sha256[:2]}/{sha256[2:]}"


def is_supported(version: object) -> bool:
    """Tell whether this tracklib reads a version of the format."""
    return isinstance(version, str) and version.partition(".")[0] == VERSION.partition(".")[0]
