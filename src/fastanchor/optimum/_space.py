"""Which anchors are allowed."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._types import FloatArray, Sizes

__all__ = ["Space"]

COMPASS = np.array([(1, 0), (-1, 0), (0, 1), (0, -1), (1, 1), (1, -1), (-1, 1), (-1, -1)], dtype=np.float64)


class Space:
    """Which anchors are allowed: any, unless an argument says otherwise.

    Parameters
    ----------
    keep : (f, 2) array-like, optional
        Anchors that stay as they are, pixels of the network input; the others are found beside them.
    least : float or sequence of float, optional
        Smallest side of an anchor, pixels of the network input. A sequence has one for each level, the smallest anchors
        first: with the strides of the levels no anchor is smaller than its stride. The anchors are divided evenly.
    multiple : int, optional
        Sides are whole multiples of this many pixels.

    Notes
    -----
    To write another space, derive from this class and override :meth:`allowed`, and :meth:`moves` where small steps
    lead nowhere.

    Examples
    --------
    >>> Space(multiple=8, least=16).allowed(np.array([[3.0, 21.0]])).tolist()
    [[16.0, 24.0]]
    """

    def __init__(
        self, *, keep: Sizes | None = None, least: float | Sequence[float] | None = None, multiple: int | None = None
    ) -> None:
        self.keep: FloatArray = np.empty((0, 2)) if keep is None else _check.as_sizes(keep, "keep")
        lowest = [] if least is None else [*least] if isinstance(least, Sequence) else [least]
        self.least = [_check.number(value, "least", low=0.0) for value in lowest]
        self.multiple = None if multiple is None else _check.integer(multiple, "multiple", least=1)

    def free(self, k: int) -> int:
        """Return how many of k anchors are to be found.

        Raises
        ------
        DataError
            If fewer than one, or if the k anchors cannot be divided evenly over the levels of `least`.
        """
        if k <= len(self.keep):
            raise DataError(f"{called('keep')}: got {len(self.keep)} anchors, expected fewer than n = {k}")
        if len(self.least) > 1 and k % len(self.least):
            raise DataError(f"{called('least')}: got {len(self.least)} levels, expected a divisor of n = {k}")
        return k - len(self.keep)

    @property
    def alone(self) -> bool:
        """Whether an anchor is allowed or not whatever the others are."""
        return len(self.least) < 2 and type(self).allowed is Space.allowed

    def candidate(self, anchors: FloatArray) -> FloatArray:
        """Return the allowed anchors nearest to these, each looked at alone, (m, 2)."""
        return self._rounded(anchors, self.least[0] if self.least else 0.0)

    def allowed(self, anchors: FloatArray) -> FloatArray:
        """Return the allowed set nearest to these free anchors, (k, 2), in the same order."""
        if len(self.least) < 2:
            return self.candidate(anchors)
        every = np.concatenate([anchors, self.keep])
        rank = np.empty(len(every), np.int64)
        rank[np.argsort(every.prod(axis=1), kind="stable")] = np.arange(len(every))
        level = rank * len(self.least) // len(every)
        least = np.array(self.least)[level[: len(anchors)], None]
        return self._rounded(anchors, least)

    def moves(self, anchor: FloatArray, step: float) -> FloatArray:
        """Return the neighbours of an anchor (2,), a step away in the logarithm of its sides, (m, 2)."""
        if self.multiple is None:
            return anchor * np.exp(step * COMPASS)
        return anchor + np.maximum(np.rint(anchor * step / self.multiple), 1.0) * self.multiple * COMPASS

    def _rounded(self, anchors: FloatArray, least: FloatArray | float) -> FloatArray:
        if self.multiple is None:
            return np.maximum(anchors, least)
        lowest = np.maximum(np.ceil(np.asarray(least) / self.multiple), 1.0)
        return np.asarray(np.maximum(np.rint(anchors / self.multiple), lowest) * self.multiple, dtype=np.float64)
