"""`Video`: a film."""

from __future__ import annotations

import importlib
import io
from typing import Any

from tracklib.errors import BadValueError
from tracklib.media.arrays import as_array, is_array, is_tensor
from tracklib.media.pixels import levels
from tracklib.media.sniffing import sniff_video
from tracklib.media.sources import is_encoded, opened, settled, source
from tracklib.media.values import MediaValue, RenderContext, Rendered
from tracklib.model.scalars import describe, number

__all__ = ["Video"]

_CHANNELS = (1, 3, 4)


class Video(MediaValue):
    """A film.

    Arrays have the shape (frames, height, width, channels), tensors of torch (frames, channels, height, width), which is
    taken of an array too where it can mean nothing else. They become GIF, for which Pillow has to be installed, and
    which has 256 colours a frame; a film that was encoded before is kept as it is.

    Args:
        data: A path, the bytes of an encoded film, or an array or tensor of frames.
        fps: Frames per second, of an array.
    """

    media_type = "video"

    def __init__(self, data: object, *, fps: float = 4, caption: str | None = None) -> None:
        super().__init__(caption=caption)
        self.data = data
        self.fps = fps

    def _settle(self) -> None:
        self.data = settled(self.data)

    def _render(self, context: RenderContext) -> Rendered:
        if not is_encoded(self.data):
            return self._filmed(context)
        content = source(self.data)
        with opened(content) as file:
            name = sniff_video(file)
        return Rendered(content, name, self._metadata(format=name))

    def _filmed(self, context: RenderContext) -> Rendered:
        if not is_array(self.data):
            raise BadValueError(f"expected a path, bytes or an array of frames, got {describe(self.data)}")
        fps = number(self.fps)
        if not 0 < fps <= 100:  # GIF counts hundredths of a second
            raise BadValueError(f"expected fps above 0 and up to 100, got {describe(self.fps)}")
        frames = _channels_last(as_array(self.data), first=is_tensor(self.data))
        pixels, scaled_from = levels(frames, context.tell)
        if pixels.dtype.itemsize > 1:
            context.tell("frames of 16 bits become 8")
            pixels = (pixels >> 8).astype("u1")
        count, height, width, _ = frames.shape
        scaled = None if scaled_from is None else list(scaled_from)
        size = {"frames": count, "width": width, "height": height, "range": scaled}
        return Rendered(_gif(pixels, fps), "gif", self._metadata(format="gif", fps=fps, **size))


def _channels_last(frames: Any, *, first: bool) -> Any:
    if frames.ndim == 4 and (first or (frames.shape[3] not in _CHANNELS and frames.shape[1] in _CHANNELS)):
        frames = frames.transpose(0, 2, 3, 1)
    if frames.ndim != 4 or frames.shape[3] not in _CHANNELS or not frames.size:
        raise BadValueError(f"expected frames of shape (frames, height, width, 1, 3 or 4), got {frames.shape}")
    return frames


def _gif(frames: Any, fps: float) -> bytes:
    try:
        pillow = importlib.import_module("PIL.Image")
    except ImportError as error:
        remedy = "install pillow, or encode the film yourself and log its path"
        raise BadValueError(
            f"expected Pillow, which makes films of arrays, but it is not installed; {remedy}"
        ) from error
    images = [pillow.fromarray(frame[:, :, 0] if frame.shape[2] == 1 else frame) for frame in frames]
    buffer = io.BytesIO()
    images[0].save(
        buffer, format="GIF", save_all=True, append_images=images[1:], duration=round(1000 / fps), loop=0, disposal=2
    )
    return buffer.getvalue()
