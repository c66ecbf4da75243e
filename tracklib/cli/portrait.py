"""The portrait of a run: `tracklib show` for people."""

from __future__ import annotations

import json
import time
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

from tracklib.cli.adoption import remedy
from tracklib.cli.console import grid, out, safe
from tracklib.cli.deliveries import STATE_STYLES, STATUS_STYLES
from tracklib.cli.quantities import bytes_text, duration_text, local_time, number_text, plural
from tracklib.cli.sparkline import sparkline
from tracklib.cli.storing import waiting_of
from tracklib.model.trees import flatten
from tracklib.typing import JSON, Number

if TYPE_CHECKING:
    from rich.console import Console, RenderableType
    from rich.text import Text

    from tracklib.cli.series import Series
    from tracklib.cli.whole import Local, Whole
    from tracklib.model.records import Media

__all__ = ["print_portrait"]

_NOTICES = 20
_SPARK = 40


def print_portrait(whole: Whole) -> None:
    """Print everything about a run."""
    console = out()
    info = whole.info
    console.print(safe(info.name, "bold") + safe(f"  {info.project}/{info.id}", "dim"))
    _section(console, "", _pairs(_facts(whole)))
    state = whole.state
    if state.notes:
        _section(console, "notes", *(safe(f"  {line}") for line in state.notes.splitlines()))
    _leaves(console, "params", state.params)
    _section(console, "tags", _pairs((f"  {key}", value) for key, value in state.tags.items()), show=bool(state.tags))
    _leaves(console, "summary", state.summary)
    if whole.metrics:
        _section(console, f"metrics ({len(whole.metrics):,})", _metrics(console, whole.metrics.values()))
    if state.media:
        _section(console, f"media ({len(state.media):,})", _media(state.media))
    if state.artifacts:
        _section(console, "artifacts", _artifacts(whole))
    if whole.local is not None:
        _section(console, "", *_storing(whole.local))
    _section(console, "inputs", _inputs(whole), show=bool(state.inputs))
    _leaves(console, "context", _brief(state.context))
    _section(console, "system, at last", _pairs(_system(state.system)), show=bool(state.system))
    _section(console, "notices", *_notices(whole), show=bool(state.notices))
    if whole.local is not None:
        _section(console, "delivery", *_delivery(whole.local))


def _section(console: Console, title: str, *parts: RenderableType, show: bool = True) -> None:
    if show:
        if title:
            console.print(safe(title, "bold"))
        for part in parts:
            console.print(part)


def _pairs(items: Iterable[tuple[str, str | int | Text]]) -> RenderableType:
    table = grid("", "")
    for key, value in items:
        table.add_row(safe(key, "dim"), safe(value) if isinstance(value, (str, int)) else value)
    return table


def _facts(whole: Whole) -> Iterator[tuple[str, str | int | Text]]:
    info, state = whole.info, whole.state
    over = info.status not in ("running", "stale")
    code = f"  exit code {state.exit_code}" if state.exit_code is not None and over else ""
    yield "status", safe(info.status, STATUS_STYLES[info.status]) + safe(code)
    if info.status == "stale" and whole.local is not None:
        yield "", safe(remedy([info.id]), "dim")
    if state.error and over:
        yield "error", safe(state.error, "red")
    yield "started", local_time(info.started)
    until = info.ended if info.ended is not None else time.time_ns()
    ended = "" if info.ended is None else f", until {local_time(info.ended)}"
    yield "lasted", f"{duration_text((until - info.started) / 1e9)}{ended}"
    if info.attempt > 1:
        yield "attempt", info.attempt
    if again := max((series.again for series in whole.metrics.values()), default=0):
        yield "overlap", f"{plural(again, 'step')} logged again by a later attempt; all are kept (--points tells which)"
    named = (("group", info.group), ("job type", info.job_type), ("parent", info.parent))
    yield from ((key, value) for key, value in named if value is not None)
    console = f", {state.console:,} of them console output" if state.console else ""
    size = "" if whole.local is None else f" ({bytes_text(whole.local.look.bytes)})"
    yield "records", f"{state.records if whole.local is None else whole.local.look.records:,}{size}{console}"
    yield from _where(whole)


def _where(whole: Whole) -> Iterator[tuple[str, str | int | Text]]:
    if whole.local is not None:
        yield "path", str(whole.local.folder.path)
        if damage := _damage(whole.local):
            yield "damage", safe(damage, "red")
        return
    info = whole.info
    yield "place", safe(whole.place)
    yield from ((key, safe(value)) for key, value in (("kept as", info.place), ("url", info.url)) if value is not None)


def _damage(local: Local) -> str:
    found = local.damage
    parts = [plural(found.lines, "damaged line")] if found.lines else []
    parts += [plural(found.missing, "missing record")] if found.missing else []
    parts += ["ends in the middle of a line"] if found.torn and not local.look.open else []
    return ", ".join(parts)


def _leaves(console: Console, title: str, tree: Mapping[str, JSON]) -> None:
    rows = [("  " + ".".join(path), safe(_leaf(leaf))) for path, leaf in flatten(tree)]
    _section(console, title, _pairs(rows), show=bool(rows))


