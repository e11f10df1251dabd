"""Labelled images as pictures: a contact sheet, or one PNG per image. Pillow draws; no window is opened."""

from __future__ import annotations

import importlib.util
import io
import math
import os
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fastanchor import _check
from fastanchor._errors import BackendError, DataError
from fastanchor._hints import called
from fastanchor._output import check_output, is_stream, whole
from fastanchor._reading import opened
from fastanchor._types import Fit, FloatArray, Rng, Sizes
from fastanchor.boxes import image_scale
from fastanchor.datasets import ImageAnnotation, Pick, images_of
from fastanchor.evaluate import best_anchor

__all__ = ["checked", "draw", "jpeg"]

# distinct for most colour-blind people when few are used; further classes take hues in between
PALETTE = ("#e6194b", "#1f77d0", "#f58231", "#2a9d3a", "#911eb4", "#00a5a5", "#d4a800", "#f032e6", "#8c564b", "#4b5fc9")
PAPER, EMPTY, INK, FRAME = "#ffffff", "#eef1f4", "#333333", "#c9ced4"
CELL, CAPTION, GAP = (480, 360), 26, 12  # pixels of the sheet
LONG_SIDE = (480, 1600)  # pixels: single pictures are scaled to lie within
COLUMNS = 3  # of a sheet, which is then as wide as a screen
FONT_SIZE, DASH = 13, 4
SMALL = 2000  # square pixels of the picture, of a box that a label could hide
Place = tuple[float, float, float, float]  # left, top, right, bottom
ENDING = re.compile(r"\.[a-z]\w{1,4}")  # of a file; folders may be called "v1.0"


def draw(
    images: str | os.PathLike[str] | Iterable[ImageAnnotation],
    out: str | os.PathLike[str],
    *,
    n: int = 9,
    sheet: bool | None = None,
    format: str = "auto",
    split: str | None = None,
    report: Callable[[str], None] | None = None,
    replace: bool = True,
    pick: Pick = "first",
    rng: Rng = None,
    anchors: Sizes | None = None,
    img_size: int | Sequence[int] = 640,
    fit: Fit = "letterbox",
) -> list[Path]:
    """Draw images of a data set with their boxes and class names, and return the files written.

    An image that is not found is drawn as an empty canvas of its size. With `anchors`, each box gets the anchor that
    matches it best, dashed and with the same centre, and the ratio of both beside the name of its class.

    Parameters
    ----------
    images : path-like or iterable of ImageAnnotation
        A labelled data set, see :func:`fastanchor.read`, or the images that
        :func:`fastanchor.datasets.iter_images` yields.
    out : path-like
        A ``.png`` file for a contact sheet, else a folder for one PNG per image; missing folders are made, unless
        their name ends like a file. A pipe or device gets a sheet.
    n : int, default 9
        Number of images.
    sheet : bool, optional
        One sheet or single pictures. Default: decided by the name of `out`.
    format, split, report
        As in :func:`fastanchor.read`; only with a path.
    replace : bool, default True
        Whether files that exist may be replaced.
    pick : {"first", "classes", "random"}
        Which images of a path: the first; images with each class in turn, at random; or any, at random.
    rng : int, numpy.random.Generator or None
        Seed or source of randomness of `pick`.
    anchors : (k, 2) array-like, optional
        Anchors to draw, pixels of the network input.
    img_size, fit
        How images are brought to the network input, for `anchors`; see :meth:`Boxes.scaled`.

    Raises
    ------
    BackendError
        If Pillow is not installed.
    DataError
        If an argument breaks a rule, there is no image, or `out` cannot be written or may not be replaced.
    """
    n = _check.integer(n, "n", least=1)
    target, one = checked(out, sheet=sheet, replace=replace)
    if isinstance(images, (str, os.PathLike)):
        images = images_of(
            images, limit=n, format=format, split=split, report=report, pick=pick, rng=rng
        ).images  # fmt: skip
    elif split is not None:
        raise DataError(f"{called('split')} = {split!r}: not supported for images; only a path has splits")
    chosen = list(islice(images, n))
    if not chosen:
        raise DataError(f"{called('images')}: got none, expected at least one to draw")
    colours = _colours(sorted({name for image in chosen for name in image.classes}))
    matched = None if anchors is None else Matched(_check.as_sizes(anchors, "anchors"), img_size, fit)
    if one:
        return [_save(_sheet(chosen, colours, matched), target, replace)]
    paths = [target / name for name in _file_names([image.name for image in chosen])]
    for path in paths:  # all of them before the first is written
        check_output(path, replace=replace)
    return [_save(_single(image, colours, matched), path, replace) for image, path in zip(chosen, paths, strict=True)]


