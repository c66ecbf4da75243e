"""Exporting: runs as plain JSON or CSV files in folders that a person finds their way in, with their files."""

from __future__ import annotations

import csv
import os
import shutil
import tempfile
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, TextIO

from typing_extensions import Self

from tracklib.errors import AuthError, BadValueError, ConfigError, RejectedError, TracklibError
from tracklib.journal.layout import encode_name
from tracklib.model import members
from tracklib.model.codec import dumps, encode_tree, metric_token
from tracklib.model.records import Artifact, Console, FileRef, Media, Metrics, Record, System
from tracklib.model.state import RunState
from tracklib.model.trees import flatten
from tracklib.portability.damage import Damage
from tracklib.portability.tally import Tally

if TYPE_CHECKING:
    from tracklib.backends.contract import Source
    from tracklib.model.run import RunInfo
    from tracklib.typing import JSON

__all__ = ["Export", "Exported"]

_CHUNK = 1 << 20
_COLUMNS = {
    "metrics": ("metric", "step", "time", "value"),
    "system": ("metric", "time", "value"),
    "console": ("stream", "time", "text"),
    "files": ("kind", "name", "step", "path", "size", "sha256", "file"),
}


@dataclass(frozen=True, slots=True)
class Exported:
    """What became of one run.

    Attributes:
        problems: What is not in the folder, and why.
        failed: There is no folder.
    """

    run: RunInfo
    folder: Path
    tally: Tally
    problems: list[str]
    failed: bool = False


@dataclass(frozen=True, slots=True)
class Export:
    """One export.

    Attributes:
        contents: Whether the files of artifacts and media are written too.
    """

    source: Source
    output: Path
    form: Literal["json", "csv"]
    contents: bool = True

    def write(self, run: RunInfo) -> Exported:
        """Write a run into its folder, in the place of what an earlier export left there.

        Raises:
            AuthError, ConfigError: No run can be read.
        """
        folder = self.output / encode_name(run.project) / encode_name(run.id)
        written = _Run(self, run, folder)
        try:
            written.write()
        except (AuthError, ConfigError):
            raise
        except Exception as error:  # a plugin's own fault in one run is no reason to leave out the others
            words = str(error) if isinstance(error, TracklibError) else f"{type(error).__name__}: {error}"
            return Exported(run, folder, Tally(), [*written.problems, words], failed=True)
        return Exported(run, folder, written.tally, written.problems)


