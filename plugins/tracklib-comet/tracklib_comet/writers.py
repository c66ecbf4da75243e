"""Writers: what Comet shows of each kind of record; the records themselves stand whole in the companions."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from tracklib.model.records import (
    Artifact,
    Console,
    Context,
    FileRef,
    Media,
    Metrics,
    Notes,
    Record,
    RunStart,
    Summary,
)
from tracklib.model.records import Params as ParamsBody
from tracklib.typing import JSON
from tracklib_comet import labels, media, params
from tracklib_comet.companions import asset_id, file_tag, record_tag
from tracklib_comet.experiment import Line, Param, Shown, Upload, Writing
from tracklib_comet.held import HeldOutput, HeldPoints
from tracklib_comet.identity import Identity, milliseconds
from tracklib_comet.names import shown_path
from tracklib_comet.points import native
from tracklib_comet.system import details_of, natives_of

__all__ = ["FileWriter", "FactWriter", "OutputWriter", "PointWriter"]


class PointWriter:
    """Shows points, and samples of the machine."""

    def __init__(self, experiment: Writing, identity: Identity) -> None:
        self._experiment = experiment
        self._identity = identity
        self._held = HeldPoints(experiment)

    def take(self, records: Sequence[Record]) -> None:
        """Show the points of records that Comet does not show yet."""
        points = [point for record in records for point in self._points(record)]
        if not points:
            return
        self._experiment.add_points(self._held.missing(points, min(record.time for record in records)))

    def suspect(self) -> None:
        """Take note that a call broke off."""
        self._held.suspect()

    def _points(self, record: Record) -> list[Shown]:
        body = record.body
        if isinstance(body, Metrics):
            return [native(name, body.step, value, record.when) for name, value in body.values.items()]
        return list(natives_of(record, self._identity.started))


class FactWriter:
    """Shows params, tags, notes, summary and what was captured of the surroundings; all may be shown again."""

    def __init__(self, experiment: Writing) -> None:
        self._experiment = experiment

    def take_params(self, records: Sequence[Record]) -> None:
        """Show params, the last of each name."""
        found: dict[str, Param] = {}
        is_nested = False
        for record in records:
            assert isinstance(record.body, ParamsBody)
            for name, path, leaf in params.flat(record.body.values):
                is_nested |= len(path) > 1
                found[name] = Param(name, params.shown_value(leaf), milliseconds(record.time))
        self._experiment.set_params(list(found.values()))
        if is_nested:
            self._experiment.set_other("hasNestedParams", "true")  # as the SDK does, for the page to show a tree

    def take(self, record: Record) -> None:
        """Show the notes or the summary of one record."""
        body = record.body
        if isinstance(body, Notes):
            self._experiment.set_other(labels.NOTES, labels.shown_notes(body.text))
        elif isinstance(body, Summary):
            for key, value in body.values.items():
                self._experiment.set_other(*labels.shown_summary(key, value))

    def take_surroundings(self, records: Sequence[Record]) -> None:
        """Show what was captured of the surroundings."""
        details: dict[str, Any] = {}
        for record in records:
            assert isinstance(record.body, (RunStart, Context))
            context = record.body.context if isinstance(record.body, RunStart) else record.body.values
            details |= details_of(context)
        if details:
            self._experiment.set_details(details)

    def take_tags(self, before: dict[str, str], after: dict[str, str]) -> None:
        """Show what became of the tags."""
        old = {labels.shown_tag(key, value) for key, value in before.items()}
        new = {labels.shown_tag(key, value) for key, value in after.items()}
        self._experiment.change_tags(sorted(new), sorted(old - new))


class OutputWriter:
    """Shows console output."""

    def __init__(self, experiment: Writing) -> None:
        self._experiment = experiment
        self._held = HeldOutput(experiment)

    def take(self, records: Sequence[Record]) -> None:
        """Show lines that Comet does not show yet."""
        lines = []
        for record in records:
            assert isinstance(record.body, Console)
            text = record.body.text.encode("utf-8", "replace").decode().replace("\0", "?")
            text = text if text.endswith(("\n", "\r")) else f"{text}\n"
            lines.append(Line(text, record.body.stream == "stderr", milliseconds(record.time)))
        if missing := self._held.missing(lines):
            self._experiment.add_output(missing)

    def suspect(self) -> None:
        """Take note that a call broke off."""
        self._held.suspect()


class FileWriter:
    """Brings the files of artifacts and media to Comet."""

    def __init__(self, experiment: Writing, open_file: Callable[[FileRef], Path], scratch: Path) -> None:
        self._experiment = experiment
        self._open_file = open_file
        self._scratch = scratch
        self._key = experiment.vendor.id

    def take_artifact(self, record: Record) -> JSON:
        """Bring the files of an artifact; return where it is."""
        body = record.body
        assert isinstance(body, Artifact)
        uploads = [
            self._upload(record, number, file, shown_path(file.path), "asset") for number, file in enumerate(body.files)
        ]
        return self._experiment.add_artifact(body, record_tag(record), uploads)

    def take_media(self, record: Record) -> None:
        """Bring the files of a medium, and what Comet shows of one that it has no view for."""
        body = record.body
        assert isinstance(body, Media)
        step = native("", body.step, 0, 0).step
        name, kind = shown_path(media.name_of(body)), media.kind_of(body)
        self._experiment.add_asset(self._upload(record, 0, body.file, name, kind, step))
        for number, file in enumerate(body.attachments, 1):
            self._experiment.add_asset(
                self._upload(record, number, file, f"{name}/{shown_path(file.path)}", "asset", step)
            )
        if (made := media.picture(body, self._open_file(body.file))) is not None:
            tag = f"{record_tag(record)}-shown"
            path = self._scratch / asset_id(self._key, tag)
            path.write_bytes(made[2])
            upload = Upload(asset_id(self._key, tag), shown_path(made[0]), made[1], path, {"tracklib": "shown"}, step)
            self._experiment.add_asset(upload)
            path.unlink(missing_ok=True)
        if body.media_type == "html":
            self._experiment.set_html(self._open_file(body.file).read_text("utf-8", "replace"))

    def _upload(
        self, record: Record, number: int, file: FileRef, name: str, kind: str, step: int | None = None
    ) -> Upload:
        tag = file_tag(record, number)
        return Upload(asset_id(self._key, tag), name, kind, self._open_file(file), {"tracklib": tag}, step)
