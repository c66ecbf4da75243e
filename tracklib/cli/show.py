"""``tracklib show``: everything about one run, wherever it is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracklib.cli.options import Dir, Json, PlaceAndRun
from tracklib.cli.whole import Local, Whole, read_whole

if TYPE_CHECKING:
    from tracklib.cli.series import Series
    from tracklib.model.state import RunState

__all__ = ["EXAMPLE", "show"]

EXAMPLE = "tracklib show 4f2k --metric val/loss"


def show(
    run: PlaceAndRun = None,
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
    whole = read_whole(run or [], dir, points=points, only=metric)
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
