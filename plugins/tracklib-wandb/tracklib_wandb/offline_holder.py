"""`OfflineHolder`: a run in a folder of this machine, as the SDK writes it for ``wandb sync``."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tracklib.errors import ConfigError, RejectedError, TransientError
from tracklib.model.records import Position
from tracklib_wandb.border import border
from tracklib_wandb.companions import chunk_end
from tracklib_wandb.holder import Held, Known
from tracklib_wandb.identity import KEY
from tracklib_wandb.messages import KIND, load_messages
from tracklib_wandb.offline_facts import Facts
from tracklib_wandb.offline_log import Damage, records
from tracklib_wandb.offline_places import is_empty, name_of, offline_runs
from tracklib_wandb.offline_run import OfflineRun

__all__ = ["OfflineHolder"]

_FLUSH = 0.5
_EMPTY = range(8)
"""Sizes of a log in which nothing stands: its header has seven bytes."""
_SHARE = 10
"""The log is read again from its beginning; of the time, that may take one part in so many."""


class OfflineHolder:
    """Feeds a folder; a run that is opened again is one more directory of the same id, and all are read together."""

    def __init__(self, directory: Path, entity: str | None, project: str, run_id: str) -> None:
        self._directory = directory
        self._entity = entity
        self._project = project
        self._id = run_id
        self._earlier: OfflineRun | None = None
        self._files = directory
        self._sdk_run: Any = None
        self._seen = (-1, Held(0, 0))
        self._rest = 0.0

    @property
    def key(self) -> str:
        """The folder and the run's id in it."""
        return f"{self._directory} {self._project}/{self._id}"

    @property
    def id(self) -> str:
        """How W&B names the run: ``entity/project/id``, without the entity where there is none."""
        entity = self._sdk_run.entity if self._sdk_run is not None else self._entity
        return "/".join(part for part in (entity, self._project, self._id) if part)

    @property
    def url(self) -> str | None:
        """There is no page."""
        return None

    @property
    def staging(self) -> Path:
        """The run's directory, which so holds all of the run, wherever it is moved to."""
        return self._files.parent

    def known(self) -> Known | None:
        """Return the run as the directories of its id have it."""
        self._earlier = self._find()
        if self._earlier is None:
            return None
        last = max((int(row.get("_step", -1)) for row in self._earlier.history()), default=-1)
        return Known(last, self._earlier.config(), self._earlier.summary())

    def _find(self) -> OfflineRun | None:
        try:
            found = list(offline_runs(self._directory))
        except ConfigError:  # there is no run yet
            return None
        return next(filter(self._is_ours, found), None)

    def _is_ours(self, run: OfflineRun) -> bool:
        """Tell whether a run is this one; of one that cannot be read, by its directory's name.

        Raises:
            RejectedError: It may be, but nobody can say what it holds.
        """
        try:
            return (run.vitals.project, run.vitals.id) == (self._project, self._id)
        except RejectedError:
            if any(name_of(log) == self._id and not is_empty(log) for log in run.logs):
                raise
            return False

    def begin(self) -> Mapping[str, Any]:
        """Return the SDK's settings for a run in this folder."""
        parent = self._directory.parent if self._directory.name == "wandb" else self._directory
        with border(f"making {parent}"):
            parent.mkdir(parents=True, exist_ok=True)
        return {
            "entity": self._entity,
            "project": self._project,
            "id": self._id,
            "dir": str(parent),
            "settings": {"mode": "offline", "x_transaction_log_flush_interval": _FLUSH},
        }

    def began(self, sdk_run: Any) -> None:
        """Take note of the directory that the SDK made."""
        self._sdk_run = sdk_run
        self._files = Path(sdk_run.dir)

    def rows(self, position: Position) -> Iterator[Mapping[str, Any]]:
        """Yield the rows of the directories before this."""
        _ = position
        return self._earlier.history() if self._earlier is not None else iter(())

    def chunks(self, position: Position) -> Iterator[bytes]:
        """Yield the chunks of the directories before this that may hold what is not confirmed."""
        for file in self._earlier.files() if self._earlier is not None else ():
            end = chunk_end(file.path)
            if end is not None and end[1] > position.get(end[0], 0):
                assert self._earlier is not None
                with self._earlier.open_file(file.path) as content:
                    yield content.read()

    def keep(self, name: str, content: bytes | Path) -> None:
        """Copy a file into the run's directory, and tell the SDK, so that ``wandb sync`` takes it along."""
        with border(f"keeping {name!r}"):
            place = self._files / name
            place.parent.mkdir(parents=True, exist_ok=True)
            beside = place.with_name(f"{place.name}.part")
            with beside.open("wb") as target:
                if isinstance(content, bytes):
                    target.write(content)
                else:
                    with content.open("rb") as source:
                        shutil.copyfileobj(source, target, 1 << 20)
                target.flush()
                os.fsync(target.fileno())
            beside.replace(place)
            self._sdk_run.save(str(place), base_path=str(self._files), policy="now")

    def has(self, name: str, size: int) -> bool:
        """Look for a file in this directory; each directory has its own, as ``wandb sync`` takes them one by one."""
        place = self._files / name
        return place.is_file() and place.stat().st_size == size

    def held(self, *, with_config: bool, at_once: bool) -> Held:
        """Read what the log has by now."""
        _ = with_config
        log = next(self._files.parent.glob("run-*.wandb"), None)
        size = log.stat().st_size if log is not None else 0
        began = time.monotonic()
        if log is None or size in (self._seen[0], *_EMPTY) or (began < self._rest and not at_once):
            return self._seen[1]
        self._seen = size, _held(log)
        self._rest = began + _SHARE * (time.monotonic() - began)
        return self._seen[1]

    def end(self, exit_code: int | None) -> None:
        """Wait until the end that the SDK wrote is in the log: its ``finish`` returns earlier."""
        _ = exit_code
        deadline = time.monotonic() + 20
        while not self._has_end():
            if time.monotonic() > deadline:
                raise TransientError(f"W&B's log in {self._files.parent} has no end yet")
            time.sleep(0.05)

    def _has_end(self) -> bool:
        log = next(self._files.parent.glob("run-*.wandb"), None)
        try:
            return log is not None and OfflineRun([log]).vitals.exit_code is not None
        except RejectedError:  # not even its beginning is written
            return False


def _held(log: Path) -> Held:
    """Count the rows of a log, and find the revision of its config."""
    rows, facts, messages = 0, Facts(), load_messages()
    for kind, content in records(log, Damage()):
        if kind == KIND.HISTORY:
            rows += 1
        elif kind in (KIND.RUN, KIND.CONFIG):
            facts.apply(kind, content, messages)
    own = facts.config.get(KEY)
    return Held(rows, int(own.get("revision") or 0) if isinstance(own, Mapping) else 0)
