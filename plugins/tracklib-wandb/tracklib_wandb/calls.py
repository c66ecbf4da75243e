"""Calls: what training code says to W&B, and what it says to tracklib instead."""

from __future__ import annotations

__all__ = ["CALLS"]

_INIT = "tracklib.init(project=..., name=..., config=..., tags=...)"
_PARAMS = "run.log_params(params)"
_SUMMARY = "run.summary[name] = value"
_USE = "run.use_artifact(name)"
_RUN = {
    "log": "run.log(values, step=...)",
    "finish": "run.finish(status=...)",
    "config": _PARAMS,
    "config[]": _PARAMS,
    "summary": _SUMMARY,
    "summary[]": _SUMMARY,
    "define_metric": "run.define_metric(name, summary=...); a step axis is the step of run.log()",
    "save": "run.log_artifact(path)",
    "log_artifact": "run.log_artifact(path, name=..., type=..., aliases=...)",
    "log_model": "run.log_artifact(path, type='model')",
    "log_code": "nothing: the commit and its changes are recorded",
    "use_artifact": _USE,
    "use_model": "run.use_artifact(name).path",
    "alert": "",
    "watch": "run.log({name: tracklib.Histogram(weights)}) in the loop",
    "unwatch": "",
    "mark_preempting": "",
    "restore": "place.download(place.artifacts(id), folder)",
}
_OF_RUN = {
    "": _INIT,
    "().name": "the name of tracklib.init()",
    "().id": "run.id",
    "().url": "run.url",
    "().tags": "run.set_tags(tags)",
    "().notes": "run.set_notes(text)",
    "().group": "the group of tracklib.init()",
    "().job_type": "the job_type of tracklib.init()",
    "().step": "the step of run.log()",
    "().project": "the project of tracklib.init()",
    **{f"().{name}": told for name, told in _RUN.items()},
}
_API = {
    "": "tracklib.open(PLACE)",
    "().run": "tracklib.open(PLACE).run(id)",
    "().run().history": "tracklib.open(PLACE).metrics(id)",
    "().run().scan_history": "tracklib.open(PLACE).metrics(id)",
    "().run().config": "tracklib.open(PLACE).params(id)",
    "().run().summary": "tracklib.open(PLACE).summary(id)",
    "().run().files": "tracklib.open(PLACE).artifacts(id)",
    "().run().logged_artifacts": "tracklib.open(PLACE).artifacts(id)",
    "().runs": "tracklib.open(PLACE).runs(...)",
    "().artifact": "tracklib.open(PLACE).artifacts(id, name=...)",
    "().sweep": "",
    "().sweeps": "",
    "().reports": "",
}
_ARTIFACT = {
    "": "run.log_artifact(path, name=..., type=..., metadata=...)",
    "().add_file": "run.log_artifact(path)",
    "().add_dir": "run.log_artifact(folder)",
    "().add_reference": "run.log_artifact(url)",
    "().add": "run.log({name: media})",
}
_USED = {
    "": _USE,
    "().download": "run.use_artifact(name).path",
    "().get_path": "run.use_artifact(name).path",
}
_MEDIA = {
    "Image": "tracklib.Image(image, caption=...)",
    "Audio": "tracklib.Audio(samples, sample_rate=...)",
    "Video": "tracklib.Video(path)",
    "Histogram": "tracklib.Histogram(values)",
    "Table": "tracklib.Table(table)",
    "Html": "tracklib.Html(text)",
    "Plotly": "a figure is logged as it is",
    "Object3D": "run.log_artifact(path)",
    "Molecule": "run.log_artifact(path)",
    "plot.confusion_matrix": "tracklib.confusion_matrix(...)",
    "plot.pr_curve": "tracklib.pr_curve(...)",
    "plot.roc_curve": "tracklib.roc_curve(...)",
    "plot": "run.log({name: figure}), or run.log({name: tracklib.Table(table)})",
}
_INTEGRATIONS = {
    **dict.fromkeys(
        (
            *("pytorch_lightning.loggers.WandbLogger", "lightning.pytorch.loggers.WandbLogger"),
            *("pytorch_lightning.loggers.wandb.WandbLogger", "lightning.pytorch.loggers.wandb.WandbLogger"),
            "transformers.integrations.WandbCallback",
        ),
        "tracklib.init() before the training, run.log() in its loop",
    ),
    "wandb.integration": "tracklib.init() before the training, run.log() in its loop",
    "report_to=wandb": "report_to=[], and run.log() in a callback",
    "log_with=wandb": "log_with=None, and run.log() in the loop",
}

CALLS: dict[str, str] = {
    "wandb.login": "nothing: the backend reads WANDB_API_KEY, and what `wandb login` left",
    "wandb.setup": "nothing",
    "wandb.teardown": "nothing",
    "wandb.Settings": "arguments of tracklib.init(), and tracklib.toml",
    "wandb.sweep": "",
    "wandb.agent": "",
    "wandb.controller": "",
    **{f"wandb.{name}": told for name, told in _RUN.items()},
    **{f"{name}{rest}": told for name in ("wandb.init", "wandb.Run") for rest, told in _OF_RUN.items()},
    **{f"wandb.run{rest.removeprefix('()')}": told for rest, told in _OF_RUN.items() if rest},
    "wandb.run": "tracklib.current_run()",
    **{f"wandb.Api{rest}": told for rest, told in _API.items()},
    **{f"wandb.Artifact{rest}": told for rest, told in _ARTIFACT.items()},
    **{
        f"{name}.use_artifact{rest}": told
        for name in ("wandb", "wandb.init()", "wandb.run", "wandb.Run()")
        for rest, told in _USED.items()
    },
    **{f"wandb.{name}": told for name, told in _MEDIA.items()},
    **_INTEGRATIONS,
}
