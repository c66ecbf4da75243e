"""The check: a sign of life for ``tracklib doctor``."""

from __future__ import annotations

from tracklib_mlflow.client import Client
from tracklib_mlflow.settings import MLflowSettings

__all__ = ["check"]


def check(settings: MLflowSettings) -> str:
    """Ask MLflow for its experiments, and return where it is and its client's version.

    Args:
        settings: Resolved.
    """
    client = Client(settings)
    count = sum(1 for _ in client.experiments())
    return f"{settings.tracking_uri} answers: {count} experiments (client {client.version()})"
