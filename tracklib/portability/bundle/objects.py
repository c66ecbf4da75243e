"""`ObjectStore`: a bundle in S3, Google Cloud Storage, Azure, or any other place that fsspec knows.

The three clouds are reached by Arrow's own file systems behind fsspec's interface: these come with pyarrow, which a
bundle needs anyhow, and bind no version of any cloud's SDK. s3fs, fsspec's own way to S3, pins botocore to one patch
level, which the training environment of the one who makes a backup seldom has.
"""

from __future__ import annotations

import contextlib
import datetime as dt
import os
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO, cast
from urllib.parse import urlencode, urlsplit

from tracklib.errors import AuthError, ConfigError, NoRoomError, RejectedError, TransientError
from tracklib.portability.bundle.store import Held, small

__all__ = ["ObjectStore", "open_store"]

_CHUNK = 4 << 20
_DENIED = ("ACCESS_DENIED", "INVALID_ACCESS_KEY_ID", "SIGNATURE_DOES_NOT_MATCH", "INVALID_CLIENT_TOKEN_ID", "EXPIRED")
_DENIED_WORDS = ("Unauthenticated", "Unauthorized", "PERMISSION_DENIED", "AuthenticationFailed", "AuthorizationFailure")
_TIMES = ("mtime", "LastModified", "last_modified", "created")


class ObjectStore:
    """Files of an fsspec file system; it shows an object whole, or not at all.

    Args:
        system: Of fsspec.
        root: Where the bundle lies in it.
        name: For messages.
    """

    def __init__(self, system: Any, root: str, name: str) -> None:
        self._system = system
        self._root = root.rstrip("/")
        self._name = name

    def __str__(self) -> str:
        return self._name

    def read(self, path: str, /) -> bytes:
        """Return the content of a small file."""
        with self._border(path), self._system.open(self._place(path), "rb") as file:
            return small(file, path)

    def open(self, path: str, /) -> BinaryIO:
        """Open a file to be read."""
        with self._border(path):
            return cast("BinaryIO", self._system.open(self._place(path), "rb"))

    @contextmanager
    def local(self, path: str, /) -> Iterator[Path]:
        """Fetch a file, and lend the copy."""
        fd, name = tempfile.mkstemp(prefix="tracklib-bundle-")
        try:
            with os.fdopen(fd, "wb") as out, self._border(path), self._system.open(self._place(path), "rb") as file:
                shutil.copyfileobj(file, out, _CHUNK)
            yield Path(name)
        finally:
            os.unlink(name)

    def size(self, path: str, /) -> int | None:
        """Return the size of a file."""
        try:
            with self._border(path):
                return int(self._system.info(self._place(path))["size"])
        except FileNotFoundError:
            return None

    def write(self, path: str, content: bytes, /) -> None:
        """Write a small file."""
        with self._whole(path) as file:
            file.write(content)

    def upload(self, source: Path, path: str, /) -> None:
        """Write a file of this machine."""
        with source.open("rb") as content, self._whole(path) as file:
            shutil.copyfileobj(content, file, _CHUNK)
        if (found := self.size(path)) != (expected := source.stat().st_size):
            raise TransientError(f"{path} in {self._name}: expected {expected} bytes after writing them, got {found}")

    @contextmanager
    def _whole(self, path: str) -> Iterator[BinaryIO]:
        """Lend a file to be written; what a fault leaves of it goes, for closing it makes an object of the part."""
        place = self._place(path)
        try:
            with self._border(path):
                self._make(place.rpartition("/")[0])
                with self._system.open(place, "wb") as file:
                    yield file
        except FileNotFoundError as error:
            raise ConfigError(f"expected {self._name} to be there to be written to: {error}") from error
        except BaseException:
            with contextlib.suppress(Exception):  # the fault itself is what is to be told
                self._system.rm_file(place)
            raise

    def _make(self, folder: str) -> None:
        """Make a folder, in file systems that have such."""
        self._system.makedirs(folder, exist_ok=True)

    def list(self, folder: str, /) -> Iterator[Held]:
        """Yield all files below a folder."""
        try:
            with self._border(folder):
                found = self._system.find(self._place(folder), detail=True, refresh=True, on_error="raise")
        except FileNotFoundError:
            return
        for place, info in sorted(found.items()):
            yield Held(self._path(place), int(info["size"] or 0), _modified(info))

    def _path(self, place: str) -> str:
        """Return a place in the file system as a path within the bundle."""
        return place.lstrip("/").removeprefix(self._root.lstrip("/")).lstrip("/")

    def remove(self, path: str, /) -> None:
        """Remove a file."""
        with contextlib.suppress(FileNotFoundError), self._border(path):
            self._system.rm_file(self._place(path))

    def _place(self, path: str) -> str:
        if any(part in ("", ".", "..") or "\0" in part for part in path.split("/")):
            raise RejectedError(f"expected a path within the bundle, got {path[:200]!r}")
        return f"{self._root}/{path}"

    @contextmanager
    def _border(self, path: str) -> Iterator[None]:
        """Translate what the file system raises; Arrow tells all but a missing file by its words alone."""
        try:
            yield
        except FileNotFoundError:
            raise
        except PermissionError as error:
            raise AuthError(f"{self._name} refuses access to {path}: {error}") from error
        except OSError as error:
            words = str(error)
            if any(word in words for word in (*_DENIED, *_DENIED_WORDS)):
                raise AuthError(f"{self._name} refuses access to {path}: {words}") from error
            if "NO_SUCH_BUCKET" in words or "NoSuchBucket" in words:
                raise ConfigError(f"expected the bucket of {self._name} to exist: {words}") from error
            if error.errno is not None and error.errno in (28, 27, 122):  # of the disk that a copy is fetched to
                raise NoRoomError(f"no room for {path} of {self._name}: {words}") from error
            raise TransientError(f"{path} in {self._name}: {words}") from error


