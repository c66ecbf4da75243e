"""The registry: from a backend's name to its plugin and settings, importing no other plugin on the way."""

from __future__ import annotations

import importlib
import importlib.util
import os
import re
from collections.abc import Iterable, Mapping
from typing import TYPE_CHECKING, Any

from tracklib.backends.spec import BackendSpec
from tracklib.errors import ConfigError, MissingPluginError
from tracklib.messages import nearest
from tracklib.typing import JSON
from tracklib.value import Value

if TYPE_CHECKING:
    from importlib.metadata import EntryPoint

    from tracklib.backends.settings import BackendSettings

__all__ = ["GROUP", "Resolved", "check_names", "installed", "load_spec", "reopen", "resolve", "split_entry"]

_CREDENTIAL = re.compile(r"://[^/@\s]*:[^/@\s]+@")

_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_-]*[A-Za-z0-9])?")

GROUP = "tracklib.backends"
"""The entry-point group in which a plugin declares ``name = "package.spec:SPEC"``."""


class Resolved(Value):
    """A backend with its settings.

    Attributes:
        entry: How the user named it.
    """

    entry: str
    spec: BackendSpec
    settings: BackendSettings

    def check(self) -> str:
        """Ask the backend for a sign of life; return its version or a word of greeting.

        Raises:
            BackendError: It does not answer, or refuses the credentials.
            ConfigError: What asks it cannot be imported, or the settings cannot work.
        """
        return "no check" if self.spec.check is None else str(self.spec.load(self.spec.check)(self.settings))


def installed() -> dict[str, EntryPoint]:
    """Return the entry point of each backend that is installed; nothing is imported."""
    from importlib.metadata import entry_points

    return {point.name: point for point in entry_points(group=GROUP)}


def load_spec(name: str, /) -> BackendSpec:
    """Import a backend's declaration.

    A package that bears the backend's name comes first, ``tracklib_<name>.spec:SPEC``: importing it is quick, while
    looking into all that is installed costs a training script tens of milliseconds. Any other is found by its entry
    point.

    Raises:
        MissingPluginError: None of this name is installed; the message says which package to install.
        ConfigError: Two distributions claim the name, or its plugin fails to import.
    """
    module = f"tracklib_{name.replace('-', '_')}"
    if module.isidentifier() and importlib.util.find_spec(module) is not None:
        owner, value = f"tracklib-{name}", f"{module}.spec:SPEC"
    else:
        owner, value = _declared(name)
    place, _, attribute = value.partition(":")
    try:
        spec = getattr(importlib.import_module(place), attribute)
    except Exception as error:
        raise ConfigError(f"backend {name!r} of {owner} can't be imported: {type(error).__name__}: {error}") from error
    if not isinstance(spec, BackendSpec):
        raise ConfigError(f"backend {name!r}: expected a BackendSpec at {value}, got {type(spec).__name__}")
    return spec


def _declared(name: str) -> tuple[str, str]:
    """Return who declares a backend by an entry point, and where it is."""
    from importlib.metadata import entry_points

    points = [point for point in entry_points(group=GROUP) if point.name == name]
    if not points:
        raise MissingPluginError(_missing(name))
    owners = sorted({point.dist.name for point in points if point.dist is not None})
    if len({point.value for point in points}) > 1:
        raise ConfigError(
            f"backend {name!r} is claimed by several installed packages ({', '.join(owners)}); uninstall all but one"
        )
    return (owners or [points[0].value])[0], points[0].value


def _missing(name: str) -> str:
    known = installed()
    if not _NAME.fullmatch(name):  # a path, say: no package bears such a name
        return (
            f"expected a backend or a place, such as mlflow:http://host:5000 or local:FOLDER, got {name!r} "
            f"(installed backends: {', '.join(sorted(known))})"
        )
    hint = nearest(name, known)
    if hint.startswith("; did"):
        return f"unknown backend {name!r}{hint} (or, if {name!r} is meant: pip install tracklib-{name})"
    return f"backend {name!r} is not installed: pip install tracklib-{name} (installed: {', '.join(sorted(known))})"


def split_entry(entry: str, /) -> tuple[str, str | None]:
    """Return a backend's name and, for a place such as ``mlflow:http://host:5000``, its location."""
    name, colon, location = entry.partition(":")
    if _CREDENTIAL.search(location):
        # Where a run goes is recorded, so no credential may stand in it; the message must not repeat it either.
        raise ConfigError(
            f"expected a place without a password, got one in {name}:...; use the backend's own variables"
        )
    if not name or (colon and not location):
        raise ConfigError(f"expected a backend such as 'mlflow' or 'mlflow:http://host:5000', got {entry!r}")
    return name, location if colon else None