def checked(out: str | os.PathLike[str], *, sheet: bool | None = None, replace: bool = True) -> tuple[Path, bool]:
    """Return the path to draw to, and whether it gets one sheet: what can be known before images are read.

    Raises
    ------
    BackendError
        If Pillow is not installed.
    DataError
        If `out` is neither a ``.png`` file nor a folder, cannot be written, or may not be replaced.
    """
    try:
        import PIL.Image  # noqa: F401
    except ImportError:
        raise BackendError("Pillow is not installed; pip install 'fastanchor[images]'") from None
    target = _check.as_path(out, "out")
    ending = target.suffix.lower()
    one = ending == ".png" or is_stream(target) if sheet is None else sheet
    if one and ending != ".png" and not is_stream(target):
        raise DataError(f"{called('out')} = {str(target)!r}: a sheet is one file, whose name must end with .png")
    if sheet is None and not one and ENDING.fullmatch(ending) and not target.is_dir():
        raise DataError(f"{target}: must end in .png, or be a folder")
    if one:
        check_output(target, replace=replace)
    return target, one


def _file_names(names: Sequence[str]) -> list[str]:
    """Return a distinct file name for each name."""
    taken: set[str] = set()
    result = []
    for name in names:
        stem = "".join("_" if c in '/\\:*?"<>|\0' else c for c in name).strip() or "image"
        free = next(s for s in (stem, *(f"{stem}_{i}" for i in range(2, len(names) + 2))) if s.lower() not in taken)
        taken.add(free.lower())
        result.append(f"{free}.png")
    return result


def _colours(names: Sequence[str]) -> dict[str, str]:
    from PIL import ImageColor

    def colour(i: int) -> str:
        if i < len(PALETTE):
            return PALETTE[i]
        # multiples of the golden ratio stay far apart
        rgb = ImageColor.getrgb(f"hsl({360 * (i * 0.618034 % 1):.0f}, 70%, {38 + 14 * (i % 3)}%)")
        return "#{:02x}{:02x}{:02x}".format(*rgb[:3])

    return {name: colour(i) for i, name in enumerate(names)}


def jpeg(images: Sequence[ImageAnnotation], anchors: Sizes, img_size: int | Sequence[int], fit: Fit) -> bytes:
    """Return a sheet of these images with their boxes and anchors, two beside each other for narrow screens."""
    matched = Matched(_check.as_sizes(anchors, "anchors"), img_size, fit)
    out = io.BytesIO()
    colours = _colours(sorted({name for image in images for name in image.classes}))
    _sheet(images, colours, matched, most=2).save(out, format="JPEG", quality=85)
    return out.getvalue()


# --- pictures


def _sheet(
    images: Sequence[ImageAnnotation], colours: dict[str, str], matched: Matched | None, most: int = COLUMNS
) -> Any:
    from PIL import Image, ImageDraw

    columns = min(math.ceil(math.sqrt(len(images))), most)
    rows = math.ceil(len(images) / columns)
    step = CELL[0] + GAP, CELL[1] + CAPTION + GAP
    page = Image.new("RGB", (columns * step[0] + GAP, rows * step[1] + GAP), PAPER)
    pen, font = ImageDraw.Draw(page), _font(FONT_SIZE)
    for i, image in enumerate(images):
        left, top = GAP + i % columns * step[0], GAP + i // columns * step[1]
        tile, unnamed = _picture(image, _fitting(image, CELL), colours, matched)
        corner = left + (CELL[0] - tile.width) // 2, top + (CELL[1] - tile.height) // 2
        page.paste(tile, corner)
        pen.rectangle((left - 1, top - 1, left + CELL[0], top + CELL[1]), outline=FRAME)
        rest = f"  {_size_text(image)}" + (f", {unnamed} without room for a name" if unnamed else "")
        caption = _cut(_printable(image.name, font), CELL[0] - font.getlength(rest), font) + rest
        pen.text((left, top + CELL[1] + 5), caption, fill=INK, font=font)
    return page


