"""The engine interface, and how an engine is chosen.

**An engine** is any object that answers the questions of ``_protocol.Engine``; it is accepted wherever boxes are. Its
class does not matter. k-means, the genetic search, ``auto_anchor``, ``sweep``, ``check`` and the scores are written
once, in terms of the questions, and never access a box themselves. So every engine gives the same answers:

* Decisions are exact. A label is that of the least distance as float64, ties to the lowest centre; a median is the
  order statistic; sums that decide something (means, the inertia, the totals by which k-means++ draws and by which two
  nearly equal fitnesses are compared) are sums of whole numbers, see ``_exact``, and so the same in any order.
* Figures that decide nothing (a fitness, the mean IoU near 0, a profile) agree to a relative 1e-12.
* A box counts as often as its weight says, as if it were repeated that often.

There are two engines. ``DenseEngine`` compares every box, on either backend. ``BoxIndex`` decides whole regions of
boxes at once. Both derive from ``_reduce.Reduced``, which puts each question to the parts of the data set and adds up
the answers. No question copies all boxes.

**A part** answers for its own boxes, with numbers that add up: counts, histograms, digits of exact sums, a largest
distance with its row. ``_columns.Columns`` is the part that compares every box; ``_held`` keeps the boxes, ``_scores``
answers for the search and for reports, ``_labelled`` is its run of k-means. **A shard**, ``Shard``, is a part whose
boxes are sorted into a grid and which answers for whole cells from tables. Shards share the grid alone, ``GridSpec``,
which is chosen by the extent and a sample of the boxes of each (``survey``, ``Survey.merged``). A shard stores the rows
of its boxes in the data set; it may be empty. ``BoxIndex(boxes)`` is an index over one shard; where enough boxes are
equal that is a ``_merged.MergedShard``, which stores each distinct box once. ``BoxIndex.of(shards, each)`` is an index
over several, and ``each(function, shards)`` applies a question to all of them, here or elsewhere. A step of k-means
takes up to four such trips: the cells that one centre wins (`look`), histograms and sums (`shares`), and for medians
over several shards the bins of the middle ranks (`refined`) and the sides in them (`sides`).

When centres hardly move any more, a step costs what moved: ``_bands`` keeps the boxes of a shard whose label may change
soon, and what is known of each centre's boxes. A single shard then answers at once (`late`); of several, each answers
the usual trips from what it kept. The bits stay the same.

**An index is built** from a ``_batches.Source``, which yields boxes chunk by chunk as often as needed: ``_building``
surveys them, ``_sorting`` sorts them in memory and ``_disk`` into files. Sides may be stored in float32 where that
changes none. An index that does not keep rows lets ``_sourced`` answer what depends on rows, from the source.
``_folder`` writes and opens an index, ``_merging`` puts several together.

**To write a new engine**, answer the questions; tests/test_third_engine.py does so from the definitions, in a few lines
each. If its answers add up, write a part instead and pass the parts to ``Reduced``: derive it from ``Columns`` or
``Shard`` and override the answers that can be computed faster. Then add a line to ``choose``, and the engine to the
tests that compare engines.

**To add a question**, define it in ``_protocol``, implement it in ``Columns`` over every box (the reference for all
others), and add up the answers in ``Reduced``.

**An objective** is what a search maximises; ``_objective`` says how to write one.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING, get_args

from numpy.typing import ArrayLike

from fastanchor import _check, kernels
from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._types import EngineName, FloatArray, Metric, Sizes
from fastanchor._weights import counting
from fastanchor.boxes import Boxes
from fastanchor.engine._objective import Objective, objective_of
from fastanchor.engine._protocol import Engine, Scored, answers_all
from fastanchor.engine.dense import DenseEngine

if TYPE_CHECKING:
    from fastanchor.engine._layout import GridSpec, Survey
    from fastanchor.engine._shard import Shard
    from fastanchor.engine._sorting import survey
    from fastanchor.engine.index import BoxIndex

__all__ = [
    "ENGINES",
    "METRICS",
    "BoxIndex",
    "BoxesLike",
    "Engine",
    "GridSpec",
    "Objective",
    "Scored",
    "Shard",
    "Survey",
    "answers_all",
    "choose",
    "objective_of",
    "survey",
]

BoxesLike = Boxes | Engine | Sizes

ENGINES = get_args(EngineName)
# number of boxes from which building an index pays: where its kernels are compiled, and even for one run of k-means
FEWER, LARGE = 50_000, 200_000
HOPELESS = 0.5  # share of boxes in open cells from which an index does not pay
METRICS = get_args(Metric)

# what only an index needs, and where it is; most jobs are too small for one
_LATER = {
    "BoxIndex": "index",
    "GridSpec": "_layout",
    "Shard": "_shard",
    "Survey": "_layout",
    "survey": "_sorting",
}


def __getattr__(name: str) -> object:
    import importlib

    if name not in _LATER:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(importlib.import_module(f"{__name__}.{_LATER[name]}"), name)
    globals()[name] = value
    return value


def choose(
    boxes: BoxesLike,
    *,
    name: EngineName = "auto",
    threads: int | None = None,
    metric: Metric = "iou",
    argument: str = "boxes",
    weights: ArrayLike | None = None,
    named: str = "weights",
    work: kernels.Work | None = None,
    backend: str | None = None,
) -> Engine:
    """Return an engine for `boxes`: an (n, 2) array-like, a ``Boxes``, or an engine, which is returned as it is.

    `weights` replace those of a ``Boxes``; errors call them `named`, and the boxes `argument`. The backend is
    `backend`, else the one set by the user, else the fastest for the `work`.

    Raises
    ------
    DataError
        If the boxes, the engine's name or the number of threads break a rule.
    """
    _check.choice(name, "engine", ENGINES)
    if threads is not None:
        threads = _check.integer(threads, "threads", least=1)
    if answers_all(boxes, argument):
        if weights is not None:
            raise DataError(f"{named}: {argument} is an engine already; give the weights when building it")
        return _as_it_is(boxes, name, threads, metric, argument)
    engine = _built(boxes, name, threads, metric, argument, weights, named, work, backend)
    logging = sys.modules.get("logging")  # where nothing has imported it, nothing listens
    if logging is not None:
        logging.getLogger("fastanchor").debug(
            "%d boxes, engine %s, backend %s", len(engine), engine.name, engine.backend
        )
    return engine


def _built(
    boxes: BoxesLike,
    name: EngineName,
    threads: int | None,
    metric: Metric,
    argument: str,
    weights: ArrayLike | None,
    named: str,
    work: kernels.Work | None,
    backend: str | None,
) -> Engine:
    values = boxes.wh if isinstance(boxes, Boxes) else boxes
    check = _check.as_points if metric == "euclidean" else _check.as_sizes
    wh = check(values, argument)
    if weights is None and isinstance(boxes, Boxes):
        weights = boxes.weights
    counted = None if weights is None else counting(weights, named, len(wh))
    if name == "index":
        from fastanchor.engine.index import BoxIndex

        _check.as_sizes(wh, argument, "for engine='index'; engine='auto' or 'dense' takes any points")
        return BoxIndex(wh, threads=threads, weights=weights)
    indexable = name == "auto" and _indexable(wh, metric, work)
    backend = kernels.current(backend, work, len(wh), indexed=indexable)
    if indexable and backend == "numba":
        from fastanchor.engine._layout import layout, sampled, side_for
        from fastanchor.engine.index import BoxIndex

        where = layout(sampled(wh), side_for(len(wh)))
        if where.crowding < HOPELESS:
            return BoxIndex(wh, threads=threads, weights=weights, _where=where)
    return DenseEngine(wh, threads=threads, weights=counted, backend=backend)


def _as_it_is(engine: Engine, name: str, threads: int | None, metric: Metric, argument: str) -> Engine:
    """Return the engine that the caller passed as boxes, if it fits the other arguments."""
    if name not in ("auto", engine.name):
        raise DataError(
            f"{called('engine')} = {name!r}: {argument} is an engine already, {engine.name!r}; leave out engine"
        )
    if threads is not None:
        raise DataError(
            f"{called('threads')} = {threads}: {argument} is an engine already, with its own threads; leave out threads"
        )
    if metric != "euclidean" and not engine.positive:
        raise DataError(f"{argument}: widths and heights must be finite and > 0, but this engine contains others")
    return engine


def _indexable(wh: FloatArray, metric: Metric, work: kernels.Work | None) -> bool:
    """Return whether there are enough boxes for an index, the metric can use one, and all sides are above 0."""
    if len(wh) < FEWER or metric == "ratio":  # no block can be decided at once under "ratio"
        return False
    if len(wh) < LARGE and not (kernels.installed() and kernels.kept(work or kernels.EVERYTHING, indexed=True)):
        return False
    return metric == "iou" or bool(wh.min() >= _check.MIN_SIDE)
