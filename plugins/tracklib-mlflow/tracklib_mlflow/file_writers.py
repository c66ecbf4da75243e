"""Writers of what lies in files: artifacts, media, and records that MLflow has no form for."""

from __future__ import annotations

from collections.abc import Sequence

from tracklib.backends.contract import Outcome, accepted, changed
from tracklib.model.records import Artifact, Console, Media, Record
from tracklib_mlflow import companions as kinds
from tracklib_mlflow import registry, texts
from tracklib_mlflow.companions import read_chunks, record_fields
from tracklib_mlflow.files import place_copy
from tracklib_mlflow.paths import media_place
from tracklib_mlflow.versions import Kept, Versions, local_path, stored_paths
from tracklib_mlflow.writers import Desk

__all__ = ["ArtifactWriter", "ConsoleWriter", "Keeper", "MediaWriter"]


class ArtifactWriter:
    """Writes artifacts, each version where no other is, and models with aliases to the registry."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._versions: Versions | None = None

    def write(self, records: Sequence[Record]) -> list[Outcome]:
        """Write artifacts."""
        return [self._write(record) for record in records]

    def _write(self, record: Record) -> Outcome:
        artifact = record.body
        assert isinstance(artifact, Artifact)
        self._versions = self._versions or self._read_versions()
        place, is_there = self._versions.place(record)
        stored = stored_paths(artifact, place)
        if not is_there:
            self._upload(artifact, place, stored)
        problem = self._register(artifact, place)
        self._versions.add(record, place)
        line = record_fields(record, place=place, stored=stored)
        self._desk.companions.hold(kinds.ARTIFACTS, record, line)
        return changed(problem) if problem else accepted()

    def _upload(self, artifact: Artifact, place: str, stored: dict[str, str]) -> None:
        """Stage all files first, so that a lost one leaves no half of a version behind."""
        with self._desk.files.staging() as folder:
            for file in artifact.files:
                place_copy(self._desk.context.open_file(file), local_path(folder, stored[file.path], place))
            if artifact.files:
                self._desk.files.put_folder(folder, place)

    def _register(self, artifact: Artifact, place: str) -> str | None:
        is_model = artifact.type == "model" and any(file.path == "MLmodel" for file in artifact.files)
        if not is_model or not artifact.aliases:
            return None
        source = f"{str(self._desk.run.info.artifact_uri).rstrip('/')}/{place}"
        return registry.register(self._desk.client, self._desk.run_id, source, artifact.name, artifact.aliases)

    def _read_versions(self) -> Versions:
        """Return the versions that an earlier sink wrote; a damaged companion only costs another folder."""
        lines = read_chunks(self._desk.files, kinds.ARTIFACTS, lambda _: None)
        return Versions(map(Kept.from_line, lines))


class MediaWriter:
    """Writes media, one file each."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def write(self, records: Sequence[Record]) -> list[Outcome]:
        """Write media."""
        for record in records:
            body = record.body
            assert isinstance(body, Media)
            source = self._desk.context.open_file(body.file)
            place = media_place(body.key, body.step, body.file.sha256, body.file.path)
            self._desk.files.put(place, lambda path, source=source: place_copy(source, path))  # type: ignore[misc]
            line = record_fields(record, place=place, stored={body.file.path: place})
            self._desk.companions.hold(kinds.MEDIA, record, line)
        return [accepted() for _ in records]


class Keeper:
    """Keeps whole records for which MLflow has no form at all."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def write(self, records: Sequence[Record]) -> list[Outcome]:
        """Keep records."""
        for record in records:
            self._desk.companions.hold(kinds.RECORDS, record, record_fields(record))
        return [accepted() for _ in records]


class ConsoleWriter:
    """Keeps what was printed, whole, and as text that MLflow's page of artifacts shows."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk

    def write(self, records: Sequence[Record]) -> list[Outcome]:
        """Keep console output."""
        for record in records:
            assert isinstance(record.body, Console)
            self._desk.companions.hold(kinds.RECORDS, record, record_fields(record))
            self._desk.companions.hold_text(record, texts.to_bytes(record.body.text))
        return [accepted() for _ in records]
