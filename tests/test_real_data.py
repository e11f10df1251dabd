"""Real annotations, counted a second time by regular expressions."""

import re

import numpy as np
import pytest

import fastanchor
from fastanchor.datasets import iter_images

FOLDERS = {
    "neu_det": ("neu_det/Annotations", 1770, 4126),
    "neu_det root": ("neu_det", 1770, 4126),
    "bccd": ("bccd", 364, 4888),
    "raccoon": ("raccoon", 200, 217),
    "pascalvoc_format": ("six_formats/pascalvoc_format", 100, 273),
    "imagenet_format": ("six_formats/imagenet_format", 100, 273),
}


def parts(name):
    """Return texts and numbers in turn."""
    return re.split(r"(\d+)", name)


def rough(folder):
    """Return (name, xmin, ymin, xmax, ymax) of every box, in file order: 9 before 10."""
    files = sorted(folder.rglob("*.xml"), key=lambda file: [int(n) if n.isdigit() else n for n in parts(file.stem)])
    rows = []
    for file in files:
        text = re.sub(r"<part>.*?</part>", "", file.read_text("utf-8"), flags=re.S)
        for item in re.findall(r"<object>(.*?)</object>", text, flags=re.S):
            corners = (float(re.search(rf"<{tag}>\s*([-\d.]+)", item)[1]) for tag in ("xmin", "ymin", "xmax", "ymax"))
            rows.append((re.search(r"<name>\s*(.*?)\s*</name>", item)[1], *corners))
    return len(files), rows


@pytest.mark.parametrize(("place", "images", "count"), FOLDERS.values(), ids=FOLDERS)
def test_same_boxes_as_a_regular_expression(data, place, images, count):
    files, rows = rough(data / place)
    assert (files, len(rows)) == (images, count)
    boxes = fastanchor.read(data / place)
    assert len(boxes.image_wh) == images
    good = [row for row in rows if row[3] > row[1] and row[4] > row[2]]
    assert boxes.skipped == ({"box with zero width or height": 2} if place == "bccd" else {})
    assert len(boxes) == len(good) == count - sum(boxes.skipped.values())
    np.testing.assert_array_equal(boxes.wh, [(x1 - x0, y1 - y0) for _, x0, y0, x1, y1 in good])
    assert [boxes.class_names[i] for i in boxes.class_index] == [row[0] for row in good]
    found = list(iter_images(data / place))
    assert [name for image in found for name in image.classes] == [row[0] for row in good]
    np.testing.assert_array_equal(np.concatenate([image.boxes for image in found]), [row[1:] for row in good])


def test_sizes(data):
    assert fastanchor.read(data / "neu_det").image_wh.tolist() == [[200, 200]] * 1770
    assert len(np.unique(fastanchor.read(data / "raccoon").image_wh, axis=0)) == 133


def test_the_same_images_in_two_dialects(data):
    one = fastanchor.read(data / "six_formats" / "pascalvoc_format")
    two = fastanchor.read(data / "six_formats" / "imagenet_format")
    assert one.class_names == two.class_names
    np.testing.assert_array_equal(one.image_wh, two.image_wh)
    rows = [np.column_stack([b.image_index, b.class_index, b.wh]) for b in (one, two)]
    first, second = (row[np.lexsort(row.T)] for row in rows)
    np.testing.assert_array_equal(first, second)


def test_split(data):
    lists = data / "bccd" / "ImageSets" / "Main"
    for split in ("train", "val", "test"):
        names = (lists / f"{split}.txt").read_text().split()
        boxes = fastanchor.read(data / "bccd", split=split)
        missing = boxes.skipped.get("file named in the split but missing", 0)
        assert len(boxes.image_wh) == len(names) - missing


def test_bccd_says_where_its_empty_boxes_are(data):
    said = []
    fastanchor.read(data / "bccd", report=said.append)
    assert [re.sub(r".*/", "", s) for s in said] == [
        "BloodImage_00338.xml, line 163: box with zero width or height (504, 337, 504, 337)",
        "BloodImage_00343.xml, line 55: box with zero width or height (181, 329, 181, 329)",
    ]
