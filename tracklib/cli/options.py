"""Options that several commands share."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Annotated

import typer

from tracklib.cli.completion import backend_names, project_names, run_ids
from tracklib.errors import UsageError

__all__ = [
    "Backend",
    "Dir",
    "Jobs",
    "Json",
    "OneRun",
    "OtherPlace",
    "PlaceAndRun",
    "Project",
    "Select",
    "SomeRuns",
    "Yes",
    "expect_writable",
]


def expect_writable(option: str, path: Path | None) -> None:
    """See that a file can be written when the work is done.

    Raises:
        UsageError: Its folder is not there, or the path is a folder itself.
    """
    if path is None:
        return
    folder = path.parent
    if path.is_dir() or not folder.is_dir() or not os.access(folder, os.W_OK):
        raise UsageError(f"{option}: expected a file in a folder that is there and can be written, got {path}")


Dir = Annotated[
    Path | None,
    typer.Option("--dir", help="The journal root; the configured one where omitted.", show_default=False),
]
Json = Annotated[bool, typer.Option("--json", help="Print one JSON object on stdout, and nothing else.")]
Jobs = Annotated[int, typer.Option("--jobs", "-j", min=1, help="Copy so many runs at a time.")]
Select = Annotated[
    list[str] | None,
    typer.Option("--select", "-s", help="project=, name=, state=, tag=KEY or KEY:VALUE, since=, until=; by commas."),
]
Yes = Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")]
Project = Annotated[
    str | None,
    typer.Option("--project", "-p", help="Only runs of this project.", autocompletion=project_names),
]
Backend = Annotated[
    str | None,
    typer.Option(
        "--backend",
        "-b",
        metavar="ENTRY",
        help="Only this backend: a name such as mlflow, or a place such as mlflow:http://host:5000.",
        autocompletion=backend_names,
    ),
]
OneRun = Annotated[
    str,
    typer.Argument(
        metavar="RUN",
        help="A run's id, the beginning of one, or project/id.",
        autocompletion=run_ids,
        show_default=False,
    ),
]
PlaceAndRun = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[[PLACE] RUN]",
        help="A run's id, the beginning of one, or project/id; behind a place such as mlflow:http://host:5000, its runs. The newest local run, if none is named.",
        autocompletion=run_ids,
        show_default=False,
    ),
]
OtherPlace = Annotated[
    str | None,
    typer.Argument(
        metavar="[PLACE]",
        help="Where the runs are: mlflow:http://host:5000, aim:./repo, local:FOLDER; the journal root where omitted.",
        show_default=False,
    ),
]
SomeRuns = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[RUN]...",
        help="Runs by id, the beginning of one, or project/id.",
        autocompletion=run_ids,
        show_default=False,
    ),
]
