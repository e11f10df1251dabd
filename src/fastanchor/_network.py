"""Boxes in pixels of the network input: scaled once, filtered once, and handed to whatever needs them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._images import Images, images_of
from fastanchor._jitter import as_jitter, rescaled
from fastanchor._small import EVERY, SMALL, is_small, kept
from fastanchor._types import Fit, FloatArray
from fastanchor._weights import amount, as_column, number, part_of, weight_of
from fastanchor.boxes import Boxes, network_input, network_sizes
from fastanchor.engine import BoxesLike, Engine, answers_all, choose
from fastanchor.kernels import USUAL, Work

__all__ = ["NetworkBoxes", "Scalable", "to_network_input"]


class NetworkBoxes(NamedTuple):
    """Boxes in pixels of the network input, without those that are too small.

    Attributes
    ----------
    boxes : (n, 2) float64 or Engine
        The boxes to use.
    weights : (n,) array or None
        How often each of them counts.
    n_small, n_filtered : int
        Among all boxes, those with a side < 3 pixels, and those left out; float where weights are not whole.
    fit, img_size
        How the boxes were scaled; None if they were pixels of the network input already.
    images : Images or None
        The image of each box, if it is known.
    jitter : (low, high) or None
        If not None, the boxes are copies at several scales in this range.
    """

    boxes: FloatArray | Engine
    weights: Any
    n_small: Any
    n_filtered: Any
    fit: Fit | None = None
    img_size: tuple[int, int] | None = None
    images: Images | None = None
    jitter: tuple[float, float] | None = None

    @property
    def wh(self) -> FloatArray:
        """The boxes as an array, (n, 2)."""
        return self.boxes.take(np.arange(len(self.boxes))) if answers_all(self.boxes) else np.asarray(self.boxes)

    @property
    def array(self) -> FloatArray | None:
        """The boxes as an array, if they are not in an engine."""
        return None if answers_all(self.boxes) else np.asarray(self.boxes)

    def on_engine(self) -> NetworkBoxes:
        """Return the same boxes with their engine built, for several uses of it."""
        work = Work(updates=USUAL, generations=1000, looks=20)  # a report holds all of these
        return self._replace(boxes=choose(self.boxes, weights=self.weights, work=work), weights=None)


Scalable = BoxesLike | NetworkBoxes


def to_network_input(
    boxes: Scalable,
    img_size: int | Sequence[int],
    fit: Fit,
    min_size: float = EVERY,
    weights: ArrayLike | None = None,
    jitter: Sequence[float] | None = None,
) -> NetworkBoxes:
    """Return boxes in pixels of the network input, all with a side of at least `min_size`.

    A ``Boxes`` with image sizes is scaled; everything else counts as pixels of the network input. With `jitter`, each
    box is replaced by copies at several scales in this range; `min_size` is that of the copies. An engine stays as it
    is, and so does a ``NetworkBoxes``.

    Raises
    ------
    DataError
        If an argument breaks a rule, no box is left, or an engine contains boxes below `min_size` or is to be jittered.

    Examples
    --------
    >>> boxes = Boxes([[50, 40], [1, 2]], image_index=[0, 0], image_wh=[[640, 480]])
    >>> ready = to_network_input(boxes, 320, "letterbox", 2.0)
    >>> ready.wh.tolist(), ready.n_small, ready.n_filtered, ready.fit, ready.img_size
    ([[25.0, 20.0]], 1, 1, 'letterbox', (320, 320))
    """
    size = network_input(img_size, fit)
    min_size = _check.number(min_size, "min_size", low=0.0)
    scales = as_jitter(jitter)
    if isinstance(boxes, NetworkBoxes):
        if weights is not None:
            raise DataError("weights: the boxes are scaled already; give weights where they are scaled")
        return boxes
    if answers_all(boxes):
        if scales is not None:
            raise DataError(f"{called('jitter')}: boxes is an engine already; give the boxes themselves")
        below = boxes.below(min_size).both
        if below:
            some, every = round(amount(boxes, below)), round(amount(boxes, weight_of(boxes)))
            raise DataError(
                f"boxes: {some:,} of {every:,} boxes have no side >= min_size = {min_size:g} pixels of the "
                "network input; leave them out before building the index"
            )
        made, about = getattr(boxes, "settings", None), getattr(boxes, "about", {})
        if made is not None and "n_small" in about:  # an index, whose boxes were counted before some were left out
            return NetworkBoxes(boxes, weights, about["n_small"], about["n_filtered"], made.fit, made.img_size)
        return NetworkBoxes(boxes, weights, amount(boxes, boxes.below(SMALL).either), 0)
    wh = network_sizes(boxes, img_size, fit)
    column = boxes.weights if isinstance(boxes, Boxes) else None
    if weights is not None:
        column = as_column(weights, "weights", len(wh))
    images = images_of(boxes)
    sized = isinstance(boxes, Boxes) and boxes.image_wh is not None
    if scales is not None:
        wh, column, images = rescaled(wh, column, images, scales, size if sized else None)
    keep = kept(wh, min_size)
    n_small, n_filtered = number(column, is_small(wh)), number(column, ~keep)
    if not keep.all():
        wh, column, images = wh[keep], part_of(column, keep), images and images.part(keep)
    ready = NetworkBoxes(wh, column, n_small, n_filtered, images=images, jitter=scales)
    return ready._replace(fit=fit, img_size=size) if sized else ready
