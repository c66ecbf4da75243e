"""`NeptuneSettings`: where neptune-exporter has put its files."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from tracklib.backends.settings import BackendSettings
from tracklib.errors import ConfigError

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["NeptuneSettings"]

_FILES = "?files="
_BESIDE = {"data": "files", "model_data": "model_files"}


class NeptuneSettings(BackendSettings):
    """Where neptune-exporter has put its files.

    Attributes:
        data: The folder with the Parquet files (the exporter's ``--data-path``), or the one above it, with ``data`` and
            ``files`` in it.
        files: The folder with the downloaded files (``--files-path``); where omitted, ``files`` beside ``data``.
    """

    data: str = "exports"
    files: str | None = None

    @classmethod
    def from_location(cls, location: str, /) -> Self:
        """Return the settings for ``./exports`` or ``./exports/data?files=/mnt/cold/files``."""
        data, mark, files = location.partition(_FILES)
        if not data or (mark and not files):
            raise ConfigError(f"expected neptune:<folder>[?files=<folder>], got neptune:{location}")
        return cls(data=data, files=files or None)

    def resolved(self) -> Self:
        """Return the settings with absolute paths."""
        data = os.path.abspath(os.path.expanduser(self.data))
        found = next((name for name in _BESIDE if os.path.isdir(os.path.join(data, name))), None)
        data = data if found is None else os.path.join(data, found)
        files = _files(data) if self.files is None else os.path.abspath(os.path.expanduser(self.files))
        return type(self)(data=data, files=files)


def _files(data: str) -> str:
    """Return where the files of a data folder are: beside it, as the exporter puts them, or in it."""
    folder, name = os.path.split(data)
    beside, inside = os.path.join(folder, _BESIDE.get(name, "files")), os.path.join(data, "files")
    return inside if os.path.isdir(inside) and not os.path.isdir(beside) else beside
