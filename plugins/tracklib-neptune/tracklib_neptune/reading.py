"""`RunReader`: everything that an export holds of one run, as bodies of records with their times."""

from __future__ import annotations

import io
import os
from collections import Counter
from collections.abc import Callable, Iterator
from typing import BinaryIO, TypeAlias

from tracklib.errors import BadValueError, RejectedError
from tracklib.model.media import HistogramData, TableData, write_histogram, write_table
from tracklib.model.records import (
    Artifact,
    Body,
    Console,
    Context,
    FileRef,
    Media,
    Metrics,
    Notes,
    Notice,
    Params,
    RunEnd,
    RunStart,
    Summary,
    System,
    Tags,
)
from tracklib.typing import JSON, Number, Step
from tracklib_neptune.exported_files import ExportedFiles
from tracklib_neptune.identity import SYS, Identity
from tracklib_neptune.made import Made
from tracklib_neptune.namespaces import console_of, is_param, is_surroundings, is_system
from tracklib_neptune.parts import SINGLE_TYPES, Row, read_rows
from tracklib_neptune.sniffing import medium
from tracklib_neptune.values import exact_step, single

__all__ = ["RunReader", "Timed"]

Timed: TypeAlias = tuple[int, Body]
"""A body with the time of its record."""

_VALUES_AT_ONCE = 1000
_WITH_FILES = frozenset({"file", "file_series", "file_set", "artifact", "string_series", "histogram_series"})


