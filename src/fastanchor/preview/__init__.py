"""Labelled images as pictures: a contact sheet, or one PNG per image. Pillow draws; no window is opened."""

from __future__ import annotations

import io
import math
import os
import re
from collections.abc import Callable, Iterable, Sequence
from itertools import islice
from pathlib import Path
from typing import Any, NamedTuple

from fastanchor import _check
from fastanchor._errors import BackendError, DataError
from fastanchor._hints import called, hint
from fastanchor._output import check_output, is_stream, whole
from fastanchor._text import many
from fastanchor._types import Fit, Rng, Sizes
from fastanchor.datasets import ImageAnnotation, Pick, images_of
from fastanchor.preview._picture import EMPTY, MISSING, Matched, Tile, tile
from fastanchor.preview._text import FONT_SIZE, PALETTE, colours_of, cut, font_of, printable

__all__ = ["EMPTY", "PALETTE", "Drawn", "checked", "draw", "drawn", "jpegs"]

PAPER, INK, FRAME = "#ffffff", "#333333", "#c9ced4"
CELL, CAPTION, GAP = (480, 360), 26, 12  # pixels of the sheet
PHONE = (400, 300)  # pixels of a picture on a page
LONG_SIDE = (480, 1600)  # pixels: single pictures are scaled to lie within
LEGEND = "dashed: the anchor that matches best; number: the ratio of both, 1 for the same size"
COLUMNS = 3  # of a sheet, which is then as wide as a screen
ENDING = re.compile(r"\.[a-z]\w{1,4}")  # of a file; folders may be called "v1.0"


class Drawn(NamedTuple):
    """The files written, and which images are not on them."""

    paths: list[Path]
    images: int
    empty: list[tuple[str, str]]  # the name of each image that is an empty canvas, and why

    @property
    def missing(self) -> int:
        """Number of images that were not found."""
        return sum(why == MISSING for _, why in self.empty)

    @property
    def unreadable(self) -> list[tuple[str, str]]:
        """The images that were found but could not be read, and why."""
        return [(name, why.partition(": ")[2]) for name, why in self.empty if why != MISSING]

    def remarks(self) -> list[str]:
        """Return sentences about the images that are empty canvases."""
        of, texts = f"of {self.images:,} images", list[str]()
        if self.missing:
            texts.append(f"{self.missing} {of} are not found, and drawn as empty canvases; {hint('pictures')}")
        if self.unreadable:
            (name, why), *_ = self.unreadable
            texts.append(f"{len(self.unreadable)} {of} cannot be read, and are drawn as empty canvases; {name}: {why}")
        return texts


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

    An image that is not found is drawn as an empty canvas of its size. The images of an archive are drawn where
    `images` is its path, but not where they come from :func:`fastanchor.datasets.iter_images`. With `anchors`, each box
    gets the anchor that matches it best, dashed and with the same centre, and the ratio of both beside the name of its
    class.

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
    format, split
        As in :func:`fastanchor.read`; only with a path.
    report : callable, optional
        As in :func:`fastanchor.read`; called with a sentence about images that are empty canvases too.
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
    checked(out, sheet=sheet, replace=replace)  # before much is read
    if isinstance(images, (str, os.PathLike)):
        images = images_of(
            images, limit=n, format=format, split=split, report=report, pick=pick, rng=rng, contents=True
        ).images  # fmt: skip
    elif split is not None:
        raise DataError(f"{called('split')} = {split!r}: not supported for images; only a path has splits")
    found = drawn(images, out, n=n, sheet=sheet, replace=replace, anchors=anchors, img_size=img_size, fit=fit)
    if report is not None:
        for text in found.remarks():
            report(text)
    return found.paths


