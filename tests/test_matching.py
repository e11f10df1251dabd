"""Positives of detectors: what the libraries returned, and all anchors on all places."""

import json
from typing import get_args

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastanchor
from fastanchor import DataError, kernels
from fastanchor.boxes import Boxes
from fastanchor.cli import main
from fastanchor.detectors import GRIDS
from fastanchor.matching import Anchors, Cells, Forced, Matching, Places, at_places
from fastanchor.matching._count import IRRATIONAL, OFFSETS

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


def defaults(name, side=None):
    detector = GRIDS[name]
    parts = detector.form_at(detector.input(side)).anchors(detector.default)
    return Anchors(parts, detector.strides, detector.cells)


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


SSD = [[10, 12, 42, 44], [100, 60, 190, 105], [30, 120, 70, 220], [130, 130, 300, 300], [200, 20, 209, 31],
       [5, 270, 295, 292]]  # fmt: skip
# positives of each box, which the libraries returned without their levels
TOTALS = [
    ("keras-retinanet", IMAGES[256, 256], (256, 256), [20, 32, 19, 44, 0, 0]),
    ("keras-retinanet", IMAGES[448, 320], (448, 320), [44, 30, 18, 38, 0, 36]),
    ("tf-retinanet", IMAGES[256, 256], (256, 256), [14, 16, 9, 16, 1, 1]),
    ("tf-retinanet", IMAGES[448, 320], (448, 320), [16, 18, 8, 22, 1, 21]),
    ("torchvision-ssd300", SSD, (300, 300), [6, 6, 1, 8, 1, 1]),
    ("mmdet-ssd", SSD, (300, 300), [6, 6, 1, 8, 1, 1]),
]


@pytest.mark.parametrize(("name", "boxes", "side", "expected"), TOTALS)
def test_positives_without_levels(name, boxes, side, expected, backend):
    places = Places(np.array(boxes, np.float32), np.zeros(6, int), np.array([side], dtype=float))
    with fastanchor.backend(backend):
        found = at_places(places, defaults(name, side), GRIDS[name].matching)
    assert found.positives.sum(axis=1).tolist() == expected


def all_anchors(anchors, side):
    """Return the corners of all anchors on all places in the order of the libraries, and the level of each."""
    grids = anchors.grids(np.array([side], dtype=float))
    corners, levels = [], []
    for level, part in enumerate(anchors.parts):
        (nx, ny), first, step = grids.number[0, level], grids.first[0, level], grids.step[0, level]
        half = np.asarray(part, np.float32) / np.float32(2)
        y, x = (one.ravel() for one in np.mgrid[:ny, :nx])
        centre = np.stack([first[0] + x * step[0], first[1] + y * step[1]], axis=1).astype(np.float32)[:, None]
        corners.append(np.concatenate([centre - half, centre + half], axis=2).reshape(-1, 4))
        levels += [level] * len(corners[-1])
    return np.concatenate(corners), np.array(levels)


def iou_of(boxes, anchors, plus):
    g, a, plus = boxes[:, None], anchors, np.float32(plus)
    sides = (np.minimum(g[..., 2:], a[:, 2:]) - np.maximum(g[..., :2], a[:, :2]) + plus).clip(0)
    inter = sides[..., 0] * sides[..., 1]
    area, other = ((c[..., 2] - c[..., 0] + plus) * (c[..., 3] - c[..., 1] + plus) for c in (g, a))
    return inter / (area + other - inter)


def greedy(iou):
    """Return the anchor of each box that no other box gets, first for the largest IoU; -1 for none."""
    iou, given = iou.copy(), np.full(len(iou), -1)
    while iou.max() > 0:
        box, anchor = np.unravel_index(iou.argmax(), iou.shape)
        given[box] = anchor
        iou[box], iou[:, anchor] = 0, 0
    return given


