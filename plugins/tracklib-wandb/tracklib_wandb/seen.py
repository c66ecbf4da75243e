"""`Seen`: which records were met, a bit for each, so that a run of any length fits into memory."""

from __future__ import annotations

__all__ = ["Seen"]

_PAGE = 15
"""The lower bits of a number, of which each page of bits has all."""


class Seen:
    """A set of records, by writer and number.

    >>> seen = Seen()
    >>> seen.add("w", 7), seen.add("w", 7), seen.add("w", 2**60)
    (True, False, True)
    """

    def __init__(self) -> None:
        self._pages: dict[tuple[str, int], bytearray] = {}

    def add(self, writer: str, seq: int) -> bool:
        """Note a record; tell whether it is new."""
        page, byte, bit = self._place(writer, seq)
        bits = self._pages.setdefault(page, bytearray())
        if len(bits) <= byte:
            bits.extend(bytes(byte + 1 - len(bits)))
        is_new = not bits[byte] & bit
        bits[byte] |= bit
        return is_new

    def __contains__(self, record: tuple[str, int]) -> bool:
        page, byte, bit = self._place(*record)
        bits = self._pages.get(page, b"")
        return len(bits) > byte and bool(bits[byte] & bit)

    @staticmethod
    def _place(writer: str, seq: int) -> tuple[tuple[str, int], int, int]:
        within = seq & ((1 << _PAGE) - 1)
        return (writer, seq >> _PAGE), within >> 3, 1 << (within & 7)
