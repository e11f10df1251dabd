"""What every reader owes: each format of ``labels.py`` against each promise, through the public face.

``contract.py`` has the one list of cells that are not kept yet.
"""

import json
import os
import re
from collections import Counter

import pytest

import fastanchor
from fastanchor import DataError, datasets
from fastanchor.cli import main
from fastanchor.datasets._recognise import format_of

from contract import (
    FILES,
    FLAG,
    OPEN,
    SINGLE,
    SIZE,
    WAYS,
    bare,
    cells,
    classes,
    expected,
    planted,
    refused,
    rows,
    sentence,
    write,
)  # fmt: skip
from labels import CLASSES, FORMATS, IMAGES


def named(name, label):
    """Return the name of an image, which is there if the labels do not tell its size."""
    return FORMATS[name].called(label) if FORMATS[name].sizes else label


def test_open_cells_exist():
    promises = {name.removeprefix("test_") for name in globals() if name.startswith("test_")}
    assert {promise for promise, *_ in OPEN} <= promises
    assert {name for _, name, *_ in OPEN} <= set(FORMATS)


# ---- what is read


@pytest.mark.parametrize("name", cells("reads"))
def test_reads(name, tmp_path):
    path = write(name, tmp_path)
    assert datasets.detect(path) == FORMATS[name].reader
    boxes = fastanchor.read(path, strict=True)
    assert rows(boxes) == expected(name)
    assert sorted(boxes.image_wh.tolist()) == sorted(list(size) for _, size, _ in IMAGES)
    assert not boxes.skipped


@pytest.mark.parametrize("name", cells("format_by_name"))
def test_format_by_name(name, tmp_path):
    assert rows(fastanchor.read(write(name, tmp_path), format=FORMATS[name].reader)) == expected(name)


@pytest.mark.parametrize("name", cells("folder_is_recognised", [name for name in FORMATS if name != "labels.cache"]))
def test_folder_is_recognised(name, tmp_path):
    write(name, tmp_path)
    assert rows(fastanchor.read(tmp_path)) == expected(name)


@pytest.mark.parametrize("name", cells("images_have_the_same_boxes"))
def test_images_have_the_same_boxes(name, tmp_path):
    found = {image.name: image for image in datasets.iter_images(write(name, tmp_path), strict=True)}
    assert set(found) == {named(name, label) for label, _, _ in IMAGES}
    for label, size, boxes in IMAGES:
        image = found[named(name, label)]
        assert (image.width, image.height) == size
        corners = [[*given, *classes(name, [kind])] for kind, *given in boxes]
        assert sorted([*box, kind] for box, kind in zip(image.boxes.tolist(), image.classes, strict=True)) == sorted(
            corners
        )


@pytest.mark.parametrize("name", cells("order_is_natural"))
def test_order_is_natural(name, tmp_path):
    boxes = fastanchor.read(write(name, tmp_path))
    assert boxes.image_wh.tolist() == [list(size) for _, size, _ in IMAGES]
    assert boxes.class_names == classes(name, CLASSES)


@pytest.mark.parametrize("name", cells("images_in_natural_order"))
def test_images_in_natural_order(name, tmp_path):
    found = list(datasets.iter_images(write(name, tmp_path)))
    assert [image.name for image in found] == [named(name, label) for label in ("1", "9", "10")]


EMPTY = [*IMAGES, ("11", (32, 16), [])]


@pytest.mark.parametrize("name", cells("image_without_boxes", [name for name, one in FORMATS.items() if one.empty]))
def test_image_without_boxes(name, tmp_path):
    boxes = fastanchor.read(write(name, tmp_path, EMPTY), strict=True)
    assert rows(boxes) == expected(name)
    assert [32, 16] in boxes.image_wh.tolist()
    assert len(boxes.image_wh) == 4


