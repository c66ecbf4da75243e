"""Object stores: a bundle in S3, on a real server, and at any other URL that fsspec knows."""

from __future__ import annotations

import http.server
import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from typing_extensions import Self

from tests.portability.bundle.conftest import BUCKET
from tests.portability.test_migrate import assert_equal, make
from tracklib.backends import RunQuery
from tracklib.errors import AuthError, ConfigError, RejectedError, TransientError
from tracklib.portability.bundle.backup import Backup
from tracklib.portability.bundle.catalog import Catalog
from tracklib.portability.bundle.inspection import Inspection
from tracklib.portability.bundle.objects import ObjectStore, _azure_places, open_store
from tracklib.portability.bundle.retention import Retention, retain
from tracklib.portability.bundle.settings import BundleSettings, _catalog
from tracklib.portability.places import open_place


def back_up(source: Path, bundle: str) -> list[str]:
    place = open_place(bundle)
    settings = place.resolved.settings
    assert isinstance(settings, BundleSettings)
    work = Backup(open_place(f"local:{source}"), place, _catalog(settings))
    return [result.state for result in work.run()]


def test_a_backup_to_s3_and_back(tmp_path: Path, recorded: Path, s3: str) -> None:
    """What goes to a real S3 server comes back equal, incrementally, whole, and with old snapshots cleared."""
    bundle = f"bundle:{s3}"
    assert back_up(recorded, bundle) == ["copied", "copied"]
    assert_equal(f"local:{recorded}", bundle)
    _catalog.cache_clear()  # as another machine
    make(recorded, "three")
    assert back_up(recorded, bundle) == ["unchanged", "copied", "unchanged"]
    assert_equal(f"local:{recorded}", bundle)
    catalog = Catalog(open_store(s3, *_place(bundle)))
    done = retain(catalog, Retention(last=1), grace=-9)
    assert (done.snapshots, done.files) == (1, 1)
    assert [found.problems for found in Inspection(catalog, deep=True)] == [[], [], [], []]
    assert sorted(held.path.partition("/")[0] for held in catalog.store.list("snapshots")) == ["snapshots"]


def _place(bundle: str) -> tuple[str | None, str | None]:
    settings = open_place(bundle).resolved.settings
    assert isinstance(settings, BundleSettings)
    return settings.endpoint, settings.region


def test_damage_in_s3_is_found(recorded: Path, s3: str) -> None:
    """A part that was altered or removed in the bucket is named, and the other run is restored."""
    back_up(recorded, f"bundle:{s3}")
    catalog = Catalog(open_store(s3, *_place(f"bundle:{s3}")))
    catalog.refresh()
    one, two = catalog.entries()
    content = bytearray(catalog.store.read(one.of("points")[0].path))
    content[100] ^= 1
    catalog.store.write(one.of("points")[0].path, bytes(content))
    catalog.store.remove(two.of("records")[0].path)
    found = {item.run.id: item.problems[0] for item in Inspection(catalog, deep=True) if item.run}
    assert ("is altered" in found["one"], "is missing" in found["two"]) == (True, True)
    with pytest.raises(RejectedError, match="is altered"):
        list(open_place(f"bundle:{s3}").source().read(one.run))


def test_the_command_line_reaches_s3(tmp_path: Path, recorded: Path, s3: str) -> None:
    """``bundle:s3://...`` works from a shell, in processes of their own, with the cloud's own variables."""

    def tracklib(*words: str) -> subprocess.CompletedProcess[str]:
        command = [sys.executable, "-m", "tracklib.cli.main", *words]
        return subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)

    a, b, c = f"local:{recorded}", f"bundle:{s3}", f"local:{tmp_path / 'c'}"
    for words, code in (
        (("backup", a, b, "--retain", "30d", "--jobs", "2"), 0),
        (("backup", "--check", b, "--max-age", "26h"), 0),
        (("verify", a, b), 0),
        (("restore", b, c), 0),
        (("verify", b), 0),
        (("verify", a, c), 0),
    ):
        done = tracklib(*words)
        assert done.returncode == code, (words, done)
    done = tracklib("backup", a, f"bundle:s3://{BUCKET}-that-is-not-there/x")
    assert done.returncode == 2
    assert "to be there to be written to" in done.stderr


def test_an_endpoint_may_stand_in_the_place(
    recorded: Path, s3: str, s3_server: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The server's address may be written behind the URL, where no variable says it."""
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    bundle = f"bundle:{s3}?endpoint={s3_server}&region=us-east-1"
    assert back_up(recorded, bundle) == ["copied", "copied"]
    assert open_place(bundle).resolved.settings.destination() == {
        "url": s3,
        "endpoint": s3_server,
        "region": "us-east-1",
    }
    with pytest.raises(ConfigError, match="expected endpoint= or region="):
        open_place(f"bundle:{s3}?endpiont=x")
    with pytest.raises(ConfigError, match="without a password"):
        open_place("bundle:s3://key:secret@bucket/x")


class _Refusing(http.server.BaseHTTPRequestHandler):
    """Answers everything as S3 answers wrong credentials."""

    def _refuse(self) -> None:
        body = b"<Error><Code>InvalidAccessKeyId</Code><Message>no</Message></Error>"
        self.send_response(403)
        self.send_header("Content-Type", "application/xml")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_PUT = do_HEAD = do_POST = do_DELETE = _refuse  # noqa: N815  the library's names

    def log_message(self, *words: object) -> None:
        """Say nothing."""


@pytest.fixture
def refusing() -> Iterator[str]:
    server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), _Refusing)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_refused_credentials_and_a_dead_server_are_told_apart(s3: str, refusing: str) -> None:
    """Who is refused is told to renew the credentials; who reaches nobody may try again."""
    _ = s3
    store = open_store("s3://bucket/x", refusing, "us-east-1")
    with pytest.raises(AuthError, match="refuses access"):
        store.read("bundle.json")
    with pytest.raises(AuthError, match="refuses access"):
        store.write("bundle.json", b"x")
    with pytest.raises(AuthError, match="refuses access"):
        list(store.list("commits"))
    store = open_store("s3://bucket/x", "http://127.0.0.1:9", "us-east-1")
    with pytest.raises(TransientError, match=r"bundle\.json in s3://bucket/x"):
        store.read("bundle.json")


