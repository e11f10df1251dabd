"""Time and check the stages of the job against plain NumPy and scikit-learn. Answers first, clocks after."""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import platform
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fastanchor import kernels
from fastanchor._types import FloatArray
from fastanchor.cluster import kmeans
from fastanchor.engine._pool import thread_count
from fastanchor.engine.dense import DenseEngine
from fastanchor.metrics import anchor_fitness, wh_iou

__all__ = ["Row", "boxes", "has_sklearn", "processor", "run"]

# What plain NumPy needs, an n x k x 2 array per step, grows past any laptop; it is timed on at most this many boxes.
PLAIN_MOST = 1_000_000
# scikit-learn calls a Python function for each pair under a callable metric.
CALLABLE_MOST = 500
UPDATES = 10
THR = 0.25


class Row(NamedTuple):
    """One line of the table: who did what, is the answer right, how long (seconds) for how many boxes."""

    stage: str
    contender: str
    checked: str
    boxes: int
    seconds: float | None


def boxes(n: int, seed: int = 0) -> FloatArray:
    """Return n log-normal box sizes within 2 to 640 pixels, (n, 2)."""
    rng = np.random.default_rng(seed)
    return np.exp(rng.normal([3.8, 3.7], [1.0, 1.0], (n, 2))).clip(2, 640)


def run(wh: FloatArray, k: int, *, rounds: int = 5, threads: int | None = None) -> Iterator[Row]:
    """Yield a row for each stage and contender; a wrong answer is told and not timed.

    Parameters
    ----------
    wh : (n, 2) float64
        Box sizes, pixels.
    k : int
        Number of centres.
    rounds : int, default 5
        The median of so many timed calls is given, after one that is not.
    threads : int, optional
        Of the compiled kernels; default: all processors.
    """
    start = wh[np.random.default_rng(0).choice(len(wh), k, replace=False)]
    many = thread_count(threads)
    for stage in (_distances, _assignment, _update, _fitness, _kmeans):
        yield from stage(wh, start, rounds, many)


class _Contender(NamedTuple):
    name: str
    call: Callable[[], Any]
    check: str  # how the answer is compared
    agrees: Callable[[Any], bool]
    boxes: int


def _rows(stage: str, contenders: list[_Contender], rounds: int) -> Iterator[Row]:
    ready = []
    for one in contenders:
        right = one.agrees(one.call())
        if right:
            ready.append(one)
        else:
            yield Row(stage, one.name, f"WRONG ({one.check})", one.boxes, None)
    times: dict[str, list[float]] = {one.name: [] for one in ready}
    for _ in range(rounds):  # in turns, so that a slow moment of the machine meets all alike
        for one in ready:
            began = time.perf_counter()
            one.call()
            times[one.name].append(time.perf_counter() - began)
    for one in ready:
        yield Row(stage, one.name, one.check, one.boxes, float(np.median(times[one.name])))


def _ours(wh: FloatArray, many: int, call: Callable[[DenseEngine], Any]) -> Iterator[tuple[str, Callable[[], Any]]]:
    """Yield our kernels, each backend and number of threads, with an engine that is built outside the clock."""
    for name, threads in (("numpy", 1), ("numba", 1), ("numba", many)):
        if (name == "numba" and not kernels.installed()) or (name == "numba" and threads == 1 and many == 1):
            continue
        with kernels.backend(name):
            engine = DenseEngine(wh, threads=threads)
        label = f"fastanchor {name}" + (f", {threads} thread{'s' if threads > 1 else ''}" if name == "numba" else "")
        yield label, lambda engine=engine: call(engine)  # type: ignore[misc]


def _plain_iou(wh: FloatArray, centers: FloatArray) -> FloatArray:
    inter = np.minimum(wh[:, None], centers[None]).prod(2)
    iou: FloatArray = inter / (wh.prod(1)[:, None] + centers.prod(1)[None] - inter)
    return iou


def _plain_best(wh: FloatArray, anchors: FloatArray) -> FloatArray:
    ratio = wh[:, None] / anchors[None]
    best: FloatArray = np.minimum(ratio, 1.0 / ratio).min(2).max(1)
    return best


def _distances(wh: FloatArray, start: FloatArray, rounds: int, many: int) -> Iterator[Row]:
    some = wh[:PLAIN_MOST]
    right = _plain_iou(some, start)
    same = _Contender("plain NumPy", lambda: _plain_iou(some, start), "reference", lambda _: True, len(some))
    names = ["numpy"] + (["numba"] if kernels.installed() else [])

    def with_backend(name: str) -> Callable[[], FloatArray]:
        def call() -> FloatArray:
            with kernels.backend(name):
                return wh_iou(some, start)

        return call

    ours = [
        _Contender(f"fastanchor {n}", with_backend(n), "bit for bit", lambda got: np.array_equal(got, right), len(some))
        for n in names
    ]
    yield from _rows("distance matrix", [same, *ours], rounds)


