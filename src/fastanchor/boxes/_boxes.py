"""The class of boxes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import copy
from dataclasses import dataclass, field, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._text import many
from fastanchor._types import Fit, FloatArray, Remark, Rng, Shown, Summary
from fastanchor._weights import as_column
from fastanchor.boxes._columns import arrow_stream, as_html, columns_of
from fastanchor.boxes._join import concatenated
from fastanchor.boxes._scaling import image_scale, network_input
from fastanchor.boxes._select import each_image, filtered, of_images, of_rows, rows_of
from fastanchor.boxes._summary import summary_of

__all__ = ["Boxes", "network_sizes"]

FLAGS = ("crowd", "difficult", "truncated", "occluded")


@dataclass(frozen=True, eq=False, repr=False)
class Boxes(Shown):
    """Box sizes of a labelled data set, with the images and classes they belong to.

    ``boxes[rows]`` takes some of the boxes, by a slice, a mask or positions; ``one + other`` puts data sets together.
    pandas, polars and pyarrow make a table of ``boxes.to_columns()``, and, where pyarrow is installed, of `boxes`.

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
    flags : mapping of str to (n,) array-like of bool
        What the labels say about each box: "crowd", "difficult", "truncated", "occluded". Default: none.

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
    flags: Mapping[str, NDArray[np.bool_]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        def put(name: str, value: Any) -> None:
            object.__setattr__(self, name, value)

        def indices(name: str, values: Any, target: str, limit: int) -> None:
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
            indices("image_index", self.image_index, target, self.n_images)
        if self.class_index is not None:
            indices("class_index", self.class_index, "class_names", len(self.class_names))
        if self.xy is not None:
            put("xy", _check.as_points(self.xy, "xy") if len(self.wh) else np.empty((0, 2)))
            if len(self.xy) != len(self.wh):
                raise DataError(f"xy: has {len(self.xy)} rows, wh has {len(self.wh)}")
        if self.weights is not None:
            put("weights", as_column(self.weights, "weights", len(self.wh)))
        put("flags", {name: _flag(name, column, len(self.wh)) for name, column in self.flags.items()})
        for name in ("split", "files"):
            texts = getattr(self, name)
            if texts is not None:
                put(name, tuple(texts))
                if len(texts) != self.n_images:
                    raise DataError(f"{name}: has {len(texts)} entries, image_wh has {self.n_images}")
        put("remarks", tuple(self.remarks))

    def __len__(self) -> int:
        return len(self.wh)

    def __repr__(self) -> str:
        parts = [many(len(self), "box", "boxes")]
        if self.image_wh is not None:
            parts.append(many(len(self.image_wh), "image"))
        if self.class_names:
            parts.append(many(len(self.class_names), "class", "classes"))
        if self.skipped:
            parts.append(f"{sum(self.skipped.values()):,} skipped")
        return f"Boxes({', '.join(parts)})"

    def _repr_html_(self) -> str:
        return as_html(self)

    def __getitem__(self, rows: slice | Sequence[int] | Sequence[bool] | NDArray[Any]) -> Boxes:
        return of_rows(self, rows_of(self, rows))

    __iter__ = None  # boxes are no sequence: for NumPy they would be one of n elements

    def __add__(self, other: Boxes) -> Boxes:
        return concatenated([self, other]) if isinstance(other, Boxes) else NotImplemented

    def __arrow_c_stream__(self, requested_schema: object = None) -> object:
        return arrow_stream(self, requested_schema)

    @property
    def n_images(self) -> int:
        """Number of images, with those without boxes; 0 if they are unknown."""
        known = self.files if self.image_wh is None else self.image_wh
        return 0 if known is None else len(known)

    @property
    def relative(self) -> bool:
        """Whether the sizes of all images are unknown, so that images count as squares of side 1."""
        return self.image_wh is not None and bool(len(self.image_wh)) and bool((self.image_wh == 1.0).all())

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

    def filter(
        self,
        *,
        classes: Sequence[str] | None = None,
        exclude: Sequence[str] | None = None,
        split: str | None = None,
        min_area: float = 0.0,
        min_side: float = 0.0,
    ) -> Boxes:
        """Return the boxes that pass all of these conditions. Images stay, also those without boxes now.

        Parameters
        ----------
        classes, exclude : sequence of str, optional
            Names of the classes to keep, and to leave out. The other classes leave ``class_names`` too.
        split : str, optional
            The split to keep, as in :meth:`of_split`.
        min_area, min_side : float, default 0
            Least area, and least length of the shorter side; pixels of the image.

        Returns
        -------
        Boxes
            Its ``skipped`` counts the boxes that were left out.

        Raises
        ------
        DataError
            If there is no such class or split, or sizes are compared while those of the images are unknown.

        Examples
        --------
        >>> boxes = Boxes([[5, 4], [3, 2], [9, 9]], class_index=[0, 1, 1], class_names=["cat", "ant"])
        >>> some = boxes.filter(classes=["ant"], min_area=10)
        >>> some.wh.tolist(), some.skipped
        ([[9.0, 9.0]], {'box of a class that is left out': 1, 'box with an area below 10': 1})
        """
        some = self if split is None else self.of_split(split)
        return filtered(some, classes, exclude, min_area, min_side)

    def sample(self, n: int, rng: Rng = None) -> Boxes:
        """Return n of the boxes, drawn at random without replacement, in their order. All images stay.

        Parameters
        ----------
        n : int
            At most the number of boxes.
        rng : int, numpy.random.Generator or None
            Seed or source of randomness.

        Examples
        --------
        >>> Boxes([[5, 4], [3, 2], [9, 9]]).sample(2, rng=0).wh.tolist()
        [[3.0, 2.0], [9.0, 9.0]]
        """
        n = _check.integer(n, "n", least=0, most=len(self))
        return self[np.sort(_check.generator(rng).choice(len(self), n, replace=False))]

    def per_image(self) -> Iterator[Boxes]:
        """Return an iterator over the images: the boxes of each, in order.

        Raises
        ------
        DataError
            If it is unknown which image a box belongs to.

        Examples
        --------
        >>> boxes = Boxes([[5, 4], [3, 2]], [1, 1], [[64, 48], [32, 32]], files=["a.jpg", "b.jpg"])
        >>> [(one.files, len(one)) for one in boxes.per_image()]
        [(('a.jpg',), 0), (('b.jpg',), 2)]
        """
        return each_image(self)

    def to_columns(self) -> dict[str, NDArray[Any]]:
        """Return the columns of a table with a row for each box, by name, as far as they are known.

        ``file`` (``image``, the number of the image, where files have no names), ``split``, ``width``, ``height``
        (without positions ``box_width``, ``box_height``), ``image_width``, ``image_height``, ``x``, ``y`` (left and
        top), ``class``, ``box_weight`` and the flags. ``pandas.DataFrame`` and ``polars.DataFrame`` take them as they
        are.

        Examples
        --------
        >>> boxes = Boxes([[5, 4]], [0], files=["a.jpg"], class_index=[0], class_names=["cat"])
        >>> {name: column.tolist() for name, column in boxes.to_columns().items()}
        {'file': ['a.jpg'], 'box_width': [5.0], 'box_height': [4.0], 'class': ['cat']}
        """
        return columns_of(self)

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
        return summary_of(self)


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


def _flag(name: str, values: Any, n: int) -> NDArray[np.bool_]:
    _check.choice(name, "flags", FLAGS)
    column = np.asarray(values)
    if column.shape != (n,) or (n and column.dtype != bool):
        raise DataError(f"flags[{name!r}]: got {column.dtype} of shape {column.shape}, expected bool of shape ({n},)")
    return column.astype(bool, copy=False)
