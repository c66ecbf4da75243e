"""Writers of what has files: artifacts and media."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from tracklib.model.records import Artifact, FileRef, Media, Record
from tracklib_aim import media, names
from tracklib_aim.border import border
from tracklib_aim.companions import root
from tracklib_aim.database import put
from tracklib_aim.files import Files
from tracklib_aim.open_run import OpenRun
from tracklib_aim.paths import artifact_place, stored_path
from tracklib_aim.points import NS, Point, native
from tracklib_aim.sequences import Sequences
from tracklib_aim.writers import Writes

__all__ = ["PLACES", "ArtifactWriter", "MediaWriter", "place_key"]

PLACES = "places"


def place_key(record: Record) -> str:
    """Return the key under which the place of an artifact's version stands."""
    return f"{record.writer}-{record.seq:012}"


class ArtifactWriter:
    """Brings the files of artifacts to Aim's store, or into the run where there is none."""

    def __init__(self, run: OpenRun, files: Files, open_file: Callable[[FileRef], Path]) -> None:
        self._run = run
        self._files = files
        self._open_file = open_file
        self._places: dict[str, str] | None = None

    def take(self, record: Record, writes: Writes) -> None:
        """Store the files of one artifact; add the writes that name them."""
        assert isinstance(record.body, Artifact)
        if self._files.uri is None:
            for file in record.body.files:
                self._files.keep(file, self._open_file(file))
            return
        place = self._place(record, record.body.name)
        writes.seqs.append(put((*root(self._run.hash), PLACES, place_key(record)), place))
        writes.meta.append(put((*self._run.chunk, "artifacts_uri"), self._files.uri))
        for file in record.body.files:
            stored = stored_path(place, file.path)
            uploaded = self._files.upload(file, self._open_file(file), stored)
            writes.meta.append(put((*self._run.chunk, "artifacts", stored), uploaded))

    def _place(self, record: Record, name: str) -> str:
        """Return the folder of a version: the one that it had when it came before, or the next that is free."""
        if self._places is None:
            with border("reading where artifacts are"):
                self._places = dict(self._run.seqs.items((*root(self._run.hash), PLACES)))
        key = place_key(record)
        if key not in self._places:
            used = set(self._places.values())
            version = 1
            while (place := artifact_place(name, version)) in used:
                version += 1
            self._places[key] = place
        return self._places[key]


class MediaWriter:
    """Keeps media in the run, and shows what Aim has a form for."""

    def __init__(self, files: Files, sequences: Sequences, open_file: Callable[[FileRef], Path]) -> None:
        self._files = files
        self._sequences = sequences
        self._open_file = open_file

    def take(self, record: Record, writes: Writes) -> None:
        """Keep the files of one medium; add the writes that show it."""
        body = record.body
        assert isinstance(body, Media)
        for file in (body.file, *body.attachments):
            self._files.keep(file, self._open_file(file))
        shown = media.shown(body, self._open_file(body.file))
        if shown is None or body.step < 0:  # Aim finds nothing in a sequence of objects with a negative step
            return
        name, context = names.native(body.key)
        at = native(Point(record.writer, record.seq, body.step, 0, record.when))
        place = {**context, media.CONTEXT: body.media_type}
        number = (body.index or 0) if shown.is_listed else None
        writes.add(
            self._sequences.objects(
                name, place, shown.dtype, step=at.step, number=number, value=shown.value, seconds=record.when / NS
            )
        )
