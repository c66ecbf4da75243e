"""`Versions`: which artifacts a run has at MLflow, and in which folders.

MLflow knows no versions: a second artifact of a name would overwrite files of the first. The first version of
``classifier`` lies in ``classifier``, further ones in ``classifier@2``, ...; one whose content was there before lies
where that does. A companion says what each is.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tracklib.model.codec import dumps, from_fields
from tracklib.model.records import Artifact, Record
from tracklib_mlflow.paths import artifact_place, encode_path
from tracklib_mlflow.references import listing

__all__ = ["Kept", "Versions", "content_digest", "stored_paths"]


@dataclass(frozen=True, slots=True)
class Kept:
    """A record whose files lie among the run's artifacts.

    Attributes:
        place: The folder of an artifact; the path of a media file.
        stored: For each file of the record, its path at MLflow, from the run's root.
        beside: The paths of the attachments, in their order.
        shown: The paths of what only MLflow's page needs.
    """

    record: Record
    place: str
    stored: Mapping[str, str]
    beside: Sequence[str] = ()
    shown: Sequence[str] = ()

    @classmethod
    def from_line(cls, line: Mapping[str, Any]) -> Kept:
        """Read a line of a companion."""
        record = from_fields(line["record"], line["writer"])
        return cls(record, line["place"], line["stored"], line.get("beside", ()), line.get("shown", ()))

    def places(self) -> set[str]:
        """Return all paths at MLflow that are the record's."""
        return {*self.stored.values(), *self.beside, *self.shown}


class Versions:
    """Knows the versions that are there, and gives new ones their folders."""

    def __init__(self, kept: Iterable[Kept] = ()) -> None:
        self._places: dict[tuple[str, int], str] = {}
        self._by_content: dict[tuple[str, str], str] = {}
        self._counts: dict[str, int] = {}
        for item in sorted(kept, key=lambda item: item.record.time):
            self.add(item.record, item.place)

    def add(self, record: Record, place: str) -> None:
        """Note a version."""
        assert isinstance(record.body, Artifact)
        name, digest = record.body.name, content_digest(record.body)
        self._places[record.writer, record.seq] = place
        if (name, digest) not in self._by_content:
            self._by_content[name, digest] = place
            self._counts[name] = self._counts.get(name, 0) + 1

    def place(self, record: Record) -> tuple[str, bool]:
        """Return the folder of a record's artifact, and whether its content is there already."""
        assert isinstance(record.body, Artifact)
        if (place := self._places.get((record.writer, record.seq))) is not None:
            return place, True
        if (place := self._by_content.get((record.body.name, content_digest(record.body)))) is not None:
            return place, True
        return artifact_place(record.body.name, self._counts.get(record.body.name, 0) + 1), False


def content_digest(artifact: Artifact) -> str:
    """Return the digest of an artifact's files, folders and references, whatever else is said of it."""
    files = sorted((file.path, file.sha256) for file in artifact.files)
    facts: dict[str, object] = {"files": files, "folders": sorted(artifact.folders)}
    if artifact.references:
        facts["references"] = listing(artifact).decode()
    return hashlib.sha256(dumps(facts)).hexdigest()


def stored_paths(artifact: Artifact, place: str) -> dict[str, str]:
    """Return where each file of an artifact lies."""
    return {file.path: f"{place}/{encode_path(file.path)}" for file in artifact.files}
