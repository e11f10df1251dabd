"""YOLO text labels: rows of every kind, the ways to name a data set, and real files against a few plain lines."""

import codecs
import re

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastanchor
from fastanchor import DataError, datasets
from fastanchor.cli import main
from fastanchor.datasets import _kinds, _rows
from fastanchor.datasets._probe import natural

import strategies

ROW = "1 0.5 0.4 0.2 0.3"
BOX = (0.5, 0.4, 0.2, 0.3)
EXPECTED = "expected at least 5: a class and the four numbers of a box"
POINTS = [0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 0.95]


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for stem, content in files.items():
        (folder / f"{stem}.txt").write_bytes(content.encode() if isinstance(content, str) else content)
    return folder


def picture(path, size=(640, 480), exif=None):
    Image = pytest.importorskip("PIL.Image")
    path.parent.mkdir(parents=True, exist_ok=True)
    image = Image.new("L", size)
    if exif is not None:
        tags = Image.Exif()
        tags[0x0112] = exif
        image.save(path, exif=tags)
    else:
        image.save(path)


def row(*values):
    return " ".join(map(str, values))


FINE = {
    "plain": (ROW, BOX),
    "crlf": (ROW + "\r\n", BOX),
    "blank lines": (f"\n\n  {ROW}  \n\n", BOX),
    "tabs": (ROW.replace(" ", "\t"), BOX),
    "byte order mark": (codecs.BOM_UTF8 + ROW.encode(), BOX),
    "scientific": ("1 5e-1 4E-1 .2 3.0e-01", BOX),
    "class as float": (ROW.replace("1 ", "1.0 ", 1), BOX),
    "confidence": (ROW + " 0.99", BOX),
    "a little outside": ("1 1.005 -0.004 0.2 0.3", (1.005, -0.004, 0.2, 0.3)),
    "triangle": ("1 0.4 0.25 0.6 0.25 0.5 0.55", BOX),
    "rotated rectangle": ("1 0.4 0.4 0.5 0.25 0.6 0.4 0.5 0.55", BOX),
    "17 key points": (row(1, *BOX, *([0.5, 0.4, 2] * 17)), BOX),
}


@pytest.mark.parametrize(("content", "expected"), FINE.values(), ids=FINE)
def test_one_row(tmp_path, content, expected):
    boxes = fastanchor.read(write(tmp_path / "labels", a=content), source_size=(200, 100))
    np.testing.assert_allclose(boxes.wh, [(expected[2] * 200, expected[3] * 100)], rtol=1e-12)
    assert (boxes.class_names, boxes.image_wh.tolist(), boxes.skipped) == (("1",), [[200, 100]], {})
    [image] = datasets.iter_images(tmp_path / "labels", source_size=(200, 100))
    x, y, w, h = expected
    corners = [(x - w / 2) * 200, (y - h / 2) * 100, (x + w / 2) * 200, (y + h / 2) * 100]
    np.testing.assert_allclose(image.boxes, [corners], rtol=1e-12, atol=1e-12)


PIXELS = "box in pixels instead of relative to the image"
NO_CLASS = "row whose class is not a whole number >= 0"
UNREADABLE = "box with unreadable coordinates"
BAD = {
    "pixels": ("1 320 240 64 48", PIXELS, "320, 240, 64, 48; see unit"),
    "pixels, class last": ("34 20 60 80 1", PIXELS, "20, 60, 80, 1; see unit"),
    "no width": ("1 0.5 0.4 0 0.3", "box with zero width or height", "0.5, 0.4, 0, 0.3"),
    "negative height": ("1 0.5 0.4 0.2 -0.005", "box with negative width or height", "0.5, 0.4, 0.2, -0.005"),
    "tiny": ("1 0.5 0.4 1e-320 0.3", "box with zero width or height", "0.5, 0.4, 9.99989e-321, 0.3"),
    "not a number": ("1 nan 0.4 0.2 0.3", UNREADABLE, "?, 0.4, 0.2, 0.3"),
    "infinite": ("1 0.5 0.4 inf 0.3", "box with non-finite coordinates", "0.5, 0.4, inf, 0.3"),
    "words": ("cat 0.5 0.4 0.2 0.3", NO_CLASS, "0.5, 0.4, 0.2, 0.3"),
    "two numbers in one": ("1 0.5 0.4-0.2 0.2 0.3", UNREADABLE, "0.5, ?, 0.2, 0.3"),
    "underscore": ("1 0.5 0.4 0.2 0_3", UNREADABLE, "0.5, 0.4, 0.2, ?"),
    "commas": ("1,0.5,0.4,0.2,0.3", "row of 1 column", f"?, ?, ?, ?; {EXPECTED}"),
    "class is no whole number": ("0.5 0.5 0.4 0.2 0.3", NO_CLASS, "0.5, 0.4, 0.2, 0.3"),
    "negative class": ("-1 0.5 0.4 0.2 0.3", NO_CLASS, "0.5, 0.4, 0.2, 0.3"),
    "four columns": ("1 0.5 0.4 0.2", "row of 4 columns", f"0.5, 0.4, 0.2, ?; {EXPECTED}"),
    "ten columns": (row(1, *BOX, *[0.7] * 5), "row of 10 columns", "0.5, 0.4, 0.2, 0.3; see rows"),
    "twice": (f"{ROW}\n{ROW}", "duplicate row", "0.5, 0.4, 0.2, 0.3"),
    "flat polygon": ("1 0.4 0.25 0.6 0.25 0.5 0.25", "box with zero width or height", "0.5, 0.25, 0.2, 0"),
}


