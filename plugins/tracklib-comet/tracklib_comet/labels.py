"""Labels: tags, notes and summary as Comet shows them.

Comet's tags are words: a tag without a value is that word, one with a value ``key=value``. Notes and summary are among
the values that Comet calls others. The exact ones stand in the companions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from tracklib.model.records import Record, Tags
from tracklib.typing import JSON
from tracklib_comet.names import MAX_NAME, MAX_VALUE, shown
from tracklib_comet.params import is_shown, parsed, shown_value

__all__ = [
    "NOTES",
    "SUMMARY",
    "read_notes",
    "read_summary",
    "read_tags",
    "shown_notes",
    "shown_summary",
    "shown_tag",
    "tags_of",
]

NOTES = "notes"
SUMMARY = "summary."


def shown_tag(key: str, value: str) -> str:
    """Return the word that Comet shows for a tag."""
    return shown(f"{key}={value}" if value else key)


def tags_of(records: Iterable[Record], before: Mapping[str, str]) -> dict[str, str]:
    """Return the tags after records of tags."""
    tags = dict(before)
    for record in records:
        assert isinstance(record.body, Tags)
        for key, value in record.body.values.items():
            if value is None:
                tags.pop(key, None)
            else:
                tags[key] = value
    return tags


def shown_notes(text: str) -> str:
    """Return what Comet shows of notes."""
    return shown(text, MAX_VALUE) if text else ""


def shown_summary(key: str, value: JSON) -> tuple[str, str]:
    """Return the name and text that Comet shows for a value of the summary."""
    sent = shown_value(value)
    text = ("true" if sent else "false") if isinstance(sent, bool) else str(sent)
    return shown(f"{SUMMARY}{key}", MAX_NAME), text


def read_tags(exact: Mapping[str, str], words: Sequence[str]) -> dict[str, str]:
    """Return the tags: the exact ones whose word Comet still has, and the words that somebody added there."""
    there = set(words)
    kept = {key: value for key, value in exact.items() if shown_tag(key, value) in there}
    known = {shown_tag(key, value) for key, value in kept.items()}
    return kept | {word: "" for word in words if word not in known}


def read_notes(exact: str | None, others: Mapping[str, str]) -> str | None:
    """Return the notes; what Comet shows counts where somebody changed it there."""
    held = others.get(NOTES)
    if exact is None:
        return held or None
    return exact if held is None or held == shown_notes(exact) else held


def read_summary(exact: Mapping[str, JSON], others: Mapping[str, str]) -> dict[str, JSON]:
    """Return the summary; what Comet shows counts where somebody changed it there."""
    found = {}
    for key, value in exact.items():
        text = others.get(shown_summary(key, value)[0])
        found[key] = value if text is None or is_shown(text, value) else parsed(text)
    return found
