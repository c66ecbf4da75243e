"""A real MLflow server that asks who is there: users with passwords, and tokens."""

import pytest
from tracklib_mlflow.check import check
from tracklib_mlflow.settings import MLflowSettings

from tracklib.errors import AuthError
from tracklib.model.records import Metrics

PASSWORD = "right horse 9 €"
TOKEN = "a-token-of-the-team"

CONFIG = """
[mlflow]
default_permission = READ
database_uri = sqlite:///{folder}/users.db
admin_username = admin
authorization_function = {function}
"""

BEARER = f"""
from flask import make_response, request
from werkzeug.datastructures import Authorization

def authenticate():
    given = request.authorization
    if given is not None and given.type == "bearer" and given.token == "{TOKEN}":
        return Authorization("basic", {{"username": "admin", "password": ""}})
    return make_response("no token", 401)
"""


@pytest.fixture(scope="module", params=["password", "token"])
def guarded(request, start_server, tmp_path_factory):
    """A server that takes one password, or one token, and the credentials that are right and wrong."""
    pytest.importorskip("flask_wtf", reason="MLflow's basic-auth needs mlflow[auth]")
    folder = tmp_path_factory.mktemp("guarded")
    function = "mlflow.server.auth:authenticate_request_basic_auth"
    if request.param == "token":
        (folder / "bearer.py").write_text(BEARER)
        function = "bearer:authenticate"
    (folder / "auth.ini").write_text(CONFIG.format(folder=folder, function=function))
    environ = {
        "MLFLOW_AUTH_CONFIG_PATH": str(folder / "auth.ini"),
        "MLFLOW_AUTH_ADMIN_PASSWORD": PASSWORD,
        "MLFLOW_FLASK_SERVER_SECRET_KEY": "for the test",
        "PYTHONPATH": str(folder),
    }
    server = start_server("--app-name", "basic-auth", env=environ)
    if request.param == "token":
        return server, {"token": TOKEN}, {"token": "another"}
    return server, {"username": "admin", "password": PASSWORD}, {"username": "admin", "password": "wrong"}


def test_right_credentials_open_and_wrong_ones_are_refused(guarded, make_bench, tmp_path):
    """With the right ones a run is written and read; wrong or no ones are an `AuthError` that names neither."""
    server, right, wrong = guarded
    bench = make_bench(type("Store", (), {"uri": server.uri, "root": server.folder / "artifacts"}), tmp_path)
    bench.settings = MLflowSettings(tracking_uri=server.uri, **right)
    bench.write(Metrics({"loss": 0.5}, 1))
    assert [(value, step) for value, step, _ in bench.points()["loss"]] == [(0.5, 1)]
    for credentials in (wrong, {}):
        settings = MLflowSettings(tracking_uri=server.uri, **credentials)
        with pytest.raises(AuthError) as refused:
            bench.sink(settings=settings)
        assert not any(secret in str(refused.value) for secret in (PASSWORD, TOKEN, "wrong", "another"))
        with pytest.raises(AuthError):
            check(settings.resolved())


def test_credentials_of_the_shell(guarded, monkeypatch):
    """MLflow's own variables bring them; those of an address beat none."""
    from tracklib.backends import registry

    server, right, _ = guarded
    for name, value in right.items():
        monkeypatch.setenv(f"MLFLOW_TRACKING_{name.upper()}", value)
    found = registry.resolve(f"mlflow:{server.uri}", {})
    assert server.uri in check(found.settings.resolved())
    assert not any(value in repr(found.settings.destination()) for value in (PASSWORD, TOKEN))