class CloudStore(ObjectStore):
    """Objects of a cloud, by Arrow's file system for it.

    Args:
        system: Of Arrow.
    """

    def __init__(self, system: Any, root: str, name: str) -> None:
        from fsspec.implementations.arrow import ArrowFSWrapper  # type: ignore[import-untyped]  # fsspec has no types

        super().__init__(ArrowFSWrapper(system), root, name)
        self._cloud = system

    def _make(self, folder: str) -> None:
        """Do nothing: there are no folders."""

    def list(self, folder: str, /) -> Iterator[Held]:
        """Yield all files below a folder, by few requests: fsspec asks for each folder by itself."""
        from pyarrow import fs  # type: ignore[import-untyped]  # pyarrow has no types

        with self._border(folder):
            selector = fs.FileSelector(self._place(folder), recursive=True, allow_not_found=True)
            found = self._cloud.get_file_info(selector)
        files = [info for info in found if info.type == fs.FileType.File]
        for info in sorted(files, key=lambda info: info.path):
            yield Held(self._path(info.path), info.size, _modified({"mtime": info.mtime}))


def _modified(info: Mapping[str, Any]) -> float:
    """Return when a file was changed; now, where nobody says: nothing is removed for its age then."""
    found = next((info[key] for key in _TIMES if info.get(key) is not None), None)
    if isinstance(found, dt.datetime):
        return (found if found.tzinfo is not None else found.replace(tzinfo=dt.timezone.utc)).timestamp()
    return float(found) if isinstance(found, (int, float)) else time.time()


def open_store(url: str, endpoint: str | None, region: str | None) -> ObjectStore:
    """Return the store at a URL.

    Raises:
        ConfigError: No file system is known for it, or it is not installed, or has no such bucket.
    """
    try:
        import fsspec  # type: ignore[import-untyped]  # fsspec has no types
    except ImportError as error:
        raise ConfigError(f"a bundle at a URL needs fsspec: pip install 'tracklib-core[bundle]' ({error})") from error
    scheme = urlsplit(url).scheme.lower()
    try:
        if scheme in ("s3", "s3a"):
            return CloudStore(_s3(url, endpoint, region), url.partition("://")[2], url)
        if scheme in ("gs", "gcs"):
            return CloudStore(*_google(url, endpoint), url)
        if scheme in ("abfs", "abfss"):
            return CloudStore(*_azure(url, endpoint), url)
        system, root = fsspec.core.url_to_fs(url)
    except (ValueError, ImportError, OSError) as error:
        raise ConfigError(f"expected a place for a bundle at {url}: {error}") from error
    return ObjectStore(system, root, url)


def _s3(url: str, endpoint: str | None, region: str | None) -> Any:
    from pyarrow import fs

    bucket = url.partition("://")[2].partition("/")[0]
    if region is None:
        region = "us-east-1" if endpoint else fs.resolve_s3_region(bucket)
    return fs.S3FileSystem(
        region=region,
        endpoint_override=endpoint,
        connect_timeout=10,
        request_timeout=60,
        retry_strategy=fs.AwsStandardS3RetryStrategy(max_attempts=5),
    )


def _google(url: str, endpoint: str | None) -> tuple[Any, str]:
    """Return the file system of Google's cloud, and the place in it."""
    from pyarrow import fs

    if endpoint is not None:
        split = urlsplit(endpoint)
        url = f"{url}?{urlencode({'endpoint_override': split.netloc, 'scheme': split.scheme})}"
    system, root = fs.FileSystem.from_uri(url.replace("gcs://", "gs://", 1))
    return system, root


def _azure(url: str, endpoint: str | None) -> tuple[Any, str]:
    """Return the file system of an Azure storage account, and the place in it.

    Key and token are those of Azure's own command line; where there is none, Arrow looks for roles and log-ins.

    Raises:
        ConfigError: The URL names no account.
    """
    from pyarrow import fs

    split = urlsplit(url)
    container, _, host = split.netloc.rpartition("@")
    account, _, domain = host.partition(".")
    if not container or not account:
        raise ConfigError(f"expected abfss://container@account.dfs.core.windows.net/prefix, got {url}")
    words = {"account_key": os.environ.get("AZURE_STORAGE_KEY"), "sas_token": os.environ.get("AZURE_STORAGE_SAS_TOKEN")}
    places = _azure_places(domain, endpoint)
    return fs.AzureFileSystem(account, **{k: v for k, v in words.items() if v}, **places), f"{container}{split.path}"


def _azure_places(domain: str, endpoint: str | None) -> dict[str, str]:
    """Return where the two services of an account are: at an endpoint, in a domain, or where Arrow looks by itself."""
    services = ("blob", "dfs")
    if endpoint is not None:
        split = urlsplit(endpoint)
        schemes = {f"{service}_storage_scheme": split.scheme for service in services}
        return {**schemes, **{f"{service}_storage_authority": split.netloc for service in services}}
    if not domain:
        return {}
    cloud = domain.partition(".")[2]  # as in core.windows.net, and others in sovereign clouds
    return {f"{service}_storage_authority": f".{service}.{cloud}" for service in services}
