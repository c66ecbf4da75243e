"""``tracklib export``: writes runs as plain JSON or CSV."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracklib.cli.copying import choice_of, tell_unlisted
from tracklib.cli.options import Json, Select

if TYPE_CHECKING:
    from tracklib.portability.export import Exported

__all__ = ["EXAMPLE", "export"]

EXAMPLE = "tracklib export bundle:./backup --format csv --output ./plain --select project=digits"


def export(
    place: Annotated[str, typer.Argument(metavar="PLACE", help="Where runs are read.", show_default=False)],
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder, a folder in it for each run.")],
    format: Annotated[str, typer.Option("--format", "-f", help="json or csv; for Parquet, tracklib backup.")] = "json",
    select: Select = None,
    files: Annotated[bool, typer.Option("--files/--no-files", help="The contents of artifacts and media too.")] = True,
    json: Json = False,
) -> int:
    """Write runs of any place as plain files: metrics, params, tags, console, and the files themselves.

    Repeated, a run's folder is written anew. JSON: output, runs, unlisted; each run has run, folder, failed, problems and counts. Exit code 1
    where something of a run could not be written.
    """
    from tracklib.cli.console import interruptible
    from tracklib.cli.long_list import LongList
    from tracklib.errors import UsageError
    from tracklib.portability.export import Export
    from tracklib.portability.places import open_place

    if output.exists() and not output.is_dir():
        raise UsageError(f"--output: expected a folder, or a place for one, got the file {output}")
    if format not in ("json", "csv"):
        hint = "; a bundle is Parquet: tracklib backup" if format == "parquet" else ""
        raise UsageError(f"--format: expected json or csv, got {format!r}{hint}")
    source, choice = open_place(place).source(), choice_of(select)
    work = Export(source, output, "csv" if format == "csv" else "json", files)
    runs, counts = LongList("runs") if json else None, _Counts()
    with interruptible(lambda: f"{counts.done} runs done; repeat to write all"):
        for item in map(work.write, choice.runs(source)):
            counts.add(item)
            if runs is not None:
                runs.add(_document(item))
            else:
                _tell(item)
    unlisted = dict(getattr(source, "unlisted", {}))
    if runs is not None:
        runs.print_within({"output": str(output), "unlisted": unlisted})
    else:
        tell_unlisted(unlisted)
        counts.tell()
    return int(bool(unlisted) or counts.troubled)


def _tell(item: Exported) -> None:
    from tracklib.cli.console import out, safe

    for text in item.problems:
        out().print(safe(f"{item.run.project}/{item.run.id}: {text}", "red"))


@dataclass(slots=True)
class _Counts:
    """How many runs were looked at, how many of them failed, and what is in the others.

    Attributes:
        troubled: Whether something of any could not be written.
    """

    done: int = 0
    failed: int = 0
    points: int = 0
    troubled: bool = False

    def add(self, item: Exported) -> None:
        self.done += 1
        self.failed += item.failed
        self.points += item.tally.points
        self.troubled |= bool(item.problems)

    def tell(self) -> None:
        from tracklib.cli.console import out, safe
        from tracklib.cli.quantities import plural

        failed = f"; {self.failed:,} failed" if self.failed else ""
        out().print(safe(f"{plural(self.done - self.failed, 'run')} written, {self.points:,} points{failed}"))


def _document(item: Exported) -> dict[str, Any]:
    from tracklib.cli.documents import run_document

    numbers = item.tally.document()
    return {
        "run": run_document(item.run),
        "folder": str(item.folder),
        "failed": item.failed,
        "problems": item.problems,
        **{name: numbers[name] for name in ("records", "points", "params", "artifacts", "media", "files", "bytes")},
    }
