"""Wire: from Comet's JSON to values, and back."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from tracklib_comet.experiment import Asset

__all__ = ["as_json", "as_metadata", "as_step", "asset_of", "current"]


def as_json(value: float) -> Any:
    """Return a value as the SDK puts it into JSON, which has no NaN and no infinities."""
    if value != value:  # noqa: PLR0124  NaN
        return "NaN"
    return value if value - value == 0 else "Infinity" if value > 0 else "-Infinity"


def current(found: Any) -> dict[str, str]:
    """Return the current values of what Comet gives as summaries, by their names."""
    return {str(value["name"]): str(value["valueCurrent"]) for value in (found or {}).get("values") or []}


def as_step(step: Any) -> int | float | None:
    """Return a step, whole where it is; ``None`` where there is none."""
    if isinstance(step, str):
        try:
            step = float(step)
        except ValueError:
            return None
    return int(step) if isinstance(step, float) and step.is_integer() else step


def asset_of(found: Mapping[str, Any]) -> Asset:
    """Return a file as a list shows it."""
    is_remote = bool(found.get("remote"))
    return Asset(
        id=str(found["assetId"]),
        name=str(found.get("fileName") or found["assetId"]),
        kind=str(found.get("type") or "asset"),
        size=int(found.get("fileSize") or 0),
        step=found.get("step"),
        metadata=as_metadata(found.get("metadata")),
        link=str(found["link"]) if is_remote and found.get("link") else None,
        version=found.get("artifactVersionId") or None,
        time=int(found.get("createdAt") or 0),
        context=found.get("runContext") or None,
    )


def as_metadata(found: Any) -> dict[str, Any]:
    """Return metadata, which Comet gives as a text of JSON."""
    if isinstance(found, str):
        try:
            found = json.loads(found)
        except ValueError:
            return {}
    return dict(found) if isinstance(found, Mapping) else {}
