"""Places: what a command line names, opened."""

from __future__ import annotations

from pathlib import Path

import pytest

import tracklib
from tracklib.backends import RunQuery
from tracklib.errors import ConfigError, MissingPluginError
from tracklib.portability.places import open_place


def test_a_journal_root_is_a_place_whose_runs_can_be_read(tmp_path: Path) -> None:
    """`local:FOLDER` gives the runs that were recorded there, with what was logged."""
    run = tracklib.init("digits", dir=tmp_path / "root", backends=[])
    run.log({"loss": 0.5}, step=3)
    run.finish()
    source = open_place(f"local:{tmp_path / 'root'}").source()
    (info,) = source.runs(RunQuery())
    assert (info.project, info.id, info.status) == ("digits", run.id, "finished")
    assert [r.body.values for r in source.read(info) if r.body.__class__.__name__ == "Metrics"] == [{"loss": 0.5}]


def test_what_is_no_place_is_named(tmp_path: Path) -> None:
    """A folder that is missing, a backend that nobody knows and a password are each told in one message."""
    with pytest.raises(ConfigError, match=r"expected a journal root at .*none, got nothing"):
        open_place(f"local:{tmp_path / 'none'}").source()
    with pytest.raises(MissingPluginError, match="'lokal'; did you mean 'local'"):
        open_place("lokal:x")
    with pytest.raises(ConfigError, match="without a password") as caught:
        open_place("mlflow:http://me:hunter2@host")
    assert "hunter2" not in str(caught.value)
