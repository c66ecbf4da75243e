"""What the bundle's tests share: recorded runs, a store in memory, and a real S3 server."""

from __future__ import annotations

import contextlib
import importlib.util
import os
import shutil
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests.portability.test_migrate import make
from tracklib.portability.bundle.catalog import Catalog
from tracklib.portability.bundle.folders import FolderStore
from tracklib.portability.bundle.settings import _catalog

BUCKET = "runs-of-the-team"
AZURITE = Path(__file__).parents[3] / ".venv/azurite/node_modules/.bin"
"""Where ``.ci/run`` puts the emulator."""

AZURITES_KEY = "Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw=="
"""The one that is in its documents, and opens nothing else."""


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TRACKLIB_QUIET", "true")
    for name in [name for name in os.environ if name.startswith(("AWS_", "AZURE_"))]:
        monkeypatch.delenv(name)
    yield
    _catalog.cache_clear()


@pytest.fixture
def recorded(tmp_path: Path) -> Path:
    """Return a journal root with two runs."""
    for name in ("one", "two"):
        make(tmp_path / "a", name)
    return tmp_path / "a"


@pytest.fixture
def catalog(tmp_path: Path) -> Catalog:
    """Return the list of a bundle that is not there yet."""
    return Catalog(FolderStore(str(tmp_path / "b")))


def fresh(path: Path) -> Catalog:
    """Return the list of a bundle as a new process would read it."""
    catalog = Catalog(FolderStore(str(path)))
    catalog.refresh()
    return catalog


_PYTHON = (sys.executable, "-W", "ignore")


@contextlib.contextmanager
def _served(folder: Path, path: str, *words: str) -> Iterator[str]:
    """Run a server, of whose words ``{port}`` is the port, until it is used no more; return its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [word.format(port=port) for word in words]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(command, stdout=log, stderr=log, cwd=folder)
        try:
            _wait(lambda: urllib.request.urlopen(f"{address}{path}", timeout=5).close(), server)
            yield address
        finally:
            server.terminate()
            server.wait(30)


@pytest.fixture(scope="session")
def s3_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Start moto's S3 server, and return its address."""
    pytest.importorskip("moto.server")
    words = (*_PYTHON, "-m", "moto.server", "-H", "127.0.0.1", "-p", "{port}")
    with _served(tmp_path_factory.mktemp("s3"), "/moto-api/", *words) as address:
        yield address


@pytest.fixture
def gcs(tmp_path: Path) -> Iterator[str]:
    """Start a server of Google Cloud Storage with an empty bucket, and return a place in it."""
    if importlib.util.find_spec("gcp_storage_emulator") is None:
        pytest.skip("gcp-storage-emulator is not installed")
    options = ("--port={port}", "--host=127.0.0.1", "--in-memory", f"--default-bucket={BUCKET}")
    (tmp_path / "gcs").mkdir()
    with _served(tmp_path / "gcs", "/", *_PYTHON, "-m", "gcp_storage_emulator", "start", *options) as address:
        yield f"gs://anonymous@{BUCKET}/some/prefix?endpoint={address}"


@pytest.fixture
def azure(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Start Microsoft's emulator of Azure's storage with an empty container, and return a place in it."""
    from pyarrow import fs

    program = shutil.which("azurite-blob", path=os.pathsep.join((str(AZURITE), os.environ.get("PATH", ""))))
    if program is None:
        pytest.skip("azurite is not installed: npm install --prefix .venv/azurite azurite")
    monkeypatch.setenv("AZURE_STORAGE_KEY", AZURITES_KEY)
    (tmp_path / "azure").mkdir()
    options = ("--blobPort", "{port}", "--inMemoryPersistence", "--skipApiVersionCheck", "--disableTelemetry")
    with _served(tmp_path / "azure", "/", program, *options) as address:
        place = {f"{kind}_storage_authority": address.partition("://")[2] for kind in ("blob", "dfs")}
        scheme = {f"{kind}_storage_scheme": "http" for kind in ("blob", "dfs")}
        fs.AzureFileSystem("devstoreaccount1", account_key=AZURITES_KEY, **place, **scheme).create_dir(BUCKET)
        yield f"abfss://{BUCKET}@devstoreaccount1/some/prefix?endpoint={address}"


def _wait(ask: Callable[[], None], server: subprocess.Popen[bytes]) -> None:
    for _ in range(600):
        assert server.poll() is None, "the server ended at once"
        try:
            return ask()
        except urllib.error.HTTPError as error:
            error.close()
            return None
        except OSError:
            time.sleep(0.1)
    pytest.fail("the server did not come up in a minute")


@pytest.fixture
def s3(s3_server: str, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    """Return the URL of an empty prefix in a bucket, which the environment has the credentials for."""
    from pyarrow import fs

    words = {"AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_ENDPOINT_URL": s3_server}
    for name, value in {**words, "AWS_EC2_METADATA_DISABLED": "true"}.items():
        monkeypatch.setenv(name, value)
    system = fs.S3FileSystem(
        endpoint_override=s3_server, region="us-east-1", allow_bucket_creation=True, allow_bucket_deletion=True
    )
    system.create_dir(BUCKET, recursive=False)
    yield f"s3://{BUCKET}/some/prefix"
    system.delete_dir(BUCKET)
