"""Positives of detectors: what the libraries returned, and all anchors on all places."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastanchor
from fastanchor import kernels
from fastanchor.detectors import GRIDS
from fastanchor.matching import Anchors, Cells, Matching, Places, at_places

BACKENDS = ("numpy", "numba") if kernels.installed() else ("numpy",)
IMAGES = {
    (256, 256): [[10, 12, 42, 44], [100, 60, 190, 105], [30, 120, 70, 220], [128, 128, 256, 256], [200, 20, 209, 31],
                 [5, 230, 250, 250]],
    (448, 320): [[16, 16, 80, 80], [150.5, 40.25, 290.5, 110.25], [300, 100, 360, 280], [0, 0, 448, 320],
                 [400, 290, 412, 305], [90, 200, 216, 290]],
}  # fmt: skip
# what the libraries made of them: positives of each box by level, of the last two boxes with forced anchors only
RETURNED = {
    "torchvision-fasterrcnn": (
        [[2, 0, 0, 0, 0], [0, 4, 0, 0, 0], [0, 3, 0, 0, 0], [0, 4, 5, 0, 0], [54, 0, 0, 0, 0], [0, 53, 0, 0, 0]],
        [[0, 5, 0, 0, 0], [0, 0, 3, 0, 0], [0, 0, 2, 0, 0], [0, 0, 0, 0, 8], [32, 0, 0, 0, 0], [0, 0, 2, 0, 0]],
    ),
    "torchvision-retinanet": (
        [[18, 0, 0, 0, 0], [15, 12, 0, 0, 0], [10, 6, 0, 0, 0], [0, 20, 22, 0, 0], [14, 0, 0, 0, 0], [0, 13, 0, 0, 0]],
        [[15, 22, 0, 0, 0], [0, 27, 4, 0, 0], [0, 15, 3, 0, 0], [0, 0, 0, 32, 2], [8, 0, 0, 0, 0], [0, 31, 4, 0, 0]],
    ),
    "detectron2-rpn": (
        [[2, 0, 0, 0, 0], [0, 4, 0, 0, 0], [0, 3, 0, 0, 0], [0, 0, 5, 0, 0], [51, 0, 0, 0, 0], [0, 57, 0, 0, 0]],
        [[0, 5, 0, 0, 0], [0, 0, 3, 0, 0], [0, 0, 2, 0, 0], [0, 0, 0, 0, 8], [24, 0, 0, 0, 0], [0, 0, 2, 0, 0]],
    ),
    "detectron2-retinanet": (
        [[18, 0, 0, 0, 0], [15, 12, 0, 0, 0], [10, 6, 0, 0, 0], [0, 15, 22, 0, 0], [12, 0, 0, 0, 0], [0, 9, 0, 0, 0]],
        [[15, 22, 0, 0, 0], [0, 27, 4, 0, 0], [0, 15, 2, 0, 0], [0, 0, 0, 32, 4], [6, 0, 0, 0, 0], [0, 31, 4, 0, 0]],
    ),
    "mmdet-faster-rcnn": (
        [[2, 0, 0, 0, 0], [0, 4, 0, 0, 0], [0, 3, 0, 0, 0], [0, 0, 5, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0]],
        [[0, 5, 0, 0, 0], [0, 0, 3, 0, 0], [0, 0, 2, 0, 0], [0, 0, 0, 0, 8], [0, 0, 0, 0, 0], [0, 0, 2, 0, 0]],
    ),
    "mmdet-retinanet": (
        [[18, 0, 0, 0, 0], [15, 12, 0, 0, 0], [10, 6, 0, 0, 0], [0, 15, 22, 0, 0], [12, 0, 0, 0, 0], [0, 9, 0, 0, 0]],
        [[15, 22, 0, 0, 0], [0, 27, 4, 0, 0], [0, 15, 2, 0, 0], [0, 0, 0, 32, 4], [6, 0, 0, 0, 0], [0, 31, 4, 0, 0]],
    ),
}


def defaults(name):
    detector = GRIDS[name]
    return Anchors(detector.form.anchors(detector.default), detector.strides, detector.cells)


@pytest.mark.parametrize("name", RETURNED)
def test_positives_are_those_of_the_library(name, backend):
    """Both images at once; ties of IoU in float32 included."""
    corners = np.concatenate(list(IMAGES.values())).astype(np.float32)
    places = Places(corners, np.repeat([0, 1], 6), np.array([*IMAGES], dtype=float))
    with fastanchor.backend(backend):
        found = at_places(places, defaults(name), GRIDS[name].matching)
    assert found.positives.tolist() == [*RETURNED[name][0], *RETURNED[name][1]]


@pytest.mark.parametrize(
    ("name", "expected"),
    [("torchvision-fasterrcnn", [5, 0, 0, 0, 0, 0]), ("torchvision-retinanet", [37, 31, 18, 34, 0, 35])],
)
def test_without_forced_anchors(name, expected, backend):
    places = Places(np.array(IMAGES[448, 320], np.float32), np.zeros(6, int), np.array([[448.0, 320.0]]))
    matching = GRIDS[name].matching._replace(forced="none")
    with fastanchor.backend(backend):
        found = at_places(places, defaults(name), matching)
    assert found.positives.sum(axis=1).tolist() == expected


# SSD300 of torchvision: (w, h) of its default boxes by level
SSD = [
    [[21, 21], [31.464266, 31.464266], [29.698484, 14.849242], [14.849242, 29.698484]],
    [[45, 45], [66.74580, 66.74580], [63.63961, 31.819805], [31.819805, 63.63961], [77.942286, 25.980762],
     [25.980762, 77.942286]],
    [[99, 99], [123.07315, 123.07315], [140.00714, 70.00357], [70.00357, 140.00714], [171.47304, 57.157676],
     [57.157676, 171.47304]],
    [[153, 153], [177.9635, 177.9635], [216.37468, 108.18734], [108.18734, 216.37468], [265.00378, 88.33459],
     [88.33459, 265.00378]],
    [[207, 207], [232.43709, 232.43709], [292.74226, 146.37113], [146.37113, 292.74226]],
    [[261, 261], [286.7316, 286.7316], [369.10974, 184.55487], [184.55487, 369.10974]],
]  # fmt: skip


@pytest.mark.parametrize("forced", ["one", "first"])
def test_one_forced_anchor_as_in_ssd(forced, backend):
    boxes = [[10, 12, 42, 44], [100, 60, 190, 105], [30, 120, 70, 220], [130, 130, 300, 300], [200, 20, 209, 31],
             [5, 270, 295, 292]]  # fmt: skip
    places = Places(np.array(boxes, np.float32), np.zeros(6, int), np.array([[300.0, 300.0]]))
    anchors = Anchors([np.array(part) for part in SSD], (8, 16, 32, 64, 100, 300), Cells(1, offset=0.5))
    with fastanchor.backend(backend):
        found = at_places(places, anchors, Matching(0.5, 0.5, forced))
    assert found.positives.sum(axis=1).tolist() == [6, 6, 1, 8, 1, 1]


def all_anchors(anchors, side):
    """Return the corners of all anchors on all places in the order of the libraries, and the level of each."""
    grids = anchors.cells.grids(np.array([side], dtype=float), anchors.strides)
    corners, levels = [], []
    for level, part in enumerate(anchors.parts):
        (nx, ny), first, step = grids.number[0, level], grids.first[0, level], grids.step[0, level]
        half = np.asarray(part, np.float32) / np.float32(2)
        y, x = (one.ravel().astype(np.float32) for one in np.mgrid[:ny, :nx])
        centre = np.stack([first[0] + x * step[0], first[1] + y * step[1]], axis=1)[:, None]
        corners.append(np.concatenate([centre - half, centre + half], axis=2).reshape(-1, 4))
        levels += [level] * len(corners[-1])
    return np.concatenate(corners), np.array(levels)


def naive(boxes, anchors, matching):
    """Return positives and best IoU by the definition: a matrix of all boxes and all anchors of each image."""
    positives = np.zeros((len(boxes.corners), len(anchors.parts)), int)
    best = np.zeros(len(boxes.corners), np.float32)
    for image, side in enumerate(boxes.sides):
        rows = np.flatnonzero(boxes.image == image)
        if not len(rows):
            continue
        a, level = all_anchors(anchors, side)
        g = boxes.corners[rows][:, None]
        sides = (np.minimum(g[..., 2:], a[:, 2:]) - np.maximum(g[..., :2], a[:, :2])).clip(0)
        inter = sides[..., 0] * sides[..., 1]
        area = (g[..., 2] - g[..., 0]) * (g[..., 3] - g[..., 1]) + (a[:, 2] - a[:, 0]) * (a[:, 3] - a[:, 1])
        iou = inter / (area - inter)
        best[rows] = own = iou.max(axis=1)
        owner = np.where(iou.max(axis=0) >= np.float32(matching.above), iou.argmax(axis=0), -1)
        ties = (iou == own[:, None]) & (own > 0)[:, None] & (own >= np.float32(matching.least))[:, None]
        if matching.forced == "every":
            owner = np.where(ties.any(axis=0), iou.argmax(axis=0), owner)
        first = ties.argmax(axis=1)
        order = range(len(rows)) if matching.forced in ("own", "one") else reversed(range(len(rows)))
        for box in order if matching.forced in ("own", "one", "first") else ():
            if own[box] > 0:
                owner[ties[box] if matching.forced == "own" else first[box]] = box
        np.add.at(positives, (rows[owner[owner >= 0]], level[owner >= 0]), 1)
    return positives, best


SIZES = [[[8, 8], [12, 6]], [[22.627417, 11.313708], [16, 16], [11.313708, 22.627417]], [[40, 33]]]
GRID = st.builds(
    Anchors,
    st.just([np.array(part, dtype=float) for part in SIZES]),
    st.sampled_from([(4, 8, 16), (8.0, 16.0, 32.0), (4.0, 12.0, 20.0)]),
    st.builds(Cells, st.sampled_from([1, 32]), st.booleans(), st.sampled_from([0.0, 0.5])),
)
whole = st.integers(0, 60).map(float)
side = st.one_of(st.integers(1, 60).map(float), st.floats(0.125, 60, width=32))
BOX = st.tuples(st.one_of(whole, st.floats(0, 60, width=32)), st.one_of(whole, st.floats(0, 40, width=32)), side, side)


@settings(max_examples=60, deadline=None)
@given(
    boxes=st.lists(BOX, min_size=1, max_size=12),
    image=st.lists(st.integers(0, 2), min_size=12, max_size=12),
    anchors=GRID,
    above=st.sampled_from([0.3, 0.5, 0.7]),
    forced=st.sampled_from(["every", "own", "one", "first", "none"]),
    least=st.sampled_from([0.0, 0.3]),
)
def test_positives_are_those_of_all_anchors_on_all_places(boxes, image, anchors, above, forced, least):
    x, y, w, h = np.array(boxes, np.float32).T
    places = Places(
        np.stack([x, y, x + w, y + h], axis=1),
        np.array(image[: len(boxes)]),
        np.array([[64.0, 48.0], [61.0, 64.0], [100.0, 37.0]]),
    )
    matching = Matching(above, above, forced, least if forced == "own" else 0.0)
    positives, best = naive(places, anchors, matching)
    for backend in BACKENDS:
        with fastanchor.backend(backend):
            found = at_places(places, anchors, matching)
        np.testing.assert_array_equal(found.best, best)
        assert found.positives.tolist() == positives.tolist()
