"""The result of :func:`fastanchor.auto_anchor`: anchors, and their text for detectors."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from fastanchor._later import Later
from fastanchor._network import Scalable, to_network_input
from fastanchor._text import many
from fastanchor._types import (
    Computed,
    EvolveResult,
    Fit,
    Fitness,
    FloatArray,
    KMeansResult,
    PathLike,
    Result,
    Stop,
    picture,
)
from fastanchor.evaluate import AnchorCheck, by_area
from fastanchor.levels import LevelCounts

if TYPE_CHECKING:
    from fastanchor import export
else:
    export = Later("fastanchor.export")

__all__ = ["AnchorResult"]

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
    fit : {"letterbox", "stretch", "shortest"} or None
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


def _scored_lines(found: dict[str, Any]) -> list[str]:
    anchors = "  ".join(f"{w:.4g} x {h:.4g}" for w, h in found["anchors"])
    scores = f"fitness {found['fitness']:.5f}   BPR {found['bpr']:.5f}   mean IoU {found['mean_iou']:.5f}"
    return [f"  anchors {anchors}", f"  {scores}"]