@pytest.mark.parametrize(("content", "reason", "detail"), BAD.values(), ids=BAD)
def test_bad_rows_are_counted_and_named(tmp_path, content, reason, detail):
    folder = write(tmp_path / "labels", a=ROW, b=f"0 0.3 0.3 0.1 0.1\n{content}")
    said = []
    boxes = fastanchor.read(folder, source_size=(100, 100), report=said.append)
    assert boxes.skipped == {reason: 1}
    assert len(boxes) == 2 + (reason == "duplicate row")
    line = 2 + (reason == "duplicate row")
    assert said[0] == f"{folder / 'b.txt'}, line {line}: {reason} ({detail})"
    with pytest.raises(DataError, match=re.escape(f"b.txt, line {line}: {reason}")):
        fastanchor.read(folder, strict=True)


@pytest.mark.parametrize("content", ["1 1.2 0.4 0.2 0.3", "1 -0.2 0.4 0.2 0.3", "1 0.5 0.5 3 3"])
def test_boxes_beyond_their_image_are_kept_and_counted(tmp_path, content):
    boxes = fastanchor.read(write(tmp_path / "labels", a=f"{ROW}\n{content}"), source_size=(100, 50))
    assert (len(boxes), boxes.skipped) == (2, {})
    assert [(remark.kind, remark.count) for remark in boxes.remarks][:1] == [("boxes beyond their image", 1)]


NO_LABELS = {
    "lfs": ("version https://git-lfs.github.com/spec/v1\noid sha256:1\n", "Git LFS pointer instead of labels"),
    "html": ("<!DOCTYPE html><html></html>", "HTML or XML page instead of labels"),
    "zip": (b"PK\x03\x04\0\0", "zip archive instead of labels"),
    "binary": (b"\x01\0\x02\0", "binary file instead of labels"),
}


@pytest.mark.parametrize(("content", "reason"), NO_LABELS.values(), ids=NO_LABELS)
def test_what_is_no_label_file(tmp_path, content, reason):
    boxes = fastanchor.read(write(tmp_path / "labels", a=ROW, b=content), source_size=(9, 9))
    assert [key.startswith(reason) for key in boxes.skipped] == [True]
    assert len(boxes.image_wh) == 1
    with pytest.raises(DataError, match=f"nothing could be read; .*b.txt, line 1: {reason}"):
        fastanchor.read(write(tmp_path / "alone" / "labels", b=content), format="yolo")


def kinds(*texts, **options):
    """Return what each row of files is, and its sign."""
    rows = _rows.parse([text.encode() for text in texts], None)
    columns = {}
    for at, values in rows.blocks():
        if values.shape[1] > _kinds.PLAIN:
            for name, column in _kinds.columns_of(values).items():
                columns.setdefault(name, np.zeros((len(rows.width), *column.shape[1:]), column.dtype))[at] = column
    kind, remarks = _kinds.decide(columns, options.get("by_hand"), options.get("kpt_shape"))
    return kind.tolist(), columns["sign"].tolist(), remarks


FACE = row(1, *BOX, 0.45, 0.35, 0.55, 0.35, 0.5, 0.4, 0.46, 0.5, 0.54, 0.5)


def test_key_points_or_polygon(tmp_path):
    """Where most rows look like boxes with points and some cannot be polygons, all are; kpt_shape settles the rest."""
    part = row(1, *BOX, *POINTS[:8], -1, -1)
    root = tmp_path / "set"
    write(root / "labels", a=FACE, b=part, c=ROW)
    boxes = fastanchor.read(root, source_size=(10, 10))
    assert (boxes.skipped, len(boxes)) == ({}, 3)
    np.testing.assert_allclose(boxes.wh, [(2, 3)] * 3)
    assert [(remark.kind, remark.count) for remark in boxes.remarks] == [("kind of rows", 2)]
    # a polygon of as many columns stays one while nothing speaks against it
    whole = row(1, *BOX, *POINTS)
    np.testing.assert_allclose(fastanchor.read(write(tmp_path / "p" / "labels", a=whole)).wh, [(0.8, 0.75)])
    # without a missing point too: all points lie within the box, and no row of another length speaks for polygons
    write(tmp_path / "k" / "labels", a=FACE)
    with pytest.raises(DataError, match=r"a polygon or a box with key points .*see rows"):
        fastanchor.read(tmp_path / "k")
    (tmp_path / "k" / "data.yaml").write_text("train: labels\nnames: [a, b]\nkpt_shape: [5, 2]\n")
    np.testing.assert_array_equal(fastanchor.read(tmp_path / "k").wh, [BOX[2:]])
    (tmp_path / "k" / "data.yaml").unlink()
    others = [row(1, *np.linspace(0.1, 0.9, m)) for m in (6, 8, 12, 14, 16)]
    boxes = fastanchor.read(write(tmp_path / "k" / "labels", b="\n".join(others)))
    assert boxes.skipped == {}
    assert len(boxes) == 6


