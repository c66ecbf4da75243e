"""The observed run: where the observer writes down what it learned for one run."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tracklib.journal.blobs import BlobStore
from tracklib.journal.layout import Root, RunFolder
from tracklib.journal.writer import SegmentWriter
from tracklib.model.records import Artifact, Body, Console, Context, Notice
from tracklib.tracking.redaction import Redactor
from tracklib.typing import JSON

__all__ = ["ObservedRun"]

_MAX_TEXT = 1 << 18


class ObservedRun:
    """One run, through a segment of the observer's own.

    Attributes:
        captures: The words of `tracklib.settings.Settings.capture` that hold for it.
        redactor: Everything passes it.
    """

    def __init__(self, command: Mapping[str, Any], tell: Callable[[str], None]) -> None:
        self.captures = frozenset(command["captures"])
        self.script = str(command["script"])
        self.redactor = Redactor(command["redact"], command["redact_except"])
        self._tell = tell
        self._blobs = BlobStore(Root(command["root"]))
        self._writer = SegmentWriter(
            RunFolder(Path(command["folder"])),
            command["run"],
            command["project"],
            role="observer",
            reserved=command["writer"],
            warn=tell,
        )

    @classmethod
    def opened(cls, command: Mapping[str, Any], tell: Callable[[str], None]) -> ObservedRun | None:
        """Return the run; ``None`` where it was deleted meanwhile.

        Raises:
            OSError: Its segment cannot be written.
        """
        segment = Path(command["folder"], "journal", f"{command['writer']}.jsonl")
        return cls(command, tell) if segment.exists() else None

    def write(self, body: Body) -> None:
        """Write a record that holds no secrets."""
        self._writer.append(body)

    def write_context(self, key: str, value: JSON) -> None:
        """Write down what was learned, without secrets."""
        hidden: list[str] = []
        clean = self.redactor.tree({key: value}, hidden.append)
        assert isinstance(clean, dict)
        self.write(Context(clean))
        if hidden:
            self.write(Notice("redacted", f"context: {', '.join(hidden)}"[:4000], len(hidden)))

    def write_file(self, name: str, file: str, content: bytes, *, cut: bool) -> None:
        """Keep some text as an artifact of the type ``code``, without secrets.

        Args:
            name: The artifact's name.
            file: The file's name in it.
            content: UTF-8, more or less.
            cut: Whether there is more that is not kept.
        """
        text = content.decode("utf-8", "surrogateescape")
        clean = self.redactor.text(text)
        metadata: dict[str, JSON] = {"complete": not cut, "redacted": clean != text}
        try:
            kept = self._blobs.add_bytes(clean.encode("utf-8", "surrogateescape"), file)
        except OSError as error:
            self.complain(f"{name} cannot be kept: {error.strerror or error}")
            return
        self.write(Artifact(name, "code", (kept,), metadata=metadata))
        if cut:
            self.complain(f"{name} is longer than the {len(content) / 1e6:.1f} MB that are kept of it")
        if clean != text:
            self.write(Notice("redacted", f"artifact {name}"))

    def write_console(self, stream: str, text: str) -> None:
        """Write down whole lines that were printed, without secrets."""
        clean = self.redactor.text(text)
        for start in range(0, len(clean), _MAX_TEXT):
            self.write(Console(stream, clean[start : start + _MAX_TEXT]))

    def complain(self, problem: str) -> None:
        """Tell people, and whoever reads the run, what could not be captured."""
        text = self.redactor.text(problem)
        self._tell(f"capture: {text} (training goes on)")
        self.write(Notice("capture", text[:4000]))

    def close(self) -> None:
        """Write no more."""
        self._writer.close()
