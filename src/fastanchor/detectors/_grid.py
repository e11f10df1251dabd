"""The anchors of most detectors: every size of a level with every ratio of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._types import FloatArray, IntArray
from fastanchor.detectors._reading import rows_of
from fastanchor.detectors._shapes import Form, Linear, Sides, Values, decimal

__all__ = ["Grid", "crossed"]


@dataclass(frozen=True)
class Grid(Form):
    """Every size of a level with every ratio of it; see `Form` for the attributes of all forms.

    Attributes
    ----------
    sides : callable
        The library's arithmetic: ``sides(sizes, ratios)`` returns the anchors of a level, (m, 2), in its order.
    levels : int
    sizes : int
        Number of sizes of each level.
    ratios : int
        Number of ratios of each level.
    octaves : bool
        Whether the sizes of a level are one size times ``2 ** (i / sizes)``.
    strides : tuple of float
        If given, the sizes of a level are those of stride 1 times its stride.
    same_sizes : bool
        Whether all levels have the same sizes.
    """

    sides: Sides
    levels: int = 5
    sizes: int = 1
    ratios: int = 3
    octaves: bool = False
    strides: tuple[float, ...] = ()
    same_sizes: bool = False

    def numbered(self, key: str, count: int) -> dict[str, Any]:
        """Return the attributes of the form with so many sizes or ratios on each level."""
        return {key: count}

    def fixed(self, key: str, given: Any) -> dict[str, Any]:
        """Return the attributes of the form with these sizes or ratios."""
        rows = rows_of(given, key, levels=self.levels, each=key == "sizes" and self.levels > 1)
        counts = [len(row) for row in rows]
        if len(set(counts)) > 1:
            raise DataError(f"{called(key)}: got {counts} on the levels, expected the same number on each")
        return {key: len(rows[0]), f"fixed_{key}": rows, **({"octaves": False} if key == "sizes" else {})}

    @property
    def summary(self) -> str:
        """What may be chosen, in words."""
        sizes = f"{self.sizes} size{'s' if self.sizes > 1 else ''}{' of all levels' if self.same_sizes else ''}"
        if self.octaves and self.sizes > 1:
            sizes = f"1 size and its {self.sizes} parts of an octave"
        return f"{sizes} x {self.ratios} ratios ({'h/w' if self.tall else 'w/h'})"

    @property
    def per_level(self) -> list[int]:
        """The number of anchors of each level."""
        return [self.sizes * self.ratios] * self.levels

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
        return Linear(matrix, offset + np.log(self.unit), np.arange(p) >= n, np.zeros(p, np.bool_))

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

    def parameters(self, values: Values) -> FloatArray | None:
        """Return the parameters of these values, (p,); about those, if the form cannot have them, None if never."""
        if {(len(sizes), len(ratios)) for sizes, ratios in zip(*values, strict=True)} != {(self.sizes, self.ratios)}:
            return None
        free = self.linear.ratio
        size, factor = self._sizes
        ratio, power = self._ratios
        found = np.zeros(len(free))
        if not self.fixed_sizes:
            found[size] = np.log(np.array(values.sizes) / factor)
        if not self.fixed_ratios:
            some = power != 0
            found[(~free).sum() + ratio[some]] = (power * np.log(values.ratios))[some]
        return found

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
        return Values(_rows(np.sort(sizes, axis=1) if self.same_sizes or self.strides else sizes), _rows(ratios))

    def anchors(self, values: Values) -> list[FloatArray]:
        """Return the anchors of each level, (m, 2) pixels of the network input, as the library computes them."""
        rows = zip(values.sizes, values.ratios, strict=True)
        return [self.sides(sizes, ratios) * self.unit for sizes, ratios in rows]


def crossed(*, tall: bool, by_ratio: bool) -> Sides:
    """Return the arithmetic of most libraries: sides ``size * sqrt(ratio)`` and ``size / sqrt(ratio)``, in float32.

    `tall` says which of them is the height, `by_ratio` whether the first ratio with all sizes comes first.

    Examples
    --------
    >>> crossed(tall=False, by_ratio=True)([32, 64], [1.0, 4.0]).tolist()
    [[32.0, 32.0], [64.0, 64.0], [64.0, 16.0], [128.0, 32.0]]
    """

    def sides(sizes: Sequence[float], ratios: Sequence[float]) -> FloatArray:
        size, root = np.asarray(sizes, np.float64), np.sqrt(np.asarray(ratios, np.float64))
        axes = (root, size) if by_ratio else (size, root)
        first, second = (axis.ravel() for axis in np.meshgrid(*axes, indexing="ij"))
        size, root = (second, first) if by_ratio else (first, second)
        long, short = size * root, size / root
        both = np.stack([short, long] if tall else [long, short], axis=1)
        return both.astype(np.float32).astype(np.float64)

    return sides


def _rows(values: FloatArray) -> tuple[tuple[float, ...], ...]:
    return tuple(tuple(row) for row in values.tolist())
