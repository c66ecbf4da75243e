"""``python -m tracklib.testing.emulators wandb``: a vendor's server on this machine, until Ctrl-C."""

from __future__ import annotations

import argparse
import signal
import sys
import threading
from collections.abc import Sequence
from pathlib import Path

from tracklib.testing.emulators.comet import CometEmulator
from tracklib.testing.emulators.emulator import Emulator
from tracklib.testing.emulators.wandb import WandbEmulator

__all__ = ["main"]

KINDS: dict[str, type[Emulator]] = {"comet": CometEmulator, "wandb": WandbEmulator}


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve until a signal comes, and return the exit code: 1 where the emulator was asked for what it lacks."""
    chosen = _parser().parse_args(arguments)
    emulator = KINDS[chosen.vendor](port=chosen.port, folder=chosen.dir)
    stopped = threading.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: stopped.set())
    with emulator:
        for name, value in emulator.environment().items():
            print(f"export {name}={value}")  # noqa: T201 - what the command is for
        print(f"# {chosen.vendor} is served at {emulator.url}; Ctrl-C ends it", flush=True)  # noqa: T201
        stopped.wait()
    for complaint in emulator.complaints:
        print(f"not known: {complaint}", file=sys.stderr)  # noqa: T201
    return 1 if emulator.complaints else 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser("python -m tracklib.testing.emulators", description=__doc__)
    parser.add_argument("vendor", choices=sorted(KINDS), help="whose server")
    parser.add_argument("--port", type=int, default=0, help="on 127.0.0.1; a free one where it is not given")
    parser.add_argument("--dir", type=Path, help="a folder that keeps what is written; without one it is forgotten")
    return parser


if __name__ == "__main__":
    sys.exit(main())