def naive(boxes, anchors, matching):
    """Return positives and best IoU by the definition: a matrix of all boxes and all anchors of each image."""
    positives = np.zeros((len(boxes.corners), len(anchors.parts)), int)
    best = np.zeros(len(boxes.corners), np.float32)
    for image, side in enumerate(boxes.sides):
        rows = np.flatnonzero(boxes.image == image)
        g = boxes.corners[rows]
        if matching.pixels == "last":
            g = g - np.float32([0, 0, 1, 1])
        if matching.pixels == "whole":
            g = np.rint(g).clip(0, np.tile(side, 2).astype(np.float32) - 1)
            kept = (g[:, 0] < g[:, 2]) & (g[:, 1] < g[:, 3])
            rows, g = rows[kept], g[kept]
        if not len(rows):
            continue
        a, level = all_anchors(anchors, side)
        if matching.inside:
            whole = ((a[:, :2] >= 0) & (a[:, 2:] <= side - (matching.pixels == "whole"))).all(axis=1)
            a, level = a[whole], level[whole]
            if not len(a):
                continue
        iou = iou_of(g, a, bool(matching.pixels))
        best[rows] = own = iou.max(axis=1)
        above, least = np.float32(matching.above), np.float32(matching.least)
        owner = np.where(iou.max(axis=0) >= above, iou.argmax(axis=0), -1)
        ties = (iou == own[:, None]) & (own > 0)[:, None] & (own >= least)[:, None]
        first, boxes_in_order = ties.argmax(axis=1), np.flatnonzero(own > 0)
        if matching.forced == "every":
            owner = np.where(ties.any(axis=0), iou.argmax(axis=0), owner)
        elif matching.forced == "own":
            for box in boxes_in_order:
                owner[ties[box]] = box
        elif matching.forced == "one":
            owner[first[boxes_in_order]] = boxes_in_order
        elif matching.forced == "first":
            owner[first[boxes_in_order][::-1]] = boxes_in_order[::-1]
        elif matching.forced == "missed":
            missed = [box for box in boxes_in_order if box not in owner]
            owner[first[missed]] = missed
        elif matching.forced == "distinct":
            given = greedy(iou)
            owner[given[given >= 0]] = np.flatnonzero(given >= 0)
        np.add.at(positives, (rows[owner[owner >= 0]], level[owner >= 0]), 1)
    return positives, best


SIZES = [[[8, 8], [12, 6]], [[22.627417, 11.313708], [16, 16], [11.313708, 22.627417]], [[40, 33]]]
GRID = st.builds(
    Anchors,
    st.just([np.array(part, dtype=float) for part in SIZES]),
    st.sampled_from([(4, 8, 16), (8.0, 16.0, 32.0), (4.0, 12.0, 20.0)]),
    st.builds(Cells, st.sampled_from([1, 32]), st.booleans(), st.sampled_from([0.0, 0.5]), st.booleans()),
)
whole = st.integers(0, 60).map(float)
side = st.one_of(st.integers(1, 60).map(float), st.floats(0.125, 60, width=32))
BOX = st.tuples(st.one_of(whole, st.floats(0, 60, width=32)), st.one_of(whole, st.floats(0, 40, width=32)), side, side)


@settings(max_examples=100, deadline=None)
@given(
    boxes=st.lists(BOX, min_size=1, max_size=12),
    image=st.lists(st.integers(0, 2), min_size=12, max_size=12),
    anchors=GRID,
    above=st.sampled_from([0.3, 0.5, 0.7]),
    forced=st.sampled_from(get_args(Forced)),
    least=st.sampled_from([0.0, 0.3]),
    more=st.sampled_from([(False, ""), (True, ""), (True, "whole"), (False, "last")]),
)
def test_positives_are_those_of_all_anchors_on_all_places(boxes, image, anchors, above, forced, least, more):
    x, y, w, h = np.array(boxes, np.float32).T
    places = Places(
        np.stack([x, y, x + w, y + h], axis=1),
        np.array(image[: len(boxes)]),
        np.array([[64.0, 48.0], [61.0, 64.0], [100.0, 37.0]]),
    )
    matching = Matching(above, above, forced, least if forced == "own" else 0.0, *more)
    positives, best = naive(places, anchors, matching)
    for backend in BACKENDS:
        with fastanchor.backend(backend):
            found = at_places(places, anchors, matching)
        np.testing.assert_array_equal(found.best, best[None])
        assert found.positives.tolist() == positives.tolist()


def test_boxes_are_placed_as_the_detector_sees_them(backend):
    """Of images that are scaled by 2, and of boxes in any order."""
    for (width, height), boxes in IMAGES.items():
        x1, y1, x2, y2 = np.array(boxes).T / 2.0
        read = Boxes(
            np.stack([x2 - x1, y2 - y1], axis=1)[::-1],
            np.zeros(6, int),
            [[width / 2, height / 2]],
            xy=np.stack([x1, y1], axis=1)[::-1],
        )
        with fastanchor.backend(backend):
            found = fastanchor.positives(
                read, "torchvision-retinanet", img_size=(min(width, height), max(width, height))
            )
        assert found.known
        assert found.counts.tolist() == RETURNED["torchvision-retinanet"][width > 256][::-1]
        assert found.per_box == found.counts.sum() / 6
        assert [one.per_box for one in found.levels] == (found.counts.sum(axis=0) / 6).tolist()
        assert sum(one.boxes for one in found.sizes) == 6


