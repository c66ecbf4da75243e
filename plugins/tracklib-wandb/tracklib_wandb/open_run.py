"""`OpenRun`: a run of W&B's that this process writes, from its opening until all of it is held.

It outlives the sink that opened it where that sink fails: the SDK's queue still holds what was sent, and would go on sending
beside whoever opened the run anew. The next sink for the same run takes it over, and what comes again is known.
"""

from __future__ import annotations

import atexit
import functools
import os
import threading
import time
from collections import deque
from collections.abc import Mapping
from typing import Any, NoReturn

from tracklib.errors import BadValueError, TransientError, UnknownOutcomeError
from tracklib.model.records import Position
from tracklib.model.run import RunInfo
from tracklib.typing import Step
from tracklib_wandb import names
from tracklib_wandb.border import border
from tracklib_wandb.companions import read_chunk
from tracklib_wandb.holder import Holder, Known
from tracklib_wandb.identity import KEY, Identity, clean
from tracklib_wandb.labels import LABELS, Labels
from tracklib_wandb.ledger import Ledger, Need
from tracklib_wandb.rows import mark_of, native_number
from tracklib_wandb.service import end_service, has_ended
from tracklib_wandb.steps import Steps
from tracklib_wandb.surroundings import own_variables, sdk, sdk_settings

__all__ = ["OpenRun"]

_POLL = 1.0
_FINISH_TIMEOUT = 60.0
_HOLD_TIMEOUT = 30.0
_STALLED = 300.0
"""Seconds without a row arriving while the server answers, after which the SDK's stream counts as broken."""

_OPEN: dict[tuple[int, str], OpenRun] = {}
"""The runs that this process has open, by process and place."""
_LOCK = threading.Lock()


