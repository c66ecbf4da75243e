"""`Whole`: all that is known of one run, wherever it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tracklib.cli.deliveries import Receipts
    from tracklib.cli.series import Series
    from tracklib.journal.glance import Glance
    from tracklib.journal.layout import RunFolder
    from tracklib.journal.reader import Damage
    from tracklib.model.records import Artifact, Record
    from tracklib.model.run import RunInfo
    from tracklib.model.state import RunState
    from tracklib.reading.reader import Reader

__all__ = ["Local", "Whole", "read_whole"]


@dataclass(frozen=True, slots=True)
class Local:
    """What is known of a run that lies in a journal root, and of no other.

    Attributes:
        damage: What its reader could not believe.
    """

    folder: RunFolder
    look: Glance
    damage: Damage
    receipts: Receipts


@dataclass(frozen=True, slots=True)
class Whole:
    """All that is known of a run.

    Attributes:
        local: ``None`` where the run was read from another place.
        place: That place.
        records: Reads it anew.
    """

    info: RunInfo
    state: RunState
    metrics: dict[str, Series]
    records: Callable[[], Iterator[Record]]
    local: Local | None = None
    place: str = ""

    def versions(self) -> list[tuple[Artifact, int]]:
        """Return each artifact with its version: 1 for the first of its name."""
        seen: Counter[str] = Counter()
        numbered = []
        for artifact in self.state.artifacts:
            seen[artifact.name] += 1
            numbered.append((artifact, seen[artifact.name]))
        return numbered


def read_whole(words: list[str], dir: Path | None, *, points: bool, only: str | None) -> Whole:
    """Read the run that the words of a command line mean; the newest local one where there are none.

    Args:
        dir: The journal root; ``None`` for the configured one.
        points: Keep every point, not only what a sparkline needs.
        only: Keep those of this metric.

    Raises:
        UsageError: The words mean no run.
    """
    from tracklib.cli.elsewhere import find_run, reader_or_root
    from tracklib.cli.selection import newest_run, open_root, open_run
    from tracklib.errors import UsageError

    if not words:
        return _read_local(newest_run(open_root(dir)), points=points, only=only)
    if len(words) > 2:
        raise UsageError(f"expected a run, or a place and a run, got {len(words)} words")
    if len(words) == 2:
        found = reader_or_root(words[0], dir)
        if not isinstance(found, Path):
            return _read_elsewhere(found, find_run(found, words[1]), points=points, only=only)
        return _read_local(open_run(open_root(found), words[1]), points=points, only=only)
    return _read_local(open_run(open_root(dir), words[0]), points=points, only=only)


def _read_local(folder: RunFolder, *, points: bool, only: str | None) -> Whole:
    from tracklib.cli.deliveries import receipts_of
    from tracklib.cli.selection import id_of, look
    from tracklib.cli.series import gather
    from tracklib.journal.reader import Damage, read_run
    from tracklib.model.state import RunState

    glance = look(folder)
    damage = Damage()
    state = RunState(glance.info.id or id_of(folder))
    metrics = gather(read_run(folder, damage), state, points=points, only=only)
    local = Local(folder, glance, damage, receipts_of(folder))
    return Whole(glance.info, state, metrics, lambda: read_run(folder), local)


def _read_elsewhere(reader: Reader, info: RunInfo, *, points: bool, only: str | None) -> Whole:
    from tracklib.cli.counted import counted
    from tracklib.cli.series import gather
    from tracklib.model.state import RunState

    state = RunState(info.id)
    metrics = gather(counted(reader.source.read(info), "record", every=1000), state, points=points, only=only)
    return Whole(info, state, metrics, lambda: reader.source.read(info), place=reader.place.text)
