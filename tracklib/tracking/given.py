"""What one ``log()`` is given, sorted: numbers, values that lie on a device, media, and what cannot be recorded."""

from __future__ import annotations

from collections.abc import Mapping
from types import ModuleType
from typing import TYPE_CHECKING, Any

from tracklib.errors import BadValueError
from tracklib.model import scalars
from tracklib.model.devices import Kept, is_on_device, keep, own_part
from tracklib.tracking.objections import Objections
from tracklib.typing import Number

if TYPE_CHECKING:
    from tracklib.tracking.media import Logged

__all__ = ["Given"]


class Given:
    """The values of one call, each under its name.

    Attributes:
        numbers: What is recorded as it is.
        kept: What lies on a device, as it is now.
        media: What is kept as a file.
        problems: What is wrong with the rest.
    """

    def __init__(self, values: object, prefix: str, objections: Objections) -> None:
        """Sort what was given.

        Args:
            values: What the call was given.
            prefix: What every name is to begin with.
            objections: Say what is wrong with a value.

        Raises:
            BadValueError: It is no mapping.
        """
        if not isinstance(values, Mapping):
            raise BadValueError(f"expected a mapping of names to numbers or media, got {scalars.describe(values)}")
        self.numbers: dict[str, Number] = {}
        self.kept: dict[str, Kept] = {}
        self.media: list[Logged] = []
        self.problems: list[str] = []
        self._objections = objections
        for key, value in values.items():
            self._sort(key, value, prefix)

    def _sort(self, key: Any, value: object, prefix: str) -> None:
        if not isinstance(key, str) or not key:
            self.problems.append(f"expected a metric's name, a text that is not empty, got {scalars.describe(key)}")
        elif found := _media_of(prefix + key, value):
            self.media += found
        else:
            self._sort_number(prefix + key, value)

    def _sort_number(self, key: str, value: object) -> None:
        try:
            if type(value) is float:
                self.numbers[key] = value
            elif is_on_device(part := own_part(value)):
                self.kept[key] = keep(part)
            else:
                self.numbers[key] = scalars.number(part)
        except BadValueError as error:
            from tracklib.media.recognition import advice

            self.problems.append(f"{self._objections.of_value(key, value, error)}{advice(value)}")


def _media_of(key: str, value: object) -> list[Logged]:
    """Return the media under a key; a number, which most values are, loads nothing, and a framework's asks once."""
    kind = type(value)
    if kind in _never_media or isinstance(value, (int, float)):
        return []
    from tracklib.tracking.media import media_in

    found = media_in(key, value)
    # What is media shows in the class, but for lists, and for the one module that is.
    if not found and not isinstance(value, (list, tuple, ModuleType)) and len(_never_media) < _MAX_KINDS:
        _never_media.add(kind)
    return found


_MAX_KINDS = 1000
_never_media: set[type] = set()
