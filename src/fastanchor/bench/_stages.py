"""The stages of the job, and who does them: NumPy, the obvious compiled loops, and fastanchor's own engines."""

from __future__ import annotations

import importlib
import warnings
import xml.etree.ElementTree as ET
from collections.abc import Callable
from typing import Any

import numpy as np

from fastanchor import kernels
from fastanchor._errors import SmallBoxWarning
from fastanchor._evolve import evolve
from fastanchor._types import FloatArray, IntArray
from fastanchor.anchors import auto_anchor
from fastanchor.bench import _plain
from fastanchor.bench._contest import Call, Case, contender, stage
from fastanchor.cluster import assign, kmeans, update_centers
from fastanchor.datasets import read
from fastanchor.engine import BoxIndex, Engine, answers_all
from fastanchor.engine.dense import DenseEngine
from fastanchor.metrics import anchor_fitness, mean_iou, wh_iou

__all__ = ["GENERATIONS", "THR", "UPDATES", "close", "labelled"]

THR, UPDATES, GENERATIONS = 0.25, 10, 50
TRUSTED = 100_000  # more boxes than this are checked against our dense kernels, which are checked up to here


def close(rtol: float, atol: float = 0.0) -> Callable[[Any, Any], bool]:
    """Return a comparison within a tolerance."""
    return lambda got, expected: bool(
        np.shape(got) == np.shape(expected) and np.allclose(got, expected, rtol=rtol, atol=atol)
    )


def same(got: Any, expected: Any) -> bool:
    """Bit for bit."""
    return bool(np.array_equal(got, expected))


def _by_definition(plain: Callable[[Case], Any], ours: Callable[[DenseEngine, Case], Any]) -> Callable[[Case], Any]:
    return lambda case: plain(case) if len(case.wh) <= TRUSTED else ours(DenseEngine(case.wh), case)


def labelled(case: Case) -> IntArray:
    """Return the nearest centre of each box, for the stages that begin with it."""
    return assign(case.wh, case.start)


def _score(answer: Any, case: Case) -> str:
    return f"fitness {anchor_fitness(case.wh, answer, THR).fitness:.5f}"


def _iou(answer: Any, case: Case) -> str:
    return f"mean IoU {mean_iou(case.wh, answer):.5f}"


stage(
    "reading",
    reference=lambda case: _tree(case),
    agrees=same,
    rule="same boxes",
    quality=lambda answer, case: f"{len(answer):,} boxes",
    sized=False,
)
stage(
    "index",
    reference=lambda case: case.wh,
    agrees=same,
    rule="same boxes",
    view=lambda answer: answer.take(np.arange(len(answer))) if answers_all(answer) else answer,
)
stage(
    "distance matrix",
    reference=lambda case: 1.0 - _plain.distances(case.wh, case.start),
    agrees=close(1e-12, 1e-15),
    rule="rtol 1e-12",
)
stage(
    "assignment (IoU)",
    reference=_by_definition(
        lambda case: _plain.nearest(case.wh, case.start)[0], lambda engine, case: engine.labels(case.start, "iou")
    ),
    agrees=same,
    rule="bit for bit",
)
stage(
    "medians of labelled boxes",
    reference=lambda case: _plain.medians(case.wh, labelled(case), len(case.start)),
    agrees=same,
    rule="bit for bit",
)
stage(
    "update (IoU, median)",
    reference=_by_definition(
        lambda case: _plain.lloyd(case.wh, case.start, 1, "iou", "median"),
        lambda engine, case: engine.lloyd("iou", "median").step(case.start).centers,
    ),
    agrees=same,
    rule="bit for bit",
    quality=_iou,
)
stage(
    f"k-means, {UPDATES} updates (Euclidean, mean)",
    reference=_by_definition(
        lambda case: _plain.lloyd(case.wh, case.start, UPDATES, "euclidean", "mean"),
        lambda engine, case: _run(engine, case, "euclidean", "mean"),
    ),
    agrees=close(1e-9),
    rule="rtol 1e-9",
    quality=_iou,
)
stage(
    f"k-means, {UPDATES} updates (IoU, median)",
    reference=_by_definition(
        lambda case: _plain.lloyd(case.wh, case.start, UPDATES, "iou", "median"),
        lambda engine, case: _run(engine, case, "iou", "median"),
    ),
    agrees=same,
    rule="bit for bit",
    quality=_iou,
)
stage(
    "fitness",
    reference=_by_definition(
        lambda case: _plain.fitness(case.wh, case.start, THR),
        lambda engine, case: tuple(engine.fitness(case.start, THR)),
    ),
    agrees=close(1e-12),
    rule="rtol 1e-12",
    quality=lambda answer, case: f"fitness {answer[0]:.5f}",
)
stage(
    f"search, {GENERATIONS} generations",
    reference=_by_definition(
        lambda case: _plain.search(case.wh, case.start, THR, GENERATIONS, np.random.default_rng(0)),
        lambda engine, case: _search(engine, case),
    ),
    agrees=same,
    rule="same anchors",
    quality=_score,
)
stage(
    "auto_anchor",
    reference=lambda case: _plain_whole(case) if len(case.wh) <= TRUSTED else _whole(case, engine="dense"),
    agrees=same,
    rule="same anchors",
    quality=_score,
)


