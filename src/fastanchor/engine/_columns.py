"""A part of a data set that compares every box with every centre; answers add up over parts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np

from fastanchor._types import FloatArray, IntArray, LabelArray, Metric
from fastanchor.engine._exact import Scale
from fastanchor.engine._held import Rows, columns_of
from fastanchor.engine._labelled import Labelled
from fastanchor.engine._scores import Scores
from fastanchor.engine._spreading import Far, Spreading
from fastanchor.engine._threads import CHUNK

__all__ = ["BLOCK", "Columns", "Nearby", "Rows", "columns_of"]

BLOCK = 16  # bits of a row's number inside its block: k-means++ draws a block of 65,536 rows, then a row in it


class Nearby(NamedTuple):
    """Number of boxes of each centre, (k,), and the digits of the exact sum of all distances, see ``_exact``."""

    counts: IntArray
    distance: IntArray


class Columns(Scores):
    """A part of a data set, see ``Held``: its answers to k-means."""

    def assign(self, centers: FloatArray, metric: Metric, labels: LabelArray) -> None:
        """Write the nearest centre of each box into `labels`."""
        cw, ch = columns_of(centers)

        def work(chunks: list[slice]) -> list[None]:
            distance = np.empty(min(CHUNK, len(self)))
            for c in chunks:
                self.assigner(metric)(self.w[c], self.h[c], cw, ch, labels[c], distance[: c.stop - c.start])
            return []

        self.each(work)

    def nearest(self, centers: FloatArray, metric: Metric, scale: Scale) -> Nearby:
        """Count the boxes of each centre and add up their distances."""
        cw, ch = columns_of(centers)

        def work(chunks: list[slice]) -> list[Nearby]:
            distance, labels = np.empty(min(CHUNK, len(self))), np.zeros(min(CHUNK, len(self)), np.int32)
            counts, digits = np.zeros(cw.size, np.int64), scale.zeros()
            for c in chunks:
                near, far = labels[: c.stop - c.start], distance[: c.stop - c.start]
                self.assigner(metric)(self.w[c], self.h[c], cw, ch, near, far)
                self.count(c, near, counts)
                scale.add(self.kernels, far, digits, weights=self.weights_of(c))
            return [Nearby(counts, digits)]

        return Nearby(*(sum(column) for column in zip(*self.each(work), strict=True)))

    def labels(self, centers: FloatArray, metric: Metric, first: int, last: int) -> tuple[Any, LabelArray]:
        """Return the rows of this part from `first` to before `last`, minus `first`, and their centres."""
        places: Any = slice(None)
        if self.rows is None:
            w, h = self.w[first:last], self.h[first:last]
        else:
            rows, boxes = self.within(first, last)
            places, w, h = rows - first, *columns_of(boxes)
        labels = np.empty(w.size, dtype=np.int32)
        Columns(w, h, threads=self.threads, backend=self.backend).assign(centers, metric, labels)
        return places, labels

    def farthest(self, centers: FloatArray, metric: Metric) -> Far:
        """Return the box that is farthest from its nearest centre."""
        return self.spreading(metric).farthest(centers)

    def spreading(self, metric: Metric) -> Spreading:
        """Begin a search for boxes far from centres, to which more centres are added later."""
        return Spreading(self, metric)

    def labelled(self, metric: Metric, sides: Scale | None) -> Labelled:
        """Begin a dense run of k-means; with the scale of the sums of sides if centres move to means."""
        return Labelled(self, metric, sides)

    def blocks(self, centers: FloatArray, metric: Metric, scale: Scale, count: int) -> IntArray:
        """Return the sums of the plain distances in each of `count` blocks of rows, (count, digits)."""
        cw, ch = columns_of(centers)

        def work(chunks: list[slice]) -> list[IntArray]:
            digits = scale.zeros(count)
            for c in chunks:
                distance = self._plain_of(c, cw, ch, metric)
                if self.rows is None:  # chunks are blocks
                    scale.add(self.kernels, distance, digits[c.start >> BLOCK], weights=self.weights_of(c))
                else:
                    block = (self.rows[c] >> BLOCK).astype(np.int32)
                    scale.add(self.kernels, distance, digits, block, self.weights_of(c))
            return [digits]

        return sum(self.each(work), start=scale.zeros(count))

    def plain(self, centers: FloatArray, metric: Metric) -> FloatArray:
        """Return the plain distance of each box to its nearest centre, (n,), in the order of the columns."""
        return self._plain_of(slice(0, len(self)), *columns_of(centers), metric)

    def assigner(self, metric: Metric) -> Callable[..., int]:
        """Return the kernel that finds nearest centres."""
        kernel: Callable[..., int] = getattr(self.kernels, f"assign_{metric}")
        return kernel

    def labeller(self, centers: FloatArray, metric: Metric) -> Callable[[slice, LabelArray, FloatArray], int]:
        """Return a function that writes the nearest centres of a chunk's boxes and returns how many labels changed.

        Its arguments are the chunk, the labels, and a work array.
        """
        cw, ch = columns_of(centers)
        kernel = self.assigner(metric)
        single = self._single() if metric == "iou" else None

        def label(c: slice, labels: LabelArray, distance: FloatArray) -> int:
            changed = None if single is None else single.assign_iou(c, cw, ch, labels)
            return kernel(self.w[c], self.h[c], cw, ch, labels, distance) if changed is None else changed

        return label

    def _plain_of(self, c: slice, cw: FloatArray, ch: FloatArray, metric: Metric) -> FloatArray:
        """Return the plain distances of a chunk's boxes to their nearest centres."""
        distance = np.empty(len(self.w[c]))
        self.assigner(metric)(self.w[c], self.h[c], cw, ch, np.zeros(distance.size, dtype=np.int32), distance)
        return np.sqrt(distance, out=distance) if metric == "euclidean" else distance