def drawn(
    images: Iterable[ImageAnnotation],
    out: str | os.PathLike[str],
    *,
    n: int = 9,
    sheet: bool | None = None,
    replace: bool = True,
    anchors: Sizes | None = None,
    img_size: int | Sequence[int] = 640,
    fit: Fit = "letterbox",
) -> Drawn:
    """Do what :func:`draw` does with images, and return which of them are empty canvases too."""
    n = _check.integer(n, "n", least=1)
    target, one = checked(out, sheet=sheet, replace=replace)
    chosen = list(islice(images, n))
    if not chosen:
        raise DataError(f"{called('images')}: got none, expected at least one to draw")
    colours = colours_of(sorted({name for image in chosen for name in image.classes}))
    matched = None if anchors is None else Matched(_check.as_sizes(anchors, "anchors"), img_size, fit)
    if one:
        page, reasons = _sheet(chosen, colours, matched)
        paths = [_save(page, target, replace)]
    else:
        paths = [target / name for name in _file_names([image.name for image in chosen])]
        for path in paths:  # all of them before the first is written
            check_output(path, replace=replace)
        reasons = [_single(image, colours, matched, path, replace) for image, path in zip(chosen, paths, strict=True)]
    empty = [(image.name, why) for image, why in zip(chosen, reasons, strict=True) if why]
    return Drawn(paths, len(chosen), empty)


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


def jpegs(
    images: Sequence[ImageAnnotation], anchors: Sizes, img_size: int | Sequence[int], fit: Fit
) -> list[tuple[str, bytes]]:
    """Return each of these images with its boxes and anchors as a JPEG, small enough for a phone, after its caption."""
    matched = Matched(_check.as_sizes(anchors, "anchors"), img_size, fit)
    colours = colours_of(sorted({name for image in images for name in image.classes}))
    found = []
    for image in images:
        out, one = io.BytesIO(), tile(image, _fitting(image, PHONE), colours, matched)
        one.picture.save(out, format="JPEG", quality=85)
        found.append((f"{image.name}: {_about(image, one)}", out.getvalue()))
    return found


# --- pictures


def _sheet(
    images: Sequence[ImageAnnotation], colours: dict[str, str], matched: Matched | None
) -> tuple[Any, list[str]]:
    """Return a picture of all images, and why each of them is an empty canvas, if it is one."""
    from PIL import Image, ImageDraw

    columns = min(math.ceil(math.sqrt(len(images))), COLUMNS)
    rows = math.ceil(len(images) / columns)
    step = CELL[0] + GAP, CELL[1] + CAPTION + GAP
    below = 0 if matched is None else CAPTION
    page = Image.new("RGB", (columns * step[0] + GAP, rows * step[1] + GAP + below), PAPER)
    pen, font, reasons = ImageDraw.Draw(page), font_of(FONT_SIZE), list[str]()
    for i, image in enumerate(images):
        left, top = GAP + i % columns * step[0], GAP + i // columns * step[1]
        one = tile(image, _fitting(image, CELL), colours, matched)
        corner = left + (CELL[0] - one.picture.width) // 2, top + (CELL[1] - one.picture.height) // 2
        page.paste(one.picture, corner)
        pen.rectangle((left - 1, top - 1, left + CELL[0], top + CELL[1]), outline=FRAME)
        rest = f"  {_about(image, one)}"
        caption = cut(printable(image.name, font), CELL[0] - font.getlength(rest), font) + rest
        pen.text((left, top + CELL[1] + 5), caption, fill=INK, font=font)
        reasons.append(one.empty)
    if matched is not None:
        pen.text((GAP, rows * step[1] + GAP), cut(LEGEND, page.width - 2 * GAP, font), fill=INK, font=font)
    return page, reasons


def _single(image: ImageAnnotation, colours: dict[str, str], matched: Matched | None, path: Path, replace: bool) -> str:
    """Write one picture; return why it is an empty canvas, if it is one."""
    longest = max(image.width, image.height)
    scale = min(max(LONG_SIDE[0], longest), LONG_SIDE[1]) / longest
    one = tile(image, (_side(image.width * scale), _side(image.height * scale)), colours, matched)
    _save(one.picture, path, replace)
    return one.empty


def _fitting(image: ImageAnnotation, cell: tuple[int, int]) -> tuple[int, int]:
    scale = min(cell[0] / image.width, cell[1] / image.height)
    return _side(image.width * scale), _side(image.height * scale)


def _side(value: float) -> int:
    return max(1, round(value))


def _about(image: ImageAnnotation, one: Tile) -> str:
    """Return the part of a caption after the name."""
    size = f"{image.width:g} x {image.height:g}, {many(len(image.boxes), 'box', 'boxes')}"
    return size + (f", {one.unnamed} without room for a name" if one.unnamed else "")


# --- files


def _save(picture: Any, path: Path, replace: bool) -> Path:
    """Write a PNG whole or not at all."""
    with whole(path, replace=replace) as part:
        picture.save(part, format="PNG")
    return path
