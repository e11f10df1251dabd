"""One data set, written in every format: the same boxes have the same anchors, and options mean the same."""

import csv
import io
import json

import numpy as np
import pytest

import fastanchor
from fastanchor.cli import main

from contract import write
from labels import FORMATS, put

SIZE = (512, 256)  # powers of two: shares of them are exact
ROUNDED = ("labelstudio",)  # per cent are not


def images(count=12):
    rng = np.random.default_rng(0)
    found = []
    for i in range(count):
        rows = rng.integers([0, 0, 8, 8, 0], [200, 80, 256, 160, 2], (5, 5)).tolist()
        found.append((f"{i + 1}", SIZE, [(("c9", "c10")[c], x, y, x + w, y + h) for x, y, w, h, c in rows]))
    return found


def anchors(boxes, n=4):
    with fastanchor.backend("numpy"):
        return fastanchor.auto_anchor(boxes, n=n, gen=20, n_init=1, rng=0).anchors


def made(images, kinds):
    """Return the boxes of these classes."""
    wh = [(x1 - x0, y1 - y0) for _, _, boxes in images for kind, x0, y0, x1, y1 in boxes if kind in kinds]
    sizes = np.repeat([SIZE], len(wh), axis=0)
    return fastanchor.Boxes(wh, image_index=np.arange(len(wh)), image_wh=sizes)


@pytest.fixture(scope="module")
def expected():
    return anchors(made(images(), ("c9", "c10")))


def via_csv(folder, version):
    """Write the CSV of VGG Image Annotator."""
    rows = []
    for name, _, boxes in images():
        for kind, x0, y0, x1, y1 in boxes:
            sides = [x0, y0, x1 - x0, y1 - y0]
            if version == 3:
                rows.append([len(rows), [f"{name}.png"], 0, [], [2, *sides], {"1": kind}])
            else:
                shape = dict(zip(("name", "x", "y", "width", "height"), ("rect", *sides), strict=True))
                rows.append([f"{name}.png", 1, {}, 1, 0, shape, {"class": kind}])
    names = (
        "file_size",
        "file_attributes",
        "region_count",
        "region_id",
        "region_shape_attributes",
        "region_attributes",
    )
    three = ("metadata_id", "file_list", "flags", "temporal_coordinates", "spatial_coordinates", "metadata")
    header = {2: ",".join(("filename", *names)),
              3: f'# ATTRIBUTE = {{"1": {{"aname": "class"}}}}\n# CSV_HEADER = {",".join(three)}'}  # fmt: skip
    text = io.StringIO()
    texts = [[one if isinstance(one, str) else json.dumps(one) for one in row] for row in rows]
    csv.writer(text, lineterminator="\n").writerows(texts)
    return put(folder / "via.csv", f"{header[version]}\n{text.getvalue()}")


@pytest.mark.parametrize("version", [2, 3])
def test_tables_of_via_have_the_same_anchors(version, tmp_path, expected):
    boxes = fastanchor.read(via_csv(tmp_path, version), source_size=SIZE, strict=True)
    np.testing.assert_array_equal(anchors(boxes), expected)
    assert boxes.class_names == ("c9", "c10")


@pytest.mark.parametrize("name", FORMATS)
def test_every_format_has_the_same_anchors(name, tmp_path, expected):
    boxes = fastanchor.read(write(name, tmp_path, images()), strict=True)
    if name in ROUNDED:
        np.testing.assert_allclose(anchors(boxes), expected, rtol=1e-12)
    else:
        np.testing.assert_array_equal(anchors(boxes), expected)


LISTS = {"train": [f"{i + 1}" for i in range(8)], "val": [f"{i + 1}" for i in range(8, 12)]}


def divided(name, folder):
    """Write the images with their splits: as lists, else as folders."""
    if FORMATS[name].parts:
        return write(name, folder, images(), parts=LISTS)
    for part, names in LISTS.items():
        write(name, folder / part, [image for image in images() if image[0] in names])
    return folder


@pytest.mark.parametrize("name", ["voc", "coco", "yolo", "labelme", "cvat"])
def test_class_and_split_mean_the_same(name, tmp_path, capsys):
    path = divided(name, tmp_path)
    command = ["anchors", str(path), "--class", "c9", "--split", "train", "-n", "3", "--gen", "20", "--n-init", "1",
               "--backend", "numpy", "--json"]  # fmt: skip
    assert main(command) == 0
    found = json.loads(capsys.readouterr().out)
    boxes = made([image for image in images() if image[0] in LISTS["train"]], ("c9",))
    assert found["boxes"] == len(boxes)
    np.testing.assert_array_equal(found["anchors"], anchors(boxes, 3))
