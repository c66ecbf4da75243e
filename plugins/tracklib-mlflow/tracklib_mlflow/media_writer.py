"""`MediaWriter`: writes pictures, sounds, tables, ..., each where MLflow's page shows it."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tracklib.backends.contract import Outcome, accepted
from tracklib.model.codec import dumps, loads
from tracklib.model.records import Media, Record
from tracklib_mlflow import companions as kinds
from tracklib_mlflow import texts
from tracklib_mlflow.companions import record_fields
from tracklib_mlflow.files import place_copy
from tracklib_mlflow.gallery import as_png, image_place, shown_table, thumbnail, thumbnail_place
from tracklib_mlflow.paths import media_place
from tracklib_mlflow.writers import Desk

__all__ = ["MediaWriter"]

_LOGGED_IMAGES = "mlflow.loggedImages"
_LOGGED_ARTIFACTS = "mlflow.loggedArtifacts"
_SHOWN = {"png": "png", "webp": "webp"}
"""The formats that the gallery takes as they are."""


class MediaWriter:
    """Writes media: the file and its attachments as they are, and beside them what only the page needs."""

    def __init__(self, desk: Desk) -> None:
        self._desk = desk
        self._tags = dict(desk.run.data.tags)

    def write(self, records: Sequence[Record]) -> list[Outcome]:
        """Write media."""
        for record in records:
            self._write(record)
        return [accepted() for _ in records]

    def _write(self, record: Record) -> None:
        media = record.body
        assert isinstance(media, Media)
        desk = self._desk
        source = desk.context.open_file(media.file)
        beside = [(file, desk.context.open_file(file)) for file in media.attachments]  # before anything is written
        picture = media.media_type == "image" and _SHOWN.get(str(media.metadata.get("format")))
        place = self._image(record, picture) if picture else self._place(media, media.file.sha256, media.file.path)
        self._copy(place, source)
        places = [self._place(media, file.sha256, file.path) for file, _ in beside]
        for where, (_, path) in zip(places, beside, strict=True):
            self._copy(where, path)
        shown = self._show(record, place, source)
        stored = {media.file.path: place}
        line = record_fields(record, place=place, stored=stored, beside=places, shown=shown)
        desk.companions.hold(kinds.MEDIA, record, line)

    def _show(self, record: Record, place: str, source: Path) -> list[str]:
        """Write what only the page needs; return where."""
        assert isinstance(record.body, Media)
        kind = record.body.media_type
        shown: dict[str, bytes | None] = {}
        if kind == "image":
            picture = place
            if not place.endswith(tuple(_SHOWN)):
                picture = self._image(record, "png")
                shown[picture] = as_png(source)
            shown[thumbnail_place(picture)] = thumbnail(source)
        elif kind == "table":
            shown[f"{place.removesuffix('.json')}.shown.json"] = shown_table(source.read_bytes())
        made = {where: content for where, content in shown.items() if content is not None}
        for where, content in made.items():
            self._desk.files.put(where, lambda path, content=content: path.write_bytes(content))  # type: ignore[misc]
        if kind == "image":
            self._tag(_LOGGED_IMAGES, "True")
        for where in made if kind == "table" else ():
            self._list_table(where)
        return list(made)

    def _list_table(self, place: str) -> None:
        """Name a table among those that the page shows, as far as a tag takes more."""
        listed: list[Any] = loads(self._tags.get(_LOGGED_ARTIFACTS, "[]").encode())
        entry = {"path": place, "type": "table"}
        text = dumps([*listed, entry]).decode()  # type: ignore[arg-type]
        if entry not in listed and len(text) <= texts.MAX_TAG:
            self._tag(_LOGGED_ARTIFACTS, text)

    def _tag(self, key: str, value: str) -> None:
        if self._tags.get(key) != value:
            self._desk.client.set_tags(self._desk.run_id, {key: value})
            self._tags[key] = value

    def _copy(self, place: str, source: Path) -> None:
        self._desk.files.put(place, lambda path: place_copy(source, path))

    def _image(self, record: Record, ending: str) -> str:
        place = image_place(record, ending)
        served = self._desk.files.servable(place)
        return place if served == place else image_place(record, ending, in_ascii=True)

    def _place(self, media: Media, sha256: str, path: str) -> str:
        return self._desk.files.servable(media_place(media.key, media.step, sha256, path))
