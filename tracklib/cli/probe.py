"""The probe: whether a backend answers, asked in a process of its own, so that no SDK can hang or crash this one."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracklib import platform

__all__ = ["Answer", "main", "probe"]

_PROGRAM = "from tracklib.cli.probe import main; main()"


@dataclass(frozen=True, slots=True)
class Answer:
    """What came of asking.

    Attributes:
        text: The backend's greeting, or what is wrong.
        fault: What has to be mended, where that is known: the ``settings``, which are the SDK's installation too, or the
            ``credentials``.
    """

    good: bool
    text: str
    fault: str = ""


def probe(entry: str, backend: str, destination: Mapping[str, Any], timeout: float) -> Answer:
    """Ask a backend for a sign of life, as a relay would: at its destination, with this environment's credentials.

    Args:
        timeout: Seconds after which it counts as silent.
    """
    request = json.dumps([entry, backend, dict(destination)])
    home = str(Path(__file__).resolve().parents[2])
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, [home, os.environ.get("PYTHONPATH", "")]))}
    # Files and no pipes: what a killed SDK leaves running may hold a pipe open for ever.
    with tempfile.TemporaryDirectory() as folder, tempfile.TemporaryFile() as said, tempfile.TemporaryFile() as noise:
        process = subprocess.Popen(
            [sys.executable, "-c", _PROGRAM, request],
            stdin=subprocess.DEVNULL,
            stdout=said,
            stderr=noise,
            cwd=folder,  # a file here that is named like an SDK must not be imported
            env={**environment, "TMPDIR": folder, "TEMP": folder, "TMP": folder},  # its leavings go with it
            start_new_session=True,
        )
        try:
            code = process.wait(timeout)
        except subprocess.TimeoutExpired:
            return Answer(good=False, text=f"no answer within {timeout:g} s")
        finally:
            platform.end_session(process)
        said.seek(0)
        noise.seek(0)
        return _answer(code, said.read(), noise.read())


def _answer(code: int, said: bytes, noise: bytes) -> Answer:
    try:
        good, text, fault = json.loads(said)
    except ValueError:
        last = noise.decode("utf-8", "replace").strip().splitlines()[-1:]
        how = f"signal {-code}" if code < 0 else f"exit code {code}"
        return Answer(good=False, text=f"asking it ended the process ({how})" + "".join(f": {line}" for line in last))
    return Answer(bool(good), str(text), str(fault))


def main() -> None:
    """Answer a request: what `probe` runs in the other process."""
    channel = os.dup(1)
    os.dup2(2, 1)  # whatever an SDK prints is no answer
    from tracklib.backends.registry import reopen
    from tracklib.errors import AuthError, BackendError, ConfigError

    entry, backend, destination = json.loads(sys.argv[1])
    try:
        answer = (True, reopen(entry, backend, destination).check(), "")
    except ConfigError as error:
        answer = (False, str(error), "settings")
    except BackendError as error:
        answer = (False, str(error), "credentials" if isinstance(error, AuthError) else "")
    except Exception as error:  # a plugin's own fault is an answer too
        answer = (False, f"{type(error).__name__}: {error}", "")
    os.write(channel, json.dumps(answer).encode())
    os._exit(0)  # an SDK's threads may never end
