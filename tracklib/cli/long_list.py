"""A long list: of a JSON document the part that is as long as there are runs, which waits in a temporary file."""

from __future__ import annotations

import json
import sys
import tempfile
from collections.abc import Mapping
from typing import IO

from tracklib.typing import JSON

__all__ = ["LongList"]


class LongList:
    """Items of a list, of which memory holds one at a time.

    Args:
        name: What the list is called in the document.
    """

    def __init__(self, name: str) -> None:
        self._name = name
        self._file: IO[str] = tempfile.TemporaryFile("w+", encoding="ascii")  # noqa: SIM115  closed by print_within()

    def add(self, item: Mapping[str, JSON]) -> None:
        """Take in an item."""
        self._file.write(json.dumps(item, allow_nan=False) + "\n")

    def print_within(self, document: Mapping[str, JSON]) -> None:
        """Print a JSON document with the list behind its other parts, as `tracklib.cli.console.print_json` would."""
        head = json.dumps({**document, self._name: []}, indent=2, allow_nan=False).removesuffix("]\n}")
        sys.stdout.write(head)
        with self._file as items:
            items.seek(0)
            for number, line in enumerate(items):
                sys.stdout.write(("," if number else "") + "\n    " + line.rstrip("\n"))
        sys.stdout.write("\n  ]\n}\n")
