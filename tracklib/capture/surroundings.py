"""Surroundings: everything that is captured for the runs of one training process, each thing looked at once."""

from __future__ import annotations

import os
import time
from collections.abc import Collection, Mapping
from functools import cached_property
from pathlib import Path
from typing import Any

import psutil

from tracklib.capture.console import Screen, Tee
from tracklib.capture.git import GitState, read_git
from tracklib.capture.gpus import Gpus
from tracklib.capture.hardware import read_hardware
from tracklib.capture.launcher import read_launcher
from tracklib.capture.observed import ObservedRun
from tracklib.capture.packages import read_packages
from tracklib.capture.system import Sampler
from tracklib.model.records import System
from tracklib.typing import JSON

__all__ = ["Surroundings"]

_MAX_SCRIPT = 1_000_000
_SETTLE = 1.0
"""Seconds that the first sample looks back on."""

_BRIEF = 0.2
"""Seconds below which a mean says nothing."""


class Surroundings:
    """What surrounds a training process.

    Args:
        pid: The process.
        command: What it said of its first run.

    Attributes:
        due: When the next sample is, by the monotonic clock; ``None`` where none was asked for.
    """

    def __init__(self, pid: int, command: Mapping[str, Any]) -> None:
        self._pid = pid
        self._folder = str(command["cwd"])
        self._path = list(command["path"])
        self._interval = float(command["interval"])
        self._root = str(command["root"])
        self._sampler: Sampler | None = None
        self._sampled = 0.0
        self._screens: dict[str, Screen] = {}
        self.due: float | None = None

    # -- once for each run

    def capture(self, run: ObservedRun) -> None:
        """Write down everything that stays as it is while the run goes on; one thing that fails spoils no other."""
        for word in ("system", "launcher", "hardware", "git", "script", "packages"):
            if word in run.captures:
                try:
                    getattr(self, f"_capture_{word}")(run)
                except Exception as error:
                    run.complain(f"{word}: {type(error).__name__}: {error}")

    def _capture_launcher(self, run: ObservedRun) -> None:
        if variables := read_launcher(os.environ, run.redactor):
            run.write_context("launcher", dict(variables))

    def _capture_hardware(self, run: ObservedRun) -> None:
        run.write_context("hardware", self._hardware)

    def _capture_packages(self, run: ObservedRun) -> None:
        run.write_context("packages", self._packages)

    def _capture_git(self, run: ObservedRun) -> None:
        if self._git.facts:
            run.write_context("git", self._git.facts)
        if self._git.diff:
            run.write_file("git-diff", "diff.patch", self._git.diff, cut=self._git.cut)
        for problem in self._git.problems:
            run.complain(problem)

    def _capture_script(self, run: ObservedRun) -> None:
        script = Path(self._folder, run.script) if run.script else None
        if script is not None and script.is_file():
            with script.open("rb") as file:
                content = file.read(_MAX_SCRIPT + 1)
            run.write_file("script", script.name, content[:_MAX_SCRIPT], cut=len(content) > _MAX_SCRIPT)

    # A process that makes fifty runs has one working tree, one set of packages, one machine.

    @cached_property
    def _gpus(self) -> Gpus:
        return Gpus()

    @cached_property
    def _git(self) -> GitState:
        return read_git(self._folder)

    @cached_property
    def _hardware(self) -> dict[str, JSON]:
        return read_hardware(self._pid, self._gpus)

    @cached_property
    def _packages(self) -> dict[str, JSON]:
        return dict(read_packages(self._path))

    # -- again and again

    def _capture_system(self, _: ObservedRun) -> None:
        if self._sampler is None:
            try:
                self._sampler = Sampler(self._pid, self._root, self._gpus)
            except psutil.NoSuchProcess:  # the training is over already: there is no load to sample
                return
            self._sampled = time.monotonic()
            self.due = self._sampled + min(_SETTLE, self._interval)

    def tick(self, runs: Collection[ObservedRun]) -> None:
        """Take a sample for the runs where it is time for one."""
        now = time.monotonic()
        if self._sampler is None or self.due is None or now < self.due:
            return
        wanting = [run for run in runs if "system" in run.captures]
        if wanting:
            sample = System(self._sampler.sample())
            self._sampled = now
            for run in wanting:
                run.write(sample)
        self.due = now + self._interval

    def record_console(self, tee: Tee, runs: Collection[ObservedRun], *, final: bool) -> None:
        """Write down what was printed since, for the runs that want it."""
        for stream, data in tee.take():
            self._screens.setdefault(stream, Screen()).feed(data)
        wanting = [run for run in runs if "console" in run.captures]
        for stream, screen in self._screens.items():
            if text := screen.take(final=final):
                for run in wanting:
                    run.write_console(stream, text)
        dropped, tee.dropped = tee.dropped, 0
        for run in wanting if dropped else ():
            run.complain(f"console: {dropped:,} bytes came faster than they could be recorded")

    def last_sample(self, run: ObservedRun) -> None:
        """Take a sample at a run's end."""
        if self._sampler is None or "system" not in run.captures or time.monotonic() - self._sampled < _BRIEF:
            return
        run.write(System(self._sampler.sample()))
        self._sampled = time.monotonic()
