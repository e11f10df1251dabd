"""Remarks about a set as a whole. Lists of images are the format here: every format goes through the same place."""

import json
import struct
import zlib

import pytest

import fastanchor
from fastanchor import DataError
from fastanchor.cli import main

SIZE = (200, 100)
BEYOND, WHOLE, UNIT = "boxes beyond their image", "image's size taken for the box", "unit of the coordinates"
RIGHT = [[(10, 20, 40, 60), (100, 5, 160, 95)], [(0, 0, 200, 50)], [(7, 7, 27, 30)], [(1, 1, 50, 9)], [(9, 9, 30, 30)]]


def listed(folder, images, *, name="list.txt", classes=lambda i: 0):
    """Write a list, the corners of each image in a line, and return its path."""
    count = iter(range(10_000))
    lines = [
        f"{i}.jpg " + " ".join(",".join(map(str, (*box, classes(next(count))))) for box in boxes)
        for i, boxes in enumerate(images)
    ]
    (folder / name).write_text("\n".join(lines))
    return folder / name


def kinds(boxes, *, doubt=None):
    return {remark.kind: remark.count for remark in boxes.remarks if doubt is None or remark.doubt is doubt}


def scaled(images, factor):
    return [[tuple(factor[i % 2] * side for i, side in enumerate(box)) for box in boxes] for boxes in images]


def png(path, width, height):
    def chunk(kind, data):
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + header + chunk(b"IEND", b""))


def test_nothing_is_said_of_labels_that_are_right(tmp_path):
    boxes = fastanchor.read(listed(tmp_path, RIGHT), source_size=SIZE, strict=True)
    assert boxes.remarks == ()


@pytest.mark.parametrize(
    ("images", "options", "kind", "count"),
    [
        ([[(100, 5, 160, 95)]] * 9, {"form": "xywh"}, BEYOND, 9),
        ([[(0, 0, 300, 50)]] * 9, {}, BEYOND, 9),
        ([[(-50, 0, 30, 50)]] * 9, {}, BEYOND, 9),
        ([[(0, 60, 30, 102)]] * 9, {}, BEYOND, 9),
        ([[(0, 0, 200, 100)]] * 5, {}, WHOLE, 5),
        ([[(0, 0, 200, 100), (1, 0, 200, 99)]] * 5, {}, WHOLE, 10),
        ([[(i, j, i + 30, j + 30) for j in range(3)] for i in range(6)], {}, WHOLE, 6),
        (scaled(RIGHT, (1 / 200, 1 / 100)), {"unit": "pixels"}, UNIT, 6),
        ([[(10, 20, 40, 60)], [(3, 5, 160, 95)]], {"unit": "relative", "form": "cxcywh"}, UNIT, 2),
    ],
)
def test_doubts(tmp_path, images, options, kind, count):
    path = listed(tmp_path, images)
    boxes = fastanchor.read(path, source_size=SIZE, **options)
    found = next(remark for remark in boxes.remarks if remark.kind == kind)
    assert found.count == count
    if kind != BEYOND or count > 4:
        assert found.doubt
        with pytest.raises(DataError, match=r"list\.txt: "):
            fastanchor.read(path, source_size=SIZE, strict=True, **options)


def test_a_few_boxes_beyond_their_image_are_noted(tmp_path):
    boxes = fastanchor.read(listed(tmp_path, [*RIGHT, [(0, 0, 210, 50)]]), source_size=SIZE, strict=True)
    assert kinds(boxes, doubt=False) == {BEYOND: 1}
    assert boxes.remarks[0].text == "1 box beyond its image, kept; 5.jpg: 210 x 50 in 200 x 100"
    assert len(boxes) == 7


def test_relative_coordinates_in_a_pixel_format_are_converted_where_the_whole_set_says_so(tmp_path):
    path = listed(tmp_path, scaled(RIGHT, (1 / 200, 1 / 100)))
    boxes = fastanchor.read(path, source_size=SIZE)
    right = fastanchor.read(listed(tmp_path, RIGHT, name="right.txt"), source_size=SIZE)
    assert boxes.wh == pytest.approx(right.wh, rel=1e-12)
    assert kinds(boxes) == {"relative coordinates": 6}
    one_above = listed(tmp_path, [*scaled(RIGHT, (1 / 200, 1 / 100)), [(0.5, 0.5, 1.5, 1)]])
    assert fastanchor.read(one_above, source_size=SIZE).wh[0].tolist() == pytest.approx([0.15, 0.4])
    whole = listed(tmp_path, [[(0, 0, 1, 1)]])
    assert fastanchor.read(whole, source_size=SIZE).wh.tolist() == [[1, 1]]


