"""`NullTracker`: a tracker that does nothing, for ``TRACKLIB_MODE=disabled`` and for ranks that do not record."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal

from tracklib.model.trees import merge, tree
from tracklib.typing import JSON, Loggable, PathLike, Status, Step, TagsLike

if TYPE_CHECKING:
    from typing_extensions import Self

    from tracklib.tracking.inputs import UsedArtifact
    from tracklib.tracking.run import Run

__all__ = ["NullTracker"]


class NullTracker:
    """Takes everything, records nothing: no file, no thread, no process.

    Attributes:
        id: Of the run that another rank records, where this one can know it; else empty.
        config: The params that it was given, so that code which reads them runs on every rank.
    """

    attempt = 1
    is_open = False
    place = ("", 0)

    def __init__(self, *, id: str = "", name: str = "", project: str = "") -> None:
        self.id = id
        self.name = name
        self.project = project
        self.config: dict[str, JSON] = {}
        self.path = Path(os.devnull)
        self.summary: dict[str, JSON] = {}
        self.url: dict[str, str] = {}

    def log(
        self, values: Mapping[str, Loggable], /, *, step: Step | None = None, timestamp: float | None = None
    ) -> None:
        """Do nothing."""

    def log_params(self, params: Mapping[str, object], /) -> None:
        """Keep params for `config`; record nothing."""
        with contextlib.suppress(Exception):  # what cannot be a param is refused where somebody records
            self.config = merge(self.config, tree(params, lambda *_: None))

    def set_tags(self, tags: TagsLike, /) -> None:
        """Do nothing."""

    def set_notes(self, text: str, /) -> None:
        """Do nothing."""

    def define_metric(self, key: str, /, *, summary: object = ("last",), goal: str = "minimize") -> None:
        """Do nothing."""

    def log_artifact(
        self,
        path: PathLike,
        /,
        *,
        name: str | None = None,
        type: str = "file",
        aliases: Sequence[str] = (),
        metadata: Mapping[str, object] | None = None,
        copy: Literal["background", "now"] = "background",
        live: bool = False,
    ) -> None:
        """Do nothing."""

    def use_artifact(
        self,
        name: PathLike,
        /,
        *,
        type: str | None = None,
        version: str | None = None,
        run: str | Run | NullTracker | None = None,
    ) -> UsedArtifact:
        """Return an artifact of this disk, as `Run.use_artifact` does, and record nothing."""
        from tracklib import config
        from tracklib.journal.layout import Root
        from tracklib.tracking.inputs import UsedArtifact, wanted

        found = config.load()
        made_by = run if run is None or isinstance(run, str) else run.id
        return UsedArtifact(Root(found.root), found.settings.project, wanted(name, type, version, made_by or None))

    def finish(self, *, status: Status | None = None, exit_code: int | None = None, wait: bool = False) -> None:
        """Do nothing."""

    def native(self, backend: str, /, *, timeout: float = 30.0) -> Any:
        """Return an object that takes everything and does nothing."""
        _ = backend, timeout
        from tracklib.tracking.native import NullNative

        return NullNative()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        return None
