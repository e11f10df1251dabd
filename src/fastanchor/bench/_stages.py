"""The stages of the job and their contenders: NumPy, the loops that one writes first, and fastanchor's engines."""

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

__all__ = [
    "ASSIGNMENT", "FITNESS", "GENERATIONS", "JOB", "MATRIX", "MEAN", "MEDIANS", "THR", "UPDATES", "close", "columns",
    "labelled", "whole", "whole_by_numba",
]  # fmt: skip

THR, UPDATES, GENERATIONS = 0.25, 10, 50
TRUSTED = 100_000  # up to so many boxes answers are compared with plain NumPy, beyond with the dense kernels
SMALLER, BEHIND = 2_000, 0.01  # the whole job may be so much less fit than NumPy's on so many boxes
ASSIGNMENT, UPDATE, MEDIANS = "assignment (IoU)", "update (IoU, median)", "medians of labelled boxes"
MEAN = f"k-means, {UPDATES} updates (Euclidean, mean)"
MEDIAN = f"k-means, {UPDATES} updates (IoU, median)"
SEARCH = f"search, {GENERATIONS} generations"
MATRIX, FITNESS, JOB = "distance matrix", "fitness", "whole job"


# ---- comparisons, and what is said of an answer


def close(rtol: float, atol: float = 0.0) -> Callable[[Any, Any], bool]:
    """Return a comparison within a tolerance."""
    return lambda got, expected: bool(
        np.shape(got) == np.shape(expected) and np.allclose(got, expected, rtol=rtol, atol=atol)
    )


def same(got: Any, expected: Any) -> bool:
    """Return whether two answers are equal bit for bit."""
    return bool(np.array_equal(got, expected))


def _score(answer: Any, case: Case) -> str:
    return f"fitness {anchor_fitness(case.wh, answer, THR).fitness:.5f}"


def _iou(answer: Any, case: Case) -> str:
    return f"mean IoU {mean_iou(case.wh, answer):.5f}"


# ---- the answers by definition


def labelled(case: Case) -> IntArray:
    """Return the nearest centre of each box, for the stages that start from it."""
    return assign(case.wh, case.start)


def columns(values: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Return widths and heights, each contiguous."""
    return values[:, 0].copy(), values[:, 1].copy()


def _tree(case: Case) -> FloatArray:
    """Return widths and heights by the loop that everyone writes."""
    sizes = []
    for file in sorted(case.path.rglob("*.xml")) if case.path else []:
        for box in ET.parse(file).getroot().iter("bndbox"):  # noqa: S314  files that the user trusts enough to read
            x0, y0, x1, y1 = (float(box.findtext(side) or "nan") for side in ("xmin", "ymin", "xmax", "ymax"))
            if x1 > x0 and y1 > y0:
                sizes.append((x1 - x0, y1 - y0))
    return np.array(sizes)


def _plain_update(case: Case, chunk: int) -> FloatArray:
    return _plain.medians(case.wh, _plain.nearest(case.wh, case.start, chunk=chunk)[0], len(case.start))


def _plain_search(case: Case) -> FloatArray:
    return _plain.search(case.wh, case.start, THR, GENERATIONS, np.random.default_rng(0))


def _plain_job(case: Case) -> FloatArray:
    return _plain.job(case.wh, case.start, THR)


def _expected_fitness(case: Case) -> float:
    """Return the fitness on all boxes of the anchors that NumPy finds for the first of them."""
    return _plain.fitness(case.wh, _plain_job(case.first(SMALLER)), THR)[0]


# ---- fastanchor's answers


def whole(case: Case, **options: Any) -> FloatArray:
    """Return anchors by ``auto_anchor`` with its defaults."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", SmallBoxWarning)  # the boxes made up here are small on purpose
        return auto_anchor(
            case.wh, n=len(case.start), thr=THR, min_size=0.0, rng=0, progress=False,
            **{"threads": case.threads, **options},
        ).anchors  # fmt: skip


def _run(engine: Any, case: Case, metric: Any, update: Any) -> FloatArray:
    return kmeans(
        engine, len(case.start), metric=metric, update=update, init=case.start, max_iter=UPDATES, progress=False
    ).centers


