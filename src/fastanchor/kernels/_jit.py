"""How kernels are compiled; the only file that imports numba."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from numba import njit, prange  # noqa: TID253  loaded by kernels.load() and kernels.part(), not by importing fastanchor

__all__ = ["compiled", "helper", "parallel", "plain", "span"]

OPTIONS: dict[str, Any] = {"nogil": True, "error_model": "numpy"}
INNER: dict[str, Any] = {**OPTIONS, "no_cpython_wrapper": True, "no_cfunc_wrapper": True}


def compiled(function: Callable[..., Any]) -> Any:
    """Compile `function`, with a cache where the package or the home folder can be written."""
    try:
        return njit(cache=True, **OPTIONS)(function)
    except RuntimeError:  # numba refuses to decorate where it finds no place for a cache
        return njit(**OPTIONS)(function)


def helper(function: Callable[..., Any]) -> Any:
    """Compile `function` for the use of other kernels only: no entry from Python, no cache of its own."""
    return njit(**INNER)(function)


# for the benchmark's rivals alone: what one gets without further thought
plain, parallel, span = njit, njit(parallel=True), prange
