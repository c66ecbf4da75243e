"""The part of ``tracklib verify`` that compares two places with each other."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tracklib.portability.account import Account
    from tracklib.portability.parity import Half
    from tracklib.portability.places import Place

__all__ = ["Asked", "compare_places", "places", "refuse"]

_WORDS = {
    "identical": "identical",
    "different": "different",
    "only_a": "only in {a}",
    "only_b": "only in {b}",
    "open": "still going on in both",
    "error": "not readable",
}
_TOLD = 20
"""Differences of one run that are printed; thousands of runs are compared."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asked for, as it was written."""

    match: str | None = None
    since: str | None = None
    until: str | None = None
    fail_under: float | None = None
    project: str | None = None


def places(words: list[str] | None) -> tuple[str, str] | None:
    """Return two words of which one names a place, such as ``local:FOLDER``, or both a backend; ``None`` for runs.

    Raises:
        UsageError: A place stands alone, or among more.
    """
    from tracklib.backends.registry import installed
    from tracklib.errors import UsageError

    known = installed()
    named = [word for word in words or () if word.partition(":")[0] in known]
    if not words or not (any(":" in word for word in named) or len(named) == len(words) == 2):
        return None
    if len(words) != 2:
        raise UsageError(
            f"expected two places, as in tracklib verify local:.tracklib mlflow:http://host:5000; got {len(words)}"
        )
    return words[0], words[1]


def refuse(options: Mapping[str, object], belong: str) -> None:
    """Refuse options that do not go with what is compared.

    Raises:
        UsageError: One was given.
    """
    from tracklib.errors import UsageError

    for name, value in options.items():
        if value is not None:
            raise UsageError(f"--{name.replace('_', '-')} is an option {belong}")


def compare_places(names: tuple[str, str], asked: Asked, *, json: bool, html: Path | None = None) -> int:
    """Compare the runs of two places, and return the exit code.

    Args:
        html: Where the page is written.
    """
    from tracklib.cli.console import interruptible
    from tracklib.cli.long_list import LongList
    from tracklib.cli.options import expect_writable
    from tracklib.cli.report import Report
    from tracklib.errors import UsageError
    from tracklib.portability.account import Account
    from tracklib.portability.parity import Parity
    from tracklib.portability.places import open_place

    expect_writable("--html", html)
    a, b = (open_place(name) for name in names)
    parity = Parity(a.source(), b.source(), *_selection(asked))
    account, comparisons = Account(), LongList("comparisons") if json else None
    report = None if html is None else Report(names, {state: w.format(a="A", b="B") for state, w in _WORDS.items()})
    with interruptible(lambda: f"{account.states.total()} runs compared; nothing was changed, repeat to compare all"):
        for half in parity:
            account.add(half)
            if report is not None:
                report.add(half)
            if comparisons is not None:
                comparisons.add(_document(half))
            else:
                _tell(half, names)
    if not account.states:
        raise UsageError("expected runs in at least one of the places, got none")
    passed = account.share >= (100.0 if asked.fail_under is None else asked.fail_under)
    if report is not None and html is not None:
        report.write(html, account, verdict=_verdict(account), passed=passed)
    if comparisons is not None:
        comparisons.print_within({"a": _place(a), "b": _place(b), "passed": passed, **account.document()})
    else:
        _conclude(account, names, passed=passed)
    return 0 if passed else 1


def _selection(asked: Asked) -> tuple[Any, Any]:
    from tracklib.cli.quantities import moment
    from tracklib.model.query import RunQuery
    from tracklib.portability.pairing import Match

    since, until = (None if text is None else moment(text) for text in (asked.since, asked.until))
    return Match.parse(asked.match or "id"), RunQuery(project=asked.project, since=since, until=until)


def _place(place: Place) -> dict[str, Any]:
    from tracklib.model.codec import encode_tree

    return {"backend": place.resolved.spec.name, "destination": encode_tree(place.resolved.settings.destination())}


def _document(half: Half) -> dict[str, Any]:
    from tracklib.cli.documents import run_document

    found = half.comparison
    return {
        "a": None if half.a is None else run_document(half.a),
        "b": None if half.b is None else run_document(half.b),
        "user": half.user,
        "state": half.state,
        "counts": dict(found.counts),
        "differences": [asdict(difference) for difference in found.differences],
        "found": dict(found.found),
        "declared": dict(found.declared),
        "error": half.error,
    }


def _tell(half: Half, names: tuple[str, str]) -> None:
    """Print a run that is not identical."""
    from tracklib.cli.console import out, safe

    if half.state == "identical":
        return
    name = f"{half.run.project}/{half.run.id}"
    for difference in half.comparison.differences[:_TOLD]:
        out().print(safe(f"{name}: {difference}", "red"))
    if (more := sum(half.comparison.found.values()) - _TOLD) > 0:
        out().print(safe(f"{name}: and {more:,} more; --json tells further ones", "red"))
    if half.state != "different":
        reason = f": {half.error}" if half.error else ""
        words = _WORDS[half.state].format(a=names[0], b=names[1])
        out().print(safe(f"{name}: {words}{reason}", "" if half.state == "open" else "red"))


def _conclude(account: Account, names: tuple[str, str], *, passed: bool) -> None:
    from tracklib.cli.console import out, safe

    for (side, project, user), runs in account.one_sided.most_common():
        of = f" of {user}" if user else ""
        out().print(safe(f"{_WORDS[side].format(a=names[0], b=names[1])}: {runs:,} in {project}{of}"))
    for week in sorted(account.weeks):
        out().print(safe(f"{week}: {_counts(account.weeks[week], names)}"))
    for reason, count in account.declared.items():
        out().print(safe(f"as declared: {count:,} x {reason}"))
    out().print(safe(_verdict(account), "green" if passed else "red") + safe(f"; {_counts(account.states, names)}"))


def _counts(states: Mapping[str, int], names: tuple[str, str]) -> str:
    return ", ".join(
        f"{states[state]:,} {words.format(a=names[0], b=names[1])}"
        for state, words in _WORDS.items()
        if states.get(state)
    )


def _verdict(account: Account) -> str:
    from tracklib.cli.quantities import plural

    return f"{_percent(account.share)} of {plural(account.runs, 'run')} identical"


def _percent(share: float) -> str:
    """Write a share rounded down, so that 100 % means all."""
    return f"{int(share * 100) / 100:g} %"
