"""Hard inputs, each with what it is there for."""

import numpy as np

_rng = np.random.default_rng(20240229)


def lognormal(n, seed=0):
    return np.exp(np.random.default_rng(seed).normal([3.8, 3.7], [1.0, 1.0], (n, 2))).clip(2, 640)


def _read_only(array):
    array.flags.writeable = False
    return array


# name -> (n, 2) widths and heights
BOXES = {
    "one box": np.array([[31.5, 17.25]]),
    "two boxes": np.array([[1.0, 2.0], [2.0, 1.0]]),
    "all equal": np.full((700, 2), 12.5),
    "two kinds, thousands each": np.repeat([[10.0, 20.0], [30.0, 5.0]], 3000, axis=0),
    "integers with many duplicates": _rng.integers(1, 12, (3000, 2)).astype(float),
    "exact ties: powers of two": 2.0 ** _rng.integers(0, 6, (500, 2)),
    "squares only": np.repeat(_rng.uniform(1, 100, (200, 1)), 2, axis=1),
    "lognormal": lognormal(2000),
    "spans fifteen decades": np.exp(_rng.uniform(np.log(1e-6), np.log(1e9), (600, 2))),
    "within a hair of each other": 100.0 + _rng.uniform(0, 1e-9, (300, 2)),
    "relative to the image": _rng.uniform(0.001, 1.0, (400, 2)),
    "thin": np.column_stack([_rng.uniform(1, 2, 300), _rng.uniform(500, 1000, 300)]),
    "a block and one over": lognormal(513, 1),
    "a chunk and one over": lognormal(65537, 2),
}

# name -> what a caller may hand over for lognormal(40): each must give the same answer
FORMS = {
    "list": lambda a: a.tolist(),
    "tuple of tuples": lambda a: tuple(map(tuple, a.tolist())),
    "Fortran order": np.asfortranarray,
    "strided": lambda a: np.repeat(a, 2, axis=0)[::2],
    "reversed twice": lambda a: a[::-1].copy()[::-1],
    "read-only": lambda a: _read_only(a.copy()),
    "byte-swapped": lambda a: a.astype(a.dtype.newbyteorder()),
    "object": lambda a: a.astype(object),
}

# what is refused, and a part of the sentence that says so
BAD = {
    "zero width": ([[3.0, 2.0], [0.0, 12.5]], "boxes[1] = (0.0, 12.5): widths and heights must be finite and > 0"),
    "negative": ([[3.0, -2.0]], "boxes[0] = (3.0, -2.0): widths and heights must be finite and > 0"),
    "NaN": ([[3.0, float("nan")]], "boxes[0] = (3.0, nan): widths and heights must be finite"),
    "infinite": ([[float("inf"), 1.0]], "boxes[0] = (inf, 1.0): widths and heights must be finite"),
    "several": ([[0.0, 1.0]] * 3, "2 more rows like it"),
    "vanishing": ([[1e-120, 1.0]], "must lie within 1e-100 and 1e+100"),
    "empty": ([], "boxes: must have at least one (width, height), got none"),
    "no columns": (np.empty((0, 2)), "boxes: must have at least one"),
    "one-dimensional": ([1.0, 2.0], "must have shape (n, 2), widths and heights; got (2,)"),
    "four columns": (np.ones((5, 4)), "must have shape (n, 2), widths and heights; got (5, 4)"),
    "text": ([["a", "b"]], "boxes: must be numbers of shape (n, 2)"),
    "ragged": ([[1.0], [2.0, 3.0]], "boxes: must be numbers of shape (n, 2)"),
    "complex": (np.ones((2, 2), complex), "boxes: must be numbers of shape (n, 2)"),
    "None": (None, "boxes: must be numbers of shape (n, 2)"),
}
