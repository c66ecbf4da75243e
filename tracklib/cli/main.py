"""The entry point: the commands, and the border at which errors become one clear line and an exit code.

Exit codes: 0 done or equal; 1 differences, refused or undelivered records; 2 a wrong call or configuration; 130 Ctrl-C; 143 SIGTERM.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from typing import Annotated, Any

import typer
from typer.core import TyperGroup

from tracklib.cli import (
    backends,
    backup,
    conformance,
    cutover,
    delete,
    doctor,
    export,
    inventory,
    migrate,
    prune,
    restore,
    runs,
    show,
    sql,
    status,
    sync,
    verify,
)
from tracklib.cli.console import complain, say
from tracklib.cli.memory import OWN_PROCESS
from tracklib.cli.termination import exit_code, take_as_interrupt
from tracklib.errors import TracklibError

__all__ = ["app", "main"]


class Program(TyperGroup):
    """All commands; what they raise ends here."""

    def main(self, *args: Any, **kwargs: Any) -> Any:
        """Run a command line and exit with its code."""
        kwargs["standalone_mode"] = False
        run = super().main
        sys.exit(_exit_code(lambda: run(*args, **kwargs)))

    def invoke(self, ctx: Any) -> Any:
        """Run a command; say so where Ctrl-C or SIGTERM ended it and the command itself had nothing to say."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            say("interrupted; nothing is left half done: repeat the command to see the rest")
            raise typer.Exit(exit_code()) from None


def _exit_code(command: Callable[[], object]) -> int:
    try:
        code = command()
    except TracklibError as error:
        complain(str(error))
    except typer.Abort:
        say("stopped; nothing was changed")
        return exit_code()
    except OSError as error:
        complain(f"{error.strerror or error}: {error.filename}" if error.filename else str(error))
    except Exception as error:
        # Typer has click's exceptions from click itself or from a copy of its own, according to its version.
        if not hasattr(error, "format_message"):
            raise
        complain(f"{error.format_message()}{_help_of(error)}")
    else:
        return code if isinstance(code, int) else 0
    return 2


def _help_of(error: Exception) -> str:
    context = getattr(error, "ctx", None)
    return f"\nsee: {context.command_path} --help" if context is not None else ""


def _print_version(wanted: bool) -> None:
    if wanted:
        from tracklib import __version__

        typer.echo(f"tracklib {__version__}")
        raise typer.Exit


app = typer.Typer(
    name="tracklib",
    cls=Program,
    help="Look after tracked runs: see them, deliver them, prove them equal, remove them.",
    epilog="Example: tracklib runs --since 7d",
    rich_markup_mode="rich",
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)


@app.callback(invoke_without_command=True)
def _tracklib(
    ctx: typer.Context,
    version: Annotated[
        bool, typer.Option("--version", callback=_print_version, is_eager=True, help="Print the version and leave.")
    ] = False,
) -> int:
    _ = version
    if ctx.invoked_subcommand is None:
        typer.echo(ctx.get_help(), err=True)
        return 2
    return 0


_COMMANDS: tuple[tuple[Callable[..., int], str], ...] = (
    (runs.runs, runs.EXAMPLE),
    (show.show, show.EXAMPLE),
    (sql.sql, sql.EXAMPLE),
    (status.status, status.EXAMPLE),
    (sync.sync, sync.EXAMPLE),
    (verify.verify, verify.EXAMPLE),
    (inventory.inventory, inventory.EXAMPLE),
    (migrate.migrate, migrate.EXAMPLE),
    (backup.backup, backup.EXAMPLE),
    (restore.restore, restore.EXAMPLE),
    (export.export, export.EXAMPLE),
    (cutover.cutover, cutover.EXAMPLE),
    (prune.prune, prune.EXAMPLE),
    (delete.delete, delete.EXAMPLE),
    (doctor.doctor, doctor.EXAMPLE),
    (backends.backends, backends.EXAMPLE),
    (conformance.conformance, conformance.EXAMPLE),
)

for _command, _example in _COMMANDS:
    app.command(epilog=f"Example: {_example}")(_command)


def main() -> None:
    """Run the command line of this process."""
    if sys.stdout is None or sys.stderr is None:  # closed by whoever started it: what is said goes nowhere
        sys.stdout, sys.stderr = (stream or open(os.devnull, "w") for stream in (sys.stdout, sys.stderr))  # noqa: SIM115  the process's own
    take_as_interrupt()
    app(prog_name="tracklib", obj=OWN_PROCESS)


if __name__ == "__main__":
    main()
