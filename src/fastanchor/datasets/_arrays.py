"""NumPy files: boxes in ``.npy``, or boxes with images and classes in ``.npz``."""

from __future__ import annotations

import tokenize
import warnings
import zipfile
import zlib
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._reading import opened
from fastanchor._types import FloatArray, IntArray
from fastanchor.datasets._record import Batch
from fastanchor.datasets._skips import Unusable, first_line

__all__ = ["array_batch"]

WH = ("wh", "boxes", "arr_0")  # names of the boxes in an archive
EXTRA = ("image_index", "image_wh", "class_index", "class_names")
# raised by NumPy for damaged files
DAMAGED = (
    ValueError, OSError, EOFError, MemoryError, OverflowError, NotImplementedError, SyntaxError, tokenize.TokenError,
    zipfile.BadZipFile, zlib.error,
)  # fmt: skip


def array_batch(file: str) -> Batch:
    """Return the boxes of a NumPy file."""
    arrays: dict[str, NDArray[Any]] = {}
    wh: NDArray[Any] | None
    try:
        with opened(file) as source, warnings.catch_warnings():
            warnings.simplefilter("ignore", UserWarning)  # headers written by an old Python
            content = np.load(source, allow_pickle=False)
            if isinstance(content, np.ndarray):
                wh, names = content, ""
            else:
                with content:
                    arrays = {name: content[name] for name in content.files if name in (*WH, *EXTRA)}
                    names = ", ".join(content.files) or "nothing"
                wh = next((arrays[name] for name in WH if name in arrays), None)
    except DAMAGED as error:
        raise Unusable("not an array of numbers", None, _why(error)) from None
    if wh is None:
        raise Unusable("no array named wh or boxes", None, f"it holds {names}")
    if wh.ndim != 2 or wh.shape[1] != 2 or wh.dtype.kind not in "fiu":
        got = f"{wh.dtype} of shape {wh.shape}"
        raise Unusable("array of another kind", None, f"got {got}; must be numbers of shape (n, 2), widths and heights")
    try:
        return _batch(file, wh.astype(np.float64), arrays)
    except DataError as error:
        raise Unusable(str(error)) from None


def _batch(file: str, wh: FloatArray, arrays: dict[str, NDArray[Any]]) -> Batch:
    size = _check.as_sizes(arrays.get("image_wh", np.empty((0, 2))), "image_wh", "pixels", may_be_empty=True)
    names = list(map(str, arrays["class_names"].tolist())) if "class_names" in arrays else []

    def index(name: str, target: str, limit: int) -> IntArray | None:
        if name not in arrays:
            return None
        return _check.as_indices(arrays[name], name, len(wh), limit, f"{target} has {limit} entries")

    image = index("image_index", "image_wh", len(size))
    m = len(size) if image is not None else 1
    size = size if image is not None else np.full((1, 2), np.nan)
    cls = index("class_index", "class_names", len(names))
    return Batch([file] * m, [""] * m, size, image, wh, cls, names, ordered=True, form="wh")


def _why(error: BaseException) -> str:
    if "pickle" in str(error):  # the message of NumPy advises loading it anyway
        return "another kind of file, or pickled objects, which are never loaded"
    return first_line(error)
