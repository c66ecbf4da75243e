"""`Audio`: a sound."""

from __future__ import annotations

import io
import wave
from typing import Any

from tracklib.errors import BadValueError
from tracklib.media.arrays import as_array, is_array, is_tensor, numpy
from tracklib.media.sniffing import sniff_sound
from tracklib.media.sources import is_encoded, opened, settled, source
from tracklib.media.values import MediaValue, RenderContext, Rendered
from tracklib.model.scalars import describe, number

__all__ = ["Audio"]

_WHOLE = ("uint8", "int16", "int32")
"""What a WAV file holds as it is."""


class Audio(MediaValue):
    """A sound.

    Arrays have the shape (frames,) or (frames, channels), tensors of torch (channels, frames); they become WAV. Integers
    of 8 (unsigned), 16 and 32 bits are kept exactly, floats from -1 to 1 become 16 bits.

    Args:
        data: A path, the bytes of an encoded sound, or an array or tensor of samples.
        sample_rate: Of samples, in hertz; an encoded sound has its own.
    """

    media_type = "audio"

    def __init__(self, data: object, *, sample_rate: int | None = None, caption: str | None = None) -> None:
        super().__init__(caption=caption)
        self.data = data
        self.sample_rate = sample_rate

    def _settle(self) -> None:
        self.data = settled(self.data)

    def _render(self, context: RenderContext) -> Rendered:
        if not is_encoded(self.data):
            return self._sampled(context)
        content = source(self.data)
        with opened(content) as file:
            name = sniff_sound(file)
        return Rendered(content, name, self._metadata(format=name, sample_rate=self.sample_rate))

    def _sampled(self, context: RenderContext) -> Rendered:
        if not is_array(self.data):
            raise BadValueError(f"expected a path, bytes or an array of samples, got {describe(self.data)}")
        rate = None if self.sample_rate is None else number(self.sample_rate)
        if not isinstance(rate, int) or rate <= 0:
            raise BadValueError(f"expected sample_rate, in hertz, with samples, got {describe(self.sample_rate)}")
        samples = as_array(self.data)
        if samples.ndim == 2 and is_tensor(self.data):
            samples = samples.T
        if samples.ndim not in (1, 2) or not samples.size:
            raise BadValueError(f"expected samples of shape (frames,) or (frames, channels), got {samples.shape}")
        samples = _whole(samples.reshape(len(samples), -1), context)
        frames, channels = samples.shape
        metadata = self._metadata(format="wav", sample_rate=rate, channels=channels, frames=frames)
        return Rendered(_wav(samples, rate), "wav", metadata)


def _whole(samples: Any, context: RenderContext) -> Any:
    """Return samples as integers that WAV has."""
    np = numpy()
    if samples.dtype.name in _WHOLE:
        return samples
    if samples.dtype.kind != "f":
        raise BadValueError(f"expected samples of {', '.join(_WHOLE)} or floats, got {samples.dtype}")
    if not np.isfinite(samples).all():
        context.tell(f"{int((~np.isfinite(samples)).sum()):,} samples are NaN or infinite; they are silent")
        samples = np.where(np.isfinite(samples), samples, 0)
    if (loudest := float(abs(samples).max())) > 1:
        context.tell(f"samples reach {loudest:g}, beyond -1 to 1; they are clipped")
    return np.rint(np.clip(samples.astype("f8"), -1, 1) * 32767).astype("i2")


def _wav(samples: Any, rate: int) -> bytes:
    buffer = io.BytesIO()
    with wave.open(buffer, "wb") as file:
        file.setnchannels(samples.shape[1])
        file.setsampwidth(samples.dtype.itemsize)
        file.setframerate(rate)
        file.writeframes(samples.astype(samples.dtype.newbyteorder("<")).tobytes())
    return buffer.getvalue()
