"""k-means over the parts of a cluster: one trip per step, or two."""

from __future__ import annotations

import numpy as np

from fastanchor._types import FloatArray, IntArray
from fastanchor.distributed._ranks import enclosed
from fastanchor.distributed._shard import Tally, Wanted
from fastanchor.engine._reduce import StepTaken
from fastanchor.engine.index import Lloyd

__all__ = ["ClusterLloyd"]

AROUND = 4096  # values sent around each median, over all parts
LEAST, MOST = 32, 128  # and of each part


class ClusterLloyd(Lloyd):
    """A run of k-means steps.

    A step sends the centres; the parts answer with counts in coarse bins and some of their values around the centres.
    Late in a run the medians lie among these. Else a second trip asks for more values in the coarse bins of the middle
    ranks; parts with very different boxes may need further ones.
    """

    def step(self, centers: FloatArray) -> StepTaken:
        """Assign the boxes to `centers` and return the step with the updated centres."""
        tallies: list[Tally] = self._ask("step", centers, int(np.clip(AROUND // len(self._runs), LEAST, MOST)))
        counts = sum((one.counts for one in tallies), start=np.zeros(len(centers), np.int64))
        after = np.empty((0, 2)) if self._scale is not None else self._middles(tallies, counts)
        sums = sum((one.sums for one in tallies), start=np.zeros_like(tallies[0].sums))
        return self._taken(centers, None, counts, after, sums)

    def _middles(self, tallies: list[Tally], counts: IntArray) -> FloatArray:
        """Return the medians of each centre's boxes, (k, 2); NaN where there are none."""
        k = len(counts)
        places = [(axis, j, int(counts[j]) - 1 + side >> 1) for axis in (0, 1) for j in range(k) for side in (0, 1)]
        places = [place for place in places if counts[place[1]]]
        bounds = enclosed(
            [one.sample for one in tallies if one.sample is not None],
            [(axis * k + j, rank) for axis, j, rank in places],
        )
        found: dict[tuple[int, int, int], float] = {}
        coarse = [sum(one.coarse[axis] for one in tallies) for axis in (0, 1)]
        wanted: dict[tuple[int, int, int], Wanted] = {}
        for place, bound in zip(places, bounds, strict=True):
            if bound is not None and bound[0] == bound[1]:
                found[place] = bound[0]
            else:
                wanted[place] = _in_coarse(place, np.asarray(coarse[place[0]])[place[1]])
        while wanted:
            ranges = list(dict.fromkeys(wanted.values()))
            samples = self._ask("ranks", ranges)
            bounds = enclosed(samples, [(ranges.index(one), place[2]) for place, one in wanted.items()])
            left = {}
            for (place, one), bound in zip(wanted.items(), bounds, strict=True):
                assert bound is not None
                if bound[0] == bound[1]:
                    found[place] = bound[0]
                else:
                    left[place] = one._replace(low=max(one.low, bound[0]), high=min(one.high, bound[1]), share=0.5)
            wanted = left
        out = np.full((k, 2), np.nan)
        for axis, j, _ in places:
            first, second = int(counts[j]) - 1 >> 1, int(counts[j]) >> 1
            out[j, axis] = (found[axis, j, first] + found[axis, j, second]) * 0.5
        return out


def _in_coarse(place: tuple[int, int, int], row: IntArray) -> Wanted:
    """Return where to look for a rank: in its coarse bin, whose boxes are in `row`."""
    axis, j, rank = place
    ends = row.cumsum()
    coarse = int(np.searchsorted(ends, rank, "right"))
    share = (rank - (ends[coarse] - row[coarse])) / row[coarse]
    return Wanted(axis, j, coarse, -np.inf, np.inf, float(share))
