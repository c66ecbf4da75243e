"""`Repository`: an Aim repository, on a disk or behind a server."""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from typing_extensions import Self

from tracklib.errors import ConfigError, RejectedError, TransientError
from tracklib_aim.border import border
from tracklib_aim.database import Database, Path
from tracklib_aim.settings import AimSettings, repo_folder
from tracklib_aim.surroundings import sdk

__all__ = ["Properties", "Repository"]

_LIST_AGE = 0.6
_TURN = 0.05

_LOCKS: dict[tuple[str, str], Any] = {}
"""The locks that this process holds, by repository and run."""


class Repository:
    """What tracklib asks of Aim's ``Repo``.

    Raises, from every method: what `tracklib_aim.border.border` names.
    """

    def __init__(self, settings: AimSettings, *, make: bool = True) -> None:
        assert settings.repo is not None, "settings are resolved before they are used"
        self.settings = settings
        self.place = settings.repo
        with border(f"opening the repository {self.place}"):
            sdk("aim")
            if not make and not settings.is_remote and not sdk("aim.sdk.repo").Repo.exists(self.place):
                raise ConfigError(f"no Aim repository in {self.place}: make one with `aim init --repo {self.place}`")
            self._repo: Any = self._open()

    def _open(self) -> Any:
        repo_class = sdk("aim.sdk.repo").Repo
        if self.settings.is_remote:
            repo = self._connected(repo_class)
            client = repo._client  # noqa: SLF001  as below
            for name in ("release_resource", "disconnect"):  # called by the garbage collector, whoever is gone by then
                setattr(client, name, _quietly(getattr(client, name)))
            beat = client._heartbeat_sender  # noqa: SLF001  it may be collected on its own thread, which can't join itself
            beat.stop = _quietly(beat.stop)
            return repo
        os.makedirs(self.place, exist_ok=True)
        # What marks a repository as made is written last: one whose maker was killed is made again, over what is there.
        is_made = os.path.isfile(os.path.join(self.place, repo_folder(), "VERSION"))
        return repo_class.from_path(self.place, init=not is_made)

    def _connected(self, repo_class: Any) -> Any:
        """Return a connection of its own: a shared one would stay broken once it broke."""
        try:
            return repo_class(self.place)
        except (
            AttributeError
        ) as error:  # Aim's client goes on with the answer that it did not get, and stumbles over it
            raise TransientError(
                f"no Aim server answers at {self.place}: see that `aim server` runs there, and that the address is right"
            ) from error

    @classmethod
    @contextmanager
    def opened(cls, settings: AimSettings, *, make: bool = True) -> Iterator[Self]:
        """Open a repository for a while."""
        repository = cls(settings, make=make)
        try:
            yield repository
        finally:
            repository.close()

    def version(self) -> str:
        """Return the version of Aim's SDK."""
        return str(sdk("aim.__version__").__version__)

    def hashes(self) -> list[str]:
        """Return the hashes of all runs, those that no index knows too."""
        with border("listing runs"):
            if self.settings.is_remote:
                return sorted(self._repo._remote_repo_proxy.list_all_runs())  # noqa: SLF001  without its cache
            folder = os.path.join(self._repo.path, "meta", "chunks")
            return sorted(os.listdir(folder)) if os.path.isdir(folder) else []

    def holds(self, run_hash: str) -> bool:
        """Tell whether a run is there; a server's list may be half a second old."""
        if self.settings.is_remote:
            return run_hash in self.hashes()
        return os.path.isdir(os.path.join(self._repo.path, "meta", "chunks", run_hash))

    def see(self, run_hash: str) -> None:
        """See that a run that was listed is still there.

        Raises:
            RejectedError: It is not.
        """
        if not self.holds(run_hash):
            raise RejectedError(f"Aim holds no run {run_hash} any more: it was deleted while it was read")

    def is_gone(self, run_hash: str) -> bool:
        """Tell whether a run that was listed is there no more; a server's list may be half a second old."""
        if self.settings.is_remote:
            time.sleep(_LIST_AGE)
        return run_hash not in self.hashes()

    def found(self, wanted: set[str]) -> list[str]:
        """Return which of these hashes there are; a server's list may be half a second old, so it is asked again."""
        there = wanted.intersection(self.hashes())
        if not there and self.settings.is_remote:
            time.sleep(_LIST_AGE)
            there = wanted.intersection(self.hashes())
        return sorted(there)

    def delete(self, run_hash: str) -> bool:
        """Remove a run, its columns and its place in the index; tell whether there was one."""
        if self.is_gone(run_hash):  # to delete it again would make an empty one of it, which no server can open
            return False
        with border(f"deleting the run {run_hash}"):
            self._repo._delete_run(run_hash)  # noqa: SLF001  the public way says in a log alone what went wrong
        return True

    def database(self, name: str, run_hash: str, *, writes: bool) -> Database:
        """Open a run's ``meta`` or ``seqs``."""
        with border(f"opening the run {run_hash}"):
            reads_here = not writes and not self.settings.is_remote
            return Database(self._repo, name, run_hash, writes=writes, see=self.see if reads_here else None)

    def lock(self, run_hash: str) -> None:
        """Take Aim's own lock of a run, so that nobody else opens it for writing; at a server, it is the writer.

        Raises:
            TransientError: Another process has it.
        """
        if self.settings.is_remote:
            return
        with border(f"locking the run {run_hash}"):
            place = (self.place, run_hash)
            if (own := _LOCKS.pop(place, None)) is not None:  # of a sink that failed and was let go
                own.release(force=True)
            lock = self._repo.request_run_lock(run_hash, timeout=0)
            try:
                lock.lock()
            except (sdk("filelock").Timeout, sdk("aim.sdk.errors").RunLockingError) as error:
                raise TransientError(
                    f"the run {run_hash} in {self.place} is open in another process; where there is none: "
                    f"`aim runs --repo {self.place} close --force {run_hash}`"
                ) from error
            _LOCKS[place] = lock

    def unlock(self, run_hash: str) -> None:
        """Give back Aim's lock of a run."""
        if (lock := _LOCKS.pop((self.place, run_hash), None)) is not None:
            with border(f"unlocking the run {run_hash}"):
                lock.release(force=True)

    def properties(self, run_hash: str, created: int | None = None) -> Properties:
        """Return the columns of a run.

        Args:
            created: Nanoseconds since the epoch: make the row, if need be, with this as its time of creation.
        """
        when = None if created is None else _moment(created)
        with border(f"reading the columns of the run {run_hash}"):
            return Properties(self._repo.request_props(run_hash, created is None, when), self._repo)

    def index(self, meta: Database, gone: Path = (), *, patience: float = 0) -> None:
        """Make what a run holds by now visible to Aim's queries and pages, which read an index alone.

        Args:
            gone: The part of the run in which something was replaced since it was indexed.
            patience: Seconds to wait for another process that has the index open: each has it for a moment only.

        Raises:
            TransientError: Another process, such as ``aim up``, still has the index open; that one brings it up to date.
        """
        deadline = time.monotonic() + patience
        while True:
            try:
                self._index(meta, gone)
            except TransientError:
                if time.monotonic() >= deadline:
                    raise
                time.sleep(_TURN)
            else:
                return

    def _index(self, meta: Database, gone: Path) -> None:
        with border("indexing the run"):
            tree = self._repo._get_index_tree("meta", 0)  # noqa: SLF001  the SDK has no public way; it waits for no lock
            meta.copy_into(tree if self.settings.is_remote else tree.view(()), gone)

    def close(self) -> None:
        """Let go of the connection; a local repository has none."""
        client = self._repo._client  # noqa: SLF001  as above
        if client is None:
            return
        client.get_queue()._shutdown = True  # noqa: SLF001  nothing of ours is queued
        client.disconnect()


