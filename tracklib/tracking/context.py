"""Context: what is written down of the surroundings of a run."""

from __future__ import annotations

import os
import sys

from tracklib import platform
from tracklib.typing import JSON

__all__ = ["surroundings"]


def surroundings() -> dict[str, JSON]:
    """Return the facts that cost nothing to learn: host, system, Python, script. Neither arguments nor environment."""
    script = sys.argv[0] if sys.argv and sys.argv[0] not in ("", "-c", "-m") else ""
    return {
        "host": platform.host_name(),
        "system": sys.platform,
        "python": ".".join(map(str, sys.version_info[:3])),
        "script": os.path.basename(script),
        "pid": os.getpid(),
    }
