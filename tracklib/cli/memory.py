"""Memory: what the libraries of a command take beyond its work, in a process that is that command's alone.

Measured where three million points are sorted from a bundle: 277 MB at the peak, 259 with Arrow's pool left out, 223 with
pandas left out too.
"""

from __future__ import annotations

import os
import sys
from importlib.abc import MetaPathFinder
from typing import Any

__all__ = ["OWN_PROCESS", "spare"]

OWN_PROCESS = "the process is the command's own"
"""What a command is told in its context where nothing comes after it in this process."""


def spare(what: str) -> None:
    """Make Arrow spare with memory for the rest of this process.

    Args:
        what: What needs Arrow.
    """
    from tracklib.reading.arrow import needed

    # A pool of Arrow's own keeps much of what it had at its peak. Python's ``set_memory_pool`` is not heard by all of Arrow,
    # the reader of Parquet among it: that goes by the variable, which is looked at once, as Arrow is first imported.
    os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")
    arrow = needed("pyarrow", what=what)
    arrow.set_memory_pool(arrow.system_memory_pool())
    _leave_pandas(arrow)


def _leave_pandas(arrow: Any) -> None:
    """Have Arrow look for pandas now, and find none: it would import it, where it is installed, with the first list it takes."""
    absent = _Absent()
    sys.meta_path.insert(0, absent)
    try:
        arrow.array([None])
    finally:
        sys.meta_path.remove(absent)


class _Absent(MetaPathFinder):
    """Finds no pandas, wherever it is."""

    def find_spec(self, name: str, *_: object) -> None:
        """Refuse pandas and leave everything else to the finders after this one."""
        if name == "pandas":
            raise ModuleNotFoundError("pandas is left out of this process", name=name)
