"""What the bundle's tests share: recorded runs, a store in memory, and a real S3 server."""

from __future__ import annotations

import contextlib
import importlib.util
import os
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


@pytest.fixture(autouse=True)
def _plain(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setenv("TRACKLIB_QUIET", "true")
    for name in [name for name in os.environ if name.startswith("AWS_")]:
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


@contextlib.contextmanager
def _served(folder: Path, path: str, *words: str) -> Iterator[str]:
    """Run a server, of whose words ``{port}`` is the port, until it is used no more; return its address."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    address = f"http://127.0.0.1:{port}"
    command = [sys.executable, "-W", "ignore", *(word.format(port=port) for word in words)]
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
    words = ("-m", "moto.server", "-H", "127.0.0.1", "-p", "{port}")
    with _served(tmp_path_factory.mktemp("s3"), "/moto-api/", *words) as address:
        yield address


@pytest.fixture
def gcs(tmp_path: Path) -> Iterator[str]:
    """Start a server of Google Cloud Storage with an empty bucket, and return a place in it."""
    if importlib.util.find_spec("gcp_storage_emulator") is None:
        pytest.skip("gcp-storage-emulator is not installed")
    options = ("--port={port}", "--host=127.0.0.1", "--in-memory", f"--default-bucket={BUCKET}")
    (tmp_path / "gcs").mkdir()
    with _served(tmp_path / "gcs", "/", "-m", "gcp_storage_emulator", "start", *options) as address:
        yield f"gs://anonymous@{BUCKET}/some/prefix?endpoint={address}"


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
