"""Measure migrating from a W&B server that is 50 ms away and refuses more than so many requests a second.

The server is the emulator in a process of its own; it counts what it serves. ``BENCH_RUNS`` sets how many runs there
are: 2,000 where it is unset.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from measure import Row

__all__ = ["rows"]

_RUNS = int(os.environ.get("BENCH_RUNS", "2000"))
_LATENCY, _JOBS, _STEPS = 0.05, 8, 20
_CREATED = 1_790_000_000.0
_SHARE = 0.8


@dataclass(frozen=True)
class _Limit:
    """How a server limits: so many requests within so many seconds, and what it says to the one beyond, or to all."""

    permitted: int
    seconds: float
    retry_after: float = 1.0
    units: int = 0

    @property
    def rate(self) -> float:
        """Requests a second."""
        return self.permitted / self.seconds


def rows(folder: Path) -> Iterator[Row]:
    """Yield the permitted rate over the reached one: where a server counts over seconds, within each second, or tells.

    The first two are silent until they refuse; the last one says with each answer what is left, as W&B's service does.
    """
    yield _row(folder / "long", _RUNS, _Limit(250, 10.0), 1 / _SHARE)
    yield _row(folder / "short", _RUNS // 4, _Limit(25, 1.0), 1 / _SHARE)
    yield _row(folder / "told", _RUNS // 4, _Limit(250, 10.0, units=1000), 1 / _SHARE)


def _row(folder: Path, runs: int, limit: _Limit, bound: float | None) -> Row:
    folder.mkdir()
    with _served(runs, limit) as (environ, account):
        _migrate(folder, environ, runs)
    rate = account["served"] / account["seconds"]
    note = (
        f"{rate / limit.rate:.2f} of {limit.rate:g} requests/s; {runs:,} runs in {account['seconds']:.0f} s, "
        f"{account['served']:,} requests, {account['refused']:,} refused"
    )
    told = ", told" if limit.units else ""
    name = f"online, {limit.permitted} in {limit.seconds:g} s{told}, of the permitted time"
    return Row(name, limit.rate / rate, "", bound, note)


@contextmanager
def _served(runs: int, limit: _Limit) -> Iterator[tuple[dict[str, str], dict[str, float]]]:
    """Serve runs in another process; yield the variables that lead there, and an account that is filled in at the end."""
    words = [runs, limit.permitted, limit.seconds, limit.retry_after, limit.units]
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    command = [sys.executable, __file__, *map(str, words)]
    server: subprocess.Popen[str] = subprocess.Popen(command, text=True, env=_clean(), **pipes)  # type: ignore[call-overload]  # the pipes are no literals
    account: dict[str, float] = {}
    try:
        yield json.loads(_line(server)), account
    finally:
        assert server.stdin is not None
        server.stdin.close()
        account.update(json.loads(_line(server) or "{}"))
        server.wait()


def _line(server: subprocess.Popen[str]) -> str:
    assert server.stdout is not None
    return server.stdout.readline()


def _migrate(folder: Path, environ: Mapping[str, str], runs: int) -> None:
    own = {f"WANDB_{kind}": str(folder) for kind in ("DIR", "CACHE_DIR", "CONFIG_DIR", "DATA_DIR")}
    command = [sys.executable, "-m", "tracklib.cli.main", "migrate", "wandb:team/bench", f"local:{folder / 'copy'}"]
    command += ["--jobs", str(_JOBS), "--json"]
    environ = {**_clean(), **environ, **own, "TRACKLIB_DIR": str(folder / "root")}
    done = subprocess.run(command, env=environ, cwd=folder, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{' '.join(command)} ended with {done.returncode}: {done.stderr[-2000:]}")
    states = json.loads(done.stdout)["states"]
    assert states == {"copied": runs}, states


def _clean() -> dict[str, str]:
    strange = ("TRACKLIB_", "WANDB_", "PYTHONDONTWRITEBYTECODE")
    return {key: value for key, value in os.environ.items() if not key.startswith(strange)}


def _serve(runs: int, limit: _Limit) -> None:
    """Serve until the input ends; then tell what was asked."""
    from tracklib.testing.emulators import Latency, RateLimit
    from tracklib.testing.emulators.wandb import Run, WandbEmulator

    moments: list[float] = []

    class Timed(WandbEmulator):
        """Notes when it was asked."""

        def operation(self, request: Any) -> str:
            moments.append(time.monotonic())
            return super().operation(request)

    with Timed() as server:
        server.world.state.project("team", "bench")
        for number in range(runs):
            run = Run("team", "bench", f"run{number}", _CREATED + number, **_facts(number))
            server.runs[run.path] = run
        server.faults.add("*", RateLimit(limit.permitted, limit.seconds, limit.retry_after, limit.units or None))
        server.faults.add("*", Latency(_LATENCY), times=None)
        print(json.dumps(server.environment()), flush=True)
        sys.stdin.read()
        refused = sum(call.status == 429 for call in server.calls)
        account = {"served": len(server.calls) - refused, "refused": refused, "seconds": moments[-1] - moments[0]}
        print(json.dumps(account))


def _facts(number: int) -> dict[str, Any]:
    """Return what is known of a run: a config, and a few rows."""
    times = [{"_step": step, "_timestamp": _CREATED + step, "_runtime": step} for step in range(_STEPS)]
    lines = [json.dumps({**row, "loss": 1 / (row["_step"] + 1), "accuracy": row["_step"] / _STEPS}) for row in times]
    return {
        "state": "finished",
        "display_name": f"run {number}",
        "heartbeat_at": _CREATED + number + 60,
        "config": {"lr": {"value": number / 7}},
        "lines": {"wandb-history.jsonl": lines},
    }


if __name__ == "__main__":
    _serve(int(sys.argv[1]), _Limit(int(sys.argv[2]), float(sys.argv[3]), float(sys.argv[4]), int(sys.argv[5])))
