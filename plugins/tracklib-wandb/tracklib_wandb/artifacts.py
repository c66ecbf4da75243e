"""Artifacts: W&B's own, with names, types and aliases that it takes, and how a record's artifact is found again."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

from tracklib.model.records import Artifact, FileRef, Input, Record
from tracklib_wandb.border import border
from tracklib_wandb.identity import KEY, clean
from tracklib_wandb.open_run import OpenRun
from tracklib_wandb.params import held
from tracklib_wandb.surroundings import sdk, staged_in

__all__ = ["ArtifactWriter", "native_name", "native_path", "other_name", "record_key"]

_NAME = re.compile(r"[A-Za-z0-9_.-]{1,128}")
_BAD = re.compile(r"[^A-Za-z0-9_.-]")
_TYPE = re.compile(r"[A-Za-z0-9_ .-]{1,64}")
_ALIAS = re.compile(r"[^/:\x00-\x1f]{1,64}")
_VERSION = re.compile(r"v\d+|latest")
_MAX_METADATA = 90


def record_key(run_id: str, record: Record) -> str:
    """Return what the metadata of W&B's artifact says of the record that it came from."""
    return f"{clean(run_id)}/{record.writer}-{record.seq:012}"


def native_name(name: str) -> str:
    """Return W&B's name of an artifact; no two are one."""
    if _NAME.fullmatch(name) and name.strip("."):
        return name
    mark = hashlib.sha256(name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{_BAD.sub('-', name)[:100]}-{mark}".lstrip("-.")


def other_name(name: str, type_name: str) -> str:
    """Return W&B's name of an artifact where its own is taken by artifacts of another type: there, a name has one."""
    mark = hashlib.sha256(type_name.encode("utf-8", "surrogatepass")).hexdigest()[:12]
    return f"{native_name(name)[:100]}-{mark}"


def native_path(path: str) -> str:
    """Return where a file lies in W&B's artifact: parts that it would change are encoded."""
    return "/".join(_part(part) for part in path.split("/"))


def _part(part: str) -> str:
    if part and part.strip(".") and "~" not in part and len(part.encode("utf-8", "replace")) <= 200 and _is_plain(part):
        return part
    mark = hashlib.sha256(part.encode("utf-8", "surrogatepass")).hexdigest()[:16]
    return f"{_BAD.sub('-', part)[:100]}~{mark}"


def _is_plain(part: str) -> bool:
    return part == part.strip() and part.isprintable() and not set(part) & set('\\?#%*"<>|:')


class ArtifactWriter:
    """Logs artifacts, and tells W&B which the run used."""

    def __init__(self, run: OpenRun, open_file: Callable[[FileRef], Path]) -> None:
        self._run = run
        self._open_file = open_file
        self._is_offline = run.holder.url is None

    def log(self, record: Record) -> None:
        """Log an artifact; on return a server has committed it, or the log has it."""
        body = record.body
        assert isinstance(body, Artifact)
        paths = [(file, self._open_file(file)) for file in body.files]
        with border(f"logging the artifact {body.name!r}"), staged_in(self._run.holder.staging):
            try:
                self._log(record, body, native_name(body.name), paths)
            except Exception as error:  # the SDK's errors have no class of their own for this one
                if "already exists with type" not in str(error):
                    raise
                self._log(record, body, other_name(body.name, body.type), paths)

    def _log(self, record: Record, body: Artifact, name: str, paths: list[tuple[FileRef, Path]]) -> None:
        key = record_key(self._run.identity.id, record)
        made = sdk().Artifact(name, _type(body.type), metadata={**_metadata(body), KEY: key})
        for file, path in paths:
            made.add_file(str(path), name=native_path(file.path))
        for reference in body.references:
            _refer(made, native_path(reference.path), reference.url)
        logged = self._run.native.log_artifact(made, aliases=_aliases(body.aliases))
        if not self._is_offline:
            logged.wait()

    def use(self, body: Input) -> None:
        """Tell W&B that the run used an artifact, where it knows it."""
        if self._is_offline or not _NAME.fullmatch(body.name):
            return
        version = body.version if body.version and _ALIAS.fullmatch(body.version) else "latest"
        try:
            self._run.native.use_artifact(f"{body.name}:{version}")
        except Exception:  # W&B draws lineage only to what it holds itself; the record is kept all the same
            return


def _refer(made: Any, path: str, url: str) -> None:
    """Add a reference, where W&B takes it: it wants a scheme, and looks for files of this machine itself."""
    if "://" not in url or url.startswith("file:"):
        return
    try:
        made.add_reference(clean(url), name=path, checksum=False)
    except Exception:  # of a scheme that it does not know, ...: the record is kept all the same
        return


def _type(name: str) -> str:
    if _TYPE.fullmatch(name) and name != "job" and not name.startswith("wandb-"):
        return name
    return _BAD.sub("-", f"type-{name}")[:64]


def _metadata(body: Artifact) -> dict[str, Any]:
    return {str(held(key)): held(value) for key, value in list(body.metadata.items())[:_MAX_METADATA]}


def _aliases(aliases: Iterable[str]) -> list[str]:
    return [alias for alias in map(clean, aliases) if _ALIAS.fullmatch(alias) and not _VERSION.fullmatch(alias)]
