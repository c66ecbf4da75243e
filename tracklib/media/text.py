"""`Text`: a text at a step, such as a generated sample."""

from __future__ import annotations

from tracklib.errors import BadValueError
from tracklib.media.values import MediaValue, RenderContext, Rendered
from tracklib.model.scalars import describe
from tracklib.typing import JSON

__all__ = ["Text", "utf8"]


class Text(MediaValue):
    """A text.

    Args:
        text: Kept character by character, but for secrets.
    """

    media_type = "text"

    def __init__(self, text: str, *, caption: str | None = None) -> None:
        super().__init__(caption=caption)
        self.text = text

    def _render(self, context: RenderContext) -> Rendered:
        if not isinstance(self.text, str):
            raise BadValueError(f"expected a text, got {describe(self.text)}")
        return Rendered(utf8(context.clean("", self.text), context), "txt", self._metadata())


def utf8(text: JSON, context: RenderContext) -> bytes:
    """Return a text in UTF-8, which has no lone surrogates."""
    assert isinstance(text, str)
    try:
        return text.encode()
    except UnicodeEncodeError:
        context.tell(r"the text holds lone surrogates, which UTF-8 cannot; they are written as \udXXX")
        return text.encode(errors="backslashreplace")
