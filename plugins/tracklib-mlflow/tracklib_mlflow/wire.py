"""`Wire`: keys and values as they go to MLflow, and the companion texts that must be there before them."""

from __future__ import annotations

from tracklib_mlflow import texts
from tracklib_mlflow.names import MAX_NAME, shorten

__all__ = ["Wire"]


class Wire:
    """Writes keys and values within MLflow's limits.

    Attributes:
        texts: The companion texts that were needed, by their digests.
    """

    def __init__(self) -> None:
        self.texts: dict[str, str] = {}

    def key(self, encoded: str, prefix: str = "") -> str:
        """Return an encoded name as a key, with a beginning that is ours."""
        limit = MAX_NAME - len(prefix)
        if len(encoded) > limit:
            self._need(encoded)
        return prefix + shorten(encoded, limit)

    def value(self, text: str, limit: int) -> str:
        """Return a text, or its stub."""
        held = texts.as_held(text, limit)
        if held != text:
            self._need(text)
        return held

    def _need(self, text: str) -> None:
        self.texts[texts.digest(text)] = text
