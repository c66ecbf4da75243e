"""`examine`: puts a backend to every law."""

from __future__ import annotations

import importlib.metadata
import tempfile
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from tracklib.model.run import new_run_id
from tracklib.testing.conformance.desk import Desk
from tracklib.testing.conformance.laws import LAWS
from tracklib.testing.conformance.subject import Subject
from tracklib.testing.conformance.verdict import Report, Verdict

__all__ = ["examine", "new_project", "verdicts"]


def new_project() -> str:
    """Return a project's name that nobody else has."""
    return f"tracklib-conformance-{new_run_id()}"


def verdicts(desk: Desk, law: str) -> Iterator[Verdict]:
    """Put a backend to a law; one that cannot be examined to its end, because the backend raises, is broken."""
    try:
        yield from LAWS[law](desk)
    except Exception as error:  # whatever a backend raises is a finding
        yield Verdict(law, "no exception", None, f"{type(error).__name__}: {error}")


def examine(
    subject: Subject,
    *,
    laws: Iterable[str] = LAWS,
    sdks: Iterable[str] = (),
    project: str | None = None,
    progress: Callable[[str], None] = lambda _: None,
) -> Report:
    """Put a backend to laws, each in runs of its own, all in one project but for those about projects.

    Args:
        subject: The backend, with a place that may be written to.
        laws: Names out of `LAWS`.
        sdks: Distributions whose versions the report is to name.
        project: Where the runs go; a new one where omitted.
        progress: Told the name of each law before it is examined.
    """
    versions = {name: importlib.metadata.version(name) for name in sdks}
    report = Report(subject.name, subject.capabilities, versions)
    with tempfile.TemporaryDirectory(prefix="tracklib-conformance-") as folder:
        desk = Desk(subject, Path(folder), project or new_project())
        for name in laws:
            progress(name)
            report.add(verdicts(desk, name))
    return report
