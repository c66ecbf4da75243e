"""Settings: credentials apart from the place, paths that hold anywhere, clear errors."""

import os
import subprocess
import sys
import threading

import pytest
from tracklib_mlflow import location
from tracklib_mlflow.check import check
from tracklib_mlflow.settings import MLflowSettings
from tracklib_mlflow.spec import SPEC
from tracklib_mlflow.surroundings import surroundings

from tracklib.backends.registry import resolve
from tracklib.errors import ConfigError

SECRET = "s3cr3t/w@rd"
QUOTED = "s3cr3t%2Fw%40rd"

URIS = [
    (f"http://joe:{QUOTED}@host:5000/mlflow", "http://host:5000/mlflow", "joe"),
    (f"https://joe:{QUOTED}@host", "https://host", "joe"),
    (f"postgresql://joe:{QUOTED}@host/db", "postgresql://joe@host/db", None),
    (f"mysql+pymysql://joe:{QUOTED}@host:1/db?charset=utf8", "mysql+pymysql://joe@host:1/db?charset=utf8", None),
    (f"postgresql://joe@host/db?password={QUOTED}&x=1", "postgresql://joe@host/db?x=1", None),
]


@pytest.mark.parametrize(("uri", "clean", "username"), URIS)
def test_credentials_leave_the_uri(uri, clean, username):
    """A password never stands in a destination, a repr or an error, wherever it came in; it is there to connect with."""
    settings = MLflowSettings(tracking_uri=uri, registry_uri=uri).resolved()
    assert (settings.tracking_uri, settings.registry_uri, settings.username) == (clean, clean, username)
    assert settings.credentials() == {"password": SECRET, "registry_password": SECRET}
    for text in (repr(settings), str(settings.destination())):
        assert SECRET not in text
        assert QUOTED not in text
    connection = settings.connection()
    assert (QUOTED in connection) == location.is_database(clean)
    assert settings.variables()["MLFLOW_TRACKING_PASSWORD"] == SECRET
    assert settings.variables()["MLFLOW_TRACKING_URI"] == connection
    again = MLflowSettings(**settings.destination())
    assert again.destination() == settings.destination()
    assert again.credentials() == {}


