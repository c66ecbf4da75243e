"""`OnlineArtifacts`: the artifacts of a run at a W&B server, through the SDK's own objects."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Mapping
from typing import Any, BinaryIO

from tracklib.errors import AuthError, RejectedError, TransientError
from tracklib_wandb.border import border
from tracklib_wandb.downloads import Downloads
from tracklib_wandb.patience import patiently
from tracklib_wandb.server import Server
from tracklib_wandb.times import seconds_of
from tracklib_wandb.view import StoredArtifact, StoredFile

__all__ = ["OnlineArtifacts"]

_BY_CLIENT = "query ClientIDMapping($id: ID!) { clientIDMapping(clientID: $id) { serverID } }"
_FRESH = 240.0
"""Seconds for which an address of a file is good; stores sign them for minutes."""


class OnlineArtifacts:
    """Lists and opens artifacts; each is asked for once.

    Args:
        sdk_run: Returns the SDK's object for the run.
    """

    def __init__(self, server: Server, downloads: Downloads, sdk_run: Callable[[], Any]) -> None:
        self._server = server
        self._downloads = downloads
        self._sdk_run = sdk_run
        self._made: list[Any] | None = None
        self._stored: dict[str, StoredArtifact] = {}
        self._addresses: dict[str, tuple[float, dict[str, tuple[str, int]]]] = {}

    def logged(self) -> Iterator[StoredArtifact]:
        """Yield the artifacts that the run made."""
        return map(self._with_files, self._logged())

    def used(self) -> Iterator[StoredArtifact]:
        """Yield the artifacts that the run used, without their files."""
        for artifact in patiently(lambda: self._listed("used_artifacts")):
            with border("asking which run made an artifact"):
                maker = artifact.logged_by()
                yield _stored(artifact, (), None if maker is None else str(maker.id))

    def find(self, uri: str) -> StoredArtifact | None:
        """Return the artifact that ``wandb-client-artifact://<client id>/<path>`` means, if the run made it."""
        client = uri.partition("://")[2].partition("/")[0].partition(":")[0]
        if not client or not uri.startswith("wandb-client-artifact://"):
            return None
        try:
            found = patiently(lambda: self._server.ask(_BY_CLIENT, {"id": client})).get("clientIDMapping") or {}
        except RejectedError:  # it knows none of that name
            return None
        made = next((each for each in self._logged() if each.id == found.get("serverID")), None)
        return None if made is None else self._with_files(made)

    def open(self, stored: StoredArtifact, path: str) -> BinaryIO:
        """Open a file of an artifact."""
        artifact = stored.handle
        name = (str(artifact.id), path)
        kept = self._downloads.kept(name)
        return kept if kept is not None else patiently(lambda: self._fetched(artifact, name, path))

    def _fetched(self, artifact: Any, name: object, path: str) -> BinaryIO:
        at, url, size = self._address(artifact, path)
        try:
            return self._downloads.fetch(name, url, size)
        except AuthError as error:
            self._addresses.pop(str(artifact.id), None)
            if time.monotonic() - at > 1:  # the address was signed for a while that is over
                raise TransientError(str(error)) from error
            raise

    def _address(self, artifact: Any, path: str) -> tuple[float, str, int]:
        """Return where a file of an artifact is now, since when that is known, and its size."""
        known = self._addresses.get(str(artifact.id))
        if known is None or time.monotonic() - known[0] > _FRESH:
            with border("listing an artifact's files"):
                found = {
                    str(file.name): (str(file.direct_url), int(file.size)) for file in artifact.files(per_page=500)
                }
            known = self._addresses[str(artifact.id)] = time.monotonic(), found
        if path not in known[1]:
            raise RejectedError(f"the artifact {artifact.name} holds no file {path!r}")
        return known[0], *known[1][path]

    def _logged(self) -> list[Any]:
        if self._made is None:
            self._made = patiently(lambda: self._listed("logged_artifacts"))
        return self._made

    def _listed(self, which: str) -> list[Any]:
        run = self._sdk_run()
        with border("listing artifacts"):
            return list(getattr(run, which)())

    def _with_files(self, artifact: Any) -> StoredArtifact:
        if artifact.id not in self._stored:
            self._stored[artifact.id] = patiently(lambda: self._read(artifact))
        return self._stored[artifact.id]

    def _read(self, artifact: Any) -> StoredArtifact:
        with border("reading an artifact's manifest"):
            entries = artifact.manifest.entries.items()
            files = tuple(StoredFile(str(p), e.size or 0, e.digest, e.ref) for p, e in entries)
            return _stored(artifact, files, None)


def _stored(artifact: Any, files: tuple[StoredFile, ...], run: str | None) -> StoredArtifact:
    name = str(artifact.source_name).rpartition(":")[0] or str(artifact.source_name)
    metadata = artifact.metadata
    return StoredArtifact(
        name=name,
        type=str(artifact.type),
        version=artifact.source_version,
        files=files,
        aliases=tuple(artifact.aliases),
        metadata=dict(metadata) if isinstance(metadata, Mapping) else {},
        description=artifact.description or "",
        created=seconds_of(artifact.created_at),
        digest=artifact.digest,
        run=run,
        handle=artifact,
    )