@pytest.mark.parametrize("unit", ["relative", "percent"])
def test_units_by_hand(tmp_path, unit):
    factor = {"relative": 1, "percent": 100}[unit]
    path = listed(tmp_path, scaled(RIGHT, (factor / 200, factor / 100)))
    boxes = fastanchor.read(path, source_size=SIZE, unit=unit)
    assert boxes.wh[:3] == pytest.approx(fastanchor.read(listed(tmp_path, RIGHT), source_size=SIZE).wh[:3])
    assert boxes.xy[1].tolist() == pytest.approx([100, 5])


@pytest.mark.parametrize(
    ("form", "wh", "xy"), [("xyxy", (30, 40), (10, 20)), ("xywh", (40, 60), (10, 20)), ("cxcywh", (40, 60), (-10, -10))]
)
def test_forms_by_hand(tmp_path, form, wh, xy):
    boxes = fastanchor.read(listed(tmp_path, [[(10, 20, 40, 60)]]), source_size=SIZE, form=form)
    assert (tuple(boxes.wh[0]), tuple(boxes.xy[0])) == (wh, xy)


def test_unknown_sizes_of_relative_boxes(tmp_path, capsys):
    path = listed(tmp_path, scaled(RIGHT, (1 / 200, 1 / 100)))
    boxes = fastanchor.read(path)
    assert kinds(boxes, doubt=True) == {"unknown image sizes": 5}
    assert boxes.summary().relative
    assert main(["stats", str(path), "--json", "--quiet"]) == 0
    said = json.loads(capsys.readouterr().out)["read"]
    assert (said["relative"], said["remarks"][-1]["doubt"]) == (True, True)
    assert main(["stats", str(path), "--quiet"]) == 0
    out = capsys.readouterr().out
    assert "doubt     sizes of images are unknown" in out
    assert "give --source-size" in out
    assert "% of their image on average" in out
    assert " pixels" not in out


