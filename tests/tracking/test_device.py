"""Device scalars: values on an accelerator are recorded as they were at the call, and the call waits for nothing."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
import types
from pathlib import Path

import pytest

import tracklib
from tracklib.journal.glance import glance
from tracklib.model import devices
from tracklib.model.records import Metrics, Notice, Summary
from tracklib.tracking import deferred
from tracklib.tracking import run as runs

ROOT = Path(__file__).resolve().parents[2]


class Cuda:
    """What torch's module of a device offers, and what was asked of it."""

    def __init__(self) -> None:
        self.capturing = False
        self.waited: list[object] = []
        self.caller = threading.get_ident()
        self.hang = threading.Event()
        self.hang.set()
        self.transfers: list[int] = []

    def current_stream(self, device: object) -> str:
        return f"stream of {threading.get_ident()}"

    def is_current_stream_capturing(self) -> bool:
        return self.capturing

    def Event(self) -> object:  # noqa: N802  torch's name
        return types.SimpleNamespace(record=lambda stream: None)

    def Stream(self, device: object) -> object:  # noqa: N802  torch's name
        return types.SimpleNamespace(wait_event=self.waited.append)

    def stream(self, stream: object) -> object:
        import contextlib

        return contextlib.nullcontext()


class Tensor:
    """A tensor on a device: it tells its value to another thread than the caller's alone."""

    shape = ()

    def __init__(self, cuda: Cuda, value: object, *, size: int = 1) -> None:
        self.cuda, self.value, self.size = cuda, value, size
        self.device = types.SimpleNamespace(type="cuda")
        self.dtype = type(value)

    def numel(self) -> int:
        return self.size

    def detach(self) -> Tensor:
        return self

    def reshape(self, shape: tuple[int, ...]) -> Tensor:
        return self

    def clone(self) -> Tensor:
        return Tensor(self.cuda, self.value)

    def item(self) -> object:
        pytest.fail("item() waits for the device")

    __float__ = __index__ = cpu = tolist = item


Tensor.__module__ = "torch"


class Stack:
    """Tensors of a device that were put together."""

    def __init__(self, tensors: list[Tensor]) -> None:
        self.tensors = tensors

    def to(self, device: str) -> Stack:
        cuda = self.tensors[0].cuda
        assert device == "cpu" and threading.get_ident() != cuda.caller
        cuda.hang.wait(30)
        cuda.transfers.append(len(self.tensors))
        if any(isinstance(tensor.value, str) for tensor in self.tensors):
            raise RuntimeError("device-side assert triggered")
        return self

    def tolist(self) -> list[object]:
        return [tensor.value for tensor in self.tensors]


@pytest.fixture
def cuda(monkeypatch: pytest.MonkeyPatch) -> Cuda:
    found = Cuda()
    monkeypatch.setitem(sys.modules, "torch", types.SimpleNamespace(cuda=found, stack=Stack))
    monkeypatch.setattr(devices, "_streams", {})
    return found


def series(bodies, name: str) -> list[tuple[object, object]]:
    return [(body.step, body.values[name]) for body in bodies(Metrics) if name in body.values]


def test_a_value_is_taken_at_the_call(cuda: Cuda, bodies) -> None:
    """What changes in place afterwards does not change what was logged; steps and times are those of the calls."""
    run = tracklib.init("p")
    loss = Tensor(cuda, 0.0)
    cuda.hang.clear()  # until all are logged, however long that takes: so they gather for few transfers
    before = time.time_ns()
    for step in range(100):
        loss.value = step / 3
        run.log({"loss": loss, "plain": step})
        loss.value = -1.0
    after = time.time_ns()
    cuda.hang.set()
    run.finish()
    assert series(bodies, "loss") == [(step, step / 3) for step in range(100)]
    assert series(bodies, "plain") == [(step, step) for step in range(100)]
    times = [body.timestamp for body in bodies(Metrics) if "loss" in body.values]
    assert times == sorted(times) and before <= times[0] and times[-1] <= after
    assert len(cuda.transfers) < 20 and len(cuda.waited) == 100


