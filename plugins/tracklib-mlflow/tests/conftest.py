"""Stores to write to (a SQLite file, a real `mlflow server`, a real PostgreSQL) and a bench to write and read with."""

from __future__ import annotations

import os
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
import urllib.error
import urllib.request
import uuid
from pathlib import Path

import pytest
from tracklib_mlflow.check import check
from tracklib_mlflow.settings import MLflowSettings
from tracklib_mlflow.spec import SPEC
from tracklib_mlflow.surroundings import QUIET

from tracklib.testing import bench as testing
from tracklib.testing.ports import free_port

os.environ.update(QUIET)  # before anything imports mlflow; tests use its client beside ours
for name in [name for name in os.environ if name.startswith("MLFLOW_") and name not in QUIET]:
    del os.environ[name]  # what the developer's shell says must not reach the tests

MS = 1_000_000
_POSTGRES = Path("/usr/lib/postgresql/15/bin")


def pytest_collection_modifyitems(items):
    """Let warnings pass that are MLflow's own affair, and no others."""
    reasons = (
        "ignore::DeprecationWarning:mlflow",  # its use of what pydantic and SQLAlchemy have deprecated
        "ignore::FutureWarning:mlflow",  # registry stages and the file store, announced for removal
        "ignore::UserWarning:mlflow",  # hints about signatures of models
    )
    for item in items:
        if "tracklib-mlflow" in str(item.path):
            for reason in reasons:
                item.add_marker(pytest.mark.filterwarnings(reason))


class Store:
    """A place that MLflow keeps runs in, with a way to its tables that leaves MLflow out."""

    def __init__(self, name, uri, connect, root):
        self.name, self.uri, self._connect, self.root = name, uri, connect, root

    def sql(self, statement, *values):
        """Run a statement on the tables; return its rows."""
        connection = self._connect()
        try:
            cursor = connection.cursor()
            cursor.execute(statement.replace("?", "%s") if self.name == "postgres" else statement, values)
            rows = cursor.fetchall() if cursor.description else []
            connection.commit()
            return rows
        finally:
            connection.close()


def wait_for(answers, process, log, seconds=120):
    deadline = time.monotonic() + seconds
    while not answers():
        assert process.poll() is None, f"it stopped:\n{log.read_text()[-3000:]}"
        assert time.monotonic() < deadline, f"no answer:\n{log.read_text()[-3000:]}"
        time.sleep(0.2)


class Server:
    """A real `mlflow server`, lean, stopped by its process group's id."""

    def __init__(self, folder, *options, port=None, env=None):
        folder.mkdir(parents=True, exist_ok=True)
        self.folder, self.port = folder, port or free_port()
        self.uri = f"http://127.0.0.1:{self.port}"
        command = [sys.executable, "-m", "mlflow", "server", "--host", "127.0.0.1", "--port", str(self.port)]
        command += ["--backend-store-uri", f"sqlite:///{folder}/mlflow.db", "--workers", "1"]
        command += ["--artifacts-destination", f"file://{folder}/artifacts", *options]
        lean = {**os.environ, "MLFLOW_SERVER_ENABLE_JOB_EXECUTION": "false", **(env or {})}
        lean.pop("PYTHONDONTWRITEBYTECODE", None)
        self.log = folder / "log.txt"
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(command, stdout=log, stderr=log, env=lean, start_new_session=True)

    def wait(self):
        wait_for(self._answers, self.process, self.log)
        return self

    def _answers(self):
        try:
            with urllib.request.urlopen(f"{self.uri}/health", timeout=2) as reply:
                return reply.status == 200
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return False

    def stop(self):
        os.killpg(self.process.pid, signal.SIGTERM)
        try:
            self.process.wait(20)
        except subprocess.TimeoutExpired:
            os.killpg(self.process.pid, signal.SIGKILL)
            self.process.wait()


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory):
    """A SQLite file with MLflow's tables and no runs: making one takes seconds, copying it none."""
    path = tmp_path_factory.mktemp("empty") / "mlflow.db"
    settings = MLflowSettings(tracking_uri=f"sqlite:///{path}", artifact_root=str(path.parent / "artifacts"))
    check(settings.resolved())
    return path


@pytest.fixture(scope="session")
def sqlite_store(tmp_path_factory, empty_database):
    folder = tmp_path_factory.mktemp("sqlite")
    path = shutil.copy(empty_database, folder / "mlflow.db")
    return Store("sqlite", f"sqlite:///{path}", lambda: sqlite3.connect(path), folder / "artifacts")


@pytest.fixture(scope="session")
def start_server(tmp_path_factory, empty_database):
    """Start a server with an empty store; all are stopped at the end."""
    started = []

    def start(*options, folder=None, **more):
        fresh = folder or tmp_path_factory.mktemp("server")
        if not (fresh / "mlflow.db").exists():
            shutil.copy(empty_database, fresh / "mlflow.db")
        started.append(Server(fresh, *options, **more))
        return started[-1].wait()

    yield start
    for server in started:
        if server.process.poll() is None:
            server.stop()


@pytest.fixture(scope="session")
def server_store(start_server):
    server = start_server()
    path = server.folder / "mlflow.db"
    store = Store("server", server.uri, lambda: sqlite3.connect(path), server.folder / "artifacts")
    store.server = server
    return store


