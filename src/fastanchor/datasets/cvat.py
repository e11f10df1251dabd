"""CVAT XML 1.1: images with shapes, or tracks of a video. Corners in pixels.

Boxes are those of CVAT, the extents of polygons and masks of an image, and in videos the boxes of each frame that the
export lists, unless they are outside. Points, lines and tags are counted and ignored. A box turned about its centre is
read as its upright extent.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import radians
from xml.etree.ElementTree import Element

from fastanchor.datasets import _xml
from fastanchor.datasets._foreign import CVAT, xml_kind
from fastanchor.datasets._json_files import extent, inner, path_of
from fastanchor.datasets._probe import Probe
from fastanchor.datasets._record import NOTHING, Format, Image, Job, Source, number_of
from fastanchor.datasets._skips import Unusable
from fastanchor.datasets._turned import about_centre

__all__ = ["FORMAT"]

CORNERS = ("xtl", "ytl", "xbr", "ybr")
ELLIPSE = ("cx", "cy", "rx", "ry")
MASK = ("left", "top", "width", "height")
AREAS = ("box", "polygon", "ellipse", "mask")
LOOKED_AT = 100  # files of a folder

Corners = tuple[float, float, float, float]


def sniff(probe: Probe) -> Source | None:
    """Return the XML files of CVAT."""
    found = [file for files in probe.by_folder(".xml").values() for file in files[:LOOKED_AT]]
    files = found if probe.named else [file for file in found if xml_kind(probe.head(file)) == CVAT]
    return Source(files) if files else None


def parse(file: str, data: bytes, job: Job) -> Iterator[Image]:
    """Yield the images, or the frames that have a box."""
    root = _xml.parse(data)
    if root.tag != "annotations":
        raise Unusable("XML file that is not of CVAT", 1, xml_kind(data))
    for number, image in enumerate(root.iter("image")):
        size = number_of(image.get("width")), number_of(image.get("height"))
        yield _image(number, image.get("name") or "", size, [(shape, shape.get("label")) for shape in image], job)
    frames: dict[int, list[tuple[Element, str | None]]] = {}
    for track in root.iter("track"):
        for shape in track:
            if shape.get("outside") != "1":
                frames.setdefault(int(number_of(shape.get("frame") or 0)), []).append((shape, track.get("label")))
    size = _original(root)
    for frame in sorted(frames):
        yield _image(frame, f"frame_{frame:06d}", size, frames[frame], job)


def _image(
    number: int, name: str, size: tuple[float, float], shapes: list[tuple[Element, str | None]], job: Job
) -> Image:
    box: list[float] = []
    classes, at = [], []
    for place, (shape, label) in zip(inner(number, len(shapes)), shapes, strict=True):
        if shape.tag not in AREAS:
            job.skips.leave(f"{shape.tag}, which is not a box")
            continue
        angle = radians(number_of(shape.get("rotation") or 0))
        if angle and not job.upright():
            continue
        box += _corners(shape, angle)
        classes.append(label or "")
        at.append(place)
    return Image(name, size, box, classes, at)


def _corners(shape: Element, angle: float) -> Corners:
    """Return the corners of a shape; NaN if they are not numbers."""

    def of(*names: str) -> list[float]:
        return [number_of(shape.get(name)) for name in names]

    if shape.tag == "polygon":
        try:
            return extent(pair.split(",") for pair in (shape.get("points") or "").split(";"))
        except ValueError:
            return NOTHING
    if shape.tag == "ellipse":
        x, y, a, b = of(*ELLIPSE)
        left, top, right, bottom = x - a, y - b, x + a, y + b
    elif shape.tag == "mask":
        x, y, a, b = of(*MASK)
        left, top, right, bottom = x, y, x + a, y + b
    else:
        left, top, right, bottom = of(*CORNERS)
    if angle == 0:
        return left, top, right, bottom
    return about_centre((left + right) / 2, (top + bottom) / 2, right - left, bottom - top, angle)


def _original(root: Element) -> tuple[float, float]:
    """Return the size of the frames of a video; NaN if it is not stated."""
    size = next(root.iter("original_size"), None)
    return (NOTHING[0], NOTHING[0]) if size is None else (
        number_of(size.findtext("width")), number_of(size.findtext("height")))  # fmt: skip


FORMAT = Format(
    "cvat",
    "CVAT XML (images or tracks)",
    sniff,
    parse=parse,
    tells=frozenset(("place", "class")),
    options=frozenset(("turned",)),
    shared=True,
    place=path_of("image {}, shape {}"),
)
