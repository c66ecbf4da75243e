"""Objections: what of a run was refused, dropped, changed or hidden; each is told to the user, and noted in the run."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

from tracklib.errors import BadValueError
from tracklib.messages import Messages
from tracklib.model import scalars
from tracklib.model.records import Notice
from tracklib.tracking.redaction import Redactor
from tracklib.typing import JSON

__all__ = ["Objections"]

_NOTICE_CHARS = 4000
_MAX_NOTICES = 1000


class Objections:
    """Tells and notes what did not go into a run as it was given.

    Args:
        redactor: Knows what is secret.
        messages: To the user.
        write: Takes the notices.
    """

    def __init__(self, redactor: Redactor, messages: Messages, write: Callable[[Notice], None]) -> None:
        self._redactor = redactor
        self._messages = messages
        self._write = write
        self._notices = 0
        self._unlisted: dict[str, int] = {}

    def refuse(self, text: str) -> None:
        """A value cannot be recorded."""
        clean = self._redactor.text(text)
        # In a loop, the same fault comes with another value, or address, each time: it is told once.
        self._messages.warn(f"{clean} (refused; training goes on)", once=clean.partition(", got ")[0])
        self.note("refused", clean)

    def drop(self, text: str) -> None:
        """The machine has no room for a value."""
        clean = self._redactor.text(text)
        self._messages.warn(f"{clean} (dropped; training goes on)", once="no room")
        self.note("dropped", clean)

    def change(self, place: str, problem: str, *, once: str | None = None) -> None:
        """A value is recorded otherwise than it was given."""
        text = self._redactor.text(f"{place or 'the mapping'} {problem}")
        self._messages.warn(text, once=once)
        self.note("changed", text)

    def note(self, code: str, text: str, count: int = 1) -> None:
        """Note something in the run; beyond a thousand of them they are only counted."""
        self._notices += 1
        if self._notices <= _MAX_NOTICES:
            self._write(Notice(code, text[:_NOTICE_CHARS], count))
        else:
            self._unlisted[code] = self._unlisted.get(code, 0) + count

    def rest(self) -> Iterator[Notice]:
        """Yield how many were only counted."""
        for code, count in self._unlisted.items():
            yield Notice(code, f"more than the first {_MAX_NOTICES:,} notices, not listed one by one", count)
        self._unlisted.clear()

    def of_value(self, key: str, value: object, error: BadValueError) -> str:
        """Return what stands against a metric's value, without the value where its name is a secret's."""
        secret = self._redactor.is_secret_name(key)
        return f"metric {key!r}: {f'expected a number, got {type(value).__name__}' if secret else error}"

    def clean_tree(self, values: Mapping[str, JSON], what: str) -> dict[str, JSON]:
        """Return a tree without secrets, and note where there were some."""
        hidden: list[str] = []
        clean = self._redactor.tree(values, hidden.append)
        assert isinstance(clean, dict)
        if hidden:
            self.note("redacted", f"{what}: {', '.join(hidden)}", len(hidden))
        return clean

    def clean_text(self, text: object, what: str) -> str:
        """Return a text without secrets, and note where there were some.

        Raises:
            BadValueError: It is no text.
        """
        if not isinstance(text, str):
            raise BadValueError(f"expected text, got {scalars.describe(text)}")
        clean = self._redactor.text(text)
        if clean != text:
            self.note("redacted", what)
        return clean
