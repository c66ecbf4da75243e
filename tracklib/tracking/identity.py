"""Identity: which run, and which attempt of it, a process writes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from typing import Literal

from tracklib.errors import RunStateError, UsageError
from tracklib.journal.layout import RunFolder
from tracklib.model.records import RunStart
from tracklib.model.run import new_run_id
from tracklib.model.scalars import describe
from tracklib.tracking.ranks import Rank, batch_job

__all__ = ["Resume", "attempt_of", "distributed", "required", "run_id"]

Resume = Literal["allow", "must", "never", "auto"]

_RUN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,63}")

_derived: dict[str, int] = {}
"""For each job and project, how many runs of this process were named after it."""


def run_id(given: object, project: str, resume: object, rank: Rank | None, environ: Mapping[str, str]) -> str | None:
    """Return the id of the run to write; ``None`` where nothing names one.

    Args:
        given: By the caller, or the environment.
        project: The run's.
        resume: With ``"auto"`` the batch job names the run, also of a process that stands alone.
        rank: This process's place in a distributed job, which names the run for all its ranks.
        environ: The environment.

    Raises:
        UsageError: It is no id.
    """
    if resume not in ("allow", "must", "never", "auto"):
        raise UsageError(f"expected resume 'allow', 'must', 'never' or 'auto', got {resume!r}")
    if given is not None:
        return _checked(given)
    job = rank.job if rank is not None else None
    if job is None and resume == "auto":
        job = batch_job(environ)
    return None if job is None else _derive(job, project)


def _checked(given: object) -> str:
    if not isinstance(given, str) or not _RUN_ID.fullmatch(given):
        raise UsageError(f"expected a run id of 1 to 64 letters, digits, '_' and '-', got {describe(given)}")
    return given


def _derive(job: str, project: str) -> str:
    """Return the id of a job's next run: every rank counts them alike, and so does the job when it is started again."""
    place = f"{project}\n{job}"
    number = _derived[place] = _derived.get(place, 0) + 1
    return f"job-{_digest(place)}" if number == 1 else f"job-{_digest(place)}-{number}"


def _digest(text: str) -> str:
    """Return 16 hexadecimal digits that stand for a text."""
    import hashlib  # loads OpenSSL, which a run of one process does not need

    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def required(found: str | None, rank: Rank | None) -> str:
    """Return the id of the run to write, a random one where nothing names one.

    Raises:
        UsageError: Several ranks are to write one run, and cannot know its id without talking to each other.
    """
    if found is not None:
        return found
    if rank is not None:
        raise UsageError(
            f"expected an id for a run of all ranks, got none, and nothing in {rank.launcher}'s variables names this job; "
            "give every rank the same one: tracklib.init(id=...) or the environment variable TRACKLIB_RUN_ID"
        )
    return new_run_id()


def _earlier_starts(folder: RunFolder) -> list[RunStart]:
    from tracklib.journal.glance import starts_of  # a sixth of what init() costs, which a new run need not pay

    return [start for _, _, start in starts_of(folder)]


def attempt_of(folder: RunFolder, run: str, resume: object, rank: Rank | None) -> int:
    """Return the number of the attempt that begins here; ranks that are started together share one.

    Raises:
        RunStateError: ``resume`` forbids what was found.
    """
    try:
        exists = folder.exists()
        starts = _earlier_starts(folder) if exists else []
    except OSError:  # a root that cannot be read, or no descriptor left: nothing is known of earlier attempts
        exists, starts = False, []
    if rank is not None:  # a segment that begins with no start yet is another rank's, which is about to write it
        exists = bool(starts)
    shared = _shared(starts, rank) if rank is not None else None
    if shared is not None:
        return shared
    if resume == "must" and not exists:
        raise RunStateError(
            f"expected the run {run!r} to exist in {folder.path.parent}, but it does not (resume='must')"
        )
    if resume == "never" and exists:
        raise RunStateError(f"expected {run!r} to be a new run, but it exists in {folder.path} (resume='never')")
    return max((start.attempt for start in starts), default=1 if exists else 0) + 1


def _shared(starts: Iterable[RunStart], rank: Rank) -> int | None:
    """Return the attempt that another rank of the same start has begun.

    Two ranks that look before either has written count on from the same earlier attempts, to the same number: no
    message between them is needed.
    """
    begun: dict[int, set[int | None]] = {}
    mark = None if rank.launch is None else _digest(rank.launch)
    for start in starts:
        if mark is None or _of(start, "launch") == mark:
            begun.setdefault(start.attempt, set()).add(start.rank)
    if mark is None and begun:  # nothing tells this start from the one before: the latest attempt is the one to join
        begun = {max(begun): begun[max(begun)]}
    return min((n for n, ranks in begun.items() if rank.rank not in ranks and None not in ranks), default=None)


def _of(start: RunStart, key: str) -> object:
    place = start.context.get("distributed")
    return place.get(key) if isinstance(place, Mapping) else None


def distributed(rank: Rank) -> dict[str, str | int | None]:
    """Return what a run's context says of a rank."""
    return {
        "launcher": rank.launcher,
        "rank": rank.rank,
        "local_rank": rank.local_rank,
        "world_size": rank.world_size,
        "launch": None if rank.launch is None else _digest(rank.launch),
    }
