"""Positives of the same boxes in five libraries, as their own functions assigned them.

Some boxes are equal, or so near to each other that they want the same anchors; some are at a border, some are tiny.
"""

import numpy as np
import pytest

import fastanchor
from fastanchor.detectors import GRIDS
from fastanchor.matching import NOMINAL, Anchors, OwnCell, Places, Shape, counts

CORNERS = [
    [20.25, 30.5, 75.75, 101.25], [22.5, 28.75, 80.25, 99.5], [20.25, 30.5, 75.75, 101.25],
    [150.5, 60.25, 290.75, 130.5], [5.25, 200.5, 60.75, 295.25], [100.75, 150.25, 108.5, 160.75],
    [101.0, 150.5, 108.75, 161.0], [100.75, 150.25, 108.5, 160.75], [120.25, 10.5, 280.75, 290.25],
    [283.5, 284.25, 299.75, 299.5], [8.25, 8.5, 72.25, 72.75], [9.25, 9.5, 73.25, 73.5],
    [0.25, 100.5, 120.25, 228.5], [100.25, 101.5, 228.75, 228.0], [110.5, 100.75, 239.25, 229.25],
    [250.0, 20.0, 250.25, 30.0],
]  # fmt: skip
WH = np.diff(np.reshape(CORNERS, (-1, 2, 2)), axis=1)[:, 0]

RETURNED = {
    "yolact": ((550, 550), [
        [0, 1, 0, 0, 0], [0, 2, 0, 0, 0], [0, 1, 0, 0, 0], [0, 0, 5, 0, 0], [0, 0, 1, 0, 0],
        [1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, 0, 0, 7, 0], [1, 0, 0, 0, 0],
        [0, 2, 0, 0, 0], [0, 3, 0, 0, 0], [0, 0, 4, 0, 0], [0, 0, 4, 0, 0], [0, 0, 2, 0, 0],
        [1, 0, 0, 0, 0],
    ]),
    "tao-ssd": ((300, 300), [
        [6, 2, 0, 0, 0, 0], [1, 5, 0, 0, 0, 0], [0, 1, 0, 0, 0, 0], [0, 16, 11, 0, 0, 0], [0, 21, 0, 0, 0, 0],
        [1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0], [1, 0, 0, 0, 0, 0], [0, 0, 0, 8, 1, 1], [1, 0, 0, 0, 0, 0],
        [0, 6, 0, 0, 0, 0], [8, 5, 0, 0, 0, 0], [0, 6, 12, 2, 0, 0], [0, 9, 8, 1, 0, 0], [0, 0, 6, 1, 0, 0],
        [1, 0, 0, 0, 0, 0],
    ]),
    "tao-retinanet": ((960, 544), [
        [1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, 23, 0, 0, 0], [0, 1, 0, 0, 0],
        [1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, 50, 38, 5, 0], [1, 0, 0, 0, 0],
        [1, 0, 0, 0, 0], [1, 0, 0, 0, 0], [0, 76, 0, 0, 0], [0, 51, 0, 0, 0], [0, 63, 0, 0, 0],
        [1, 0, 0, 0, 0],
    ]),
    "tao-frcnn": ((1280, 384), [
        [0], [1], [1], [1], [1], [0], [0], [1], [1], [1], [0], [1], [1], [4],
        [2], [0],
    ]),
    "odtk-retinanet": ((512, 384), [
        [11, 5, 0, 0, 0], [10, 10, 0, 0, 0], [0, 0, 0, 0, 0], [0, 26, 4, 0, 0], [6, 22, 0, 0, 0],
        [0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 0, 0, 0], [0, 0, 32, 4, 0], [0, 0, 0, 0, 0],
        [16, 12, 0, 0, 0], [11, 8, 0, 0, 0], [0, 26, 16, 0, 0], [0, 18, 9, 0, 0], [0, 16, 10, 0, 0],
        [0, 0, 0, 0, 0],
    ]),
}  # fmt: skip


def placed(side):
    return Places(np.array(CORNERS, np.float32), np.zeros(len(CORNERS), int), np.array([side], dtype=float))


@pytest.mark.parametrize("name", RETURNED)
def test_detectors_of_sizes_and_ratios(name, backend):
    detector, (side, expected) = GRIDS[name], RETURNED[name]
    limits = side if detector.resize.fit != "shortest" else None
    parts = detector.form_at(detector.input(limits)).anchors(detector.default)
    anchors = Anchors(parts, detector.strides, detector.cells)
    with fastanchor.backend(backend):
        found = counts(WH, anchors, detector.matching, placed(side))
    assert found.positives.tolist() == expected


YOLO = [
    (OwnCell(), [  # MMDetection
        [0, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0], [0, 0, 0], [0, 0, 0],
        [1, 0, 0], [0, 0, 3], [1, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0],
        [0, 0, 1], [1, 0, 0],
    ]),
    (Shape(single=True), [  # PaddleDetection, without iou_thresh, and with
        [0, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0], [0, 0, 0], [0, 0, 0],
        [1, 0, 0], [0, 0, 1], [1, 0, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 0, 0],
        [0, 0, 1], [1, 0, 0],
    ]),
    (Shape(0.5, single=True), [
        [0, 1, 0], [0, 0, 0], [0, 1, 0], [0, 0, 1], [0, 1, 0], [0, 0, 0], [0, 0, 0],
        [1, 0, 0], [0, 0, 1], [2, 0, 0], [0, 1, 0], [0, 1, 0], [0, 0, 1], [0, 0, 1],
        [0, 0, 1], [1, 0, 0],
    ]),
    (Shape(0.25, single=True), [
        [0, 2, 1], [0, 0, 0], [0, 1, 0], [0, 2, 2], [0, 3, 1], [0, 0, 0], [0, 0, 0],
        [1, 0, 0], [0, 0, 2], [3, 0, 0], [0, 2, 1], [0, 1, 0], [0, 1, 2], [0, 1, 1],
        [0, 0, 1], [1, 0, 0],
    ]),
]  # fmt: skip
PAIRS = [[[10, 13], [16, 30], [33, 23]], [[30, 61], [62, 45], [59, 119]], [[116, 90], [156, 198], [373, 326]]]


@pytest.mark.parametrize(("rule", "expected"), YOLO)
def test_yolo(rule, expected):
    anchors = Anchors([np.array(part, dtype=float) for part in PAIRS], (8.0, 16.0, 32.0), NOMINAL)
    assert counts(WH, anchors, rule, placed((608, 608))).positives.tolist() == expected
