"""``tracklib backends``: what is installed, and what each backend holds."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any

import typer

from tracklib.cli.completion import backend_names
from tracklib.cli.options import Dir, Json

if TYPE_CHECKING:
    from tracklib.backends.capabilities import Capabilities
    from tracklib.cli.plugins import Plugin

__all__ = ["EXAMPLE", "backends"]

EXAMPLE = "tracklib backends mlflow"


def backends(
    name: Annotated[
        str | None,
        typer.Argument(metavar="[NAME]", help="List every feature of this one.", autocompletion=backend_names),
    ] = None,
    dir: Dir = None,
    json: Json = False,
) -> int:
    """List the installed backends, and how well each holds a run.

    JSON: backends; each has name, title, distribution, version, sdks, write, read, counts, features, limits, error.
    """
    from tracklib.cli.plugins import all_plugins, plugin

    _ = dir  # every command takes it; what is installed does not depend on it
    found = [plugin(name)] if name is not None else all_plugins()
    described = [(each, *_declared(each)) for each in found]
    if json:
        from tracklib.cli.console import print_json

        print_json({"backends": [_document(*item) for item in described]})
    elif name is not None:
        _print_one(*described[0])
    else:
        _print_all(described)
    return 1 if name is not None and any(error for _, _, error in described) else 0


def _declared(found: Plugin) -> tuple[Capabilities, str]:
    """Return what a backend declares, and why that cannot be told."""
    from tracklib.backends.capabilities import Capabilities
    from tracklib.cli.plugins import capabilities_of

    if found.spec is None:
        return Capabilities(), found.error
    try:
        return capabilities_of(found), ""
    except Exception as error:  # a plugin's own code: what it raises is told, and the others are listed
        return Capabilities(), f"{type(error).__name__}: {error}"


def _document(found: Plugin, capabilities: Capabilities, error: str) -> dict[str, Any]:
    from dataclasses import asdict

    from tracklib.backends.capabilities import Feature
    from tracklib.cli.plugins import kinds

    counts = kinds(capabilities)
    fidelities = ((feature.value, capabilities.of(feature)) for feature in Feature)
    return {
        "name": found.name,
        "title": found.spec.title if found.spec is not None else None,
        "distribution": found.distribution,
        "version": found.version,
        "sdks": found.sdks,
        "write": found.spec is not None and found.spec.sink is not None,
        "read": found.spec is not None and found.spec.source is not None,
        "counts": {kind: counts[kind] for kind in ("exact", "lossy", "absent")},
        "features": {name: {"fidelity": fidelity.kind, "reason": fidelity.reason} for name, fidelity in fidelities},
        "limits": asdict(capabilities.limits),
        "names": capabilities.names.rule,
        "runs_per_process": capabilities.runs_per_process,
        "idempotent": capabilities.idempotent,
        "error": error,
    }


def _print_all(described: list[tuple[Plugin, Capabilities, str]]) -> None:
    from tracklib.cli.console import grid, out, safe, say
    from tracklib.cli.plugins import kinds

    if not described:
        say(
            "no backend is installed: the journal alone holds the runs. Install one, such as: pip install tracklib-mlflow"
        )
        return
    table = grid("backend!", "title", "plugin", "sdk", "halves!", "exact>", "lossy>", "absent>")
    for found, capabilities, error in described:
        spec, counts = found.spec, kinds(capabilities)
        halves = [word for word, part in (("write", spec and spec.sink), ("read", spec and spec.source)) if part]
        cells = (
            found.name,
            spec.title if spec is not None else "-",
            f"{found.distribution} {found.version}",
            sdk_text(found),
        )
        numbers = ("-",) * 3 if error else tuple(str(counts[kind]) for kind in ("exact", "lossy", "absent"))
        table.add_row(*map(safe, (*cells, ", ".join(halves) or "-", *numbers)))
    console = out()
    console.print(table)
    for found, _, error in described:
        if error:
            console.print(safe(f"{found.name}: {error}", "red"))


def sdk_text(found: Plugin) -> str:
    """Return the vendor's distributions with their versions."""
    return ", ".join(f"{name} {version or 'missing'}" for name, version in found.sdks.items()) or "-"


def _print_one(found: Plugin, capabilities: Capabilities, error: str) -> None:
    from tracklib.backends.capabilities import Feature
    from tracklib.cli.console import grid, out, safe

    console = out()
    title = found.spec.title if found.spec is not None else found.name
    console.print(safe(title, "bold") + safe(f"  {found.distribution} {found.version}  ({sdk_text(found)})"))
    if error:
        console.print(safe(error, "red"))
        return
    table = grid("feature", "held!", "why")
    styles = {"exact": "green", "lossy": "yellow", "absent": "red"}
    for feature in Feature:
        fidelity = capabilities.of(feature)
        table.add_row(safe(feature.value), safe(fidelity.kind, styles[fidelity.kind]), safe(fidelity.reason))
    console.print(table)
    console.print(safe(f"names: {capabilities.names.rule}"))
    again = "held once" if capabilities.idempotent else "held twice"
    console.print(safe(f"a record that is sent again is {again}"))
