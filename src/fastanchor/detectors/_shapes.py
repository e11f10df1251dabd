"""Which anchors a detector can have: sizes and ratios, how many may be chosen, and the arithmetic of each library.

**Values** are what a configuration says, numbers as they are written there. **A form** (`Form`) turns values into
anchors as the library does, in float32 and rounded where it rounds, and says which parameters may be varied: the
logarithms of sizes and of ratios. Before rounding, the logarithms of the sides of all anchors are linear in these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._types import FloatArray, IntArray

__all__ = ["Form", "Grid", "Linear", "Values", "decimal"]

DIGITS = 4  # significant digits of the values in a configuration


class Values(NamedTuple):
    """What a configuration says: the sizes and the ratios of each level."""

    sizes: tuple[tuple[float, ...], ...]
    ratios: tuple[tuple[float, ...], ...]


class Linear(NamedTuple):
    """Anchors before rounding: the logarithms of their sides are ``matrix @ parameters + offset``.

    `matrix` is (k, 2, p), `offset` (k, 2); `ratio` (p,) is True for parameters that are logarithms of ratios.
    """

    matrix: FloatArray
    offset: FloatArray
    ratio: NDArray[np.bool_]


class Form:
    """Base of the forms; `levels` is the number of levels."""

    levels: int
    even: bool = False  # whether the library rounds all sides of anchors to even numbers of pixels

    @property
    def summary(self) -> str:
        """What may be chosen, in words."""
        raise NotImplementedError

    @property
    def linear(self) -> Linear:
        """The anchors before rounding as a function of the parameters."""
        raise NotImplementedError

    def snap(self, sides: FloatArray) -> FloatArray:
        """Return sides, (..., 2), rounded about as the library does; the search looks at them in between."""
        return sides

    def values(self, parameters: FloatArray) -> Values:
        """Return the values of these parameters, rounded as a configuration has them."""
        raise NotImplementedError

    def anchors(self, values: Values) -> list[FloatArray]:
        """Return the anchors of each level, (m, 2) pixels of the network input, as the library computes them."""
        raise NotImplementedError


@dataclass(frozen=True)
class Grid(Form):
    """Every size of a level with every ratio of it.

    Attributes
    ----------
    sides : callable
        The library's arithmetic: ``sides(sizes, ratios)`` returns the anchors of a level, (m, 2), in its order.
    levels : int
    sizes : int
        Number of sizes of each level.
    ratios : int
        Number of ratios of each level.
    tall : bool
        Whether a ratio is height / width, not width / height.
    octaves : bool
        Whether the sizes of a level are one size times ``2 ** (i / sizes)``.
    strides : tuple of float
        If given, the sizes of a level are those of stride 1 times its stride.
    same_sizes, own_ratios : bool
        Whether all levels have the same sizes, and whether each has ratios of its own.
    symmetric : bool
        Whether the ratios are r with 1 / r, and 1 if their number is odd.
    fixed_sizes, fixed_ratios : tuple of tuple of float
        Values that are not varied; empty for none.
    even : bool
        Whether the library rounds all sides to even numbers of pixels.
    """

    sides: Callable[[Sequence[float], Sequence[float]], FloatArray]
    levels: int = 5
    sizes: int = 1
    ratios: int = 3
    tall: bool = True
    octaves: bool = False
    strides: tuple[float, ...] = ()
    same_sizes: bool = False
    own_ratios: bool = False
    symmetric: bool = False
    fixed_sizes: tuple[tuple[float, ...], ...] = ()
    fixed_ratios: tuple[tuple[float, ...], ...] = ()
    even: bool = False

    @property
    def summary(self) -> str:
        """What may be chosen, in words."""
        sizes = f"{self.sizes} size{'s' if self.sizes > 1 else ''}{' of all levels' if self.same_sizes else ''}"
        if self.octaves and self.sizes > 1:
            sizes = f"1 size and its {self.sizes} parts of an octave"
        return f"{sizes} x {self.ratios} ratios ({'h/w' if self.tall else 'w/h'})"

    @property
    def linear(self) -> Linear:
        """The anchors before rounding as a function of the parameters."""
        size, factor = self._sizes
        ratio, power = self._ratios
        n = 0 if self.fixed_sizes else int(size.max()) + 1
        p = n + (0 if self.fixed_ratios else int(ratio.max(initial=-1)) + 1)
        half = np.array([-0.5, 0.5] if self.tall else [0.5, -0.5])
        rows = [(level, i, j) for level in range(self.levels) for i in range(self.sizes) for j in range(self.ratios)]
        matrix, offset = np.zeros((len(rows), 2, p)), np.zeros((len(rows), 2))
        for at, (level, i, j) in enumerate(rows):
            offset[at] = np.log(self.fixed_sizes[level][i] if self.fixed_sizes else factor[level, i])
            if self.fixed_ratios:
                offset[at] += half * np.log(self.fixed_ratios[level][j])
            elif power[level, j]:
                matrix[at, :, n + ratio[level, j]] = half * power[level, j]
            if not self.fixed_sizes:
                matrix[at, :, size[level, i]] = 1.0
        return Linear(matrix, offset, np.arange(p) >= n)

    @property
    def _sizes(self) -> tuple[IntArray, FloatArray]:
        """The parameter of each size, (levels, sizes), and the factor by which it is multiplied."""
        each = 1 if self.octaves else self.sizes
        first = np.zeros(self.levels, np.int64) if self.same_sizes or self.strides else each * np.arange(self.levels)
        parameter = first[:, None] + (0 if self.octaves else 1) * np.arange(self.sizes)
        octave = 2.0 ** (np.arange(self.sizes) / self.sizes) if self.octaves else np.ones(self.sizes)
        return parameter, np.array(self.strides or [1.0] * self.levels)[:, None] * octave

    @property
    def _ratios(self) -> tuple[IntArray, IntArray]:
        """The parameter of each ratio, (levels, ratios), and its power: 1, or with symmetric ratios -1, 0 or 1."""
        each = self.ratios // 2 if self.symmetric else self.ratios
        own, power = np.arange(self.ratios), np.ones(self.ratios, np.int64)
        if self.symmetric:
            own = np.minimum(own, own[::-1])
            power = np.sign(2 * np.arange(self.ratios) - (self.ratios - 1))
            own[power == 0] = 0
        first = each * np.arange(self.levels) if self.own_ratios else np.zeros(self.levels, np.int64)
        return first[:, None] + own, np.broadcast_to(power, (self.levels, self.ratios))

    def snap(self, sides: FloatArray) -> FloatArray:
        """Return sides, (..., 2), rounded about as the library does."""
        return 2.0 * np.rint(sides / 2.0) if self.even else sides

    def values(self, parameters: FloatArray) -> Values:
        """Return the values of these parameters, rounded; levels by their sizes, sizes and ratios rising."""
        free = self.linear.ratio
        size, factor = self._sizes
        ratio, power = self._ratios
        chosen = np.array([decimal(value) for value in np.exp(parameters).tolist()])
        sizes = np.array(self.fixed_sizes) if self.fixed_sizes else chosen[~free][size] * factor
        if self.fixed_ratios:
            ratios = np.array(self.fixed_ratios)
        else:
            ratios = np.append(chosen[free], 1.0)[np.where(power, ratio, -1)] ** power.astype(np.float64)
            ratios = np.vectorize(decimal)(np.sort(ratios, axis=1))
        if not (self.fixed_sizes or self.strides or self.same_sizes):
            if self.octaves or self.own_ratios:  # sizes stay together, with the ratios of their level
                order = np.argsort(sizes.prod(axis=1), kind="stable")
                sizes, ratios = np.sort(sizes[order], axis=1), ratios[order] if self.own_ratios else ratios
            else:
                sizes = np.sort(sizes, axis=None).reshape(sizes.shape)
        return Values(_rows(np.sort(sizes, axis=1) if self.same_sizes else sizes), _rows(ratios))

    def anchors(self, values: Values) -> list[FloatArray]:
        """Return the anchors of each level, (m, 2) pixels of the network input, as the library computes them."""
        return [self.sides(sizes, ratios) for sizes, ratios in zip(values.sizes, values.ratios, strict=True)]


def decimal(value: float) -> float:
    """Return a number as a configuration has it.

    Examples
    --------
    >>> decimal(123.456), decimal(0.98765432)
    (123.5, 0.9877)
    """
    return float(f"{value:.{DIGITS}g}")


def _rows(values: FloatArray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in values.tolist())