class RunReader:
    """Reads one run, row by row."""

    def __init__(self, identity: Identity, files: ExportedFiles) -> None:
        self._identity = identity
        self._info = identity.info()
        self._files = files
        self._made = Made()
        self._places: dict[FileRef, str] = {}
        self._steps: Counter[str] = Counter()
        self._console: dict[str, str] = {}
        self._problems: Counter[str] = Counter()
        self._kinds: dict[str, Callable[[Row], Iterator[Timed]]] = {
            "float_series": self._point,
            "string_series": self._text,
            "histogram_series": self._histogram,
            "file": self._file,
            "artifact": self._file,
            "file_set": self._file_set,
            "file_series": self._series_file,
        }

    def bodies(self) -> Iterator[Timed]:
        """Yield everything, the start first and the end last.

        Raises:
            RejectedError: A part cannot be read.
        """
        info = self._info
        start = RunStart(info.project, info.name, None, info.job_type, info.parent, 1, self._identity.context())
        yield info.started, start
        yield from ((info.started, body) for body in self._labels())
        yield from self._rows(None)
        for number in self._identity.held.missing:
            self._problems[f"part {number} is not in the export"] += 1
        yield from ((info.started, Notice("damaged", words, count)) for words, count in self._problems.items())
        yield info.ended or info.started, RunEnd(info.status)

    def open_file(self, file: FileRef) -> BinaryIO:
        """Open a file that a record names.

        Raises:
            RejectedError: The run has none of this content.
        """
        if (found := self._known(file)) is not None:
            return found
        # Asked for long after it was read, or by a reader that has read nothing yet: the run is gone through again.
        for _ in self._rows(_WITH_FILES):
            if (found := self._known(file)) is not None:
                return found
        raise RejectedError(f"the run {self._identity.run_id!r} has no file {file.path!r} of the digest {file.sha256}")

    def _known(self, file: FileRef) -> BinaryIO | None:
        content = self._made.content(file.sha256)
        if content is not None:
            return io.BytesIO(content)
        place = self._places.get(file)
        return None if place is None else self._files.open(place)

    def _labels(self) -> Iterator[Body]:
        tags: dict[str, str | None] = dict.fromkeys(self._identity.texts("sys/tags"), "")
        tags |= dict.fromkeys((f"sys/group_tags/{tag}" for tag in self._identity.texts("sys/group_tags")), "")
        if tags:
            yield Tags(tags)
        if (notes := self._identity.text("sys/description")) is not None:
            yield Notes(notes)

    def _rows(self, kinds: frozenset[str] | None) -> Iterator[Timed]:
        singles: list[Row] = []
        for row in read_rows(self._identity.held.parts, kinds):
            if row.kind in SINGLE_TYPES:
                # The exporter writes a line without a value for an attribute that another run has.
                if row.value is not None and not row.path.startswith(SYS):
                    singles.append(row)
                if len(singles) < _VALUES_AT_ONCE:
                    continue
            if singles:
                yield from self._singles(singles)
                singles = []
            if (bodies := self._kinds.get(row.kind)) is not None:
                yield from bodies(row)
            elif row.kind not in SINGLE_TYPES:
                self._problems[f"attributes of the type {row.kind!r} are not known"] += 1
        yield from self._singles(singles)

    def _singles(self, rows: list[Row]) -> Iterator[Timed]:
        """Yield single values, together: one record for those that are params, one for results, one for surroundings."""
        groups: dict[type[Params | Summary | Context], dict[str, JSON]] = {}
        for row in rows:
            if is_surroundings(row.path):
                kind: type[Params | Summary | Context] = Context
            else:
                kind = Params if is_param(row.path, row.kind) else Summary
            groups.setdefault(kind, {})[row.path] = single(row)
        yield from ((self._info.started, kind(values)) for kind, values in groups.items())

    def _point(self, row: Row) -> Iterator[Timed]:
        if row.value is None and row.time is None:
            return
        # The exporter's way through pandas makes NaN null; a point that was not logged has no line.
        value: Number = float("nan") if row.value is None else row.value
        if is_system(row.path) and row.time is not None:
            yield row.time, System({row.path: value})
            return
        step = self._step(row)
        yield row.time if row.time is not None else self._info.started, Metrics({row.path: value}, step, row.time)

    def _text(self, row: Row) -> Iterator[Timed]:
        if row.value is None:
            return
        printed = console_of(row.path)
        if printed is not None and row.time is not None:
            yield row.time, Console(self._stream(*printed), f"{row.value}\n")
            return
        content = row.value.encode("utf-8", "surrogatepass")
        yield self._media(row, "text", self._made.file("text.txt", content), {})

    def _stream(self, process: str, stream: str) -> str:
        """Return a stream's name: the first process's is plain, those of others say whose they are."""
        first = self._console.setdefault(stream, process)
        return stream if process == first else f"{process}/{stream}"

    def _histogram(self, row: Row) -> Iterator[Timed]:
        if row.value is None:
            return
        edges, values = row.value.get("edges") or [], row.value.get("values") or []
        kind = row.value.get("type")
        metadata: dict[str, JSON] = {"type": kind} if kind is not None else {}
        try:
            counts = [_counted(value, kind) for value in values]
            content = write_histogram(HistogramData(tuple(edges), tuple(counts)))
        except (BadValueError, TypeError):  # NaN or fewer edges than it takes: a table holds anything
            self._problems[f"histograms of {row.path!r} that are none are kept as tables"] += 1
            length = max(len(edges), len(values))
            rows = tuple((_at(edges, place), _at(values, place)) for place in range(length))
            table = self._made.file("table.json", write_table(TableData(("edges", "values"), rows)))
            yield self._media(row, "table", table, metadata)
            return
        yield self._media(row, "histogram", self._made.file("histogram.json", content), metadata)

    def _file(self, row: Row) -> Iterator[Timed]:
        if (place := self._find(row)) is not None and (file := self._reference(_name(place), place)) is not None:
            yield self._info.started, Artifact(row.path, row.kind, (file,))

    def _file_set(self, row: Row) -> Iterator[Timed]:
        place = self._find(row)
        if place is not None:
            inner = self._files.below(place) if os.path.isdir(place) else [(_name(place), place)]
            found = [self._reference(path, file) for path, file in inner]
            files = tuple(file for file in found if file is not None)
            yield self._info.started, Artifact(row.path, row.kind, files)

    def _series_file(self, row: Row) -> Iterator[Timed]:
        if (place := self._find(row)) is None or (file := self._reference(_name(place), place)) is None:
            return
        with self._files.open(place) as opened:
            found = medium(opened)
        if found is not None:
            kind, word = found
            yield self._media(row, kind, file, {"format": word} if word else {})
            return
        metadata: dict[str, JSON] = {"step": self._step(row)}
        if row.time is not None:
            metadata["time"] = row.time
        yield row.time or self._info.started, Artifact(row.path, row.kind, (file,), metadata=metadata)

    def _media(self, row: Row, kind: str, file: FileRef, metadata: dict[str, JSON]) -> Timed:
        time = row.time if row.time is not None else self._info.started
        return time, Media(row.path, self._step(row), kind, file, metadata, timestamp=row.time)

    def _step(self, row: Row) -> Step:
        if row.step is None:
            number = self._steps[row.path]
            self._steps[row.path] += 1
            self._problems[f"values of {row.path!r} without a step are numbered"] += 1
            return number
        step, is_exact = exact_step(row.step)
        if not is_exact:
            self._problems[f"steps of {row.path!r} that no 64-bit float is are the nearest one"] += 1
        return step

    def _find(self, row: Row) -> str | None:
        path = row.value.get("path") if isinstance(row.value, dict) else None
        if not isinstance(path, str):
            return None
        try:
            return self._files.find(path)
        except RejectedError as error:
            self._problems[f"{row.path}: {error}"] += 1
            return None

    def _reference(self, path: str, place: str) -> FileRef | None:
        try:
            file = self._files.reference(path, place)
        except RejectedError as error:
            self._problems[str(error)] += 1
            return None
        self._places[file] = place
        return file


def _counted(value: float, kind: object) -> Number:
    """Return how many a bin holds; Parquet has the counts as floats, densities are floats."""
    return int(value) if kind == "COUNTING" and float(value).is_integer() else value


def _at(values: list[float], place: int) -> float | None:
    return values[place] if place < len(values) else None


def _name(place: str) -> str:
    return place.replace("\\", "/").rpartition("/")[2]
