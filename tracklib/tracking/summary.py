"""`RunSummary`: the values that stand for a whole run, set like a dict's."""

from __future__ import annotations

from collections.abc import Callable, Iterator, MutableMapping

__all__ = ["RunSummary"]


class RunSummary(MutableMapping[str, object]):
    """A mapping that records each value as it is set; what is recorded stays, so nothing can be deleted."""

    def __init__(self, record: Callable[[str, object], None]) -> None:
        self._record = record
        self._values: dict[str, object] = {}

    def __setitem__(self, key: str, value: object) -> None:
        self._values[key] = value
        self._record(key, value)

    def __getitem__(self, key: str) -> object:
        return self._values[key]

    def __delitem__(self, key: str) -> None:
        raise TypeError("a summary value cannot be deleted; set it to None")

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)
