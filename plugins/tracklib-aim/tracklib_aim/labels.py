"""Labels: tags, notes and summary as Aim shows them, and exactly beside that.

Aim's tags are words, which all runs share: a tag without a value is that word, one with a value ``key=value``. Notes
are the run's description. The summary is shown among the params, as ``tracklib.summary``.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tracklib.model.records import Notes, Record, Summary, Tags
from tracklib.typing import JSON
from tracklib_aim.identity import clean

__all__ = ["Labels", "shown_tag"]


def shown_tag(key: str, value: str) -> str:
    """Return the word that Aim shows for a tag."""
    return clean(f"{key}={value}" if value else key) or "?"


@dataclass(slots=True)
class Labels:
    """Tags, notes and summary, exactly.

    Attributes:
        times: When the notes were last set, in nanoseconds.
    """

    tags: dict[str, str] = field(default_factory=dict)
    notes: str | None = None
    summary: dict[str, JSON] = field(default_factory=dict)

    @classmethod
    def from_document(cls, found: Mapping[str, Any]) -> Labels:
        """Read what `document` wrote."""
        return cls(dict(found.get("tags", {})), found.get("notes"), dict(found.get("summary", {})))

    def document(self) -> dict[str, Any]:
        """Return them as a small tree."""
        return {"tags": self.tags, "notes": self.notes, "summary": self.summary}

    def take(self, record: Record) -> None:
        """Take in what a record says."""
        body = record.body
        if isinstance(body, Tags):
            for key, value in body.values.items():
                if value is None:
                    self.tags.pop(key, None)
                else:
                    self.tags[key] = value
        elif isinstance(body, Notes):
            self.notes = body.text
        elif isinstance(body, Summary):
            self.summary.update(body.values)

    def shown(self) -> set[str]:
        """Return the words that Aim shows for the tags."""
        return {shown_tag(key, value) for key, value in self.tags.items()}

    def read_tags(self, words: list[str]) -> dict[str, str]:
        """Return the tags: the exact ones whose word Aim still has, and the words that somebody added there."""
        kept = {key: value for key, value in self.tags.items() if shown_tag(key, value) in words}
        known = {shown_tag(key, value) for key, value in kept.items()}
        return kept | {word: "" for word in words if word not in known}

    def read_notes(self, description: str | None) -> str | None:
        """Return the notes; the description counts where somebody changed it in Aim."""
        if self.notes is not None and clean(self.notes) == (description or ""):
            return self.notes
        return description or None
