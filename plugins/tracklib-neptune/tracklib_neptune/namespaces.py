"""Namespaces: what an attribute is, by its path, where its type leaves that open.

Neptune lets people put anything anywhere; these are its own namespaces and the names that its documentation and
integrations use. Whatever the rule says, the whole path is kept as the name.
"""

from __future__ import annotations

import re

__all__ = ["console_of", "is_param", "is_surroundings", "is_system"]

_PARAMS = frozenset(
    {
        "args", "arguments", "config", "configs", "configuration", "hparams", "hyper_parameters", "hyperparameters",
        "hyperparams", "param", "parameter", "parameters", "params", "settings",
    }
)  # fmt: skip
_SURROUNDINGS = ("sys/", "monitoring/", "runtime/", "source_code/")
_SYSTEM = ("monitoring/", "runtime/")
_CONSOLE = re.compile(r"(?:monitoring|runtime)/(?:(?P<process>.+)/)?(?P<stream>stdout|stderr)", re.DOTALL)


def is_param(path: str, kind: str) -> bool:
    """Tell whether a single value is a param: each is, but for floats that stand in no namespace of params."""
    return kind != "float" or any(part.lower() in _PARAMS for part in path.split("/")[:-1])


def is_surroundings(path: str) -> bool:
    """Tell whether a single value was captured by Neptune itself."""
    return path.startswith(_SURROUNDINGS)


def is_system(path: str) -> bool:
    """Tell whether a series of floats says what the machine was doing."""
    return path.startswith(_SYSTEM)


def console_of(path: str) -> tuple[str, str] | None:
    """Return the process and the stream of a series of texts that the process printed; ``None`` where it is another."""
    found = _CONSOLE.fullmatch(path)
    return None if found is None else (found["process"] or "", found["stream"])
