"""What a detector is: the anchors it can have, how it resizes images, what is matched, and its configuration."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._types import Fit, FloatArray
from fastanchor.detectors._shapes import Form, Values
from fastanchor.export import Dialect, Input
from fastanchor.matching import NOMINAL, Cells, Matching

__all__ = ["Content", "Detector", "Resize"]


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

    @property
    def per_place(self) -> int:
        """The number of anchors of each place of the first level, where every size has every ratio."""
        return len(self.values.sizes[0]) * len(self.values.ratios[0])

    def of_classes(self, line: str, more: int = 0) -> list[str]:
        """Return a line with the number of classes, and so many more, in place of its braces; none if not known."""
        return [] if self.classes is None else [line.format(self.classes + more)]

    def ratios(self, library: str) -> list[float]:
        """Return the ratios of a configuration that has one list of them.

        Raises
        ------
        DataError
            If levels have different ratios.
        """
        if not self.same_ratios:
            raise DataError(f"{called('own_ratios')}: {library} has one list of ratios, for all levels")
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
