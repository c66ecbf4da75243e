"""Tags, in the forms in which people give them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tracklib.errors import BadValueError
from tracklib.model.scalars import describe

__all__ = ["tag_values"]


def tag_values(tags: object) -> dict[str, str | None]:
    """Return tags as a mapping: ``["dev"]`` is ``{"dev": ""}``, values become text, ``None`` removes.

    Raises:
        BadValueError: They are neither a mapping nor a list of texts, or a name is empty.
    """
    if isinstance(tags, str):
        raise BadValueError(f"expected a list or mapping of tags, got {describe(tags)}; write [{tags!r}]")
    if isinstance(tags, Mapping):
        pairs = [(key, value if value is None or isinstance(value, str) else str(value)) for key, value in tags.items()]
    elif isinstance(tags, Iterable):
        pairs = [(tag, "") for tag in tags]
    else:
        raise BadValueError(f"expected a list or mapping of tags, got {describe(tags)}")
    for key, _ in pairs:
        if not isinstance(key, str) or not key:
            raise BadValueError(f"expected a tag's name, a text that is not empty, got {describe(key)}")
    return dict(pairs)
