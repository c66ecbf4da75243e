"""Launching: the relay that serves a backend, started where none is running."""

from __future__ import annotations

import hashlib
import hmac
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import orjson

from tracklib import platform
from tracklib.delivery.lease import Lease
from tracklib.errors import ConfigError
from tracklib.journal.layout import Root, private_folder
from tracklib.value import Value

if TYPE_CHECKING:
    from tracklib.backends.registry import Resolved

__all__ = ["RelayFolder", "lives", "relay_key", "start"]


class RelayFolder:
    """The files of one relay.

    Attributes:
        lease: Held while it runs.
        inflight: The batch that is being sent; it stays where that kills the relay.
        fault: Written by the interpreter where a crash of native code ends the relay.
        wake: Touched to make a waiting relay try at once.
        temporary: Says where it has its temporary files.
        scratch: Where sinks set files aside.
    """

    def __init__(self, root: Root, key: str) -> None:
        self.key = key
        self.path: Path = root.relays / key
        self.lease = self.path / "lease"
        self.log = self.path / "log"
        self.inflight = self.path / "inflight.json"
        self.fault = self.path / "fault"
        self.wake = self.path / "wake"
        self.temporary = self.path / "temporary"
        self.scratch = root.scratch / f"relay-{key}"

    def is_running(self) -> bool:
        """Tell whether a relay holds the lease."""
        return Lease(self.lease).holder() is not None

    def nudge(self) -> None:
        """Make a waiting relay try at once."""
        private_folder(self.path)
        self.wake.touch()


class _Secret(Value):
    path: Path

    def read(self) -> bytes:
        """Return the root's own random key, made at its first use."""
        try:
            return self.path.read_bytes()
        except FileNotFoundError:
            self._make()
            return self.path.read_bytes()

    def _make(self) -> None:
        # Not named by the process alone: those of containers bear the same numbers, and one may have died over it.
        temporary = self.path.with_suffix(f".{os.urandom(8).hex()}.tmp")
        fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        try:
            with os.fdopen(fd, "wb") as file:
                file.write(os.urandom(32))
            try:
                os.link(temporary, self.path)
            except OSError:
                if not self.path.exists():  # no hard links here
                    os.replace(temporary, self.path)
        finally:
            temporary.unlink(missing_ok=True)


def relay_key(root: Root, resolved: Resolved) -> str:
    """Return the key of the relay for a backend: another destination, credential, host or boot is another relay."""
    private_folder(root.relays)
    secret = _Secret(root.relays / "key").read()
    facts = [
        resolved.spec.name,
        resolved.settings.destination(),
        resolved.settings.credentials(),
        platform.host_name(),
        platform.boot_id(),
        platform.pid_namespace(),
    ]
    digest = hmac.new(secret, orjson.dumps(facts, option=orjson.OPT_SORT_KEYS), hashlib.sha256).hexdigest()
    return f"{resolved.spec.name}-{digest[:16]}"


def start(root: Root, key: str, *, environ: Mapping[str, str] | None = None, program: str = "relay") -> bool:
    """Start the relay of this key unless it runs; return whether one was started. It does not wait for anything.

    The relay is a fresh process in a session of its own, so that a Ctrl-C or the end of a terminal leaves it alone. Two
    that are started at once settle it by the lease.

    Args:
        program: The module of this package whose ``main`` it runs.
    """
    folder = RelayFolder(root, key)
    private_folder(folder.path)
    if lives(root, key):
        return False
    if not (python := platform.interpreter()):
        raise ConfigError(
            f"expected a Python interpreter in sys.executable to start a process with, got {sys.executable!r}; "
            "set TRACKLIB_DELIVERY=inline, or run tracklib sync"
        )
    environment = dict(os.environ if environ is None else environ)
    environment["PYTHONPATH"] = os.pathsep.join(filter(None, [_home(), environment.get("PYTHONPATH", "")]))
    _spawn(folder, [python, "-c", _PROGRAM.format(program), str(root.path), key], environment)
    return True


_PROGRAM = "from tracklib.delivery.{} import main; main()"
_children: dict[str, Any] = {}
"""The relays that this process started, by their keys."""


def _spawn(folder: RelayFolder, command: list[str], environment: dict[str, str]) -> None:
    import subprocess

    class Detached(subprocess.Popen[bytes]):
        def __del__(self) -> None:
            """Say nothing: the relay outlives this process on purpose."""

    for key in [key for key, child in _children.items() if child.poll() is not None]:
        del _children[key]  # no zombies of those that left
    with folder.log.open("ab") as log:
        child = Detached(
            command,
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            cwd=folder.path,  # not the script's folder: a file named like an SDK there must not be imported
            env=environment,
            start_new_session=True,
        )
    _children[folder.key] = child


def lives(root: Root, key: str) -> bool:
    """Tell whether a relay runs, or is just being started by this process."""
    child = _children.get(key)
    return (child is not None and child.poll() is None) or RelayFolder(root, key).is_running()


def _home() -> str:
    """Return the folder that holds tracklib itself, which the relay must find though it starts elsewhere."""
    return str(Path(__file__).resolve().parents[2])
