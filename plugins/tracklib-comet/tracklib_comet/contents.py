"""`Contents`: a run's artifacts and media as they really are, hashed, whatever the records beside them claim."""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import IO, Any, cast

from tracklib.model.records import Artifact, FileRef, Media, Record
from tracklib_comet.companions import file_tag, record_tag
from tracklib_comet.experiment import Asset, Viewing

__all__ = ["Contents"]

_PIECE = 1 << 20


class Contents:
    """Reads the files of a run.

    Args:
        assets: Those of the experiment itself.
        places: Where Comet has artifacts, by `record_tag`.

    Attributes:
        damaged: What could not be read, for people.
        known: The ids of the assets that records name.
    """

    def __init__(self, view: Viewing, assets: Sequence[Asset], places: Mapping[str, Any]) -> None:
        self.damaged: list[str] = []
        self.known: set[str] = set()
        self._view = view
        self._places = places
        self._tagged: dict[str, Asset] = {}
        for asset in assets:
            self._tagged.setdefault(str(asset.metadata.get("tracklib")), asset)
        self._by_digest: dict[str, Asset] = {}

    def artifact(self, record: Record) -> Artifact:
        """Return an artifact with the files that are there."""
        body = record.body
        assert isinstance(body, Artifact)
        place = self._places.get(record_tag(record))
        tagged = self._tagged
        if isinstance(place, dict):
            tagged = {str(a.metadata.get("tracklib")): a for a in self._view.artifact_assets(place)}
        found = (self._file(tagged.get(file_tag(record, n)), file) for n, file in enumerate(body.files))
        return replace(body, files=tuple(file for file in found if file is not None))

    def media(self, record: Record) -> Media | None:
        """Return a medium, or ``None`` where its file is gone."""
        body = record.body
        assert isinstance(body, Media)
        file, *more = (
            self._file(self._tagged.get(file_tag(record, n)), ref)
            for n, ref in enumerate((body.file, *body.attachments))
        )
        if file is None:
            return None
        return replace(body, file=file, attachments=tuple(item for item in more if item is not None))

    def read(self, asset: Asset, path: str) -> FileRef | None:
        """Return the reference to an asset as it really is; ``None`` where it is gone."""
        content = self._view.opened(asset)
        if content is None:
            return None
        digest, size = hashlib.sha256(), 0
        with content:
            for piece in iter(lambda: content.read(_PIECE), b""):
                digest.update(piece)
                size += len(piece)
        self._by_digest.setdefault(digest.hexdigest(), asset)
        return FileRef(path, size, digest.hexdigest())

    def made(self, content: bytes, asset: Asset) -> FileRef:
        """Return the reference to a content that was made of an asset's."""
        digest = hashlib.sha256(content).hexdigest()
        self._by_digest.setdefault(digest, replace(asset, metadata={**asset.metadata, "made": content}))
        return FileRef(asset.name, len(content), digest)

    def opened(self, sha256: str) -> IO[bytes] | None:
        """Open the content of a file that was read."""
        asset = self._by_digest.get(sha256)
        if asset is None:
            return None
        if isinstance(made := asset.metadata.get("made"), bytes):
            return _copied(made)
        return self._view.opened(asset)

    def _file(self, asset: Asset | None, file: FileRef) -> FileRef | None:
        found = None
        if asset is not None:
            self.known.add(asset.id)
            found = self.read(asset, file.path)
        if found is None:
            self.damaged.append(f"the file {file.path} of {file.size} bytes is not where it was stored")
        return found


def _copied(content: bytes) -> IO[bytes]:
    copy = tempfile.TemporaryFile()  # noqa: SIM115  the caller closes it
    copy.write(content)
    copy.seek(0, os.SEEK_SET)
    return cast("IO[bytes]", copy)
