"""Values of ranks among numbers in several parts, found by messages of bounded size."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastanchor.distributed._ranks import enclosed, sampled
from fastanchor.engine._protocol import Ahead

import strategies


def searched(parts, rank, many, spaced, share=0.5):
    """Return the value of a rank, as a run of k-means finds it, and the number of trips."""
    low, high, trips = -np.inf, np.inf, 0
    ordered = [np.sort(np.array(part, dtype=float)) for part in parts]
    while low != high:
        samples = []
        for values in ordered:
            first, last = np.searchsorted(values, low, "left"), np.searchsorted(values, high, "right")
            near = int(share * (last - first))
            samples.append(sampled([(values[first:last], int(first))], [near], many, spaced))
            assert len(samples[-1].values) <= many + spaced
        (bounds,) = enclosed(samples, [(0, rank)])
        assert bounds[0] <= bounds[1]
        low, high, share, trips = max(low, bounds[0]), min(high, bounds[1]), 0.5, trips + 1
        assert trips < 100
    return low, trips


@strategies.examples(60)
@given(
    st.lists(st.lists(st.sampled_from([0.5, 1.0, 1.5, 2.0, 7.0, 1e9]) | st.floats(0, 10), max_size=30), min_size=1),
    st.integers(1, 6),
    st.integers(3, 5),
    st.floats(0, 1),
)
def test_every_rank_is_found(parts, many, spaced, share):
    every = sorted(value for part in parts for value in part)
    for rank, value in enumerate(every):
        assert searched(parts, rank, many, spaced, share)[0] == value


def test_ranks_outside_a_range_are_not_claimed():
    sample = sampled([(np.array([3.0, 4.0]), 10)], [0], 8, 0)
    assert enclosed([sample], [(0, 9), (0, 10), (0, 11), (0, 12)]) == [None, (3.0, 3.0), (4.0, 4.0), None]


def test_several_ranges_do_not_mix():
    one = sampled([(np.array([1.0, 2.0]), 0), (np.array([]), 5), (np.array([1.0]), 0)], [0, 0, 0], 4, 0)
    two = sampled([(np.array([1.5]), 0), (np.array([9.0]), 5), (np.array([]), 0)], [0, 0, 0], 4, 0)
    got = enclosed([one, two], [(0, 0), (0, 1), (0, 2), (1, 10), (2, 0)])
    assert got == [(1.0, 1.0), (1.5, 1.5), (2.0, 2.0), (9.0, 9.0), (1.0, 1.0)]


@pytest.mark.parametrize("parts", [2, 50])
def test_equal_parts_take_one_trip_and_different_ones_few(parts):
    rng = np.random.default_rng(0)
    alike = [rng.normal(size=20_000) for _ in range(parts)]
    different = [rng.normal(i, 1e-3, size=20_000) for i in range(parts)]
    for some, most in ((alike, 2), (different, 4)):
        rank = sum(map(len, some)) // 3
        value, trips = searched(some, rank, 384, 128, 1 / 3)
        assert value == np.sort(np.concatenate(some))[rank]
        assert trips <= most


def test_mutants_compared_at_once_follow_the_gaps():
    ahead = Ahead(32, 512)
    assert ahead.number([0], 0) == 32
    assert ahead.number([0], 100) == 300
    assert ahead.number([0, 5, 10, 15, 20, 25, 30], 30) == 32
    assert ahead.number([0, 5, 10, 15, 20, 25, 125], 145) == 84
    assert ahead.number([0, 900], 900) == 512