def _assignment(wh: FloatArray, start: FloatArray, rounds: int, many: int) -> Iterator[Row]:
    some = wh[:PLAIN_MOST]
    reference = (1.0 - _plain_iou(some, start)).argmin(1)

    def plain() -> Any:
        return (1.0 - _plain_iou(some, start)).argmin(1)

    contenders = [_Contender("plain NumPy", plain, "reference", lambda _: True, len(some))]
    for name, call in _ours(wh, many, lambda engine: engine.labels(start, "iou")):
        contenders.append(
            _Contender(name, call, "bit for bit", lambda got: np.array_equal(got[: len(some)], reference), len(wh))
        )
    rival = _sklearn("metrics")
    if rival is not None:
        few = some[:CALLABLE_MOST]

        def distance(a: FloatArray, b: FloatArray) -> float:
            inter = min(a[0], b[0]) * min(a[1], b[1])
            return float(1.0 - inter / (a[0] * a[1] + b[0] * b[1] - inter))

        def theirs() -> Any:
            return rival.pairwise_distances_argmin(few, start, metric=distance)

        contenders.append(
            _Contender(
                "scikit-learn, callable",
                theirs,
                "same labels",
                lambda got: np.array_equal(got, reference[: len(few)]),
                len(few),
            )
        )
    yield from _rows("assignment (IoU)", contenders, rounds)


def _update(wh: FloatArray, start: FloatArray, rounds: int, many: int) -> Iterator[Row]:
    k, step = len(start), 1 << 17  # in pieces, so that n x k x 2 fits
    pieces = [(1.0 - _plain_iou(wh[i : i + step], start)).argmin(1) for i in range(0, len(wh), step)]
    labels = np.concatenate(pieces)

    def plain() -> FloatArray:
        return np.array([np.median(wh[labels == j], axis=0) for j in range(k)])

    right = plain()
    contenders = [_Contender("plain NumPy", plain, "reference", lambda _: True, len(wh))]
    small, counts = labels.astype(np.int32), np.bincount(labels, minlength=k)
    for name, call in _ours(wh, many, lambda engine: engine.medians(small, counts)):
        contenders.append(_Contender(name, call, "bit for bit", lambda got: np.array_equal(got, right), len(wh)))
    yield from _rows("median update", contenders, rounds)


def _fitness(wh: FloatArray, start: FloatArray, rounds: int, many: int) -> Iterator[Row]:
    some = wh[:PLAIN_MOST]

    def plain() -> tuple[float, float]:
        best = _plain_best(some, start)
        return float((best * (best > THR)).mean()), float((best > THR).mean())

    right = plain()
    whole = right if len(some) == len(wh) else tuple(anchor_fitness(start, wh, THR))

    def close(got: Any) -> bool:
        return bool(np.allclose(got, whole, rtol=1e-12, atol=0.0))

    agreed = np.allclose(anchor_fitness(start, some, THR), right, rtol=1e-12, atol=0.0)
    contenders = [_Contender("plain NumPy", plain, "reference", lambda _: True, len(some))]
    for name, call in _ours(wh, many, lambda engine: engine.fitness(start, THR)):
        contenders.append(_Contender(name, call, "rtol 1e-12", lambda got: bool(agreed) and close(got), len(wh)))
    yield from _rows("fitness", contenders, rounds)


def _kmeans(wh: FloatArray, start: FloatArray, rounds: int, many: int) -> Iterator[Row]:
    """Euclidean and mean: the k-means that scikit-learn has too. Same start, same number of updates."""

    def ours(engine: DenseEngine) -> Any:
        return kmeans(
            engine, len(start), metric="euclidean", update="mean", init=start, max_iter=UPDATES, progress=False
        )

    rival = _sklearn("cluster")
    contenders: list[_Contender] = []
    if rival is None:
        reference = ours(DenseEngine(wh))
        check = "not compared"
    else:

        def theirs() -> Any:
            model = rival.KMeans(len(start), init=start, n_init=1, max_iter=UPDATES, tol=0.0, algorithm="lloyd")
            return model.fit(wh)

        model = theirs()
        contenders = [_Contender("scikit-learn KMeans", theirs, "reference", lambda _: True, len(wh))]
        reference, check = model, "centres 1e-9, inertia 1e-9"

    def agrees(got: Any) -> bool:
        if rival is None:
            return True
        return bool(
            np.allclose(got.centers, reference.cluster_centers_, rtol=1e-9, atol=0.0)
            and np.isclose(got.inertia, reference.inertia_, rtol=1e-9, atol=0.0)
        )

    for name, call in _ours(wh, many, ours):
        contenders.append(_Contender(name, call, check, agrees, len(wh)))
    yield from _rows(f"k-means, {UPDATES} updates (Euclidean, mean)", contenders, rounds)


def processor() -> str:
    """Return the name of the processor as well as the system tells it."""
    with contextlib.suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()


def _sklearn(module: str) -> Any:
    """Return a module of scikit-learn, or None if it is not installed."""
    if not has_sklearn():
        return None
    return importlib.import_module(f"sklearn.{module}")


def has_sklearn() -> bool:
    """Return whether the rival is here."""
    return importlib.util.find_spec("sklearn") is not None
