"""What MLflow holds beside runs is counted and named, so that a migration can say what it leaves behind."""

import subprocess
import sys

import mlflow
import pytest
from tracklib_mlflow.settings import MLflowSettings
from tracklib_mlflow.source import MLflowSource

from tracklib.backends import LeftoverSource

TRACE = """
import sys
import mlflow
client = mlflow.MlflowClient()
started = client.start_trace("call", experiment_id=sys.argv[1])
trace = getattr(started, "trace_id", None) or started.request_id
client.end_trace(trace)
print(trace)
"""


@pytest.fixture
def uri(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    place = f"sqlite:///{tmp_path / 'mlflow.db'}"
    monkeypatch.setenv("MLFLOW_TRACKING_URI", place)  # where the process that traces goes
    return place


def test_what_belongs_to_no_run_is_named(uri):
    """Registered models, prompts, logged models and traces are told by kind and name; of other experiments they are not.

    MLflow 2.18 has no prompts and logged models.
    """
    client = mlflow.MlflowClient(uri, uri)
    ids = [client.create_experiment(name) for name in ("ours", "other")]
    for number in range(3):
        client.create_registered_model(f"model{number}")
    newer = []
    if hasattr(client, "register_prompt"):
        client.register_prompt("greeting", "Hello {{name}}")
        newer.append(("prompt", "greeting"))
    if hasattr(client, "create_logged_model"):
        client.create_logged_model(ids[0], "net")
        client.create_logged_model(ids[1], "elsewhere")
        newer.append(("logged model", "net"))
    # MLflow 2 sends traces where a process went first: that is another test's store here.
    tracing = [sys.executable, "-c", TRACE, ids[0]]
    trace = subprocess.run(tracing, capture_output=True, text=True, check=True).stdout.split()[-1]
    source = MLflowSource(MLflowSettings(tracking_uri=uri, experiment="ours"))
    assert isinstance(source, LeftoverSource)
    found = sorted((item.kind, item.name) for item in source.leftovers())
    models = [("registered model", f"model{number}") for number in range(3)]
    assert found == sorted([*newer, *models, ("trace", trace)])


def test_a_place_with_nothing_else_says_so(uri):
    """An empty store leaves nothing behind."""
    mlflow.MlflowClient(uri, uri).create_experiment("ours")
    assert list(MLflowSource(MLflowSettings(tracking_uri=uri, experiment="ours")).leftovers()) == []


def test_many_are_paged(uri):
    """More than a page of models are all there."""
    client = mlflow.MlflowClient(uri, uri)
    for number in range(205):
        client.create_registered_model(f"model{number:03}")
    found = [item.name for item in MLflowSource(MLflowSettings(tracking_uri=uri)).leftovers()]
    assert sorted(found) == [f"model{number:03}" for number in range(205)]