def test_plain_values_do_not_wait_for_the_device(cuda: Cuda, bodies) -> None:
    """While a device hangs, ``log`` returns, and what lay in this process stands in the journal already."""
    cuda.hang.clear()
    run = tracklib.init("p")
    run.log({"loss": Tensor(cuda, 1.5), "lr": 0.1}, step=3, timestamp=1_700_000_000.5)
    assert (series(bodies, "lr"), series(bodies, "loss")) == ([(3, 0.1)], [])
    run.log({"next": 1})
    assert series(bodies, "next") == [(4, 1)]
    cuda.hang.set()
    run.finish()
    (body,) = [body for body in bodies(Metrics) if "loss" in body.values]
    assert body == Metrics({"loss": 1.5}, 3, 1_700_000_000_500_000_000)


def test_values_arrive_while_the_run_goes_on(cuda: Cuda, bodies) -> None:
    """Nothing waits for the run's end: a value is in the journal moments after its call."""
    run = tracklib.init("p")
    run.log({"loss": Tensor(cuda, 7)})
    deadline = time.monotonic() + 20
    while not series(bodies, "loss") and time.monotonic() < deadline:
        time.sleep(0.01)
    assert series(bodies, "loss") == [(0, 7)]
    assert glance(run.folder).info.status == "running"
    run.finish()


def test_a_device_that_hangs_does_not_hang_the_end(cuda: Cuda, bodies, monkeypatch, capfd) -> None:
    """The end waits a bounded time, then counts what is missing, and says so."""
    monkeypatch.setattr(runs, "_DEVICE_PATIENCE", 0.05)
    cuda.hang.clear()
    run = tracklib.init("p")
    run.log({"a": Tensor(cuda, 1.0), "b": Tensor(cuda, 2.0)})
    run.finish()
    cuda.hang.set()
    assert [(notice.code, notice.count) for notice in bodies(Notice)] == [("dropped", 2)]
    assert "2 values that their device did not give" in capfd.readouterr().err
    assert glance(run.folder).info.status == "finished"


def test_a_device_too_far_behind_is_given_no_more(cuda: Cuda, bodies, monkeypatch) -> None:
    """Only so many values wait; the rest are refused by name, and training goes on."""
    monkeypatch.setattr(deferred, "_LIMIT", 2)
    cuda.hang.clear()
    run = tracklib.init("p")
    for step in range(4):
        run.log({"a": Tensor(cuda, step)}, step=step)
    cuda.hang.set()
    run.finish()
    assert series(bodies, "a") == [(0, 0), (1, 1)]
    assert [notice.code for notice in bodies(Notice)] == ["refused", "refused"]


def test_what_cannot_be_read_is_refused_by_name(cuda: Cuda, bodies) -> None:
    """A wrong shape, a capture and a failing device are told with the metric's name, and harm no other value."""
    run = tracklib.init("p")
    run.log({"wide": Tensor(cuda, 1.0, size=3), "good": Tensor(cuda, 1.0)})
    cuda.capturing = True
    run.log({"captured": Tensor(cuda, 1.0)})
    cuda.capturing = False
    run.log({"broken": Tensor(cuda, "x"), "fine": Tensor(cuda, 4)})
    run.finish()
    assert (series(bodies, "good"), series(bodies, "fine")) == ([(0, 1.0)], [(1, 4)])
    told = " ".join(notice.message for notice in bodies(Notice))
    assert "'wide': expected one number" in told and "'captured'" in told
    assert "'broken': reading it from its device raised RuntimeError: device-side assert" in told


def test_summaries_count_what_came_late(cuda: Cuda, bodies) -> None:
    """Aggregates take in values of a device like any others."""
    run = tracklib.init("p")
    run.define_metric("loss", summary=["min", "last"])
    for value in (3.0, 1.0, 2.0):
        run.log({"loss": Tensor(cuda, value)})
    run.finish()
    assert bodies(Summary) == [Summary({"loss.min": 1.0, "loss.last": 2.0})]


@pytest.mark.skipif(not hasattr(os, "fork"), reason="needs fork")
@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")
def test_a_forked_child_leaves_the_parents_values_alone(cuda: Cuda, bodies) -> None:
    """Values that waited at a fork are recorded once, by the parent."""
    cuda.hang.clear()
    run = tracklib.init("p")
    run.log({"a": Tensor(cuda, 1.0)})
    child = os.fork()
    if child == 0:
        run.log({"child": 2.0}, step=0)
        run.finish()
        os._exit(0)
    assert os.waitpid(child, 0)[1] == 0
    cuda.hang.set()
    run.finish()
    assert (series(bodies, "a"), series(bodies, "child")) == ([(0, 1.0)], [(0, 2.0)])


