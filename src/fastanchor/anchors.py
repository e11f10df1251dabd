"""From labelled boxes to anchors: scale, filter, cluster, evolve, sort."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Literal, get_args

from numpy.typing import ArrayLike

from fastanchor import _check, optimum
from fastanchor._errors import DataError, SmallBoxWarning, SplitWarning
from fastanchor._later import Later
from fastanchor._limits import Limits
from fastanchor._network import Scalable, to_network_input
from fastanchor._small import MIN_SIZE, SMALL
from fastanchor._text import many
from fastanchor._types import (
    Computed,
    EngineName,
    EvolveResult,
    Fit,
    Fitness,
    FloatArray,
    KMeansResult,
    Metric,
    PathLike,
    Progress,
    Result,
    Rng,
    Start,
    Stop,
    Update,
    picture,
)
from fastanchor._weights import amount, weight_of
from fastanchor.boxes import Boxes
from fastanchor.engine import Objective, choose, objective_of
from fastanchor.evaluate import AnchorCheck, ByImage, by_area, scored
from fastanchor.levels import LevelCounts
from fastanchor.metrics import mean_best_iou
from fastanchor.optimum import Search, Space
from fastanchor.starts import N_INIT, fittest, work_of

if TYPE_CHECKING:
    from fastanchor import export
else:
    export = Later("fastanchor.export")

__all__ = ["AnchorResult", "Method", "auto_anchor"]

Method = Literal["recipe", "refine", "global"]

STOPS: dict[Stop, str] = {"cycle": "stopped in a cycle", "tol": "stopped by tol", "max_iter": "stopped at max_iter"}


SEARCHED = {"refine": "refined", "global": "global    the best of several exchanges, refined"}
ENDS = {"patience": "by patience", "max_seconds": "by max_seconds", "interrupted": "interrupted; the best so far"}


@dataclass(frozen=True, eq=False, repr=False)
class AnchorResult(Result):
    """Result of :func:`fastanchor.auto_anchor`. Sizes are pixels of the network input; the arrays are read-only.

    Attributes
    ----------
    anchors : (n, 2) float64
        By area, smallest first.
    fitness, bpr : float
        Ratio fitness and best possible recall of `anchors` over the boxes used.
    mean_iou : float
        Mean over the boxes used of the IoU with the best anchor.
    method : str
        How they were found: "recipe", "refine", "global", or the name of another search; see :func:`auto_anchor`.
    kmeans : KMeansResult or None
        Result of k-means, before the search; None if the method has no k-means.
    kmeans_fitness : Fitness or None
        Fitness and recall of the k-means centres.
    evolve : EvolveResult
        Result of the search.
    boxes, n_small, n_filtered : int
        Boxes used; boxes with a side < 3 pixels, among all; boxes left out because no side reaches `min_size`. They are
        weighted; float if weights are not whole.
    engine, backend : str
        How boxes were compared, and by which kernels.
    fit : {"letterbox", "stretch"} or None
        How images were resized to `img_size`; None if the boxes counted as pixels of the network input already.
    img_size : (width, height) or None
        The network input, pixels; None as above.

    Each detector resizes images by a fit of its own: ``to_darknet()`` and the other methods raise DataError if the
    anchors were computed for another one. Pass ``fit=`` if your network resizes images as the anchors expect.
    """

    anchors: FloatArray
    fitness: float
    bpr: float
    mean_iou: float
    method: str
    kmeans: KMeansResult | None
    kmeans_fitness: Fitness | None
    evolve: EvolveResult
    boxes: int
    n_small: int
    n_filtered: int
    engine: str
    backend: str
    _check: Computed[AnchorCheck] = field(repr=False)
    fit: Fit | None = None
    img_size: tuple[int, int] | None = None

    @property
    def check(self) -> AnchorCheck:
        """Detailed scores of the anchors on the boxes used, as :func:`fastanchor.check` returns them.

        Computed at first use, then kept.
        """
        return self._check()

    @property
    def made_for(self) -> export.Input | None:
        """The fit and the network input of the anchors; None if unknown."""
        return None if self.fit is None or self.img_size is None else export.Input(self.fit, self.img_size)

    def to_yolov5(self, levels: LevelCounts | None = None, *, fit: Fit | None = None) -> str:
        """Return the ``anchors:`` block of a YOLOv5 or YOLOv7 model YAML."""
        return export.emit(self.anchors, "yolov5", levels, made_for=self.made_for, fit=fit)

    def to_darknet(self, levels: LevelCounts | None = None, *, fit: Fit | None = None) -> str:
        """Return the ``anchors`` line of a Darknet cfg; with `levels` the masks too."""
        return export.emit(self.anchors, "darknet", levels, made_for=self.made_for, fit=fit)

    def to_mmdet(self, levels: LevelCounts | None = None, *, fit: Fit | None = None) -> str:
        """Return ``base_sizes`` and ``strides`` for MMDetection, the largest stride first."""
        return export.emit(self.anchors, "mmdet", levels, made_for=self.made_for, fit=fit)

    def to_mmyolo(self, levels: LevelCounts | None = None, *, fit: Fit | None = None) -> str:
        """Return ``anchors`` and ``strides`` for MMYOLO, the smallest stride first."""
        return export.emit(self.anchors, "mmyolo", levels, made_for=self.made_for, fit=fit)

    def to_paddle(self, levels: LevelCounts | None = None, *, fit: Fit | None = None) -> str:
        """Return ``anchors`` and ``anchor_masks`` for PaddleDetection."""
        return export.emit(self.anchors, "paddle", levels, made_for=self.made_for, fit=fit)

    def to_tao(self, levels: LevelCounts | None = None, *, fit: Fit | None = None) -> str:
        """Return the anchor shapes for NVIDIA TAO."""
        return export.emit(self.anchors, "tao", levels, made_for=self.made_for, fit=fit)

    def to_keras_yolo3(self, levels: LevelCounts | None = None, *, fit: Fit | None = None) -> str:
        """Return the line of a ``yolo_anchors.txt``, for keras-yolo3 and yolov4-pytorch."""
        return export.emit(self.anchors, "keras-yolo3", levels, made_for=self.made_for, fit=fit)

    def to_json(self, levels: LevelCounts | None = None) -> str:
        """Return the anchors and their levels as JSON, with all digits; :meth:`to_dict` returns everything else."""
        return export.emit(self.anchors, "json", levels, made_for=self.made_for)

    def to_csv(self, levels: LevelCounts | None = None) -> str:
        """Return one line per anchor: level, stride, width, height."""
        return export.emit(self.anchors, "csv", levels, made_for=self.made_for)

    def edited(self, file: PathLike, levels: LevelCounts | None = None, *, fit: Fit | None = None) -> str:
        """Return the text of a YOLOv5 or YOLOv7 model YAML, or of a Darknet cfg, with these anchors in their place."""
        return export.edit(file, self.anchors, levels, made_for=self.made_for, fit=fit)

    def to_dict(self) -> dict[str, Any]:
        """Return the result as plain Python values, ready for JSON."""
        return {
            "anchors": self.anchors.tolist(),
            "fitness": self.fitness,
            "bpr": self.bpr,
            "mean_iou": self.mean_iou,
            "method": self.method,
            "kmeans": self._kmeans_dict(),
            "evolve": {
                "accepted": self.evolve.accepted,
                "generations": len(self.evolve.history) - 1,
                "objective": self.evolve.objective,
                "score": float(self.evolve.history[-1]),
                "engine": self.evolve.engine,
                "ended": self.evolve.ended,
            },
            "boxes": self.boxes,
            "n_small": self.n_small,
            "n_filtered": self.n_filtered,
            "engine": self.engine,
            "backend": self.backend,
            "fit": self.fit,
            "img_size": None if self.img_size is None else list(self.img_size),
        }

    def _kmeans_dict(self) -> dict[str, Any] | None:
        if self.kmeans is None or self.kmeans_fitness is None:
            return None
        return {
            "anchors": by_area(self.kmeans.centers).tolist(),
            "fitness": self.kmeans_fitness.fitness,
            "bpr": self.kmeans_fitness.bpr,
            "mean_iou": self.kmeans.mean_iou,
            "n_iter": self.kmeans.n_iter,
            "stop": self.kmeans.stop,
        }

    def plot(self, boxes: Scalable) -> Any:
        """Return a matplotlib figure of the anchors, the search, and the `boxes` that they were computed for."""
        return picture("anchors", self, to_network_input(boxes, self.img_size or 640, self.fit or "letterbox").wh)

    def to_text(self) -> str:
        """Return the anchors and their scores as text, after k-means and after the search."""
        search, lines = self.evolve, []
        if self.kmeans is not None:
            lines += [
                f"k-means   {many(self.kmeans.n_iter, 'update')}, {STOPS.get(self.kmeans.stop, self.kmeans.stop)}"
            ]
            lines += _scored_lines(self.to_dict()["kmeans"])
        generations = len(search.history) - 1
        if self.method in SEARCHED:
            lines.append(SEARCHED[self.method])
        elif self.method != "recipe":
            lines.append(self.method)
        elif not generations and search.ended == "done":
            return "\n".join([*lines, "search    off"])
        else:
            lines.append(f"evolved   {many(generations, 'generation')}, {search.accepted:,} of them fitter")
        if search.ended != "done":
            lines.append(f"  ended   {ENDS[search.ended]}")
        if search.objective != "ratio":
            start, end = search.history[[0, -1]]
            gain = f"{start:.5f} -> {end:.5f}, computed for every box" if self.method == "recipe" else f"{end:.5f}"
            lines.append(f"  by      {search.objective}, {gain}")
        return "\n".join([*lines, *_scored_lines(self.to_dict())])


def auto_anchor(
    boxes: Scalable,
    *,
    img_size: int | Sequence[int] = 640,
    n: int = 9,
    thr: float = 0.25,
    gen: int = 1000,
    fit: Fit = "letterbox",
    min_size: float = MIN_SIZE,
    rng: Rng = None,
    metric: Metric = "iou",
    update: Update = "median",
    init: Start = "random",
    n_init: int = N_INIT,
    max_iter: int = 300,
    tol: float = 0.0,
    engine: EngineName = "auto",
    threads: int | None = None,
    progress: Progress = None,
    weights: ArrayLike | None = None,
    objective: str | Objective = "ratio",
    method: Method | Search = "recipe",
    space: Space | None = None,
    patience: int | None = None,
    max_seconds: float | None = None,
    jitter: Sequence[float] | None = None,
) -> AnchorResult:
    """Return n anchors for a detector that is trained on these boxes: k-means, then a genetic search.

    Parameters
    ----------
    boxes : Boxes, BoxIndex or (n, 2) array-like
        A ``Boxes`` with image sizes is scaled to `img_size`. An array, a ``BoxIndex``, or a ``Boxes`` without image
        sizes counts as widths and heights in pixels of the network input already.
    img_size : int or (width, height), default 640
        The network input, pixels.
    n : int, default 9
        Number of anchors.
    thr : float, default 0.25
        Threshold of the fitness, a ratio from 0 to 1 (YOLOv5's ``anchor_t`` of 4 is 0.25 here).
    gen : int, default 1000
        Generations of the search.
    fit : {"letterbox", "stretch"}
        How images are resized to `img_size`; see :meth:`Boxes.scaled`.
    min_size : float, default 2
        Boxes without a side of at least this many pixels of the network input are left out; ``check`` keeps all.
        An index with such boxes is refused: leave them out before building it.
    rng : int, numpy.random.Generator or None
        Seed (0 to ``2**128 - 1``) or source of randomness, for k-means first and the search after it.
    metric, update, init, max_iter, tol
        Of k-means; see :func:`kmeans`.
    n_init : int, default 16
        Starts of k-means to try. Each makes up to 20 updates; the two with the largest ratio fitness run to the end,
        and the search improves the fitter of these. With more than 16,384 boxes, the starts are tried on 16,384 of
        them, drawn first by ``rng.choice(n, 16384, replace=False)`` (on all, if those have too few distinct sizes), and
        the run over all boxes starts from the resulting centres. With 1, or an array for
        `init`, k-means runs once over all boxes.
    engine : {"auto", "dense", "index"}
        How boxes are compared. "auto" takes the index from 200,000 boxes on, unless nearly all are of one size. Never
        changes the answer. If `boxes` is an index already, leave out `engine` and `threads`.
    threads : int, optional
        Default: all processors that this process may use; never changes the answer.
    progress : bool, callable or None
        None draws a bar if stderr is a terminal.
    weights : (n,) array-like, optional
        How often each box counts, also in the numbers of boxes; see :func:`kmeans`. If starts are tried on 16,384
        boxes, these are drawn by ``rng.choice(n, 16384, p=weights / weights.sum())``, and count once each.
    objective : str or Objective, default "ratio"
        Value by which starts are chosen, and which the search maximises; see :func:`evolve`.
    method : {"recipe", "refine", "global"} or Search, default "recipe"
        "recipe" is k-means, then the genetic search. "refine" takes small steps, from the k-means
        centres and from 15 sets of drawn boxes. "global" exchanges anchors for the best of many candidates, from
        several starts, and refines the outcome. Both find better anchors than the recipe, and for any seed nearly the
        same ones; both leave `gen` unused.
    space : fastanchor.Space, optional
        Which anchors are allowed, for "refine" and "global". Default: any.
    patience : int, optional
        End the search after so many generations ("recipe") or starts ("global") in a row without better anchors.
    max_seconds : float, optional
        End the search when so long has passed since the call, with the best anchors so far; k-means is not cut short.
        Ctrl-C during the search does the same. ``result.evolve.ended`` says why it ended; to go on, pass
        ``result.anchors`` to :func:`evolve`.
    jitter : (low, high), optional
        How training rescales images at random, as (0.5, 1.5); see :func:`check`.

    Raises
    ------
    DataError
        If an argument breaks a rule, no box is left, or there are fewer distinct boxes than `n`.

    Warns
    -----
    SmallBoxWarning
        If boxes have a side of less than 3 pixels of the network input.
    SplitWarning
        If the boxes belong to several splits, such as train and val.

    Examples
    --------
    >>> from fastanchor.datasets import sample
    >>> result = auto_anchor(sample(), img_size=640, n=6, gen=100, rng=0)
    >>> result.anchors.shape
    (6, 2)
    >>> bool(result.fitness >= result.kmeans_fitness.fitness)
    True
    """
    n = _check.integer(n, "n", least=1)
    thr = _check.threshold(thr)
    gen = _check.integer(gen, "gen", least=0)
    limits = Limits(patience, max_seconds)
    aim = objective_of(objective, thr)
    parts = set(boxes.split or ()) if isinstance(boxes, Boxes) else set()
    if len(parts) > 1:
        text = f"the boxes belong to several splits: {', '.join(sorted(map(repr, parts)))}"
        warnings.warn(f"{text}; detectors are trained on one; see split in read()", SplitWarning, stacklevel=2)
    ready = to_network_input(boxes, img_size, fit, min_size, weights, jitter)
    work = work_of(n, n_init, max_iter, gen, aim.bounded)
    answers = choose(ready.boxes, name=engine, threads=threads, weights=ready.weights, work=work)
    count = amount(answers, weight_of(answers))
    if ready.n_small:
        share = f"{round(ready.n_small):,} of {round(count + ready.n_filtered):,}"
        text = f"{share} boxes have a side < {SMALL:g} pixels of the network input"
        warnings.warn(text, SmallBoxWarning, stacklevel=2)
    searcher = _searcher(method, gen)
    if space is not None and method == "recipe":
        raise DataError("space: not supported for method='recipe', expected 'refine' or 'global'")
    generator = _check.generator(rng)
    clusters = start = None
    if searcher.clusters:
        clusters = fittest(
            answers, n, thr=thr, metric=metric, update=update, init=init, n_init=n_init, max_iter=max_iter, tol=tol,
            rng=generator, progress=progress, objective=aim,
        )  # fmt: skip
        start = answers.fitness(clusters.centers, thr)
    centers = None if clusters is None else clusters.centers
    space = Space() if space is None else space
    problem = optimum.Problem(answers, n, aim, thr, space, generator, centers, limits, progress)
    search = optimum.solved(searcher, problem)
    found, by_image = by_area(search.anchors), ready.images and ByImage(ready.images)
    iou = mean_best_iou(answers, found)
    return AnchorResult(
        anchors=found,
        fitness=search.fitness,
        bpr=search.bpr,
        mean_iou=iou,
        method=searcher.name,
        kmeans=clusters,
        kmeans_fitness=start,
        evolve=search,
        boxes=count,
        n_small=ready.n_small,
        n_filtered=ready.n_filtered,
        engine=answers.name,
        backend=answers.backend,
        _check=Computed(lambda: scored(answers, found, thr, Fitness(search.fitness, search.bpr), iou, by_image)),
        fit=ready.fit,
        img_size=ready.img_size,
    )


def _searcher(method: Method | Search, gen: int) -> Search:
    """Return the search of this name, or `method` itself."""
    if isinstance(method, Search):
        return method
    _check.choice(method, "method", get_args(Method))
    named: list[Search] = [optimum.Recipe(gen), optimum.Refine(), optimum.Global()]
    return next(one for one in named if one.name == method)


def _scored_lines(found: dict[str, Any]) -> list[str]:
    anchors = "  ".join(f"{w:.4g} x {h:.4g}" for w, h in found["anchors"])
    scores = f"fitness {found['fitness']:.5f}   BPR {found['bpr']:.5f}   mean IoU {found['mean_iou']:.5f}"
    return [f"  anchors {anchors}", f"  {scores}"]