WIDER = [
    row(0, 0.5, 0.4, 0.2, 0.3, *[-1] * 10),
    row(0, 0.3, 0.3, 0.1, 0.2, *[-1.0] * 10),
    FACE,
    row(0, 0.6, 0.6, 0.2, 0.2, 0.55, 0.55, 0.65, 0.55, 0.6, 0.6, 0.56, 0.66, 0.64, 0.66),
    row(0, 0.02, 0.5, 0.08, 0.2, -0.005, 0.45, 0.03, 0.45, 0.01, 0.5, -0.002, 0.55, 0.03, 0.55),
]


@pytest.mark.parametrize("rows", [None, "box", "keypoints", "keypoints:5x2"])
@pytest.mark.parametrize("chunk", [1, 2, 4096])
def test_faces(tmp_path, tune, rows, chunk):
    """Class, box, five points with -1 where they are not known: boxes, by the set itself or by hand."""
    tune(chunk=chunk)
    write(tmp_path / "labels", **{f"f{i}": text for i, text in enumerate(WIDER)})
    boxes = fastanchor.read(tmp_path, source_size=(100, 100), rows=rows)
    np.testing.assert_allclose(boxes.wh, [(20, 30), (10, 20), (20, 30), (20, 20), (8, 20)])
    assert boxes.skipped == {}
    assert [remark.kind for remark in boxes.remarks][: rows is None] == ["kind of rows"][: rows is None]


@pytest.mark.parametrize("chunk", [1, 2, 4096])
def test_files_are_read_in_parts(tmp_path, tune, chunk):
    """Rows of all kinds, some only in one part; two classes of one name stay two."""
    tune(chunk=chunk)
    write(tmp_path / "labels", a=ROW, b="", c="0 0.4 0.25 0.6 0.25 0.5 0.55", d=f"{ROW}\n0 .5 .5 .1 .1", classes="x\nx")
    boxes = fastanchor.read(tmp_path, source_size=100)
    np.testing.assert_allclose(boxes.wh, [(20, 30), (20, 30), (20, 30), (10, 10)])
    assert (boxes.class_index.tolist(), boxes.class_names) == ([1, 0, 1, 0], ("x", "x"))
    assert boxes.image_index.tolist() == [0, 2, 3, 3]


def test_the_reason_that_refused_most_rows_is_named(tmp_path):
    flat = "0 0.5 0.5 0.1 0"
    faces = [FACE.replace("1 ", f"{i} ", 1) for i in range(9)]
    place = write(tmp_path / "labels", a=flat, b="\n".join(faces))
    with pytest.raises(DataError, match=r"b.txt, line 1: row that is a polygon or a box with key points .*see rows"):
        fastanchor.read(place)


def test_values_above_one_show_key_points_too(tmp_path):
    over = row(0, 0.98, 0.5, 0.08, 0.2, 0.97, 0.45, 1.05, 0.45, 1.0, 0.5, 0.97, 0.55, 1.03, 0.55)
    boxes = fastanchor.read(write(tmp_path / "labels", a=FACE, b=over), source_size=(100, 100))
    np.testing.assert_allclose(boxes.wh, [(20, 30), (8, 20)])


def test_a_polygon_beyond_its_image_stays_one_among_others(tmp_path):
    others = [row(1, *np.linspace(0.1, 0.9, m)) for m in (6, 8, 12, 14, 16)]
    over = row(0, 0.9, 0.5, 1.02, 0.5, 1.03, 0.7, 0.95, 0.8, 0.9, 0.7)
    boxes = fastanchor.read(write(tmp_path / "labels", a="\n".join([*others, over])), source_size=(100, 100))
    assert (len(boxes), boxes.skipped) == (6, {})
    np.testing.assert_allclose(boxes.wh[5], (13, 30))


@pytest.mark.parametrize(
    ("by_hand", "wh", "skipped"),
    [
        ("box", [(20, 30), (20, 30)], {}),
        ("polygon", [(80, 75), (20, 30)], {}),
        ("keypoints:5x2", [(20, 30), (20, 30)], {}),
        ("keypoints:3x2", [(20, 30)], {"row of 15 columns": 1}),
    ],
)
def test_rows_by_hand(tmp_path, by_hand, wh, skipped):
    boxes = fastanchor.read(write(tmp_path / "labels", a=row(1, *BOX, *POINTS), b=ROW), source_size=100, rows=by_hand)
    np.testing.assert_allclose(boxes.wh, wh)
    assert boxes.skipped == skipped


