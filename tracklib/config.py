"""Configuration: from the environment, ``tracklib.toml``, ``[tool.tracklib]`` in ``pyproject.toml`` and arguments.

Each overrides the one before it. An environment variable that a file overrides is reported, never dropped in silence.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

from tracklib.errors import ConfigError
from tracklib.messages import nearest
from tracklib.settings import ENVIRONMENT_ONLY, KEYS, LISTS, Settings, validated
from tracklib.value import Value

__all__ = ["Config", "load"]

_PREFIX = "TRACKLIB_"


class Config(Value):
    """Settings with where each came from.

    Attributes:
        origins: For each key that is set: ``TRACKLIB_DIR``, the path of a file, or ``argument``.
        tables: The backends' own tables, from the files.
        home: The project's root, to which relative paths refer.
        overridden: For people: what was set in one place and overridden in another.
    """

    settings: Settings
    origins: Mapping[str, str] = {}
    tables: Mapping[str, Mapping[str, Any]] = {}
    home: Path = Path()
    overridden: tuple[str, ...] = ()

    @property
    def root(self) -> Path:
        """The journal root, absolute."""
        return Path(os.path.abspath(self.home / os.path.expanduser(self.settings.dir)))


def load(arguments: Mapping[str, Any] | None = None, environ: Mapping[str, str] | None = None) -> Config:
    """Read the configuration that holds here and now.

    Args:
        arguments: What the call itself gives; ``None`` values do not count.
        environ: The environment; the process's own where omitted.

    Raises:
        ConfigError: A key, value or file is wrong; the message names the nearest right one.
    """
    environment = os.environ if environ is None else environ
    home = _project_root(_here())
    raw, origins = _from_environment(environment)
    overridden: dict[str, list[str]] = {}
    tables: dict[str, Mapping[str, Any]] = {}
    for path, content in _files(home):
        for key, value in content.items():
            if key not in KEYS and isinstance(value, dict):
                tables[key] = {**tables.get(key, {}), **value}
                continue
            _check_key(key, [name for name in KEYS if name not in ENVIRONMENT_ONLY], f"{path}")
            if key in raw and not _agrees(raw[key], value):
                overridden.setdefault(key, []).append(origins[key])
            raw[key], origins[key] = value, str(path)
    notices = [
        f"{origin} {'is set' if origin.startswith(_PREFIX) else f'says {key}'}, "
        f"but {origins[key]} says {key} = {raw[key]!r}, which counts"
        for key, earlier in overridden.items()
        for origin in earlier
        if (arguments or {}).get(key) is None
    ]
    for key, value in (arguments or {}).items():
        if value is not None:
            raw[key], origins[key] = value, "argument"
    return Config(validated(raw, origins), origins, tables, home, tuple(notices))


def _check_key(key: str, known: Iterable[str], where: str) -> None:
    if key not in known:
        raise ConfigError(f"{where}: unknown setting {key!r}{nearest(key, known)}")


def _agrees(text: object, value: object) -> bool:
    """Tell whether a variable says what a file says: ``true`` and True, ``5`` and 5."""
    return text == value or (isinstance(text, str) and text.strip().lower() == str(value).lower())


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:  # deleted: a relative root cannot be made here, which tells the user soon enough
        return Path("/proc/self/cwd")


def _project_root(start: Path) -> Path:
    for folder in (start, *start.parents):
        if any(os.path.exists(folder / name) for name in ("tracklib.toml", "pyproject.toml", ".git")):
            return folder
    return start


def _from_environment(environ: Mapping[str, str]) -> tuple[dict[str, Any], dict[str, str]]:
    raw: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for variable, text in environ.items():
        if not variable.startswith(_PREFIX) or "__" in variable[len(_PREFIX) :]:
            continue
        key = variable[len(_PREFIX) :].lower()
        _check_key(key, KEYS, f"environment variable {variable}")
        if text.strip():  # an empty variable is one that is not set
            raw[key] = [part.strip() for part in text.split(",") if part.strip()] if key in LISTS else text
            origins[key] = variable
    return raw, origins


def _files(home: Path) -> Iterable[tuple[Path, dict[str, Any]]]:
    own = home / "tracklib.toml"
    if os.path.isfile(own):
        yield own, _toml(own)
    shared = home / "pyproject.toml"
    # Parsing TOML costs more than the rest of init(): look before. A requirement (tracklib-core) is no table.
    if os.path.isfile(shared) and b"tracklib" in _content(shared).replace(b"tracklib-", b""):
        tools = _toml(shared).get("tool", {})
        table = tools.get("tracklib", {}) if isinstance(tools, dict) else tools
        if not isinstance(table, dict):
            raise ConfigError(f"{shared}: expected a table [tool.tracklib], got {table!r}")
        yield shared, table


def _content(path: Path) -> bytes:
    try:
        return path.read_bytes()
    except OSError as error:
        raise ConfigError(
            f"cannot read {path}: {error.strerror or error}; make it readable, or move it away"
        ) from error


def _toml(path: Path) -> dict[str, Any]:
    if sys.version_info >= (3, 11):
        import tomllib
    else:
        import tomli as tomllib
    try:
        return tomllib.loads(_content(path).decode("utf-8"))
    except ValueError as error:
        raise ConfigError(f"expected TOML in {path}, got an error: {error}; mend the file, or move it away") from error
