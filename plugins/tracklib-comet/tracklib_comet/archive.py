"""`Archive`: an offline experiment of Comet's SDK: a zip of ``experiment.json``, ``messages.json`` and files."""

from __future__ import annotations

import json
import zipfile
import zlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path
from typing import IO, Any

from typing_extensions import Self

from tracklib.errors import RejectedError
from tracklib.model.lines import lines_of

__all__ = ["EXPERIMENT", "MESSAGES", "Archive", "LostError", "StrangeError", "messages_of"]

EXPERIMENT, MESSAGES = "experiment.json", "messages.json"

_EMPTY = 22
"""Bytes of a zip that holds nothing: what the SDK leaves behind where its process was killed."""

_MAX_RATIO = 1200
"""Bytes that one compressed byte can become, with some room: deflate reaches 1032."""


class LostError(RejectedError):
    """The zip is what the SDK leaves of a run whose process was killed: nothing."""


class StrangeError(RejectedError):
    """The zip is a whole one, and no experiment's."""


class Archive:
    """Reads a zip, nothing of which is ever unpacked to a name of its choice.

    Raises, from the constructor: `RejectedError` where it is no offline experiment, damaged, or set on harm.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            self._zip = zipfile.ZipFile(path)
        except (OSError, zipfile.BadZipFile) as error:
            raise RejectedError(f"expected a zip of Comet's SDK in {path}, got what raised {error}") from error
        try:
            self._check()
            self.experiment: Mapping[str, Any] = self._experiment()
        except BaseException:
            self._zip.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the file."""
        self._zip.close()

    def _check(self) -> None:
        names = self._zip.namelist()
        if not names and self.path.stat().st_size <= _EMPTY:
            raise LostError(
                f"{self.path} is empty: the process that wrote it was killed, and Comet's SDK kept nothing of the run"
            )
        for info in self._zip.infolist():
            parts = info.filename.replace("\\", "/").split("/")
            if info.filename.startswith(("/", "\\")) or ".." in parts or ":" in parts[0]:
                raise RejectedError(f"{self.path} holds a file named {info.filename!r}, which leads outside: refused")
            if info.file_size > max(1 << 20, info.compress_size * _MAX_RATIO) or info.flag_bits & 1:
                raise RejectedError(f"{self.path}: {info.filename!r} is a bomb or encrypted: refused")
        if len(set(names)) != len(names):
            raise RejectedError(f"{self.path} holds two files of one name: refused")
        if EXPERIMENT not in names:
            raise StrangeError(f"expected {EXPERIMENT} in {self.path}, got {sorted(names)[:5]}: no offline experiment")

    def _experiment(self) -> Mapping[str, Any]:
        try:
            found = json.loads(self._zip.read(EXPERIMENT))
        except (ValueError, zipfile.BadZipFile, RecursionError) as error:
            raise RejectedError(f"{self.path}: {EXPERIMENT} is damaged: {error}") from error
        if not isinstance(found, dict):
            raise RejectedError(f"{self.path}: expected an object in {EXPERIMENT}, got {type(found).__name__}")
        return found

    @property
    def names(self) -> set[str]:
        """The names of what is inside."""
        return set(self._zip.namelist())

    def lines(self) -> Iterator[bytes]:
        """Yield the messages as they stand.

        Raises:
            RejectedError: They cannot be read to their end; those before were given.
        """
        if MESSAGES not in self.names:
            return
        try:
            with self._zip.open(MESSAGES) as file:
                yield from lines_of(file)
        except (zipfile.BadZipFile, zlib.error, EOFError, OSError, NotImplementedError) as error:
            raise RejectedError(f"{self.path}: {MESSAGES} cannot be read to its end: {error}") from error

    def messages(self, damaged: list[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
        """Yield the type and payload of each message; what is none is noted in ``damaged``."""
        return messages_of(self.lines(), self.path.name, damaged)

    def opened(self, name: str) -> IO[bytes] | None:
        """Open a file; ``None`` where there is none."""
        return self._zip.open(name) if name in self.names else None

    def copy_into(self, target: zipfile.ZipFile, names: set[str]) -> None:
        """Copy files into another zip, piece by piece."""
        for name in sorted(names & self.names):
            with self._zip.open(name) as source, target.open(name, "w", force_zip64=True) as copy:
                while piece := source.read(1 << 20):
                    copy.write(piece)


def messages_of(lines: Iterable[bytes], name: str, damaged: list[str]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    """Yield the type and payload of each message in lines; what is none is noted in ``damaged``."""
    bad = 0
    try:
        for line in lines:
            if (message := _message(line)) is not None:
                yield message
            else:
                bad += 1
    except RejectedError as error:
        damaged.append(str(error))
    if bad:
        damaged.append(f"{bad} messages in {name} cannot be read")


def _message(line: bytes) -> tuple[str, Mapping[str, Any]] | None:
    try:
        message = json.loads(line)
        kind, payload = message["type"], message["payload"]
    except (ValueError, TypeError, KeyError, RecursionError):
        return None
    return (kind, payload) if isinstance(kind, str) and isinstance(payload, dict) else None
