"""``tracklib show``: everything about one run, wherever it is."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracklib.cli.options import Dir, Json, PlaceAndRun

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

__all__ = ["EXAMPLE", "Local", "Whole", "show"]

EXAMPLE = "tracklib show 4f2k --metric val/loss"


def show(
    run: PlaceAndRun,
    metric: Annotated[
        str | None, typer.Option("--metric", "-m", metavar="NAME", help="Draw this metric over its steps.")
    ] = None,
    points: Annotated[bool, typer.Option("--points", help="With --json: every point of every metric, exact.")] = False,
    dir: Dir = None,
    json: Json = False,
) -> int:
    """Show everything about one run, a local one or one of a place such as mlflow:http://host:5000.

    What it is, its params, metrics, media and artifacts, what went wrong, and where it was delivered. JSON: id, project, name, status, ..., params, tags, summary, context, system, metrics, media, artifacts, notices, damage, delivery, path. Of a place: place, vendor_id and url instead of the last three.
    """
    from tracklib.errors import UsageError

    if points and not json:
        raise UsageError("--points: expected --json beside it; --metric NAME draws a metric")
    whole = _read(run, dir, points=points, only=metric)
    if metric is not None and metric not in whole.metrics:
        raise UsageError(_no_metric(metric, whole.state))
    if json:
        from tracklib.cli.console import print_json

        print_json(_document(whole))
    elif metric is not None:
        _draw(whole, whole.metrics[metric])
    else:
        from tracklib.cli.portrait import print_portrait

        print_portrait(whole)
    return 0


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


def _read(words: list[str], dir: Path | None, *, points: bool, only: str | None) -> Whole:
    from tracklib.cli.elsewhere import find_run, reader_or_root
    from tracklib.cli.selection import open_root, open_run
    from tracklib.errors import UsageError

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


def _no_metric(name: str, state: RunState) -> str:
    from tracklib.messages import nearest

    hint = (
        nearest(name, state.points) if len(state.points) <= 20 else nearest(name, state.points).partition("; known")[0]
    )
    return f"--metric: expected a metric of run {state.id}, got {name!r}{hint}"


def _document(whole: Whole) -> dict[str, Any]:
    from tracklib.cli.documents import artifact_document, run_document, state_document
    from tracklib.cli.series import series_document

    return {
        **run_document(whole.info),
        **state_document(whole.state),
        "metrics": [series_document(series) for series in whole.metrics.values()],
        "artifacts": [artifact_document(artifact, version) for artifact, version in whole.versions()],
        **(_of_local(whole.local) if whole.local is not None else _of_place(whole)),
    }


def _of_place(whole: Whole) -> dict[str, Any]:
    return {"place": whole.place, "vendor_id": whole.info.place, "url": whole.info.url}


def _of_local(local: Local) -> dict[str, Any]:
    from tracklib.cli.documents import delivery_document
    from tracklib.cli.storing import waiting_of

    damage = local.damage
    return {
        "storing": [item.document() for item in waiting_of(local.folder)],
        "damage": {"lines": damage.lines, "missing": damage.missing, "torn": damage.torn},
        "delivery": [delivery_document(receipt, local.look.totals) for receipt in local.receipts.good],
        "damaged_receipts": local.receipts.damage,
        "path": str(local.folder.path),
    }


def _draw(whole: Whole, series: Series) -> None:
    import shutil

    from tracklib.cli.console import out, safe
    from tracklib.cli.plot import plot
    from tracklib.cli.quantities import number_text, plural
    from tracklib.cli.series import points_of

    console = out()
    size = shutil.get_terminal_size((80, 24))
    facts = f"{plural(series.count, 'point')}, last {number_text(series.last)}"
    facts += f", {series.nans:,} of them NaN" if series.nans else ""
    console.print(safe(series.name, "bold") + safe(f"  {facts}  ({whole.info.project}/{whole.info.id})", "dim"))
    points = points_of(whole.records(), series.name)
    steps = (series.first, series.until)
    width, height = min(size.columns, 120), min(max(size.lines - 4, 8), 22)
    for line in plot(points, steps, width=width, height=height, ascii_only=console.options.ascii_only):
        console.print(safe(line), soft_wrap=True)
