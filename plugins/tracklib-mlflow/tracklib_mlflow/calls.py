"""Calls: what training code says to MLflow, and what it says to tracklib instead."""

from __future__ import annotations

__all__ = ["CALLS"]

_INIT = "tracklib.init(project=..., name=..., config=..., tags=...)"
_CLASSES = ("mlflow.MlflowClient", "mlflow.tracking.MlflowClient", "mlflow.client.MlflowClient")
_CLIENT = {
    "create_run": _INIT,
    "create_experiment": "the project of tracklib.init()",
    "get_experiment_by_name": "tracklib.open(PLACE).runs(project=...)",
    "log_metric": "run.log({name: value}, step=..., timestamp=...)",
    "log_param": "run.log_params({name: value})",
    "log_batch": "run.log(...), run.log_params(...), run.set_tags(...)",
    "log_artifact": "run.log_artifact(path)",
    "log_artifacts": "run.log_artifact(folder)",
    "log_dict": "run.log_artifact(path)",
    "log_text": "run.log({name: tracklib.Text(text)})",
    "log_figure": "run.log({name: figure})",
    "log_image": "run.log({name: tracklib.Image(image)})",
    "log_table": "run.log({name: tracklib.Table(table)})",
    "set_tag": "run.set_tags({name: value})",
    "set_terminated": "run.finish(status=...)",
    "search_runs": "tracklib.open(PLACE).runs(...)",
    "get_run": "tracklib.open(PLACE).run(id)",
    "get_metric_history": "tracklib.open(PLACE).metrics(id, keys=name)",
    "download_artifacts": "place.download(place.artifacts(id), folder)",
    "list_artifacts": "tracklib.open(PLACE).artifacts(id)",
}

CALLS: dict[str, str] = {
    "mlflow.start_run": _INIT,
    "mlflow.end_run": "run.finish(status=...)",
    "mlflow.active_run": "tracklib.current_run()",
    "mlflow.set_experiment": "the project of tracklib.init()",
    "mlflow.create_experiment": "the project of tracklib.init()",
    "mlflow.set_tracking_uri": "TRACKLIB_BACKENDS, or backends in tracklib.toml",
    "mlflow.get_tracking_uri": "TRACKLIB_BACKENDS, or backends in tracklib.toml",
    "mlflow.log_metric": "run.log({name: value}, step=...)",
    "mlflow.log_metrics": "run.log(values, step=...)",
    "mlflow.log_param": "run.log_params({name: value})",
    "mlflow.log_params": "run.log_params(params)",
    "mlflow.set_tag": "run.set_tags({name: value})",
    "mlflow.set_tags": "run.set_tags(tags)",
    "mlflow.log_artifact": "run.log_artifact(path)",
    "mlflow.log_artifacts": "run.log_artifact(folder)",
    "mlflow.log_dict": "run.log_artifact(path)",
    "mlflow.log_text": "run.log({name: tracklib.Text(text)})",
    "mlflow.log_figure": "run.log({name: figure})",
    "mlflow.log_image": "run.log({name: tracklib.Image(image)})",
    "mlflow.log_table": "run.log({name: tracklib.Table(table)})",
    "mlflow.log_input": "run.use_artifact(name)",
    "mlflow.search_runs": "tracklib.open(PLACE).runs(...).to_pandas()",
    "mlflow.get_run": "tracklib.open(PLACE).run(id)",
    "mlflow.autolog": "",
    "report_to=mlflow": "report_to=[], and run.log() in a callback",
    "mlflow.register_model": "",
    "mlflow.pyfunc": "",
    **dict.fromkeys(_CLASSES, "tracklib.open(PLACE) to read, tracklib.init() to write"),
    **{f"{module}().{name}": told for module in _CLASSES for name, told in _CLIENT.items()},
    **{
        f"{module}.loggers.MLFlowLogger": "tracklib.init() before the training, run.log() in its loop"
        for module in ("pytorch_lightning", "lightning.pytorch")
    },
}
