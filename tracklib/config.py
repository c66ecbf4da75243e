"""Configuration: from the environment, ``tracklib.toml``, ``[tool.tracklib]`` in ``pyproject.toml`` and arguments.

Each overrides the one before it. An environment variable that a file overrides is reported, never dropped in silence.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Literal

from tracklib.errors import ConfigError
from tracklib.value import Value

__all__ = ["CAPTURES", "Config", "Settings", "load", "nearest", "reserve_of"]

_PREFIX = "TRACKLIB_"

_CAPTURED = ("git", "packages", "hardware", "launcher", "script", "system")
CAPTURES = (*_CAPTURED, "console")
"""What can be captured; the console on request only."""


class Settings(Value):
    """tracklib's own settings; those of a backend stand in a table of its name.

    Attributes:
        backends: Names or places (``mlflow``, ``mlflow:http://host:5000``); none: the journal alone.
        mode: ``disabled`` records nothing; ``offline`` records and delivers nothing until ``tracklib sync``.
        delivery: ``relay`` delivers in processes of their own; ``inline`` on threads of the training process, for
            `Run.native`.
        dir: The journal root; relative to the project's root.
        project: The project of runs that name none.
        strict: Raise where a value cannot be recorded, instead of refusing it by name.
        finish_timeout: Seconds that the process waits at its end for what is pending; ``inf`` until delivered.
        quiet: Print nothing but warnings.
        ranks: Of a distributed job, who records: rank ``zero`` alone, or ``all``, each told apart.
        run_id: The id of runs that name none; from the environment alone.
        redact: Further names whose values are secrets.
        redact_except: Names whose values are none, though they look like it.
        capture: What is learned of a run's surroundings: words of `CAPTURES`.
        system_interval: Seconds between two samples of the machine's load.
        reserve: What stays free on the journal's disk, such as ``5%`` or ``2GB``: below it no file is kept any more;
            ``auto`` is 5%, at most 1 GB.
    """

    backends: tuple[str, ...] = ()
    mode: Literal["online", "offline", "disabled"] = "online"
    delivery: Literal["relay", "inline"] = "relay"
    dir: str = ".tracklib"
    project: str = "default"
    strict: bool = False
    finish_timeout: float = 30.0
    quiet: bool = False
    ranks: Literal["zero", "all"] = "zero"
    run_id: str = ""
    redact: tuple[str, ...] = ()
    redact_except: tuple[str, ...] = ()
    capture: tuple[str, ...] = _CAPTURED
    system_interval: float = 10.0
    reserve: str = "auto"


_KEYS = Settings.__match_args__
_TEXT = frozenset({"dir", "project", "reserve", "run_id"})
_NOT_EMPTY = ("dir", "project")
_SHORTEST_INTERVAL = 0.1
_RESERVE = re.compile(r"\s*(?:auto|(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>%|b|[kmgt]b))\s*", re.IGNORECASE)
_CHOICES = {
    "mode": ("online", "offline", "disabled"),
    "delivery": ("relay", "inline"),
    "ranks": ("zero", "all"),
}
_ENVIRONMENT_ONLY = frozenset({"run_id"})
"""In a file, it would make one run of all that the project ever starts."""

_LISTS = frozenset({"backends", "redact", "redact_except", "capture"})


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
            if key not in _KEYS and isinstance(value, dict):
                tables[key] = {**tables.get(key, {}), **value}
                continue
            _check_key(key, [name for name in _KEYS if name not in _ENVIRONMENT_ONLY], f"{path}")
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
    return Config(_validated(raw, origins), origins, tables, home, tuple(notices))


def reserve_of(text: str, total: int) -> int:
    """Return the bytes that the setting ``reserve`` keeps free on a disk of ``total`` bytes."""
    match = _RESERVE.fullmatch(text)
    if match is None or match["number"] is None:
        return min(total // 20, 10**9)
    unit = match["unit"].lower()
    if unit == "%":
        return int(total * float(match["number"]) / 100)
    return int(float(match["number"]) * 1000 ** "bkmgt".index(unit[0]))


def nearest(name: str, known: Iterable[str]) -> str:
    """Return a hint, ``"; did you mean 'x'?"`` or ``"; known: x, y"``."""
    import difflib

    choices = sorted(known)
    close = difflib.get_close_matches(name, choices, n=1)
    if close:
        return f"; did you mean {close[0]!r}?"
    return f"; known: {', '.join(choices)}" if choices else ""


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
        _check_key(key, _KEYS, f"environment variable {variable}")
        if text.strip():  # an empty variable is one that is not set
            raw[key] = [part.strip() for part in text.split(",") if part.strip()] if key in _LISTS else text
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


def _validated(raw: dict[str, Any], origins: Mapping[str, str]) -> Settings:
    if isinstance(raw.get("dir"), os.PathLike):
        raw["dir"] = os.fspath(raw["dir"])
    raw |= {key: tuple(raw[key]) for key in _LISTS if isinstance(raw.get(key), list)}
    if "capture" in raw:
        raw["capture"] = _captures(raw["capture"], origins["capture"])
    exact = all(_is_exact(key, value) for key, value in raw.items())
    # Where nothing is to be converted, pydantic, which takes longest to load, is not needed.
    settings = Settings(**raw) if exact else _converted(raw, origins)
    wrong = [(key, "expected a text that is not empty") for key in _NOT_EMPTY if not getattr(settings, key).strip()]
    if not settings.finish_timeout >= 0:  # nor NaN
        wrong.append(("finish_timeout", "expected 0 or more seconds"))
    if not settings.system_interval >= _SHORTEST_INTERVAL:
        wrong.append(("system_interval", f"expected {_SHORTEST_INTERVAL} or more seconds"))
    if settings.reserve.strip() and _RESERVE.fullmatch(settings.reserve) is None:
        wrong.append(("reserve", "expected auto, a share such as 5%, or a size such as 2GB"))
    if wrong:
        raise ConfigError("\n".join(f"{origins[key]}: {key}: {text}, got {raw[key]!r}" for key, text in wrong))
    return settings


def _captures(given: object, where: str) -> object:
    """Return what is to be captured: the words that are named, or the usual ones with ``+word`` and without ``-word``.

    Raises:
        ConfigError: There is no such word.
    """
    words = (given,) if isinstance(given, str) else given
    if not isinstance(words, tuple) or not all(isinstance(word, str) for word in words):
        return given  # refused with the other values of a wrong type
    for word in words:
        if (plain := word.lstrip("+-")) not in (*CAPTURES, *(("all", "none") if plain == word else ())):
            raise ConfigError(f"{where}: capture: unknown word {word!r}{nearest(plain, (*CAPTURES, 'all', 'none'))}")
    chosen = set(_CAPTURED if all(word[:1] in ("+", "-") for word in words) and words else ())
    for word in words:
        named = CAPTURES if word == "all" else () if word == "none" else (word.lstrip("+-"),)
        chosen = chosen - set(named) if word.startswith("-") else chosen | set(named)
    return tuple(word for word in CAPTURES if word in chosen)


def _converted(raw: dict[str, Any], origins: Mapping[str, str]) -> Settings:
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(Settings).validate_python(raw)
    except ValidationError as error:
        raise ConfigError(_explain(error, raw, origins)) from error


def _is_exact(key: str, value: object) -> bool:
    """Tell whether a value is already what its setting holds, with nothing to convert."""
    if key in _TEXT:
        return type(value) is str
    if key in _LISTS:
        return type(value) is tuple and all(type(item) is str for item in value)
    if key in _CHOICES:
        return value in _CHOICES[key]
    return type(value) is type(getattr(Settings, key))


def _explain(error: Any, raw: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    lines = []
    for item in error.errors(include_url=False):
        key = str(item["loc"][0]) if item["loc"] else "settings"
        choices = _CHOICES.get(key, ())
        hint = nearest(str(raw.get(key)), choices) if choices else ""
        lines.append(f"{origins.get(key, 'settings')}: {key}: {item['msg'].lower()}, got {raw.get(key)!r}{hint}")
    return "\n".join(lines)
