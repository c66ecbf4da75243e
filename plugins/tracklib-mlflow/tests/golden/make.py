"""Makes a golden ``mlruns`` with the MLflow that runs this: ``python make.py FOLDER``.

The folders beside this file were made so, each in an environment with nothing but the version that it is named after
(``uv pip install mlflow-skinny==2.22.0 setuptools<80 numpy pandas``; for 0.8.2 ``mlflow==0.8.2`` with ``protobuf<3.21``,
``sqlalchemy<1.4`` and ``click<8.1``). Ids and times are MLflow's own and differ from one making to the next, which the tests
do not mind; the machine's paths in them are replaced by ``/home/ann``.
"""

import json
import os
import pathlib
import sys

os.environ["MLFLOW_ALLOW_FILE_STORE"] = "true"
os.environ["MLFLOW_DISABLE_TELEMETRY"] = "true"

import mlflow
from mlflow.tracking import MlflowClient

FOLDER = os.path.abspath(sys.argv[1])
VERSION = tuple(int(part) for part in mlflow.__version__.split(".")[:2])
BASE = 1600000000000
UNIT = 1 if VERSION >= (1, 0) else 1000  # before 1.0, the times of points were in seconds


def log_points(client, run_id):
    """Log a metric with odd values, one with a path for its name, and one with steps out of order."""
    values = [0.5, float("nan"), float("inf"), float("-inf"), -0.0, 5e-324, 0.1]
    for step, value in enumerate(values):
        time = (BASE + 1000 * step) // UNIT
        client.log_metric(run_id, "loss", value, time, **({"step": step} if VERSION >= (1, 0) else {}))
    client.log_metric(run_id, "val/acc/top 1", 0.25, BASE // UNIT)
    if VERSION >= (1, 0):
        for step in (10, -5, 7, 7):
            client.log_metric(run_id, "late", step / 2, BASE, step)


def log_files(client, run_id):
    """Log a file at the top and a folder, with names that file systems take and people use."""
    folder = pathlib.Path(FOLDER).parent / "files"
    (folder / "sub").mkdir(parents=True, exist_ok=True)
    (folder / "sub" / "gr\u00fc\u00df dich.txt").write_bytes(b"hello\r\n")
    (folder / "weights.bin").write_bytes(bytes(range(256)))
    client.log_artifacts(run_id, str(folder))
    client.log_artifact(run_id, str(folder / "weights.bin"), "model")


def log_inputs(client, run_id):
    """Log a dataset whose schema is a long text."""
    from mlflow.entities import Dataset, DatasetInput, InputTag

    schema = json.dumps({"mlflow_colspec": [{"type": "double", "name": f"c{i}"} for i in range(20)]})
    dataset = Dataset("digits", "abc123", "local", '{"uri": "/data/digits.csv"}', schema, '{"num_rows": 5}')
    client.log_inputs(run_id, [DatasetInput(dataset, [InputTag("mlflow.data.context", "training")])])


def log_model(client, experiment_id, run_id):
    """Log a model as MLflow 3 does."""
    from mlflow.entities import LoggedModelOutput

    folder = pathlib.Path(FOLDER).parent / "forest"
    folder.mkdir(exist_ok=True)
    (folder / "MLmodel").write_bytes(b"flavors: {}\n")
    model = client.create_logged_model(experiment_id, name="forest", source_run_id=run_id)
    client.log_model_artifacts(model.model_id, str(folder))
    client.log_outputs(run_id, models=[LoggedModelOutput(model.model_id, 0)])


def register(client, run_id):
    """Make two versions of a registered model, with an alias where the version has them."""
    client.create_registered_model("classifier")
    artifacts = client.get_run(run_id).info.artifact_uri
    client.create_model_version("classifier", artifacts + "/model", run_id)
    client.create_model_version("classifier", artifacts + "/sub", run_id)
    if VERSION >= (2, 3):
        client.set_registered_model_alias("classifier", "best", "1")
        client.set_registered_model_alias("classifier", "next", "2")


def main():
    """Make the folder."""
    client = MlflowClient(FOLDER)
    experiment_id = client.create_experiment("vision: digits")
    tags = {"mlflow.user": "ann", "mlflow.runName": "base line", "team": "vision", "mlflow.note.content": "a\nnote"}
    if VERSION < (1, 0):
        told = ("ann", "base line", 4, "train.py", "main", BASE, "0123abc", tags)
        run = client.create_run(experiment_id, *told)
        run_id = run.info.run_uuid
    else:
        run_id = client.create_run(experiment_id, BASE, tags).info.run_id
    for key, value in {"lr": "0.1", "opt.name": "adam", "model/depth": "4", "text": "it's: a 'text' # here"}.items():
        client.log_param(run_id, key, value)
    log_points(client, run_id)
    log_files(client, run_id)
    if VERSION >= (2, 4):
        log_inputs(client, run_id)
    if VERSION >= (3, 0):
        log_model(client, experiment_id, run_id)
    if VERSION >= (2, 0):
        register(client, run_id)
    client.set_terminated(run_id, "FINISHED", BASE + 60000)

    def make(status, experiment=experiment_id, **more):
        args = (experiment, "ann") if VERSION < (1, 0) else (experiment,)
        made = client.create_run(*args, start_time=BASE + 1, **more).info
        made_id = made.run_uuid if VERSION < (1, 0) else made.run_id
        if status != "RUNNING":
            client.set_terminated(made_id, status, BASE + 2)
        return made_id

    key = "parent_run_id" if VERSION < (1, 0) else "tags"
    make(
        "KILLED" if VERSION >= (1, 0) else "FAILED",
        **{key: run_id if VERSION < (1, 0) else {"mlflow.parentRunId": run_id, "mlflow.runName": "child"}},
    )
    make("FAILED")
    make("RUNNING")
    client.delete_run(make("FINISHED"))
    gone = client.create_experiment("gone")
    make("FINISHED", gone)
    client.delete_experiment(gone)


main()
for path in pathlib.Path(FOLDER).rglob("*"):
    if path.is_file() and os.path.dirname(FOLDER).encode() in path.read_bytes():
        path.write_bytes(path.read_bytes().replace(os.path.dirname(FOLDER).encode(), b"/home/ann"))