class Properties:
    """The columns of a run, in SQLite: what Aim's tables show first."""

    def __init__(self, held: Any, repo: Any) -> None:
        self._held = held
        self._client = repo._client  # noqa: SLF001  as above
        self._database = repo.structured_db

    def get(self, name: str) -> Any:
        """Return a column."""
        with border(f"reading the column {name!r}"):
            value = getattr(self._held, name)
            return value if isinstance(value, (str, int, float, bool, list)) else None

    def set(self, name: str, value: str | None) -> None:
        """Set a column."""
        self._change(name, lambda: setattr(self._held, name, value), f"{name}.setter", value)

    def add_tag(self, name: str) -> None:
        """Add a tag."""
        self._change("tags", lambda: self._held.add_tag(name), "add_tag", name)

    def remove_tag(self, name: str) -> None:
        """Remove a tag."""
        self._change("tags", lambda: self._held.remove_tag(name), "remove_tag", name)

    def _change(self, what: str, here: Any, method: str, value: str | None) -> None:
        with border(f"setting the column {what!r}"):
            if self._client is not None:
                self._client._run_read_instructions(-1, self._held._handler, method, (value,))  # noqa: SLF001  answered
                return
            try:
                here()
            except Exception:
                self._held._session.rollback()  # noqa: SLF001  else the session refuses everything that follows
                raise


def _quietly(function: Callable[..., Any]) -> Callable[..., None]:
    """Return a function that lets go of something; where that is gone already, it is what was wanted."""

    def let_go(*args: Any) -> None:
        with contextlib.suppress(Exception):
            function(*args)

    return let_go


def _moment(nanoseconds: int) -> dt.datetime:
    """Return a time as SQLite's column has it; what a date cannot say becomes the epoch."""
    try:
        return dt.datetime(1970, 1, 1) + dt.timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        return dt.datetime(1970, 1, 1)
