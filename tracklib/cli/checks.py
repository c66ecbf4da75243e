"""Checks: what `tracklib doctor` looks at."""

from __future__ import annotations

import json
import os
import platform as python_platform
import shutil
import stat
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import tracklib
from tracklib import platform
from tracklib.backends.registry import resolve, split_entry
from tracklib.cli.backends import sdk_text
from tracklib.cli.plugins import Plugin, all_plugins
from tracklib.cli.probe import probe
from tracklib.cli.quantities import bytes_text
from tracklib.config import Config
from tracklib.errors import TracklibError
from tracklib.journal.layout import Root
from tracklib.tracking.redaction import Redactor

__all__ = ["Check", "check_backends", "check_configuration", "check_root", "check_versions"]

_LITTLE = 1_000_000_000

_REMEDIES = {
    "settings": "mend that, then run tracklib sync",
    "credentials": "renew the credentials, then run tracklib sync",
}


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was looked at.

    Attributes:
        remedy: What to do about it, in one line.
    """

    topic: str
    name: str
    verdict: Literal["ok", "note", "warning", "problem"]
    text: str
    remedy: str = ""


def check_versions() -> Iterator[Check]:
    """Tell which Python, tracklib and system this is."""
    yield Check("versions", "tracklib", "ok", f"{tracklib.__version__} in {Path(tracklib.__file__).parent}")
    yield Check("versions", "python", "ok", f"{python_platform.python_version()} at {sys.executable}")
    yield Check("versions", "system", "ok", python_platform.platform())


def check_configuration(found: Config) -> Iterator[Check]:
    """Tell what is configured, and where."""
    for key, origin in sorted(found.origins.items()):
        value = getattr(found.settings, key)
        text = ", ".join(value) if isinstance(value, tuple) else str(value)
        yield Check("configuration", key, "ok", f"{text} from {origin}")
    if not found.origins:
        yield Check("configuration", "settings", "ok", "nothing is set: defaults hold")
    for name in sorted(found.tables):
        keys = ", ".join(sorted(found.tables[name]))
        yield Check("configuration", f"[{name}]", "ok", f"a table of that backend sets {keys}")
    for text in found.overridden:
        yield Check("configuration", "overridden", "warning", text, "set it in one place only")


def check_root(root: Root) -> Iterator[Check]:
    """Tell whether the journal root can be relied on."""
    place = next(path for path in (root.path, *root.path.parents) if path.exists())
    new = "" if place == root.path else f" (does not exist yet; {place} does)"
    if os.access(place, os.W_OK | os.X_OK) and place.is_dir():
        yield Check("journal", "root", "ok", f"{root.path} can be written{new}")
    else:
        remedy = "make it writable, or set TRACKLIB_DIR; until then runs are recorded in the temporary folder"
        yield Check("journal", "root", "problem", f"{root.path} cannot be written{new}", remedy)
    free = shutil.disk_usage(place).free
    if free < _LITTLE:
        yield Check("journal", "space", "warning", f"{bytes_text(free)} free", "tracklib prune frees what is delivered")
    else:
        yield Check("journal", "space", "ok", f"{bytes_text(free)} free")
    yield _file_system(place)
    yield from _permissions(root)


def _file_system(place: Path) -> Check:
    kind = platform.file_system(str(place))
    if platform.network_file_system(str(place)):
        text = f"{kind}, a network file system: slow to write, and its locks cannot always be relied on"
        remedy = "set TRACKLIB_DIR to a local disk, and run tracklib sync before the job ends"
        return Check("journal", "file system", "warning", text, remedy)
    return Check("journal", "file system", "ok" if kind else "note", kind or "unknown")


def _permissions(root: Root) -> list[Check]:
    return [_mode(root)] if sys.platform != "win32" and root.path.is_dir() else []


def _mode(root: Root) -> Check:
    mode = stat.S_IMODE(root.path.stat().st_mode)
    if mode & 0o077:
        remedy = f"chmod 700 {root.path}, unless that is meant"
        return Check("journal", "permissions", "warning", f"{mode:04o}: others than you may look in", remedy)
    return Check("journal", "permissions", "ok", f"{mode:04o}: yours alone")


def check_backends(found: Config, entries: tuple[str, ...], timeout: float) -> Iterator[Check]:
    """Tell of each backend what is installed, where it leads, and, of those that are configured, whether it answers.

    Args:
        entries: Further ones that are asked.
        timeout: Seconds that each may take to answer.
    """
    asked = list(dict.fromkeys([*found.settings.backends, *entries]))
    plugins = {each.name: each for each in all_plugins()}
    for entry in asked:
        yield from _asked(entry, found, plugins, timeout)
    named = {entry.partition(":")[0] for entry in asked}
    for name, each in plugins.items():
        if name not in named:
            yield from _unasked(each, found)
    if not asked:
        text = "none is configured: runs stay in the journal alone"
        yield Check("backends", "backends", "note", text, "TRACKLIB_BACKENDS=<name> delivers them")


def _asked(entry: str, found: Config, plugins: dict[str, Plugin], timeout: float) -> Iterator[Check]:
    try:
        name, _ = split_entry(entry)
        resolved = resolve(entry, found.tables)
    except TracklibError as error:
        yield Check("backends", entry, "problem", str(error), "mend that setting, or take the backend out")
        return
    yield _installed(entry, plugins[name])
    destination = resolved.settings.destination()
    where = _harmless(destination)
    yield Check("backends", entry, "ok", f"goes to {where}")
    answer = probe(entry, name, destination, timeout)
    if answer.good:
        yield Check("backends", entry, "ok", answer.text)
    else:
        remedy = _REMEDIES.get(answer.fault, f"see that {where} is up and the credentials hold")
        yield Check("backends", entry, "problem", answer.text, f"{remedy}; everything stays on disk until then")


def _unasked(each: Plugin, found: Config) -> Iterator[Check]:
    if each.spec is None:
        yield Check("backends", each.name, "warning", each.error, f"reinstall or uninstall {each.distribution}")
        return
    yield _installed(each.name, each)
    try:
        where = f"would go to {_harmless(resolve(each.name, found.tables).settings.destination())}"
    except TracklibError as error:
        where = f"needs settings: {' '.join(str(error).split())}"
    yield Check("backends", each.name, "note", f"not configured; {where}")


def _installed(entry: str, each: Plugin) -> Check:
    missing = [name for name, version in each.sdks.items() if version is None]
    text = f"{each.distribution} {each.version}, with {sdk_text(each)}"
    if each.sdks and len(missing) == len(each.sdks):
        return Check("backends", entry, "problem", text, f"pip install {missing[0]}")
    return Check("backends", entry, "ok", text)


def _harmless(destination: object) -> str:
    """Write a destination; it holds no credentials by contract, and looked through all the same."""
    return Redactor().text(json.dumps(destination, ensure_ascii=False))