def _run(engine: Any, case: Case, metric: Any, update: Any) -> FloatArray:
    return kmeans(
        engine, len(case.start), metric=metric, update=update, init=case.start, max_iter=UPDATES, progress=False
    ).centers


def _search(engine: Any, case: Case) -> FloatArray:
    return evolve(engine, case.start, thr=THR, gen=GENERATIONS, rng=0, progress=False).anchors


def _whole(case: Case, **options: Any) -> FloatArray:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmallBoxWarning)  # the boxes made up here are small on purpose
        return auto_anchor(
            case.wh, n=len(case.start), thr=THR, gen=GENERATIONS, min_size=0.0, init=case.start, rng=0,
            max_iter=UPDATES, progress=False, **options,
        ).anchors  # fmt: skip


def _plain_whole(case: Case) -> FloatArray:
    centers = _plain.lloyd(case.wh, case.start, UPDATES, "iou", "median")
    found = _plain.search(case.wh, centers, THR, GENERATIONS, np.random.default_rng(0))
    return found[np.argsort(found.prod(1), kind="stable")]


# ---- reading


def _tree(case: Case) -> FloatArray:
    """Widths and heights by the loop that everyone writes."""
    sizes = []
    for file in sorted(case.path.rglob("*.xml")) if case.path else []:
        for box in ET.parse(file).getroot().iter("bndbox"):  # noqa: S314  files that the user trusts enough to read
            x0, y0, x1, y1 = (float(box.findtext(side) or "nan") for side in ("xmin", "ymin", "xmax", "ymax"))
            if x1 > x0 and y1 > y0:
                sizes.append((x1 - x0, y1 - y0))
    return np.array(sizes)


@contender("reading", "ElementTree loop")
def _reading_plain(case: Case) -> Call:
    return lambda: _tree(case)


@contender("reading", "fastanchor")
def _reading_ours(case: Case) -> Call:
    return lambda: read(case.path or "", progress=False).wh


# ---- NumPy


@contender("index", "NumPy: one update (IoU, median)")
def _index_plain(case: Case) -> Call:
    def call() -> FloatArray:
        _plain.lloyd(case.wh, case.start, 1, "iou", "median")
        return case.wh

    return call


@contender("distance matrix", "NumPy")
def _matrix_plain(case: Case) -> Call:
    return lambda: 1.0 - _plain.distances(case.wh, case.start)


@contender("assignment (IoU)", "NumPy")
def _assignment_plain(case: Case) -> Call:
    return lambda: _plain.nearest(case.wh, case.start, chunk=len(case.wh))[0]


@contender("assignment (IoU)", "NumPy in chunks")
def _assignment_chunks(case: Case) -> Call:
    return lambda: _plain.nearest(case.wh, case.start)[0]


@contender("medians of labelled boxes", "NumPy")
def _medians_plain(case: Case) -> Call:
    labels = labelled(case)
    return lambda: _plain.medians(case.wh, labels, len(case.start))


def _update_plain(case: Case, chunk: int) -> FloatArray:
    return _plain.medians(case.wh, _plain.nearest(case.wh, case.start, chunk=chunk)[0], len(case.start))


@contender("update (IoU, median)", "NumPy")
def _update_numpy(case: Case) -> Call:
    return lambda: _update_plain(case, len(case.wh))


@contender("update (IoU, median)", "NumPy in chunks")
def _update_chunks(case: Case) -> Call:
    return lambda: _update_plain(case, _plain.CHUNK)


@contender(f"k-means, {UPDATES} updates (Euclidean, mean)", "NumPy in chunks")
def _euclidean_chunks(case: Case) -> Call:
    return lambda: _plain.lloyd(case.wh, case.start, UPDATES, "euclidean", "mean")


@contender(f"k-means, {UPDATES} updates (IoU, median)", "NumPy in chunks")
def _iou_chunks(case: Case) -> Call:
    return lambda: _plain.lloyd(case.wh, case.start, UPDATES, "iou", "median")


@contender("fitness", "NumPy")
def _fitness_plain(case: Case) -> Call:
    return lambda: _plain.fitness(case.wh, case.start, THR, chunk=len(case.wh))


@contender("fitness", "NumPy in chunks")
def _fitness_chunks(case: Case) -> Call:
    return lambda: _plain.fitness(case.wh, case.start, THR)


@contender(f"search, {GENERATIONS} generations", "NumPy in chunks")
def _search_chunks(case: Case) -> Call:
    return lambda: _plain.search(case.wh, case.start, THR, GENERATIONS, np.random.default_rng(0))


