"""Pictures: what is written where, what is on them, and that nothing odd stops them."""

import sys

import numpy as np
import pytest

from fastanchor import BackendError, DataError
from fastanchor.datasets import ImageAnnotation
from fastanchor.preview import EMPTY, PALETTE, draw

Image = pytest.importorskip("PIL.Image")
ImageColor = pytest.importorskip("PIL.ImageColor")


def labelled(name="a", size=(100, 80), boxes=((10, 20, 40, 60),), classes=None, path=None):
    classes = tuple(classes) if classes is not None else ("cat",) * len(boxes)
    return ImageAnnotation(name, path, *size, np.array(boxes, dtype=float).reshape(-1, 4), classes)


def pixels(path):
    with Image.open(path) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def has(picture, colour):
    return (picture == ImageColor.getrgb(colour)).all(axis=2).any()


@pytest.mark.parametrize(("count", "shape"), [(1, (1, 1)), (2, (1, 2)), (5, (2, 3)), (9, (3, 3))])
def test_sheet(tmp_path, count, shape):
    out = tmp_path / "new" / "sheet.png"
    assert draw((labelled(str(i)) for i in range(20)), out, n=count) == [out]
    height, width, _ = pixels(out).shape
    assert (height - 12, width - 12) == (shape[0] * 398, shape[1] * 492)
    assert [p.name for p in out.parent.iterdir()] == ["sheet.png"]


def test_single_pictures(tmp_path):
    images = [labelled("a"), labelled("A"), labelled("x/y:z"), labelled("", size=(4000, 1000)), labelled("..")]
    written = draw(images, tmp_path / "out")
    assert [p.name for p in written] == ["a.png", "A_2.png", "x_y_z.png", "image.png", "...png"]
    assert sorted(p.name for p in (tmp_path / "out").iterdir()) == sorted(p.name for p in written)
    assert pixels(written[0]).shape == (384, 480, 3)
    assert pixels(written[3]).shape == (400, 1600, 3)


def test_the_box_is_where_it_should_be(tmp_path):
    (out,) = draw([labelled(size=(480, 480), boxes=[(100, 200, 300, 400)])], tmp_path)
    picture = pixels(out)
    colour = ImageColor.getrgb(PALETTE[0])
    for x, y in ((100, 300), (299, 300), (200, 200), (200, 399)):
        assert tuple(picture[y, x]) == colour
    assert tuple(picture[300, 200]) == ImageColor.getrgb(EMPTY)


def test_drawn_on_the_image(tmp_path):
    path = tmp_path / "a.jpg"
    Image.new("RGB", (100, 80), "#00ff00").save(path)
    out = draw([labelled(path=path)], tmp_path / "sheet.png")[0]
    assert not has(pixels(out), EMPTY)
    path.write_bytes(b"broken")
    assert has(pixels(draw([labelled(path=path)], out)[0]), EMPTY)


def test_image_turned_by_its_camera(tmp_path):
    """The file is 100 x 80 with a flag "turn me"; the labels speak of 80 x 100."""
    path = tmp_path / "a.jpg"
    exif = Image.Exif()
    exif[0x0112] = 6
    source = Image.new("RGB", (100, 80), "white")
    source.paste("black", (0, 0, 50, 80))
    source.save(path, exif=exif)
    (out,) = draw([labelled(size=(80, 100), boxes=[], path=path)], tmp_path / "turned")
    picture = pixels(out).mean(axis=2)
    assert picture.shape == (480, 384)
    assert picture[:200].max() < 60
    assert picture[280:].min() > 200


