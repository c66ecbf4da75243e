"""Labels: tags, notes and summary as W&B shows them, and exactly beside that.

W&B's tags are words of up to 64 letters: a tag without a value is that word, one with a value ``key=value``.
"""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from tracklib.model.codec import decode_tree, dumps, encode_tree, loads
from tracklib.model.records import Notes, Record, Summary, Tags
from tracklib.typing import JSON
from tracklib_wandb.identity import clean

__all__ = ["LABELS", "PARAMS", "Labels", "document", "read_document", "shown_tag"]

PARAMS, LABELS = "params", "labels"
"""Keys of tracklib's own part of the config: the exact forms of what W&B cannot hold, as texts."""

_MAX_TAG = 64


def document(value: JSON) -> str:
    """Return a tree as a text, exact in every value."""
    return dumps({"value": encode_tree(value)}).decode()


def read_document(text: object) -> Any:
    """Return what `document` was given; an empty tree where it is none of its texts."""
    if not isinstance(text, str):
        return {}
    try:
        return decode_tree(loads(text.encode())["value"])
    except (ValueError, TypeError, KeyError):
        return {}


def shown_tag(key: str, value: str) -> str:
    """Return the word that W&B shows for a tag; a long one ends in a digest."""
    word = clean(f"{key}={value}" if value else key).strip() or "?"
    if len(word) <= _MAX_TAG:
        return word
    return f"{word[: _MAX_TAG - 9]}~{hashlib.sha256(word.encode()).hexdigest()[:8]}"


@dataclass(slots=True)
class Labels:
    """Tags, notes and summary, exactly."""

    tags: dict[str, str] = field(default_factory=dict)
    notes: str | None = None
    summary: dict[str, JSON] = field(default_factory=dict)

    @classmethod
    def read(cls, text: object) -> Labels:
        """Read what `text` wrote."""
        found = read_document(text)
        return cls(dict(found.get("tags", {})), found.get("notes"), dict(found.get("summary", {})))

    def text(self) -> str:
        """Return them as a text."""
        return document({"tags": dict(self.tags), "notes": self.notes, "summary": self.summary})

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

    def shown(self) -> tuple[str, ...]:
        """Return the words that W&B shows for the tags."""
        return tuple(sorted({shown_tag(key, value) for key, value in self.tags.items()}))

    def read_tags(self, words: Sequence[str]) -> dict[str, str]:
        """Return the tags: the exact ones whose word W&B still has, and the words that somebody added there."""
        kept = {key: value for key, value in self.tags.items() if shown_tag(key, value) in words}
        known = {shown_tag(key, value) for key, value in kept.items()}
        return kept | {word: "" for word in words if word not in known}

    def shown_notes(self) -> str:
        """Return the notes as W&B shows them: a space where they were taken away, for nothing changes nothing there."""
        return clean(self.notes or "") or " "

    def read_notes(self, notes: str) -> str | None:
        """Return the notes; W&B's count where somebody changed them there."""
        if self.notes is not None and notes in (clean(self.notes), self.shown_notes()):
            return self.notes
        return notes or None
