"""Arithmetic on columns of boxes, twice: compiled by numba, and in plain NumPy.

The contract, for both files:

* Columns ``w`` and ``h`` are C-contiguous float64 of one length, sides inside ``_check``'s bounds; centres come as two
  columns ``cw`` and ``ch``. Inputs are never written. No validation, no randomness, no Python objects.
* Same formula in the same operation order, so the twins agree bit for bit. Sums run in ``LANES`` parallel lanes (box i
  goes to lane ``i % LANES``) that are folded by halves: an order that vectorises in C and in NumPy alike.
* Ties go to the lowest index. No kernel keeps state or starts threads; the compiled ones release the GIL.

``wh_iou(w, h, cw, ch, out)``
    IoU of every box with every centre, both with one corner at the origin, into ``out`` (n, k).
``assign_iou(w, h, cw, ch, labels, distance) -> changed``
    Nearest centre under ``1 - IoU`` into ``labels`` (n,) int32 and its distance into ``distance`` (n,). Returns how
    many labels differ from those that stood there.
``assign_euclidean(w, h, cw, ch, labels, distance) -> changed``
    The same for the squared Euclidean distance.
``assign_ratio(w, h, cw, ch, labels, distance) -> changed``
    The same for ``1 - min(w / cw, cw / w, h / ch, ch / h)``, by true division.
``label_counts(labels, counts)``
    Adds the number of each label to ``counts`` (k,) int64.
``exact_sum(values, scale, digits)``, ``exact_sums(values, labels, scale, digits)``
    Cuts ``value * scale`` (a power of two that brings them to at most 1) into digits of 32 bits, all of its sign, and
    adds them to ``digits`` (d,) int64, or to row ``labels[i]`` of ``digits`` (k, d). What lies below the last digit
    is dropped. Whole numbers add up to the same in any order. At most 2^16 values at a time.
``label_moves(w, h, before, labels, scale, counts, digits)``
    Takes the boxes whose label differs from ``before`` off what that label adds up to, unless it is -1, and adds them
    to their new one: ``counts`` (k,), and the exact sums of widths and heights, ``digits`` (2, k, 2). The first digit
    is rounded, not cut, so the second has any sign; the sum is the same. At most 2^16 values at a time.
``weighted_counts(labels, weights, counts)``
    Adds the weights (n,) int64 of each label to ``counts``; at most 2^20 at a time.
``weighted_sum(values, weights, scale, digits, first, count)``,
``weighted_sums(values, labels, weights, scale, digits, first, count)``
    The same exact sums of values that count several times, with weights from -2^31 to 2^31 - 1 (a larger one is cut
    in two). The ``count`` digits of a value go to the places from ``first`` on; what a product has above 32 bits is
    carried to the place before.
``label_histogram(values, labels, low, high, shift, out, weights=None)``
    Sort keys are the bits of a float64, turned so that they grow with the value (``sort_keys``). Counts, for each
    label, the keys from ``low[label]`` to ``high[label]`` (both uint64, inclusive) into ``out[label,
    (key - low) >> shift]``.
``label_gather(values, labels, low, high, out_values, out_labels) -> count``
    Collects the values whose key lies from ``low[label]`` to ``high[label]``.
``fitness(w, h, cw, ch, thr) -> (total, count)``
    Lane sum of ``best`` over the boxes with ``best > thr``, and their number, where ``best`` is the largest over the
    centres of ``min(w / cw, cw / w, h / ch, ch / h)``. Quotients are taken as products with reciprocals, off by an
    ulp; so a box within ``THR_MARGIN`` of the threshold is decided by true division.
``best_ratio(w, h, cw, ch, best)``
    The same ``best`` by true division into ``best`` (n,).
``best_iou(w, h, cw, ch, best)``
    The largest IoU over the centres into ``best`` (n,).
``ratios(w, h, cw, ch, thr) -> (total, best, past, count, above)``
    For reports: lane sums of all n * k ratios, of each box's best, and of those above ``thr``; how many ratios and how
    many best ones are above it. Sides of boxes may be 0 here.
"""

from __future__ import annotations

import contextlib
import contextvars
import functools
import importlib
import importlib.util
import os
from collections.abc import Iterator
from types import ModuleType

from fastanchor import _check
from fastanchor._errors import BackendError
from fastanchor.kernels._choice import EVERYTHING, ONCE, USUAL, Verdict, Work, judge, kept, least

__all__ = [
    "EVERYTHING", "LEGAL", "ONCE", "USUAL", "Work", "backend", "chosen", "current", "installed", "kept", "limit",
    "load", "part",
]  # fmt: skip

LEGAL = ("numba", "numpy")

_chosen: contextvars.ContextVar[str | None] = contextvars.ContextVar("fastanchor_backend", default=None)


def installed() -> bool:
    """Return whether numba can be imported."""
    try:
        return importlib.util.find_spec("numba") is not None
    except ValueError:  # a stand-in without a spec sits in sys.modules
        return False


def chosen(name: str | None = None) -> str | None:
    """Return the backend chosen by hand: `name`, else ``with backend(...)``, else FASTANCHOR_BACKEND, else None.

    Raises
    ------
    DataError
        If the name is not one of "numba" and "numpy".
    BackendError
        If numba is chosen and not installed.
    """
    source = "backend"
    if name is None:
        name = _chosen.get()
    if name is None and os.environ.get("FASTANCHOR_BACKEND"):
        name, source = os.environ["FASTANCHOR_BACKEND"], "FASTANCHOR_BACKEND"
    if name is None:
        return None
    _check.choice(name, source, LEGAL)
    if name == "numba" and not installed():
        raise BackendError(f"{source} = 'numba': numba is not installed; pip install numba, or use 'numpy'")
    return name


def current(name: str | None = None, work: Work | None = None, n: int = 0, *, indexed: bool = False) -> str:
    """Return the backend to use: the one `chosen` by hand, else the one that does the work with n boxes soonest.

    Without `work` that is numba, where it is installed. `indexed` says that numba would look through an index.
    """
    name = chosen(name)
    if name is None:
        name = "numpy" if not installed() else "numba" if work is None else judge(work, n, indexed).backend
    return name


def limit(work: Work, top: int) -> tuple[int, Verdict] | None:
    """Return from how many boxes on, at most `top`, `current` chooses numba, and why; None where there is no choice."""
    if chosen() is not None or not installed():
        return None
    n = least(work, top)
    return n, judge(work, n, take=False)


def load(name: str | None = None, work: Work | None = None, n: int = 0) -> ModuleType:
    """Return the module of kernels for the `current` backend, imported when first needed."""
    return importlib.import_module(f"{__name__}._{current(name, work, n)}")


@functools.cache
def part(name: str) -> ModuleType:
    """Return kernels by file, imported when first needed: of the box index, "grid", "settle", "assign", ..."""
    return importlib.import_module(f"{__name__}._{name}")


@contextlib.contextmanager
def backend(name: str) -> Iterator[None]:
    """Use the kernels of `name` inside a ``with`` block, in this thread or task only.

    Parameters
    ----------
    name : {"numba", "numpy"}

    Raises
    ------
    DataError
        If the name is neither.
    BackendError
        If numba is asked for and not installed.

    Examples
    --------
    >>> import fastanchor
    >>> with fastanchor.backend("numpy"):
    ...     fastanchor.mean_iou([[2.0, 2.0]], [[2.0, 1.0]])
    0.5
    """
    token = _chosen.set(current(name))
    try:
        yield
    finally:
        _chosen.reset(token)
