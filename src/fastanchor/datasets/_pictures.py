"""Which images of a data set to draw, and what is drawn of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path, PurePosixPath
from typing import Literal, get_args

import numpy as np

from fastanchor import _check
from fastanchor._reading import inner_contents, stands_in
from fastanchor._types import FloatArray, IntArray, Rng
from fastanchor.boxes import Boxes
from fastanchor.datasets._driver import Loaded
from fastanchor.datasets._probe import IMAGES
from fastanchor.datasets._record import Batch, ImageAnnotation

__all__ = ["PICKS", "Pick", "Score", "annotated", "picked"]

Pick = Literal["classes", "random", "first"]
PICKS = get_args(Pick)
Score = Callable[[Boxes], FloatArray]  # a number for each box


def picked(
    boxes: Boxes, limit: int | None, pick: Pick | Score, rng: Rng = None, *, boxed: bool = False
) -> list[int]:  # fmt: skip
    """Return the numbers of at most `limit` images.

    Parameters
    ----------
    boxes : Boxes
        With the image of each box.
    limit : int or None
        None for all.
    pick : {"classes", "random", "first"} or callable
        "classes" takes the classes in turn, for each an image that has it, at random; classes with few images first.
        Without classes it is "random".
        A function of the boxes returns a number for each, (n,); the images of the boxes with the least come first.
    rng : int, numpy.random.Generator or None
        Seed or source of randomness.
    boxed : bool, default False
        Whether only images with a box count; so it is for "classes" and for a function.

    Examples
    --------
    >>> boxes = Boxes([[5, 4], [3, 2], [9, 9]], [0, 1, 2], [[64, 48]] * 3, [0, 0, 1], ["cat", "ant"])
    >>> sorted(picked(boxes, 2, "classes", 0)), picked(boxes, 1, lambda boxes: boxes.wh[:, 0])
    ([0, 2], [1])
    """
    assert boxes.image_index is not None
    count = boxes.n_images
    if callable(pick):
        order = np.argsort(pick(boxes), kind="stable")
        return list(dict.fromkeys(boxes.image_index[order].tolist()))[:limit]
    _check.choice(pick, "pick", PICKS)
    every = np.flatnonzero(np.bincount(boxes.image_index, minlength=count)) if boxed else np.arange(count)
    if pick == "first":
        return [int(i) for i in every[:limit]]
    generator = _check.generator(rng)
    if pick == "random" or boxes.class_index is None:
        return [int(i) for i in generator.permutation(every)[:limit]]
    mixed = generator.permutation(count)
    return _in_turn(boxes.image_index, boxes.class_index, mixed, count if limit is None else limit)


def _in_turn(image: IntArray, kind: IntArray, mixed: IntArray, limit: int) -> list[int]:
    """Return images with a class in turn, in the order of `mixed`; a class that has no further image is passed over."""
    place = np.empty(len(mixed), np.int64)
    place[mixed] = np.arange(len(mixed))
    pairs = np.unique(kind * len(mixed) + place[image])
    queues = [mixed[pairs[pairs // len(mixed) == one] % len(mixed)].tolist()[::-1] for one in np.unique(kind).tolist()]
    queues.sort(key=len)
    chosen: dict[int, None] = {}
    while len(chosen) < limit and any(queues):
        for queue in queues:
            while queue and queue[-1] in chosen:
                queue.pop()
            if queue and len(chosen) < limit:
                chosen[queue.pop()] = None
    return list(chosen)


def annotated(loaded: Loaded, images: Sequence[int], own: bool, contents: bool) -> list[ImageAnnotation]:
    """Return some images.

    `own` says whether each has a label file, which has its name; `contents`, whether images in an archive are read.
    """
    boxes, batch = loaded.boxes, loaded.batch
    assert boxes.image_index is not None
    assert boxes.image_wh is not None
    assert boxes.xy is not None
    order = np.argsort(boxes.image_index, kind="stable")
    starts = np.searchsorted(boxes.image_index[order], np.arange(len(batch.label) + 1))
    names, found = _image_names(batch, own), []
    places = [loaded.places.find(batch.label[i], batch.file[i]) for i in images]
    inner = inner_contents(filter(None, places)) if contents else {}
    for i, image in zip(images, places, strict=True):
        rows = order[starts[i] : starts[i + 1]]
        width, height = boxes.image_wh[i].tolist()
        one = ImageAnnotation(
            name=names[i],
            image_path=None if image is None or stands_in(image) else Path(image),
            width=width,
            height=height,
            boxes=np.hstack([boxes.xy[rows], boxes.xy[rows] + boxes.wh[rows]]),
            classes=() if boxes.class_index is None else tuple(boxes.class_names[c] for c in boxes.class_index[rows]),
            content=None if image is None else inner.get(image),
        )
        found.append(one)
    return found


def _image_names(batch: Batch, own: bool) -> list[str]:
    """Return the file names of images without suffix; in one file of labels, equal ones keep their relative folders."""
    paths = [label if own else file or label for label, file in zip(batch.label, batch.file, strict=True)]
    places = [PurePosixPath(path.replace("\\", "/")) for path in paths]
    count = Counter(place.stem for place in places)

    def name(place: PurePosixPath) -> str:
        if own:  # a label may be called like its image, with both endings
            return PurePosixPath(place.stem).stem if place.stem.lower().endswith(IMAGES) else place.stem
        far = place.is_absolute() or ".." in place.parts or ":" in place.parts[0]
        return place.stem if count[place.stem] == 1 or far else str(place.with_suffix(""))

    return [name(place) if place.name else str(i) for i, place in enumerate(places)]
