"""The launcher: the variables by which a cluster's or a framework's launcher says what it started, and nothing else."""

from __future__ import annotations

from collections.abc import Mapping

from tracklib.tracking.redaction import REDACTED, Redactor

__all__ = ["read_launcher"]

_NAMES = frozenset(
    [
        # torchrun, accelerate, deepspeed, lightning
        *("RANK", "WORLD_SIZE", "LOCAL_RANK", "LOCAL_WORLD_SIZE", "NODE_RANK", "GROUP_RANK", "GROUP_WORLD_SIZE"),
        *("ROLE_NAME", "ROLE_RANK", "ROLE_WORLD_SIZE", "MASTER_ADDR", "MASTER_PORT"),
        # which devices and threads the process may use
        *("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES", "ROCR_VISIBLE_DEVICES", "NVIDIA_VISIBLE_DEVICES"),
        "OMP_NUM_THREADS",
        # Kubernetes, Ray, LSF, PBS, Grid Engine, AWS Batch, Cloud Run
        *("JOB_COMPLETION_INDEX", "POD_NAME", "POD_NAMESPACE", "RAY_JOB_ID", "RAY_NODE_ID"),
        *("LSB_JOBID", "LSB_JOBINDEX", "LSB_JOBNAME", "LSB_QUEUE", "LSB_HOSTS"),
        *("PBS_JOBID", "PBS_JOBNAME", "PBS_QUEUE", "PBS_ARRAY_INDEX", "JOB_ID", "SGE_TASK_ID"),
        *("AWS_BATCH_JOB_ID", "AWS_BATCH_JOB_ATTEMPT", "AWS_BATCH_JOB_ARRAY_INDEX"),
        *("K_SERVICE", "K_REVISION", "CLOUD_RUN_JOB", "CLOUD_RUN_EXECUTION", "CLOUD_RUN_TASK_INDEX"),
    ]
)
_BEGINNINGS = ("SLURM_", "TORCHELASTIC_", "OMPI_COMM_WORLD_", "PMI_", "PMIX_RANK", "JSM_NAMESPACE_", "FLUX_TASK_")
_NEVER = frozenset({"SLURM_JWT"})
"""Slurm's own credential, whose name does not say so."""

_MAX_CHARS = 1000


def read_launcher(environ: Mapping[str, str], redactor: Redactor) -> dict[str, str]:
    """Return the launcher's variables without secrets, by name; no other variable is looked at."""
    found = {}
    for name in sorted(environ):
        if (name in _NAMES or name.startswith(_BEGINNINGS)) and name not in _NEVER:
            secret = redactor.is_secret_name(name)
            found[name] = REDACTED if secret else redactor.text(environ[name])[:_MAX_CHARS]
    return found
