"""Names: what Comet shows where a name or text is longer than it takes; the exact one is always beside it."""

from __future__ import annotations

import hashlib
import re

__all__ = ["MAX_NAME", "MAX_VALUE", "shown", "shown_path", "shown_project"]

MAX_NAME, MAX_VALUE = 100, 1000
"""Characters that Comet's SDK cuts names and values to (comet_ml 3.58; measured)."""

_MAX_PROJECT = 80
_UNHOLDABLE = re.compile("[\x00\ud800-\udfff]")
_AWKWARD = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


def shown(text: str, limit: int = MAX_NAME) -> str:
    """Return a text that Comet takes whole: another one for each text, which ends in a digest where it was cut."""
    clean = _UNHOLDABLE.sub("?", text)
    if clean and clean == text and len(clean) <= limit and not clean.endswith("~"):
        return clean
    return f"{clean[: limit - 14]}~{_digest(text)}~"


def shown_path(path: str) -> str:
    """Return the name under which Comet keeps a file."""
    clean = _AWKWARD.sub("?", path)
    if clean and clean == path and len(clean) <= MAX_NAME * 2 and not clean.endswith("~"):
        return clean
    head, dot, ending = clean[-20:].rpartition(".")
    return f"{clean[:80]}~{_digest(path)}~{dot + ending if head and dot else ''}"


def shown_project(project: str) -> str:
    """Return the Comet project of a project; Comet has ``general`` for what has none."""
    clean = re.sub(r"[\x00-\x1f\x7f\ud800-\udfff/\\]", "-", project).strip()
    if clean and clean == project and len(clean) <= _MAX_PROJECT and not clean.endswith("~"):
        return clean
    return f"{clean[:_MAX_PROJECT]}~{_digest(project)}~" if project else "general"


def _digest(text: str) -> str:
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:12]
