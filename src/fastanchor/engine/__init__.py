"""How questions about boxes are answered, and the choice of who answers."""

from __future__ import annotations

from typing import Any, get_args

from fastanchor import _check
from fastanchor._types import Metric
from fastanchor.boxes import Boxes
from fastanchor.engine._protocol import Engine
from fastanchor.engine.dense import DenseEngine

__all__ = ["ENGINES", "METRICS", "Engine", "choose"]

ENGINES = ("auto", "dense")
METRICS = get_args(Metric)


def choose(
    boxes: Any, *, name: str = "auto", threads: int | None = None, metric: Metric = "iou", argument: str = "boxes"
) -> Engine:
    """Return an engine for `boxes`: an (n, 2) array-like, a ``Boxes``, or an engine already.

    Raises
    ------
    DataError
        If the boxes, the engine's name or the number of threads break a rule.
    """
    _check.choice(name, "engine", ENGINES)
    if threads is not None:
        _check.integer(threads, "threads", least=1)
    if isinstance(boxes, DenseEngine):
        return boxes
    values = boxes.wh if isinstance(boxes, Boxes) else boxes
    check = _check.as_points if metric == "euclidean" else _check.as_sizes
    return DenseEngine(check(values, argument), threads=threads)
