"""`Figure`: a drawing of a plotting library."""

from __future__ import annotations

import inspect
import io
import sys
from typing import Any, Literal, cast

from tracklib.errors import BadValueError
from tracklib.media.arrays import homes
from tracklib.media.encoded import encoded_picture
from tracklib.media.sources import is_encoded, settled
from tracklib.media.values import MediaValue, RenderContext, Rendered
from tracklib.model.codec import dumps, loads
from tracklib.model.scalars import describe, describe_error
from tracklib.model.trees import same

__all__ = ["Figure", "drawn", "is_figure"]


class Figure(MediaValue):
    """A drawing of matplotlib, which becomes a picture, or of plotly, which stays one that can be explored.

    Args:
        figure: A figure or axes of matplotlib (or of what draws with it), ``matplotlib.pyplot`` itself for the current
            figure, a figure of plotly, or a path or the bytes of a drawing as PNG or SVG.
        format: Of matplotlib's: ``"png"``, or ``"svg"``, which can be enlarged.
    """

    media_type = "figure"

    def __init__(self, figure: object, *, caption: str | None = None, format: Literal["png", "svg"] = "png") -> None:
        super().__init__(caption=caption)
        self.figure = figure
        self.format = format

    def _settle(self) -> None:
        self.figure = settled(self.figure)

    def _render(self, context: RenderContext) -> Rendered:
        figure = self.figure
        if "plotly" in homes(figure) and callable(getattr(figure, "to_json", None)):
            return Rendered(_of_plotly(figure, context), "plotly.json", self._metadata(format="plotly"))
        if self.format not in ("png", "svg"):
            raise BadValueError(f"expected the format 'png' or 'svg', got {describe(self.format)}")
        picture = encoded_picture(figure if is_encoded(figure) else drawn(figure, self.format))
        return Rendered(picture.content, picture.suffix, self._metadata(format=picture.metadata["format"]))


def is_figure(value: object) -> bool:
    """Tell whether a value is a figure or axes of matplotlib or plotly, or pyplot itself."""
    if value is sys.modules.get("matplotlib.pyplot", is_figure):
        return True
    home = homes(value)
    named = type(value).__name__
    return ("plotly" in home and callable(getattr(value, "to_json", None)) and hasattr(value, "layout")) or (
        "matplotlib" in home and (callable(getattr(value, "savefig", None)) or named.endswith("Axes"))
    )


def drawn(figure: Any, format: str) -> bytes:
    """Return what a figure of matplotlib shows, encoded.

    Raises:
        BadValueError: It is no such figure, or cannot be drawn.
    """
    if inspect.ismodule(figure):  # pyplot
        figure = figure.gcf()
    elif not hasattr(figure, "savefig"):
        figure = getattr(figure, "figure", None)
    if not callable(save := getattr(figure, "savefig", None)):
        raise BadValueError(f"expected a figure of matplotlib or plotly, got {describe(figure)}")
    buffer = io.BytesIO()
    try:
        save(buffer, format=format)
    except Exception as error:  # whatever drawing raises: a font, a wrong formula, data of no use
        raise BadValueError(f"expected a figure that can be drawn, but {describe_error(error)}") from error
    return buffer.getvalue()


def _of_plotly(figure: Any, context: RenderContext) -> bytes:
    try:
        content = figure.to_json().encode()
        fields = loads(content)
    except Exception as error:  # what stands in a figure may be anything
        raise BadValueError(f"expected a figure that plotly can write, but {describe_error(error)}") from error
    clean = context.clean("figure", fields)
    return content if same(clean, fields) else dumps(cast("dict[str, object]", clean))