def _single(image: ImageAnnotation, colours: dict[str, str], matched: Matched | None) -> Any:
    longest = max(image.width, image.height)
    scale = min(max(LONG_SIDE[0], longest), LONG_SIDE[1]) / longest
    return _picture(image, (_side(image.width * scale), _side(image.height * scale)), colours, matched)[0]


def _fitting(image: ImageAnnotation, cell: tuple[int, int]) -> tuple[int, int]:
    scale = min(cell[0] / image.width, cell[1] / image.height)
    return _side(image.width * scale), _side(image.height * scale)


def _side(value: float) -> int:
    return max(1, round(value))


def _size_text(image: ImageAnnotation) -> str:
    count = len(image.boxes)
    return f"{image.width:g} x {image.height:g}, {count} box{'' if count == 1 else 'es'}"


def _picture(
    image: ImageAnnotation, size: tuple[int, int], colours: dict[str, str], matched: Matched | None
) -> tuple[Any, int]:
    """Return the image at `size` with its boxes, and the number of names that have no room.

    Labels come last, so that no box hides one.
    """
    from PIL import ImageDraw

    picture = _canvas(image, size)
    pen, font = ImageDraw.Draw(picture), _font(FONT_SIZE)
    scale = size[0] / image.width, size[1] / image.height
    boxes: list[Any] = [tuple(v * scale[i % 2] for i, v in enumerate(box)) for box in image.boxes.tolist()]
    for box, name in zip(boxes, image.classes, strict=True):
        _rectangle(pen, box, size, colours[name])
    texts, order = [_printable(name, font) for name in image.classes], list(range(len(boxes)))
    if matched is not None and len(boxes):
        places, best = matched.of(image)
        for place, name in zip(places.tolist(), image.classes, strict=True):
            _dashed(pen, [v * scale[i % 2] for i, v in enumerate(place)], size, colours[name])
        order = np.argsort(best, kind="stable").tolist()  # where there is no room for all names, the worst have theirs
        texts = [f"{text} {ratio:.2f}" for text, ratio in zip(texts, best.tolist(), strict=True)]
    taken: list[Place] = []
    small = _small(boxes)
    for i in order:
        _label(pen, (boxes[i], *small), texts[i], colours[image.classes[i]], size, font, taken)
    return picture, len(boxes) - len(taken)


def _canvas(image: ImageAnnotation, size: tuple[int, int]) -> Any:
    from PIL import Image, ImageOps

    if image.image_path is not None:
        try:
            with opened(image.image_path) as file, Image.open(file) as source:
                # labels are for the stored pixels or for the turned picture: take the one of their size
                turned = source.size != (image.width, image.height)
                return (ImageOps.exif_transpose(source) if turned else source).convert("RGB").resize(size)
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError):
            pass  # a picture that cannot be read is drawn like one that is missing
    return Image.new("RGB", size, EMPTY)


def _rectangle(pen: Any, box: Sequence[float], size: tuple[int, int], colour: str) -> None:
    # sides far outside are moved to just outside: Pillow draws every pixel of a line, visible or not
    x0, y0, x1, y1 = (min(max(v, -9.0), size[i % 2] + 9.0) for i, v in enumerate(box))
    pen.rectangle((x0, y0, max(x0, x1 - 1), max(y0, y1 - 1)), outline=colour, width=2)


def _dashed(pen: Any, box: Sequence[float], size: tuple[int, int], colour: str) -> None:
    x0, y0, x1, y1 = (min(max(v, -9.0), size[i % 2] + 9.0) for i, v in enumerate(box))
    for at in range(math.floor(x0), math.ceil(x1), 2 * DASH):
        for y in (y0, y1):
            pen.line((at, y, min(at + DASH, x1), y), fill=colour, width=1)
    for at in range(math.floor(y0), math.ceil(y1), 2 * DASH):
        for x in (x0, x1):
            pen.line((x, at, x, min(at + DASH, y1)), fill=colour, width=1)


def _small(boxes: Sequence[Place]) -> list[Place]:
    """Return the boxes that a label could hide."""
    return [box for box in boxes if (box[2] - box[0]) * (box[3] - box[1]) < SMALL]