ANSWERS: dict[str, Callable[[Any, Case], Any]] = {
    ASSIGNMENT: lambda engine, case: engine.labels(case.start, "iou"),
    UPDATE: lambda engine, case: engine.lloyd("iou", "median").step(case.start).centers,
    MEAN: lambda engine, case: _run(engine, case, "euclidean", "mean"),
    MEDIAN: lambda engine, case: _run(engine, case, "iou", "median"),
    FITNESS: lambda engine, case: tuple(engine.fitness(case.start, THR)),
    SEARCH: lambda engine, case: evolve(
        engine, case.start, thr=THR, gen=GENERATIONS, rng=0, progress=False
    ).anchors,
}  # fmt: skip


def _by_definition(name: str, plain: Callable[[Case], Any]) -> Callable[[Case], Any]:
    return lambda case: plain(case) if len(case.wh) <= TRUSTED else ANSWERS[name](DenseEngine(case.wh), case)


# ---- the stages, in the order of the tables

EXACT: dict[str, Any] = {"agrees": same, "rule": "bit for bit"}
stage("reading", reference=_tree, agrees=same, rule="same boxes", sized=False,
      quality=lambda answer, case: f"{len(answer):,} boxes")  # fmt: skip
stage("index", reference=lambda case: case.wh, agrees=same, rule="same boxes",
      view=lambda answer: answer.take(np.arange(len(answer))) if answers_all(answer) else answer)  # fmt: skip
stage(MATRIX, reference=lambda case: 1.0 - _plain.distances(case.wh, case.start),
      agrees=close(1e-12, 1e-15), rule="rtol 1e-12")  # fmt: skip
stage(ASSIGNMENT, **EXACT,
      reference=_by_definition(ASSIGNMENT, lambda case: _plain.nearest(case.wh, case.start)[0]))  # fmt: skip
stage(MEDIANS, reference=lambda case: _plain.medians(case.wh, labelled(case), len(case.start)), **EXACT)
stage(UPDATE, quality=_iou, **EXACT,
      reference=_by_definition(UPDATE, lambda case: _plain_update(case, _plain.CHUNK)))  # fmt: skip
stage(MEAN, agrees=close(1e-9), rule="rtol 1e-9", quality=_iou, reference=_by_definition(
    MEAN, lambda case: _plain.lloyd(case.wh, case.start, UPDATES, "euclidean", "mean")))  # fmt: skip
stage(MEDIAN, quality=_iou, **EXACT, reference=_by_definition(
    MEDIAN, lambda case: _plain.lloyd(case.wh, case.start, UPDATES, "iou", "median")))  # fmt: skip
stage(FITNESS, agrees=close(1e-12), rule="rtol 1e-12", quality=lambda answer, case: f"fitness {answer[0]:.5f}",
      reference=_by_definition(FITNESS, lambda case: _plain.fitness(case.wh, case.start, THR)))  # fmt: skip
stage(SEARCH, agrees=same, rule="same anchors", quality=_score, reference=_by_definition(SEARCH, _plain_search))
stage(JOB, reference=lambda case: (case.wh, _expected_fitness(case)), agrees=lambda got, expected: bool(
    anchor_fitness(expected[0], got, THR).fitness >= expected[1] - BEHIND),
    quality=_score, rule=f"fitness >= NumPy's - {BEHIND}")  # fmt: skip


# ---- the contenders; the first of a stage is the one that ratios refer to


def simple(stage: str, name: str, call: Callable[[Case], Any], *needs: str, **options: Any) -> None:
    """Register a contender whose call needs nothing prepared."""
    contender(stage, name, *needs, **options)(lambda case: lambda: call(case))


simple("reading", "ElementTree loop", _tree)
simple("reading", "fastanchor", lambda case: read(case.path or "", progress=False).wh)
simple("index", "NumPy: one update (IoU, median)", lambda case: (_plain_update(case, _plain.CHUNK), case.wh)[1])
simple(MATRIX, "NumPy", lambda case: 1.0 - _plain.distances(case.wh, case.start))
simple(ASSIGNMENT, "NumPy", lambda case: _plain.nearest(case.wh, case.start, chunk=len(case.wh))[0])
simple(ASSIGNMENT, "NumPy in chunks", lambda case: _plain.nearest(case.wh, case.start)[0])
simple(UPDATE, "NumPy", lambda case: _plain_update(case, len(case.wh)))
simple(UPDATE, "NumPy in chunks", lambda case: _plain_update(case, _plain.CHUNK))
simple(MEAN, "NumPy in chunks", lambda case: _plain.lloyd(case.wh, case.start, UPDATES, "euclidean", "mean"))
simple(MEDIAN, "NumPy in chunks", lambda case: _plain.lloyd(case.wh, case.start, UPDATES, "iou", "median"))
simple(FITNESS, "NumPy", lambda case: _plain.fitness(case.wh, case.start, THR, chunk=len(case.wh)))
simple(FITNESS, "NumPy in chunks", lambda case: _plain.fitness(case.wh, case.start, THR))
simple(SEARCH, "NumPy in chunks", _plain_search)
simple(JOB, "NumPy in chunks", _plain_job)


