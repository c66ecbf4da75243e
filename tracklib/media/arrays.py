"""Arrays: numpy's view of what a framework gives, without importing any that is not there."""

from __future__ import annotations

import importlib
from typing import Any

from tracklib.errors import BadValueError
from tracklib.model.scalars import describe_error

__all__ = ["as_array", "homes", "is_array", "is_tensor", "numpy"]


def homes(value: object) -> set[str]:
    """Return the packages that a value's class and its ancestors come from."""
    return {kind.__module__.partition(".")[0] for kind in type(value).__mro__}


def numpy() -> Any:
    """Return numpy, which whoever has an array has."""
    return importlib.import_module("numpy")


def is_tensor(value: object) -> bool:
    """Tell whether a value is of torch, which puts channels first."""
    return "torch" in homes(value) and hasattr(value, "detach")


def is_array(value: object) -> bool:
    """Tell whether a value is an array or a tensor, of numpy, torch, jax or whoever keeps to their protocol."""
    return not isinstance(value, type) and hasattr(value, "__array__") and hasattr(value, "shape")


def as_array(value: object) -> Any:
    """Return an array of numpy with a value's numbers.

    Raises:
        BadValueError: The value does not give them.
    """
    try:
        return numpy().asarray(_on_host(value) if is_tensor(value) else value)
    except Exception as error:  # a value's own code may raise anything
        raise BadValueError(f"expected an array, got {type(value).__name__}: {describe_error(error)}") from error


def _on_host(tensor: Any) -> Any:
    tensor = tensor.detach().cpu()
    return (tensor.float() if str(tensor.dtype) == "torch.bfloat16" else tensor).numpy()  # numpy has no bfloat16
