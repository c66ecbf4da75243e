"""The assessment: an inventory in words and numbers, the same for the terminal, the page and JSON."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeAlias

from tracklib.cli.quantities import bytes_text, duration_text, iso_time, local_time, plural

if TYPE_CHECKING:
    from tracklib.backends.capabilities import Capabilities
    from tracklib.backends.spec import BackendSpec
    from tracklib.portability.codebase import CodeReport
    from tracklib.portability.inventory import Inventory, Stock

__all__ = ["Assessment", "Section", "code_sections"]

Section: TypeAlias = "tuple[str, Sequence[str], Iterable[Sequence[str]]]"
"""A title, the columns (numbers end in ``>``), and rows of text."""

LEFT_OUT = "reports, dashboards, sweeps and saved views, which no backend gives through tracklib"


@dataclass(frozen=True, slots=True)
class Assessment:
    """An inventory, and whose it is.

    Attributes:
        to: The destination as it was named, and what its plugin declares.
    """

    source: str
    to: str | None
    target: BackendSpec | None
    capabilities: Capabilities | None
    found: Inventory

    @property
    def headline(self) -> str:
        """All of it in one line."""
        total, about = self.found.whole.total, self._about
        counts = f"{plural(self.found.whole.runs, 'run')} in {plural(len(self.found.by_project), 'project')}"
        return f"{counts}, {about}{self._scaled(total.points):,} points, {about}{bytes_text(self._scaled(total.bytes))}"

    @property
    def sample(self) -> str:
        """What was looked into, where that is not all."""
        whole = self.found.whole
        if whole.read + len(self.found.unread) >= whole.runs:
            return ""
        return (
            f"{whole.read:,} of {plural(whole.runs, 'run')} were looked into; what is counted in them is theirs alone"
        )

    def estimate(self) -> dict[str, float | None]:
        """Return ``reading_seconds``, ``records_per_second``, and ``writing_seconds`` that the destination's limits ask for."""
        found = self.found
        rate = None if self.capabilities is None else self.capabilities.limits.requests_per_second
        writing = None if rate is None else found.requests * found.scale / rate
        speed = found.whole.total.records / found.seconds if found.seconds else 0.0
        return {"reading_seconds": found.seconds * found.scale, "records_per_second": speed, "writing_seconds": writing}

    def sections(self) -> Iterator[Section]:
        """Yield what people read."""
        yield self.headline, ("", ""), list(self._facts())
        yield (
            "Projects",
            ("project", "runs>", "points>", "artifacts>", "bytes>", "first", "last"),
            [(name, *_counts(stock), _day(stock.first), _day(stock.last)) for name, stock in self._projects()],
        )
        found = self.found
        for title, counter, first, noun in (
            ("Users", {name or "(not known)": n for name, n in found.users.most_common()}, "user", "runs>"),
            ("Begun in", dict(sorted(found.months.items())), "month", "runs>"),
            ("Statuses", dict(found.statuses.most_common()), "status", "runs>"),
            ("Values of metrics", dict(found.values.most_common()), "value", "points>"),
            ("Steps that not every vendor takes", dict(found.steps.most_common()), "step", "points>"),
            ("Media", dict(found.media.most_common()), "type", "count>"),
            ("Artifacts", dict(found.artifacts.most_common()), "type", "count>"),
        ):
            if counter:
                yield title, (first, noun), [(name, f"{count:,}") for name, count in counter.items()]
        yield "Largest runs", ("run", "points>"), [(run, f"{n:,}") for n, run in found.largest["points"]]
        if any(amount for amount, _ in found.largest["bytes"]):
            yield "Most bytes", ("run", "bytes>"), [(run, bytes_text(n)) for n, run in found.largest["bytes"] if n]
        yield from self._destination()
        yield from self._waves()

    def document(self) -> dict[str, Any]:
        """Return it as JSON."""
        found = self.found
        counters = ("statuses", "months", "users", "values", "steps", "media", "artifacts", "losses", "leftovers")
        size, waves = found.waves()
        return {
            "runs": found.whole.runs,
            "read": found.whole.read,
            "open": found.open,
            "total": _tally(found.whole),
            "projects": [{"project": name, **_stock(stock)} for name, stock in self._projects()],
            **{name: dict(getattr(found, name)) for name in counters},
            "metrics": len(found.metrics),
            "largest": {name: [{"run": run, name: n} for n, run in runs] for name, runs in found.largest.items()},
            "limits": found.hits.document(),
            "left_out": found.left_out,
            "unread": [{"run": run, "error": reason} for run, reason in found.unread],
            "estimate": self.estimate(),
            "wave_size": size,
            "waves": [{"wave": number, **_stock(stock)} for number, stock in enumerate(waves, 1)],
        }

    @property
    def _about(self) -> str:
        return "about " if self.found.scale > 1 else ""

    def _scaled(self, number: int) -> int:
        return round(number * self.found.scale)

    def _projects(self) -> list[tuple[str, Stock]]:
        return sorted(self.found.by_project.items(), key=_runs, reverse=True)

    def _facts(self) -> Iterator[tuple[str, str]]:
        found, estimate = self.found, self.estimate()
        yield "place", self.source
        if self.sample:
            yield "looked into", self.sample
        yield "still going on", f"{found.open:,}"
        total = found.whole.total
        counts = (
            (total.params, "param"),
            (total.artifacts, "artifact"),
            (total.media, "medium"),
            (total.files, "file"),
        )
        parts = [plural(self._scaled(count), noun, "media" if noun == "medium" else None) for count, noun in counts]
        yield "hold", f"{plural(len(found.metrics), 'name')} of metrics; {self._about}{', '.join(parts)}"
        yield (
            "reading",
            f"about {_duration(estimate['reading_seconds'])}, by the {estimate['records_per_second']:,.0f} records a second measured now (an estimate)",
        )
        if estimate["writing_seconds"] is not None:
            yield (
                "writing",
                f"at least {_duration(estimate['writing_seconds'])}, by the rate that {self._target} permits (an estimate)",
            )
        if self.capabilities is not None and any(found.hits):
            yield f"names at {self._target}", self.capabilities.names.rule
        yield from (("left out", f"{count:,} x {what}") for what, count in found.left_out.items())
        if found.leftovers:
            told = (f"{count:,} x {kind}" for kind, count in found.leftovers.most_common())
            yield "of no run", f"{', '.join(told)}: these stay behind"
        else:
            yield "not counted", LEFT_OUT

    @property
    def _target(self) -> str:
        return self.target.title if self.target is not None else ""

    def _destination(self) -> Iterator[Section]:
        if self.to is None:
            return
        if self.capabilities is None:
            yield f"{self._target} declares nothing that could be looked up beforehand", ("",), []
            return
        found = self.found
        if found.losses:
            changed = [(reason, f"{count:,}") for reason, count in found.losses.most_common()]
            yield (
                f"What {self._target} changes or does not hold, as it declares",
                ("what", "points or records>"),
                changed,
            )
        else:
            yield f"{self._target} holds all of it exactly, as it declares", ("",), []
        hits = [(what, example[:80], f"{count:,}") for what, count, example in found.hits]
        if hits:
            title = (
                f"Beyond what {self._target} takes as it is; its plugin keeps it beside: {self.capabilities.names.rule}"
            )
            yield title, ("", "such as", "count>"), hits

    def _waves(self) -> Iterator[Section]:
        size, waves = self.found.waves()
        seconds = self.estimate()["reading_seconds"] or 0.0
        rows = [
            (
                f"{number}",
                *_counts(stock),
                _duration(seconds * stock.runs / max(1, self.found.whole.runs)),
                _day(stock.first),
                _day(stock.last),
            )
            for number, stock in enumerate(waves, 1)
        ]
        command = f"tracklib migrate {self.source} {self.to or 'DST'} --wave {size}"
        columns = ("wave", "runs>", "points>", "artifacts>", "bytes>", "reading>", "first", "last")
        yield f"Waves, in the order of the source, by: {command}", columns, rows