def test_classes_have_colours_of_their_own(tmp_path):
    names = [f"class {i:02d}" for i in range(30)]
    boxes = [(30 * (i % 6) + 2, 30 * (i // 6) + 2, 30 * (i % 6) + 28, 30 * (i // 6) + 28) for i in range(30)]
    (out,) = draw([labelled(size=(480, 480), boxes=np.array(boxes) * 2.5, classes=names)], tmp_path)
    picture = pixels(out)
    colours = {tuple(picture[int(y0 * 2.5) + 38, int(x0 * 2.5)]) for x0, y0, _, _ in boxes}
    assert len(colours) == 30


@pytest.mark.parametrize(
    "name", ["猫", "é", "собака", "a\nb", "\ud800", "", " ", "x" * 500, "🐈", "\0", "العربية"], ids=ascii
)
def test_any_class_name(tmp_path, name):
    from PIL import ImageFont

    images = [labelled(classes=[name]), labelled(name=name)]
    for font in ("best", "plain"):
        with pytest.MonkeyPatch.context() as patch:
            if font == "plain":
                for module in ("preview", "preview._picture"):
                    patch.setattr(f"fastanchor.{module}.font_of", lambda size: ImageFont.load_default())
            draw(images, tmp_path / "sheet.png")


ODD_BOXES = {
    "outside": (-50, -50, -10, -10),
    "around": (-1e9, -1e9, 1e9, 1e9),
    "tiny": (5, 5, 5.01, 5.01),
    "far away": (1e99, 1e99, 2e99, 2e99),
    "corner": (99, 79, 100, 80),
}


@pytest.mark.parametrize("box", ODD_BOXES.values(), ids=ODD_BOXES)
def test_any_box(tmp_path, box):
    draw([labelled(boxes=[box])], tmp_path / "a.png")
    draw([labelled(boxes=[box])], tmp_path)


@pytest.mark.parametrize("size", [(1, 1), (1, 100_000), (100_000, 1), (0.5, 0.5)])
def test_any_image_size(tmp_path, size):
    draw([labelled(size=size, boxes=[(0, 0, *size)])], tmp_path / "a.png")
    draw([labelled(size=size, boxes=[(0, 0, *size)])], tmp_path)


def test_a_data_set_by_its_path(tmp_path):
    size = "<size><width>9</width><height>9</height></size>"
    corners = "<xmin>1</xmin><ymin>1</ymin><xmax>8</xmax><ymax>8</ymax>"
    (tmp_path / "a.xml").write_text(f"<annotation>{size}<object><bndbox>{corners}</bndbox></object></annotation>")
    (tmp_path / "b.xml").write_text("")
    said = []
    (out,) = draw(tmp_path, tmp_path / "pictures", report=said.append)
    assert out.name == "a.png"
    assert said[1:] == ["1 of 1 images are not found, and drawn as empty canvases; see images of iter_images"]


def test_refused(tmp_path):
    with pytest.raises(DataError, match=r"out = '.*sheet': a sheet is one file, whose name must end with \.png"):
        draw([labelled()], tmp_path / "sheet", sheet=True)
    with pytest.raises(DataError, match="images: got none, expected at least one to draw"):
        draw([], tmp_path)
    with pytest.raises(DataError, match="n = 0: must be at least 1"):
        draw([labelled()], tmp_path, n=0)
    with pytest.raises(DataError, match="split = 'val': not supported for images; only a path has splits"):
        draw([labelled()], tmp_path, split="val")


def test_nothing_half_written(tmp_path):
    (tmp_path / "file").write_text("in the way")
    with pytest.raises(DataError, match=r"a\.png: cannot be written"):
        draw([labelled()], tmp_path / "file" / "a.png")
    (tmp_path / "b.png").mkdir()
    with pytest.raises(DataError, match=r"b\.png: is a folder"):
        draw([labelled()], tmp_path / "b.png")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["b.png", "file"]


def test_pillow_missing(tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "PIL", None)
    monkeypatch.setitem(sys.modules, "PIL.Image", None)
    with pytest.raises(BackendError, match=r"pip install 'fastanchor\[images\]'"):
        draw([labelled()], tmp_path)


@pytest.mark.parametrize("name", ["a.html", "b.pmg", "s3.jpg", "c.PDF", "d.jpeg"])
def test_a_file_that_is_no_png_is_refused(tmp_path, name):
    with pytest.raises(DataError, match=rf"{name}: must end in \.png, or be a folder"):
        draw([labelled()], tmp_path / name)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / name).mkdir()
    assert [path.parent.name for path in draw([labelled()], tmp_path / name)] == [name]


@pytest.mark.parametrize("name", ["v1.0", "pictures", ".hidden", "run.2026-11-27"])
def test_folders_with_a_dot_in_their_name(tmp_path, name):
    assert [path.parent.name for path in draw([labelled()], tmp_path / name)] == [name]


@pytest.mark.parametrize("name", ["a", "folder/" * 40 + "a", "W" * 300])
def test_a_caption_keeps_the_number_of_boxes(tmp_path, monkeypatch, name):
    from PIL import ImageDraw

    written = []
    text = ImageDraw.ImageDraw.text
    monkeypatch.setattr(ImageDraw.ImageDraw, "text", lambda pen, xy, s, **k: [written.append(s), text(pen, xy, s, **k)])
    draw([labelled(name)], tmp_path / "a.png")
    assert written[-1].endswith("  100 x 80, 1 box")
