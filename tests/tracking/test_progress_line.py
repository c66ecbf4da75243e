"""The line that says what the end of a process waits for."""

from __future__ import annotations

import io
import sys

import pytest

from tracklib.tracking import progress_line
from tracklib.tracking.progress_line import ProgressLine


class Terminal(io.StringIO):
    """A stream that is a terminal."""

    def isatty(self) -> bool:
        return True


@pytest.fixture
def clock(monkeypatch) -> list[float]:
    """Seconds that a test sets."""
    now = [100.0]
    monkeypatch.setattr(progress_line.time, "monotonic", lambda: now[0])
    return now


def test_a_line_is_shown_once_waiting_is_noticed_and_taken_away(monkeypatch, clock) -> None:
    """Half a second passes in silence; then the line stands there, and is gone at the end, Ctrl-C or not."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)

    def waited() -> None:
        with ProgressLine(quiet=False) as line:
            line.show(lambda: "early")
            assert terminal.getvalue() == ""
            clock[0] += 0.6
            line.show(lambda: "")
            assert terminal.getvalue() == ""
            line.show(lambda: "storing 3 MB")
            assert terminal.getvalue() == "\r\x1b[Ktracklib: storing 3 MB (Ctrl-C: leave it to tracklib sync)"
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        waited()
    assert terminal.getvalue().endswith("sync)\r\x1b[K")


@pytest.mark.parametrize(("stream", "quiet"), [(io.StringIO, False), (Terminal, True), (lambda: None, False)])
def test_nothing_is_asked_or_shown_where_nobody_looks(monkeypatch, clock, stream, quiet) -> None:
    """Without a terminal, or where quiet is asked for, the text is not even made."""
    monkeypatch.setattr(sys, "stderr", made := stream())
    with ProgressLine(quiet=quiet) as line:
        clock[0] += 9
        line.show(lambda: pytest.fail("nobody looks"))
    assert made is None or made.getvalue() == ""