@pytest.mark.parametrize("name", cells("command"))
def test_command(name, tmp_path, capsys):
    assert main(["stats", str(write(name, tmp_path)), "--json", "--strict"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["boxes"], found["images"], found["format"]) == (4, 3, FORMATS[name].reader)
    assert found["per_class"] == Counter(kind for _, _, kind in expected(name))


# ---- what is wrong with a box

WRONG = {
    "reversed": ("c9", 48, 32, 16, 160),
    "of no width": ("c9", 16, 32, 16, 160),
    "of no height": ("c9", 16, 32, 48, 32),
    "not finite": ("c9", 16, 32, float("nan"), 160),
}


@pytest.mark.parametrize(("name", "kind"), cells("wrong_box_costs_itself", kinds=WRONG))
def test_wrong_box_costs_itself(name, kind, tmp_path):
    path = write(name, tmp_path, planted(WRONG[kind]))
    boxes = fastanchor.read(path)
    assert rows(boxes) == expected(name)
    assert len(boxes.image_wh) == 3
    assert list(boxes.skipped.values()) == [1]


@pytest.mark.parametrize(("name", "kind"), cells("wrong_box_is_placed", kinds=WRONG))
def test_wrong_box_is_placed(name, kind, tmp_path):
    images, said = planted(WRONG[kind]), []
    path = write(name, tmp_path, images)
    fastanchor.read(path, report=said.append)
    with pytest.raises(DataError) as error:
        fastanchor.read(path, strict=True)
    for words in (said[0], sentence(error)):
        assert str(tmp_path) in words
        for word in FORMATS[name].place(images, 1, 1):
            assert word in words


@pytest.mark.parametrize("name", cells("wrong_box_in_images"))
def test_wrong_box_in_images(name, tmp_path):
    said = []
    found = list(datasets.iter_images(write(name, tmp_path, planted(WRONG["of no width"])), report=said.append))
    assert sum(len(image.boxes) for image in found) == 4
    assert len(said) == 1


@pytest.mark.parametrize("name", cells("first_five_places"))
def test_first_five_places(name, tmp_path):
    label, size, boxes = IMAGES[1]
    said = []
    wrong = [("c9", 16, 32, 16, 64 + i) for i in range(7)]
    boxes = fastanchor.read(
        write(name, tmp_path, [IMAGES[0], (label, size, [*boxes, *wrong]), IMAGES[2]]), report=said.append
    )
    assert list(boxes.skipped.values()) == [7]
    lost = [remark.text for remark in boxes.remarks if remark.kind == "many boxes skipped"]
    assert len(said) == 6
    assert said[5:] == lost


@pytest.mark.parametrize("name", cells("nothing_but_wrong_boxes"))
def test_nothing_but_wrong_boxes(name, tmp_path):
    wrong = [(label, size, [WRONG["of no width"]]) for label, size, _ in IMAGES]
    with pytest.raises(DataError) as error:
        fastanchor.read(write(name, tmp_path, wrong))
    assert str(tmp_path) in sentence(error)


@pytest.mark.parametrize("name", cells("strict_command"))
def test_strict_command(name, tmp_path, capsys):
    assert main(["stats", str(write(name, tmp_path, planted(WRONG["of no width"]))), "--strict"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert str(tmp_path) in captured.err.splitlines()[-1]


# ---- what cannot be read

GIT_LFS = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a2146\nsize 1024\n"
JUNK = {
    "binary": bytes(range(256)),
    "zeros": bytes(64),
    "Git LFS pointer": GIT_LFS.encode(),
    "web page": b"<!DOCTYPE html>\n<html><body>Not found</body></html>\n",
    "zip": b"PK\x03\x04" + bytes(40),
}
LINKS = {"to nothing": "nowhere", "to itself": None}


def spoiled(name, folder, spoil):
    """Write four images, and spoil the label file of the last; return it and the path to read."""
    path = write(name, folder, [*IMAGES, ("11", (32, 16), [("c9", 1, 1, 9, 9)])])
    file = folder / FORMATS[name].file.format(11)
    file.unlink()
    spoil(file)
    return file, path


def skips_one_file(name, file, path):
    said = []
    boxes = fastanchor.read(path, report=said.append)
    assert rows(boxes) == expected(name)
    assert len(boxes.image_wh) == 3  # a file that cannot be read is no image
    assert list(boxes.skipped.values()) == [1]
    assert str(file) in said[0]
    assert sum(len(image.boxes) for image in datasets.iter_images(path)) == 4
    with pytest.raises(DataError) as error:
        fastanchor.read(path, strict=True)
    assert str(file) in sentence(error)


links = pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="links need rights on this system")


@links
@pytest.mark.parametrize(("name", "kind"), cells("link_that_leads_nowhere", FILES, LINKS))
def test_link_that_leads_nowhere(name, kind, tmp_path):
    target = LINKS[kind]
    skips_one_file(name, *spoiled(name, tmp_path, lambda file: file.symlink_to(target or file.name)))


@links
@pytest.mark.parametrize("name", cells("pipe_in_a_folder", FILES))
def test_pipe_in_a_folder(name, tmp_path):
    skips_one_file(name, *spoiled(name, tmp_path, os.mkfifo))


@links
@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads everything")
@pytest.mark.parametrize("name", cells("file_without_rights", FILES))
def test_file_without_rights(name, tmp_path):
    def lock(file):
        file.write_text("")
        file.chmod(0)

    skips_one_file(name, *spoiled(name, tmp_path, lock))


@pytest.mark.parametrize(("name", "kind"), cells("file_of_something_else", FILES, JUNK))
def test_file_of_something_else(name, kind, tmp_path):
    skips_one_file(name, *spoiled(name, tmp_path, lambda file: file.write_bytes(JUNK[kind])))


@links
@pytest.mark.parametrize("target", LINKS.values(), ids=LINKS)
@pytest.mark.parametrize(("name", "way"), cells("link_as_the_only_file", SINGLE, WAYS))
def test_link_as_the_only_file(name, way, target, tmp_path):
    path = write(name, tmp_path)
    path.unlink()
    path.symlink_to(target or path.name)
    refused(way, path, str(path))
    refused(way, path, str(path), format=FORMATS[name].reader)


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
@pytest.mark.parametrize(("name", "way"), cells("only_file_of_something_else", SINGLE, WAYS))
def test_only_file_of_something_else(name, way, junk, tmp_path):
    path = write(name, tmp_path)
    path.write_bytes(junk)
    refused(way, path, str(path), format=FORMATS[name].reader)


@pytest.mark.parametrize(("name", "way"), cells("nothing_but_files_of_something_else", FILES, WAYS))
def test_nothing_but_files_of_something_else(name, way, tmp_path):
    path = write(name, tmp_path)
    for label, _, _ in IMAGES:
        (tmp_path / FORMATS[name].file.format(label)).write_text(GIT_LFS)
    refused(way, path, str(tmp_path), format=FORMATS[name].reader)


@pytest.mark.parametrize(("name", "way"), cells("empty_folder", kinds=WAYS))
def test_empty_folder(name, way, tmp_path):
    folder = tmp_path / "nothing here"
    folder.mkdir()
    refused(way, folder, str(folder), format=FORMATS[name].reader)
    refused(way, folder, str(folder))


@pytest.mark.parametrize(("name", "way"), cells("missing_path", kinds=WAYS))
def test_missing_path(name, way, tmp_path):
    path = write(name, tmp_path).parent / "missing"
    refused(way, path, f"{path}: no such file", format=FORMATS[name].reader)


@pytest.mark.parametrize("name", cells("command_on_an_empty_folder"))
def test_command_on_an_empty_folder(name, tmp_path, capsys):
    assert main(["stats", str(tmp_path), "--format", FORMATS[name].reader]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert len(captured.err.splitlines()) == 1
    assert str(tmp_path) in captured.err


# ---- splits

PARTS = {"train": ["1", "10"], "val": ["9"]}
DIVIDED = [name for name, one in FORMATS.items() if one.parts]


def part(split):
    return [image for image in IMAGES if image[0] in PARTS[split]]


@pytest.mark.parametrize("split", PARTS)
@pytest.mark.parametrize("name", cells("split", DIVIDED))
def test_split(name, split, tmp_path):
    path = write(name, tmp_path, parts=PARTS)
    boxes = fastanchor.read(path, split=split, strict=True)
    assert rows(boxes) == expected(name, part(split))
    assert len(boxes.image_wh) == len(PARTS[split])
    assert {image.name for image in datasets.iter_images(path, split=split)} == set(PARTS[split])


@pytest.mark.parametrize("name", cells("all_splits", DIVIDED))
def test_all_splits(name, tmp_path):
    assert rows(fastanchor.read(write(name, tmp_path, parts=PARTS), strict=True)) == expected(name)


@pytest.mark.parametrize("name", cells("split_all"))
def test_split_all(name, tmp_path):
    assert rows(fastanchor.read(write(name, tmp_path), split="all")) == expected(name)


@pytest.mark.parametrize("name", cells("splits_joined", DIVIDED))
def test_splits_joined(name, tmp_path):
    path = write(name, tmp_path, parts=PARTS)
    assert rows(fastanchor.read(path, split="train+val", strict=True)) == expected(name)
    assert {image.name for image in datasets.iter_images(path, split="train+val")} == {"1", "9", "10"}


@pytest.mark.parametrize(("name", "way"), cells("wrong_split", DIVIDED, WAYS))
def test_wrong_split(name, way, tmp_path):
    refused(way, write(name, tmp_path, parts=PARTS), "split = 'nonsense'", "train", "val", split="nonsense")


@pytest.mark.parametrize(("name", "way"), cells("part_of_a_split_is_no_split", DIVIDED, WAYS))
def test_part_of_a_split_is_no_split(name, way, tmp_path):
    refused(way, write(name, tmp_path, parts=PARTS), "split = 'rain'", "train", "val", split="rain")


@pytest.mark.parametrize(("name", "way"), cells("split_of_what_has_none", kinds=WAYS))
def test_split_of_what_has_none(name, way, tmp_path):
    refused(way, write(name, tmp_path), "split", "'nonsense'", split="nonsense")


# ---- images

UNCROWDED = [name for name, one in FORMATS.items() if not one.crowds]
SIZED = [name for name, one in FORMATS.items() if one.sizes]
UNSIZED = [name for name, one in FORMATS.items() if not one.sizes]
ALIKE = [(label, (128, 128), boxes) for label, _, boxes in IMAGES]


@pytest.mark.parametrize("name", cells("image_is_found"))
def test_image_is_found(name, tmp_path):
    for image in datasets.iter_images(write(name, tmp_path, pictures=True)):
        assert image.image_path is not None
        assert image.image_path.name == f"{image.name}.png"
        assert image.image_path.is_file()


@pytest.mark.parametrize("name", cells("image_is_missing", SIZED))
def test_image_is_missing(name, tmp_path):
    path = write(name, tmp_path, pictures=True)
    next(tmp_path.rglob("9.png")).unlink()
    assert rows(fastanchor.read(path, strict=True)) == expected(name)
    assert [image.name for image in datasets.iter_images(path) if image.image_path is None] == [
        FORMATS[name].called("9")
    ]


@pytest.mark.parametrize("name", cells("size_is_missing", UNSIZED))
def test_size_is_missing(name, tmp_path):
    said = []
    path = write(name, tmp_path)
    next(tmp_path.rglob("9.png")).unlink()
    boxes = fastanchor.read(path, report=said.append)
    assert rows(boxes) == expected(name, [IMAGES[0], IMAGES[2]])
    assert boxes.skipped == {"image size missing": 1, "box of an image without a size": 1}
    assert re.search(r"\b9\b", bare(said[0], tmp_path))
    with pytest.raises(DataError):
        fastanchor.read(path, strict=True)
    assert rows(fastanchor.read(path, **{SIZE: IMAGES[1][1]}, strict=True)) == expected(name)


@pytest.mark.parametrize("name", cells("no_size_at_all", UNSIZED))
def test_no_size_at_all(name, tmp_path):
    said = []
    path = write(name, tmp_path, pictures=False)
    try:
        fastanchor.read(path, report=said.append)
    except DataError as error:
        said.append(str(error))
    assert "size" in bare(" ".join(said), path)


@pytest.mark.parametrize("name", cells("size_by_hand", UNSIZED))
def test_size_by_hand(name, tmp_path):
    path = write(name, tmp_path, ALIKE, pictures=False)
    given = {SIZE: (128, 128)}
    assert rows(fastanchor.read(path, **given)) == expected(name, ALIKE)
    assert {(image.width, image.height) for image in datasets.iter_images(path, **given)} == {(128, 128)}


@pytest.mark.parametrize("name", cells("size_by_hand_in_the_command", UNSIZED))
def test_size_by_hand_in_the_command(name, tmp_path, capsys):
    path = write(name, tmp_path, ALIKE, pictures=False)
    assert main(["stats", str(path), FLAG, "128x128", "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["mean_image"] == [128, 128]


@pytest.mark.parametrize("name", cells("size_by_hand_for_one_of_two", UNSIZED))
def test_size_by_hand_for_one_of_two(name, tmp_path):
    """An option is of use as soon as one of several data sets has use for it."""
    paths = [write("voc", tmp_path / "sized"), write(name, tmp_path / "unsized", ALIKE, pictures=False)]
    boxes = fastanchor.read(paths, **{SIZE: (128, 128)})
    assert boxes.image_wh[:3].max() == 256
    assert boxes.image_wh[3:].tolist() == [[128, 128]] * 3


UNKNOWN = [(label, (0, 0), boxes) for label, _, boxes in IMAGES]
WITH_SIZES = [
    name for name in SIZED if name not in ("labels.cache", "labelstudio", "fiftyone")
]  # their boxes are relative


@pytest.mark.parametrize("name", cells("size_of_zero_comes_from_the_image", WITH_SIZES))
def test_size_of_zero_comes_from_the_image(name, tmp_path):
    write(name, tmp_path, pictures=True)
    path = write(name, tmp_path, UNKNOWN, pictures=False)  # the pictures stay
    assert rows(fastanchor.read(path, strict=True)) == expected(name)


@pytest.mark.parametrize("name", cells("size_of_zero_by_hand", WITH_SIZES))
def test_size_of_zero_by_hand(name, tmp_path):
    path = write(name, tmp_path, UNKNOWN)
    assert rows(fastanchor.read(path, **{SIZE: (128, 128)}, strict=True)) == expected(name, ALIKE)


# ---- progress and options


class Bar:
    """A bar that notes what it is told."""

    made: list["Bar"]

    def __init__(self, *, total=None, desc="", unit=""):
        self.total, self.desc, self.unit, self.done, self.closed = total, desc, unit, 0, False
        self.made.append(self)

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self.close()

    def update(self, n=1):
        self.done += n

    def set_postfix_str(self, text, refresh=True):
        self.text = text

    def close(self):
        self.closed = True


@pytest.mark.parametrize("name", cells("progress"))
def test_progress(name, tmp_path, monkeypatch):
    monkeypatch.setattr(Bar, "made", [], raising=False)
    fastanchor.read(write(name, tmp_path), progress=Bar)
    assert Bar.made
    for bar in Bar.made:
        assert bar.desc
        assert bar.unit
        assert bar.closed
        assert bar.total in (None, bar.done)
    (bar,) = (bar for bar in Bar.made if bar.desc == "reading")
    if format_of(FORMATS[name].reader).single:
        assert (bar.unit, bar.total) == (" images", 3)
    else:
        assert (bar.unit, bar.text.partition(",")[0]) == ("B", "3 images")


@pytest.mark.parametrize("name", cells("progress_that_is_none"))
def test_progress_that_is_none(name, tmp_path):
    with pytest.raises(DataError, match="progress = 'loud'"):
        fastanchor.read(write(name, tmp_path), progress="loud")


# labels of these kinds need not tell the size
SOMETIMES = (
    "voc", "coco", "labelme", "table", "parquet", "cvat", "labelstudio", "supervisely", "vott", "datumaro", "mot",
    "labelbox", "superannotate", "fiftyone", "tfrecord",
)  # fmt: skip


@pytest.mark.parametrize(("name", "way"), cells("size_of_no_use", [n for n in SIZED if n not in SOMETIMES], WAYS))
def test_size_of_no_use(name, way, tmp_path):
    refused(way, write(name, tmp_path), SIZE, "640", **{SIZE: (640, 480)})


@pytest.mark.parametrize("name", cells("size_without_effect", SOMETIMES))
def test_size_without_effect(name, tmp_path):
    boxes = fastanchor.read(write(name, tmp_path), **{SIZE: (640, 480)}, strict=True)
    assert rows(boxes) == expected(name)
    assert [remark.text for remark in boxes.remarks if remark.kind == "option without effect"] == [
        f"{SIZE} had no effect on these labels"
    ]


@pytest.mark.parametrize("name", cells("size_of_no_use_in_the_command", [n for n in SIZED if n not in SOMETIMES]))
def test_size_of_no_use_in_the_command(name, tmp_path, capsys):
    assert main(["stats", str(write(name, tmp_path)), FLAG, "640x480"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert FLAG in captured.err.splitlines()[-1]


@pytest.mark.parametrize("name", cells("size_without_effect_in_the_command", SOMETIMES))
def test_size_without_effect_in_the_command(name, tmp_path, capsys):
    assert main(["stats", str(write(name, tmp_path)), FLAG, "640x480"]) == 0
    assert "had no effect on these labels" in capsys.readouterr().out


@pytest.mark.parametrize(("name", "way"), cells("crowd_of_no_use", UNCROWDED, WAYS))
def test_crowd_of_no_use(name, way, tmp_path):
    refused(way, write(name, tmp_path), "crowd", crowd=True)


IN_TEXT = [name for name, one in FORMATS.items() if one.crowds and name != "tfrecord"]


@pytest.mark.parametrize("name", cells("crowd_of_use", IN_TEXT))
def test_crowd_of_use(name, tmp_path):
    path = write(name, tmp_path)
    for mark in ('"iscrowd": {}', ",{}\n"):  # the first box becomes a crowd
        path.write_text(path.read_text().replace(mark.format(0), mark.format(1), 1))
    assert rows(fastanchor.read(path, crowd=True)) == expected(name)
    boxes = fastanchor.read(path, strict=True)  # no fault of the labels
    assert (len(boxes), list(boxes.skipped.values())) == (3, [1])


@pytest.mark.parametrize("name", cells("columns_of_no_use", [name for name, one in FORMATS.items() if not one.columns]))
def test_columns_of_no_use(name, tmp_path):
    refused("read", write(name, tmp_path), "columns", columns=("width", "height"))


@pytest.mark.parametrize("name", cells("two_are_read_as_one"))
def test_two_are_read_as_one(name, tmp_path):
    boxes = fastanchor.read([write("voc", tmp_path / "one"), write(name, tmp_path / "two")])
    assert rows(boxes) == sorted(expected("voc") + expected(name))
    assert len(boxes.image_wh) == 6
