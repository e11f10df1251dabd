"""KITTI labels and lists of images with boxes in pixels."""

import json

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError, datasets

CAR = "Car 0.00 0 -1.58 587.01 173.33 614.12 200.12 1.65 1.67 3.64 -0.65 1.71 46.70 -1.59"
REGION = "DontCare -1 -1 -10 503.89 169.71 590.61 190.13 -1 -1 -1 -1000 -1000 -1000 -10"
WH = (614.12 - 587.01, 200.12 - 173.33)


def kitti(folder, **files):
    labels = folder / "training" / "label_2"
    labels.mkdir(parents=True)
    for stem, text in files.items():
        (labels / f"{stem}.txt").write_text(text)
    return labels


def picture(path, size):
    Image = pytest.importorskip("PIL.Image")
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size).save(path)


def test_kitti(tmp_path):
    labels = kitti(tmp_path, a=f"{CAR}\n{REGION}\n", b="", c=f"{CAR.replace('Car', 'Van')} 0.9\r\n")
    for place in (tmp_path, tmp_path / "training", labels):
        assert datasets.detect(place) == "kitti"
        boxes = fastanchor.read(place, source_size=(1242, 375), strict=True)
        np.testing.assert_array_equal(boxes.wh, [WH, WH])
        assert (boxes.class_names, boxes.image_index.tolist()) == (("Car", "Van"), [0, 2])
        assert boxes.skipped == {"DontCare region": 1}
    picture(tmp_path / "training" / "image_2" / "a.png", (1224, 370))
    boxes = fastanchor.read(tmp_path)
    assert (boxes.image_wh.tolist(), boxes.skipped["image size missing"]) == ([[1224, 370]], 2)
    [image] = datasets.iter_images(tmp_path, split="training")
    assert (image.image_path.name, image.boxes.tolist()) == ("a.png", [[587.01, 173.33, 614.12, 200.12]])


def test_kitti_bad_rows(tmp_path):
    rows = [CAR, "Car 1 2 3", CAR.replace("614.12", "587.01"), CAR.replace("614.12", "x"), CAR.replace("200.12", "1")]
    labels = kitti(tmp_path, a="\n".join(rows))
    said = []
    boxes = fastanchor.read(tmp_path, source_size=(9, 9), report=said.append)
    assert len(boxes) == 1
    assert boxes.skipped == {
        "row of 4 columns": 1,
        "box with zero width or height": 1,
        "box with unreadable coordinates": 1,
        "box with reversed corners": 1,
    }
    assert said[0] == f"{labels / 'a.txt'}, line 2: row of 4 columns (Car 1 2 3; expected 15 or 16)"
    with pytest.raises(DataError, match="line 2: row of 4 columns"):
        fastanchor.read(tmp_path, source_size=(9, 9), strict=True)
    with pytest.raises(DataError, match=r"nothing could be read; .*image size missing"):
        fastanchor.read(tmp_path)
    with pytest.raises(DataError, match=r"declares no splits; leave it out|must be 'all' or one of 'train'"):
        fastanchor.read(tmp_path, split="testing")


@pytest.mark.parametrize("name", ["traffic light", "a b c", "Car", "person-2"])
@pytest.mark.parametrize("score", ["", " 0.9"])
def test_kitti_classes_may_hold_blanks(tmp_path, name, score):
    kitti(tmp_path, a=f"{CAR.replace('Car', name)}{score}\n")
    assert datasets.detect(tmp_path) == "kitti"
    boxes = fastanchor.read(tmp_path, source_size=(1242, 375), strict=True)
    np.testing.assert_array_equal(boxes.wh, [WH])
    assert boxes.class_names == (name,)


@pytest.mark.parametrize("folder", ["labels", "labels/train", "training/label_2", "x/y/label_2", "."])
def test_kitti_rows_are_kitti_wherever_they_lie(tmp_path, folder):
    (tmp_path / folder).mkdir(parents=True, exist_ok=True)
    (tmp_path / folder / "1.txt").write_text(CAR)
    image = {"label_2": "image_2", "labels": "images"}
    *above, last = (tmp_path / folder / "1.png").parts[len(tmp_path.parts) :]
    picture(tmp_path.joinpath(*[image.get(part, part) for part in above], last), (1242, 375))
    assert datasets.detect(tmp_path) == "kitti"
    assert fastanchor.read(tmp_path).image_wh.tolist() == [[1242, 375]]
    assert fastanchor.read(tmp_path, format="kitti").image_wh.tolist() == [[1242, 375]]


def test_images_in_a_folder_that_is_named(tmp_path):
    kitti(tmp_path, a=CAR, b=CAR)
    for name, size in (("a", (1224, 370)), ("b", (1242, 375))):
        picture(tmp_path / "elsewhere" / "deep" / name / f"{name}.png", size)
    data, images = tmp_path / "training" / "label_2", tmp_path / "elsewhere"
    with pytest.raises(DataError, match="image size missing"):
        fastanchor.read(data)
    assert fastanchor.read(data, images=images).image_wh.tolist() == [[1224, 370], [1242, 375]]
    assert [one.image_path.name for one in datasets.iter_images(data, images=images)] == ["a.png", "b.png"]
    with pytest.raises(DataError, match="nowhere: cannot be read"):
        fastanchor.read(data, images=tmp_path / "nowhere")


