"""What a detector is: the anchors it can have, how it resizes images, what is matched, and its configuration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._types import Fit, FloatArray
from fastanchor.detectors._shapes import Form, Values
from fastanchor.export import Dialect, Input
from fastanchor.matching import NOMINAL, Cells, Matching

__all__ = [
    "COCO", "RATIOS", "RETINA", "RETINA_SIZES", "RPN", "RPN_SIZES", "Content", "Detector", "Resize",
    "grid_rows", "parted", "shorter",
]  # fmt: skip

# what the models with a feature pyramid have in common: strides, sizes, ratios
RPN, RETINA = (4, 8, 16, 32, 64), (8, 16, 32, 64, 128)
RPN_SIZES = tuple((side,) for side in (32.0, 64.0, 128.0, 256.0, 512.0))
RETINA_SIZES = tuple(tuple(side * 2 ** (k / 3) for k in range(3)) for (side,) in RPN_SIZES)
RATIOS = ((0.5, 1.0, 2.0),) * 5
COCO = (800, 1333)  # limits of the shorter and of the longer side


class Resize(NamedTuple):
    """How images are brought to the network input.

    `side` rounds the sides of the resized image, (m, 2); None if boxes are scaled by the exact factor.
    """

    fit: Fit
    img_size: tuple[int, int]
    side: Callable[[FloatArray], FloatArray] | None = None


class Content(NamedTuple):
    """What the text of a configuration says: values, the network input, and the number of classes if it is known.

    `img_size` is the network input that sizes in parts of it refer to; `made_for` is None if boxes were not scaled.
    """

    values: Values
    made_for: Input | None
    classes: int | None
    img_size: tuple[int, int]

    @property
    def note(self) -> list[str]:
        """The comment that says what the anchors are for, if it is known."""
        return [] if self.made_for is None else [self.made_for.note]

    @property
    def same_ratios(self) -> bool:
        """Whether all levels have the same ratios."""
        return len(set(self.values.ratios)) == 1

    def ratios(self, library: str) -> list[float]:
        """Return the ratios of a configuration that has one list of them.

        Raises
        ------
        DataError
            If levels have different ratios.
        """
        if not self.same_ratios:
            raise DataError(f"own_ratios: {library} has one list of ratios, for all levels")
        return list(self.values.ratios[0])


@dataclass(frozen=True)
class Detector:
    """A detector whose anchors are sizes and ratios.

    Attributes
    ----------
    title : str
        The models it stands for.
    form : Form
        Which anchors are possible.
    strides : tuple of int
        Of the levels; nominal, pixels of the network input.
    default : Values
        What the models have if nothing is configured.
    resize : Resize
    matching : Matching
    dialect : Dialect
        Its needs, and the reader of its configurations.
    text : callable
        Returns the text of a configuration.
    cells : Cells
        Where the anchors of a level are.
    unit : callable, optional
        Returns the pixels that a size of 1 has in width and in height at a network input, where sizes are parts of it.
    """

    title: str
    form: Form
    strides: tuple[int, ...]
    default: Values
    resize: Resize
    matching: Matching
    dialect: Dialect
    text: Callable[[Content], str]
    cells: Cells = NOMINAL
    unit: Callable[[tuple[int, int]], tuple[float, float]] | None = None

    def input(self, img_size: int | Sequence[int] | None = None) -> tuple[int, int]:
        """Return the network input, by default that of the detector."""
        return _check.side_pair(self.resize.img_size if img_size is None else img_size, "img_size", square=True)

    def form_at(self, img_size: tuple[int, int]) -> Form:
        """Return the form at a network input."""
        return self.form if self.unit is None else self.form.changed(unit=self.unit(img_size))

    @property
    def count(self) -> int:
        """The number of anchors of each place, by default on the first level."""
        return len(self.form.anchors(self.default)[0])


def shorter(img_size: tuple[int, int]) -> tuple[float, float]:
    """Return the unit of sizes that are parts of the shorter side of the network input."""
    return (float(min(img_size)),) * 2


def parted(
    sizes: tuple[tuple[float, ...], ...], library: str, octaves: bool = False
) -> tuple[list[float], list[float]]:
    """Return the first size of each level, and the scales that all its sizes are multiples by.

    Raises
    ------
    DataError
        If levels have different scales, or with `octaves` other scales than the parts of an octave.

    Examples
    --------
    >>> parted(((8.0, 12.0), (20.0, 30.0)), "this")
    ([8.0, 20.0], [1.0, 1.5])
    """
    scales = [size / sizes[0][0] for size in sizes[0]]
    parts = [2 ** (i / len(scales)) for i in range(len(scales))] if octaves else scales
    if any(abs(size / row[0] - part) > 1e-6 for row in sizes for size, part in zip(row, parts, strict=True)):
        rule = "the parts of an octave" if octaves else "the same scales"
        raise DataError(f"sizes: {library} has one size for each level, times {rule}")
    return [row[0] for row in sizes], parts


def grid_rows(rows: tuple[tuple[float, ...], ...], brackets: str = "()") -> str:
    """Return nested lists of numbers as Python writes them, one for each level.

    Examples
    --------
    >>> grid_rows(((8.0,), (16.5,))), grid_rows(((0.5, 2.0),), "[]")
    ('((8.0,), (16.5,))', '[[0.5, 2.0]]')
    """
    left, right = brackets[0], brackets[1]
    whole = all(side == np.rint(side) for row in rows for side in row)
    lists = []
    for row in rows:
        items = [f"{side:.0f}" if whole else repr(side) for side in row]
        lists.append(f"{left}{', '.join(items)}{',' if len(items) == 1 and left == '(' else ''}{right}")
    return f"{left}{', '.join(lists)}{',' if len(lists) == 1 and left == '(' else ''}{right}"
