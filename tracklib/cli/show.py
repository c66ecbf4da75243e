"""``tracklib show``: everything about one run."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracklib.cli.options import Dir, Json, OneRun

if TYPE_CHECKING:
    from tracklib.cli.deliveries import Receipts
    from tracklib.cli.series import Series
    from tracklib.journal.glance import Glance
    from tracklib.journal.layout import RunFolder
    from tracklib.journal.reader import Damage
    from tracklib.model.records import Artifact
    from tracklib.model.state import RunState

__all__ = ["EXAMPLE", "Whole", "show"]

EXAMPLE = "tracklib show 4f2k --metric val/loss"


def show(
    run: OneRun,
    metric: Annotated[
        str | None, typer.Option("--metric", "-m", metavar="NAME", help="Draw this metric over its steps.")
    ] = None,
    points: Annotated[bool, typer.Option("--points", help="With --json: every point of every metric, exact.")] = False,
    dir: Dir = None,
    json: Json = False,
) -> int:
    """Show everything about one run.

    What it is, its params, metrics, media and artifacts, what went wrong, and where it was delivered. JSON: id, project, name, status, ..., params, tags, summary, context, system, metrics, media, artifacts, notices, damage, delivery, path.
    """
    from tracklib.cli.selection import open_root, open_run
    from tracklib.errors import UsageError

    if points and not json:
        raise UsageError("--points: expected --json beside it; --metric NAME draws a metric")
    whole = read_whole(open_run(open_root(dir), run), points=points, only=metric)
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
class Whole:
    """All that is known of a run."""

    folder: RunFolder
    look: Glance
    state: RunState
    metrics: dict[str, Series]
    damage: Damage
    receipts: Receipts

    def versions(self) -> list[tuple[Artifact, int]]:
        """Return each artifact with its version: 1 for the first of its name."""
        seen: Counter[str] = Counter()
        numbered = []
        for artifact in self.state.artifacts:
            seen[artifact.name] += 1
            numbered.append((artifact, seen[artifact.name]))
        return numbered


def read_whole(folder: RunFolder, *, points: bool = False, only: str | None = None) -> Whole:
    """Read a run's journal and receipts."""
    from tracklib.cli.deliveries import receipts_of
    from tracklib.cli.selection import id_of, look
    from tracklib.cli.series import gather
    from tracklib.journal.reader import Damage, read_run
    from tracklib.model.state import RunState

    glance = look(folder)
    damage = Damage()
    state = RunState(glance.info.id or id_of(folder))
    metrics = gather(read_run(folder, damage), state, points=points, only=only)
    return Whole(folder, glance, state, metrics, damage, receipts_of(folder))


def _no_metric(name: str, state: RunState) -> str:
    from tracklib.config import nearest

    hint = (
        nearest(name, state.points) if len(state.points) <= 20 else nearest(name, state.points).partition("; known")[0]
    )
    return f"--metric: expected a metric of run {state.id}, got {name!r}{hint}"


def _document(whole: Whole) -> dict[str, Any]:
    from tracklib.cli.documents import artifact_document, delivery_document, run_document, state_document
    from tracklib.cli.series import series_document
    from tracklib.cli.storing import waiting_of

    damage = whole.damage
    return {
        **run_document(whole.look.info),
        **state_document(whole.state),
        "metrics": [series_document(series) for series in whole.metrics.values()],
        "artifacts": [artifact_document(artifact, version) for artifact, version in whole.versions()],
        "storing": [item.document() for item in waiting_of(whole.folder)],
        "damage": {"lines": damage.lines, "missing": damage.missing, "torn": damage.torn},
        "delivery": [delivery_document(receipt, whole.look.totals) for receipt in whole.receipts.good],
        "damaged_receipts": whole.receipts.damage,
        "path": str(whole.folder.path),
    }


def _draw(whole: Whole, series: Series) -> None:
    import shutil

    from tracklib.cli.console import out, safe
    from tracklib.cli.plot import plot
    from tracklib.cli.quantities import number_text, plural
    from tracklib.cli.series import points_of
    from tracklib.journal.reader import read_run

    console = out()
    size = shutil.get_terminal_size((80, 24))
    facts = f"{plural(series.count, 'point')}, last {number_text(series.last)}"
    facts += f", {series.nans:,} of them NaN" if series.nans else ""
    console.print(
        safe(series.name, "bold") + safe(f"  {facts}  ({whole.look.info.project}/{whole.look.info.id})", "dim")
    )
    points = points_of(read_run(whole.folder), series.name)
    steps = (series.first, series.until)
    width, height = min(size.columns, 120), min(max(size.lines - 4, 8), 22)
    for line in plot(points, steps, width=width, height=height, ascii_only=console.options.ascii_only):
        console.print(safe(line), soft_wrap=True)
