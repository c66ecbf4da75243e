"""Published results: what a plugin's package says was found, and where another examination deviates from it."""

from __future__ import annotations

import importlib.resources
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from tracklib.backends.spec import BackendSpec
from tracklib.testing.conformance.verdict import Verdict

__all__ = ["Deviations", "deviations", "published"]

FILE = "support.json"


def published(spec: BackendSpec) -> Mapping[str, Any] | None:
    """Return the results in a plugin's package, from which docs/support.md is made; ``None`` where it has none."""
    package = spec.settings.partition(":")[0].partition(".")[0]
    try:
        text = importlib.resources.files(package).joinpath(FILE).read_text(encoding="utf-8")
    except (FileNotFoundError, ModuleNotFoundError, NotADirectoryError, TypeError):
        return None
    found: Mapping[str, Any] = json.loads(text)
    return found


@dataclass(slots=True)
class Deviations:
    """Where an examination found something else than is published.

    Attributes:
        worse: What is broken here, and published as kept.
        better: Law and case that are published as broken, and kept here.
        unexamined: Laws that were examined for the page and could not be here.
    """

    worse: list[Verdict] = field(default_factory=list)
    better: list[tuple[str, str]] = field(default_factory=list)
    unexamined: list[str] = field(default_factory=list)


def deviations(verdicts: Iterable[Verdict], page: Mapping[str, Any] | None, laws: Iterable[str]) -> Deviations:
    """Compare what was found under some laws with what is published; nothing published counts as all kept."""
    known: Mapping[str, Any] = (page or {}).get("laws", {})
    found = list(verdicts)
    result = Deviations()
    for verdict in found:
        is_known = verdict.case in known.get(verdict.law, {}).get("failed", ())
        if not verdict.holds and not is_known:
            result.worse.append(verdict)
        elif verdict.holds and is_known:
            result.better.append((verdict.law, verdict.case))
    examined = {verdict.law for verdict in found}
    result.unexamined = [law for law in laws if law in known and law not in examined]
    return result