TRACKS = [row(0, 0.5, 0.4, 0.2, 0.3, 0.91, 1), row(1, 0.3, 0.3, 0.1, 0.2, 0.4, 17), row(0, 0.6, 0.5, 0.2, 0.2, 0.7, 2)]


def test_boxes_with_confidence_and_track(tmp_path):
    """Seven columns in every row, the last a whole number and above 1 somewhere: no triangles."""
    boxes = fastanchor.read(write(tmp_path / "labels", a="\n".join(TRACKS[:2]), b=TRACKS[2]), source_size=100)
    np.testing.assert_allclose(boxes.wh, [(20, 30), (10, 20), (20, 20)])
    assert boxes.skipped == {}
    assert [(remark.kind, remark.count) for remark in boxes.remarks] == [("kind of rows", 3)]
    assert "boxes with a confidence and a track" in boxes.remarks[0].text


@pytest.mark.parametrize(
    "rows",
    [
        [*TRACKS[::2][:1], row(0, 0.1, 0.1, 0.5, 0.1, 0.3, 1)],  # no number above 1
        [row(0, 0.1, 0.1, 0.5, 0.1, 0.3, 0.9), TRACKS[1]],  # a number that is no whole one
        [*TRACKS, ROW],  # a row of another length
    ],
)
def test_rows_of_seven_columns_are_triangles_otherwise(tmp_path, rows):
    place = write(tmp_path / "labels", a="\n".join(rows))
    boxes = fastanchor.read(place, source_size=100)
    x, y = np.array([float(v) for v in rows[0].split()[1:]]).reshape(3, 2).T
    np.testing.assert_allclose(boxes.wh[0], (100 * np.ptp(x), 100 * np.ptp(y)))
    by_hand = fastanchor.read(place, source_size=100, rows="box")
    np.testing.assert_allclose(by_hand.wh, [[100 * float(v) for v in one.split()[3:5]] for one in rows])


ROTATED = "0.4 0.4 0.5 0.25 0.6 0.4 0.5 0.55"
OTHER = "0.1 0.1 0.3 0.1 0.3 0.5 0.1 0.5 0.05 0.3"
PREDICTED = {
    "rotated rectangles with confidence": [f"0 {ROTATED} 0.9", "0 0.1 0.1 0.3 0.1 0.3 0.5 0.1 0.5 0.8"],
    "with a track": [f"0 {ROTATED} 0.9 1", "0 0.1 0.1 0.3 0.1 0.3 0.5 0.1 0.5 0.8 12"],
    "polygons with confidence": [f"0 {ROTATED} 0.9", f"0 {OTHER} 0.5"],
    "and a track": [f"0 {ROTATED} 0.9 3", f"0 {OTHER} 0.5 1"],
}


@pytest.mark.parametrize("name", PREDICTED)
def test_polygons_with_confidence(tmp_path, name):
    boxes = fastanchor.read(write(tmp_path / "labels", a="\n".join(PREDICTED[name])), source_size=100)
    turned = "polygons" not in name and "and" not in name  # all rows have four corners
    np.testing.assert_allclose(boxes.wh, [(20, 30), (20, 40) if turned else (25, 40)], rtol=1e-12)
    assert boxes.skipped == {}
    assert {remark.kind for remark in boxes.remarks} == {"kind of rows", *(["turned boxes"] if turned else [])}


def test_key_points_with_confidences_are_not_taken_for_polygons(tmp_path):
    """Third values between 0 and 1 are no visibilities; the points lie in the box, so nothing proves a polygon."""
    pose = row(0, 0.5, 0.4, 0.2, 0.3, 0.42, 0.3, 0.9, 0.58, 0.5, 0.8, 0.5, 0.4, 0.7)
    place = write(tmp_path / "labels", a=pose)
    with pytest.raises(DataError, match=r"a polygon or a box with key points .*see rows"):
        fastanchor.read(place)
    np.testing.assert_allclose(fastanchor.read(place, source_size=100, rows="keypoints:3x3").wh, [(20, 30)])


DOUBTFUL = {  # rows that are read as the format says; what the doctor says; the option that mends it
    "corners": ([row(0, x, y, x + 0.2, y + 0.3) for x in (0.1, 0.5, 0.7) for y in (0.2, 0.6)], {"form": "xyxy"}),
    "left and top": ([row(0, x, y, 0.2, 0.3) for x in (0.001, 0.01, 0.02) for y in (0.002, 0.6)], {"form": "xywh"}),
    "per cent": ([row(0, x, y, 2, 3) for x in (3, 5, 7) for y in (2, 6)], {"unit": "percent"}),
    "confidence before the box": ([row(0, 0.9, x, y, 0.2, 0.3) for x in (0.2, 0.5, 0.7) for y in (0.3, 0.6)], {}),
}


