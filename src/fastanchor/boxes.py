"""Boxes of a data set as columns: readers fill them, algorithms read them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from itertools import compress
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import NDArray

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._types import Fit, FloatArray, Remark, Shown, Summary
from fastanchor._weights import as_column

__all__ = ["FITS", "Boxes", "concatenated", "image_scale", "network_input", "network_sizes", "of_images"]

OVERSIZE = 1.01  # times the side of the image; less comes from rounding

FITS = get_args(Fit)
_ROWS = ("wh", "class_index", "xy", "weights")  # columns with a row for each box
_TEXTS = ("split", "files")  # columns with a text for each image


@dataclass(frozen=True, eq=False, repr=False)
class Boxes(Shown):
    """Box sizes of a labelled data set, with the images and classes they belong to.

    Parameters
    ----------
    wh : (n, 2) array-like
        Width and height of each box, pixels of the image. May be empty; algorithms need at least one box.
    image_index : (n,) array-like of int, optional
        Image of each box: its row of `image_wh`, or of `files` where sizes are unknown. Needed to scale boxes.
    image_wh : (m, 2) array-like, optional
        Width and height of each image, pixels. Includes images without boxes.
    class_index : (n,) array-like of int, optional
        Class of each box: its position in `class_names`.
    class_names : sequence of str
        Names of the classes. Default: none.
    skipped : mapping
        Number of files, images or boxes that the reader skipped, by reason. Default: none.
    xy : (n, 2) array-like, optional
        Left and top of each box, pixels of the image.
    split : (m,) sequence of str, optional
        Split of each image, such as "train"; empty for none.
    files : (m,) sequence of str, optional
        Name of each image in the labels.
    remarks : sequence of Remark
        Remarks of the reader about the data set. Default: none.
    weights : (n,) array-like, optional
        Weight of each box, >= 0, whole or not; see :func:`fastanchor.kmeans`. Default: 1.

    Raises
    ------
    DataError
        If a size is not finite and > 0, an index is out of range, or lengths differ.

    Examples
    --------
    >>> boxes = Boxes([[50, 40], [10, 30]], image_index=[0, 0], image_wh=[[640, 480]])
    >>> len(boxes)
    2
    >>> boxes.scaled(320)
    array([[25., 20.],
           [ 5., 15.]])
    """

    wh: FloatArray
    image_index: NDArray[np.int64] | None = None
    image_wh: FloatArray | None = None
    class_index: NDArray[np.int64] | None = None
    class_names: tuple[str, ...] = ()
    skipped: Mapping[str, int] = field(default_factory=dict)
    xy: FloatArray | None = None
    split: tuple[str, ...] | None = None
    files: tuple[str, ...] | None = None
    remarks: tuple[Remark, ...] = ()
    weights: NDArray[np.int64] | NDArray[np.float64] | None = None

    def __post_init__(self) -> None:
        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        def rows_of(name: str, values: Any, target: str, limit: int) -> None:
            put(name, _check.as_indices(values, name, len(self.wh), limit, f"{target} has {limit} entries"))

        put("wh", _check.as_sizes(self.wh, "wh", "pixels of the image", may_be_empty=True))
        put("class_names", _check.names(self.class_names, "class_names"))
        put("skipped", _check.tally(self.skipped, "skipped"))
        if self.image_wh is not None:
            put("image_wh", _check.as_sizes(self.image_wh, "image_wh", "pixels", may_be_empty=True))
        if self.image_index is not None:
            if self.image_wh is None and self.files is None:
                raise DataError("image_index: needs image_wh, the sizes it points to")
            target = "files" if self.image_wh is None else "image_wh"
            rows_of("image_index", self.image_index, target, _images(self))
        if self.class_index is not None:
            rows_of("class_index", self.class_index, "class_names", len(self.class_names))
        if self.xy is not None:
            put("xy", _check.as_points(self.xy, "xy") if len(self.wh) else np.empty((0, 2)))
            if len(self.xy) != len(self.wh):
                raise DataError(f"xy: has {len(self.xy)} rows, wh has {len(self.wh)}")
        if self.weights is not None:
            put("weights", as_column(self.weights, "weights", len(self.wh)))
        images = _images(self)
        for name in ("split", "files"):
            texts = getattr(self, name)
            if texts is not None:
                put(name, tuple(texts))
                if len(texts) != images:
                    raise DataError(f"{name}: has {len(texts)} entries, image_wh has {images}")
        put("remarks", tuple(self.remarks))

    def __len__(self) -> int:
        return len(self.wh)

    def __repr__(self) -> str:
        parts = [f"{len(self):,} boxes"]
        if self.image_wh is not None:
            parts.append(f"{len(self.image_wh):,} images")
        if self.class_names:
            parts.append(f"{len(self.class_names)} classes")
        if self.skipped:
            parts.append(f"{sum(self.skipped.values()):,} skipped")
        return f"Boxes({', '.join(parts)})"

    def scaled(self, img_size: int | Sequence[int], *, fit: Fit = "letterbox") -> FloatArray:
        """Return the box sizes in pixels of the network input, (n, 2) float64.

        Parameters
        ----------
        img_size : int or (width, height)
            Size of the network input, pixels; an int is a square. With "shortest" the two numbers are limits of the
            shorter and of the longer side.
        fit : {"letterbox", "stretch", "shortest"}
            "letterbox" keeps the image's proportions and makes it just fit; "stretch" fills the input; "shortest"
            keeps the proportions, and makes the shorter side as long as its limit unless the longer side would exceed
            its own, as Faster R-CNN does with 800 and 1333.

        Raises
        ------
        DataError
            If the boxes have no image sizes, or an argument is out of range.
        """
        network_input(img_size, fit)
        if self.image_wh is None or self.image_index is None:
            raise DataError("boxes: have no image sizes, so they cannot be scaled to img_size")
        scale = image_scale(self.image_wh, img_size, fit)
        # one column at a time: fancy-indexing rows of an (m, 2) array costs several times as much
        out = np.empty_like(self.wh)
        for axis in (0, 1):
            np.multiply(self.wh[:, axis], scale[self.image_index, axis], out=out[:, axis])
        return out

    def of_split(self, name: str) -> Boxes:
        """Return the images of one split, with their boxes.

        Parameters
        ----------
        name : str
            A split, one of those in `split`.

        Raises
        ------
        DataError
            If no image belongs to this split.

        Examples
        --------
        >>> boxes = Boxes([[5, 4], [3, 2]], [0, 1], [[64, 48], [32, 32]], split=["train", "val"])
        >>> boxes.of_split("val").wh
        array([[3., 2.]])
        """
        images = np.array([one == name for one in self.split or ()], dtype=bool)
        if self.image_index is None or not images.any():
            splits = ", ".join(map(repr, dict.fromkeys(self.split or ()))) or "none"
            raise DataError(f"name: got {name!r}, which has no image; the splits are {splits}")
        return of_images(self, images)

    def balanced(self, by: Literal["class", "image"]) -> Boxes:
        """Return the same boxes, weighted so that all classes, or all images, have the same total weight.

        Present weights are kept as proportions inside each class or image. The new weights add up to the number of
        boxes. A class or an image whose weights are all 0 is ignored.

        Parameters
        ----------
        by : {"class", "image"}

        Raises
        ------
        DataError
            If the boxes have no classes or images, or all weights are 0.

        Examples
        --------
        >>> boxes = Boxes([[5, 4], [3, 2], [3, 3]], class_index=[0, 1, 1], class_names=["cat", "ant"])
        >>> boxes.balanced("class").weights
        array([1.5 , 0.75, 0.75])
        """
        _check.choice(by, "by", ("class", "image"))
        group = self.class_index if by == "class" else self.image_index
        if group is None:
            things = "classes" if by == "class" else "images"
            raise DataError(f"boxes: have no {things}, so they cannot be balanced by {by}")
        own = np.ones(len(self)) if self.weights is None else self.weights.astype(np.float64)
        own /= own.max(initial=0.0) or 1.0
        totals = np.bincount(group, weights=own)
        if not totals.any():
            raise DataError("boxes: all weights are 0, so they cannot be balanced")
        share = len(self) / np.count_nonzero(totals)
        each = np.divide(share, totals, out=np.zeros_like(totals), where=totals > 0.0)
        return replace(self, weights=own * each[group])

    def with_remarks(self, remarks: Sequence[Remark]) -> Boxes:
        """Return the same boxes with other remarks."""
        other = copy(self)  # the columns are not checked again
        object.__setattr__(other, "remarks", tuple(remarks))
        return other

    def summary(self) -> Summary:
        """Return counts and mean sizes."""
        area = self.wh[:, 0] * self.wh[:, 1]
        images = self.image_wh if self.image_wh is not None else np.empty((0, 2))
        per_class: Counter[str] = Counter()
        if self.class_index is not None:
            counts = np.bincount(self.class_index, minlength=len(self.class_names))
            for name, count in zip(self.class_names, counts.tolist(), strict=True):
                per_class[name] += count
        return Summary(
            images=_images(self),
            boxes=len(self),
            mean_image=_mean_pair(images),
            mean_box=_mean_pair(self.wh),
            smallest_area=float(area.min()) if len(self) else float("nan"),
            largest_area=float(area.max()) if len(self) else float("nan"),
            relative=bool(len(images)) and bool((images == 1.0).all()),
            exceeds_image=self._exceeds_image(),
            per_class=dict(per_class),
            skipped=dict(self.skipped),
        )

    def _exceeds_image(self) -> int:
        if self.image_wh is None or self.image_index is None:
            return 0
        beyond = np.zeros(len(self), dtype=bool)
        for axis in (0, 1):
            beyond |= self.wh[:, axis] > OVERSIZE * self.image_wh[self.image_index, axis]
        return int(np.count_nonzero(beyond))


def concatenated(parts: Sequence[Boxes]) -> Boxes:
    """Return several data sets as one, in their order; classes of the same name become one class.

    Parameters
    ----------
    parts : sequence of Boxes
        At least one data set; either all or none with image sizes.

    Raises
    ------
    DataError
        If some have image sizes and others do not.

    Examples
    --------
    >>> one = Boxes([[5, 4]], [0], [[64, 48]], [0], ["cat"])
    >>> both = concatenated([one, Boxes([[3, 2]], [0], [[32, 32]], [0], ["ant"])])
    >>> both.class_names, both.class_index.tolist(), both.image_index.tolist()
    (('cat', 'ant'), [0, 1], [0, 1])
    """
    if len(parts) == 1:
        return parts[0]
    sized = [part.image_wh is not None and part.image_index is not None for part in parts]
    if any(sized) and not all(sized):
        raise DataError(f"boxes: data set {sized.index(False) + 1} of {len(parts)} has no image sizes, others have")
    imaged = _all(parts, "image_index")
    names = list(dict.fromkeys(name for part in parts for name in part.class_names))
    place = {name: i for i, name in enumerate(names)}
    skipped: Counter[str] = Counter()
    classed = _all(parts, "class_index")  # a data set without classes makes the result have none
    images, classes, before = list[NDArray[np.int64]](), list[NDArray[np.int64]](), 0
    for part in parts:
        skipped.update(part.skipped)
        if part.class_index is not None:
            classes.append(np.array([place[name] for name in part.class_names], dtype=np.int64)[part.class_index])
        if part.image_index is not None:
            images.append(part.image_index + before)
            before += _images(part)
    return Boxes(
        np.concatenate([part.wh for part in parts]),
        np.concatenate(images) if imaged else None,
        np.concatenate([part.image_wh for part in parts if part.image_wh is not None]) if all(sized) else None,
        np.concatenate(classes) if classed else None,
        tuple(names) if classed else (),
        dict(skipped),
        np.concatenate([part.xy for part in parts if part.xy is not None]) if _all(parts, "xy") else None,
        _texts(parts, "split") if imaged and any(part.split is not None for part in parts) else None,
        _texts(parts, "files") if imaged and _all(parts, "files") else None,
        tuple(remark for part in parts for remark in part.remarks),
        _weights(parts),
    )


def _weights(parts: Sequence[Boxes]) -> Any:
    """Return the weights of all data sets, 1 for those without weights; None if none has weights."""
    if all(part.weights is None for part in parts):
        return None
    return np.concatenate([np.ones(len(part), np.int64) if part.weights is None else part.weights for part in parts])


def _all(parts: Sequence[Boxes], name: str) -> bool:
    return all(getattr(part, name) is not None for part in parts)


def _texts(parts: Sequence[Boxes], name: str) -> tuple[str, ...]:
    """Return a column of texts of all data sets, empty texts for those without it."""
    return tuple(text for part in parts for text in getattr(part, name) or ("",) * _images(part))


def _images(part: Boxes) -> int:
    known = part.files if part.image_wh is None else part.image_wh
    return 0 if known is None else len(known)


def network_input(img_size: int | Sequence[int], fit: str) -> tuple[int, int]:
    """Return (width, height) of the network input, and check `fit`; one number is a square.

    Raises
    ------
    DataError
        If `img_size` is not one or two whole numbers >= 1, `fit` is unknown, or the limits of "shortest" fall.

    Examples
    --------
    >>> network_input(416, "stretch"), network_input([640, 384], "letterbox")
    ((416, 416), (640, 384))
    """
    _check.choice(fit, "fit", FITS)
    size = _check.side_pair(img_size, "img_size", square=True)
    if fit == "shortest" and size[0] > size[1]:
        expected = f"expected limits of the shorter and of the longer side, as in {size[1]}x{size[0]}"
        raise DataError(f"{called('img_size')}: got {size[0]}x{size[1]} for fit 'shortest', {expected}")
    return size


def image_scale(image_wh: FloatArray, img_size: int | Sequence[int], fit: str) -> FloatArray:
    """Return the factors (m, 2) that scale pixels of each image to pixels of the network input."""
    width, height = network_input(img_size, fit)
    scale = np.empty_like(image_wh)
    if fit == "shortest":
        scale[:] = np.minimum(width / image_wh.min(axis=1), height / image_wh.max(axis=1))[:, None]
        return scale
    np.divide(width, image_wh[:, 0], out=scale[:, 0])
    np.divide(height, image_wh[:, 1], out=scale[:, 1])
    if fit == "letterbox":
        scale[:] = np.minimum(scale[:, 0], scale[:, 1])[:, None]
    return scale


def network_sizes(boxes: Any, img_size: int | Sequence[int], fit: Fit) -> FloatArray:
    """Return boxes in pixels of the network input, (n, 2); boxes without image sizes are taken to be in them already.

    Raises
    ------
    DataError
        If there is no box, or an argument is out of range.
    """
    network_input(img_size, fit)  # checked even where nothing is scaled
    if not isinstance(boxes, Boxes):
        return _check.as_sizes(boxes, "boxes", "pixels of the network input")
    if not len(boxes):
        raise DataError("boxes: the data set holds no box")
    return boxes.wh if boxes.image_wh is None else boxes.scaled(img_size, fit=fit)


def of_images(boxes: Boxes, images: NDArray[np.bool_]) -> Boxes:
    """Return the images of a data set that are marked in `images`, (m,), with their boxes."""
    assert boxes.image_index is not None
    rows = images[boxes.image_index]
    columns: dict[str, Any] = {name: column[rows] for name in _ROWS if (column := getattr(boxes, name)) is not None}
    for name in _TEXTS:
        if (texts := getattr(boxes, name)) is not None:
            columns[name] = tuple(compress(texts, images.tolist()))
    return replace(
        boxes,
        **columns,
        image_index=(np.cumsum(images) - 1)[boxes.image_index[rows]],
        image_wh=None if boxes.image_wh is None else boxes.image_wh[images],
        skipped={},
        remarks=(),
    )


def _mean_pair(values: FloatArray) -> tuple[float, float]:
    if not len(values):
        return float("nan"), float("nan")
    return float(values[:, 0].mean()), float(values[:, 1].mean())
