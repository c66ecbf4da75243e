"""Starting: `init`, which makes a run out of arguments and configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Literal

from tracklib import config as configuration
from tracklib.errors import ConfigError, UsageError
from tracklib.journal.layout import Root
from tracklib.messages import Messages
from tracklib.model.records import RunStart
from tracklib.model.scalars import describe
from tracklib.tracking.context import surroundings
from tracklib.tracking.current import set_current
from tracklib.tracking.endings import ending_of, endings
from tracklib.tracking.identity import Resume, attempt_of, distributed, required, run_id
from tracklib.tracking.notebook import cells
from tracklib.tracking.null import NullTracker
from tracklib.tracking.ranks import find_rank
from tracklib.tracking.redaction import Redactor
from tracklib.tracking.roots import at_writable_root
from tracklib.tracking.run import Run, RunOptions
from tracklib.typing import PathLike, TagsLike

if TYPE_CHECKING:
    from tracklib.backends.registry import Resolved
    from tracklib.config import Config, Settings

__all__ = ["Resume", "init"]


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
    ranks: Literal["zero", "all"] | None = None,
    dir: PathLike | None = None,
    mode: Literal["online", "offline", "disabled"] | None = None,
    backends: Sequence[str] | None = None,
    strict: bool | None = None,
) -> Run | NullTracker:
    """Begin a run, or continue one, and make it the current run; it returns at once whatever the network does.

    Args:
        project: What the run belongs to; ``"default"`` where neither this nor the configuration names one.
        name: For people; the id where omitted.
        id: 1 to 64 letters, digits, ``_`` and ``-``. The same id continues the same run. Where omitted:
            ``TRACKLIB_RUN_ID``; in a distributed job one that follows from the job; else a random one.
        config: Params, as a mapping that may nest.
        tags: ``["dev"]`` or ``{"team": "vision"}``.
        notes: A description.
        group: Runs that belong together, such as the folds of one experiment.
        job_type: What the run does: ``"train"``, ``"eval"``.
        parent: The run, or its id, of which this one is a part.
        resume: Whether an ``id`` that exists may be continued: ``"allow"``, ``"must"`` exist, ``"never"``;
            ``"auto"``: a batch job that is started again continues its run without an ``id``.
        ranks: Of a distributed job, ``"zero"`` lets rank 0 record, ``"all"`` every rank into the one run, the others'
            names beginning with ``rank_<n>/``. The rest get a `NullTracker`.
        dir: The journal root; ``.tracklib`` at the project's root where omitted.
        mode: ``"offline"`` delivers nothing until ``tracklib sync``; ``"disabled"`` records nothing at all.
        backends: Names or places, such as ``["mlflow", "mlflow:http://other:5000"]``.
        strict: Raise `BadValueError` where a value cannot be recorded, instead of refusing it by name.

    Raises:
        ConfigError: The configuration is wrong, or a backend is unknown or not installed.
        UsageError: An argument is wrong.
        RunStateError: ``resume`` forbids what was found.
    """
    arguments = {
        "project": project, "dir": dir, "mode": mode, "backends": backends, "strict": strict, "ranks": ranks
    }  # fmt: skip
    found = configuration.load(arguments)
    settings = found.settings
    rank = find_rank(os.environ)
    is_first = rank is None or rank.rank == 0
    messages = Messages(quiet=settings.quiet or not is_first)
    for text in found.overridden if is_first else ():
        messages.warn(text)
    if settings.mode == "disabled":
        return _nothing(config)
    known = run_id(settings.run_id or None if id is None else id, settings.project, resume, rank, os.environ)
    if settings.ranks == "zero":
        if not is_first:
            return _nothing(config, id=known or "", name=name or known or "", project=settings.project)
        writing = None
    else:
        writing = rank
    chosen = required(known, writing)
    cells.begin(parent, messages)
    start = RunStart(
        settings.project,
        name if name is not None else chosen,
        group,
        job_type,
        parent.id or None if isinstance(parent, (Run, NullTracker)) else parent,
        attempt_of(Root(found.root).run(settings.project, chosen), chosen, resume, writing),
        {**surroundings(), **({} if rank is None else {"distributed": distributed(rank)})},
        None if writing is None else writing.rank,
    )
    resolved = _resolved(found) if is_first else []
    held = None if is_first else config
    run = at_writable_root(
        found.root, lambda root: _begin(root, chosen, start, found, resolved, messages, held), messages
    )
    if run is None:
        return _nothing(config)
    if is_first:  # every rank is called with the same
        _describe(run, config, tags, notes)
    set_current(run)
    cells.began(run)
    return run


def _describe(run: Run, config: Mapping[str, object] | None, tags: TagsLike | None, notes: str | None) -> None:
    """Record what the call says of the run; under ``strict``, what is wrong in it ends the run."""
    try:
        if config is not None:
            run.log_params(config)
        if tags is not None:
            run.set_tags(tags)
        if notes is not None:
            run.set_notes(notes)
    except BaseException as error:
        run.end(ending_of(error))
        raise


def _nothing(config: Mapping[str, object] | None, *, id: str = "", name: str = "", project: str = "") -> NullTracker:
    run = NullTracker(id=id, name=name, project=project)
    if config is not None:
        run.log_params(config)
    set_current(run)
    return run


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
        except OSError as error:
            text = (
                f"delivery cannot begin: {error.strerror or error}. The run is recorded; deliver it with tracklib sync"
            )
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
