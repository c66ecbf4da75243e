"""Writers of what lies in files: artifacts, and records that MLflow has no form for."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from tracklib.backends.contract import Outcome, accepted, changed
from tracklib.model.records import Artifact, Console, Record
from tracklib_mlflow import companions as kinds
from tracklib_mlflow import registry, texts
from tracklib_mlflow.companions import read_chunks, record_fields
from tracklib_mlflow.references import LISTED, listing
from tracklib_mlflow.versions import Kept, Versions, content_digest, stored_paths
from tracklib_mlflow.writers import Desk

__all__ = ["ArtifactWriter", "ConsoleWriter", "Keeper"]


_LARGE = 64 << 20
"""Bytes from which on an artifact's upload is resumed; what is smaller is sent again as a whole."""

_UPLOADING = "tracklib.uploading"
_NOTHING = "nothing"


class ArtifactWriter:
    """Writes artifacts, each version where no other is, and models with aliases to the registry."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._versions: Versions | None = None
        self._uploading = ""

    def write(self, records: Sequence[Record]) -> list[Outcome]:
        """Write artifacts."""
        return [self._write(record) for record in records]

    def _write(self, record: Record) -> Outcome:
        artifact = record.body
        assert isinstance(artifact, Artifact)
        self._versions = self._versions or self._read_versions()
        place, is_there = self._versions.place(record)
        stored = {path: self._desk.files.servable(where) for path, where in stored_paths(artifact, place).items()}
        if not is_there:
            self._upload(artifact, place, stored)
        problem = self._register(artifact, place)
        self._versions.add(record, place)
        line = record_fields(record, place=place, stored=stored)
        self._desk.companions.hold(kinds.ARTIFACTS, record, line)
        return changed(problem) if problem else accepted()

    def _upload(self, artifact: Artifact, place: str, stored: dict[str, str]) -> None:
        """Look for all files first, so that a lost one leaves no half of a version behind."""
        sources = {stored[file.path]: self._desk.context.open_file(file) for file in artifact.files}
        if sum(file.size for file in artifact.files) < _LARGE:
            self._desk.files.put_files(sources, place)
        else:
            self._upload_large(artifact, place, sources)
        if artifact.references:
            self._desk.files.put(f"{place}/{LISTED}", lambda path: path.write_bytes(listing(artifact)))

    def _upload_large(self, artifact: Artifact, place: str, sources: dict[str, Path]) -> None:
        """Upload under a tag that says what is on its way there, so that whoever goes on knows what it finds."""
        mark = f"{place} {content_digest(artifact)}"
        resume = mark == (self._uploading or self._desk.run.data.tags.get(_UPLOADING))
        if not resume:
            self._desk.client.set_tags(self._desk.run_id, {_UPLOADING: mark})
        self._uploading = mark
        self._desk.files.put_files(sources, place, resume=resume)
        self._desk.client.set_tags(self._desk.run_id, {_UPLOADING: None})
        self._uploading = _NOTHING

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