def _brief(context: Mapping[str, JSON]) -> dict[str, JSON]:
    """Return the context with long lists counted, and bytes as people read them; ``--json`` has it whole."""
    brief = dict(context)
    if isinstance(packages := brief.get("packages"), Mapping):
        brief["packages"] = f"{len(packages):,} (--json lists them)"
    if isinstance(git := brief.get("git"), Mapping):
        brief["git"] = {key: value for key, value in git.items() if key != "untracked"}
    if isinstance(hardware := brief.get("hardware"), Mapping):
        brief["hardware"] = {**hardware, **_machine(hardware)}
    return brief


def _machine(hardware: Mapping[str, JSON]) -> dict[str, JSON]:
    told: dict[str, JSON] = {}
    if isinstance(memory := hardware.get("memory"), int):
        told["memory"] = bytes_text(memory)
    if isinstance(gpus := hardware.get("gpus"), list):
        told["gpus"] = ", ".join(_gpu(gpu) for gpu in gpus if isinstance(gpu, Mapping))
    return told


def _gpu(gpu: Mapping[str, JSON]) -> str:
    memory = gpu.get("memory")
    return f"{gpu.get('name')} ({bytes_text(memory)})" if isinstance(memory, int) else str(gpu.get("name"))


def _system(values: Mapping[str, Number]) -> Iterator[tuple[str, str]]:
    for name, value in values.items():
        in_bytes = name.endswith(("_bytes", ".used", ".free", ".rss")) and isinstance(value, int)
        yield f"  {name}", bytes_text(int(value)) if in_bytes else number_text(value)


def _leaf(value: JSON) -> str:
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


def _metrics(console: Console, metrics: Iterable[Series]) -> RenderableType:
    table = grid("  name", "points>", "last>", "min>", "max>", "over time!")
    width = max(8, min(_SPARK, console.width - 62))
    for series in metrics:
        table.add_row(
            safe(f"  {series.name}"),
            safe(f"{series.count:,}" + (f" ({series.nans:,} NaN)" if series.nans else "")),
            safe(number_text(series.last)),
            safe("-" if series.low is None else number_text(series.low)),
            safe("-" if series.high is None else number_text(series.high)),
            safe(sparkline(series.shape, width, ascii_only=console.options.ascii_only), "cyan"),
        )
    return table


def _media(media: Iterable[Media]) -> RenderableType:
    """Return a line for each key and type: how many there are, at which steps, and how large."""
    groups: dict[tuple[str, str], list[Media]] = {}
    for item in media:
        groups.setdefault((item.key, item.media_type), []).append(item)
    table = grid("  name", "type", "count>", "steps", "size>")
    for (key, kind), items in groups.items():
        first, last = min(item.step for item in items), max(item.step for item in items)
        steps = number_text(first) if first == last else f"{number_text(first)} to {number_text(last)}"
        size = sum(file.size for item in items for file in (item.file, *item.attachments))
        table.add_row(*map(safe, (f"  {key}", kind, f"{len(items):,}", steps, bytes_text(size))))
    return table


def _artifacts(whole: Whole) -> RenderableType:
    table = grid("  name", "type", "version!", "files>", "size>", "aliases")
    for artifact, version in whole.versions():
        size = sum(file.size for file in artifact.files)
        count = f"{len(artifact.files):,}" + (
            f" +{len(artifact.references):,} elsewhere" if artifact.references else ""
        )
        cells = (f"  {artifact.name}", artifact.type, f"v{version}", count, bytes_text(size))
        table.add_row(*map(safe, cells), safe(", ".join(artifact.aliases)))
    return table


def _storing(local: Local) -> Iterator[RenderableType]:
    for item in waiting_of(local.folder):
        text = f"  {item.name}: {bytes_text(item.left)} of {bytes_text(item.size)} are still to be stored"
        yield safe(text, "yellow")


def _inputs(whole: Whole) -> RenderableType:
    table = grid("  name", "type", "version", "made by")
    for item in whole.state.inputs:
        table.add_row(*map(safe, (f"  {item.name}", item.type or "-", item.version or "-", item.run or "-")))
    return table


def _notices(whole: Whole) -> Iterator[RenderableType]:
    counts: dict[str, int] = {}
    for notice in whole.state.notices:
        counts[notice.code] = counts.get(notice.code, 0) + notice.count
    yield safe("  " + ", ".join(f"{count:,} {code}" for code, count in counts.items()), "yellow")
    for notice in whole.state.notices[:_NOTICES]:
        yield safe(f"    {notice.code}: {notice.message}")
    if len(whole.state.notices) > _NOTICES:
        yield safe(f"    and {len(whole.state.notices) - _NOTICES:,} more: --json lists all", "dim")


def _delivery(local: Local) -> Iterator[RenderableType]:
    if not local.receipts.good and not local.receipts.damage:
        yield safe("  none: the run is in the journal alone")
    for receipt in local.receipts.good:
        pending = receipt.pending(local.look.totals)
        counts = f"{receipt.confirmed_records:,} confirmed, {pending:,} pending"
        counts += f", {receipt.changed:,} changed, {receipt.refused:,} refused"
        url = f"  {receipt.url}" if receipt.url else ""
        yield safe(f"  {receipt.entry}: ") + safe(receipt.state, STATE_STYLES[receipt.state]) + safe(f", {counts}{url}")
        if receipt.error:
            yield safe(f"    {receipt.error}", "red")
    if local.receipts.damage:
        yield safe(f"  {local.receipts.damage}", "red")
