"""`Image`: a picture."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

from tracklib.errors import BadValueError
from tracklib.media.annotations import box_groups, masks_of
from tracklib.media.arrays import as_array, homes, is_array, is_tensor
from tracklib.media.encoded import encoded_picture
from tracklib.media.figure import drawn
from tracklib.media.pixels import levels
from tracklib.media.png import write_png
from tracklib.media.sources import is_encoded, settled
from tracklib.media.values import MediaValue, RenderContext, Rendered
from tracklib.model.scalars import describe, describe_error
from tracklib.typing import JSON

__all__ = ["Image"]

_PNG_MODES = frozenset({"1", "L", "LA", "I", "I;16", "P", "RGB", "RGBA"})
_CHANNELS = (1, 2, 3, 4)


class Image(MediaValue):
    """A picture, with what is drawn over it.

    Arrays have the shape (height, width) or (height, width, channels), tensors of torch (channels, height, width);
    they become PNG. ``uint8``, ``uint16`` and bools are kept exactly, floats from 0 to 1 are scaled to 0 to 255; what
    lies beyond is scaled from its own range, which the metadata keep and a notice names.

    Args:
        data: A path, the bytes of an encoded picture, an array or tensor, a Pillow image or a matplotlib figure.
        boxes: ``[{"position": {"minX": 0.1, "minY": 0.1, "maxX": 0.5, "maxY": 0.9}, "label": "cat", "score": 0.9}]``,
            or such lists by name; ``"domain": "pixel"`` where positions are pixels, not fractions of the picture.
        masks: An array of classes, of shape (height, width), or such arrays by name.
        labels: The names of the classes of boxes and masks.
    """

    media_type = "image"

    def __init__(
        self,
        data: object,
        *,
        caption: str | None = None,
        boxes: object = None,
        masks: object = None,
        labels: Mapping[int, str] | None = None,
    ) -> None:
        super().__init__(caption=caption)
        self.data = data
        self.boxes = boxes
        self.masks = masks
        self.labels = labels

    def _settle(self) -> None:
        self.data = settled(self.data)

    def _render(self, context: RenderContext) -> Rendered:
        picture = self._picture(context)
        labels = dict(self.labels or {})
        boxes = None if self.boxes is None else box_groups(self.boxes, labels, context.tell)
        masks, attachments = (None, ()) if self.masks is None else masks_of(self.masks, labels, context.tell)
        metadata = self._metadata(**picture.metadata, boxes=boxes or None, masks=masks or None)
        return Rendered(picture.content, picture.suffix, metadata, attachments)

    def _picture(self, context: RenderContext) -> Rendered:
        data = self.data
        if is_encoded(data):
            return encoded_picture(data)
        if "PIL" in homes(data) and hasattr(data, "save"):
            return _of_pillow(data)
        if callable(getattr(data, "savefig", None)):
            return encoded_picture(drawn(data, "png"))
        if is_array(data):
            return _of_array(data, context)
        raise BadValueError(f"expected a path, bytes, an array or an image of Pillow, got {describe(data)}")


def _of_pillow(image: Any) -> Rendered:
    buffer = io.BytesIO()
    try:
        (image if image.mode in _PNG_MODES else image.convert("RGB")).save(buffer, format="PNG")
    except Exception as error:  # a lazily read file may be cut off
        raise BadValueError(
            f"expected a whole image, got one that Pillow can't write: {describe_error(error)}"
        ) from error
    return Rendered(buffer.getvalue(), "png", {"format": "png", "width": image.width, "height": image.height})


def _of_array(data: object, context: RenderContext) -> Rendered:
    array = as_array(data)
    if array.ndim == 3 and is_tensor(data):
        array = array.transpose(1, 2, 0)
    shown = array[:, :, None] if array.ndim == 2 else array
    if shown.ndim != 3 or shown.shape[2] not in _CHANNELS or not shown.size:
        wanted = "(1 to 4, height, width)" if is_tensor(data) else "(height, width, 1 to 4)"
        got = getattr(data, "shape", array.shape)
        raise BadValueError(f"expected an image of shape (height, width) or {wanted}, got {tuple(got)}")
    pixels, scaled_from = levels(shown, context.tell)
    metadata: dict[str, JSON] = {"format": "png", "width": shown.shape[1], "height": shown.shape[0]}
    if scaled_from is not None:
        metadata["range"] = list(scaled_from)
    return Rendered(write_png(pixels), "png", metadata)
