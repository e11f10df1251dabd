"""Positives of YOLO detectors: the definitions as loops over boxes, anchors and cells, and what the sources say."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import fastanchor
from fastanchor.boxes import Boxes
from fastanchor.levels import Level
from fastanchor.matching import NOMINAL, Anchors, OwnCell, Places, Shape, counts
from fastanchor.matching._count import IRRATIONAL, OFFSETS

ANCHORS = [[[10, 13], [16, 30], [33, 23]], [[30, 61], [62, 45], [59, 119]], [[116, 90], [156, 198], [373, 326]]]


def cells_of_yolov5(box, anchors, strides, size):
    """Return the positives of a box by level: at the cells of its centre moved by half a cell in each direction."""
    x, y, w, h = box
    found = []
    for part, stride in zip(anchors, strides, strict=True):
        matches = sum(max(w / aw, aw / w, h / ah, ah / h) < 4.0 for aw, ah in part)
        cx, cy, cells = (x + w / 2) / stride, (y + h / 2) / stride, size / stride
        own = {(int(cx), int(cy))}
        for dx, dy in ((-0.5, 0), (0.5, 0), (0, -0.5), (0, 0.5)):
            if 0 <= cx + dx < cells and 0 <= cy + dy < cells:
                own.add((int(cx + dx), int(cy + dy)))
        found.append(matches * len(own))
    return found


@pytest.mark.parametrize("name", ["yolov5", "yolov7", "mmyolo"])
def test_yolov5_trains_cells_near_the_centre(name):
    """The image has half of the input's width, so boxes move by a quarter of it to the right."""
    rng = np.random.default_rng(0)
    wh = np.exp(rng.uniform(1, 5, (50, 2)))
    xy = rng.uniform(-0.5, 0.5, (50, 2)) * wh + rng.uniform(0, 1, (50, 2)) * [300, 620]
    centre = (xy + wh / 2).clip([1, 1], [319, 639])
    read = Boxes(wh, np.zeros(50, int), [[320, 640]], xy=centre - wh / 2)
    found = fastanchor.positives(read, name, ANCHORS)
    expected = [
        cells_of_yolov5((x + 160, y, w, h), ANCHORS, (8, 16, 32), 640)
        for (x, y), (w, h) in zip(read.xy.tolist(), wh.tolist(), strict=True)
    ]
    assert found.counts.tolist() == expected
    assert found.without == found.counts.sum(axis=1).tolist().count(0) / 50
    assert found.matched == pytest.approx(1.0 - found.without)
    assert fastanchor.positives([[10, 13]], name, ANCHORS).counts.tolist() == [[9, 0, 0]]


def test_a_box_that_matches_nothing_is_without_a_positive():
    found = fastanchor.positives([[10, 10], [10, 41]], "yolov5", [[[10, 10]]])
    assert (found.without, found.matched, found.per_box) == (0.5, 0.5, 1.5)
    assert [one.without for one in found.sizes] == [0.5, None, None]
    assert "without   50.00% of the boxes have no positive" in found.to_text()


# of Darknet's YOLOv4 at 608 pixels: a box with its best anchor, and others with an IoU of sides above 0.213
YOLOV4 = [[12, 16], [19, 36], [40, 28], [36, 75], [76, 55], [72, 146], [142, 110], [192, 243], [459, 401]]
ASSIGNED = [
    ((32, 32), 2, [1, 3, 4]), ((90, 45), 4, [2, 3, 5, 6]), ((40, 100), 3, [2, 4, 5, 6]), ((128, 128), 6, [4, 5, 7]),
    ((9, 11), 0, []), ((245, 20), 4, []), ((448, 320), 8, [7]), ((12, 15), 0, [1]), ((126, 90), 6, [3, 4, 5, 7]),
]  # fmt: skip


