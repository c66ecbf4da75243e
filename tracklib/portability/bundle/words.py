"""Words: texts that repeat, as a column that holds each of them once; and what Parquet's UTF-8 cannot hold of a text."""

from __future__ import annotations

import re
from array import array

import pyarrow as pa  # type: ignore[import-untyped]  # pyarrow has no types

__all__ = ["Words", "is_plain", "plain"]

_HALF = re.compile("[\ud800-\udfff]")


def is_plain(text: str) -> bool:
    """Tell whether UTF-8 holds a text: no half of a surrogate pair stands alone in it."""
    return text.isascii() or _HALF.search(text) is None


def plain(text: str) -> str:
    """Return a text with U+FFFD for what UTF-8 does not hold."""
    return text if is_plain(text) else _HALF.sub("\ufffd", text)


class Words:
    """A column of words while it grows.

    Attributes:
        odd: Those that are not plain; they stand in the column as `plain` writes them.
    """

    def __init__(self) -> None:
        self._places: dict[str, int] = {}
        self._indices = array("i")
        self.odd: set[str] = set()

    def add(self, word: str) -> None:
        """Take in the word of the next row."""
        place = self._places.get(word)
        if place is None:
            place = self._places[word] = len(self._places)
            if not is_plain(word):
                self.odd.add(word)
        self._indices.append(place)

    def column(self) -> pa.DictionaryArray:
        """Return the column."""
        indices = pa.Array.from_buffers(pa.int32(), len(self._indices), [None, pa.py_buffer(self._indices)])
        return pa.DictionaryArray.from_arrays(indices, pa.array([plain(word) for word in self._places], pa.string()))

    @staticmethod
    def of(column: pa.DictionaryArray) -> list[str]:
        """Return the words of a column, row by row."""
        words = column.dictionary.to_pylist()
        return [words[index] for index in column.indices.to_pylist()]


def constant(word: str, length: int) -> pa.DictionaryArray:
    """Return a column that holds one word in each row."""
    indices = pa.array([0], pa.int32()).take(pa.nulls(length, pa.int32()).fill_null(0))
    return pa.DictionaryArray.from_arrays(indices, pa.array([plain(word)], pa.string()))
