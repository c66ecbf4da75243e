"""Foreign runs: what Comet's own SDK has logged, as records; values are read from texts by declared rules.

The rules: a metric's value as `tracklib_comet.points.number` has it, a param's as `tracklib_comet.params.parsed` has it,
and ``a|b`` is the leaf ``b`` of ``a`` where the SDK says that it has joined keys (``hasNestedParams``). The epochs that
points bear are a metric of that name; those of the machine's samples are not read, nor are their steps: the SDK takes
samples in a thread of its own, and gives them the step and epoch at which it happens to find the training. A point
without a step has its number in the order in which Comet gives it.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from typing import Any, TypeAlias

from tracklib.model.media import HistogramData, write_histogram
from tracklib.model.records import (
    Artifact,
    Body,
    Console,
    FileRef,
    Media,
    Metrics,
    Notes,
    Params,
    Reference,
    Summary,
    Tags,
)
from tracklib.model.run import RunInfo
from tracklib.model.trees import unflatten
from tracklib.typing import JSON, Status
from tracklib_comet.contents import Contents
from tracklib_comet.experiment import Asset, Held, Viewing
from tracklib_comet.labels import NOTES
from tracklib_comet.params import parsed
from tracklib_comet.points import MS
from tracklib_comet.surroundings import sdk

__all__ = ["Epochs", "artifacts", "console", "context", "error", "facts", "files", "info"]

Timed: TypeAlias = "tuple[int, Body]"

_HIDDEN = ("Name", "name", "hasNestedParams", "offline_experiment", "Created from", "Git.", "tracklib.")
"""The SDK's own notes among the other values."""

_KINDS = {"image": "image", "visualization": "image", "audio": "audio", "video": "video", "text-sample": "text"}
_ENDINGS = {"image": "png", "audio": "wav", "video": "mp4", "text": "txt"}
_EPOCH = "epoch"
_INNER = ("ASSET_TYPE_FULL_METRIC", "asset-item")


def info(native: Mapping[str, Any], others: Mapping[str, str], key: str, url: str | None) -> RunInfo:
    """Return who an experiment is that tracklib did not write: its id is Comet's key."""
    ended = native.get("endTimeMillis")
    is_running = bool(native.get("running"))
    status: Status = "running" if is_running else "crashed" if native.get("hasCrashed") else "finished"
    started = int(native.get("startTimeMillis") or 0) * MS
    return RunInfo(
        project=str(native.get("projectName") or "general"),
        id=key,
        name=str(native.get("experimentName") or others.get("Name") or ""),
        status=status,
        started=started,
        ended=None if is_running else int(ended) * MS if ended else started,
        place=key,
        url=url,
    )


def facts(view: Viewing, others: Mapping[str, str]) -> Iterator[Body]:
    """Yield params, tags, notes, and the other values as the summary."""
    held = view.params()
    is_nested = others.get("hasNestedParams", "").lower() == "true"
    rows = sorted(held.items(), key=lambda row: row[0].count("|"))
    leaves = ((tuple(name.split("|")) if is_nested else (name,), parsed(text)) for name, text in rows)
    if found := unflatten(iter(leaves)):
        yield Params(found)
    if tags := dict.fromkeys(view.tags(), ""):
        yield Tags(tags)
    if (notes := others.get(NOTES)) is not None:
        yield Notes(notes)
    rest = {key: parsed(text) for key, text in others.items() if key != NOTES and not key.startswith(_HIDDEN)}
    if rest:
        yield Summary(rest)


def context(view: Viewing) -> dict[str, JSON]:
    """Return what is known of the machine."""
    found: dict[str, JSON] = json.loads(json.dumps(dict(view.details()), default=str))
    found.pop("env", None)  # the environment is where secrets live
    return {key: value for key, value in found.items() if value not in (None, [], {}, "")}


class Epochs:
    """Reads the epochs that a run's own points bear as a metric of that name, at the steps of these points."""

    def __init__(self) -> None:
        self._first: dict[tuple[int | float, int | float], int] = {}
        self._is_taken = False

    def take(self, name: str, held: Sequence[Held]) -> None:
        """Take in the points of a metric."""
        self._is_taken |= name == _EPOCH
        for point in held:
            if point.epoch is not None and point.step is not None:
                at = (point.step, point.epoch)
                self._first[at] = min(point.time, self._first.get(at, point.time))

    def bodies(self) -> Iterator[Timed]:
        """Yield each step's epoch, unless the run has a metric of that name."""
        if not self._is_taken:
            for (step, epoch), time in sorted(self._first.items()):
                yield time * MS, Metrics({_EPOCH: epoch}, step, time * MS)


