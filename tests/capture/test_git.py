"""Git: which code a run was made with is told truthfully, and no repository, however broken, costs a run."""

from __future__ import annotations

import os
from pathlib import Path

import pytest

from tests.capture.conftest import Bench, git
from tracklib.capture.git import read_git, without_credentials
from tracklib.model.records import Notice

SCRIPT = "import tracklib\nwith tracklib.init('p') as run:\n    run.log({'a': 1.0})\n"


@pytest.fixture
def tree(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working tree with one commit."""
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", os.devnull)
    folder = tmp_path / "tree"
    folder.mkdir()
    git(folder, "init", "-q")
    (folder / "a.txt").write_text("one\n")
    git(folder, "add", ".")
    git(folder, "commit", "-qm", "first")
    return folder


def test_a_clean_tree_is_its_commit(tree):
    """Commit, branch and remote are told, nothing differs, and credentials do not come along."""
    git(tree, "remote", "add", "origin", "https://me:s3cr3t-t0ken@host.example/team/code.git")
    state = read_git(str(tree))
    commit = git(tree, "rev-parse", "HEAD")
    remote = "https://host.example/team/code.git"
    assert state.facts == {"commit": commit, "branch": "main", "remote": remote, "dirty": False}
    assert (state.diff, state.cut, state.problems) == (b"", False, [])


def test_what_differs_makes_the_commit_whole(tree):
    """The diff, applied to the commit, gives the very tree, staged and binary changes too."""
    (tree / "a.txt").write_text("two\n")
    (tree / "b.bin").write_bytes(bytes(range(256)))
    git(tree, "add", "b.bin")
    (tree / "new.txt").write_text("untracked\n")
    state = read_git(str(tree))
    assert state.facts["dirty"] is True
    assert (state.facts["untracked"], state.facts["untracked_count"]) == (["new.txt"], 1)
    (tree.parent / "patch").write_bytes(state.diff)
    git(tree, "clone", "-q", str(tree), str(tree.parent / "again"))
    git(tree.parent / "again", "apply", str(tree.parent / "patch"))
    assert (tree.parent / "again" / "a.txt").read_text() == "two\n"
    assert (tree.parent / "again" / "b.bin").read_bytes() == bytes(range(256))


def test_from_a_folder_below_the_whole_tree_is_seen(tree):
    """Untracked files and changes outside of the working folder count."""
    (tree / "below").mkdir()
    (tree / "new.txt").touch()
    (tree / "a.txt").write_text("two\n")
    state = read_git(str(tree / "below"))
    assert state.facts["untracked"] == ["new.txt"]
    assert b"+two" in state.diff


def test_a_detached_head_has_no_branch(tree):
    """A commit that no branch names is told without one."""
    git(tree, "checkout", "-q", "--detach")
    assert read_git(str(tree)).facts == {"commit": git(tree, "rev-parse", "HEAD"), "dirty": False}


def test_before_the_first_commit_there_is_none(tmp_path):
    """A tree without a commit has a branch, and what is staged differs."""
    git(tmp_path, "init", "-q")
    (tmp_path / "a.txt").write_text("one\n")
    git(tmp_path, "add", "a.txt")
    state = read_git(str(tmp_path))
    assert (state.facts["branch"], state.facts["dirty"], state.problems) == ("main", True, [])
    assert "commit" not in state.facts
    assert b"+one" in state.diff


def test_a_submodule_is_named_by_its_commit(tree, tmp_path):
    """A submodule that moved on shows as its two commits, not as its content."""
    git(tree, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(tree), "inner")
    git(tree, "commit", "-qm", "second")
    (tree / "inner" / "a.txt").write_text("three\n")
    git(tree / "inner", "commit", "-qam", "moved")
    commit = git(tree / "inner", "rev-parse", "HEAD")
    assert f"+Subproject commit {commit}".encode() in read_git(str(tree)).diff


def test_a_huge_diff_is_cut_at_a_line(tree):
    """What is kept of a diff ends with a whole line, and it is told that there is more."""
    (tree / "a.txt").write_text("x" * 50 + "\n")
    (tree / "a.txt").write_text("".join(f"line {i}\n" for i in range(10_000)))
    state = read_git(str(tree), limit=5000)
    assert state.cut
    assert 4900 < len(state.diff) <= 5000
    assert state.diff.endswith(b"\n")


def test_nothing_configured_is_run(tree, tmp_path):
    """A repository's own programs (external diffs, text converters, monitors, hooks) are not started by a look."""
    trap = tmp_path / "trap"
    trap.write_text(f"#!/bin/sh\ntouch {tmp_path}/sprung\n")
    trap.chmod(0o755)
    for key in ("diff.external", "diff.t.textconv", "diff.t.command", "core.fsmonitor", "core.pager"):
        git(tree, "config", key, str(trap))
    (tree / ".gitattributes").write_text("*.txt diff=t\n")
    (tree / "a.txt").write_text("two\n")
    assert b"+two" in read_git(str(tree)).diff
    assert not (tmp_path / "sprung").exists()


def test_a_look_writes_nothing(tree):
    """Not even the index is refreshed, on which a training's own git may wait."""
    os.utime(tree / "a.txt", (1, 1))  # the index holds another time now
    before = (tree / ".git" / "index").stat().st_mtime_ns, sorted(os.listdir(tree / ".git"))
    assert read_git(str(tree)).facts["dirty"] is False
    assert ((tree / ".git" / "index").stat().st_mtime_ns, sorted(os.listdir(tree / ".git"))) == before


def test_outside_of_any_tree_nothing_is_wrong(tmp_path):
    """No repository is a normal thing to have."""
    state = read_git(str(tmp_path))
    assert (state.facts, state.diff, state.problems) == ({}, b"", [])


def test_without_git_a_tree_is_named(tree, monkeypatch, tmp_path):
    """A tree that nobody can read, as git is not installed, is told of."""
    monkeypatch.setenv("PATH", str(tmp_path))
    (problem,) = read_git(str(tree)).problems
    assert problem.startswith(f"git: {tree}/.git cannot be read: git cannot be run: No such file")


UNTIL_TOLD = """
    import time
    from tracklib.journal.reader import read_run
    from tracklib.model.records import Notice
    while not any(isinstance(record.body, Notice) for record in read_run(run.folder)): time.sleep(0.02)
"""


def test_a_broken_git_folder_is_named_and_training_goes_on(bench: Bench):
    """A `.git` that is none is named in a warning and in a notice; everything else is captured."""
    (bench.path / ".git").mkdir()
    _, err = bench.run(SCRIPT.replace("    run.log", f"{UNTIL_TOLD}\n    run.log"))
    (notice,) = bench.bodies(Notice)
    assert notice.code == "capture"
    assert notice.message.startswith(f"git: {bench.path}/.git cannot be read: fatal: not a git repository")
    assert f"tracklib: warning: capture: git: {bench.path}/.git cannot be read" in err
    state = bench.state()
    assert (state.status, state.points) == ("finished", {"a": 1})
    assert {"hardware", "packages"} <= state.context.keys()
    assert "git" not in state.context


def test_a_diff_that_cannot_be_kept_is_named(bench: Bench, tmp_path: Path):
    """Where the blobs cannot be written, the diff is missing, and said to be; the rest is there."""
    git(bench.path, "init", "-q")
    (bench.path / "a.txt").write_text("one\n")
    git(bench.path, "add", "a.txt")
    # A folder without permission would let root in; a file where a folder must be lets nobody.
    script = SCRIPT.replace(
        "import tracklib\n",
        "import tracklib\nfrom tracklib.journal.layout import Root\nRoot('.tracklib').create()\nfor i in range(256): open(f'.tracklib/blobs/sha256/{i:02x}', 'w')\n",
    )
    bench.run(script, TRACKLIB_CAPTURE="git,packages")
    messages = [notice.message for notice in bench.bodies(Notice)]
    assert len(messages) == 1, messages
    assert messages[0].startswith("git-diff cannot be kept")
    state = bench.state()
    assert state.context["git"]["dirty"] is True
    assert state.context["packages"]["orjson"]
    assert (state.status, state.artifacts) == ("finished", [])


@pytest.mark.parametrize(
    ("url", "clean"),
    [
        ("https://user:token@host/a/b.git", "https://host/a/b.git"),
        ("https://ghp_0123456789abcdefghij0123456789abcdef@github.com/a/b", "https://github.com/a/b"),
        ("ssh://git@host:22/a/b", "ssh://host:22/a/b"),
        ("git@host:a/b.git", "git@host:a/b.git"),
        ("/srv/a@b/c.git", "/srv/a@b/c.git"),
        ("https://user:p@ss@host/a", "https://host/a"),
        ("https://user:p/ss@host/a", "https://host/a"),
    ],
)
def test_a_remote_has_no_credentials(url, clean):
    """User and password of an address are left out; what only looks like them stays."""
    assert without_credentials(url) == clean