@contender("auto_anchor", "NumPy in chunks")
def _whole_chunks(case: Case) -> Call:
    return lambda: _plain_whole(case)


# ---- the loops one writes first


def _obvious() -> Any:
    return importlib.import_module("fastanchor.kernels._obvious")


def _columns(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    return values[:, 0].copy(), values[:, 1].copy()


@contender("assignment (IoU)", "two loops, @njit", "numba")
def _assignment_obvious(case: Case) -> Call:
    w, h = _columns(case.wh)
    labels, distance = np.empty(w.size, np.int64), np.empty(w.size)

    def call() -> Any:
        _obvious().assign_iou(w, h, *_columns(case.start), labels, distance)
        return labels

    return call


@contender("update (IoU, median)", "two loops, prange; np.median", "numba")
def _update_obvious(case: Case) -> Call:
    w, h = _columns(case.wh)
    labels = np.empty(w.size, np.int64)

    def call() -> FloatArray:
        _obvious().assign_all_cores(w, h, *_columns(case.start), labels)
        return _plain.medians(case.wh, labels, len(case.start))

    return call


@contender("fitness", "two loops, @njit", "numba", agrees=close(1e-10), rule="rtol 1e-10")  # one long sum
def _fitness_obvious(case: Case) -> Call:
    w, h = _columns(case.wh)

    def call() -> Any:
        total, above = _obvious().fitness(w, h, *_columns(case.start), THR)
        return total / w.size, above / w.size

    return call


# ---- ours


def _dense(backend: str, threads: int | None) -> Callable[[Case], Engine]:
    def build(case: Case) -> Engine:
        with kernels.backend(backend):
            return DenseEngine(case.wh, threads=threads or case.threads)

    return build


def _index(case: Case) -> Engine:
    return BoxIndex(case.wh, threads=case.threads)


ENGINES: tuple[tuple[str, tuple[str, ...], Callable[[Case], Engine]], ...] = (
    ("fastanchor, NumPy", (), _dense("numpy", 1)),
    ("fastanchor, 1 thread", ("numba",), _dense("numba", 1)),
    ("fastanchor, all threads", ("numba",), _dense("numba", None)),
    ("fastanchor, index", ("numba",), _index),
)

ANSWERS: dict[str, Callable[[Any, Case], Any]] = {
    "assignment (IoU)": lambda engine, case: engine.labels(case.start, "iou"),
    "update (IoU, median)": lambda engine, case: engine.lloyd("iou", "median").step(case.start).centers,
    f"k-means, {UPDATES} updates (Euclidean, mean)": lambda engine, case: _run(engine, case, "euclidean", "mean"),
    f"k-means, {UPDATES} updates (IoU, median)": lambda engine, case: _run(engine, case, "iou", "median"),
    "fitness": lambda engine, case: tuple(engine.fitness(case.start, THR)),
    f"search, {GENERATIONS} generations": _search,
}


def _enter(name: str, engine: str, needs: tuple[str, ...], build: Callable[[Case], Engine]) -> None:
    def prepare(case: Case) -> Call:
        ready = build(case)  # building is a stage of its own
        return lambda: ANSWERS[name](ready, case)

    contender(name, engine, *needs)(prepare)


for _name in ANSWERS:
    for _engine, _needs, _build in ENGINES:
        _enter(_name, _engine, _needs, _build)


@contender("distance matrix", "fastanchor, NumPy")
def _matrix_numpy(case: Case) -> Call:
    def call() -> FloatArray:
        with kernels.backend("numpy"):
            return wh_iou(case.wh, case.start)

    return call


@contender("distance matrix", "fastanchor", "numba")
def _matrix_ours(case: Case) -> Call:
    def call() -> FloatArray:
        with kernels.backend("numba"):
            return wh_iou(case.wh, case.start)

    return call


def _medians_ours(name: str, needs: tuple[str, ...], backend: str) -> None:
    def prepare(case: Case) -> Call:
        labels = labelled(case)

        def call() -> FloatArray:
            with kernels.backend(backend):
                return update_centers(case.wh, labels, len(case.start))

        return call

    contender("medians of labelled boxes", name, *needs)(prepare)


_medians_ours("fastanchor, NumPy", (), "numpy")
_medians_ours("fastanchor", ("numba",), "numba")


@contender("index", "fastanchor, 1 thread", "numba")
def _index_one(case: Case) -> Call:
    return lambda: BoxIndex(case.wh, threads=1)


@contender("index", "fastanchor, all threads", "numba")
def _index_all(case: Case) -> Call:
    return lambda: BoxIndex(case.wh, threads=case.threads)


def _whole_with(name: str, needs: tuple[str, ...], **options: Any) -> None:
    def prepare(case: Case) -> Call:
        return lambda: _whole(case, **options)

    contender("auto_anchor", name, *needs)(prepare)


_whole_with("fastanchor, dense", (), engine="dense")
_whole_with("fastanchor, index", ("numba",), engine="index")
_whole_with("fastanchor, as chosen", ())
