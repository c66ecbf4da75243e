"""Tags, in the forms in which people give them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from tracklib.errors import BadValueError
from tracklib.model.scalars import describe, describe_error

__all__ = ["tag_values"]


def tag_values(tags: object, problems: list[str] | None = None) -> dict[str, str | None]:
    """Return tags as a mapping: ``["dev"]`` is ``{"dev": ""}``, values become text, ``None`` removes.

    Args:
        tags: A mapping, or names.
        problems: Takes what is wrong with single tags, which are left out then.

    Raises:
        BadValueError: They are neither a mapping nor a list of texts, or, without ``problems``, one of them is wrong.
    """
    if isinstance(tags, str):
        raise BadValueError(f"expected a list or mapping of tags, got {describe(tags)}; write [{tags!r}]")
    if not isinstance(tags, Iterable):
        raise BadValueError(f"expected a list or mapping of tags, got {describe(tags)}")
    pairs = list(tags.items()) if isinstance(tags, Mapping) else [(tag, "") for tag in tags]
    found: dict[str, str | None] = {}
    wrong: list[str] = []
    for key, value in pairs:
        if not isinstance(key, str) or not key:
            wrong.append(f"expected a tag's name, a text that is not empty, got {describe(key)}")
            continue
        try:
            found[str(key)] = None if value is None else str(value)
        except Exception as error:  # a value's own code may raise anything
            wrong.append(f"tag {key!r}: writing its value raised {describe_error(error)}")
    if wrong and problems is None:
        raise BadValueError("; ".join(wrong))
    if problems is not None:
        problems += wrong
    return found
