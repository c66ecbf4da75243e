"""Opening: the run that `init` returns, at a journal root, with its delivery and capture begun."""

from __future__ import annotations

import os
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from tracklib.errors import ConfigError, TracklibError, UsageError
from tracklib.journal.layout import Root
from tracklib.messages import Messages
from tracklib.model.records import RunStart
from tracklib.model.scalars import describe
from tracklib.tracking.context import surroundings
from tracklib.tracking.endings import ending_of, endings
from tracklib.tracking.identity import Resume, attempt_of, distributed, required, run_id
from tracklib.tracking.notebook import cells
from tracklib.tracking.null import NullTracker
from tracklib.tracking.options import RunOptions
from tracklib.tracking.ranks import Rank
from tracklib.tracking.redaction import Redactor
from tracklib.tracking.roots import at_writable_root
from tracklib.tracking.run import Run
from tracklib.typing import TagsLike
from tracklib.value import Value, replace

if TYPE_CHECKING:
    from tracklib.backends.registry import Resolved
    from tracklib.config import Config
    from tracklib.settings import Settings

__all__ = ["Request", "opened"]


class Request(Value):
    """What the call of `init` says of the run; see there."""

    name: str | None
    id: str | None
    config: Mapping[str, object] | None
    tags: TagsLike | None
    notes: str | None
    group: str | None
    job_type: str | None
    parent: str | Run | NullTracker | None
    resume: Resume


def opened(request: Request, found: Config, rank: Rank | None, messages: Messages) -> Run | NullTracker:
    """Open the run that is asked for; a `NullTracker` where this process is not to record, or cannot.

    Raises:
        ConfigError: A backend is unknown or not installed.
        UsageError: An argument is wrong.
        RunStateError: ``resume`` forbids what was found.
    """
    settings = found.settings
    is_first = rank is None or rank.rank == 0
    asked = settings.run_id or None if request.id is None else request.id
    known = run_id(asked, settings.project, request.resume, rank, os.environ)
    if settings.ranks == "zero" and not is_first:
        return NullTracker(id=known or "", name=request.name or known or "", project=settings.project)
    writing = None if settings.ranks == "zero" else rank
    chosen = required(known, writing)
    cells.begin(request.parent, messages)
    start = _start(request, found, chosen, rank, writing)
    resolved = _resolved(found) if is_first else []
    held = None if is_first else request.config
    run = at_writable_root(
        found.root, lambda root: _begin(root, chosen, start, found, resolved, messages, held), messages
    )
    if run is None:
        return NullTracker()
    if is_first:  # every rank is called with the same
        _describe(run, request)
    cells.began(run)
    return run


def _start(request: Request, found: Config, chosen: str, rank: Rank | None, writing: Rank | None) -> RunStart:
    project, parent = found.settings.project, request.parent
    return RunStart(
        project,
        request.name if request.name is not None else chosen,
        request.group,
        request.job_type,
        parent.id or None if isinstance(parent, (Run, NullTracker)) else parent,
        attempt_of(Root(found.root).run(project, chosen), chosen, request.resume, writing),
        {**surroundings(), **({} if rank is None else {"distributed": distributed(rank)})},
        None if writing is None else writing.rank,
    )


def _describe(run: Run, request: Request) -> None:
    """Record what the call says of the run; under ``strict``, what is wrong in it ends the run."""
    try:
        if request.config is not None:
            run.log_params(request.config)
        if request.tags is not None:
            run.set_tags(request.tags)
        if request.notes is not None:
            run.set_notes(request.notes)
    except BaseException as error:
        run.end(ending_of(error))
        raise


def _resolved(found: Config) -> list[Resolved]:
    if not found.settings.backends:
        return []
    from tracklib.backends import registry

    registry.check_names(found.settings.backends, found.tables)
    return [registry.resolve(entry, found.tables) for entry in dict.fromkeys(found.settings.backends)]


def _clean(text: object, what: str, redactor: Redactor) -> Any:
    if text is not None and not isinstance(text, str):
        raise UsageError(f"expected a text as {what}, got {describe(text)}")
    return None if text is None else redactor.text(text)


def _begin(
    root: Root,
    id: str,
    start: RunStart,
    found: Config,
    resolved: list[Resolved],
    messages: Messages,
    held: Mapping[str, object] | None,
) -> Run:
    """Open the run at a root.

    Raises:
        OSError: The root cannot be written.
    """
    settings = found.settings
    redactor = Redactor(settings.redact, settings.redact_except)
    options = RunOptions(
        redactor=redactor,
        messages=messages,
        strict=settings.strict,
        reserve=settings.reserve,
        finish_timeout=settings.finish_timeout,
    )
    options.prefix, options.params = f"rank_{start.rank}/" if start.rank else "", held
    given = {"name": start.name, "group": start.group, "job_type": start.job_type, "parent": start.parent}
    clean = {what: _clean(text, what, redactor) for what, text in given.items()}
    folder = root.run(settings.project, id)
    run = Run(root, folder, id, replace(start, **clean), options)
    at_last = None
    if not start.rank and (resolved or folder.receipts.is_dir()):  # the first rank sees to delivery, for all
        from tracklib.tracking.delivering import Deliverer

        deliverer = Deliverer(root, folder, found, messages)
        try:
            deliverer.begin(resolved)
        except (OSError, TracklibError) as error:
            text = f"delivery cannot begin: {getattr(error, 'strerror', None) or error}. The run is recorded; deliver it with tracklib sync"
            messages.warn(text)
        options.on_finish = deliverer.finished
        options.delivers = settings.mode == "online" and settings.finish_timeout > 0
        options.urls = deliverer.urls
        options.native = deliverer.native
        at_last = deliverer.at_last
    endings.watch(run, lambda ending: run.end(cells.ending(run) or ending), at_last)
    _store_the_rest(root, messages)
    if not start.rank:  # the first rank's surroundings stand for the run
        _capture(run, root, settings, options)
    return run


def _capture(run: Run, root: Root, settings: Settings, options: RunOptions) -> None:
    """Have the run's surroundings captured."""
    if not settings.capture:
        return
    try:
        from tracklib.tracking.observing import observe

        stop, finished = observe(run, root, settings, options.messages), options.on_finish
    except (OSError, ImportError) as error:  # too few descriptors: the run has begun, and goes on
        options.messages.warn(f"nothing is captured of this run's surroundings: {error}")
        return
    options.on_finish = lambda wait: (stop(), finished(wait))[-1]


def _store_the_rest(root: Root, messages: Messages) -> None:
    """See to the artifacts that earlier processes set aside and did not live to see stored."""
    try:
        if root.may_have_staged():
            from tracklib.delivery.porter import ensure

            ensure(root)
    except (OSError, ImportError, ConfigError) as error:
        messages.warn(f"earlier artifacts cannot be stored now: {error}; store them with: tracklib sync")