@pytest.fixture(scope="session")
def postgres(tmp_path_factory):
    """A PostgreSQL cluster of its own; yields its port and the password of the user ``tracker``."""
    if not (_POSTGRES / "initdb").exists():
        pytest.skip(f"no PostgreSQL 15 in {_POSTGRES}")
    if os.geteuid() != 0:
        pytest.skip("PostgreSQL is started as the user postgres, which only root can become")
    import psycopg2

    folder = Path(f"/tmp/tracklib-postgres-{uuid.uuid4().hex[:8]}")
    folder.mkdir()
    shutil.chown(folder, "postgres", "postgres")
    become = ["runuser", "-u", "postgres", "--"]
    log, port = folder / "log.txt", free_port()
    initdb = [_POSTGRES / "initdb", "-D", folder / "data", "-A", "trust", "--no-sync", "-E", "UTF8", "--locale=C"]
    subprocess.run([*become, *initdb], check=True, capture_output=True, cwd="/")
    (folder / "data" / "pg_hba.conf").write_text(
        "host all postgres 127.0.0.1/32 trust\nhost all all 127.0.0.1/32 scram-sha-256\n"
    )
    command = [_POSTGRES / "postgres", "-D", folder / "data", "-p", str(port), "-h", "127.0.0.1", "-k", folder]
    with log.open("wb") as out:
        quiet = ["-c", "fsync=off"]
        process = subprocess.Popen([*become, *command, *quiet], stdout=out, stderr=out, cwd="/", start_new_session=True)

    def connect(user="postgres", password=None, database="postgres"):
        return psycopg2.connect(host="127.0.0.1", port=port, user=user, password=password, dbname=database)

    def answers():
        try:
            connect().close()
        except psycopg2.OperationalError:
            return False
        return True

    wait_for(answers, process, log)
    connection = connect()
    connection.autocommit = True
    cursor = connection.cursor()
    cursor.execute("CREATE ROLE tracker LOGIN PASSWORD 'p@ss:w0rd/%'")
    cursor.execute("CREATE DATABASE mlflow OWNER tracker")
    connection.close()
    yield port, "p@ss:w0rd/%", lambda: connect(database="mlflow")
    os.killpg(process.pid, signal.SIGINT)  # "fast shutdown": sessions are ended, not waited for
    process.wait(30)
    shutil.rmtree(folder)


@pytest.fixture(scope="session")
def postgres_store(postgres, tmp_path_factory):
    from urllib.parse import quote_plus

    port, password, connect = postgres
    uri = f"postgresql+psycopg2://tracker:{quote_plus(password)}@127.0.0.1:{port}/mlflow"
    return Store("postgres", uri, connect, tmp_path_factory.mktemp("postgres") / "artifacts")


@pytest.fixture(params=["sqlite", "server", "postgres"])
def store(request):
    """Each kind of store in turn."""
    return request.getfixturevalue(f"{request.param}_store")


@pytest.fixture(scope="session", autouse=True)
def _close_databases():
    """Close the connections that MLflow keeps for ever."""
    yield
    module = sys.modules.get("mlflow.store.tracking.sqlalchemy_store")
    for engine in getattr(module.SqlAlchemyStore, "_engine_map", {}).values() if module else ():
        engine.dispose()


class Bench(testing.Bench):
    """A run at a store, as the sink writes it, and the source and MLflow's own client read it."""

    def __init__(self, store, folder):
        super().__init__(SPEC, MLflowSettings(tracking_uri=store.uri, artifact_root=str(store.root)), folder)
        self.store = store
        self.now = self.now // MS * MS + 123_456

    def records(self, *bodies, step_ns=MS, **more):
        """Return the bodies as records that are whole milliseconds apart, all that MLflow keeps of times, unless told."""
        return super().records(*bodies, step_ns=step_ns, **more)

    @property
    def client(self):
        """MLflow's own client."""
        from mlflow import MlflowClient

        os.environ["MLFLOW_TRACKING_URI"] = self.store.uri  # for MLflow 2, whose artifacts know no other server
        return MlflowClient(self.store.uri)

    @property
    def raw(self):
        """The run as MLflow's own client gives it."""
        experiment = self.client.get_experiment_by_name(self.project)
        (run,) = self.client.search_runs([experiment.experiment_id])
        return run

    def artifact_folder(self):
        """Return where the run's artifacts lie on the disk."""
        experiment_id, run_id = self.raw.info.experiment_id, self.raw.info.run_id
        found = list(self.store.root.glob(f"*/{run_id}/artifacts"))
        assert len(found) == 1, (experiment_id, run_id)
        return found[0]


@pytest.fixture(autouse=True)
def _own_environment(monkeypatch):
    """Put back what a test or MLflow does to the environment."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", "")


@pytest.fixture
def bench(store, tmp_path):
    """A bench on each kind of store, with a project of its own."""
    return Bench(store, tmp_path)


@pytest.fixture
def sqlite_bench(sqlite_store, tmp_path):
    """A bench on SQLite, for what does not depend on the store."""
    return Bench(sqlite_store, tmp_path)


@pytest.fixture
def make_bench():
    """The bench's class, for a store of the test's own."""
    return Bench
