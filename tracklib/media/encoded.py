"""Pictures that are encoded already: as PNG, JPEG, GIF, WebP, BMP or SVG."""

from __future__ import annotations

from tracklib.media.sniffing import sniff_picture
from tracklib.media.sources import opened, source
from tracklib.media.values import Rendered
from tracklib.typing import JSON

__all__ = ["encoded_picture"]


def encoded_picture(data: object) -> Rendered:
    """Return a picture that is encoded already, as it is."""
    content = source(data)
    with opened(content) as file:
        name, size = sniff_picture(file)
    metadata: dict[str, JSON] = {"format": name}
    if size is not None:
        metadata |= {"width": size[0], "height": size[1]}
    return Rendered(content, {"jpeg": "jpg"}.get(name, name), metadata)
