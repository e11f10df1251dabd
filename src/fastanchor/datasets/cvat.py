"""CVAT XML 1.1: images with shapes, or tracks of a video. Corners in pixels.

Boxes are those of CVAT and the extents of polygons, ellipses and masks, in videos those of each frame that the export
lists, unless they are outside. Other shapes are counted and ignored. A turned box is read as its upright extent.
"""

from __future__ import annotations

from collections.abc import Iterator
from xml.etree.ElementTree import Element

from fastanchor.datasets import _xml
from fastanchor.datasets._foreign import CVAT, xml_kind
from fastanchor.datasets._json_files import extent, inner, path_of
from fastanchor.datasets._probe import Probe
from fastanchor.datasets._record import Format, Image, Job, Source, number_of
from fastanchor.datasets._skips import Unusable
from fastanchor.datasets._turned import Corners, about_centre, angle_of

__all__ = ["FORMAT"]

NUMBERS = {"box": ("xtl", "ytl", "xbr", "ybr"), "ellipse": ("cx", "cy", "rx", "ry"),
           "mask": ("left", "top", "width", "height"), "polygon": ("points",)}  # fmt: skip
LOOKED_AT = 100  # files of a folder
FRAMES = 1 << 30  # more than any video has

Shapes = list[tuple[Element, str | None]]  # with their labels


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
    frames: dict[int, Shapes] = {}
    for nth, track in enumerate(root.iter("track")):
        for shape in (one for one in track if one.get("outside") != "1"):
            frame = number_of(shape.get("frame") or 0)
            if 0 <= frame < FRAMES and frame % 1.0 == 0.0:
                frames.setdefault(int(frame), []).append((shape, track.get("label")))
            else:
                job.skips.add("frame that is not a whole number", file, f"track {nth}", shape.get("frame") or "")
    original = next(root.iter("original_size"), root)
    sides = number_of(original.findtext("width")), number_of(original.findtext("height"))
    for number in sorted(frames):
        yield _image(number, f"frame_{number:06d}", sides, frames[number], job)


def _image(number: int, name: str, size: tuple[float, float], shapes: Shapes, job: Job) -> Image:
    box: list[float] = []
    classes, at = [], []
    for place, (shape, label) in zip(inner(number, len(shapes)), shapes, strict=True):
        if shape.tag not in NUMBERS:
            job.skips.no_box(shape.tag)
            continue
        angle = angle_of(shape.get("rotation"))
        if angle and not job.upright():
            continue
        box += _corners(shape, angle)
        classes.append(label or "")
        at.append(place)
    return Image(name, size, box, classes, at)


def _corners(shape: Element, angle: float) -> Corners:
    """Return the corners of a shape; NaN if they are not numbers."""
    if shape.tag == "polygon":
        return extent(pair.split(",") for pair in (shape.get("points") or "").split(";"))
    a, b, c, d = (number_of(shape.get(name)) for name in NUMBERS[shape.tag])
    corners = {"ellipse": (a - c, b - d, a + c, b + d), "mask": (a, b, a + c, b + d)}.get(shape.tag, (a, b, c, d))
    left, top, right, bottom = corners
    return about_centre((left + right) / 2, (top + bottom) / 2, right - left, bottom - top, angle) if angle else corners


FORMAT = Format(
    "cvat", "CVAT XML (images or tracks)", sniff, parse=parse, tells=frozenset(("place", "class")),
    options=frozenset(("turned",)), shared=True, place=path_of("image {}, shape {}"),
)  # fmt: skip
