"""Which anchors a detector can have: sizes and ratios, how many may be chosen, and the arithmetic of each library.

**Values** are what a configuration says, numbers as they are written there. **A form** (`Form`) turns values into
anchors as the library does, in float32 and rounded where it rounds, and says which parameters may be varied: the
logarithms of sizes and of ratios. Before rounding, the logarithms of the sides of all anchors are linear in these.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._types import FloatArray

__all__ = ["DIGITS", "Form", "Linear", "Sides", "Values", "decimal"]

DIGITS = 4  # significant digits of the values in a configuration
SQUARE = (1.0, 1.0)
MOST_PART = 4.0  # of the network input that a size can be

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
class Form(ABC):
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
        if self.unit != SQUARE and any(size > MOST_PART for row in changes.get("fixed_sizes", ()) for size in row):
            raise DataError(f"{called('sizes')}: got {_check.short(sizes)}, expected parts of the network input, as in "
                            "0.1, not pixels")  # fmt: skip
        if changes.get("fixed_ratios") and (own_ratios or symmetric):
            raise DataError(f"{called('ratios')}: are given, so they can be neither symmetric nor found for each level")
        return self.changed(**changes)

    @abstractmethod
    def numbered(self, key: str, count: int) -> dict[str, Any]:
        """Return the attributes of the form with so many sizes or ratios on each level."""

    @abstractmethod
    def fixed(self, key: str, given: Any) -> dict[str, Any]:
        """Return the attributes of the form with these sizes or ratios."""

    @property
    @abstractmethod
    def summary(self) -> str:
        """What may be chosen, in words."""

    @property
    @abstractmethod
    def per_level(self) -> list[int]:
        """The number of anchors of each level."""

    @property
    @abstractmethod
    def linear(self) -> Linear:
        """The anchors before rounding as a function of the parameters."""

    def snap(self, sides: FloatArray) -> FloatArray:
        """Return sides, (..., 2), rounded about as the library does; the search looks at them in between."""
        return sides

    @property
    def some(self) -> Values:
        """Values such as a search may find: all that may differ do."""
        ratio = self.linear.ratio
        return self.values(np.where(ratio, 0.3, 3.0) + 0.1 * np.arange(len(ratio)))

    @abstractmethod
    def values(self, parameters: FloatArray) -> Values:
        """Return the values of these parameters, rounded as a configuration has them."""

    @abstractmethod
    def parameters(self, values: Values) -> FloatArray | None:
        """Return the parameters of these values, (p,); about those, if the form cannot have them, None if never."""

    @abstractmethod
    def anchors(self, values: Values) -> list[FloatArray]:
        """Return the anchors of each level, (m, 2) pixels of the network input, as the library computes them."""


def decimal(value: float) -> float:
    """Return a number as a configuration has it.

    Examples
    --------
    >>> decimal(123.456), decimal(0.98765432)
    (123.5, 0.9877)
    """
    return float(f"{value:.{DIGITS}g}")
