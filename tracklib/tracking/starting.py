"""Starting: `init`, which makes a run out of arguments and configuration."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Literal

from tracklib import config as configuration
from tracklib.messages import Messages
from tracklib.tracking.current import set_current
from tracklib.tracking.null import NullTracker
from tracklib.tracking.ranks import find_rank
from tracklib.typing import PathLike, TagsLike

if TYPE_CHECKING:
    from tracklib.tracking.identity import Resume
    from tracklib.tracking.run import Run

__all__ = ["init"]


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
    run: Run | NullTracker = NullTracker()
    if settings.mode != "disabled":  # which is not to load what it does not need
        from tracklib.tracking.opening import Request, opened

        request = Request(name, id, config, tags, notes, group, job_type, parent, resume)
        run = opened(request, found, rank, messages)
    if isinstance(run, NullTracker) and config is not None:
        run.log_params(config)  # which it keeps, for code that reads them
    set_current(run)
    return run
