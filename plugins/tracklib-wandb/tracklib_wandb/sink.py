"""`WandbSink`: the write half; takes the records of one run."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tracklib.backends.capabilities import Capabilities
from tracklib.backends.contract import Outcome, SinkContext, VendorRun
from tracklib.errors import RunStateError
from tracklib.model.records import Position, Record
from tracklib.model.run import RunInfo
from tracklib_wandb.capabilities import CAPABILITIES
from tracklib_wandb.holder import Holder
from tracklib_wandb.identity import native_id, native_project
from tracklib_wandb.open_run import OpenRun
from tracklib_wandb.settings import WandbSettings
from tracklib_wandb.writing import Writing

__all__ = ["WandbSink"]


class WandbSink:
    """Writes one run to W&B; the README says what becomes what.

    What `send` takes is in the SDK's queue, or held back for the rest of its step; `confirmed` tells what has arrived.
    """

    def __init__(self, settings: WandbSettings, context: SinkContext) -> None:
        self._settings = settings.resolved()
        self._context = context
        self._position = dict(context.position)
        self._writing: Writing | None = None

    @property
    def capabilities(self) -> Capabilities:
        """What W&B holds, and how well."""
        return CAPABILITIES

    @property
    def native(self) -> Any:
        """The SDK's own object for the run."""
        return self._opened().run.native

    def open(self, run: RunInfo, /) -> VendorRun:
        """Create the run at W&B, or find it again."""
        if self._writing is None:
            holder = self._holder(run)
            self._writing = Writing.of(OpenRun.of(holder, run, self._position))
        holder = self._writing.run.holder
        return VendorRun(holder.id, holder.url)

    def _holder(self, run: RunInfo) -> Holder:
        settings = self._settings
        project = native_project(settings.project or run.project)
        run_id = native_id(run.project, run.id, moved=settings.project not in (None, run.project))
        if settings.directory is not None:
            from tracklib_wandb.offline_holder import OfflineHolder

            return OfflineHolder(Path(settings.directory), settings.entity, project, run_id)
        from tracklib_wandb.online_holder import OnlineHolder

        return OnlineHolder(settings, project, run_id, self._context.scratch)

    def send(self, batch: Sequence[Record], /) -> Sequence[Outcome]:
        """Take records; what came before, from this process or an earlier one, is known and not sent again."""
        return self._opened().take(batch, self._context.open_file)

    def confirmed(self) -> Position:
        """Return up to where W&B holds the records."""
        if self._writing is not None:
            self._writing.tick()
            self._note()
        return dict(self._position)

    def close(self) -> None:
        """Hand over what is held back, and wait until W&B holds it."""
        if self._writing is None:
            return
        self._writing.close()
        self._note()
        self._writing = None

    def _note(self) -> None:
        assert self._writing is not None
        for writer, seq in self._writing.run.ledger.position().items():
            self._position[writer] = max(self._position.get(writer, 0), seq)

    def _opened(self) -> Writing:
        if self._writing is None:
            raise RunStateError("expected a sink whose run is open, got one that is not: call open() first")
        return self._writing
