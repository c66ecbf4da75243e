"""Calls: what training code says to Aim, and what it says to tracklib instead."""

from __future__ import annotations

__all__ = ["CALLS"]

_RUN = {
    "": "tracklib.init(project=..., name=..., config=...)",
    "().track": "run.log({name: value}, step=...)",
    "()[]": "run.log_params(params)",
    "().add_tag": "run.set_tags([tag])",
    "().remove_tag": "run.set_tags({tag: None})",
    "().log_artifact": "run.log_artifact(path)",
    "().log_artifacts": "run.log_artifact(folder)",
    "().close": "run.finish()",
    "().report_successful_finish": "run.finish()",
    "().name": "the name of tracklib.init()",
    "().experiment": "the project of tracklib.init()",
    "().description": "the notes of tracklib.init()",
}

CALLS: dict[str, str] = {
    **{f"{name}{rest}": told for name in ("aim.Run", "aim.sdk.run.Run") for rest, told in _RUN.items()},
    "aim.Image": "tracklib.Image(image)",
    "aim.Audio": "tracklib.Audio(samples, sample_rate=...)",
    "aim.Text": "tracklib.Text(text)",
    "aim.Figure": "a figure is logged as it is",
    "aim.Distribution": "tracklib.Histogram(values)",
    "aim.Repo": "tracklib.open('aim:./repo')",
    "aim.Repo().query_runs": "tracklib.open('aim:./repo').runs(...)",
    "aim.Repo().query_metrics": "tracklib.open('aim:./repo').metrics(keys=...)",
    **{
        f"{module}.AimLogger": "tracklib.init() before the training, run.log() in its loop"
        for module in ("aim.pytorch_lightning", "aim.sdk.adapters.pytorch_lightning")
    },
}