def error(view: Viewing) -> str | None:
    """Return what an experiment says that it failed of."""
    said = view.metadata().get("error")
    return str(said) if said else None


def console(view: Viewing, run: RunInfo) -> Iterator[Timed]:
    """Yield the output, line by line; Comet gives one text without times."""
    for line in view.output().splitlines(keepends=True):
        yield run.started, Console("stdout", line)


def files(view: Viewing, assets: Sequence[Asset], contents: Contents, run: RunInfo) -> Iterator[Timed]:
    """Yield media, and every other file as an artifact of its own; the HTML as a medium."""
    for asset in assets:
        when = asset.time * MS or run.started
        if asset.kind in _INNER:
            continue
        if asset.link is not None:
            name = asset.name.rpartition("/")[2] or asset.name
            yield (
                when,
                Artifact(asset.name, asset.kind, (), metadata=_json(asset), references=(Reference(name, asset.link),)),
            )
            continue
        if (ref := contents.read(asset, _path(asset))) is None:
            contents.damaged.append(f"the asset {asset.name} is gone")
        elif (medium := _medium(asset, ref, contents, when)) is not None:
            yield when, medium
        else:
            yield when, Artifact(asset.name, asset.kind, (ref,), metadata=_json(asset))
    if run.id == view.key and (page := view.html()):
        ref = contents.made(page.encode(), Asset("html", "html.html", "html"))
        yield run.started, Media("html", 0, "html", ref, {"format": "html"}, timestamp=run.started)


def artifacts(view: Viewing, contents: Contents, run: RunInfo) -> Iterator[Timed]:
    """Yield the artifacts that the experiment made, each version with its files."""
    for told, assets in view.artifacts():
        refs = [(asset, None if asset.link else contents.read(asset, _clean(asset.name))) for asset in assets]
        yield (
            run.started,
            Artifact(
                str(told["name"]),
                str(told.get("type") or "artifact"),
                tuple(ref for _, ref in refs if ref is not None),
                tuple(map(str, [*(told.get("alias") or [])])),
                _parsed(told.get("metadata")),
                references=tuple(Reference(_clean(a.name), a.link) for a, _ in refs if a.link),
            ),
        )


def _medium(asset: Asset, ref: FileRef, contents: Contents, when: int) -> Media | None:
    """Return the medium that an asset is; ``None`` where it is another file."""
    step = asset.step or 0
    if asset.kind == "histogram3d":
        made = _histogram(contents, ref, asset)
        return None if made is None else Media(asset.name, step, "histogram", made, {"format": "json"}, timestamp=when)
    kind = _KINDS.get(asset.kind)
    if kind is None:
        return None
    ending = ref.path.rpartition(".")[2].lower()
    return Media(asset.name, step, kind, ref, {"format": ending, **_json(asset)}, timestamp=when)


def _histogram(contents: Contents, ref: FileRef, asset: Asset) -> FileRef | None:
    """Return a histogram of Comet's as one of tracklib's: the bins from the first to the last that hold something."""
    try:
        content = contents.opened(ref.sha256)
        assert content is not None
        with content:
            told = json.load(content)
        told = told["histograms"][0]["histogram"] if isinstance(told, dict) and "histograms" in told else told
        held = sdk("data_structure").Histogram.from_json(told, verbose=False)
        filled = [index for index, count in enumerate(held.counts) if count]
        first, last = filled[0], filled[-1]
        edges = [float(edge) for edge in held.values[first : last + 2]]
        counts = [float(count) for count in held.counts[first : last + 1]]
        return contents.made(write_histogram(HistogramData(tuple(edges), tuple(counts))), asset)
    except Exception:  # another version of the format, infinite edges, ...: it is an ordinary file then
        return None


def _path(asset: Asset) -> str:
    name = _clean(asset.name).rpartition("/")[2]
    ending = _ENDINGS.get(_KINDS.get(asset.kind, ""))
    return name if "." in name or ending is None else f"{name}.{ending}"


def _clean(name: str) -> str:
    """Return a name as a path inside an artifact: relative, and leading nowhere else."""
    parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    return "/".join(parts) or "file"


def _json(asset: Asset) -> dict[str, JSON]:
    found: dict[str, JSON] = json.loads(json.dumps(dict(asset.metadata), default=str))
    if asset.context:
        found["context"] = asset.context
    return found


def _parsed(metadata: Any) -> dict[str, JSON]:
    if isinstance(metadata, str):
        try:
            metadata = json.loads(metadata)
        except ValueError:
            return {"metadata": metadata}
    return dict(metadata) if isinstance(metadata, Mapping) else {}
