"""The stage of the demo: what tells the audience, runs commands before its eyes, and remembers what did not hold."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

__all__ = ["HOME", "Ended", "Stage", "run"]

HOME = Path(__file__).resolve().parents[1]
_WIDE = 200


@dataclass
class Stage:
    """Tells the audience what happens, and remembers what did not hold."""

    failures: list[str] = field(default_factory=list)
    claims: int = 0
    began: float = field(default_factory=time.monotonic)
    coloured: bool = field(default_factory=lambda: sys.stdout.isatty() and "NO_COLOR" not in os.environ)

    def _print(self, text: str, style: str = "") -> None:
        print(f"\x1b[{style}m{text}\x1b[0m" if self.coloured and style else text, flush=True)

    def act(self, number: int, title: str, shows: str) -> None:
        """Begin an act."""
        self._print(f"\n{number}. {title}", "1;36")
        self._print(f"   {shows}\n", "36")

    def say(self, text: str) -> None:
        """Tell what happens behind the scenes."""
        self._print(f"   -- {text}", "33")

    def command(self, text: str) -> None:
        """Show a command as a user would type it."""
        self._print(f"   $ {text}", "1")

    def line(self, text: str, style: str = "") -> None:
        """Show a line that a command printed, cut where it is very long."""
        text = text.rstrip()
        self._print(f"   {text if len(text) <= _WIDE else text[: _WIDE - 4] + ' ...'}", style)

    def claim(self, text: str, held: object, seen: object = "") -> None:
        """Say that something holds, or plainly that it does not."""
        self.claims += 1
        if held:
            self._print(f"   [ok] {text}", "32")
        else:
            self.failures.append(text)
            self._print(f"   [NOT SO] {text}; seen: {seen}", "1;31")

    def close(self) -> int:
        """Sum up; return the exit code."""
        seconds = time.monotonic() - self.began
        if self.failures:
            self._print(f"\n{len(self.failures)} of {self.claims} claims did not hold:", "1;31")
            for text in self.failures:
                self.line(f"- {text}")
            return 1
        self._print(f"\nAll {self.claims} claims held, in {seconds:.0f} s.", "1;32")
        return 0


@dataclass
class Ended:
    """What a command came to."""

    code: int
    out: bytes
    err: str

    @property
    def text(self) -> str:
        """Everything that it printed."""
        return self.out.decode(errors="replace") + self.err


def run(
    stage: Stage, command: list[str], env: dict[str, str], on_line: Callable[[str], None] = lambda _: None
) -> Ended:
    """Run a command from the project's root, showing what it prints as it prints it."""
    process = subprocess.Popen(command, cwd=HOME, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
    assert process.stdout is not None
    said: list[str] = []
    listener = threading.Thread(target=_listen, args=(stage, process.stderr, said), daemon=True)
    listener.start()
    out = b""
    try:
        for line in process.stdout:
            out += line
            stage.line(line.decode(errors="replace"))
            on_line(line.decode(errors="replace"))
        code = process.wait()
    finally:
        process.kill()  # nothing, where it has ended
        process.wait()
    listener.join()
    return Ended(code, out, "".join(said))


def _listen(stage: Stage, stream: Any, said: list[str]) -> None:
    for line in stream:
        said.append(line.decode(errors="replace"))
        stage.line(said[-1], "2")
