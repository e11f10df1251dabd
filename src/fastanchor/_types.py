"""Array aliases and the frozen results that functions hand back."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "EvolveResult",
    "Fitness",
    "FloatArray",
    "IntArray",
    "KMeansResult",
    "LabelArray",
    "Metric",
    "PathLike",
    "Progress",
    "Remark",
    "Stop",
    "Summary",
    "Update",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
LabelArray = NDArray[np.int32]

Metric = Literal["iou", "euclidean"]
Update = Literal["median", "mean"]
Stop = Literal["converged", "cycle", "tol", "max_iter"]

PathLike = str | os.PathLike[str]
# True: a bar; False: none; None: a bar if stderr is a terminal; or a tqdm-like callable
Progress = bool | None | Callable[..., Any]


@dataclass(frozen=True)
class Remark:
    """What a reader says about a data set as a whole.

    Attributes
    ----------
    kind : str
        What it is about, the same words for every data set.
    text : str
        A sentence, with an example.
    count : int
        How many boxes, or images, it is about.
    doubt : bool
        Whether the labels may have been read wrongly; else it is about the data.
    """

    kind: str
    text: str
    count: int
    doubt: bool = False


class Fitness(NamedTuple):
    """How well anchors fit boxes: mean ``best * (best > thr)`` and the share of boxes with ``best > thr``."""

    fitness: float
    bpr: float


@dataclass(frozen=True, eq=False)
class Summary:
    """What a data set holds. Sizes are pixels of the image, areas are square pixels of the image.

    Attributes
    ----------
    images, boxes : int
        How many were read. Images without a box count.
    mean_image, mean_box : tuple of float
        Mean (width, height); NaN where there are none.
    smallest_area, largest_area : float
        Of the boxes; NaN where there are none.
    relative : bool
        Whether no size of an image is known, so that images count as squares of side 1.
    oversize : int
        Boxes with a side more than 1 % longer than that of their image. They are kept as they are.
    per_class : dict
        Class name to number of boxes, in the order of the names.
    skipped : dict
        Reason to number of things the reader left out.
    """

    images: int
    boxes: int
    mean_image: tuple[float, float]
    mean_box: tuple[float, float]
    smallest_area: float
    largest_area: float
    relative: bool
    oversize: int
    per_class: dict[str, int]
    skipped: dict[str, int]


@dataclass(frozen=True, eq=False)
class KMeansResult:
    """What :func:`fastanchor.kmeans` found.

    Attributes
    ----------
    centers : (k, 2) float64
        Width and height in the unit of the boxes, in the order in which the run kept them.
    counts : (k,) int64
        Boxes nearest to each centre.
    mean_iou : float
        Mean over the boxes of the IoU with the nearest centre; NaN if a box or a centre has no positive area.
    inertia : float
        Sum of the distances ``1 - IoU``, or of the squared Euclidean distances.
    n_iter : int
        Updates made.
    stop : {"converged", "cycle", "tol", "max_iter"}
        Why the run ended. After a cycle (centres seen before) the best centres seen are returned.
    """

    centers: FloatArray
    counts: IntArray
    mean_iou: float
    inertia: float
    n_iter: int
    stop: Stop
    _labels: Callable[[], IntArray] = field(repr=False)

    @property
    def labels(self) -> IntArray:
        """Nearest centre of each box, (n,) int64 in the order of the boxes; computed when asked for."""
        return self._labels()


@dataclass(frozen=True, eq=False)
class EvolveResult:
    """What :func:`fastanchor.evolve` found.

    Attributes
    ----------
    anchors : (k, 2) float64
        The fittest anchors, in the unit of the boxes and the order of the anchors given.
    fitness, bpr : float
        Their ratio fitness and best possible recall.
    accepted : int
        Mutants that were fitter than all before them.
    history : (gen + 1,) float64
        Best fitness before the first and after each generation.
    """

    anchors: FloatArray
    fitness: float
    bpr: float
    accepted: int
    history: FloatArray
