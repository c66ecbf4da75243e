"""Annotations: what is drawn over an image, boxes and masks, in tracklib's own form.

The words of Weights & Biases (``box_data``, ``class_labels``, ``mask_data``, ...) are the field's, so they are taken too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeAlias, cast

from tracklib.errors import BadValueError
from tracklib.media.arrays import as_array, is_array
from tracklib.media.png import write_png
from tracklib.media.values import Attachment
from tracklib.model.scalars import describe, number
from tracklib.typing import JSON

__all__ = ["box_groups", "masks_of"]

Tell: TypeAlias = Callable[[str], None]

_CORNERS = ("minX", "minY", "maxX", "maxY")
_DOMAINS = ("pixel", "fraction")


def box_groups(boxes: object, labels: Mapping[int, str], tell: Tell) -> dict[str, JSON]:
    """Return groups of boxes; a box that is none is left out, and told of.

    Raises:
        BadValueError: They are neither boxes nor groups of them.
    """
    groups = boxes if isinstance(boxes, Mapping) else {"boxes": boxes}
    return {str(name): _group(str(name), group, labels, tell) for name, group in groups.items()}


def _group(name: str, group: object, labels: Mapping[int, str], tell: Tell) -> list[JSON]:
    if isinstance(group, Mapping):
        labels = {**labels, **_labels(group)}
        group = group.get("box_data", group.get("boxes"))
    if not isinstance(group, Sequence) or isinstance(group, (str, bytes)):
        raise BadValueError(f"expected a list of boxes, got {describe(group)}")
    found: list[JSON] = []
    for place, box in enumerate(group):
        try:
            found.append(_box(box, labels))
        except (BadValueError, KeyError, TypeError, ValueError) as error:
            tell(f"box {place} of {name!r} is left out: {error}")
    return found


def _labels(group: Mapping[str, Any]) -> dict[int, str]:
    return {int(key): str(label) for key, label in (group.get("labels") or group.get("class_labels") or {}).items()}


def _box(box: object, labels: Mapping[int, str]) -> JSON:
    if not isinstance(box, Mapping) or not isinstance(box.get("position"), Mapping):
        raise BadValueError(f"expected {{'position': {{'minX': ..., ...}}, ...}}, got {describe(box)}")
    domain = box.get("domain") or "fraction"
    if domain not in _DOMAINS:
        raise BadValueError(f"expected a domain of 'pixel' or 'fraction', got {describe(domain)}")
    class_id = box.get("class_id")
    known: dict[str, Any] = {
        "label": box.get("label", box.get("box_caption", labels.get(cast("int", class_id)))),
        "class_id": None if class_id is None else number(class_id),
        "score": None if box.get("score") is None else number(box["score"]),
        "scores": {str(name): number(score) for name, score in (box.get("scores") or {}).items()} or None,
    }
    said = {key: value for key, value in known.items() if value is not None}
    return {"position": _position(box["position"]), "domain": domain, **said}


def _position(position: Mapping[str, Any]) -> dict[str, JSON]:
    if "middle" in position:
        x, y = map(number, position["middle"])
        width, height = number(position["width"]), number(position["height"])
        return dict(zip(_CORNERS, (x - width / 2, y - height / 2, x + width / 2, y + height / 2), strict=True))
    missing = [corner for corner in _CORNERS if corner not in position]
    if missing:
        raise BadValueError(f"expected a position of {', '.join(_CORNERS)}, got none of {', '.join(missing)}")
    return {corner: number(position[corner]) for corner in _CORNERS}


def masks_of(masks: object, labels: Mapping[int, str], tell: Tell) -> tuple[dict[str, JSON], tuple[Attachment, ...]]:
    """Return what metadata says of masks, and the masks themselves; one that is none is left out, and told of."""
    named = masks if isinstance(masks, Mapping) else {"mask": masks}
    said: dict[str, JSON] = {}
    attachments: list[Attachment] = []
    for name, mask in named.items():
        try:
            data, names = _mask(mask, labels)
            attachment = Attachment(f"masks/{len(attachments)}.png", _levels_of(data))
        except BadValueError as error:
            tell(f"mask {str(name)!r} is left out: {error}")
            continue
        attachments.append(attachment)
        said[str(name)] = {"path": attachment.path, "labels": {str(key): text for key, text in names.items()}}
    return said, tuple(attachments)


def _mask(mask: object, labels: Mapping[int, str]) -> tuple[object, dict[int, str]]:
    if isinstance(mask, Mapping):
        return mask.get("mask_data", mask.get("mask")), {**labels, **_labels(mask)}
    return mask, dict(labels)


def _levels_of(mask: object) -> bytes:
    if not is_array(mask):
        raise BadValueError(f"expected an array of classes, got {describe(mask)}")
    array = as_array(mask)
    if array.ndim != 2 or array.dtype.kind not in "biu" or not array.size:
        raise BadValueError(f"expected integers of shape (height, width), got {array.dtype} of shape {array.shape}")
    low, high = int(array.min()), int(array.max())
    if low < 0 or high > 0xFFFF:
        raise BadValueError(f"expected classes from 0 to 65535, got {low} to {high}")
    return write_png(array.astype("u1" if high <= 0xFF else "u2")[:, :, None])