class OpenRun:
    """A run that this process writes.

    Attributes:
        ledger: What was taken, and what is held.
        known: The run as it was before; ``None`` where it is new.
        writing: What turns records into rows and files; it goes along to the next sink.
        came_before: The records that an earlier process has brought there, and did not see confirmed.
    """

    def __init__(self, holder: Holder, info: RunInfo, position: Position) -> None:
        self.holder = holder
        self.ledger = Ledger()
        self.is_closed = False
        self.known: Known | None = holder.known()
        self.came_before = self._came_before(position)
        identity = Identity.within((self.known.config if self.known is not None else {}).get(KEY))
        self.is_new = identity is None
        self.identity = identity or Identity.of(info)
        own = self.known.config.get(KEY) if self.known is not None else None
        self._revision = int(own.get("revision") or 0) if isinstance(own, Mapping) else 0
        self._rows: deque[tuple[int, Need]] = deque()
        self._configs: deque[tuple[int, Need]] = deque()
        self._logged = 0
        self._moved = time.monotonic()
        self._polled = 0.0
        self._is_redefined = False
        self._finishing: threading.Thread | None = None
        self._sdk = self._begin()
        self.writing: object = None

    @classmethod
    def of(cls, holder: Holder, info: RunInfo, position: Position) -> OpenRun:
        """Return the run of a place, as it is open in this process or opened now."""
        if has_ended():
            _discard()
        with _LOCK:
            key = (os.getpid(), holder.key)
            if key not in _OPEN or _OPEN[key].is_closed:
                _OPEN[key] = cls(holder, info, position)
            return _OPEN[key]

    def _begin(self) -> Any:
        told = dict(self.holder.begin())
        settings = told.pop("settings")
        config = dict(self.known.config) if self.known is not None else {}
        if self.is_new:
            config[KEY] = {**self.identity.tree(), "revision": self._revision}
        is_offline = settings["mode"] == "offline"
        if self.is_new or is_offline:  # a server knows the rest, and what somebody changed of it there
            told |= {"name": self.identity.native_name, "config": config}
        if is_offline and not self.is_new:
            own = config.get(KEY)
            labels = Labels.read(own.get(LABELS) if isinstance(own, Mapping) else None)
            told |= {"tags": labels.shown(), "notes": clean(labels.notes or "") or None}
        with border("opening the run"), own_variables():
            run = sdk().init(
                **told,
                group=_column(self.identity.group),
                job_type=_column(self.identity.job_type),
                reinit="create_new",
                settings=sdk_settings(**settings),
            )
            _watch_no_imports(run)
            for name in (names.MARK, names.STEP):
                run.define_metric(name, hidden=True, summary="none")
            self.holder.began(run)
            _leave_quickly()
            self.steps = Steps(max(self.known.last_step if self.known is not None else -1, run.starting_step - 1))
        return run

    def _came_before(self, position: Position) -> frozenset[tuple[str, int]]:
        if self.known is None:
            return frozenset()
        found: set[tuple[str, int]] = set()
        for row in self.holder.rows(position):
            try:
                mark = mark_of(row)
            except BadValueError:  # of whoever else wrote it; the reader tells
                continue
            if mark is not None:
                found |= {(point.writer, point.seq) for point in mark.points}
                found |= {(record.writer, record.seq) for record in mark.beside}
        for content in self.holder.chunks(position):
            found |= {(record.writer, record.seq) for record in read_chunk(content)}
        return frozenset(found)

    @property
    def native(self) -> Any:
        """The SDK's own object."""
        return self._sdk

    # -- writing

    def log(self, values: Mapping[str, Any], step: Step) -> Need:
        """Add a row; return what tells whether it is held."""
        own_step = self.steps.next(step)
        if own_step != step and not self._is_redefined:
            self._redefine()
        with border("logging a row"):
            self._sdk.log({**values, names.STEP: native_number(step)}, step=own_step, commit=True)
        if not self._rows:
            self._moved = time.monotonic()
        self._logged += 1
        need = Need()
        self._rows.append((self._logged, need))
        return need

    def _redefine(self) -> None:
        """Make the charts follow the caller's step: W&B's own cannot be it any more."""
        with border("defining the step"):
            self._sdk.define_metric("*", step_metric=names.STEP, step_sync=False)
        self._is_redefined = True

    def configure(self, values: Mapping[str, Any], own: Mapping[str, Any]) -> Need:
        """Change the config, and what is tracklib's in it; return what tells whether that is held."""
        self._revision += 1
        tree = {**self.identity.tree(), **own, "revision": self._revision}
        with border("writing the config"):
            self._sdk.config.update({**values, KEY: tree}, allow_val_change=True)
        need = Need()
        self._configs.append((self._revision, need))
        return need

    def show(self, identity: Identity) -> None:
        """Take who the run is; `configure` writes it."""
        if identity.native_name != self.identity.native_name:
            with border("naming the run"):
                self._sdk.name = identity.native_name
        self.identity = identity

    # -- what is held

    def poll(self, *, at_once: bool = False) -> None:
        """Ask what is held, once in a second at most."""
        now = time.monotonic()
        if self.ledger.is_settled or (not at_once and now - self._polled < _POLL):
            return
        if not self._rows and not self._configs:
            return
        self._polled = now
        held = self.holder.held(with_config=bool(self._configs), at_once=at_once)
        for waiting, limit in ((self._rows, held.rows), (self._configs, held.revision)):
            while waiting and waiting[0][0] <= limit:
                waiting.popleft()[1].meet()
                self._moved = now
        if self._rows and now - self._moved > _STALLED:
            _discard()
            raise UnknownOutcomeError(f"W&B answers, but has taken no row of {self.holder.id} for {_STALLED:g} s")

    # -- the end

    def close(self) -> None:
        """Hand everything over and let go of the run.

        Raises:
            TransientError: W&B cannot be reached now; it may be called again.
            UnknownOutcomeError: Not all has arrived; what is not confirmed is to be sent again.
        """
        if self._finishing is None:
            self.holder.held(
                with_config=False, at_once=False
            )  # says so where nobody answers: the SDK would wait for ever
        self._finish()
        deadline = time.monotonic() + _HOLD_TIMEOUT
        self.poll(at_once=True)
        while not self.ledger.is_settled:
            if time.monotonic() > deadline:
                self._forget()
                raise UnknownOutcomeError(f"W&B does not hold all of the run {self.holder.id}: it is sent again")
            time.sleep(0.05)
            self.poll(at_once=True)
        self.holder.end(self.identity.native_exit_code if self.identity.is_over else None)
        self._forget()

    @property
    def is_ending(self) -> bool:
        """Whether the SDK was told of the end, so that it takes nothing more."""
        return self._finishing is not None

    def reopen(self) -> NoReturn:
        """Let go of a run that is ending, for the sake of what is to be added to it.

        Raises:
            UnknownOutcomeError: Always: it is to be opened again, once the SDK is done with it.
        """
        self._forget()
        raise UnknownOutcomeError(f"the run {self.holder.id} had ended and goes on: it is opened again")

    def _finish(self) -> None:
        """Make the SDK send what it has, without waiting for longer than is good."""
        if self._finishing is None:
            code = self.identity.native_exit_code if self.identity.is_over else 0
            self._finishing = threading.Thread(target=self._sdk.finish, args=(code,), daemon=True)
            self._finishing.start()
        self._finishing.join(_FINISH_TIMEOUT)
        if self._finishing.is_alive():
            raise TransientError(f"W&B's SDK is still sending the run {self.holder.id}")

    def check(self) -> None:
        """See that W&B's program still has the run.

        Raises:
            UnknownOutcomeError: It was given up; it is to be opened again.
        """
        if not self.is_closed and has_ended():
            _discard()
        if self.is_closed:
            raise UnknownOutcomeError(f"the run {self.holder.id} was let go of meanwhile; it is opened again")

    def _forget(self) -> None:
        self.is_closed = True
        with _LOCK:
            key = (os.getpid(), self.holder.key)
            if _OPEN.get(key) is self:
                del _OPEN[key]


def _watch_no_imports(run: Any) -> None:
    """Keep the SDK from sending a word whenever this process imports torch or its like.

    Where W&B's program is gone by then, the import would fail with a broken connection: in training itself, inline.
    """
    leave_alone = getattr(run, "_unregister_telemetry_import_hooks", None)
    if callable(leave_alone):
        leave_alone(run.id)


def _discard() -> None:
    """Give up what W&B's program has queued for any run: all sinks open theirs again, and send it again."""
    with _LOCK:
        for run in _OPEN.values():
            run.is_closed = True
        _OPEN.clear()
    end_service()


@functools.cache
def _leave_quickly() -> None:
    """Keep this process's end from waiting for a server; what is not confirmed is sent again by the next one."""
    atexit.register(_leave)


def _leave() -> None:
    own = [run for (pid, _), run in _OPEN.items() if pid == os.getpid() and not run.is_closed]
    if any(run.holder.url is not None for run in own):
        end_service()


def _column(text: str | None) -> str | None:
    return clean(text)[:128] or None if text is not None else None
