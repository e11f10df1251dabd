"""Objects of other programs in files like Pascal VOC: polygons and masks of LabelMe, turned boxes of roLabelImg."""

from __future__ import annotations

from math import isfinite
from xml.etree.ElementTree import Element

from fastanchor.datasets._record import NOTHING, Job, number_of
from fastanchor.datasets._turned import Corners, about_centre, of_corners

__all__ = ["extent_of", "older_size"]

TURNED = ("cx", "cy", "w", "h", "angle")  # elements of a <robndbox>; the angle is in radians
CORNERS = ("xmin", "ymin", "xmax", "ymax")  # of the mask of an object of LabelMe
FEWEST = 3  # points of a polygon; LabelMe has points and lines too


def extent_of(item: Element, job: Job) -> Corners | tuple[()] | None:
    """Return the extent of an object, NaN if it is not of numbers; None for an unknown one, nothing if left out."""
    turned, polygon, mask = item.find("robndbox"), item.find("polygon"), item.find("segm/box")
    if turned is not None:
        return _turned(turned, job)
    if polygon is None and mask is None:
        return None
    if item.findtext("deleted", "0").strip() == "1":
        job.skips.leave("object that was deleted in LabelMe")
        return ()
    if polygon is None:
        left, top, right, bottom = (number_of(item.findtext(f"segm/box/{name}")) for name in CORNERS)
        return left, top, right, bottom
    points = [number_of(point.findtext(axis)) for point in polygon.findall("pt") for axis in "xy"]
    if len(points) < 2 * FEWEST:
        job.skips.no_box("polygon of fewer than three points")
        return ()
    return of_corners(points)


def _turned(box: Element, job: Job) -> Corners | tuple[()]:
    x, y, width, height, angle = (number_of(box.findtext(name)) for name in TURNED)
    if not isfinite(angle):
        return NOTHING
    if angle and not job.upright():
        return ()
    return about_centre(x, y, width, height, angle)


def older_size(root: Element) -> tuple[float, float] | None:
    """Return the size of an image in a file of LabelMe; None if it is not stated."""
    size = root.find("imagesize")
    return None if size is None else (number_of(size.findtext("ncols")), number_of(size.findtext("nrows")))
