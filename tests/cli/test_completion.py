"""Completion: what a shell is offered."""

from __future__ import annotations

import pytest

from tests.cli.conftest import Bench


@pytest.fixture
def typed(bench: Bench):
    """Ask, as bash does, what may stand at the end of a command line."""

    def complete(line: str) -> list[str]:
        count = str(len(line.split(" ")) - 1)
        done = bench.process(_TRACKLIB_COMPLETE="complete_bash", COMP_WORDS=line, COMP_CWORD=count)
        assert "Traceback" not in done.err
        return done.out.split()

    return complete


def test_runs_projects_and_backends_are_completed(bench: Bench, typed) -> None:
    """Ids, ``project/id``, projects, backends and commands are offered by their beginnings."""
    for name, project in (("abc1", "digits"), ("abd2", "words"), ("xyz", "digits")):
        bench.run(name, project)
    assert typed("tracklib show ab") == ["abc1", "abd2"]
    assert typed("tracklib show digits/") == ["digits/abc1", "digits/xyz"]
    assert typed("tracklib sync xyz ab") == ["abc1", "abd2"]
    assert typed("tracklib runs --project d") == ["digits"]
    assert "boxvendor" in typed("tracklib sync --backend b")
    assert typed("tracklib backends box") == ["boxvendor"]
    assert typed("tracklib do") == ["doctor"]


def test_nothing_is_offered_where_something_is_wrong(bench: Bench, typed) -> None:
    """A wrong setting or a missing root disturbs nobody who types."""
    assert typed("tracklib show ab") == []
    assert typed("tracklib show --dir /nowhere ab") == []
    (bench.path / "tracklib.toml").write_text("nonsense")
    assert typed("tracklib show ab") == []
