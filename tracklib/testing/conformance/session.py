"""`Session`: an examination in a process of its own, which may crash, hang or be killed at any moment.

Whoever holds the session knows each run before it is written, so that all of them can be removed, whatever happens.
"""

from __future__ import annotations

import importlib
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from tracklib import platform
from tracklib.backends.capabilities import Feature
from tracklib.testing.conformance.desk import Desk, Story
from tracklib.testing.conformance.examination import verdicts
from tracklib.testing.conformance.verdict import Verdict

__all__ = ["Session", "main"]

_PROGRAM = "from tracklib.testing.conformance.session import main; main()"


class Session:
    """Examines a subject law by law.

    Args:
        recipe: How the other process makes the subject.

    Attributes:
        runs: Project and id of every run that was begun.
    """

    def __init__(self, recipe: tuple[str, Mapping[str, Any]], project: str) -> None:
        self._recipe = recipe
        self._project = project
        self.runs: list[tuple[str, str]] = []

    def examine(self, laws: Sequence[str], begin: Callable[[str], None]) -> Iterator[list[Verdict]]:
        """Yield what was found, law by law; one over which the process dies is broken, and the next has a new process.

        Args:
            begin: Told the name of each law before it is examined.
        """
        rest = list(laws)
        while rest:
            begun, done = "", ""
            for word, told in self._told(rest):
                if word == "run":
                    self.runs.append((told[0], told[1]))
                elif word == "law":
                    begun = told
                    begin(told)
                else:
                    done = begun
                    yield [_verdict(fields) for fields in told]
            if begun == rest[-1] and done == begun:
                return
            broken = begun or rest[0]
            if done != broken:
                yield [Verdict(broken, "no crash", None, f"the process that examined it ended: {self._end}")]
            rest = rest[rest.index(broken) + 1 :]

    def _told(self, laws: Sequence[str]) -> Iterator[tuple[str, Any]]:
        """Yield what the other process tells; it ends with this one's interest in it."""
        task = {"recipe": list(self._recipe), "project": self._project, "laws": list(laws)}
        with tempfile.TemporaryFile() as noise, self._process(noise) as process:
            assert process.stdin is not None
            assert process.stdout is not None
            try:
                process.stdin.write(json.dumps(task).encode())
                process.stdin.close()
                for line in process.stdout:
                    word, told = json.loads(line)
                    yield word, told
                code = process.wait()
            finally:
                platform.end_session(process)
            noise.seek(0)
            last = noise.read().decode("utf-8", "replace").strip().splitlines()[-1:]
            self._end = "; ".join([f"signal {-code}" if code < 0 else f"exit code {code}", *last])

    @staticmethod
    def _process(noise: Any) -> subprocess.Popen[bytes]:
        return subprocess.Popen(
            [sys.executable, "-c", _PROGRAM],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=noise,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
            start_new_session=True,  # a Ctrl-C is for this process alone, which then ends the other
        )


def _verdict(fields: Sequence[Any]) -> Verdict:
    law, case, feature, problem = fields
    return Verdict(law, case, Feature[feature] if feature else None, problem)


def main() -> None:
    """Examine what the task on standard input says: what a session runs in the other process."""
    channel = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)  # whatever an SDK prints is no answer

    def tell(word: str, told: Any) -> None:
        channel.write(json.dumps([word, told]) + "\n")
        channel.flush()

    def begun(story: Story) -> None:
        tell("run", [story.info.project, story.info.id])

    task: dict[str, Any] = json.load(sys.stdin)
    place, arguments = task["recipe"]
    module, _, name = place.partition(":")
    subject = getattr(importlib.import_module(module), name)(**arguments)
    with tempfile.TemporaryDirectory(prefix="tracklib-conformance-") as folder:
        desk = Desk(subject, Path(folder), task["project"], begun=begun)
        for law in task["laws"]:
            tell("law", law)
            found = list(verdicts(desk, law))
            tell("verdicts", [[v.law, v.case, v.feature.name if v.feature else None, v.problem] for v in found])
        desk.let_go()
