"""`NativeRun`: MLflow's own objects for a run, which training code may use beside tracklib."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from mlflow.entities import Run
    from mlflow.tracking import MlflowClient

__all__ = ["NativeRun"]


class NativeRun(NamedTuple):
    """What ``run.native("mlflow")`` returns: MLflow's calls take a client and the id of a run.

    Attributes:
        client: Its calls raise, and wait, as MLflow's do.
        run: As it was when it was opened; its id is ``run.info.run_id``.
    """

    client: MlflowClient
    run: Run