def test_sizes_that_images_contradict(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("".join(f"{i} {i}.png 200 100 0 10 20 {40 + i} 60\n" for i in range(6)))
    for i in range(6):
        png(tmp_path / f"{i}.png", *((100, 200) if i == 3 else (200, 100)))
    [remark] = fastanchor.read(path).remarks
    assert (remark.kind, remark.count, remark.doubt) == ("image sizes that differ", 1, True)
    assert "3.png: 100 x 200, the label says 200 x 100" in remark.text


def test_notes_about_the_data(tmp_path):
    images = [[(0, 0, 190, 90)]] * 3 + [[(5, 5, 5, 5)]]
    boxes = fastanchor.read(listed(tmp_path, images), source_size=SIZE)
    assert kinds(boxes, doubt=False) == {"many boxes skipped": 1, "large boxes": 3}


def test_an_option_without_effect_is_remarked(tmp_path):
    path = tmp_path / "list.txt"
    path.write_text("0 0.png 200 100 0 10 20 40 60\n")
    boxes = fastanchor.read(path, source_size=(50, 50))
    assert boxes.image_wh.tolist() == [[200, 100]]
    assert [remark.text for remark in boxes.remarks] == ["source_size had no effect on these labels"]


@pytest.mark.parametrize(
    ("option", "value", "why"),
    [
        ("crowd", True, "do not mark crowds"),
        ("columns", ("a", "b"), "have no named columns"),
        ("rows", "box", "one kind of rows"),
    ],
)
def test_an_option_that_nothing_has_a_use_for_is_refused(tmp_path, option, value, why):
    with pytest.raises(DataError, match=f"{option} = .*: not supported for list: .*{why}"):
        fastanchor.read(listed(tmp_path, RIGHT), source_size=SIZE, **{option: value})


@pytest.mark.parametrize(
    ("option", "value"),
    [("unit", "px"), ("form", "wh"), ("rows", "boxes"), ("rows", "keypoints:5"), ("columns", "ab"), ("columns", ["a"])],
)
def test_values_of_options_are_checked(tmp_path, option, value):
    with pytest.raises(DataError, match=f"^{option} = .*must be"):
        fastanchor.read(listed(tmp_path, RIGHT), source_size=SIZE, **{option: value})


@pytest.mark.parametrize(
    ("good", "bad", "count", "doubt"),
    [(9, 0, 0, False), (10, 1, 0, False), (9, 1, 1, False), (5, 5, 5, False), (5, 6, 6, True), (1, 9, 9, True)],
)
def test_boxes_that_are_lost(tmp_path, good, bad, count, doubt):
    boxes = [[(i, i, 20 + 2 * i, 30)] for i in range(good)] + [[(5, 5, 5, 30)]] * bad
    found = fastanchor.read(listed(tmp_path, boxes), source_size=SIZE)
    assert kinds(found).get("many boxes skipped", 0) == count
    assert any(remark.doubt for remark in found.remarks) is doubt
    if count:
        [remark] = [one for one in found.remarks if one.kind == "many boxes skipped"]
        share = f"{100 * bad // (good + bad)}%"
        assert remark.text == f"{share} of what was found is skipped; most often: box with zero width or height"


def test_images_without_a_size_are_lost_with_their_boxes(tmp_path):
    path = listed(tmp_path, [[(1, 2, 30, 40), (1, 2, 35, 45)]] * 4)
    png(tmp_path / "0.jpg", *SIZE)
    boxes = fastanchor.read(path)
    assert (len(boxes), boxes.skipped) == (2, {"image size missing": 3, "box of an image without a size": 6})
    [remark] = [one for one in boxes.remarks if one.doubt]
    assert (remark.kind, remark.count) == ("many boxes skipped", 6)
    assert remark.text == "75% of what was found is skipped; most often: box of an image without a size"


def test_what_is_left_out_on_purpose_is_not_lost(tmp_path):
    region = "DontCare -1 -1 -10 503 169 590 190 -1 -1 -1 -1000 -1000 -1000 -10\n"
    (tmp_path / "a.txt").write_text("Car 0 0 0 1 2 11 22 1 1 1 1 1 1 1\n" + 9 * region)
    boxes = fastanchor.read(tmp_path, source_size=SIZE, strict=True)
    assert (boxes.skipped, boxes.remarks) == ({"DontCare region": 9}, ())


def test_labels_without_any_box_say_so(tmp_path, capsys):
    content = {"images": [{"id": i, "file_name": f"{i}.jpg", "width": 90, "height": 80} for i in range(7)],
               "annotations": [], "categories": []}  # fmt: skip
    (tmp_path / "a.json").write_text(json.dumps(content))
    [remark] = fastanchor.read(tmp_path).remarks
    assert (remark.kind, remark.count, remark.text) == ("no boxes", 7, "the labels of 7 images have no boxes")
    assert main(["stats", str(tmp_path), "--json"]) == 0
    assert [one["kind"] for one in json.loads(capsys.readouterr().out)["remarks"]] == ["no boxes"]
    assert main(["stats", str(tmp_path)]) == 0
    assert "note      the labels of 7 images have no boxes" in capsys.readouterr().out
    for command in (["anchors"], ["sweep"], ["check", "--anchors", "10,20"]):
        assert main([*command[:1], str(tmp_path), *command[1:]]) == 2
        assert capsys.readouterr().err.endswith(f"{tmp_path}: the labels of 7 images have no boxes\n")


def coco(path, numbers):
    images = [{"id": i, "file_name": f"{i}.jpg", "width": 90, "height": 80} for i in numbers]
    boxes = [{"id": i, "image_id": i, "category_id": 1, "bbox": [1, 1, 20, 30 + i]} for i in numbers]
    path.parent.mkdir(exist_ok=True)
    path.write_text(json.dumps({"images": images, "annotations": boxes, "categories": [{"id": 1, "name": "c"}]}))


@pytest.mark.parametrize(
    ("files", "count", "doubt"),
    [
        ({"all.json": range(9), "train.json": range(6), "val.json": range(6, 8)}, 8, True),
        ({"a.json": range(9), "b.json": range(7, 30)}, 2, False),
        ({"a.json": range(9), "b.json": range(9, 18)}, 0, False),
        ({"train/a.json": range(9), "test/a.json": range(9)}, 0, False),  # other images that are called the same
    ],
)
def test_images_of_several_label_files(tmp_path, files, count, doubt):
    for name, numbers in files.items():
        coco(tmp_path / name, numbers)
    boxes = fastanchor.read(tmp_path)
    found = [one for one in boxes.remarks if one.kind == "images listed several times"]
    assert [(one.count, one.doubt) for one in found] == ([(count, doubt)] if count else [])
    example = {8: "8 images listed in more than one label file: 0.jpg in all.json, train.json",
               2: "2 images listed in more than one label file: 7.jpg in a.json, b.json"}  # fmt: skip
    assert [one.text for one in found] == ([example[count]] if count else [])