def check_names(backends: Iterable[str], /, tables: Iterable[str], environ: Mapping[str, str] | None = None) -> None:
    """Refuse settings under a name that is nearly that of a backend in use, and no other backend's.

    Settings of backends that are not in use are left alone: another day, or another machine, may use them.

    Raises:
        ConfigError: A table or variable seems to be meant for one of these backends.
    """
    used = {split_entry(entry)[0] for entry in backends}
    given = {name: f"table [{name}]" for name in tables}
    for variable in os.environ if environ is None else environ:
        name, mark, _ = variable.removeprefix("TRACKLIB_").partition("__")
        if mark and variable.startswith("TRACKLIB_"):
            given.setdefault(name.lower().replace("_", "-"), f"environment variable {variable}")
    for name, where in given.items():
        hint = nearest(name, used)
        if name not in used and hint.startswith("; did") and name not in installed():
            raise ConfigError(f"{where}: unknown backend {name!r}{hint}")


def resolve(
    entry: str, /, tables: Mapping[str, Mapping[str, Any]] | None = None, environ: Mapping[str, str] | None = None
) -> Resolved:
    """Return a backend with its settings, from its own variables, ``TRACKLIB_<NAME>__<KEY>`` and its table.

    Raises:
        ConfigError: A setting is unknown or wrong; the message names its place and the nearest right one.
    """
    name, location = split_entry(entry)
    spec = load_spec(name)
    model: type[BackendSettings] = spec.load(spec.settings)
    values, origins = _gather(spec, model, (tables or {}).get(name, {}), os.environ if environ is None else environ)
    if location is not None:
        place = model.from_location(location).given()
        values = {key: value for key, value in values.items() if key in model.secret_names()} | place
        origins |= dict.fromkeys(place, entry)
    return Resolved(entry, spec, _validated(model, values, origins).resolved())


def reopen(entry: str, backend: str, destination: Mapping[str, JSON], /) -> Resolved:
    """Return a backend at a recorded destination, with the credentials of this process's environment."""
    spec = load_spec(backend)
    model: type[BackendSettings] = spec.load(spec.settings)
    values, origins = _gather(spec, model, {}, os.environ)
    secrets = {key: value for key, value in values.items() if key in model.secret_names()}
    return Resolved(entry, spec, _validated(model, {**secrets, **destination}, origins))


def _gather(
    spec: BackendSpec, model: type[BackendSettings], table: Mapping[str, Any], environ: Mapping[str, str]
) -> tuple[dict[str, Any], dict[str, str]]:
    values: dict[str, Any] = {}
    origins: dict[str, str] = {}
    for key, variables in model.VARIABLES.items():
        for variable in variables:
            if environ.get(variable):
                values[key], origins[key] = environ[variable], variable
                break
    prefix = f"TRACKLIB_{spec.name.upper().replace('-', '_')}__"
    own = {variable: variable[len(prefix) :].lower() for variable in environ if variable.startswith(prefix)}
    for variable, key in own.items():
        _check(key, model, f"environment variable {variable}")
        values[key], origins[key] = environ[variable], variable
    for key, value in table.items():
        _check(key, model, f"table [{spec.name}]")
        if key in model.secret_names():
            # The relay that delivers has this process's environment, not its files; and a file tends to be committed.
            raise ConfigError(
                f"table [{spec.name}]: expected no credential in a file, got {key!r}; use {_variable(model, spec, key)}"
            )
        values[key], origins[key] = value, f"table [{spec.name}]"
    return values, origins


def _variable(model: type[BackendSettings], spec: BackendSpec, key: str) -> str:
    own = f"TRACKLIB_{spec.name.upper().replace('-', '_')}__{key.upper()}"
    return f"the environment variable {next(iter(model.VARIABLES.get(key, ())), own)}"


def _check(key: str, model: type[BackendSettings], where: str) -> None:
    if key not in model.names():
        raise ConfigError(f"{where}: unknown setting {key!r}{nearest(key, model.names())}")


def _validated(model: type[BackendSettings], values: Mapping[str, Any], origins: Mapping[str, str]) -> BackendSettings:
    if (plain := model.plain(values)) is not None:
        return plain
    # Where nothing is to be converted, pydantic, which takes longest to load, is not needed.
    from pydantic import TypeAdapter, ValidationError

    try:
        return TypeAdapter(model).validate_python(dict(values))
    except ValidationError as error:
        problems = []
        for item in error.errors(include_url=False, include_input=False):
            key = str(item["loc"][0]) if item["loc"] else model.__name__
            secret = key in model.secret_names()
            got = "" if secret or key not in values else f", got {values[key]!r}"
            problems.append(f"{origins.get(key, 'settings')}: {key}: {item['msg']}{got}")
        raise ConfigError("\n".join(problems)) from None  # the original holds the values, secrets among them