def test_sides_of_images_are_rounded_before_boxes_are_placed():
    """torchvision makes 800 x 1066 of 480 x 640: a box as large as the image is a pixel short."""
    read = Boxes([[640, 480]], [0], [[640, 480]], xy=[[0, 0]])
    for name, width in {"torchvision-fasterrcnn": 1066, "detectron2-rpn": 1067}.items():
        own = np.array([[width, 800.0]])
        places = Places(np.array([[0, 0, width, 800]], np.float32), np.zeros(1, int), own)
        expected = at_places(places, defaults(name), GRIDS[name].matching)
        found = fastanchor.positives(read, name)
        np.testing.assert_array_equal(found.best, expected.best)
        assert found.counts.tolist() == expected.positives.tolist()


WH = np.array([[32.0, 32.0], [9.0, 11.0], [300.0, 20.0], [100.0, 140.0], [620.0, 500.0]])


@pytest.mark.parametrize("name", ["torchvision-fasterrcnn", "detectron2-retinanet", "mmdet-faster-rcnn"])
def test_boxes_without_places_are_tried_at_several(name, backend):
    """As boxes alone in images that are so large that no border is near."""
    with fastanchor.backend(backend):
        found = fastanchor.positives(WH, name)
    assert not found.known
    anchors, matching = defaults(name), GRIDS[name].matching
    counts, best = [], []
    for s in range(OFFSETS):
        period = anchors.strides[-1]
        left, top = (1920 + (0.5 + s * step) % 1.0 * period for step in IRRATIONAL)
        for w, h in WH:
            places = Places(
                np.array([[left, top, left + w, top + h]], np.float32), np.zeros(1, int), np.full((1, 2), 6e3)
            )
            one = at_places(places, anchors._replace(cells=Cells()), matching)
            counts.append(one.positives[0])
            best.append(one.best[0, 0])
    counts = np.array(counts).reshape(OFFSETS, len(WH), -1)
    np.testing.assert_allclose(found.best, np.reshape(best, (OFFSETS, -1)), rtol=1e-4)
    some = found.best.min(axis=0) >= matching.above  # ties in float32 depend on the place
    np.testing.assert_array_equal(found.counts[some], counts.mean(axis=0)[some])
    assert found.without == pytest.approx((counts.sum(axis=2) == 0).mean())


def test_weights_count_boxes_several_times():
    weights = [1, 0, 3, 2, 1]
    found = fastanchor.positives(WH, "detectron2-rpn", weights=weights)
    repeated = fastanchor.positives(np.repeat(WH, weights, axis=0), "detectron2-rpn")
    assert (found.boxes, found.sizes[0].boxes) == (repeated.boxes, repeated.sizes[0].boxes) == (7, 0)
    for name in ("matched", "without", "per_box"):
        assert getattr(found, name) == pytest.approx(getattr(repeated, name))
    np.testing.assert_allclose(found.levels, repeated.levels)
    with pytest.raises(DataError, match="weights: must be above 0 for at least one box"):
        fastanchor.positives(WH, "detectron2-rpn", weights=np.zeros(5))


@pytest.mark.skipif(not kernels.installed(), reason="an index needs numba")
def test_an_index_has_the_positives_of_its_boxes():
    read = Boxes(WH, [0, 0, 1, 1, 1], [[640, 640], [800, 600]])
    index = fastanchor.BoxIndex(WH, weights=[1, 2, 3, 4, 5])
    found = fastanchor.positives(index, "mmdet-retinanet").to_dict()
    assert found == fastanchor.positives(WH, "mmdet-retinanet", weights=[1, 2, 3, 4, 5]).to_dict()
    assert fastanchor.positives(read, "mmdet-retinanet", fit="stretch", img_size=640).known is False


BAD = [
    ({"detector": "tao-yolov4"}, "detector = 'tao-yolov4': is a detector whose rule is not known in full"),
    ({"detector": "keras-yolo3"}, "detector = 'keras-yolo3': is a detector whose rule is not known in full"),
    ({"anchors": [[[10, 10]]]}, "anchors: got 1 level, expected the 5 of detectron2-rpn"),
    ({"anchors": [[[10, -1]]] * 5}, r"anchors\[0\]"),
    ({"detector": "yolov5"}, "anchors: needed for yolov5, which has no sizes and ratios by default"),
    ({"min_size": 1e4}, "boxes: none of 5 has a side >= min_size"),
]


