"""The model registry: a saved model with aliases becomes a version of a registered model."""

from __future__ import annotations

import re
from collections.abc import Sequence
from contextlib import suppress

from tracklib.errors import RejectedError
from tracklib_mlflow.border import ExistsError
from tracklib_mlflow.client import Client

__all__ = ["alias_problem", "model_name", "register"]

# mlflow.utils.validation: letters, digits, _ and -, and no alias that could be a version.
_ALIAS = re.compile(r"[A-Za-z0-9_-]{1,255}\Z")
_VERSION = re.compile(r"[vV]\d+\Z")


def model_name(name: str) -> str:
    """Return the registered model's name of an artifact: MLflow refuses ``/``, ``:`` and what is no normal path."""
    text = "".join(char if char not in "/:~" and char.isprintable() else f"~{ord(char):02X}~" for char in name)
    return text if text.strip(" .") == text and text else f"~{text}~"


def alias_problem(alias: str) -> str | None:
    """Return why MLflow takes no alias of this name; ``None`` where it does."""
    if alias.casefold() == "latest" or _VERSION.match(alias):
        return f"MLflow keeps the alias {alias!r} for itself"
    return None if _ALIAS.match(alias) else f"MLflow takes no alias such as {alias!r}"


def register(client: Client, run_id: str, source: str, name: str, aliases: Sequence[str]) -> str | None:
    """Make a registered model's version of a run's artifact and set aliases; return what the registry refused.

    The version is looked for first: sending again makes no second one.
    """
    usable = [alias for alias in aliases if alias_problem(alias) is None]
    problems = [problem for problem in map(alias_problem, aliases) if problem is not None]
    if usable:
        try:
            version = _version(client, run_id, source, model_name(name))
            for alias in usable:
                client.call("setting an alias", client.raw.set_registered_model_alias, model_name(name), alias, version)
        except RejectedError as error:
            problems.append(str(error))
    return f"{'; '.join(problems)}; the aliases are kept beside the run's artifacts" if problems else None


def _version(client: Client, run_id: str, source: str, name: str) -> str:
    with suppress(ExistsError):  # an earlier run's, or this one sent again
        client.call("registering a model", client.raw.create_registered_model, name)
    found = client.call("searching model versions", client.raw.search_model_versions, f"run_id = '{run_id}'")
    for version in found:
        if version.name == name and version.source == source:
            return str(version.version)
    made = client.call("registering a model's version", client.raw.create_model_version, name, source, run_id)
    return str(made.version)
