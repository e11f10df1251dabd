"""Which anchors a detector can have: sizes and ratios, how many may be chosen, and the arithmetic of each library.

**Values** are what a configuration says, numbers as they are written there. **A form** (`Form`) turns values into
anchors as the library does, in float32 and rounded where it rounds, and says which parameters may be varied: the
logarithms of sizes and of ratios. Before rounding, the logarithms of the sides of all anchors are linear in these.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._types import FloatArray, IntArray
from fastanchor.detectors._reading import rows_of

__all__ = ["Form", "Grid", "Linear", "Sides", "Values", "crossed", "decimal"]

DIGITS = 4  # significant digits of the values in a configuration
SQUARE = (1.0, 1.0)

Sides = Callable[[Sequence[float], Sequence[float]], FloatArray]
AnyForm = TypeVar("AnyForm", bound="Form")


class Values(NamedTuple):
    """What a configuration says: the sizes and the ratios of each level."""

    sizes: tuple[tuple[float, ...], ...]
    ratios: tuple[tuple[float, ...], ...]


class Linear(NamedTuple):
    """Anchors before rounding: the logarithms of their sides are ``matrix @ parameters + offset``.

    `matrix` is (k, 2, p), `offset` (k, 2); `ratio` (p,) is True for parameters that are logarithms of ratios, `rises`
    (p,) for parameters that may not be below the one before them.
    """

    matrix: FloatArray
    offset: FloatArray
    ratio: NDArray[np.bool_]
    rises: NDArray[np.bool_]


@dataclass(frozen=True, kw_only=True)
class Form:
    """Base of the forms.

    Attributes
    ----------
    tall : bool
        Whether a ratio is height / width, not width / height.
    own_ratios : bool
        Whether each level has ratios of its own.
    symmetric : bool
        Whether the ratios are r with 1 / r, and 1 if their number is odd.
    fixed_sizes, fixed_ratios : tuple of tuple of float
        Values that are not varied; empty for none.
    unit : (float, float)
        Pixels of the network input that a size of 1 has in width and in height.
    even : bool
        Whether the library rounds all sides of anchors to even numbers of pixels.
    """

    tall: bool = True
    own_ratios: bool = False
    symmetric: bool = False
    fixed_sizes: tuple[tuple[float, ...], ...] = ()
    fixed_ratios: tuple[tuple[float, ...], ...] = ()
    unit: tuple[float, float] = SQUARE
    even: bool = False

    def changed(self: AnyForm, **changes: Any) -> AnyForm:
        """Return the form with other attributes."""
        return replace(self, **changes)

    def chosen(self: AnyForm, sizes: Any, ratios: Any, own_ratios: bool, symmetric: bool) -> AnyForm:
        """Return the form with other numbers of sizes and ratios, or with fixed ones.

        Raises
        ------
        DataError
            If they are neither a number nor lists of numbers, or do not fit the levels.
        """
        changes: dict[str, Any] = {"own_ratios": own_ratios, "symmetric": symmetric}
        for key, given in (("sizes", sizes), ("ratios", ratios)):
            if isinstance(given, (int, np.integer)) and not isinstance(given, bool):
                changes |= self.numbered(key, _check.integer(given, key, least=1, most=20))
            elif given is not None:
                changes |= self.fixed(key, _check.listed(given) or given)
        if changes.get("fixed_ratios") and (own_ratios or symmetric):
            raise DataError("ratios: are given, so they can be neither symmetric nor found for each level")
        return self.changed(**changes)

    def numbered(self, key: str, count: int) -> dict[str, Any]:
        """Return the attributes of the form with so many sizes or ratios on each level."""
        raise NotImplementedError

    def fixed(self, key: str, given: Any) -> dict[str, Any]:
        """Return the attributes of the form with these sizes or ratios."""
        raise NotImplementedError

    @property
    def summary(self) -> str:
        """What may be chosen, in words."""
        raise NotImplementedError

    @property
    def per_level(self) -> list[int]:
        """The number of anchors of each level."""
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

    def parameters(self, values: Values) -> FloatArray | None:
        """Return the parameters of these values, (p,); about those, if the form cannot have them, None if never."""
        raise NotImplementedError

    def anchors(self, values: Values) -> list[FloatArray]:
        """Return the anchors of each level, (m, 2) pixels of the network input, as the library computes them."""
        raise NotImplementedError


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
        if len({len(row) for row in rows}) > 1:
            raise DataError(f"{key}: got {[len(row) for row in rows]} on the levels, expected the same number on each")
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
