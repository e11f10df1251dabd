"""The image of each box, and the division of a data set by images."""

from __future__ import annotations

from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._types import IntArray, Rng
from fastanchor.boxes import Boxes, of_images

__all__ = ["NEEDED", "Images", "holdout", "images_of"]

NEEDED = "needs the image of each box: image_index, or a column 'image' in a table"


class Images(NamedTuple):
    """The image of each box, (n,), and the number of images, with those without boxes."""

    of_box: IntArray
    number: int

    def part(self, rows: NDArray[np.bool_]) -> Images:
        """Return the images of some boxes; there are as many as before."""
        return Images(self.of_box[rows], self.number)


def images_of(boxes: Any) -> Images | None:
    """Return the image of each box, None if it is not known.

    A table without a column of images is read as if each box had an image of its own, without a name; then it is not
    known which boxes belong to the same image.

    Examples
    --------
    >>> images_of(Boxes([[5, 4], [3, 2]], [0, 0], [[64, 48], [32, 32]]))
    Images(of_box=array([0, 0]), number=2)
    >>> images_of([[5, 4], [3, 2]]) is None
    True
    """
    if not isinstance(boxes, Boxes) or boxes.image_index is None:
        return None
    count = boxes.n_images
    if boxes.files is None and len(boxes) and np.array_equal(boxes.image_index, np.arange(count)):
        return None
    return Images(boxes.image_index, count)


def holdout(boxes: Boxes, share: float, *, rng: Rng = None) -> tuple[Boxes, Boxes]:
    """Divide a data set by images: one part to choose anchors on, the other to score them on.

    Parameters
    ----------
    boxes : Boxes
        With the image of each box.
    share : float
        Share of the images that the second part gets, above 0 and below 1; at least one image, and not all.
    rng : int, numpy.random.Generator or None
        Seed or source of randomness; the images of the second part are the first of ``rng.permutation(images)``.

    Returns
    -------
    chosen, held : Boxes
        All columns are kept. Images without boxes belong to either part.

    Raises
    ------
    DataError
        If it is not known which boxes belong to the same image, `share` is out of range, or a part has no box.

    Examples
    --------
    >>> from fastanchor.datasets import sample
    >>> chosen, held = holdout(sample(), 0.2, rng=0)
    >>> held
    Boxes(3,970 boxes, 600 images, 7 classes)
    """
    share = _check.number(share, "share", low=0.0, high=1.0, open_low=True)
    images = images_of(boxes)
    if images is None:
        raise DataError(f"boxes: a division by images {NEEDED}")
    count = images.number
    if count < 2 or share >= 1.0:
        raise DataError(f"share = {share:g}: leaves no image to choose anchors on, of {count:,}")
    held = np.zeros(count, dtype=bool)
    held[_check.generator(rng).permutation(count)[: min(max(round(share * count), 1), count - 1)]] = True
    parts = of_images(boxes, ~held), of_images(boxes, held)
    for part, what in zip(parts, ("to choose anchors on", "to score them on"), strict=True):
        if not len(part):
            raise DataError(f"share = {share:g}: leaves no box {what}; give another share or rng")
    return parts
