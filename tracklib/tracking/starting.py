"""Starting: `init`, which makes a run out of arguments and configuration."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Literal

from tracklib import config as configuration
from tracklib import platform
from tracklib.errors import ConfigError, RunStateError, UsageError
from tracklib.journal.layout import Root, RunFolder
from tracklib.messages import Messages
from tracklib.model.records import RunStart
from tracklib.model.run import new_run_id
from tracklib.model.scalars import describe
from tracklib.tracking.context import surroundings
from tracklib.tracking.current import set_current
from tracklib.tracking.endings import endings
from tracklib.tracking.null import NullTracker
from tracklib.tracking.redaction import Redactor
from tracklib.tracking.run import Run, RunOptions
from tracklib.typing import PathLike, TagsLike

if TYPE_CHECKING:
    from tracklib.backends.registry import Resolved
    from tracklib.config import Config

__all__ = ["Resume", "init"]

Resume = Literal["allow", "must", "never"]

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")


def init(
    project: str | None = None,
    *,
    name: str | None = None,
    id: str | None = None,
    config: Mapping[str, object] | None = None,
    tags: TagsLike | None = None,
    notes: str | None = None,
    group: str | None = None,
    job_type: str | None = None,
    parent: str | Run | None = None,
    resume: Resume = "allow",
    dir: PathLike | None = None,
    mode: Literal["online", "offline", "disabled"] | None = None,
    backends: Sequence[str] | None = None,
    strict: bool | None = None,
) -> Run | NullTracker:
    """Begin a run, or continue one, and make it the current run; it returns at once whatever the network does.

    Args:
        project: What the run belongs to; ``"default"`` where neither this nor the configuration names one.
        name: For people; the id where omitted.
        id: 1 to 64 letters, digits, ``_`` and ``-``; random where omitted. The same id continues the same run.
        config: Params, as a mapping that may nest.
        tags: ``["dev"]`` or ``{"team": "vision"}``.
        notes: A description.
        group: Runs that belong together, such as the folds of one experiment.
        job_type: What the run does: ``"train"``, ``"eval"``.
        parent: The run, or its id, of which this one is a part.
        resume: Whether an ``id`` that exists may be continued: ``"allow"``, ``"must"`` exist, ``"never"``.
        dir: The journal root; ``.tracklib`` at the project's root where omitted.
        mode: ``"offline"`` delivers nothing until ``tracklib sync``; ``"disabled"`` records nothing at all.
        backends: Names or places, such as ``["mlflow", "mlflow:http://other:5000"]``.
        strict: Raise `BadValueError` where a value cannot be recorded, instead of refusing it by name.

    Raises:
        ConfigError: The configuration is wrong, or a backend is unknown or not installed.
        UsageError: An argument is wrong.
        RunStateError: ``resume`` forbids what was found.
    """
    arguments = {"project": project, "dir": dir, "mode": mode, "backends": backends, "strict": strict}
    found = configuration.load(arguments)
    settings = found.settings
    messages = Messages(quiet=settings.quiet)
    for text in found.overridden:
        messages.warn(text)
    if settings.mode == "disabled":
        return NullTracker()
    resolved = _resolved(found)
    run_id = _checked_id(id)
    root = _made_root(found.root, messages)
    folder = root.run(settings.project, run_id)
    start = RunStart(
        settings.project,
        name if name is not None else run_id,
        group,
        job_type,
        parent.id if isinstance(parent, Run) else parent,
        _attempt(folder, run_id, resume),
        surroundings(),
    )
    run = _begin(root, folder, run_id, start, found, resolved, messages)
    if config:
        run.log_params(config)
    if tags:
        run.set_tags(tags)
    if notes:
        run.set_notes(notes)
    set_current(run)
    return run


def _resolved(found: Config) -> list[Resolved]:
    if not found.settings.backends:
        return []
    from tracklib.backends import registry

    return [registry.resolve(entry, found.tables) for entry in dict.fromkeys(found.settings.backends)]


def _checked_id(id: object) -> str:
    if id is None:
        return new_run_id()
    if not isinstance(id, str) or not _RUN_ID.fullmatch(id):
        raise UsageError(f"expected a run id of 1 to 64 letters, digits, '_' and '-', got {describe(id)}")
    return id


def _attempt(folder: RunFolder, run_id: str, resume: object) -> int:
    if resume not in ("allow", "must", "never"):
        raise UsageError(f"expected resume 'allow', 'must' or 'never', got {resume!r}")
    exists = folder.exists()
    if resume == "must" and not exists:
        raise RunStateError(
            f"expected the run {run_id!r} to exist in {folder.path.parent}, but it does not (resume='must')"
        )
    if resume == "never" and exists:
        raise RunStateError(f"expected {run_id!r} to be a new run, but it exists in {folder.path} (resume='never')")
    if not exists:
        return 1
    from tracklib.journal.glance import glance

    return glance(folder).info.attempt + 1


def _made_root(path: Path, messages: Messages) -> Root:
    root = Root(path)
    try:
        root.create()
        probe = root.scratch / f"probe-{os.getpid()}-{os.urandom(4).hex()}"
        probe.touch(mode=0o600)
        probe.unlink()
    except OSError as error:
        import tempfile

        spare = Root(Path(tempfile.gettempdir()) / f"tracklib-{os.getuid() if hasattr(os, 'getuid') else 'user'}")
        _check_owner(spare.path)
        spare.create()
        messages.warn(
            f"cannot write the journal root {path}: {error.strerror or error}. This run is recorded in {spare.path} "
            f"instead. Make {path} writable or set TRACKLIB_DIR; deliver this run with: tracklib sync --dir {spare.path}"
        )
        return spare
    if kind := platform.network_file_system(str(path)):
        messages.warn(
            f"the journal root {path} lies on {kind}, a network file system, which may be slow and full for all at "
            "once; TRACKLIB_DIR can name a local disk instead (then run tracklib sync before the job ends)"
        )
    return root


def _check_owner(path: Path) -> None:
    """Refuse a spare root that somebody else laid out in the shared temporary folder."""
    if hasattr(os, "getuid") and path.exists() and path.lstat().st_uid != os.getuid():
        raise ConfigError(
            f"expected {path} to belong to this user, but it does not; set TRACKLIB_DIR to a writable folder"
        )


def _begin(
    root: Root,
    folder: RunFolder,
    run_id: str,
    start: RunStart,
    found: Config,
    resolved: list[Resolved],
    messages: Messages,
) -> Run:
    settings = found.settings
    options = RunOptions(
        redactor=Redactor(settings.redact, settings.redact_except), messages=messages, strict=settings.strict
    )
    run = Run(root, folder, run_id, start, options)
    if resolved or folder.receipts.is_dir():
        from tracklib.tracking.delivering import Deliverer

        deliverer = Deliverer(root, folder, found, messages)
        deliverer.begin(resolved)
        options.on_finish = deliverer.finished
        options.urls = deliverer.urls
        endings.watch(run, run.end, deliverer.at_last)
    else:
        endings.watch(run, run.end)
    return run
