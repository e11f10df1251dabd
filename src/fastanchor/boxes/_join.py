"""Several data sets as one."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from fastanchor._errors import DataError
from fastanchor._types import Remark

if TYPE_CHECKING:
    from fastanchor.boxes._boxes import Boxes

__all__ = ["concatenated"]

LOST = {"class_index": "classes", "xy": "positions", "image_index": "images", "files": "names of images"}


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
    >>> from fastanchor import Boxes
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
            before += part.n_images
    return type(parts[0])(
        np.concatenate([part.wh for part in parts]),
        np.concatenate(images) if imaged else None,
        np.concatenate([part.image_wh for part in parts if part.image_wh is not None]) if all(sized) else None,
        np.concatenate(classes) if classed else None,
        tuple(names) if classed else (),
        dict(skipped),
        np.concatenate([part.xy for part in parts if part.xy is not None]) if _all(parts, "xy") else None,
        _texts(parts, "split") if imaged and any(part.split is not None for part in parts) else None,
        _texts(parts, "files") if imaged and _all(parts, "files") else None,
        (*(remark for part in parts for remark in part.remarks), *_lost(parts)),
        _weights(parts),
        _flags(parts),
    )


def _lost(parts: Sequence[Boxes]) -> list[Remark]:
    """Return a remark for each column that some data sets have, and the result not."""
    found = []
    for name, what in LOST.items():
        have = [getattr(part, name) is not None for part in parts if len(part)]
        if any(have) and not all(have):
            count = have.count(False)
            verb = "has" if count == 1 else "have"
            text = f"{count} of {len(have)} data sets {verb} no {what}, so together they have none"
            found.append(Remark(f"data sets without {what}", text, count))
    return found


def _weights(parts: Sequence[Boxes]) -> Any:
    """Return the weights of all data sets, 1 for those without weights; None if none has weights."""
    if all(part.weights is None for part in parts):
        return None
    return np.concatenate([np.ones(len(part), np.int64) if part.weights is None else part.weights for part in parts])


def _flags(parts: Sequence[Boxes]) -> dict[str, NDArray[np.bool_]]:
    """Return the flags of all data sets, False for those without them."""
    names = dict.fromkeys(name for part in parts for name in part.flags)
    return {
        name: np.concatenate([part.flags.get(name, np.zeros(len(part), dtype=bool)) for part in parts])
        for name in names
    }


def _all(parts: Sequence[Boxes], name: str) -> bool:
    return all(getattr(part, name) is not None for part in parts)


def _texts(parts: Sequence[Boxes], name: str) -> tuple[str, ...]:
    """Return a column of texts of all data sets, empty texts for those without it."""
    return tuple(text for part in parts for text in getattr(part, name) or ("",) * part.n_images)
