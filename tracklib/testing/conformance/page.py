"""The support page, made from the results that lie beside the plugins."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tracklib.backends.capabilities import Feature

__all__ = ["page", "read_results"]

_MARK = {"exact": "exact", "lossy": "lossy", "absent": "absent"}
_HEAD = """# What each backend holds

This page is generated from test results (`make support`); a test fails where it is stale. *exact* means that what was
recorded reads back equal, bit for bit, through the vendor's real SDK. *lossy* means that it reads back as a declared
transformation makes it, and no other way. *absent* means that it is refused aloud, stays in the journal, and is named
in the receipt. Behind each word stands the number of cases of the
[corpus](../tracklib/testing/conformance/corpus) that were tried; where there is no number, the laws at the end of the page
examine it on whole runs.
"""


def read_results(folders: Iterable[Path]) -> list[dict[str, Any]]:
    """Return the results that lie in plugins' folders, by backend."""
    found = (json.loads(path.read_text(encoding="utf-8")) for folder in folders for path in folder.glob("support.json"))
    return sorted(found, key=lambda result: str(result["backend"]))


def page(results: Sequence[Mapping[str, Any]]) -> str:
    """Return the page as Markdown."""
    return "\n".join([_HEAD, *_versions(results), "", *_table(results), "", *_reasons(results), "", *_laws(results)])


def _row(cells: Iterable[str]) -> str:
    return f"| {' | '.join(cells)} |"


def _versions(results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield _row(["backend", "tested with", "names"])
    yield _row(["---"] * 3)
    for result in results:
        versions = ", ".join(f"{name} {version}" for name, version in result["versions"].items())
        yield _row([result["backend"], versions, result["names"].replace("|", "\\|")])


def _table(results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## Features"
    yield ""
    yield _row(["feature", *(result["backend"] for result in results)])
    yield _row(["---"] * (len(results) + 1))
    for feature in Feature:
        yield _row([feature.value, *(_cell(result["features"].get(feature.name)) for result in results)])


def _cell(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "not examined"
    if failed := found.get("failed"):
        return f"**fails** ({len(failed)} of {found['cases']})"
    cases = f" ({found['cases']})" if found["cases"] else ""
    return _MARK[found["fidelity"]] + cases


def _reasons(results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    yield "## Declared losses, and why"
    yield ""
    for result in results:
        for name, found in result["features"].items():
            if reason := found.get("reason"):
                yield f"- **{result['backend']}**, {Feature[name].value}: {found['fidelity']}: {reason}."


def _laws(results: Sequence[Mapping[str, Any]]) -> Iterator[str]:
    from tracklib.testing.conformance.laws import LAWS

    yield "## Laws"
    yield ""
    yield _row(["law", *(result["backend"] for result in results)])
    yield _row(["---"] * (len(results) + 1))
    for name, law in LAWS.items():
        told = (law.__doc__ or name).strip().splitlines()[0]
        yield _row([told, *(_of_law(result["laws"].get(name)) for result in results)])
    yield ""


def _of_law(found: Mapping[str, Any] | None) -> str:
    if found is None:
        return "not examined"
    return (
        f"**fails** ({len(found['failed'])} of {found['cases']})" if "failed" in found else f"holds ({found['cases']})"
    )


if __name__ == "__main__":
    sys.stdout.write(page(read_results(map(Path, sys.argv[1:]))))
