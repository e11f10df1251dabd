"""Which anchor belongs to which level."""

import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fastanchor import DataError
from fastanchor.levels import by_level, level_counts, pyramid, remarks, unusual, usual_counts


def squares(*sides):
    return np.array([[side, side] for side in sides], float)


@pytest.mark.parametrize(
    ("n", "names", "per_level", "by", "right"),
    [
        (9, None, None, "area", [(3, 3), (4, 3), (5, 3)]),
        (12, None, None, "area", [(3, 3), (4, 3), (5, 3), (6, 3)]),
        (9, "P6", None, "area", [(3, 3), (4, 2), (5, 2), (6, 2)]),
        (11, "P5", None, "area", [(3, 4), (4, 4), (5, 3)]),
        (9, "2,3", None, "area", [(2, 5), (3, 4)]),
        (9, [4], None, "area", [(4, 9)]),
        (9, None, [2, 3, 4], "area", [(3, 2), (4, 3), (5, 4)]),
        (9, None, [4, 5], "area", [(4, 4), (5, 5)]),
        (9, "tiny", [9, 0], "area", [(4, 9), (5, 0)]),
    ],
)
def test_split(n, names, per_level, by, right):
    assert level_counts(squares(*range(10, 10 + n)), names, per_level=per_level, by=by) == right


def test_by_stride_goes_by_the_root_of_the_area():
    anchors = np.array([[4, 100], [31.9, 31.9], [32, 32], [63, 63], [300, 20], [640, 640]])
    assert level_counts(anchors, by="stride") == [(3, 2), (4, 2), (5, 2)]
    assert level_counts(anchors, "P6", by="stride") == [(3, 2), (4, 2), (5, 1), (6, 1)]


@given(st.lists(st.floats(1, 2000), min_size=1, max_size=20), st.sampled_from(["tiny", "P5", "P6", "P7", "0,12"]))
def test_by_stride_by_loops(sides, names):
    anchors = squares(*sorted(sides))
    parts = level_counts(anchors, names, by="stride")
    expected = {level: 0 for level, _ in parts}
    for side in np.sqrt(anchors[:, 0] * anchors[:, 1]).tolist():
        expected[next((p for p in expected if side < 4 * 2**p), max(expected))] += 1
    assert dict(parts) == expected


@given(st.integers(1, 60))
def test_levels_hold_all(n):
    assert sum(count for _, count in usual_counts(n)) == n


@pytest.mark.parametrize(
    ("n", "right"),
    [
        (1, [(5, 1)]),
        (2, [(4, 1), (5, 1)]),
        (3, [(3, 1), (4, 1), (5, 1)]),
        (4, [(4, 2), (5, 2)]),
        (5, [(5, 5)]),
        (6, [(4, 3), (5, 3)]),
        (12, [(3, 3), (4, 3), (5, 3), (6, 3)]),
        (15, [(3, 3), (4, 3), (5, 3), (6, 3), (7, 3)]),
    ],
)
def test_levels_by_the_number_of_anchors(n, right):
    assert usual_counts(n) == right


def test_heads_of_few_levels_are_known():
    assert [pyramid(count) for count in (1, 2, 3, 4, 5)] == [(5,), (4, 5), (3, 4, 5), (3, 4, 5, 6), (3, 4, 5, 6, 7)]


@pytest.mark.parametrize("n", range(1, 20))
def test_only_a_number_that_fits_no_usual_head_is_unusual(n):
    assert bool(unusual(n)) == (n not in (1, 2, 3, 4, 6, 9, 12, 15))


def test_layers_and_remarks():
    found = by_level(squares(4, 10, 20, 600), [(3, 2), (4, 0), (5, 2)], np.array([5, 0, 10, 5]))
    assert [(level.level, level.stride, level.share) for level in found] == [(3, 8, 0.25), (4, 16, 0.0), (5, 32, 0.75)]
    assert remarks(found) == [
        "P3/8: 1 of 2 anchors is smaller than the stride, 8 pixels",
        "P4/16: no anchor",
        "P5/32: 1 of 2 anchors is smaller than the stride, 32 pixels",
    ]
    assert remarks(by_level(squares(4, 5), [(3, 2)])) == ["P3/8: 2 of 2 anchors are smaller than the stride, 8 pixels"]
    assert remarks(by_level(squares(8, 9), [(3, 2)])) == []
    assert remarks(by_level(squares(4, 5), [(3, 2)]), (8, 9)) == []  # one cell
    assert len(remarks(by_level(squares(4, 5), [(3, 2)]), (9, 9))) == 1


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        ({"names": "P9"}, "levels = 'P9': must be tiny, P5, P6, P7, or rising levels as in 3,4,5"),
        ({"names": "5,4"}, "must be tiny, P5, P6, P7, or rising levels"),
        ({"names": "3,13"}, "levels = 13: must be at most 12"),
        ({"names": []}, "must be tiny, P5, P6, P7, or rising levels"),
        ({"per_level": [3, 3]}, "per_level = [3, 3]: adds up to 6; must be 9, the number of anchors"),
        ({"per_level": [3, 6], "names": "P5"}, "per_level = [3, 6]: has 2 entries for 3 levels"),
        ({"per_level": [-1, 10]}, "per_level = -1: must be at least 0"),
        ({"per_level": [9], "by": "stride"}, "per_level: cannot be given together with by = 'stride'"),
        ({"by": "size"}, "by = 'size': must be one of 'area', 'stride'"),
    ],
)
def test_bad_levels(arguments, sentence):
    with pytest.raises(DataError, match=re.escape(sentence)):
        level_counts(squares(*range(1, 10)), **arguments)


def test_parts_must_add_up():
    with pytest.raises(DataError, match=r"levels = \[\(3, 2\)\]: got 2 anchors on these levels, expected 3"):
        by_level(squares(1, 2, 3), [(3, 2)])


@pytest.mark.parametrize("name", ["tiny", "TINY", "p5", "P5", "p6", "p7"])
def test_names_of_levels_in_any_case(name):
    usual = {"tiny": [4, 5], "p5": [3, 4, 5], "p6": [3, 4, 5, 6], "p7": [3, 4, 5, 6, 7]}
    anchors = np.arange(1.0, 121.0).reshape(60, 2)
    assert [level for level, _ in level_counts(anchors, name)] == usual[name.lower()]