@pytest.mark.parametrize("name", DOUBTFUL)
def test_doubts(tmp_path, name):
    rows, option = DOUBTFUL[name]
    place = write(tmp_path / "labels", a="\n".join(rows))
    boxes = fastanchor.read(place, source_size=100)
    assert any(remark.doubt for remark in boxes.remarks)
    if option:
        boxes = fastanchor.read(place, source_size=100, **option)
        np.testing.assert_allclose(boxes.wh, [(2, 3) if name == "per cent" else (20, 30)] * 6)
        assert not any(remark.doubt for remark in boxes.remarks)


def test_pixels_by_hand(tmp_path):
    place = write(tmp_path / "labels", a="0 50 60 20 30", b="0 1 2 30 40")
    with pytest.raises(DataError, match=r"nothing could be read; .*box in pixels instead of .*; see unit"):
        fastanchor.read(place, source_size=(200, 100))
    boxes = fastanchor.read(place, source_size=(200, 100), unit="pixels")
    np.testing.assert_array_equal(boxes.wh, [(20, 30), (30, 40)])
    boxes = fastanchor.read(place, source_size=(200, 100), unit="pixels", form="xyxy", places=False)
    assert boxes.skipped == {"box with reversed corners": 1}


@pytest.mark.parametrize("form", ["xyxy", "xywh", "cxcywh"])
def test_polygons_whatever_the_form_of_the_boxes(tmp_path, form):
    place = write(tmp_path / "labels", a="1 0.4 0.25 0.6 0.25 0.5 0.55")
    np.testing.assert_allclose(fastanchor.read(place, source_size=100, form=form).wh, [(20, 30)])
    [image] = datasets.iter_images(place, source_size=100, form=form)
    np.testing.assert_allclose(image.boxes, [(40, 25, 60, 55)])


def test_polygons_stay_polygons():
    """Round objects as polygons of one length, anywhere in the image: none of them is taken for key points."""
    rng = np.random.default_rng(0)
    for points in (5, 7, 9, 17):
        angle = np.linspace(0, 2 * np.pi, points, endpoint=False)
        lines = []
        for _ in range(200):
            radius = rng.uniform(0.02, 0.3, 2)
            centre = rng.uniform(radius, 1 - radius)
            lines.append("\n" + row(0, *(centre + radius * np.stack([np.cos(angle), np.sin(angle)], 1)).ravel()))
        kind, signs, remarks = kinds("".join(lines))
        assert set(kind) == {_kinds.POLYGON}
        assert not remarks
        assert np.count_nonzero(signs) < 0.2 * len(signs), points


# a row that could be a polygon -> how much it looks like a box with key points: 0 not, 1 like one, 2 for sure
SIGNS = {
    "visible points": ([0, 0.5, 0.5, 0.4, 0.4, 0.5, 0.5, 2, 0.9, 0.9, 1], 2),
    "a visible point and a hidden one": ([0, 0.5, 0.5, 0.4, 0.4, 0.5, 0.5, 1, 0.9, 0.9, 0], 2),
    "no visible point": ([0, 0.5, 0.5, 0.4, 0.4, 0.5, 0.5, 0, 0.9, 0.9, 0], 0),
    "flags beside a number": ([0, 0.5, 0.5, 0.4, 0.4, 0.5, 0.5, 1, 0.9, 0.9, 0.5], 0),
    "points that are no triples": ([0, 0.5, 0.5, 0.4, 0.4, 0.5, 0.5, 1, 0.5, 0.5, 1, 0.5, 0.5], 0),
    "missing point": ([0, 0.5, 0.5, 0.4, 0.4, 0.5, 0.5, 0.4, 0.4, -1, -1], 2),
    "all over the box": ([0, 0.5, 0.5, 0.4, 0.4, 0.4, 0.4, 0.6, 0.6, 0.5, 0.5], 1),
    "beyond the box in y": ([0, 0.5, 0.5, 0.4, 0.1, 0.4, 0.2, 0.6, 0.8, 0.5, 0.5], 0),
    "beyond the box in x": ([0, 0.5, 0.5, 0.1, 0.4, 0.2, 0.4, 0.8, 0.6, 0.5, 0.5], 0),
    "below the box alone": ([0, 0.5, 0.5, 0.4, 0.4, 0.4, 0.45, 0.6, 0.75, 0.5, 0.5], 0),
    "left of the box alone": ([0, 0.5, 0.5, 0.4, 0.4, 0.25, 0.4, 0.55, 0.6, 0.5, 0.5], 0),
    "up to the edge of the box": ([0, 0.5, 0.5, 0.5, 0.5, 0.25, 0.25, 0.75, 0.75, 0.5, 0.5], 1),
    "all at one height": ([0, 0.5, 0.5, 0.4, 0.4, 0.35, 0.5, 0.65, 0.5, 0.5, 0.5], 0),
    "all above each other": ([0, 0.5, 0.5, 0.4, 0.4, 0.5, 0.35, 0.5, 0.65, 0.5, 0.5, 0.5, 0.5], 0),
    "confidences of an even number of points": ([0, 0.5, 0.5, 0.4, 0.4, 0.4, 0.4, 0.9, 0.6, 0.6, 0.3], 4),
    "confidences, points outside": ([0, 0.5, 0.5, 0.4, 0.4, 0.2, 0.4, 0.9, 0.6, 0.6, 0.3], 0),
    "a point that is not there": ([0, 0.5, 0.5, 0.4, 0.4, 0.4, 0.4, 0.9, 0, 0, 0.1, 0.6, 0.6, 0.3], 1),
    "over three tenths of the box": ([0, 0.5, 0.5, 0.4, 0.4, 0.44, 0.44, 0.56, 0.56, 0.5, 0.5], 1),
    "over a quarter of the box": ([0, 0.5, 0.5, 0.5, 0.5, 0.4375, 0.4375, 0.5625, 0.5625, 0.5, 0.5], 1),
    "over a fifth of the box": ([0, 0.5, 0.5, 0.4, 0.4, 0.46, 0.46, 0.54, 0.54, 0.5, 0.5], 0),
    "box beyond the image in x": ([0, 0.9, 0.5, 0.4, 0.4, 0.8, 0.4, 0.95, 0.6, 0.9, 0.5], 0),
    "box beyond the image in y": ([0, 0.5, 0.1, 0.4, 0.4, 0.4, 0.05, 0.6, 0.2, 0.5, 0.1], 0),
    "box a little beyond the image": ([0, 0.8, 0.5, 0.41, 0.4, 0.7, 0.4, 0.9, 0.6, 0.8, 0.5], 1),
}


