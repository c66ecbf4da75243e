"""The file stream: how chunks of a run's lines become its history.

A chunk names the number of its first line. What W&B's cloud does with one that comes twice is not documented; here a
line has the number that it was sent with, so a chunk sent again at the same offset changes nothing.
"""

from __future__ import annotations

import time
from typing import Any

from tracklib.testing.emulators.exchange import loads
from tracklib.testing.emulators.wandb.state import Run

__all__ = ["apply", "first_lines"]

_SUMMARY = "wandb-summary.json"


def apply(run: Run, body: dict[str, Any]) -> dict[str, Any]:
    """Take one request of the stream into a run and return the reply."""
    run.requests += 1
    run.heartbeat_at = time.time()
    for name, chunk in (body.get("files") or {}).items():
        _take(run, name, int(chunk.get("offset", 0)), chunk.get("content") or [])
    run.uploaded += [name for name in body.get("uploaded") or [] if name not in run.uploaded]
    _advance(run, body)
    return {"limits": {}, "stopped": True} if run.stop_requested else {"limits": {}}


def first_lines(body: dict[str, Any], keep: int) -> dict[str, Any]:
    """Return a request with the first lines of each file alone, and without its end."""
    files = {name: {**chunk, "content": chunk["content"][:keep]} for name, chunk in (body.get("files") or {}).items()}
    return {"files": files}


def _take(run: Run, name: str, offset: int, content: list[str]) -> None:
    if name == _SUMMARY:
        run.summary = loads(content[-1]) if content else run.summary
        return
    lines = run.lines.setdefault(name, [])
    lines += [None] * (offset - len(lines))
    lines[offset : offset + len(content)] = content


def _advance(run: Run, body: dict[str, Any]) -> None:
    if body.get("complete"):
        run.exit_code = body.get("exitcode")
        run.state = "finished" if run.exit_code == 0 else "failed"
    elif run.state not in ("preempted", "killed"):
        run.state = "preempting" if body.get("preempting") else "running"
