"""Boxes and masks over an image, from W&B's form into tracklib's; ``docs/format.md`` specifies that."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from tracklib.typing import JSON

__all__ = ["boxes_of", "labels_of"]


def boxes_of(told: Mapping[str, Any]) -> list[JSON]:
    """Return the boxes of one of W&B's files of boxes (``box_data``, ``class_labels``)."""
    labels = labels_of(told.get("class_labels"))
    found = told.get("box_data")
    return [_box(box, labels) for box in found if isinstance(box, Mapping)] if isinstance(found, Sequence) else []


def labels_of(told: Any) -> dict[str, str]:
    """Return the names of classes by their digits."""
    return {str(key): str(label) for key, label in told.items()} if isinstance(told, Mapping) else {}


def _box(box: Mapping[str, Any], labels: Mapping[str, str]) -> JSON:
    class_id = box.get("class_id")
    made: dict[str, JSON] = {
        "position": _corners(box.get("position")),
        "domain": "pixel"
        if box.get("domain") == "pixel"
        else "fraction",  # W&B writes the domain only where it is pixels
    }
    label = box.get("box_caption", labels.get(str(class_id)))
    if label is not None:
        made["label"] = label
    made |= {key: box[key] for key in ("class_id", "scores") if box.get(key) is not None}
    kept = {key: value for key, value in box.items() if key not in ("class_id", "scores", "domain", "box_caption")}
    if kept.pop("position", None) != made["position"]:
        kept["position"] = box.get("position")
    return {**made, "wandb": kept} if kept else made


def _corners(position: Any) -> JSON:
    """Return a box's corners; W&B may hold its middle, width and height instead."""
    if not isinstance(position, Mapping):
        return {}
    middle = position.get("middle")
    try:
        width, height = position.get("width"), position.get("height")
        if isinstance(middle, Sequence) and width is not None and height is not None:
            (x, y), half_width, half_height = middle, width / 2, height / 2
            return {"minX": x - half_width, "minY": y - half_height, "maxX": x + half_width, "maxY": y + half_height}
    except (TypeError, ValueError):  # no numbers: it stays as it stands
        return dict(position)
    return dict(position)
