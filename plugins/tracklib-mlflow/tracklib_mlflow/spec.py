"""The plugin's declaration: which parts it has, and under which names MLflow's own surroundings know it."""

from __future__ import annotations

from tracklib.backends.spec import BackendSpec

__all__ = ["SPEC"]

SPEC = BackendSpec(
    name="mlflow",
    title="MLflow",
    distribution="tracklib-mlflow",
    settings="tracklib_mlflow.settings:MLflowSettings",
    sink="tracklib_mlflow.sink:MLflowSink",
    source="tracklib_mlflow.source:MLflowSource",
    capabilities="tracklib_mlflow.capabilities:CAPABILITIES",
    check="tracklib_mlflow.check:check",
    calls="tracklib_mlflow.calls:CALLS",
    sdks=("mlflow", "mlflow-skinny"),
    variables=(
        "MLFLOW_TRACKING_URI",
        "MLFLOW_REGISTRY_URI",
        "MLFLOW_EXPERIMENT_NAME",
        "MLFLOW_TRACKING_USERNAME",
        "MLFLOW_TRACKING_PASSWORD",
        "MLFLOW_TRACKING_TOKEN",
        "MLFLOW_TRACKING_AUTH",
        "MLFLOW_TRACKING_INSECURE_TLS",
        "MLFLOW_TRACKING_SERVER_CERT_PATH",
        "MLFLOW_TRACKING_CLIENT_CERT_PATH",
        "MLFLOW_WORKSPACE",
        "MLFLOW_ALLOW_FILE_STORE",
    ),
)
