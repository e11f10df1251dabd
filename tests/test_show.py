"""Which images are shown, and the anchors that are drawn with their boxes."""

import io
import json
import tarfile
import zipfile

import numpy as np
import pytest

from fastanchor import Boxes
from fastanchor.cli import main
from fastanchor.datasets import ImageAnnotation, _members, images_of, iter_images
from fastanchor.datasets._pictures import picked
from fastanchor.preview import EMPTY, draw

from contract import write

Image = pytest.importorskip("PIL.Image")
ImageColor = pytest.importorskip("PIL.ImageColor")


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


@pytest.mark.parametrize("anchors", [None, [[40, 60]]])
def test_boxes_without_classes_are_drawn_without_names(tmp_path, anchors):
    options = {} if anchors is None else {"anchors": anchors, "img_size": 240}
    image = ImageAnnotation("a", None, 480.0, 480.0, np.array([[100.0, 100.0, 200.0, 300.0]]), ())
    seen = np.asarray(Image.open(draw([image], tmp_path / "a", **options)[0]).convert("RGB")).astype(int)
    named = image._replace(classes=("cat",))
    other = np.asarray(Image.open(draw([named], tmp_path / "b", **options)[0]).convert("RGB")).astype(int)
    np.testing.assert_array_equal(seen[120:], other[120:])  # below the name
    assert (seen != other).any()


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


@pytest.mark.parametrize("pitch", [14, 30, 60])
def test_names_hide_no_small_box(tmp_path, pitch):
    at = np.arange(4.0, 466.0, pitch)
    corners = np.stack(np.meshgrid(at, at), axis=-1).reshape(-1, 2)
    image = ImageAnnotation("a", None, 480.0, 480.0, np.hstack([corners, corners + 10]), ("cat",) * len(corners))
    picture = np.asarray(Image.open(draw([image], tmp_path)[0]).convert("RGB"))
    x, y = (corners + 5).astype(int).T
    assert (picture[y, x] == ImageColor.getrgb(EMPTY)).all()


def test_a_sheet_is_no_wider_than_a_screen(tmp_path):
    image = ImageAnnotation("a", None, 60.0, 30.0, np.array([[1.0, 1.0, 9.0, 9.0]]), ("cat",))
    with Image.open(draw([image] * 30, tmp_path / "a.png", n=30)[0]) as sheet:
        assert sheet.width < 1500


# --- images in archives

COLOURS = {"one": "#00ff00", "two": "#0000ff", "three": "#ffff00"}
XML = (
    "<annotation><size><width>48</width><height>36</height></size><object><name>cat</name><bndbox>"
    "<xmin>4</xmin><ymin>4</ymin><xmax>9</xmax><ymax>9</ymax></bndbox></object></annotation>"
)


def packed(file, **others):
    """Write an archive of three images, each of one colour, with a label each; `others` are further or other files."""
    members = {}
    for name, colour in COLOURS.items():
        data = io.BytesIO()
        Image.new("RGB", (48, 36), colour).save(data, "PNG")
        members |= {f"{name}.png": data.getvalue(), f"{name}.xml": XML.encode()}
    members = {name: data for name, data in {**members, **others}.items() if data is not None}
    if file.suffix == ".zip":
        with zipfile.ZipFile(file, "w") as archive:
            for name, data in members.items():
                archive.writestr(name, data)
    else:
        with tarfile.open(file, {"tar": "w", "gz": "w:gz"}[file.name.rpartition(".")[2]]) as archive:
            for name, data in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(data)
                archive.addfile(info, io.BytesIO(data))
    return file


def middle(path):
    with Image.open(path) as picture:
        return "#{:02x}{:02x}{:02x}".format(*picture.getpixel((picture.width // 2, picture.height // 2)))


KINDS = ["a.zip", "a.tar", "a.tar.gz"]


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("rng", [0, 1, 2])
def test_images_in_an_archive_are_drawn(kind, rng, tmp_path):
    said = []
    file = packed(tmp_path / kind)
    paths = draw(file, tmp_path / "out", pick="random", rng=rng, report=said.append)
    assert {path.stem: middle(path) for path in paths} == COLOURS
    assert said == []
    assert all(image.content is None and image.image_path is None for image in iter_images(file))


DAMAGED = {
    "missing": (None, "are not found, and drawn as empty canvases; give --images DIR"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1", "two: Git LFS pointer instead of an image"),
    "cut": (b"\x89PNG\r\n\x1a\n" + b"\0" * 90, "cannot be read, and are drawn as empty canvases; two: not a readable"),
    "empty": (b"", "two: nothing could be unpacked"),
    "large": (b"P" * 5000, "two: nothing could be unpacked"),
}


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("data", "sentence"), DAMAGED.values(), ids=DAMAGED)
def test_images_that_are_missing_in_an_archive_are_said(kind, data, sentence, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr(_members, "IMAGE", 4000)
    file, out = packed(tmp_path / kind, **{"two.png": data}), tmp_path / "out"
    assert main(["show", str(file), "-o", str(out), "--json"]) == 0
    said = capsys.readouterr()
    assert f"1 of 3 images {'are not' if data is None else 'cannot'}" in said.err
    assert sentence in said.err
    answer = json.loads(said.out)
    assert (answer["missing"], answer["unreadable"]) == ((1, []) if data is None else (0, ["two"]))
    assert {name: middle(out / f"{name}.png") for name in COLOURS} == {**COLOURS, "two": EMPTY}


def test_images_beside_an_archive_are_found(tmp_path):
    for name, colour in COLOURS.items():
        Image.new("RGB", (48, 36), colour).save(tmp_path / f"{name}.png")
    file = packed(tmp_path / "a.zip", **dict.fromkeys([f"{name}.png" for name in COLOURS]))
    said = []
    draw(file, tmp_path / "out", report=said.append)
    assert said == ["3 of 3 images are not found, and drawn as empty canvases; see images of iter_images"]
    draw(iter_images(file, images=tmp_path), tmp_path / "out")
    assert {name: middle(tmp_path / "out" / f"{name}.png") for name in COLOURS} == COLOURS
