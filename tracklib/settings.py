"""`Settings`: tracklib's own, and what makes them of the values that somebody gave."""

from __future__ import annotations

import math
import os
import re
from collections.abc import Mapping
from typing import Any, Literal

from tracklib.errors import ConfigError
from tracklib.messages import nearest
from tracklib.value import Value

__all__ = ["CAPTURES", "ENVIRONMENT_ONLY", "KEYS", "LISTS", "Settings", "reserve_of", "validated"]

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


KEYS = Settings.__match_args__

_DEFAULTS = Settings()
_TEXT = frozenset({"dir", "project", "reserve", "run_id"})
_NOT_EMPTY = ("dir", "project")
_SHORTEST_INTERVAL = 0.1
_NUMBER = re.compile(r"\d{1,9}(?:\.\d{1,9})?", re.ASCII)
_RESERVE = re.compile(r"\s*(?:auto|(?P<number>\d+(?:\.\d+)?)\s*(?P<unit>%|b|[kmgt]b))\s*", re.IGNORECASE)
_CHOICES = {
    "mode": ("online", "offline", "disabled"),
    "delivery": ("relay", "inline"),
    "ranks": ("zero", "all"),
}
ENVIRONMENT_ONLY = frozenset({"run_id"})
"""In a file, it would make one run of all that the project ever starts."""

LISTS = frozenset({"backends", "redact", "redact_except", "capture"})


def validated(raw: dict[str, Any], origins: Mapping[str, str]) -> Settings:
    """Return the settings that some values make, converted where they are text.

    Args:
        raw: By setting.
        origins: Where each came from, for messages.

    Raises:
        ConfigError: A value is wrong.
    """
    if isinstance(raw.get("dir"), os.PathLike):
        raw["dir"] = os.fspath(raw["dir"])
    raw |= {key: tuple(raw[key]) for key in LISTS if isinstance(raw.get(key), list)}
    if "capture" in raw:
        raw["capture"] = _captures(raw["capture"], origins["capture"])
    plain = {key: _plain(key, value) for key, value in raw.items()}
    # Where nothing else is to be converted, pydantic, which takes longest to load, is not needed.
    exact = all(_is_exact(key, value) for key, value in plain.items())
    settings = Settings(**plain) if exact else _converted(raw, origins)
    wrong = [(key, "expected a text that is not empty") for key in _NOT_EMPTY if not getattr(settings, key).strip()]
    if not settings.finish_timeout >= 0:  # nor NaN
        wrong.append(("finish_timeout", "expected 0 or more seconds"))
    if not settings.system_interval >= _SHORTEST_INTERVAL:
        wrong.append(("system_interval", f"expected {_SHORTEST_INTERVAL} or more seconds"))
    if settings.system_interval == math.inf:
        wrong.append(("system_interval", "expected a finite number of seconds (capture = '-system' takes no samples)"))
    if settings.reserve.strip() and _RESERVE.fullmatch(settings.reserve) is None:
        wrong.append(("reserve", "expected auto, a share such as 5%, or a size such as 2GB"))
    if wrong:
        raise ConfigError("\n".join(f"{origins[key]}: {key}: {text}, got {raw[key]!r}" for key, text in wrong))
    return settings


def reserve_of(text: str, total: int) -> int:
    """Return the bytes that the setting ``reserve`` keeps free on a disk of ``total`` bytes."""
    match = _RESERVE.fullmatch(text)
    if match is None or match["number"] is None:
        return min(total // 20, 10**9)
    unit = match["unit"].lower()
    if unit == "%":
        return int(total * float(match["number"]) / 100)
    return int(float(match["number"]) * 1000 ** "bkmgt".index(unit[0]))


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


def _plain(key: str, value: Any) -> Any:
    """Return the number or truth value that a variable's plain text says; anything else as it is."""
    wanted = type(getattr(_DEFAULTS, key))
    if wanted is bool and isinstance(value, str):
        return {"true": True, "1": True, "false": False, "0": False}.get(value, value)
    if wanted is float and (type(value) is int or (isinstance(value, str) and _NUMBER.fullmatch(value))):
        return float(value)
    return value


def _is_exact(key: str, value: object) -> bool:
    """Tell whether a value is already what its setting holds, with nothing to convert."""
    if key in _TEXT:
        return type(value) is str
    if key in LISTS:
        return type(value) is tuple and all(type(item) is str for item in value)
    if key in _CHOICES:
        return value in _CHOICES[key]
    return type(value) is type(getattr(_DEFAULTS, key))


def _explain(error: Any, raw: Mapping[str, Any], origins: Mapping[str, str]) -> str:
    lines = []
    for item in error.errors(include_url=False):
        key = str(item["loc"][0]) if item["loc"] else "settings"
        choices = _CHOICES.get(key, ())
        hint = nearest(str(raw.get(key)), choices) if choices else ""
        lines.append(f"{origins.get(key, 'settings')}: {key}: {item['msg'].lower()}, got {raw.get(key)!r}{hint}")
    return "\n".join(lines)
