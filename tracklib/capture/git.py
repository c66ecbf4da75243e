"""Git: which code a run is made with: the commit, the branch, the remote, and what differs from the commit."""

from __future__ import annotations

import contextlib
import os
import re
import shutil
import subprocess
import tempfile
import threading
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from tracklib.typing import JSON

__all__ = ["MAX_DIFF", "GitState", "read_git", "without_credentials"]

MAX_DIFF = 5_000_000
"""Bytes of a diff that are kept."""

_MAX_UNTRACKED = 1000
_TIMEOUT = 20.0
_CREDENTIALS = re.compile(r"(?<=://)(?:[^/\s]*|[^/\s:]*:(?!\d+/)\S*)@")

# Nothing of the repository's configuration may start a program, ask a question or write: this is only a look.
_QUIET = ("core.fsmonitor=", "core.hooksPath=/dev/null", "diff.external=", "core.pager=cat", "credential.helper=")
_ENVIRON = {"GIT_OPTIONAL_LOCKS": "0", "GIT_TERMINAL_PROMPT": "0", "GIT_PAGER": "cat", "LC_ALL": "C"}
_DIFF = ("diff", "--binary", "--no-ext-diff", "--no-textconv", "--no-color", "--submodule=short")


class _GitError(Exception):
    """Git did not do what it was asked."""


@dataclass(slots=True)
class GitState:
    """A working tree.

    Attributes:
        facts: ``commit``, ``branch`` (none where the head is detached), ``remote``, ``dirty``, ``untracked``.
        diff: What differs from the commit, as a patch; empty where nothing does.
        cut: Whether the diff is longer than what is kept of it.
        problems: What could not be learned, and why.
    """

    facts: dict[str, JSON] = field(default_factory=dict)
    diff: bytes = b""
    cut: bool = False
    problems: list[str] = field(default_factory=list)


def read_git(folder: str, limit: int = MAX_DIFF) -> GitState:
    """Look at the working tree that a folder lies in; outside of any, nothing is found and nothing is wrong.

    Args:
        folder: The training's working folder.
        limit: Bytes of the diff that are kept.
    """
    state = GitState()
    home = _repository(folder, os.environ)
    if home is None:
        return state
    git = _Git(folder)
    try:
        state.facts["commit"] = git.line("rev-parse", "--verify", "-q", "HEAD^{commit}", may_fail=True) or None
        git = _Git(git.line("rev-parse", "--show-toplevel"))
    except _GitError as error:
        state.facts.clear()
        state.problems.append(f"git: {home} cannot be read: {error}")
        return state
    with git.own_index():
        for look in (_names, _changes, _untracked):
            try:
                look(git, state, limit)
            except _GitError as error:
                state.problems.append(f"git: {error}")
    state.facts = {key: value for key, value in state.facts.items() if value is not None}
    return state


def _repository(folder: str, environ: Mapping[str, str]) -> str | None:
    """Return the ``.git`` that a folder lies below, broken or not."""
    if "GIT_DIR" in environ:
        return environ["GIT_DIR"]
    start = Path(folder)
    return next((str(above / ".git") for above in (start, *start.parents) if os.path.lexists(above / ".git")), None)


def _names(git: _Git, state: GitState, _: int) -> None:
    state.facts["branch"] = git.line("symbolic-ref", "--short", "-q", "HEAD", may_fail=True) or None
    lines = git.line("config", "--get-regexp", r"^remote\..*\.url$", may_fail=True).splitlines()
    remotes = {key: url for key, _, url in (line.partition(" ") for line in lines)}
    if remotes:
        url = remotes.get("remote.origin.url") or next(iter(remotes.values()))
        state.facts["remote"] = without_credentials(url)


def _changes(git: _Git, state: GitState, limit: int) -> None:
    base = ["HEAD"] if state.facts["commit"] else ["--cached"]  # before the first commit, what is staged
    diff = git.output(*_DIFF, *base, "--", limit=limit + 1)
    state.facts["dirty"] = bool(diff)
    state.cut = len(diff) > limit
    state.diff = diff[: diff.rfind(b"\n", 0, limit) + 1] if state.cut else diff


def _untracked(git: _Git, state: GitState, _: int) -> None:
    names = git.output("ls-files", "--others", "--exclude-standard", "--full-name", "-z", limit=4 << 20).split(b"\0")
    if names := [name for name in names if name]:
        listed: list[JSON] = [os.fsdecode(name) for name in names[:_MAX_UNTRACKED]]
        state.facts |= {"untracked": listed, "untracked_count": len(names)}


def without_credentials(url: str) -> str:
    """Return a remote's address without user and password; ``git@host:path`` keeps its user, which is no secret."""
    return _CREDENTIALS.sub("", url)


class _Git:
    """Runs git in a folder, patient for so long and no longer."""

    def __init__(self, folder: str) -> None:
        settings = [word for setting in _QUIET for word in ("-c", setting)]
        self._command = ["git", *settings, "-C", folder]
        strange = ("GIT_EXTERNAL_DIFF", "GIT_TRACE", "GIT_DIFF_OPTS", "GIT_ASKPASS", "SSH_ASKPASS")
        self._environ = {key: value for key, value in os.environ.items() if not key.startswith(strange)} | _ENVIRON

    @contextlib.contextmanager
    def own_index(self) -> Iterator[None]:
        """Work on a copy of the index: git diff refreshes it, and its lock would be in the way of the user's git."""
        index = Path(self._command[-1], self.line("rev-parse", "--git-path", "index"))
        with tempfile.TemporaryDirectory(prefix="tracklib-") as folder:
            copy = Path(folder, "index")
            if index.exists():
                shutil.copyfile(index, copy)
            self._environ["GIT_INDEX_FILE"] = str(copy)
            yield

    def line(self, *arguments: str, may_fail: bool = False) -> str:
        """Return what a command says, without the last line's end; empty where it fails and may.

        Raises:
            _GitError: It failed, or git is not there.
        """
        try:
            return os.fsdecode(self.output(*arguments, limit=1 << 20)).rstrip("\n")
        except _FailedError:
            if may_fail:
                return ""
            raise

    def output(self, *arguments: str, limit: int) -> bytes:
        """Return the first bytes that a command prints.

        Raises:
            _GitError: It failed, or git is not there.
        """
        try:
            process = subprocess.Popen(
                [*self._command, *arguments],
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=self._environ,
            )
        except OSError as error:
            raise _GitError(f"git cannot be run: {error.strerror or error}") from error
        return _first_bytes(process, arguments[0], limit)


class _FailedError(_GitError):
    """Git ran and said no."""


def _first_bytes(process: subprocess.Popen[bytes], name: str, limit: int) -> bytes:
    late = threading.Timer(_TIMEOUT, process.kill)
    late.start()
    assert process.stdout is not None
    assert process.stderr is not None
    with process, process.stdout as out, process.stderr as err:
        found = out.read(limit)
        if len(found) == limit:
            process.kill()  # there is more, which is not wanted
            late.cancel()
            return found
        problem = err.read(10_000).decode(errors="replace").strip()
        code = process.wait()
    in_time = late.is_alive()
    late.cancel()
    if not in_time:
        raise _GitError(f"git {name} took more than {_TIMEOUT:.0f} s")
    if code:
        raise _FailedError(problem.splitlines()[0] if problem else f"git {name} ended with {code}")
    return found
