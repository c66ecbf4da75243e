"""`Contents`: a run's artifacts and media as MLflow really holds them, hashed, under the names that they had."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager
from dataclasses import replace
from pathlib import Path

from tracklib.model.records import Artifact, Body, FileRef, Media
from tracklib_mlflow import companions as kinds
from tracklib_mlflow.border import MissingError
from tracklib_mlflow.companions import read_chunks
from tracklib_mlflow.files import hashed
from tracklib_mlflow.held import HeldFiles, HeldModel
from tracklib_mlflow.paths import CHUNKS, MEDIA, decode_path
from tracklib_mlflow.references import LISTED
from tracklib_mlflow.registered import Registered
from tracklib_mlflow.versions import Kept

__all__ = ["Contents"]

# Loading a registered model from a local root, MLflow 3 writes this file into the artifact itself.
_LEFT_BY_LOADING = "registered_model_meta"


class Contents:
    """Reads artifacts and media; sizes and digests are those of the files, not those that a companion claims."""

    def __init__(
        self,
        files: HeldFiles,
        models: Mapping[str, HeldModel],
        registered: Mapping[str, Registered],
        *,
        is_ours: bool,
        damaged: Callable[[str], None],
    ) -> None:
        self._files = files
        self._models = models
        self._registered = registered
        self._named_places: set[str] = set()
        self._is_ours = is_ours
        self._damaged = damaged
        self._hashes: dict[tuple[HeldFiles, str], tuple[int, str] | None] = {}
        self._places: dict[FileRef, tuple[HeldFiles, str]] = {}

    def knows(self, file: FileRef) -> bool:
        """Tell whether a file was read."""
        return file in self._places

    def fetched(self, file: FileRef) -> AbstractContextManager[Path]:
        """Give a local path with the content of a file that was read."""
        files, stored = self._places[file]
        return files.fetched(stored)

    def read(self, started: int) -> Iterator[tuple[int, Body]]:
        """Yield artifacts and media with their times; those without a record have the run's."""
        kept, media = self._kept(kinds.ARTIFACTS), self._kept(kinds.MEDIA)
        for item in kept:
            yield item.record.time, self._artifact(item)
        for item in media:
            if (found := self._media(item)) is not None:
                yield item.record.time, found
        known = {item.place for item in kept} | ({CHUNKS, MEDIA} if self._is_ours else set())
        ours = {place for item in media for place in item.places()}
        for top, is_folder in self._files.top():
            if top not in known and (strange := self._foreign(top, ours, is_folder=is_folder)) is not None:
                yield started, strange
        for key, model in self._models.items():
            yield started, self._named(key, self._model(model))
        for place in sorted(self._registered.keys() - self._named_places):
            version = self._registered[place]
            self._damaged(f"{place}, version {version.version} of the registered model {version.name!r}, is not there")

    def _kept(self, kind: str) -> list[Kept]:
        """Return the lines of a companion, each once, in the order of their times."""
        if not self._is_ours:
            return []
        lines = map(Kept.from_line, read_chunks(self._files, kind, self._damaged))
        unique = {(item.record.writer, item.record.seq): item for item in lines}
        return sorted(unique.values(), key=lambda item: (item.record.time, item.record.writer, item.record.seq))

    def _artifact(self, kept: Kept) -> Artifact:
        """Return an artifact with the files that are there: a lost one is missing, a strange one stands in it too."""
        artifact = kept.record.body
        assert isinstance(artifact, Artifact)
        names = {stored: path for path, stored in kept.stored.items()}
        files = [self._file(stored, path) for stored, path in names.items()]
        ours = {f"{kept.place}/{name}" for name in (_LEFT_BY_LOADING, LISTED)}
        strange = sorted(set(self._files.walk(kept.place)) - set(names) - ours)
        files += [self._file(stored, decode_path(stored[len(kept.place) + 1 :])) for stored in strange]
        return replace(artifact, files=tuple(file for file in files if file is not None))

    def _media(self, kept: Kept) -> Media | None:
        media = kept.record.body
        assert isinstance(media, Media)
        file = self._file(kept.place, media.file.path)
        if file is None:
            return None
        names = [attachment.path for attachment in media.attachments]
        beside = [self._file(stored, path) for stored, path in zip(kept.beside, names, strict=False)]
        return replace(media, file=file, attachments=tuple(found for found in beside if found is not None))

    def _foreign(self, top: str, ours: set[str], *, is_folder: bool) -> Artifact | None:
        """Return what lies at the top and no record of tracklib's names; ``None`` where all of it is the media's."""
        stored = list(self._files.below(top)) if is_folder else [top]
        strange = [place for place in stored if place not in ours]
        if len(strange) < len(stored):
            if not strange:
                return None
            stored = strange
        files = [self._file(path, path[len(top) + 1 :] if is_folder else path) for path in stored]
        found = tuple(file for file in files if file is not None)
        is_model = any(file.path == "MLmodel" for file in found)
        return self._named(top, Artifact(top, "model" if is_model else "file", found))

    def _named(self, key: str, artifact: Artifact) -> Artifact:
        """Return an artifact with the aliases that MLflow's registry has for it."""
        found = self._registered.get(key)
        if found is None:
            return artifact
        self._named_places.add(key)
        return replace(artifact, aliases=found.all_aliases(), metadata={**artifact.metadata, **found.metadata()})

    def _model(self, model: HeldModel) -> Artifact:
        """Return a model that MLflow 3 keeps beside the run."""
        found = [self._file(stored, stored, model.files) for stored in model.files.walk()]
        files = tuple(file for file in found if file is not None)
        return Artifact(model.name, "model", files, metadata=model.metadata())

    def _file(self, stored: str, path: str, files: HeldFiles | None = None) -> FileRef | None:
        """Return a file as it is found, and remember where; ``files`` are the run's unless told otherwise."""
        files = files or self._files
        place = (files, stored)
        if place not in self._hashes:
            self._hashes[place] = self._hash(files, stored)
        if (found := self._hashes[place]) is None:
            return None
        file = FileRef(path, *found)
        self._places[file] = place
        return file

    def _hash(self, files: HeldFiles, stored: str) -> tuple[int, str] | None:
        try:
            with files.fetched(stored) as local:
                return hashed(local)
        except MissingError as error:
            self._damaged(f"the file {stored} is not there or cannot be downloaded: {error}")
            return None
