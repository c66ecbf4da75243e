"""`BundleSettings`: at which folder or URL ``bundle:`` lies."""

from __future__ import annotations

import functools
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, ClassVar
from urllib.parse import parse_qsl, unquote, urlsplit

from typing_extensions import Self

from tracklib.backends.settings import BackendSettings
from tracklib.errors import ConfigError

if TYPE_CHECKING:
    from tracklib.backends.contract import SinkContext
    from tracklib.portability.bundle.catalog import Catalog
    from tracklib.portability.bundle.sink import BundleSink
    from tracklib.portability.bundle.source import BundleSource

__all__ = ["BundleSettings", "check", "open_catalog", "open_sink", "open_source"]

_URL = re.compile(r"[A-Za-z][A-Za-z0-9+.-]+://|file:")


class BundleSettings(BackendSettings):
    """Where a bundle lies. Credentials are those of the cloud's own environment variables, files and roles.

    Attributes:
        url: A folder, or a URL: ``s3://bucket/prefix``, ``gs://bucket/prefix``, ``abfss://container@account/prefix``,
            or any other that fsspec knows.
        endpoint: Of an object store that is not the cloud's own, such as ``http://minio:9000``.
        region: Of the bucket; asked for where omitted.
    """

    VARIABLES: ClassVar[Mapping[str, tuple[str, ...]]] = {
        "endpoint": ("AWS_ENDPOINT_URL_S3", "AWS_ENDPOINT_URL"),
        "region": ("AWS_REGION", "AWS_DEFAULT_REGION"),
    }

    url: str | None = None
    endpoint: str | None = None
    region: str | None = None

    @classmethod
    def from_location(cls, location: str, /) -> Self:
        """Return the settings for ``bundle:FOLDER`` or ``bundle:URL?endpoint=...&region=...``."""
        if not _is_url(location):
            return cls(url=location)
        url, _, query = location.partition("?")
        words = dict(parse_qsl(query, keep_blank_values=True))
        if unknown := words.keys() - {"endpoint", "region"}:
            raise ConfigError(f"expected endpoint= or region= behind the URL of a bundle, got {min(unknown)!r}")
        return cls(url=url, **words)

    def resolved(self) -> Self:
        """Return the settings with an absolute path, or the endpoint and region of the environment."""
        if not self.url:
            raise ConfigError("expected where the bundle lies, as in bundle:./backup or bundle:s3://bucket/prefix")
        if not _is_url(self.url) or self.url.startswith("file:"):
            return type(self)(url=os.path.abspath(os.path.expanduser(_path(self.url))))
        if not self.url.startswith(("s3:", "s3a:")):
            return type(self)(url=self.url.rstrip("/"), endpoint=self.endpoint)
        found = {key: getattr(self, key) or _variable(names) for key, names in self.VARIABLES.items()}
        return type(self)(url=self.url.rstrip("/"), **found)


def _is_url(text: str) -> bool:
    """Tell a URL from a path."""
    return _URL.match(text) is not None


def _path(url: str) -> str:
    if not url.startswith("file:"):
        return url
    split = urlsplit(url)
    if split.netloc not in ("", "localhost"):
        raise ConfigError(f"expected a file of this machine, as in file:///backup, got {url!r}")
    return unquote(split.path)


def _variable(names: tuple[str, ...]) -> str | None:
    return next((value for name in names if (value := os.environ.get(name))), None)


@functools.lru_cache(maxsize=8)
def _catalog(settings: BundleSettings) -> Catalog:
    from tracklib.portability.bundle.catalog import Catalog
    from tracklib.portability.bundle.folders import FolderStore
    from tracklib.portability.bundle.store import Store

    assert settings.url is not None
    if not _is_url(settings.url):
        return Catalog(FolderStore(settings.url))
    from tracklib.portability.bundle.objects import open_store

    store: Store = open_store(settings.url, settings.endpoint, settings.region)
    return Catalog(store)


def open_catalog(settings: BundleSettings, /) -> Catalog:
    """Return the list of a bundle's runs, one for all who ask in this process, so that it is read once.

    Raises:
        ConfigError: What a bundle needs is not installed.
    """
    try:
        import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow has no types
    except ImportError as error:
        raise ConfigError(f"a bundle needs pyarrow: pip install 'tracklib-core[bundle]' ({error})") from error
    _ = pa
    return _catalog(settings.resolved())


def check(settings: BundleSettings, /) -> str:
    """Say what is there."""
    catalog = open_catalog(settings)
    if not catalog.exists():
        return "no bundle there so far; the first backup makes it"
    catalog.refresh()
    return f"{len(catalog.names())} runs"


def open_source(settings: BundleSettings, /) -> BundleSource:
    """Return the source that reads a bundle.

    Raises:
        ConfigError: There is none.
    """
    catalog = open_catalog(settings)
    from tracklib.portability.bundle.source import BundleSource

    return BundleSource(catalog)


def open_sink(settings: BundleSettings, context: SinkContext, /) -> BundleSink:
    """Return the sink that writes one run into a bundle, which is made where it is missing."""
    catalog = open_catalog(settings)
    from tracklib.portability.bundle.sink import BundleSink

    return BundleSink(catalog, context)
