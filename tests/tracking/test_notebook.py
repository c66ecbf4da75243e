"""Notebooks: a real Jupyter kernel in which cells are run again, interrupted and raise, and which is restarted."""

from __future__ import annotations

import queue
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

import tracklib
from tests.promises.conftest import clean_environ
from tracklib.journal.glance import glance
from tracklib.journal.layout import Root, RunFolder
from tracklib.journal.reader import read_run
from tracklib.model.state import RunState, fold
from tracklib.tracking.notebook import card

pytest.importorskip("ipykernel")
client = pytest.importorskip("jupyter_client")

pytestmark = [
    pytest.mark.filterwarnings("ignore::DeprecationWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
]

TRAIN = """
import tracklib
run = tracklib.init("p", config={"lr": 0.1})
for step in range(3):
    run.log({"loss": 1 / (step + 1)}, step=step)
"""

ENDLESS = """
import time, tracklib
run = tracklib.init("p")
run.log({"loss": 1.0})
print("going", flush=True)
while True:
    time.sleep(0.01)
"""


class Notebook:
    """A kernel, and the cells that are run in it."""

    def __init__(self, folder: Path) -> None:
        self.manager = client.KernelManager(kernel_name="python3")
        self.environ = {**clean_environ(), "TRACKLIB_DIR": str(folder / ".tracklib"), "IPYTHONDIR": str(folder / "ip")}
        self.manager.start_kernel(cwd=str(folder), env=self.environ)
        self.channel = self.manager.client()
        self.channel.start_channels()
        self.channel.wait_for_ready(timeout=60)
        self.root = Root(folder / ".tracklib")

    def cell(self, code: str) -> list[dict[str, Any]]:
        """Run a cell; return what it put out."""
        return self.outputs(self.channel.execute(code))

    def outputs(self, asked: str, until: Callable[[dict[str, Any]], bool] = lambda _: False) -> list[dict[str, Any]]:
        found = []
        deadline = time.monotonic() + 60
        while time.monotonic() < deadline:
            try:
                message = self.channel.get_iopub_msg(timeout=1)
            except queue.Empty:
                continue
            if message["parent_header"].get("msg_id") != asked:
                continue
            if message["msg_type"] == "status" and message["content"]["execution_state"] == "idle":
                return found
            if message["msg_type"] in ("stream", "error", "execute_result"):
                found.append({"type": message["msg_type"], **message["content"]})
                if until(found[-1]):
                    return found
        raise TimeoutError(asked)

    def interrupt(self, code: str) -> list[dict[str, Any]]:
        """Run a cell until it prints ``going``, and interrupt it."""
        asked = self.channel.execute(code)
        self.outputs(asked, lambda output: "going" in output.get("text", ""))
        self.manager.interrupt_kernel()
        return self.outputs(asked)

    def states(self) -> list[RunState]:
        """Return the runs' states in the order in which they began."""
        return sorted((state_of(folder) for folder in self.root.runs()), key=lambda state: state.started)

    def stop(self) -> None:
        self.channel.stop_channels()
        if self.manager.has_kernel:
            self.manager.shutdown_kernel()
        self.manager.cleanup_resources()


def state_of(folder: RunFolder) -> RunState:
    state = fold(folder.path.name, read_run(folder))
    assert glance(folder).info.status == state.status
    return state


@pytest.fixture
def notebook(tmp_path: Path) -> Iterator[Notebook]:
    found = Notebook(tmp_path)
    yield found
    found.stop()


def test_a_cell_run_again_begins_a_run_anew(notebook: Notebook) -> None:
    """Running the cell again ends its first run, with all its metrics, and begins another; no output is garbled."""
    assert notebook.cell(TRAIN) == []
    (said,) = notebook.cell(TRAIN)
    assert said["name"] == "stderr" and "of an earlier cell ends" in said["text"]
    states = notebook.states()
    assert [(state.status, state.points, state.params) for state in states] == [
        ("finished", {"loss": 3}, {"lr": 0.1}),
        ("running", {"loss": 3}, {"lr": 0.1}),
    ]
    assert notebook.cell("tracklib.finish()") == []
    assert [state.status for state in notebook.states()] == ["finished", "finished"]


def test_an_interrupt_ends_no_run(notebook: Notebook) -> None:
    """An interrupted cell leaves the run open; the next one goes on with it, and ends it well."""
    (error,) = notebook.interrupt(ENDLESS)
    assert error["ename"] == "KeyboardInterrupt"
    assert [state.status for state in notebook.states()] == ["running"]
    notebook.cell("run.log({'loss': 0.5}); run.finish()")
    (state,) = notebook.states()
    assert (state.status, state.points) == ("finished", {"loss": 2})


def test_an_interrupted_cell_that_is_run_again_was_killed(notebook: Notebook) -> None:
    """Where nothing goes on with the run, it ends as its cell did: interrupted, or by the error that it raised."""
    notebook.interrupt(ENDLESS)
    notebook.cell("1 + 1")
    notebook.cell(TRAIN + "raise ValueError('diverged')")
    notebook.cell(TRAIN + "import sys; sys.exit(3)")
    notebook.cell(TRAIN)
    states = notebook.states()
    assert [(state.status, state.error) for state in states] == [
        ("killed", "KeyboardInterrupt"),
        ("failed", "ValueError: diverged"),
        ("failed", None),
        ("running", None),
    ]
    assert states[2].exit_code == 3


def test_children_in_one_cell_and_in_the_next_leave_their_parent_open(notebook: Notebook) -> None:
    """Runs of one cell are open side by side, and so is a parent beside its child of a later cell."""
    notebook.cell("import tracklib\na = tracklib.init('p', id='a')\nb = tracklib.init('p', id='b', parent=a)")
    notebook.cell("b.finish(); c = tracklib.init('p', id='c', parent=a)")
    assert {state.id: state.status for state in notebook.states()} == {"a": "running", "b": "finished", "c": "running"}


def test_a_restarted_kernel_ends_its_runs(notebook: Notebook) -> None:
    """A restart ends the process: an open run ends as finished, one that was interrupted as killed; nothing is lost."""
    notebook.cell(TRAIN)
    notebook.manager.restart_kernel()
    notebook.channel.wait_for_ready(timeout=60)
    assert [state.status for state in notebook.states()] == ["finished"]
    notebook.interrupt(ENDLESS)
    notebook.manager.restart_kernel()
    notebook.channel.wait_for_ready(timeout=60)
    states = notebook.states()
    assert [(state.status, state.points) for state in states] == [("finished", {"loss": 3}), ("killed", {"loss": 1})]


def test_a_killed_kernel_is_a_crash(notebook: Notebook) -> None:
    """A kernel that vanishes leaves a run that whoever looks next ends as crashed."""
    from tracklib.journal.recovery import reap

    notebook.cell(TRAIN)
    notebook.manager.shutdown_kernel(now=True)
    (folder,) = notebook.root.runs()
    assert len(reap(folder)) == 1
    assert state_of(folder).status == "crashed"


def test_a_run_shows_itself(notebook: Notebook) -> None:
    """A run as a cell's last value is a small card with its name, project and id."""
    (shown,) = notebook.cell("import tracklib\ntracklib.init('p', id='r', name='a <b>')")
    text = shown["data"]["text/html"]
    assert "<b>a &lt;b&gt;</b>" in text and "project: p" in text and "id: r" in text and len(text) < 400


def test_a_card_escapes_everything() -> None:
    """Nothing of a run's names or addresses is markup; an address that is no page is no link."""
    text = card("<script>", {"<k>": "<v>"}, {'"e"': 'https://x/"><i>', "f": "javascript:alert(1)"})
    assert "<script>" not in text and "<v>" not in text and "<i>" not in text
    assert text.count("<a href=") == 1 and "f: javascript" in text
    run = tracklib.init("p", name="<i>")
    assert "&lt;i&gt;" in run._repr_html_()
