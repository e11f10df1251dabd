"""Type aliases, and the frozen results that functions return."""

from __future__ import annotations

import importlib
import os
import threading
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, ForwardRef, Generic, Literal, NamedTuple, Protocol, TypeVar, Union

import numpy as np
from numpy.typing import ArrayLike, NDArray

__all__ = [
    "ArrowBatch",
    "ArrowStream",
    "Clusters",
    "Computed",
    "EngineName",
    "EvolveResult",
    "Fit",
    "Fitness",
    "FloatArray",
    "IntArray",
    "KMeansResult",
    "LabelArray",
    "Metric",
    "PathLike",
    "Progress",
    "Remark",
    "Result",
    "Rng",
    "Shown",
    "SideType",
    "Sizes",
    "Start",
    "StartName",
    "Stop",
    "Summary",
    "Update",
    "Written",
    "picture",
]

FloatArray = NDArray[np.float64]
IntArray = NDArray[np.int64]
SideType = Literal["float32", "float64"]
LabelArray = NDArray[np.int32]

EngineName = Literal["auto", "dense", "index"]
Fit = Literal["letterbox", "stretch", "shortest"]
Metric = Literal["iou", "euclidean", "ratio"]
Update = Literal["median", "mean"]
Ended = Literal["done", "patience", "max_seconds", "interrupted"]
Stop = Literal["converged", "cycle", "tol", "max_iter"]
Written = Literal["coco", "yolo", "voc", "csv", "parquet"]
StartName = Literal["random", "k-means++"]


class ArrowStream(Protocol):
    """A table that exports Arrow data in batches."""

    def __arrow_c_stream__(self, requested_schema: object = None) -> object: ...


class ArrowBatch(Protocol):
    """A table that exports Arrow data at once."""

    def __arrow_c_array__(self, requested_schema: object = None) -> object: ...


if TYPE_CHECKING:
    Rng = int | np.integer[Any] | np.random.Generator | None
else:  # importing numpy.random takes half as long as all of fastanchor, and scores need no random number
    _GENERATOR = ForwardRef('__import__("numpy.random").random.Generator')  # can be evaluated in any module
    Rng = Union[int, np.integer[Any], _GENERATOR, None]  # noqa: UP007  for Python 3.10
Sizes = ArrayLike | ArrowStream | ArrowBatch  # (n, 2) widths and heights
Start = StartName | Sizes

PathLike = str | os.PathLike[str]
# True: a bar; False: none; None: a bar if stderr is a terminal; or a tqdm-like callable
Progress = bool | None | Callable[..., Any]


@dataclass(frozen=True)
class Remark:
    """A statement of a reader about a data set as a whole.

    Attributes
    ----------
    kind : str
        The subject, in the same words for every data set.
    text : str
        A sentence, with an example.
    count : int
        Number of boxes or images concerned.
    doubt : bool
        Whether the labels may have been read wrongly; otherwise the remark is about the data.
    """

    kind: str
    text: str
    count: int
    doubt: bool = False


class Shown:
    """Base of objects with a text form for terminals and notebooks."""

    def to_text(self) -> str:
        """Return lines of text for a terminal."""
        return repr(self)

    def _repr_html_(self) -> str:
        import html

        return f"<pre>{html.escape(self.to_text())}</pre>"


class Result(Shown):
    """Base of the results: arrays are read-only, also in copies and after pickling; the repr is short."""

    def __repr__(self) -> str:
        values = {name: _brief(value) for name, value in vars(self).items() if name[0] != "_"}
        return f"{type(self).__name__}({', '.join(f'{name}={text}' for name, text in values.items() if text)})"

    def __post_init__(self) -> None:
        for value in self.__dict__.values():
            _protect(value)

    def __setstate__(self, state: dict[str, Any]) -> None:
        for value in state.values():
            _protect(value)
        self.__dict__.update(state)


def picture(name: str, *content: Any) -> Any:
    """Return a figure of :mod:`fastanchor.plot`, imported only here, because it imports the results itself."""
    return getattr(importlib.import_module("fastanchor.plot"), name)(*content)


def _brief(value: Any) -> str:
    """Return a number, a string or the shape of an array as text; empty for anything longer."""
    if isinstance(value, np.ndarray):
        return f"<{' x '.join(map(str, value.shape))}>"
    if isinstance(value, float):
        return f"{value:.5g}"
    return repr(value) if isinstance(value, (int, str)) else ""


