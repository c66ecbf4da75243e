"""Models: what tracklib saves, MLflow loads, and its registry knows by alias."""

import inspect

import mlflow
import pytest

from tracklib.model.records import Artifact


@pytest.fixture(scope="module")
def saved_model(tmp_path_factory):
    """A scikit-learn model as MLflow's own flavour saves it, with what it predicts."""
    import mlflow.sklearn
    from sklearn.datasets import load_iris
    from sklearn.linear_model import LogisticRegression

    features, labels = load_iris(return_X_y=True)
    model = LogisticRegression(max_iter=500).fit(features, labels)
    folder = tmp_path_factory.mktemp("model") / "saved"
    # MLflow 2 pickles what later ones keep as skops.
    plain = "skops_trusted_types" in inspect.signature(mlflow.sklearn.save_model).parameters
    more = {"skops_trusted_types": []} if plain else {}
    mlflow.sklearn.save_model(model, folder, pip_requirements=["scikit-learn"], **more)
    return folder, features[:7], model.predict(features[:7]).tolist()


def as_artifact(bench, folder, name, **more):
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    refs = tuple(bench.file(path.relative_to(folder).as_posix(), path.read_bytes()) for path in files)
    return Artifact(name, "model", refs, **more)


def test_a_saved_model_loads_and_its_alias_reaches_the_registry(bench, saved_model, monkeypatch):
    """`runs:/<id>/<name>` and `models:/<name>@<alias>` both load through pyfunc, and predict the same."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", bench.store.uri)
    folder, features, expected = saved_model
    name = f"iris-{bench.project}"
    body = as_artifact(bench, folder, name, aliases=("champion", "v1", "latest", "a b"))
    records = bench.records(body)
    for _ in range(2):  # sending again makes no second version
        sink = bench.sink()
        (outcome,) = sink.send(records)
        sink.close()
    assert outcome.kind == "changed"
    assert all(word in outcome.reason for word in ("'v1'", "'latest'", "'a b'"))
    run_id = bench.raw.info.run_id
    for uri in (f"runs:/{run_id}/{name}", f"models:/{name}@champion"):
        assert mlflow.pyfunc.load_model(uri).predict(features).tolist() == expected
    (version,) = bench.client.search_model_versions(f"name = '{name}'")
    assert (version.run_id, version.version) == (run_id, version.version)
    assert bench.read()[Artifact] == [body]


def test_a_new_version_moves_the_alias(sqlite_bench, saved_model):
    """A later version of the artifact is the registered model's next version, and takes the alias."""
    folder, _, _ = saved_model
    name = f"moves-{sqlite_bench.project}"
    first = as_artifact(sqlite_bench, folder, name, aliases=("best",))
    extra = sqlite_bench.file("notes.txt", b"second")
    second = Artifact(name, "model", (*first.files, extra), ("best",))
    _, outcomes = sqlite_bench.write(first, second, Artifact("plain", "model", (extra,), ("best",)))
    assert [outcome.kind for outcome in outcomes] == ["accepted"] * 3
    held = sqlite_bench.client.get_model_version_by_alias(name, "best")
    assert (int(held.version), held.source.rpartition("/")[2]) == (2, f"{name}@2")
    assert [model.name for model in sqlite_bench.client.search_registered_models("name = 'plain'")] == []