@pytest.mark.parametrize(("name", "others"), [("yolov4", True), ("yolov3", False), ("darknet", False)])
def test_darknet_trains_the_best_shape_of_all_levels(name, others):
    parts = np.reshape(YOLOV4, (3, 3, 2))
    wh = [box for box, *_ in ASSIGNED]
    read = Boxes(wh, np.zeros(len(wh), int), [[608, 608]], xy=np.full((len(wh), 2), 100.0))
    expected = [
        np.bincount([at // 3 for at in [best, *(more if others else [])]], minlength=3).tolist()
        for _, best, more in ASSIGNED
    ]
    for boxes in (read, wh):  # in one cell, and boxes do not take anchors away from each other
        found = fastanchor.positives(boxes, name, parts, img_size=608)
        assert found.counts.tolist() == expected
        assert found.matched == (8 / 9 if others else 1.0)
        assert found.without == 0.0
    # images are stretched
    half = Boxes(np.array(wh) / 2, np.zeros(len(wh), int), [[304, 304]], xy=np.full((len(wh), 2), 50.0))
    assert fastanchor.positives(half, name, parts, img_size=608).counts.tolist() == expected


def test_levels_may_share_an_anchor():
    """As those of YOLOv4-tiny do: both train it; of two others that are equally good, the first."""
    parts = [[[10, 20], [30, 30]], [[30, 30], [20, 10]]]
    assert fastanchor.positives([[30, 30], [20, 20]], "yolov4-tiny", parts).counts.tolist() == [[1, 1], [1, 0]]


def iou(box, anchor):
    """Return the IoU of corners, in float32."""
    (ax, ay, aw, ah), (bx, by, bw, bh) = (np.float32([x1, y1, x2, y2]) for x1, y1, x2, y2 in (box, anchor))
    w, h = max(min(aw, bw) - max(ax, bx), np.float32(0)), max(min(ah, bh) - max(ay, by), np.float32(0))
    return w * h / ((aw - ax) * (ah - ay) + (bw - bx) * (bh - by) - w * h)


def places_of(boxes):
    """Yield the boxes of each image, with their rows."""
    for image in range(len(boxes.sides)):
        rows = np.flatnonzero(boxes.image == image)
        yield rows.tolist(), boxes.corners[rows].tolist()


def cell_of(box, stride):
    x1, y1, x2, y2 = np.float32(box)
    return int((x1 + x2) / 2 // stride), int((y1 + y2) / 2 // stride)


def mmdet(boxes, anchors, above):
    """Return positives and best IoU: anchors of all cells with a centre, compared with all boxes of the image."""
    positives, bests = np.zeros((len(boxes.corners), len(anchors.parts)), int), np.zeros(len(boxes.corners))
    for rows, corners in places_of(boxes):
        priors = []
        for level, (part, stride) in enumerate(zip(anchors.parts, anchors.strides, strict=True)):
            for x, y in sorted({cell_of(box, stride) for box in corners}):
                cx, cy = (x + 0.5) * stride, (y + 0.5) * stride
                priors += [(level, (cx - w / 2, cy - h / 2, cx + w / 2, cy + h / 2)) for w, h in part]
        table = np.array([[iou(box, prior) for _, prior in priors] for box in corners])
        owner = [int(column.argmax()) if column.max() > above else -1 for column in table.T] if corners else []
        for box, own in enumerate(table):
            bests[rows[box]] = own.max()
            for prior in np.flatnonzero((own == own.max()) & (own > 0)):
                owner[prior] = box
        for (level, _), box in zip(priors, owner, strict=True):
            if box >= 0:
                positives[rows[box], level] += 1
    return positives, bests


def paddle(boxes, anchors, above):
    """Return positives: boxes fill the places of anchors one after the other, as a best one even where others are."""
    positives = np.zeros((len(boxes.corners), len(anchors.parts)), int)
    shapes = [(level, w, h) for level, part in enumerate(anchors.parts) for w, h in part]
    for rows, corners in places_of(boxes):
        owner = {}
        for row, (x1, y1, x2, y2) in zip(rows, corners, strict=True):
            w, h = float(np.float32(x2) - np.float32(x1)), float(np.float32(y2) - np.float32(y1))
            values = [min(w, a) * min(h, b) / (w * h + a * b - min(w, a) * min(h, b)) for _, a, b in shapes]
            best = values.index(max(values))
            for at, (level, *_) in enumerate(shapes):
                place = at, *cell_of((x1, y1, x2, y2), anchors.strides[level])
                if at == best or (values[at] > above and place not in owner):
                    owner[place] = row
        for (at, *_), row in owner.items():
            positives[row, shapes[at][0]] += 1
    return positives


whole = st.integers(0, 90).map(float)
side = st.one_of(st.integers(1, 60).map(float), st.floats(0.125, 60, width=32))
BOX = st.tuples(st.one_of(whole, st.floats(0, 90, width=32)), st.one_of(whole, st.floats(0, 90, width=32)), side, side)
FEW = Anchors([np.array([[8.0, 12.0], [12.0, 8.0]]), np.array([[30.0, 20.0]])], (8.0, 16.0), NOMINAL)


@settings(max_examples=100, deadline=None)
@given(
    boxes=st.lists(BOX, min_size=1, max_size=12),
    image=st.lists(st.integers(0, 2), min_size=12, max_size=12),
    above=st.sampled_from([0.2, 0.5, 1.0]),
)
def test_boxes_of_a_cell_compete_for_anchors(boxes, image, above):
    x, y, w, h = np.array(boxes, np.float32).T
    places = Places(np.stack([x, y, x + w, y + h], axis=1), np.array(image[: len(boxes)]), np.full((3, 2), 160.0))
    wh = (places.corners[:, 2:] - places.corners[:, :2]).astype(np.float64)
    positives, best = mmdet(places, FEW, above)
    found = counts(wh, FEW, OwnCell(above), places)
    assert found.positives.tolist() == positives.tolist()
    np.testing.assert_array_equal(found.best[0], best)
    found = counts(wh, FEW, Shape(above, single=True), places)
    assert found.positives.tolist() == paddle(places, FEW, above).tolist()
    assert found.none.tolist() == (found.positives.sum(axis=1) == 0).tolist()


def test_many_images_are_looked_at_in_parts(monkeypatch):
    rng = np.random.default_rng(0)
    corners = rng.integers(0, 100, (40, 4)).astype(np.float32)
    corners[:, 2:] += corners[:, :2] + 5
    places = Places(corners, rng.integers(0, 9, 40), np.full((9, 2), 256.0))
    wh = (corners[:, 2:] - corners[:, :2]).astype(np.float64)
    rules = (OwnCell(), Shape(0.3, single=True))
    expected = [counts(wh, FEW, rule, places) for rule in rules]
    monkeypatch.setattr("fastanchor.matching._own_cell.PAIRS", 5)
    monkeypatch.setattr("fastanchor.matching._own_cell.AT_ONCE", 7)
    for rule, one in zip(rules, expected, strict=True):
        found = counts(wh, FEW, rule, places)
        assert found.positives.tolist() == one.positives.tolist()
        np.testing.assert_array_equal(found.best, one.best)


@pytest.mark.parametrize("name", ["mmdet", "mmdet-yolov3", "paddle", "paddle-ppyolo"])
def test_images_have_padding_at_the_right_and_below(name):
    """MMDetection pads wide images below; PaddleDetection stretches them."""
    read = Boxes([[31, 47], [40, 20]], [0, 0], [[304, 152]], xy=[[13, 5], [200, 100]])
    scale = [2.0, 4.0 if name.startswith("paddle") else 2.0] * 2
    corners = np.concatenate([read.xy, read.xy + read.wh], axis=1) * scale
    places = Places(corners.astype(np.float32), np.zeros(2, int), np.full((1, 2), 608.0))
    anchors = Anchors([np.array(part, dtype=float) for part in ANCHORS], (8.0, 16.0, 32.0), NOMINAL)
    wh = corners[:, 2:] - corners[:, :2]
    rule = Shape(single=True) if name.startswith("paddle") else OwnCell()
    found = fastanchor.positives(read, name, ANCHORS, img_size=608)
    assert found.counts.tolist() == counts(wh, anchors, rule, places).positives.tolist()
    assert found.known


def test_boxes_without_places_are_tried_at_several():
    """Alone in their images, which have no borders."""
    wh = np.array([[30.0, 20.0], [8.0, 12.0], [200.0, 200.0]])
    found = fastanchor.positives(wh, "mmdet", [Level(3, 8, FEW.parts[0]), Level(4, 16, FEW.parts[1])])
    tried = []
    for s in range(OFFSETS):
        corner = 320.0 + (0.5 + s * np.array(IRRATIONAL)) % 1.0 * 16.0
        corners = np.concatenate([np.tile(corner, (3, 1)), corner + wh], axis=1).astype(np.float32)
        tried.append(mmdet(Places(corners, np.arange(3), np.full((3, 2), 999.0)), FEW, 0.5))
    counted, best = (np.array(each) for each in zip(*tried, strict=True))
    assert not found.known
    assert found.counts.tolist() == counted.mean(axis=0).tolist()
    assert found.without == 0.0
    np.testing.assert_allclose(found.best, best, rtol=1e-4)
    assert found.matched == (best > 0.5).mean()
    assert 0 < found.matched < 1
