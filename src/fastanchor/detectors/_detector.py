"""What a detector is: the anchors it can have, how it resizes images, what is matched, and its configuration."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np

from fastanchor._types import Fit, FloatArray
from fastanchor.detectors._shapes import Form, Values
from fastanchor.export import Dialect, Input
from fastanchor.matching import NOMINAL, Cells, Matching

__all__ = ["Content", "Detector", "Resize", "grid_rows"]


class Resize(NamedTuple):
    """How images are brought to the network input.

    `side` rounds the sides of the resized image, (m, 2); None if boxes are scaled by the exact factor.
    """

    fit: Fit
    img_size: tuple[int, int]
    side: Callable[[FloatArray], FloatArray] | None = None


class Content(NamedTuple):
    """What the text of a configuration says: values, the network input, and the number of classes if it is known."""

    values: Values
    made_for: Input | None
    classes: int | None


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

    @property
    def count(self) -> int:
        """The number of anchors of each place, by default on the first level."""
        return len(self.form.anchors(self.default)[0])


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