@pytest.mark.parametrize(("changes", "message"), BAD)
def test_bad_arguments(changes, message):
    with pytest.raises(DataError, match=message):
        fastanchor.positives(WH, **{"detector": "detectron2-rpn", **changes})


def run(capsys, *arguments):
    code = main([*map(str, arguments), "--quiet", "--backend", "numpy"])
    return code, *capsys.readouterr()


@pytest.fixture
def table(tmp_path):
    rows = [f"a,256,256,{','.join(map(str, box))}" for box in IMAGES[256, 256]]
    file = tmp_path / "boxes.csv"
    file.write_text("\n".join(["image,image_width,image_height,xmin,ymin,xmax,ymax", *rows]))
    return file


def test_check_shows_what_a_detector_trains(table, capsys):
    arguments = ("check", table, "--for", "torchvision-fasterrcnn", "--img-size", "256x256")
    code, out, _ = run(capsys, *arguments, "--json")
    found = json.loads(out)["positives"]
    assert (code, found["per_box"], found["known"], found["without"]) == (0, 125 / 6, True, 0.0)
    assert [level["per_box"] * 6 for level in found["levels"]] == pytest.approx([56, 64, 5, 0, 0])
    _, text, _ = run(capsys, *arguments)
    assert "per box   20.83 positives" in text
    assert "places    where the labels place the boxes" in text
    code, out, _ = run(capsys, *arguments, "--anchors", "32,32 64,64 128,128 256,256 512,512", "--json")
    squares = fastanchor.read(table), "torchvision-fasterrcnn", [[[side, side]] for side in (32, 64, 128, 256, 512)]
    expected = fastanchor.positives(*squares, img_size=256).to_dict()
    assert json.loads(out)["positives"].items() >= expected.items()
    assert json.loads(out)["warnings"] == []


@pytest.mark.parametrize(("least", "code", "verdict"), [(0.66, 0, "passed"), (0.67, 1, "FAILED")])
def test_check_fails_if_too_few_boxes_match(table, least, code, verdict, capsys):
    arguments = ("check", table, "--for", "torchvision-fasterrcnn", "--img-size", "256x256", "--min-matched", least)
    found, out, _ = run(capsys, *arguments)
    assert (found, out.splitlines()[-1]) == (code, f"{verdict}    matched 66.67%, required at least {least}")
    found, out, _ = run(capsys, *arguments, "--json")
    assert (found, *map(json.loads(out).get, ("min_matched", "passed"))) == (code, least, code == 0)
    found, out, _ = run(capsys, *arguments, "--min-bpr", 1)  # which they reach
    assert (found, out.count("passed"), out.count("FAILED")) == (code, 2 - code, code)


@pytest.mark.parametrize("name", ["yolov5", "yolov4", "mmdet", "paddle"])
def test_check_shows_what_yolo_trains(name, table, capsys):
    """Numbers do not say how images are resized, the detector does."""
    table.write_text(table.read_text().replace(",256,256,", ",512,256,"))
    _, out, _ = run(capsys, "check", table, "--for", name, "--anchors", "10,13", "16,30", "100,90", "--json")
    found = json.loads(out)
    own = [[[10, 13]], [[16, 30]], [[100, 90]]]
    expected = fastanchor.positives(fastanchor.read(table), name, own).to_dict()
    assert found["positives"] == {**expected, "against_default": None}
    assert found["fit"] == ("stretch" if name in ("yolov4", "paddle") else "letterbox")
    assert run(capsys, "check", table, "--anchors", "10,13", "--json")[1].count('"positives": null') == 1


@pytest.mark.parametrize(
    ("words", "message"),
    [
        ((), "--anchors: needed, unless --for names a detector whose anchors are sizes and ratios"),
        (("--for", "yolov5"), "--anchors: needed, unless --for names"),
        (("--anchors", "10,13", "--min-matched", "0.9"), "--min-matched: needs --for"),
        (("--for", "detectron2-rpn", "--min-matched", "2"), "--min-matched = 2.0: must be a number from 0 to 1"),
        (("--for", "detectron2-rpn", "--jitter", "0.5,1.5"), "--jitter: cannot be combined with --for"),
    ],
)
def test_check_without_anchors(words, message, capsys):
    code, out, err = run(capsys, "check", *words)
    assert (code, out) == (2, "")
    assert message in err
