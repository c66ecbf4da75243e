"""``tracklib verify``: compares the journal with what each backend gives back, or two places with each other."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracklib.cli.options import Backend, Dir, Json, Project, SomeRuns

if TYPE_CHECKING:
    from tracklib.delivery.receipt import Receipt
    from tracklib.journal.layout import Root, RunFolder
    from tracklib.portability.comparison import Comparison

__all__ = ["EXAMPLE", "verify"]

EXAMPLE = "tracklib verify 4f2k --backend mlflow"


def verify(
    run: SomeRuns = None,
    backend: Backend = None,
    dir: Dir = None,
    match: Annotated[
        str | None, typer.Option("--match", help="Of two places: pair runs by id (the default), name or tag:KEY.")
    ] = None,
    project: Project = None,
    since: Annotated[str | None, typer.Option("--since", help="Of two places: runs begun since, 7d or a date.")] = None,
    until: Annotated[str | None, typer.Option("--until", help="Of two places: runs begun before.")] = None,
    fail_under: Annotated[
        float | None,
        typer.Option("--fail-under", min=0, max=100, help="Of two places: exit code 1 below so many % identical."),
    ] = None,
    html: Annotated[
        Path | None, typer.Option("--html", help="Of two places: write a page that shows all of it.")
    ] = None,
    json: Json = False,
) -> int:
    """Compare runs with what their backends give back, or the runs of two places such as local:.tracklib and mlflow.

    A bundle alone (bundle:FOLDER) is read whole, and every checksum in it checked. Else point by point and file by
    file; all runs where none is named. What a backend declares to change is equal after that change, and counted. JSON:
    comparisons; each has run, entry, equal, counts, differences, found, declared, error. Of a bundle: bundle, passed,
    runs, damaged, points, files, bytes, results. Of two places: a, b, passed, runs, percent_identical, states, weeks,
    one_sided, compared, found, declared, comparisons. Exit code 1 where something differs.
    """
    from tracklib.cli import parity
    from tracklib.cli.bundles import is_bundle
    from tracklib.cli.inspection import verify_bundle

    if run is not None and len(run) == 1 and is_bundle(run[0]):
        parity.refuse(
            {"dir": dir, "backend": backend, "match": match, "project": project}, "that a bundle alone has not"
        )
        parity.refuse({"since": since, "until": until, "fail-under": fail_under, "html": html}, "of two places")
        return verify_bundle(run[0], json=json)
    asked = parity.Asked(match, since, until, fail_under, project)
    if (places := parity.places(run)) is not None:
        parity.refuse({"dir": dir, "backend": backend}, "of runs, not of two places")
        return parity.compare_places(places, asked, json=json, html=html)
    parity.refuse(
        {**asdict(asked), "html": html}, "of two places, as in tracklib verify local:.tracklib mlflow:http://host:5000"
    )
    from tracklib.cli.long_list import LongList
    from tracklib.cli.selection import open_root

    root = open_root(dir)
    pairs = _pairs(root, run, backend)
    comparisons, code = LongList("comparisons") if json else None, 0
    for verdict in _verdicts(root, pairs):
        code = max(code, verdict.exit_code)
        if comparisons is not None:
            comparisons.add(_document(verdict))
        else:
            _print(verdict)
    if comparisons is not None:
        comparisons.print_within({"root": str(root.path)})
    return code


Pair = tuple["RunFolder", "Receipt"]


def _pairs(root: Root, words: list[str] | None, backend: str | None) -> list[Pair]:
    """Return each run with each receipt that is meant."""
    from tracklib.cli.deliveries import receipts_of
    from tracklib.cli.selection import label, look, select
    from tracklib.errors import CorruptJournalError, UsageError
    from tracklib.messages import nearest

    pairs: list[Pair] = []
    entries: set[str] = set()
    for folder in select(root, words):
        look(folder)
        receipts = receipts_of(folder)
        if receipts.damage:
            raise CorruptJournalError(f"{label(folder)}: {receipts.damage}")
        entries.update(receipt.entry for receipt in receipts.good)
        pairs += [(folder, receipt) for receipt in receipts.good if backend is None or _is_meant(receipt, backend)]
    if not pairs and backend is not None:
        raise UsageError(f"--backend: expected one that these runs went to, got {backend!r}{nearest(backend, entries)}")
    if not pairs:
        raise UsageError("expected runs that went to a backend, got none; tracklib sync --backend NAME sends them")
    return pairs


def _is_meant(receipt: Receipt, backend: str) -> bool:
    return backend in (receipt.entry, receipt.backend)


@dataclass(frozen=True, slots=True)
class _Verdict:
    """What came of one comparison; ``error`` where it could not be made."""

    run: str
    entry: str
    comparison: Comparison | None
    error: str = ""
    misconfigured: bool = False

    @property
    def exit_code(self) -> int:
        if self.misconfigured:
            return 2
        return 0 if self.comparison is not None and self.comparison.equal else 1


def _verdicts(root: Root, pairs: list[Pair]) -> Iterator[_Verdict]:
    from tracklib.cli.console import interruptible, safe
    from tracklib.cli.selection import label

    done = 0
    with interruptible(lambda: f"{done} of {len(pairs)} comparisons made; nothing was changed, repeat to compare all"):
        for folder, receipt in pairs:
            name = label(folder)
            with _busy(safe(f"{done + 1} of {len(pairs)}: {name} at {receipt.entry}")):
                verdict = _compare(root, folder, receipt, name)
            yield verdict
            done += 1


def _busy(text: Any) -> Any:
    """Show what is being compared, on a terminal."""
    from contextlib import nullcontext

    from tracklib.cli.console import err, shows_progress

    return err().status(text) if shows_progress() else nullcontext()


def _compare(root: Root, folder: RunFolder, receipt: Receipt, name: str) -> _Verdict:
    from tracklib.errors import ConfigError, TracklibError
    from tracklib.portability.verify import verify_run

    try:
        return _Verdict(name, receipt.entry, verify_run(root, folder, receipt))
    except TracklibError as error:
        return _Verdict(name, receipt.entry, None, str(error), isinstance(error, ConfigError))
    except Exception as error:  # a plugin's own fault in one run is no reason to leave out the others
        return _Verdict(name, receipt.entry, None, f"{type(error).__name__}: {error}")


def _print(verdict: _Verdict) -> None:
    from tracklib.cli.console import out, safe, say

    console = out()
    head = f"{verdict.run} {verdict.entry}: "
    if verdict.comparison is None:
        say(f"error: {head}{verdict.error}")
        return
    found = verdict.comparison
    counts = ", ".join(f"{n:,} {noun.removesuffix('s') if n == 1 else noun}" for noun, n in found.counts.items() if n)
    declared = "".join(f"; {count:,} as declared: {reason}" for reason, count in found.declared.items())
    if found.equal:
        console.print(safe(head) + safe("equal", "green") + safe(f"  {counts}{declared}"))
        return
    for difference in found.differences:
        console.print(safe(f"{head}{difference}", "red"))
    total = sum(found.found.values())
    if total > len(found.differences):
        console.print(safe(f"{head}and {total - len(found.differences):,} more", "red"))
    console.print(safe(head) + safe(f"{total:,} different", "red") + safe(f"  of {counts}{declared}"))


def _document(verdict: _Verdict) -> dict[str, Any]:
    found = verdict.comparison
    return {
        "run": verdict.run,
        "entry": verdict.entry,
        "equal": found is not None and found.equal,
        "counts": dict(found.counts) if found is not None else {},
        "differences": [asdict(difference) for difference in found.differences] if found is not None else [],
        "found": dict(found.found) if found is not None else {},
        "declared": dict(found.declared) if found is not None else {},
        "error": verdict.error,
    }
