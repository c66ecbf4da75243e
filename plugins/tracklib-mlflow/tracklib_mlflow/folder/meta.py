"""``meta.yaml``: what MLflow's file store says of an experiment, a run, a dataset, ..., in the form of any version."""

from __future__ import annotations

from collections.abc import Mapping

from tracklib.errors import BadValueError
from tracklib_mlflow.folder.disk import Disk
from tracklib_mlflow.folder.subset import Value, read_mapping

__all__ = ["META", "lifecycle", "read_meta", "run_status", "text", "whole_number"]

META = "meta.yaml"

_LARGEST = 64 << 20  # a dataset's profile may have 16 MB (mlflow.utils.validation)
# mlflow.protos.service_pb2.RunStatus: the number stands in the file; runs of tools that write names are read too.
_STATUSES = {1: "RUNNING", 2: "SCHEDULED", 3: "FINISHED", 4: "FAILED", 5: "KILLED"}


def read_meta(disk: Disk, folder: str, *, is_known: bool = False) -> dict[str, Value]:
    """Return what the ``meta.yaml`` of a folder holds.

    Args:
        is_known: The folder itself was listed.

    Raises:
        FileNotFoundError: There is none.
        BadValueError: It cannot be read; the message says why.
    """
    path = f"{folder}/{META}"
    try:
        return read_mapping(disk.content(path, _LARGEST, is_known=is_known).decode("utf-8"))
    except FileNotFoundError:
        raise
    except (OSError, UnicodeDecodeError, BadValueError) as error:
        raise BadValueError(f"{disk.name(path)} cannot be read: {error}") from error


def text(meta: Mapping[str, Value], *names: str) -> str | None:
    """Return the first of some members that is there and not empty, as text."""
    for name in names:
        value = meta.get(name)
        if isinstance(value, (str, int)) and not isinstance(value, bool) and value != "":
            return str(value)
    return None


def whole_number(meta: Mapping[str, Value], name: str) -> int | None:
    """Return a whole number, or ``None`` where there is none.

    Raises:
        BadValueError: Something else stands there.
    """
    value = meta.get(name)
    if value is not None and (not isinstance(value, int) or isinstance(value, bool)):
        raise BadValueError(f"expected a whole number as {name}, got {value!r:.40}")
    return value


def run_status(meta: Mapping[str, Value]) -> str:
    """Return MLflow's word for a run's status.

    Raises:
        BadValueError: It is none that MLflow has.
    """
    value = meta.get("status", 1)
    word = _STATUSES.get(value) if isinstance(value, int) else value
    if word not in _STATUSES.values():
        raise BadValueError(f"expected a status of MLflow's, got {value!r:.40}")
    return str(word)


def lifecycle(meta: Mapping[str, Value]) -> str:
    """Return ``active`` or ``deleted``; old versions know no deletion."""
    return "deleted" if meta.get("lifecycle_stage") == "deleted" else "active"