@pytest.mark.parametrize("what", SIGNS)
def test_a_row_shows_whether_it_may_hold_key_points(what):
    values, sign = SIGNS[what]
    assert kinds(row(*values))[1] == [sign]


# rows of 11 columns by their sign
ELEVEN = [SIGNS["all at one height"][0], SIGNS["all over the box"][0], SIGNS["visible points"][0]]
THIRTEEN = SIGNS["points that are no triples"][0]


@pytest.mark.parametrize(
    ("signs", "others", "kind"),
    [
        ([1] * 9, 1, _kinds.UNSURE),  # nine rows of ten have this length
        ([1] * 9, 2, _kinds.POLYGON),
        ([0] * 5 + [1] * 5, 1, _kinds.UNSURE),  # half of them look like it
        ([0] * 6 + [1] * 5, 1, _kinds.POLYGON),
        ([0] * 5 + [1] * 4 + [2], 1, _kinds.BOX),  # and one proves it
        ([0] * 9 + [2], 20, _kinds.UNSURE),  # a single row is proof, but the others look like polygons
        ([0] * 9 + [1], 0, _kinds.POLYGON),
        ([2], 0, _kinds.BOX),
    ],
)
def test_rows_of_one_length_are_of_one_kind(signs, others, kind):
    lines = []
    for i, sign in enumerate(signs):  # the class makes them differ
        lines.append(row(i, *ELEVEN[sign][1:]))
    lines += [row(i, *THIRTEEN[1:]) for i in range(others)] + [ROW]
    found, seen, remarks = kinds("\n".join(lines))
    assert seen == signs + [0] * (others + 1)
    assert found == [kind] * len(signs) + [_kinds.POLYGON] * others + [_kinds.BOX]
    assert len(remarks) == (kind == _kinds.BOX)


def test_sizes_from_images(tmp_path):
    write(tmp_path / "labels" / "train", a=ROW, b=ROW, c="")
    for name, size, exif in (("a.jpg", (640, 480), None), ("b.jpg", (640, 480), 6), ("c.png", (64, 48), None)):
        picture(tmp_path / "images" / "train" / name, size, exif)
    boxes = fastanchor.read(tmp_path)
    assert boxes.image_wh.tolist() == [[640, 480], [480, 640], [64, 48]]
    np.testing.assert_allclose(boxes.wh, [(128, 144), (96, 192)])
    assert [i.image_path.name for i in datasets.iter_images(tmp_path)] == ["a.jpg", "b.jpg", "c.png"]
    write(tmp_path / "labels" / "train", d=ROW)
    assert fastanchor.read(tmp_path).skipped == {"image size missing": 1, "box of an image without a size": 1}
    assert fastanchor.read(tmp_path, source_size=(10, 10)).image_wh.tolist()[-1] == [10, 10]


def test_without_sizes_boxes_are_relative_and_it_is_said(tmp_path):
    said = []
    boxes = fastanchor.read(write(tmp_path / "labels", a=ROW), report=said.append)
    np.testing.assert_array_equal(boxes.wh, [BOX[2:]])
    np.testing.assert_allclose(boxes.scaled(640), [(128, 192)])
    assert "sizes of images are unknown, so boxes are relative to images taken as square; see source_size" in said[0]
    assert boxes.remarks[0].doubt


def test_empty_files_are_images_without_boxes(tmp_path):
    boxes = fastanchor.read(write(tmp_path / "labels", a="", b=ROW, c=" \n"), source_size=(10, 10))
    assert (len(boxes.image_wh), len(boxes), boxes.image_index.tolist(), boxes.skipped) == (3, 1, [1], {})


