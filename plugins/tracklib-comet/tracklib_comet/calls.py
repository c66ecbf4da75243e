"""Calls: what training code says to Comet, and what it says to tracklib instead."""

from __future__ import annotations

__all__ = ["CALLS"]

_EXPERIMENT = {
    "": "tracklib.init(project=..., name=..., config=..., tags=...)",
    "().log_metric": "run.log({name: value}, step=...)",
    "().log_metrics": "run.log(values, step=...)",
    "().log_parameter": "run.log_params({name: value})",
    "().log_parameters": "run.log_params(params)",
    "().log_other": "run.log_params({name: value})",
    "().log_others": "run.log_params(values)",
    "().add_tag": "run.set_tags([tag])",
    "().add_tags": "run.set_tags(tags)",
    "().set_name": "the name of tracklib.init()",
    "().log_image": "run.log({name: tracklib.Image(image)})",
    "().log_audio": "run.log({name: tracklib.Audio(samples, sample_rate=...)})",
    "().log_video": "run.log({name: tracklib.Video(path)})",
    "().log_figure": "run.log({name: figure})",
    "().log_text": "run.log({name: tracklib.Text(text)})",
    "().log_table": "run.log({name: tracklib.Table(table)})",
    "().log_histogram_3d": "run.log({name: tracklib.Histogram(values)})",
    "().log_confusion_matrix": "run.log({name: tracklib.confusion_matrix(...)})",
    "().log_asset": "run.log_artifact(path)",
    "().log_asset_folder": "run.log_artifact(folder)",
    "().log_model": "run.log_artifact(path, name=..., type='model')",
    "().log_artifact": "run.log_artifact(path, name=..., aliases=...)",
    "().get_artifact": "run.use_artifact(name)",
    "().end": "run.finish()",
}
_MADE = (
    "comet_ml.Experiment",
    "comet_ml.OfflineExperiment",
    "comet_ml.ExistingExperiment",
    "comet_ml.ExistingOfflineExperiment",
    "comet_ml.start",
    "comet_ml.get_running_experiment",
    "comet_ml.get_global_experiment",
)

CALLS: dict[str, str] = {
    **{f"{name}{rest}": told for name in _MADE for rest, told in _EXPERIMENT.items()},
    "comet_ml.get_running_experiment": "tracklib.current_run()",
    "comet_ml.get_global_experiment": "tracklib.current_run()",
    "comet_ml.init": "COMET_API_KEY, and TRACKLIB_BACKENDS or backends in tracklib.toml",
    "comet_ml.login": "COMET_API_KEY, and TRACKLIB_BACKENDS or backends in tracklib.toml",
    "comet_ml.Artifact": "run.log_artifact(path, name=..., type=...)",
    "comet_ml.API": "tracklib.open('comet:workspace/project')",
    "comet_ml.API().get_experiments": "tracklib.open('comet:workspace/project').runs(...)",
    "comet_ml.API().get_experiment": "tracklib.open('comet:workspace/project').run(id)",
    "comet_ml.Optimizer": "",
    "report_to=comet_ml": "report_to=[], and run.log() in a callback",
    **{
        f"{module}.loggers.CometLogger": "tracklib.init() before the training, run.log() in its loop"
        for module in ("pytorch_lightning", "lightning.pytorch")
    },
}