@contender(MEDIANS, "NumPy")
def _medians_plain(case: Case) -> Call:
    labels = labelled(case)
    return lambda: _plain.medians(case.wh, labels, len(case.start))


def _obvious() -> Any:
    return importlib.import_module("fastanchor.bench._obvious")  # which imports numba


@contender(ASSIGNMENT, "two loops, @njit", "numba")
def _assignment_obvious(case: Case) -> Call:
    w, h = columns(case.wh)
    return lambda: _obvious().labels(w, h, *columns(case.start))


@contender(UPDATE, "two loops, prange; np.median", "numba")
def _update_obvious(case: Case) -> Call:
    w, h = columns(case.wh)
    labels = np.empty(w.size, np.int64)

    def call() -> FloatArray:
        _obvious().assign_all_cores(w, h, *columns(case.start), labels)
        return _plain.medians(case.wh, labels, len(case.start))

    return call


@contender(FITNESS, "two loops, @njit", "numba", agrees=close(1e-10), rule="rtol 1e-10")  # one long sum
def _fitness_obvious(case: Case) -> Call:
    w, h = columns(case.wh)
    return lambda: _obvious().mean_fitness(w, h, *columns(case.start), THR)


@contender(JOB, "two loops, @njit", "numba")
def whole_by_numba(case: Case) -> Call:
    """Return the whole job with the obvious loops, on one thread."""
    w, h = columns(case.wh)
    labels = lambda centers: _obvious().labels(w, h, *columns(centers))  # noqa: E731
    fitness = lambda anchors: _obvious().mean_fitness(w, h, *columns(anchors), THR)[0]  # noqa: E731
    return lambda: _plain.job(case.wh, case.start, THR, labels, fitness)


def _dense(backend: str, threads: int | None) -> Callable[[Case], Engine]:
    def build(case: Case) -> Engine:
        with kernels.backend(backend):
            return DenseEngine(case.wh, threads=threads or case.threads)

    return build


ENGINES: tuple[tuple[str, tuple[str, ...], Callable[[Case], Engine]], ...] = (
    ("fastanchor, NumPy", (), _dense("numpy", 1)),
    ("fastanchor, 1 thread", ("numba",), _dense("numba", 1)),
    ("fastanchor, all threads", ("numba",), _dense("numba", None)),
    ("fastanchor, index", ("numba",), lambda case: BoxIndex(case.wh, threads=case.threads)),
)


def _answering(name: str, build: Callable[[Case], Engine]) -> Callable[[Case], Call]:
    def prepare(case: Case) -> Call:
        engine = build(case)  # building is a stage of its own
        return lambda: ANSWERS[name](engine, case)

    return prepare


for _name in ANSWERS:
    for _engine, _needs, _build in ENGINES:
        contender(_name, _engine, *_needs)(_answering(_name, _build))


def _with_backend(backend: str, call: Callable[[Case], Any]) -> Callable[[Case], Any]:
    def answer(case: Case) -> Any:
        with kernels.backend(backend):
            return call(case)

    return answer


def _medians_ours(backend: str) -> Callable[[Case], Call]:
    def prepare(case: Case) -> Call:
        labels = labelled(case)
        answer = _with_backend(backend, lambda case: update_centers(case.wh, labels, len(case.start)))
        return lambda: answer(case)

    return prepare


for _engine, _needs, _backend in (("fastanchor, NumPy", (), "numpy"), ("fastanchor", ("numba",), "numba")):
    simple(MATRIX, _engine, _with_backend(_backend, lambda case: wh_iou(case.wh, case.start)), *_needs)
    contender(MEDIANS, _engine, *_needs)(_medians_ours(_backend))
simple("index", "fastanchor, 1 thread", lambda case: BoxIndex(case.wh, threads=1), "numba")
simple("index", "fastanchor, all threads", lambda case: BoxIndex(case.wh, threads=case.threads), "numba")
simple(JOB, "fastanchor", whole)