def test_images_that_cannot_be_read_are_named(tmp_path):
    pytest.importorskip("PIL")
    folder = write(tmp_path / "labels", a=ROW, b=ROW)
    for content, sentence in (
        (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer"),
        (b"", "an empty file"),
        (b"<html>", "HTML or XML page"),
        (b"x" * 99, "not a readable image"),
    ):
        (folder / "a.png").write_bytes(content)
        with pytest.raises(DataError, match=f"a.png: no size can be read from it .*{sentence}"):
            fastanchor.read(folder)
        said = []
        assert len(fastanchor.read(folder, source_size=(10, 10), report=said.append)) == 2


def test_many_files_as_one_by_one(tmp_path):
    """The fast path and the careful one agree, and keep the order of files and lines."""
    rng = np.random.default_rng(3)
    contents, names = [], []
    for i in range(300):
        rows = [row(rng.integers(5), *np.round(rng.uniform(0.1, 0.9, 4), rng.integers(1, 17))) for _ in range(i % 7)]
        if i % 13 == 5:
            rows.append("1 2 oops")
        if i % 17 == 3:
            rows.insert(0, row(2, *rng.uniform(0.1, 0.9, 6)))
        contents.append(("\r\n" if i % 2 else "\n").join(rows).encode())
        names.append(f"{i}.txt")
    together = _rows.parse(contents, lambda _: True)
    alone = [_rows._careful(content, i) for i, content in enumerate(contents)]
    for one, two in zip(together, joined(alone), strict=True):
        np.testing.assert_array_equal(one, two)


def joined(parts):
    return _rows.Rows(*(np.concatenate(column) for column in zip(*parts, strict=True)))


@pytest.mark.parametrize("twice", range(4))
def test_a_row_that_stands_twice_is_found_wherever_it_stands(tmp_path, twice):
    lines = ["0 .5 .5 .1 .1", "0 .4 .4 .1 .1", "0 .3 .3 .1 .1", "1 .3 .3 .1 .1"]
    folder = write(tmp_path / "labels", a="\n".join(lines), b="\n".join([*lines, lines[twice]]), c="\n".join(lines))
    boxes = fastanchor.read(folder, source_size=(10, 10))
    assert len(boxes) == 12
    assert boxes.skipped == {"duplicate row": 1}


def test_plain_files_are_read_at_once(monkeypatch):
    """Line by line gives the same answer, many times slower; nothing but this shows which way was taken."""
    contents = ["", "0 .5 .5 .1 .1\n0 .4 .4 .1 .1\n", "", "\r\n1 0.25 0.5 1e-1 0.2\r\n", "79 -0.005 1.005 1.0 1.0"]
    contents += [f"\n{row(*range(56))}\n\n{row(*range(7))}", "0 .5 .5 .1 .1\n"]
    slow = [_rows._careful(text.encode(), i) for i, text in enumerate(contents)]
    monkeypatch.setattr(_rows, "_careful", None)
    fast = _rows.parse([text.encode() for text in contents], None)
    for one, two in zip(fast, joined(slow), strict=True):
        np.testing.assert_array_equal(one, two)
    assert fast.width.tolist() == [5, 5, 5, 5, 56, 7, 5]
    assert fast.line.tolist() == [1, 2, 2, 1, 2, 4, 1]


@pytest.mark.parametrize("end", ["\r", "\n", "\r\n"])
def test_ends_of_lines(tmp_path, end):
    boxes = fastanchor.read(write(tmp_path / "labels", a=end.join([ROW, "0 .5 .5 .1 .1", ""])), source_size=10)
    assert (len(boxes), boxes.skipped) == (2, {})


def test_source_size_is_checked(tmp_path):
    folder = write(tmp_path / "labels", a=ROW)
    for bad in ((0, 5), (1, 2, 3), "ab", (1.5, 2)):
        with pytest.raises(DataError, match="source_size"):
            fastanchor.read(folder, source_size=bad)


def test_command_line(tmp_path, capsys):
    write(tmp_path / "labels", a=ROW)
    assert main(["stats", str(tmp_path), "--source-size", "200x100", "--json"]) == 0
    assert '"format": "yolo"' in capsys.readouterr().out


def rough(folder):
    """Return class, width, height of every row, in order of files."""
    files = [folder / name for name in natural(file.name for file in folder.glob("*.txt"))]
    return len(files), [[float(t) for t in line.split()] for f in files for line in f.read_text().splitlines() if line]


def test_real_roboflow(data):
    said = []
    boxes = fastanchor.read(data / "garbage_roboflow", report=said.append)
    counts = [rough(data / "garbage_roboflow" / part / "labels") for part in ("train", "valid")]
    rows = np.array([r for _, part in counts for r in part])
    assert len(boxes.image_wh) == sum(n for n, _ in counts) == 6028
    assert len(boxes) == len(rows) == 16140
    sizes = boxes.image_wh[boxes.image_index]
    np.testing.assert_array_equal(boxes.wh, rows[:, 3:] * sizes)
    np.testing.assert_array_equal(boxes.class_index, rows[:, 0])
    assert boxes.class_names == ("garbage", "garbage_bin", "overflow")
    assert boxes.skipped == {"missing split": 1}
    assert "sizes of 6,028 images taken from labels.cache" in [remark.text for remark in boxes.remarks]
    assert not any(remark.doubt for remark in boxes.remarks)


def test_real_six_formats(data):
    """The same boxes as in Pascal VOC, whose pixels these relative numbers came from."""
    folder = data / "six_formats"
    voc = {image.name: image for image in datasets.iter_images(folder / "pascalvoc_format")}
    images = list(datasets.iter_images(folder / "yolo_format"))
    assert len(images) == 100
    for image in images:
        other = voc[image.name]
        scaled = image.boxes * np.tile([other.width, other.height], 2)
        order, back = np.lexsort(np.round(scaled).T), np.lexsort(other.boxes.T)
        np.testing.assert_allclose(scaled[order], other.boxes[back], atol=1.5)


NUMBERS = st.one_of(
    st.floats(0, 1, allow_subnormal=True).map(repr),
    st.floats(0, 1).map(lambda x: f"{x:.6f}"),
    st.integers(0, 10**30).map(str),
    st.from_regex(r"0\.[0-9]{1,40}", fullmatch=True),
    st.from_regex(r"[+-]?[0-9]{0,3}\.?[0-9]{1,25}([eE][+-]?[0-9]{1,3})?", fullmatch=True),
    st.sampled_from([".5", "5.", "-0", "+1", "00.1", "1e400", "1e-400", "1e", "--1", "1.2.3", "-", "e5"]),
)


@pytest.mark.slow
@given(tokens=st.lists(NUMBERS, min_size=1, max_size=8).map(lambda some: (some * 5)[: 5 * len(some)]))
@strategies.examples(300)
def test_the_quick_way_to_numbers_is_exact(tokens):
    """Both ways give what Python gives, or leave the text to the careful way."""
    buffer = "\n".join(" ".join(tokens[i : i + 5]) for i in range(0, len(tokens), 5)).encode()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(_rows, "MANY", 0)
        quick = _rows._numbers(buffer, len(tokens))
        patch.setattr(_rows, "_as_json", lambda *_: None)
        plain = _rows._numbers(buffer, len(tokens))
    try:
        expected = [float(token) for token in tokens]
    except ValueError:
        expected = None
    for found in (quick, plain):
        assert found is None or np.ravel(found).tolist() == expected
    if all(re.fullmatch(r"\d\.\d{1,20}", token) for token in tokens):
        assert quick is not None
        assert plain is not None


def with_confidences(n, points):
    """Return n rows of key points with their confidences, one of each row hidden at 0, 0."""
    rng = np.random.default_rng(n)
    rows = []
    for _ in range(n):
        width, height = rng.uniform(0.2, 0.4, 2)
        x, y = rng.uniform(0.3, 0.7, 2)
        place = rng.uniform(-0.5, 0.5, (points, 2))
        place[:2] = [(-0.45, -0.45), (0.45, 0.45)]
        found = np.column_stack([np.array([x, y]) + place * [width, height], rng.uniform(0.05, 0.95, points)])
        found[2, :2] = 0.0
        rows.append(row(0, *np.round([x, y, width, height, *found.ravel()], 6)))
    return "\n".join(rows)


@pytest.mark.parametrize("points", [3, 4, 5, 17])
def test_key_points_with_confidences_are_read_where_enough_rows_prove_it(tmp_path, points):
    for n, columns in ((19, 5 + 3 * points), (20, 5 + 3 * points)):
        place = write(tmp_path / f"{n}" / "labels", a=with_confidences(n, points))
        if n < 20 or points % 2 == 0:  # rows of an odd length may be polygons
            with pytest.raises(DataError, match=r"row that is a polygon or a box with key points .*see rows"):
                fastanchor.read(place, source_size=100)
            continue
        boxes = fastanchor.read(place, source_size=100)
        np.testing.assert_array_equal(boxes.wh, fastanchor.read(place, source_size=100, rows="keypoints").wh)
        assert len(boxes) == n
        assert any(f"rows of {columns} columns are read as boxes with key points" in one.text for one in boxes.remarks)


@pytest.mark.parametrize("columns", [11, 17, 20])
def test_polygons_of_one_length_stay_polygons(tmp_path, columns):
    angles = np.linspace(0, 2 * np.pi, (columns - 1) // 2, endpoint=False)
    rows = []
    for x in np.linspace(0.2, 0.8, 40):
        corners = np.round(np.column_stack([x + 0.1 * np.cos(angles), 0.4 + 0.1 * np.sin(angles)]), 6)
        rows.append(row(0, *corners.ravel(), *[0.9] * ((columns - 1) % 2)))
    boxes = fastanchor.read(write(tmp_path / "labels", a="\n".join(rows)), source_size=100)
    assert len(boxes) == 40
    np.testing.assert_allclose(boxes.wh, np.tile(100 * np.ptp(corners, axis=0), (40, 1)), atol=1e-3)
