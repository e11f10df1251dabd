"""Some of the boxes, or some of the images, of a data set."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from itertools import compress
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastanchor import _check
from fastanchor._errors import DataError, WrongTypeError
from fastanchor._hints import called, hint, meant
from fastanchor._types import IntArray

if TYPE_CHECKING:
    from fastanchor.boxes._boxes import Boxes

__all__ = ["each_image", "filtered", "of_images", "of_rows", "rows_of"]

_ROWS = ("wh", "image_index", "class_index", "xy", "weights")  # columns with a row for each box
_TEXTS = ("split", "files")  # columns with a text for each image
SHOWN = 12  # names in a message


def rows_of(boxes: Boxes, key: Any) -> Any:
    """Return a key of ``boxes[key]`` as a slice or an array for NumPy.

    Raises
    ------
    DataError
        If it is not a slice, a mask of n or positions below n.
    """
    if isinstance(key, slice):
        return key
    rule = "expected a slice, a mask with a value for each box, or positions of boxes"
    found = np.asarray([] if isinstance(key, (list, tuple)) and not len(key) else key)
    if found.ndim != 1 or isinstance(key, str) or (found.size and found.dtype.kind not in "biu"):
        raise WrongTypeError(f"boxes[...]: got {_check.short(key)}, {rule}")
    if found.dtype == bool:
        if len(found) != len(boxes):
            raise DataError(f"boxes[...]: got a mask of {len(found)}, expected {len(boxes)}, one for each box")
        return found
    found = found.astype(np.int64)
    if len(found) and not (found.min() >= -len(boxes) and found.max() < len(boxes)):
        at = int(np.flatnonzero((found < -len(boxes)) | (found >= len(boxes)))[0])
        raise DataError(f"boxes[...]: got position {found[at]}, expected a position among {len(boxes)} boxes")
    return found


def of_rows(boxes: Boxes, rows: Any, **others: Any) -> Boxes:
    """Return some of the boxes, by a slice, mask or positions; all images stay. `others` are other columns."""
    columns = {name: column[rows] for name in _ROWS if (column := getattr(boxes, name)) is not None}
    flags = {name: column[rows] for name, column in boxes.flags.items()}
    return replace(boxes, **{**columns, "flags": flags, **others})


def of_images(boxes: Boxes, images: NDArray[np.bool_]) -> Boxes:
    """Return the images of a data set that are marked in `images`, (m,), with their boxes."""
    assert boxes.image_index is not None
    rows = images[boxes.image_index]
    columns: dict[str, Any] = {}
    for name in _TEXTS:
        if (texts := getattr(boxes, name)) is not None:
            columns[name] = tuple(compress(texts, images.tolist()))
    return of_rows(
        boxes,
        rows,
        **columns,
        image_index=(np.cumsum(images) - 1)[boxes.image_index[rows]],
        image_wh=None if boxes.image_wh is None else boxes.image_wh[images],
        skipped={},
        remarks=(),
    )


def each_image(boxes: Boxes) -> Iterator[Boxes]:
    """Yield the boxes of each image."""
    if boxes.image_index is None:
        raise DataError("boxes: have no images, so they cannot be divided by them")
    order = np.argsort(boxes.image_index, kind="stable")
    ends = np.cumsum(np.bincount(boxes.image_index, minlength=boxes.n_images))
    for i, end in enumerate(ends.tolist()):
        rows = order[0 if i == 0 else int(ends[i - 1]) : end]
        texts = {name: (texts[i],) for name in _TEXTS if (texts := getattr(boxes, name)) is not None}
        yield of_rows(
            boxes, rows, **texts, image_index=np.zeros(len(rows), np.int64),
            image_wh=None if boxes.image_wh is None else boxes.image_wh[i : i + 1], skipped={}, remarks=(),
        )  # fmt: skip


# --- filters


def filtered(
    boxes: Boxes, classes: Sequence[str] | None, exclude: Sequence[str] | None, min_area: float, min_side: float
) -> Boxes:
    """Return the boxes of some classes and sizes; what is left out is counted in ``skipped``."""
    keep, reasons, columns = np.ones(len(boxes), bool), dict[str, int](), dict[str, Any]()

    def leave(reason: str, good: NDArray[np.bool_]) -> None:
        count = int(np.count_nonzero(keep & ~good))
        if count:
            reasons[reason] = count
        np.logical_and(keep, good, out=keep)

    chosen = _chosen(boxes, classes, exclude)
    if chosen is not None:
        assert boxes.class_index is not None
        leave("box of a class that is left out", chosen[boxes.class_index])
    w, h = boxes.wh.T
    for name, what, least in (("min_area", "an area", min_area), ("min_side", "a side", min_side)):
        least = _check.number(least, name, low=0.0)
        if not least:
            continue
        if boxes.relative:
            raise DataError(f"{called(name)}: got {least:g}, but the sizes of the images are unknown; {hint('sizes')}")
        leave(f"box with {what} below {least:,.12g}", (w * h if name == "min_area" else np.minimum(w, h)) >= least)
    if chosen is not None:
        place = np.cumsum(chosen) - 1
        columns["class_index"] = place[boxes.class_index[keep]]  # type: ignore[index]  # known where classes are
        columns["class_names"] = tuple(compress(boxes.class_names, chosen.tolist()))
    elif keep.all():
        return boxes
    return of_rows(boxes, keep, **columns, skipped=_added(boxes.skipped, reasons))


def _added(counts: Any, others: dict[str, int]) -> dict[str, int]:
    return {why: counts.get(why, 0) + others.get(why, 0) for why in {**counts, **others}}


def _chosen(boxes: Boxes, classes: Sequence[str] | None, exclude: Sequence[str] | None) -> NDArray[np.bool_] | None:
    """Return which classes are kept, None for all."""
    chosen = None
    for name, words, kept in (("classes", classes, True), ("exclude", exclude, False)):
        if words is None:
            continue
        at = _places(boxes, name, _check.names(words, name))
        if chosen is None:
            chosen = np.full(len(boxes.class_names), not kept)
        chosen[at] = kept
    return chosen


def _places(boxes: Boxes, name: str, words: tuple[str, ...]) -> IntArray:
    """Return the positions of classes by their names."""
    if boxes.class_index is None:
        raise DataError(
            f"{called(name)}: got {_check.short(words[0] if words else '')}, but the labels have no classes"
        )
    known = set(boxes.class_names)
    unknown = next((word for word in words if word not in known), None)
    if unknown is not None:
        names = sorted(known)
        some = ", ".join(map(repr, names[:SHOWN])) + (", ..." if len(names) > SHOWN else "")
        expected = f"expected one of {len(names)} classes, {some}" if len(names) > 1 else f"expected {some or 'none'}"
        raise DataError(f"{called(name)}: got {_check.short(unknown)}, {expected}{meant(unknown, names)}")
    found = set(words)
    return np.array([i for i, one in enumerate(boxes.class_names) if one in found], np.int64)
