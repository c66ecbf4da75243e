"""Ranks: what a launcher's variables say of this process's place in a distributed job."""

from __future__ import annotations

import re
from collections.abc import Mapping

from tracklib.value import Value

__all__ = ["Rank", "batch_job", "find_rank"]


class Rank(Value):
    """One process's place among those that a launcher started together.

    Attributes:
        rank: 0 to ``world_size`` - 1.
        local_rank: The same among the processes of one machine, where the launcher says.
        launcher: ``"torchrun"``, ``"mpi"``, ``"lightning"``, ``"slurm"``, or ``"environment"`` for somebody who set
            ``RANK`` and ``WORLD_SIZE``.
        job: What names the job: the same text for all its ranks and after a restart by its launcher, another for any
            other job; ``None`` where the variables hold nothing of the kind.
        start: Which start of the job's ranks this is, where launcher or scheduler start them again.
    """

    rank: int
    world_size: int
    local_rank: int | None
    launcher: str
    job: str | None = None
    start: str = "0"

    @property
    def launch(self) -> str | None:
        """What names this very start of the ranks, as against the ones before and behind a restart."""
        return None if self.job is None else f"{self.job} start {self.start}"


def find_rank(environ: Mapping[str, str]) -> Rank | None:
    """Return this process's place, or ``None`` where it is not one of several.

    The nearest launcher counts: ``torchrun`` and what sets its variables (Accelerate, Ray Train, DeepSpeed) may run
    inside an MPI or SLURM job, ``mpirun`` inside a SLURM job, whose own variables then describe the machines.
    """
    for look in (_torchrun, _mpi, _lightning, _slurm):
        found = look(environ)
        if found is not None:
            return found if found.world_size > 1 else None
    return None


def batch_job(environ: Mapping[str, str]) -> str | None:
    """Return what names the batch job: the same when the scheduler starts it again.

    ``SLURM_JOB_ID`` stays when a job is requeued, and differs for each task of an array; ``SLURM_STEP_ID`` counts the
    calls of ``srun`` from 0 again (srun(1), "Output environment variables").
    """
    job = environ.get("SLURM_JOB_ID", "")
    if not job:
        return None
    return f"slurm {environ.get('SLURM_CLUSTER_NAME', '')} {job} {environ.get('SLURM_STEP_ID', '')}"


def _number(environ: Mapping[str, str], *names: str) -> int | None:
    for name in names:
        text = environ.get(name, "")
        if text.isascii() and text.isdigit():
            return int(text)
    return None


def _start(environ: Mapping[str, str]) -> str:
    return str(_number(environ, "SLURM_RESTART_COUNT") or 0)


def _step_job(environ: Mapping[str, str]) -> str | None:
    """Return the batch job where ``srun`` started this process: a script may start many without it, one after another."""
    return batch_job(environ) if environ.get("SLURM_STEP_ID") else None


def _torchrun(environ: Mapping[str, str]) -> Rank | None:
    rank, size = _number(environ, "RANK"), _number(environ, "WORLD_SIZE")
    if rank is None or size is None:
        return None
    local = _number(environ, "LOCAL_RANK")
    if "TORCHELASTIC_RUN_ID" not in environ:
        return Rank(rank, size, local, "environment", _step_job(environ), _start(environ))
    start = f"{_start(environ)}.{_number(environ, 'TORCHELASTIC_RESTART_COUNT') or 0}"
    return Rank(rank, size, local, "torchrun", _torch_job(environ, size), start)


_DRAWN = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}")
"""An id that ``torchrun --standalone`` draws at each start, so that a requeued job has another one."""


def _torch_job(environ: Mapping[str, str], size: int) -> str | None:
    """Return what names a job of torchrun's (measured with torch 2.13).

    Its run id is ``"none"`` by default, and people copy ``--rdzv-id=100`` from one job to the next. On one machine the
    folder of its error files is the agent's own, whatever the id; on several, an id that somebody gave has to do.
    """
    given = environ["TORCHELASTIC_RUN_ID"]
    named = given not in ("", "none") and not _DRAWN.fullmatch(given)
    if (step := _step_job(environ)) is not None:
        return f"{step} {given}" if named else step
    agent = environ.get("TORCHELASTIC_ERROR_FILE", "").partition("/attempt_")
    if agent[1] and _number(environ, "LOCAL_WORLD_SIZE") == size:
        return f"torchrun {agent[0]}"
    return f"torchrun {given}" if named or _DRAWN.fullmatch(given) else None


_MPI = (
    ("OMPI_COMM_WORLD_RANK", "OMPI_COMM_WORLD_SIZE", "OMPI_COMM_WORLD_LOCAL_RANK"),
    ("MV2_COMM_WORLD_RANK", "MV2_COMM_WORLD_SIZE", "MV2_COMM_WORLD_LOCAL_RANK"),
    ("PMI_RANK", "PMI_SIZE", "MPI_LOCALRANKID"),
)
"""Open MPI; MVAPICH; MPICH and Intel MPI (Hydra)."""


def _mpi(environ: Mapping[str, str]) -> Rank | None:
    for names in _MPI:
        rank, size = _number(environ, names[0]), _number(environ, names[1])
        if rank is not None and size is not None:
            job = _step_job(environ) or _mpi_job(environ, size)
            return Rank(rank, size, _number(environ, names[2]), "mpi", job, _start(environ))
    return None


def _mpi_job(environ: Mapping[str, str], size: int) -> str | None:
    """Return what names a job of Open MPI's; MPICH's launcher tells nothing that differs between two jobs (5.0)."""
    space = environ.get("PMIX_NAMESPACE")
    if not space:
        return None
    # "prterun-HOST-PID@1" comes again where containers do; the server's port tells the jobs of one machine apart.
    local = _number(environ, "OMPI_COMM_WORLD_LOCAL_SIZE") == size
    return f"mpi {space} {environ.get('PMIX_SERVER_URI2', '') if local else ''}"


def _lightning(environ: Mapping[str, str]) -> Rank | None:
    """Return the place of a process that Lightning's own launcher started: it gives no ``RANK``.

    The first process, which starts the others, has none of the variables before ``fit()``, and is rank 0.
    """
    local, size = _number(environ, "LOCAL_RANK"), _number(environ, "WORLD_SIZE")
    if local is None or size is None:
        return None
    node, each = _number(environ, "NODE_RANK", "GROUP_RANK") or 0, _number(environ, "LOCAL_WORLD_SIZE")
    # On further machines their size is not told: ranks are then counted as if one machine had all but its own.
    rank = local if node == 0 else node * (each or max(1, size - 1)) + local
    return Rank(rank, size, local, "lightning")


def _slurm(environ: Mapping[str, str]) -> Rank | None:
    """Return the place of a task of ``srun``; a batch script's own commands have the variables too, and are one each."""
    rank, size = _number(environ, "SLURM_PROCID"), _number(environ, "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS")
    if rank is None or size is None or not environ.get("SLURM_STEP_ID"):
        return None
    return Rank(rank, size, _number(environ, "SLURM_LOCALID"), "slurm", batch_job(environ), _start(environ))