def _protect(value: Any) -> None:
    if isinstance(value, np.ndarray):
        value.flags.writeable = False
    elif isinstance(value, tuple):
        for one in value:
            _protect(one)


T = TypeVar("T")


class Computed(Generic[T]):
    """A value that is computed once, at first use; copies and pickles contain the value."""

    def __init__(self, compute: Callable[[], T]) -> None:
        self._compute = compute
        self._lock = threading.Lock()

    def __call__(self) -> T:
        with self._lock:
            value = self._compute()
            _protect(value)
            self._compute = lambda: value  # the inputs can be freed
            return value

    def __reduce__(self) -> tuple[Any, ...]:
        return _computed, (self(),)


def _computed(value: T) -> Computed[T]:
    return Computed(lambda: value)


class Clusters(NamedTuple):
    """Totals over the boxes of a k-means run; see `KMeansResult`."""

    counts: IntArray
    mean_iou: float
    inertia: float


class Fitness(NamedTuple):
    """How well anchors fit boxes: mean ``best * (best > thr)`` and the share of boxes with ``best > thr``."""

    fitness: float
    bpr: float


@dataclass(frozen=True, eq=False)
class Summary:
    """Numbers that describe a data set. Sizes are pixels of the image, areas are square pixels of the image.

    Attributes
    ----------
    images, boxes : int
        Numbers read. Images without a box count.
    mean_image, mean_box : tuple of float
        Mean (width, height); NaN if there are none.
    smallest_area, largest_area : float
        Of the boxes; NaN if there are none.
    relative : bool
        Whether all image sizes are unknown, so that images count as squares of side 1.
    exceeds_image : int
        Boxes with a side more than 1 % longer than that of their image. They are kept unchanged.
    per_class : dict
        Class name to number of boxes, in the order of the classes.
    skipped : dict
        Reason to number of things that the reader skipped.
    """

    images: int
    boxes: int
    mean_image: tuple[float, float]
    mean_box: tuple[float, float]
    smallest_area: float
    largest_area: float
    relative: bool
    exceeds_image: int
    per_class: dict[str, int]
    skipped: dict[str, int]


@dataclass(frozen=True, eq=False, repr=False)
class KMeansResult(Result):
    """Result of :func:`fastanchor.kmeans`. The arrays are read-only.

    `counts`, `mean_iou`, `inertia` and `labels` are computed when first used, then kept.

    Attributes
    ----------
    centers : (k, 2) float64
        Width and height in the unit of the boxes, in the order of the start.
    counts : (k,) int64
        Boxes nearest to each centre, weighted; float64 where weights are not whole.
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
    n_iter: int
    stop: Stop
    _clusters: Computed[Clusters] = field(repr=False)
    _labels: Computed[IntArray] = field(repr=False)

    @property
    def counts(self) -> IntArray:
        """Boxes nearest to each centre, (k,)."""
        return self._clusters().counts

    @property
    def mean_iou(self) -> float:
        """Mean over the boxes of the IoU with the nearest centre."""
        return self._clusters().mean_iou

    @property
    def inertia(self) -> float:
        """Sum of the distances to the nearest centre."""
        return self._clusters().inertia

    @property
    def labels(self) -> IntArray:
        """Nearest centre of each box, (n,) int64 in the order of the boxes."""
        return self._labels()


@dataclass(frozen=True, eq=False, repr=False)
class EvolveResult(Result):
    """Result of :func:`fastanchor.evolve`. The arrays are read-only.

    Attributes
    ----------
    anchors : (k, 2) float64
        The fittest anchors, in the unit of the boxes and the order of the anchors given.
    fitness, bpr : float
        Their ratio fitness and best possible recall, whatever the objective was.
    accepted : int
        Number of mutants that replaced their parent.
    history : (gen + 1,) float64
        Objective of the best anchors, before the first and after each generation; for "ratio" this is the fitness.
    objective : str
        The objective that was maximised.
    engine : str
        How boxes were compared; always "dense" for an objective without bounds, see :func:`evolve`.
    ended : {"done", "patience", "max_seconds", "interrupted"}
        Why the search ended; "interrupted" is Ctrl-C.
    """

    anchors: FloatArray
    fitness: float
    bpr: float
    accepted: int
    history: FloatArray
    objective: str = "ratio"
    engine: str = "dense"
    ended: Ended = "done"