@dataclass(slots=True)
class _Run:
    """One run on its way to its folder."""

    export: Export
    run: RunInfo
    folder: Path
    tally: Tally = field(default_factory=Tally)
    problems: list[str] = field(default_factory=list)
    versions: Counter[str] = field(default_factory=Counter)
    media: int = 0

    def write(self) -> None:
        """Write the run aside, and give the folder its name when it is whole."""
        final = self.folder
        if final.exists() and not any((final / name).exists() for name in ("run.json", "run.csv")):
            raise RejectedError(f"expected {final} to be free, or what an earlier export wrote; got other files")
        final.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=".", suffix=".part", dir=final.parent) as aside:
            self.folder = Path(aside) / "run"
            self.folder.mkdir()
            self._write()
            if final.exists():
                shutil.rmtree(final)
            self.folder.rename(final)

    def _write(self) -> None:
        state, before = RunState(self.run.id), Damage.of(self.export.source)
        with ExitStack() as stack:
            rows = {name: stack.enter_context(_Rows(self.folder, name, self.export.form)) for name in _COLUMNS}
            for record in self.export.source.read(self.run):
                state.apply(record)
                self.tally.count(record)
                for table, values in self._rows(record):
                    rows[table].add(values)
        self._write_state(state)
        if damage := Damage.of(self.export.source).since(before):
            self.problems.append(f"only part of it could be read and was written: {damage}")
        self.problems += (f"damaged: {words}" for words in self.tally.damaged)

    def _rows(self, record: Record) -> Iterator[tuple[str, tuple[object, ...]]]:
        body, time = record.body, _time(record.when)
        if isinstance(body, Metrics):
            step = metric_token(body.step)
            yield from (("metrics", (key, step, time, metric_token(value))) for key, value in body.values.items())
        elif isinstance(body, System):
            yield from (("system", (key, time, metric_token(value))) for key, value in body.values.items())
        elif isinstance(body, Console):
            yield "console", (body.stream, time, body.text)
        elif isinstance(body, Artifact):
            self.versions[body.name] += 1
            home = f"artifacts/{encode_name(body.name)}/{self.versions[body.name]}"
            for file in body.files:
                yield "files", ("artifact", body.name, None, *_file(file), self._content(file, home, file.path))
            for ref in body.references:
                yield "files", ("reference", body.name, None, ref.path, ref.size, ref.digest, ref.url)
        elif isinstance(body, Media):
            self.media += 1
            step = metric_token(body.step)
            for file in (body.file, *body.attachments):
                name = f"{self.media}-{encode_name(file.path.rpartition('/')[2])}"
                where = self._content(file, f"media/{encode_name(body.key)}", name)
                yield "files", ("media", body.key, step, *_file(file), where)

    def _content(self, file: FileRef, home: str, path: str) -> str | None:
        """Write a file's content, and return its place in the folder; ``None`` where it is not there."""
        if not self.export.contents:
            return None
        where = f"{home}/{path}"
        try:
            members.paths([where if os.sep == "/" else where.replace(os.sep, "/../")])
            target = self.folder / where
            target.parent.mkdir(parents=True, exist_ok=True)
            with self.export.source.open_file(self.run, file) as content, target.open("wb") as out:
                shutil.copyfileobj(content, out, _CHUNK)
        except (BadValueError, RejectedError, FileNotFoundError) as error:
            self.problems.append(f"{file.path}: {error}")
            return None
        return where

    def _write_state(self, state: RunState) -> None:
        info = state.info() if state.attempt else self.run
        run = {name: getattr(info, name) for name in ("project", "id", "name", "status", "group", "job_type", "parent")}
        times = {"started": _time(info.started), "ended": None if info.ended is None else _time(info.ended)}
        trees = {"params": state.params, "summary": state.summary, "context": state.context}
        rest = {"tags": dict(state.tags), "notes": state.notes, "exit_code": state.exit_code, "error": state.error}
        if self.export.form == "json":
            document = {**run, **times, **rest, **{name: encode_tree(tree) for name, tree in trees.items()}}
            (self.folder / "run.json").write_bytes(dumps(document) + b"\n")
            return
        with (self.folder / "run.csv").open("w", newline="", encoding="utf-8", errors="backslashreplace") as file:
            writer = csv.writer(file)
            writer.writerow(("kind", "key", "value"))
            one = {**run, **times, "notes": state.notes, "exit_code": state.exit_code, "error": state.error}
            writer.writerows(("run", key, value) for key, value in one.items() if value is not None)
            writer.writerows(("tag", key, value) for key, value in state.tags.items())
            for kind, tree in trees.items():
                writer.writerows((kind.removesuffix("s"), key, value) for key, value in _leaves(tree))


def _leaves(tree: Mapping[str, JSON]) -> Iterator[tuple[str, object]]:
    for path, leaf in flatten(tree):
        text = leaf if isinstance(leaf, str) else dumps({"": encode_tree(leaf)})[4:-1].decode()
        yield ".".join(part.replace("\\", "\\\\").replace(".", "\\.") for part in path), text


def _file(file: FileRef) -> tuple[str, int, str]:
    return file.path, file.size, file.sha256


def _time(nanoseconds: int) -> str:
    """Write a time as ISO 8601 in UTC, with all nine digits."""
    import datetime as dt

    seconds, rest = divmod(nanoseconds, 10**9)
    try:
        whole = dt.datetime.fromtimestamp(seconds, dt.timezone.utc)
    except (OverflowError, ValueError, OSError):  # a clock that was far off
        return f"{nanoseconds} ns"
    return f"{whole:%Y-%m-%dT%H:%M:%S}.{rest:09d}Z"


class _Rows:
    """One table of a run: a file that is there only if it has a row."""

    def __init__(self, folder: Path, name: str, form: str) -> None:
        self._path = folder / f"{name}.{'csv' if form == 'csv' else 'jsonl'}"
        self._columns = _COLUMNS[name]
        self._form = form
        self._file: TextIO | None = None
        self._write: Callable[[tuple[object, ...]], Any] = self._begin

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        if self._file is not None:
            self._file.close()

    def add(self, values: tuple[object, ...]) -> None:
        """Write a row."""
        self._write(values)

    def _begin(self, values: tuple[object, ...]) -> None:
        file = self._file = self._path.open("w", newline="", encoding="utf-8", errors="backslashreplace")
        if self._form == "csv":
            writer = csv.writer(file)
            writer.writerow(self._columns)
            self._write = writer.writerow
        else:
            self._write = lambda row: file.write(dumps(dict(zip(self._columns, row, strict=True))).decode() + "\n")
        self._write(values)
