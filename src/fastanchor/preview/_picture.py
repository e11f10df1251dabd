"""One image with its boxes, the names of their classes, and the anchors that match them best."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np

from fastanchor import _check
from fastanchor._reading import opened
from fastanchor._types import Fit, FloatArray
from fastanchor.boxes import image_scale
from fastanchor.datasets import ImageAnnotation
from fastanchor.datasets._sizes import kind_of
from fastanchor.evaluate import best_anchor
from fastanchor.preview._text import FONT_SIZE, PALETTE, cut, font_of, printable, readable_on

__all__ = ["EMPTY", "MISSING", "Matched", "Tile", "tile"]

EMPTY, FAINT = "#eef1f4", "#6b747d"
MISSING = "not found"
HEAD = 512  # bytes that say what a file is which is not an image
DASH = 4
SMALL = 2000  # square pixels of the picture, of a box that a label could hide
Place = tuple[float, float, float, float]  # left, top, right, bottom


class Tile(NamedTuple):
    """An image with its boxes."""

    picture: Any
    unnamed: int  # number of names that have no room
    empty: str  # why the boxes are on an empty canvas, such as MISSING; empty if they are on the image


def tile(image: ImageAnnotation, size: tuple[int, int], colours: dict[str, str], matched: Matched | None) -> Tile:
    """Return the image at `size` with its boxes. Labels come last, so that no box hides one."""
    from PIL import ImageDraw

    picture, empty = _canvas(image, size)
    pen, font = ImageDraw.Draw(picture), font_of(FONT_SIZE)
    if empty:
        pen.text((4, size[1] - FONT_SIZE - 5), cut(f"image {empty}", size[0] - 8, font), fill=FAINT, font=font)
    scale = size[0] / image.width, size[1] / image.height
    boxes: list[Any] = [tuple(v * scale[i % 2] for i, v in enumerate(box)) for box in image.boxes.tolist()]
    names, colours = image.classes or ("",) * len(boxes), {"": PALETTE[0], **colours}  # labels may have no classes
    for box, name in zip(boxes, names, strict=True):
        _rectangle(pen, box, size, colours[name])
    texts, order = [printable(name, font) for name in names], list(range(len(boxes)))
    if matched is not None and len(boxes):
        places, best = matched.of(image)
        for place, name in zip(places.tolist(), names, strict=True):
            _dashed(pen, [v * scale[i % 2] for i, v in enumerate(place)], size, colours[name])
        order = np.argsort(best, kind="stable").tolist()  # where there is no room for all names, the worst have theirs
        texts = [f"{text} {ratio:.2f}".lstrip() for text, ratio in zip(texts, best.tolist(), strict=True)]
    taken: list[Place] = []
    small = _small(boxes)
    for i in (i for i in order if texts[i]):
        _label(pen, (boxes[i], *small), texts[i], colours[names[i]], size, font, taken)
    return Tile(picture, len(list(filter(None, texts))) - len(taken), empty)


def _canvas(image: ImageAnnotation, size: tuple[int, int]) -> tuple[Any, str]:
    """Return the image at `size`; if there is none, an empty canvas and the reason."""
    from PIL import Image, ImageOps

    empty, head = MISSING, None
    if image.image_path is not None or image.content is not None:
        try:
            with opened(image.image_path) if image.image_path is not None else io.BytesIO(image.content or b"") as file:
                head = file.read(HEAD)
                file.seek(0)
                with Image.open(file) as source:
                    # labels are for the stored pixels or for the turned picture: take the one of their size
                    turned = source.size != (image.width, image.height)
                    return (ImageOps.exif_transpose(source) if turned else source).convert("RGB").resize(size), ""
        except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
            if image.content == b"":
                why = "nothing could be unpacked"
            else:
                why = getattr(error, "strerror", None) or "cannot be opened" if head is None else kind_of(head)
            empty = f"not readable: {why}"
    return Image.new("RGB", size, EMPTY), empty


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
    """Write a name at the first of `boxes`, where it hides no other name and none of the other boxes."""
    text = cut(text, size[0] - 6, font)
    width, height = math.ceil(font.getlength(text)) + 6, FONT_SIZE + 5
    x0, y0, x1, y1 = boxes[0]
    wished = [(x0, y0 - height), (x0, y0), (x0, y1), (x1 - width, y0 - height), (x0, y1 - height), (x1 - width, y1)]
    wished += [(x1 + 1, y0), (x0 - width - 1, y0), (x1 + 1, y1 - height), (x0 - width - 1, y1 - height)]
    places = []
    for left, top in wished:
        left, top = min(max(left, 0), max(0, size[0] - width)), min(max(top, 0), max(0, size[1] - height))
        left, top = round(left), round(top)  # letters drawn between pixels blur
        places.append((left, top, left + width, top + height))

    place = next((place for place in places if not any(_meet(place, one) for one in (*taken, *boxes[1:]))), None)
    if place is None:
        return
    taken.append(place)
    pen.rectangle((place[0], place[1], place[2] - 1, place[3] - 1), fill=colour)
    pen.text((place[0] + 3, place[1] + 1), text, fill=readable_on(colour), font=font)


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