@pytest.mark.parametrize("cloud", ["gcs", "azure"])
def test_a_backup_to_another_cloud_and_back(recorded: Path, cloud: str, request: pytest.FixtureRequest) -> None:
    """What goes to Google's or Azure's protocol comes back equal, incrementally, and with old snapshots cleared."""
    bundle = f"bundle:{request.getfixturevalue(cloud)}"
    assert back_up(recorded, bundle) == ["copied", "copied"]
    _catalog.cache_clear()
    make(recorded, "three")
    assert back_up(recorded, bundle) == ["unchanged", "copied", "unchanged"]
    assert_equal(f"local:{recorded}", bundle)
    settings = open_place(bundle).resolved.settings
    assert isinstance(settings, BundleSettings)
    catalog = Catalog(_catalog(settings).store)
    assert retain(catalog, Retention(last=1), grace=-9).snapshots == 1
    assert [found.problems for found in Inspection(catalog, deep=True)] == [[], [], [], []]
    assert catalog.store.size("nothing") is None


def test_refused_by_azure(azure: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """A key that is not the account's, a container that is not there and a URL without an account are told apart."""
    url, _, endpoint = azure.partition("?endpoint=")
    store = open_store(url.replace(BUCKET, f"{BUCKET}-2"), endpoint, None)
    with pytest.raises(ConfigError, match=r"expected .* to be there to be written to"):
        store.write("bundle.json", b"x")
    monkeypatch.setenv("AZURE_STORAGE_KEY", "bm8ga2V5")
    with pytest.raises(AuthError, match="refuses access"):
        open_store(url, endpoint, None).read("bundle.json")
    with pytest.raises(ConfigError, match="expected abfss://container@account"):
        open_store("abfss://container/prefix", endpoint, None)


def test_where_azures_services_are() -> None:
    """A domain that is not the public cloud's stands in the URL, and holds for both services."""
    assert _azure_places("", None) == {}
    assert _azure_places("dfs.core.chinacloudapi.cn", None) == {
        "blob_storage_authority": ".blob.core.chinacloudapi.cn",
        "dfs_storage_authority": ".dfs.core.chinacloudapi.cn",
    }


def test_any_url_of_fsspec_will_do(recorded: Path) -> None:
    """A bundle may lie wherever fsspec can write: here, in memory."""
    assert back_up(recorded, "bundle:memory://somewhere/b") == ["copied", "copied"]
    assert_equal(f"local:{recorded}", "bundle:memory://somewhere/b")
    store = open_store("memory://somewhere/b", None, None)
    assert json.loads(store.read("bundle.json"))["format"] == "tracklib bundle"
    retain(Catalog(store), Retention(last=1), grace=-9)
    assert [run.id for run in open_place("bundle:memory://somewhere/b").source().runs(RunQuery())] == ["one", "two"]


def test_a_url_that_nobody_knows_is_told() -> None:
    """A scheme without a file system, and one whose package is not installed, are told with what to do."""
    with pytest.raises(ConfigError, match="nowhere"):
        open_store("nowhere://x/y", None, None)


def test_an_object_store_never_leaves_its_prefix(s3: str) -> None:
    """A path with dots is refused before anything is asked of the server."""
    store = open_store(s3, *_place(f"bundle:{s3}"))
    for path in ("../other", "a/../../x", "a//b", "", "/x"):
        with pytest.raises(RejectedError):
            store.read(path)
        with pytest.raises(RejectedError):
            store.write(path, b"x")


class _Breaking:
    """A file system whose file breaks off while it is written, having made an object of the part."""

    def __init__(self) -> None:
        self.removed: list[str] = []

    def makedirs(self, path: str, *, exist_ok: bool) -> None:
        _ = path, exist_ok

    def open(self, path: str, mode: str) -> _Breaking:
        _ = path, mode
        return self

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        """Close."""

    def write(self, content: bytes) -> None:
        _ = content
        raise OSError("AWS Error NETWORK_CONNECTION")

    def rm_file(self, path: str) -> None:
        self.removed.append(path)


def test_what_a_broken_upload_leaves_is_removed() -> None:
    """Closing a broken upload may make an object of the part; it is removed, and the fault told."""
    system = _Breaking()
    with pytest.raises(TransientError, match="NETWORK_CONNECTION"):
        ObjectStore(system, "bucket/x", "s3://bucket/x").write("a", b"x")
    assert system.removed == ["bucket/x/a"]