def _label(
    pen: Any, boxes: Sequence[Place], text: str, colour: str, size: tuple[int, int], font: Any, taken: list[Place]
) -> None:
    """Write a name at the first of `boxes`, where it hides no other name, and if possible none of the other boxes."""
    text = _cut(text, size[0] - 6, font)
    width, height = math.ceil(font.getlength(text)) + 6, FONT_SIZE + 5
    x0, y0, x1, y1 = boxes[0]
    wished = [(x0, y0 - height), (x0, y0), (x0, y1), (x1 - width, y0 - height), (x0, y1 - height), (x1 - width, y1)]
    wished += [(x1 + 1, y0), (x0 - width - 1, y0), (x1 + 1, y1 - height), (x0 - width - 1, y1 - height)]
    places = []
    for left, top in wished:
        left, top = min(max(left, 0), max(0, size[0] - width)), min(max(top, 0), max(0, size[1] - height))
        left, top = round(left), round(top)  # letters drawn between pixels blur
        places.append((left, top, left + width, top + height))

    def hidden(place: Place) -> tuple[int, int]:
        return sum(_meet(place, name) for name in taken), sum(_meet(place, one) for one in boxes[1:])

    place = min(places, key=hidden)
    if hidden(place)[0]:
        return
    taken.append(place)
    pen.rectangle((place[0], place[1], place[2] - 1, place[3] - 1), fill=colour)
    pen.text((place[0] + 3, place[1] + 1), text, fill=_readable_on(colour), font=font)


def _meet(a: Sequence[float], b: Sequence[float]) -> bool:
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


class Matched(NamedTuple):
    """Anchors in pixels of the network input, and how images are brought to it."""

    anchors: FloatArray
    img_size: int | Sequence[int]
    fit: Fit

    def of(self, image: ImageAnnotation) -> tuple[FloatArray, FloatArray]:
        """Return the best anchor of each box, as left, top, right and bottom on the image, (m, 4), and the ratios."""
        scale = image_scale(np.array([[image.width, image.height]], dtype=np.float64), self.img_size, self.fit)
        wh = image.boxes[:, 2:] - image.boxes[:, :2]
        labels, best = best_anchor(np.maximum(wh * scale, _check.MIN_SIDE), self.anchors)
        half = self.anchors[labels] / scale / 2.0
        middle = (image.boxes[:, 2:] + image.boxes[:, :2]) / 2.0
        return np.hstack([middle - half, middle + half]), best


# --- text


def _font(size: int) -> Any:
    """Return the font with the most letters: Matplotlib's DejaVu Sans, found without importing Matplotlib."""
    from PIL import ImageFont

    spec = importlib.util.find_spec("matplotlib")
    names = ["DejaVuSans.ttf"]
    if spec is not None and spec.origin is not None:
        names.insert(0, str(Path(spec.origin).parent / "mpl-data/fonts/ttf/DejaVuSans.ttf"))
    for name in names:
        try:
            return ImageFont.truetype(name, size)
        except (OSError, ImportError):
            continue
    return ImageFont.load_default()


def _printable(text: str, font: Any) -> str:
    """Return `text` with escapes for letters that the font lacks: empty squares would all look the same."""
    return "".join(c if (c.isascii() and c.isprintable()) or _has(font, c) else _escaped(c) for c in text)


def _escaped(letter: str) -> str:
    return letter.encode("unicode_escape").decode()


def _has(font: Any, letter: str) -> bool:
    try:
        # U+10FFFF is never a letter: the font draws for it what it draws for a letter that it lacks
        return letter.isprintable() and bytes(font.getmask(letter)) != bytes(font.getmask("\U0010ffff"))
    except (UnicodeError, ValueError, OSError):
        return False


def _cut(text: str, width: float, font: Any) -> str:
    if font.getlength(text) <= width:
        return text
    while len(text) > 1 and font.getlength(text + "...") > width:
        text = text[:-1]
    return text + "..."


def _readable_on(colour: str) -> str:
    r, g, b = (int(colour[i : i + 2], 16) for i in (1, 3, 5))
    return "#000000" if 0.299 * r + 0.587 * g + 0.114 * b > 150 else "#ffffff"


# --- files


def _save(picture: Any, path: Path, replace: bool) -> Path:
    """Write a PNG whole or not at all."""
    with whole(path, replace=replace) as part:
        picture.save(part, format="PNG")
    return path
