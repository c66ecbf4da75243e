"""Confines: what ends together with the training process, and every relay with it: a container, a batch job."""

from __future__ import annotations

import os

from tracklib import platform

__all__ = ["confines"]

_JOBS = {"SLURM_JOB_ID": "SLURM job", "PBS_JOBID": "PBS job", "LSB_JOBID": "LSF job"}


def confines() -> str:
    """Return what relays end with, ``SLURM job 4711`` or ``container``; empty where they outlive this process."""
    for variable, kind in _JOBS.items():
        if number := os.environ.get(variable):
            return f"{kind} {number}"
    return "container" if platform.is_main_process() else ""