def code_sections(report: CodeReport) -> Iterator[Section]:
    """Yield what people read of the code that has to change."""
    vendors = Counter(each.use.vendor for each in report.found)
    told = ", ".join(f"{count:,} of {vendor}" for vendor, count in vendors.most_common()) or "none"
    title = f"Code: {plural(len(report.found), 'use')} in {plural(report.files, 'file')}: {told}"
    rows = [(each.place, each.use.call, each.use.instead or "(by hand)") for each in report.found]
    yield title, ("where!", "what", "with tracklib"), rows


def _runs(item: tuple[str, Stock]) -> int:
    return item[1].runs


def _counts(stock: Stock) -> tuple[str, str, str, str]:
    total = stock.total
    return f"{stock.runs:,}", f"{total.points:,}", f"{total.artifacts:,}", bytes_text(total.bytes)


def _tally(stock: Stock) -> dict[str, Any]:
    return {name: n for name, n in stock.total.document().items() if name not in ("changed", "refused")}


def _stock(stock: Stock) -> dict[str, Any]:
    begun = {"first": iso_time(stock.first), "last": iso_time(stock.last)}
    return {"runs": stock.runs, "read": stock.read, **_tally(stock), **begun}


def _day(moment: int | None) -> str:
    return "" if moment is None else local_time(moment)[:10]


def _duration(seconds: float | None) -> str:
    return duration_text(seconds or 0.0)