# -- real tensors


def test_a_cpu_tensor_is_read_at_once(bodies) -> None:
    """A real CPU tensor of any type is recorded with its value at the call, exactly."""
    torch = pytest.importorskip("torch")
    run = tracklib.init("p")
    for kind in (torch.float32, torch.float64, torch.bfloat16, torch.float16, torch.int64, torch.bool):
        value = torch.tensor([1], dtype=kind)
        run.log({f"{kind}": value}, step=0)
        value.zero_()
    weight = torch.nn.Parameter(torch.tensor(0.1))
    run.log({"weight": weight, "loss": weight * 2}, step=0)
    found = {key: value for body in bodies(Metrics) for key, value in body.values.items()}
    assert [found[key] for key in found if key.startswith("torch.")] == [1.0, 1.0, 1.0, 1.0, 1, 1]
    assert (found["weight"], found["loss"]) == (0.10000000149011612, 0.20000000298023224)
    assert run._recorder._on_device is None, "a thread was started to read what was at hand"


@pytest.mark.filterwarnings("ignore::DeprecationWarning", "ignore::FutureWarning", "ignore::UserWarning")
def test_a_tensor_spread_over_processes_is_not_read(tmp_path: Path) -> None:
    """A ``DTensor`` that no process holds whole is refused: reading it would be a collective call of one rank."""
    pytest.importorskip("torch")
    script = """
import torch, torch.distributed as dist, tracklib
from torch.distributed.device_mesh import init_device_mesh
from torch.distributed.tensor import DTensor, Partial, Replicate
dist.init_process_group("gloo", init_method="file://" + __import__("os").path.abspath("store"), rank=0, world_size=1)
mesh = init_device_mesh("cpu", (1,))
run = tracklib.init("p")
run.log({"whole": DTensor.from_local(torch.tensor(2.0), mesh, [Replicate()])})
run.log({"part": DTensor.from_local(torch.tensor(2.0), mesh, [Partial()])})
"""
    environ = {key: value for key, value in os.environ.items() if key != "PYTHONDONTWRITEBYTECODE"}
    done = subprocess.run(
        [sys.executable, "-c", script], cwd=tmp_path, env=environ, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "metric 'part': expected one number, got a DTensor that is spread" in done.stderr
    assert "whole" not in done.stderr


@pytest.mark.parametrize("value", [None, 1, 1.0, "x", object()])
def test_what_is_no_tensor_lies_on_no_device(value) -> None:
    """Plain values, and things of other libraries, are none of a device's."""
    assert not devices.is_on_device(value)


def test_jax_arrays_on_a_device_are_copied_and_read_later() -> None:
    """An array of jax on an accelerator is copied there; one on the CPU is read at once; a tracer is left alone."""

    class Array:
        shape = ()
        size = 1

        def __init__(self, platform: str) -> None:
            self.platform = platform

        def devices(self) -> list[object]:
            if self.platform == "tracer":
                raise TypeError("abstract")
            return [types.SimpleNamespace(platform=self.platform)]

        def copy(self) -> Array:
            return Array(self.platform)

        def item(self) -> float:
            return 2.5

    Array.__module__ = "jaxlib._jax"
    assert [devices.is_on_device(Array(platform)) for platform in ("gpu", "cpu", "tracer")] == [True, False, False]
    array = Array("gpu")
    kept = devices.keep(array)
    assert kept.value is not array and devices.fetch([kept]) == [2.5]


def test_a_real_gpu_is_never_waited_for(tmp_path: Path) -> None:
    """On a real GPU: values at the call, in order, and no synchronisation in ``log``, as torch's profiler sees it."""
    torch = pytest.importorskip("torch")
    if not torch.cuda.is_available():
        pytest.skip("needs a GPU")
    done = subprocess.run(
        [sys.executable, str(ROOT / "benchmarks" / "device_sync.py"), "--json"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["synchronisations"] == [] and found["wrong"] == 0
