"""Which images are shown, and the anchors that are drawn with their boxes."""

import numpy as np
import pytest

from fastanchor import Boxes
from fastanchor.cli import main
from fastanchor.datasets import ImageAnnotation, images_of
from fastanchor.datasets._pictures import picked
from fastanchor.preview import draw

from contract import write

Image = pytest.importorskip("PIL.Image")


def boxes(kinds, images=None):
    index = range(len(kinds)) if images is None else images
    names = [f"c{i}" for i in range(max(kinds) + 1)]
    return Boxes([[9, 9]] * len(kinds), list(index), [[64, 64]] * (max(index) + 2), kinds, names)


def test_classes_take_turns():
    found = boxes([0] * 50 + [1, 1, 2])
    for seed in range(5):
        chosen = picked(found, 6, "classes", seed)
        kinds = [found.class_index[i] for i in chosen]
        assert sorted(kinds) == [0, 0, 0, 1, 1, 2]
        assert len(set(chosen)) == 6
    assert len(picked(found, 100, "classes", 0)) == 53


def test_an_image_of_several_classes_is_shown_once():
    assert sorted(picked(boxes([0, 1, 1], [0, 0, 1]), 5, "classes", 0)) == [0, 1]


def test_random_images_are_any_images():
    found = boxes([0, 0, 1])
    assert sorted(picked(found, 9, "random", 3)) == [0, 1, 2, 3]
    assert sorted(picked(found, 9, "random", 3, boxed=True)) == [0, 1, 2]
    assert picked(found, 2, "random", 3) == picked(found, 2, "random", 3)
    assert picked(found, 2, "first") == [0, 1]
    bare = Boxes([[1, 2]], [0], [[9, 9]])
    assert picked(bare, 1, "classes", 0) == [0]


def test_least_numbers_come_first():
    found = boxes([0, 0, 1, 1], [2, 0, 1, 2])
    assert picked(found, 2, lambda one: np.array([3.0, 2.0, 5.0, 1.0])) == [2, 0]


@pytest.mark.parametrize("pick", ["classes", "random", "first"])
def test_all_images_of_a_set(tmp_path, pick):
    place = write("voc", tmp_path / "set")
    found = images_of(place, limit=9, pick=pick, rng=0).images
    assert {image.name for image in found} == {"1", "9", "10"}


def test_anchors_are_drawn_around_the_middle_of_their_boxes(tmp_path):
    image = ImageAnnotation("a", None, 480.0, 480.0, np.array([[100.0, 100.0, 200.0, 300.0]]), ("cat",))
    plain, both = (
        np.asarray(Image.open(draw([image], tmp_path / name, **options)[0]).convert("RGB")).astype(int)
        for name, options in (("a", {}), ("b", {"anchors": [[40, 60], [10, 10]], "img_size": 240}))
    )
    rows, columns = np.nonzero(np.abs(plain - both).sum(axis=2))
    below = rows > 130  # of the name, which has a number too
    # 40 x 60 pixels of a network input of half the size
    assert (columns[below].min(), columns[below].max()) == (110, 190)
    assert (rows[below].min(), rows[below].max()) == (140, 260)


def test_the_command_shows_the_worst_boxes(tmp_path, capsys):
    place = str(write("voc", tmp_path / "set"))
    out = str(tmp_path / "pictures")
    assert main(["show", place, "-o", out, "-n", "1", "--anchors", "40,20", "--worst", "--img-size", "64"]) == 0
    # the box of 32 x 128 on an image of 128 x 256 becomes 8 x 32: no other is less like 40 x 20
    assert capsys.readouterr().out == f"{out}/9.png\n"
    assert main(["show", place, "-o", out, "--worst"]) == 2
    assert "--worst: needs --anchors" in capsys.readouterr().err


def test_names_that_have_no_room_are_counted(tmp_path):
    many = np.array([[10.0 + i, 10.0, 12.0 + i, 12.0] for i in range(40)])
    image = ImageAnnotation("a", None, 60.0, 30.0, many, ("a long name of a class",) * 40)
    one = image._replace(boxes=many[:1], classes=image.classes[:1])
    crowded, plain = (draw([each], tmp_path / f"{i}.png")[0] for i, each in enumerate((image, one)))
    widths = [np.flatnonzero((np.asarray(Image.open(path).convert("L"))[378:] < 128).any(axis=0)).max()
              for path in (crowded, plain)]  # fmt: skip
    assert widths[0] > widths[1] + 50


def test_a_sheet_is_no_wider_than_a_screen(tmp_path):
    image = ImageAnnotation("a", None, 60.0, 30.0, np.array([[1.0, 1.0, 9.0, 9.0]]), ("cat",))
    with Image.open(draw([image] * 30, tmp_path / "a.png", n=30)[0]) as sheet:
        assert sheet.width < 1500