def test_labelme(tmp_path):
    shapes = [
        {"label": "a", "points": [[5, 6], [15, 26]], "shape_type": "rectangle"},
        {"label": "b", "points": [[0, 0], [30, 5], [10, 20]], "shape_type": "polygon"},
        {"label": "b", "points": [[50, 50], [53, 54]], "shape_type": "circle"},
        {"label": "c", "points": [[1, 1]], "shape_type": "point"},
        {"label": "c", "points": "none"},
    ]
    content = {"version": "5", "shapes": shapes, "imagePath": "..\\x\\a.jpg", "imageHeight": 80, "imageWidth": 100}
    (tmp_path / "a.json").write_text(json.dumps(content))
    (tmp_path / "bad.json").write_text("{")
    said = []
    boxes = fastanchor.read(tmp_path, report=said.append)
    assert datasets.detect(tmp_path) == "labelme"
    assert boxes.wh.tolist() == [[10, 20], [30, 20], [10, 10]]
    assert boxes.xy.tolist() == [[5, 6], [0, 0], [45, 45]]
    assert (boxes.class_names, boxes.image_wh.tolist()) == (("a", "b"), [[100, 80]])
    assert boxes.skipped == {
        "point, which is not a box": 1, "not valid JSON": 1, "box with unreadable coordinates": 1,
    }  # fmt: skip
    assert f"{tmp_path / 'a.json'}, shapes[4]: box with unreadable coordinates (?, ?, ?, ?)" in said


def test_keras_list(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("my images/a.jpg 10,20,40,60,10 1,2,3,4,9\nmy images/b.jpg\n\nmy images/c.jpg 0,0,5,5,9\r\n")
    assert datasets.detect(path) == "list"
    boxes = fastanchor.read(path, source_size=(100, 50), strict=True)
    assert boxes.wh.tolist() == [[30, 40], [2, 2], [5, 5]]
    assert (boxes.class_names, boxes.class_index.tolist()) == (("9", "10"), [1, 0, 0])
    assert boxes.image_wh.tolist() == [[100, 50]] * 3
    picture(tmp_path / "my images" / "a.jpg", (64, 48))
    boxes = fastanchor.read(path)
    assert (boxes.image_wh.tolist(), boxes.skipped) == (
        [[64, 48]],
        {"image size missing": 2, "box of an image without a size": 1},
    )


def test_numbered_list(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("0 x/a.jpg 1920 1080 0 453 369 473 391 1 588 245 608 268\n1 x/b.jpg 64 48\n")
    assert datasets.detect(path) == "list"
    boxes = fastanchor.read(path, strict=True)
    assert boxes.wh.tolist() == [[20, 22], [20, 23]]
    assert boxes.image_wh.tolist() == [[1920, 1080], [64, 48]]
    assert [i.classes for i in datasets.iter_images(path)] == [("0", "1"), ()]


def test_bad_lists(tmp_path):
    path = tmp_path / "train.txt"
    path.write_text("a.jpg 1,2,3,4,0 5,6,7 1,2,1,4,0 1,2,inf,4,0\nhello\n0 b.jpg 9 9 0 1 2\n")
    boxes = fastanchor.read(path, source_size=(9, 9))
    assert len(boxes) == 1
    assert boxes.skipped == {
        "box of 3 values instead of 5": 2,
        "box with zero width or height": 1,
        "box with non-finite coordinates": 1,
        "line that is not an image with boxes": 1,
    }
    with pytest.raises(DataError, match="declares no splits; leave it out"):
        fastanchor.read(path, split="train")
    path.write_text("nothing of use\n")
    with pytest.raises(DataError, match=r"nothing could be read; .*line 1: line that is not an image"):
        fastanchor.read(path, format="list")


def test_a_list_may_begin_with_an_image_without_boxes(tmp_path):
    (tmp_path / "list.txt").write_text("a.jpg\nb.jpg 1,2,3,4,0\n")
    boxes = fastanchor.read(tmp_path / "list.txt", source_size=(40, 30))
    assert boxes.wh.tolist() == [[2, 2]]
    assert len(boxes.image_wh) == 2


GLUED = {
    "with a blank": f"{CAR} {CAR}\n",
    "without one": f"{CAR}{CAR}\n",
    "many": CAR * 12,
    "with scores": f"{CAR} 0.9 {CAR} 0.8",
    "of a class with a blank": f"traffic light{CAR[3:]} {CAR}",
}


@pytest.mark.parametrize("text", GLUED.values(), ids=GLUED)
def test_kitti_lines_of_several_objects_are_named(tmp_path, text):
    labels = kitti(tmp_path, a=text, b=f"{CAR}\n", c=text)
    said = []
    boxes = fastanchor.read(tmp_path, source_size=(1242, 375), report=said.append)
    np.testing.assert_array_equal(boxes.wh, [WH])
    assert boxes.skipped == {"line with more than one object": 2}
    assert said[0].startswith(f"{labels / 'a.txt'}, line 1: line with more than one object (")
    (labels / "b.txt").unlink()
    with pytest.raises(DataError, match=r"nothing could be read; .*a\.txt, line 1: line with more than one object"):
        fastanchor.read(tmp_path, source_size=(1242, 375))


@pytest.mark.parametrize("name", ["traffic light", "Type 2 car", "a b c d e f g h"])
def test_kitti_classes_hold_blanks_and_numbers(tmp_path, name):
    kitti(tmp_path, a=CAR.replace("Car", name))
    boxes = fastanchor.read(tmp_path, source_size=(1242, 375), strict=True)
    np.testing.assert_array_equal(boxes.wh, [WH])
    assert boxes.class_names == (name,)
