"""`Html`: a page."""

from __future__ import annotations

import os

from tracklib.errors import BadValueError
from tracklib.media.sources import is_encoded, settled, source
from tracklib.media.text import utf8
from tracklib.media.values import MediaValue, RenderContext, Rendered
from tracklib.model.scalars import describe

__all__ = ["Html"]


class Html(MediaValue):
    """A page, or a part of one.

    Args:
        data: The markup itself, as text or bytes in UTF-8; a path of a file with it; or an open file.
    """

    media_type = "html"

    def __init__(self, data: object, *, caption: str | None = None) -> None:
        super().__init__(caption=caption)
        self.data = data

    def _settle(self) -> None:
        self.data = settled(self.data)

    def _render(self, context: RenderContext) -> Rendered:
        return Rendered(utf8(context.clean("", self._markup()), context), "html", self._metadata())

    def _markup(self) -> str:
        data = self.data
        if isinstance(data, str) and ("<" in data or not os.path.isfile(data)):
            return data
        if not is_encoded(data):
            raise BadValueError(f"expected markup as text, or a path, got {describe(data)}")
        content = source(data)
        try:
            return (content if isinstance(content, bytes) else content.read_bytes()).decode("utf-8-sig")
        except UnicodeDecodeError as error:
            raise BadValueError(f"expected a page in UTF-8, got what breaks it at byte {error.start}") from error
