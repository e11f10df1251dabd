"""The anchors of SSD: two squares on each level, and a size with the ratios of the level."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._types import FloatArray
from fastanchor.detectors._reading import rows_of
from fastanchor.detectors._shapes import Form, Linear, Sides, Values, decimal

__all__ = ["USUAL", "Ssd", "boxes_of_level", "chain"]

USUAL = ((2.0,), (2.0, 3.0), (2.0, 3.0), (2.0, 3.0), (2.0,), (2.0,))  # ratios of SSD300


@dataclass(frozen=True)
class Ssd(Form):
    """A size on each level: its square, the square between it and the next size, and its anchors of some ratios.

    The values of a level are (size, next size) and its ratios.

    Attributes
    ----------
    sides : callable
        The library's arithmetic: ``sides((size, next), ratios)`` returns the anchors of a level, (m, 2), in its order.
    counts : tuple of int
        Number of ratios of each level besides 1.
    mirrored : bool
        Whether 1 / r comes with each ratio r, so that only r is in the configuration.
    listed : bool
        Whether the ratio 1 is in the configuration too, in front.
    end : float, optional
        The size after the last, if the library sets it.
    clipped : bool
        Whether sides are at most those of the network input.
    """

    sides: Sides
    counts: tuple[int, ...] = (1, 2, 2, 2, 1, 1)
    mirrored: bool = True
    listed: bool = False
    end: float | None = None
    clipped: bool = False

    @property
    def levels(self) -> int:
        """The number of levels."""
        return len(self.counts)

    @property
    def summary(self) -> str:
        """What may be chosen, in words."""
        some = sorted(set(self.counts))
        counts = f"{some[0]} or {some[-1]}" if len(some) > 1 else str(some[0])
        rule = "and their reverse" if self.mirrored else "besides 1"
        return f"2 squares, 1 size x {counts} ratios {rule} ({'h/w' if self.tall else 'w/h'})"

    def numbered(self, key: str, count: int) -> dict[str, Any]:
        """Return the attributes of the form with so many ratios on each level."""
        if key == "sizes":
            raise DataError(f"{called(key)} = {count}: must be a list; an SSD has one size on each level and one more")
        return {"counts": (count,) * self.levels}

    def fixed(self, key: str, given: Any) -> dict[str, Any]:
        """Return the attributes of the form with these sizes, one more than levels, or with these ratios."""
        if key == "sizes":
            rows = rows_of(given, key, each=True)
            if len(rows) != self.levels + 1 or any(len(row) > 1 for row in rows):
                raise DataError(f"{called(key)}: got {_check.short(given)}, expected {self.levels + 1} numbers, "
                                "one for each level and one more")  # fmt: skip
            sizes = [row[0] for row in rows]
            return {"fixed_sizes": chain(sizes)}
        ratios = rows_of(given, key, levels=self.levels)
        if self.listed:
            ratios = tuple(tuple(ratio for ratio in row if ratio != 1.0) for row in ratios)
        return {"counts": tuple(len(row) for row in ratios), "fixed_ratios": ratios}

    @property
    def per_level(self) -> list[int]:
        """The number of anchors of each level."""
        return [2 + (1 + self.mirrored) * count for count in self.counts]

    @property
    def linear(self) -> Linear:
        """The anchors before rounding as a function of the parameters."""
        n = 0 if self.fixed_sizes else self.levels + (self.end is None)
        place, power = self._ratios
        p = n + (0 if self.fixed_ratios else int(max(map(max, place), default=-1)) + 1)
        half = np.array([-0.5, 0.5] if self.tall else [0.5, -0.5])
        matrix, offset = [], []
        for level, count in enumerate(self.counts):
            sizes = np.zeros((2, p))
            known = np.log(self.fixed_sizes[level] if self.fixed_sizes else (1.0, self.end or 1.0))
            for at in range(level, min(level + 2, n)):
                sizes[at - level, at] = 1.0
            if level + 1 < n:
                known[1] = 0.0
            matrix += [np.stack([sizes[0]] * 2), np.stack([sizes.mean(axis=0)] * 2)]
            offset += [known[[0, 0]], known.mean() * np.ones(2)]
            for j in range(count):
                row, known_ratio = np.stack([sizes[0]] * 2), 0.0
                if self.fixed_ratios:
                    known_ratio = float(np.log(self.fixed_ratios[level][j]))
                else:
                    row[:, n + place[level][j]] = half * power[level][j]
                for sign in (1.0, -1.0)[: 1 + self.mirrored]:
                    turned = row.copy()
                    turned[:, n:] *= sign
                    matrix.append(turned)
                    offset.append(known[0] + sign * half * known_ratio)
        rises = np.arange(p) < n
        rises[:1] = False
        return Linear(np.array(matrix), np.array(offset) + np.log(self.unit), np.arange(p) >= n, rises)

    @property
    def _ratios(self) -> tuple[list[list[int]], list[list[int]]]:
        """The parameter of each ratio of the levels, and its power: 1, or with symmetric ratios 1 or -1."""
        places, powers, first = [], [], 0
        for count in self.counts:
            own, power = list(range(count)), [1] * count
            if self.symmetric and not self.mirrored:
                own, power = [j // 2 for j in own], [1 - 2 * (j % 2) for j in own]
            places.append([first + j for j in own])
            powers.append(power)
            first = max(places[-1], default=first - 1) + 1 if self.own_ratios else 0
        return places, powers

    def parameters(self, values: Values) -> FloatArray | None:
        """Return the parameters of these values, (p,); about those, if the form cannot have them, None if never."""
        ratios = [row[1:] if self.listed else row for row in values.ratios]
        if tuple(map(len, ratios)) != self.counts:
            return None
        free = self.linear.ratio
        n = int((~free).sum())
        found = np.zeros(len(free))
        found[:n] = np.log([row[0] for row in values.sizes] + [values.sizes[-1][1]])[:n]
        if not self.fixed_ratios:
            for row, places, powers in zip(ratios, *self._ratios, strict=True):
                found[n + np.array(places, dtype=np.int64)] = powers * np.log(row)
        return found

    def snap(self, sides: FloatArray) -> FloatArray:
        """Return sides, (..., 2), limited as the library does."""
        return np.minimum(sides, self.unit) if self.clipped else sides

    def values(self, parameters: FloatArray) -> Values:
        """Return the values of these parameters, rounded."""
        chosen = [decimal(value) for value in np.exp(parameters).tolist()]
        n = 0 if self.fixed_sizes else self.levels + (self.end is None)
        sizes = [*chosen[:n], *([] if self.end is None else [self.end])]
        rows = self.fixed_sizes or chain(sizes)
        if self.fixed_ratios:
            ratios = self.fixed_ratios
        else:
            place, power = self._ratios
            rows_of_ratios = [
                [self._ratio(chosen[n + j], each) for j, each in zip(*level, strict=True)]
                for level in zip(place, power, strict=True)
            ]
            same = self.own_ratios or len(set(self.counts)) == 1  # else levels share the first of them
            ratios = tuple(tuple(sorted(row) if same else row) for row in rows_of_ratios)
        return Values(rows, tuple((1.0, *row) for row in ratios) if self.listed else ratios)

    def _ratio(self, value: float, power: int) -> float:
        return decimal(max(value, 1 / value) if self.mirrored else value**power)

    def anchors(self, values: Values) -> list[FloatArray]:
        """Return the anchors of each level, (m, 2) pixels of the network input, as the library computes them."""
        rows = zip(values.sizes, values.ratios, strict=True)
        return [self.snap(self.sides(sizes, ratios) * self.unit) for sizes, ratios in rows]


def chain(sizes: Sequence[float]) -> tuple[tuple[float, float], ...]:
    """Return the size and the next size of each level.

    Examples
    --------
    >>> chain([30, 60, 111])
    ((30, 60), (60, 111))
    """
    return tuple(itertools.pairwise(sizes))


def boxes_of_level(*, mirrored: bool, last: bool = False, tall: bool = False) -> Sides:
    """Return the arithmetic of the libraries for a level of SSD, in float32.

    `mirrored` says whether 1 / r comes with each ratio r, the wide one first; then the ratio 1 is not listed. `last`
    says whether the square between two sizes comes last, not second.

    Examples
    --------
    >>> boxes_of_level(mirrored=True)([16, 64], [4.0]).tolist()
    [[16.0, 16.0], [32.0, 32.0], [32.0, 8.0], [8.0, 32.0]]
    >>> boxes_of_level(mirrored=False, last=True)([16, 64], [1.0, 4.0]).tolist()
    [[16.0, 16.0], [32.0, 8.0], [32.0, 32.0]]
    """

    def sides(sizes: Sequence[float], ratios: Sequence[float]) -> FloatArray:
        size, after = sizes
        roots = np.sqrt(np.asarray(ratios, np.float64))
        if mirrored:
            roots = np.r_[1.0, np.stack([roots, 1 / roots], axis=1).ravel()]
        width, height = size * roots, size / roots
        both = np.stack([height, width] if tall and not mirrored else [width, height], axis=1)
        between = np.full((1, 2), np.sqrt(size * after))
        at = len(both) if last else 1
        both = np.concatenate([both[:at], between, both[at:]])
        return both.astype(np.float32).astype(np.float64)

    return sides