def test_a_recorded_place_takes_its_password_from_the_shell(monkeypatch):
    """A later `sync` has the destination from the receipt, and the password from its own MLFLOW_TRACKING_URI."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"postgresql://joe:{QUOTED}@host/db")
    destination = MLflowSettings().resolved().destination()
    assert destination["tracking_uri"] == "postgresql://joe@host/db"
    assert MLflowSettings(**destination).credentials() == {"password": SECRET}
    assert MLflowSettings(tracking_uri="postgresql://joe@elsewhere/db").credentials() == {}


def test_errors_tell_no_secrets():
    """Neither a wrong value beside it nor a credential in the wrong place brings a secret into a message."""
    environ = {"MLFLOW_TRACKING_URI": f"http://joe:{QUOTED}@host", "MLFLOW_TRACKING_PASSWORD": SECRET}
    for more in ({"TRACKLIB_MLFLOW__TIMEOUT": "soon"}, {"TRACKLIB_MLFLOW__TIMEOUT": "0"}):
        with pytest.raises(ConfigError, match="timeout") as wrong:
            resolve("mlflow", environ={**environ, **more})
        assert SECRET not in f"{wrong.value}{wrong.value.__cause__}"
        assert QUOTED not in f"{wrong.value}{wrong.value.__cause__}"
    assert SECRET not in repr(resolve("mlflow", environ=environ))
    with pytest.raises(ConfigError, match="sslpassword") as misplaced:
        MLflowSettings(tracking_uri=f"postgresql://joe@host/db?sslpassword={QUOTED}")
    assert QUOTED not in str(misplaced.value)


def test_relative_places_become_absolute(tmp_path, monkeypatch):
    """What depends on the working directory is fixed when a run starts."""
    monkeypatch.chdir(tmp_path)
    settings = MLflowSettings(tracking_uri="sqlite:///a b.db").resolved()
    assert settings.tracking_uri == f"sqlite:///{tmp_path}/a b.db"
    assert settings.artifact_root == f"{tmp_path}/mlruns"
    assert MLflowSettings(tracking_uri="./mlruns").resolved().tracking_uri == f"{tmp_path}/mlruns"
    assert MLflowSettings(tracking_uri="http://h:1").resolved().artifact_root is None
    for plain in ("databricks", "databricks://profile", "file:///x/y", "arn:aws:sagemaker:us-east-1:1:x/y", "http://h"):
        assert MLflowSettings(tracking_uri=plain).resolved().tracking_uri == plain
    for memory in ("sqlite://", "sqlite:///:memory:"):
        with pytest.raises(ConfigError, match="in a file"):
            MLflowSettings(tracking_uri=memory).resolved()


def test_the_default_is_mlflows_own(tmp_path, monkeypatch):
    """Without a setting, a run goes where MLflow itself would go from here."""
    from mlflow.tracking._tracking_service import utils

    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("MLFLOW_TRACKING_URI", raising=False)
    monkeypatch.setattr(utils, "_tracking_uri", None)
    assert MLflowSettings().resolved().tracking_uri == utils.get_tracking_uri() == f"sqlite:///{tmp_path}/mlflow.db"
    (tmp_path / "mlruns/0").mkdir(parents=True)
    (tmp_path / "mlruns/0/meta.yaml").touch()
    assert f"file://{MLflowSettings().resolved().tracking_uri}" == utils.get_tracking_uri()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "http://elsewhere:1")
    assert MLflowSettings().resolved().tracking_uri == "http://elsewhere:1"


@pytest.mark.parametrize(
    ("place", "uri", "experiment"),
    [
        ("http://host:5000#digits", "http://host:5000", "digits"), ("http://host:5000/", "http://host:5000", None),
        ("sqlite:///mlflow.db", "sqlite:///mlflow.db", None), ("./mlruns", "./mlruns", None),
        ("sqlite:///m.db#a/b c", "sqlite:///m.db", "a/b c"), ("http://h/#x", "http://h", "x"),
    ],
)  # fmt: skip
def test_places(place, uri, experiment):
    """A place is a tracking URI and, behind a hash, an experiment."""
    settings = MLflowSettings.from_location(place)
    assert (settings.tracking_uri, settings.experiment) == (uri, experiment)


def test_an_empty_place_is_refused():
    """A place without a tracking URI says what was expected."""
    for place in ("", "#x"):
        with pytest.raises(ConfigError, match="tracking URI"):
            MLflowSettings.from_location(place)


def test_check_says_who_answers(sqlite_bench):
    """The sign of life names the place and the client's version."""
    assert f"{sqlite_bench.store.uri} answers" in check(sqlite_bench.settings.resolved())


def test_the_light_parts_import_no_mlflow():
    """Spec, settings and capabilities load neither MLflow nor pandas; the spec alone not even pydantic."""
    code = "import sys; from tracklib_mlflow.spec import SPEC; assert 'pydantic' not in sys.modules;"
    code += "SPEC.load(SPEC.settings)(); SPEC.load(SPEC.capabilities); SPEC.load(SPEC.sink); SPEC.load(SPEC.source);"
    code += "assert not {'mlflow', 'sqlalchemy', 'requests', 'pandas'} & set(sys.modules)"
    subprocess.run([sys.executable, "-c", code], check=True)
    assert SPEC.load(SPEC.capabilities).idempotent


def test_surroundings_are_put_back_and_kept_apart(monkeypatch):
    """Variables hold for the length of a call; calls that need others wait; equal ones run side by side."""
    monkeypatch.setenv("MLFLOW_TRACKING_USERNAME", "before")
    seen, inside, release = [], threading.Event(), threading.Event()

    def first():
        with surroundings({"MLFLOW_TRACKING_USERNAME": "a"}):
            inside.set()
            release.wait(120)

    def other(name):
        with surroundings({"MLFLOW_TRACKING_USERNAME": name}):
            seen.append((name, os.environ["MLFLOW_TRACKING_USERNAME"]))

    threads = [threading.Thread(target=first)]
    threads[0].start()
    inside.wait(120)
    threads += [threading.Thread(target=other, args=(name,)) for name in "ab"]
    for thread in threads[1:]:
        thread.start()
    threads[1].join(120)
    assert seen == [("a", "a")]
    release.set()
    for thread in threads:
        thread.join(120)
    assert seen == [("a", "a"), ("b", "b")]
    assert os.environ["MLFLOW_TRACKING_USERNAME"] == "before"
