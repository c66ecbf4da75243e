"""Devices: scalars of torch and jax that lie on an accelerator, kept as they are now and read later.

Reading such a scalar waits until the device has done all that was asked of it before, which would stop the training
loop at each ``log()``. A copy made on the device waits for nothing. No framework is imported here: where there is a
tensor, its framework is loaded.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Sequence
from typing import Any, Union

from tracklib.errors import BadValueError
from tracklib.model.scalars import describe_error, number
from tracklib.typing import Number
from tracklib.value import Value

__all__ = ["Kept", "fetch", "is_on_device", "keep", "own_part"]

_HERE = frozenset({"cpu", "meta"})
"""Devices of torch whose values need no transfer, or have none."""

_streams: dict[str, Any] = {}


class Kept(Value):
    """One value as it was when it was kept.

    Attributes:
        value: The copy, on the device.
        ready: What tells that the copy is made, where the device has several streams.
    """

    value: Any
    ready: Any = None


def is_on_device(value: object) -> bool:
    """Tell whether reading a value would wait for a device."""
    framework = _framework(value)
    try:
        if framework == "torch":
            return str(value.device.type) not in _HERE  # type: ignore[attr-defined]  # a tensor
        if framework == "jax":
            return any(device.platform != "cpu" for device in value.devices())  # type: ignore[attr-defined]
    except Exception:  # a tracer has no device, and no value either: reading it says so
        return False
    return False


def _framework(value: object) -> str:
    for kind in type(value).__mro__:
        top = kind.__module__.partition(".")[0]
        if top == "torch":
            return top
        if top in ("jax", "jaxlib"):
            return "jax"
    return ""


def keep(value: Any) -> Kept:
    """Copy a device's scalar on the device, behind what the caller asked of it so far; wait for nothing.

    Raises:
        BadValueError: It has more than one element, or none that is known yet, or the device is in no state for it.
    """
    try:
        return _copied(value)
    except BadValueError:
        raise
    except Exception as error:  # whatever the device says
        raise BadValueError(f"copying a {type(value).__name__} on its device raised {describe_error(error)}") from error


def own_part(value: Any) -> Any:
    """Return this process's own whole copy of a tensor that several processes hold (torch's ``DTensor``).

    Raises:
        BadValueError: No process has it whole: reading it would make all of them talk, and one that does not would
            leave the others waiting.
    """
    if _framework(value) != "torch" or not hasattr(value, "placements"):
        return value
    if not all(placement.is_replicate() for placement in value.placements):
        raise BadValueError(
            f"expected one number, got a {type(value).__name__} that is spread over processes; log .full_tensor() of it"
        )
    return value.to_local()


def _copied(value: Any) -> Kept:
    if _framework(value) == "jax":
        _check_size(value, value.size)
        return Kept(value.copy())  # it never changes, but its memory may be given away ("donated")
    _check_size(value, value.numel())
    module: Any = getattr(sys.modules.get("torch"), value.device.type, None)
    capturing = getattr(module, "is_current_stream_capturing", None)
    if capturing is not None and capturing():
        raise BadValueError("expected a number, got a value inside a CUDA graph's capture, where nothing is computed")
    copy = value.detach().reshape(()).clone()
    if not hasattr(module, "Event") or not hasattr(module, "current_stream"):
        return Kept(copy)
    ready = module.Event()
    ready.record(module.current_stream(value.device))
    return Kept(copy, ready)


def _check_size(value: Any, size: int) -> None:
    if size != 1:
        raise BadValueError(f"expected one number, got {type(value).__name__} of shape {tuple(value.shape)}")


def fetch(kept: Sequence[Kept]) -> list[Union[Number, BadValueError]]:
    """Read values that were kept, with one transfer for all of a kind; this waits for the device.

    Returns:
        For each, the number or why it could not be read.
    """
    groups: dict[object, list[int]] = {}
    for place, item in enumerate(kept):
        alone = _framework(item.value) != "torch"
        groups.setdefault(place if alone else (str(item.value.device), item.value.dtype), []).append(place)
    found: dict[int, Union[Number, BadValueError]] = {}
    for places in groups.values():
        found.update(zip(places, _read([kept[place] for place in places]), strict=True))
    return [found[place] for place in range(len(kept))]


def _read(group: list[Kept]) -> Iterable[Union[Number, BadValueError]]:
    try:
        if _framework(group[0].value) == "torch":
            return [number(value) for value in _transfer(group)]
        return [number(item.value) for item in group]
    except Exception as error:  # whatever the device says: a fault of its own, or of what ran on it before
        return [BadValueError(f"reading it from its device raised {describe_error(error)}")] * len(group)


def _transfer(group: list[Kept]) -> list[Any]:
    """Bring tensors of one device and type over at once, on a stream of our own beside the caller's."""
    torch: Any = sys.modules["torch"]
    device = group[0].value.device
    if group[0].ready is None:
        return list(torch.stack([item.value for item in group]).to("cpu").tolist())
    module = getattr(torch, device.type)
    stream = _streams.get(str(device))
    if stream is None:
        stream = _streams[str(device)] = module.Stream(device)
    with module.stream(stream):
        for item in group:
            stream.wait_event(item.ready)
        return list(torch.stack([item.value for item in group]).to("cpu").tolist())
