"""Adoption: ending the runs of other machines that have been silent for long, on the user's word."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from tracklib.cli.console import say
from tracklib.cli.quantities import duration_text
from tracklib.cli.selection import label
from tracklib.errors import RunStateError
from tracklib.journal.glance import glance
from tracklib.journal.layout import RunFolder
from tracklib.journal.liveness import STALE, silence
from tracklib.journal.recovery import has_ended, reap, role_of, writers
from tracklib.model.ends import REAPER

__all__ = ["adopt", "remedy", "stale_among"]


@dataclass(frozen=True, slots=True)
class _Writer:
    """A writer that began a run and has not ended it.

    Attributes:
        silent: Seconds since its last sign of life.
    """

    host: str
    life: str
    silent: float


def adopt(folders: Sequence[RunFolder]) -> None:
    """End these runs as crashed, after saying for how long each has been silent; those that have ended stay as they are.

    Raises:
        RunStateError: One of them gave a sign of life lately; none is ended then.
        OSError: The end cannot be written.
    """
    found = {folder: list(_open_writers(folder)) for folder in folders}
    for folder, open_writers in found.items():
        for writer in open_writers:
            if writer.life == "alive":
                raise RunStateError(_refusal(folder, writer))
    for folder, open_writers in found.items():
        for writer in open_writers:
            say(f"{label(folder)}: silent for {duration_text(writer.silent)} on {writer.host}: ended as crashed")
        reap(folder, adopt=True)


def stale_among(folders: Sequence[RunFolder]) -> list[RunFolder]:
    """Return those of the runs that are stale."""
    return [folder for folder in folders if glance(folder).info.status == "stale"]


def remedy(names: Sequence[str]) -> str:
    """Return what to do about runs that are stale."""
    which = names[0] if len(names) == 1 else "--all-stale"
    what = f"{names[0]} is" if len(names) == 1 else f"{len(names)} runs are"
    return f"{what} stale: begun on another machine, silent for long; end with: tracklib sync --adopt {which}"


def _open_writers(folder: RunFolder) -> Iterator[_Writer]:
    for segment, (header, life) in writers(folder).items():
        is_ended = has_ended(segment) or segment.with_name(f"{segment.stem}{REAPER}.jsonl").exists()
        if role_of(segment, header) == "main" and not is_ended:
            host = header.host if header is not None and header.host else "an unknown host"
            yield _Writer(host, life, silence(segment))


def _refusal(folder: RunFolder, writer: _Writer) -> str:
    return (
        f"expected a run that has been silent for {duration_text(STALE)}, got {label(folder)}, which gave a sign of life "
        f"{duration_text(writer.silent)} ago on {writer.host}; end it there, or wait"
    )
