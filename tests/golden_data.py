"""The data sets of tests/golden, made by the recipe the originals were run with."""

import json
import re
from pathlib import Path
from types import SimpleNamespace

import numpy as np

FOLDER = Path(__file__).resolve().parent / "golden"


def cases(name, function=None):
    """Return the cases of a file, of one function if given."""
    found = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))["cases"]
    return [case for case in found if function in (None, case["function"])]


def dataset(number):
    """Return an object with labels and shapes, as training repositories have them."""
    rng = np.random.default_rng(number)
    shapes = rng.integers([320, 240], [1921, 1081], (300, 2)).astype(np.float64)
    labels = []
    for _ in range(300):
        count = int(rng.integers(1, 12))
        wh = np.exp(rng.normal(np.log(0.12), 0.8, (count, 2))).clip(0.001, 1.0)
        label = np.zeros((count, 5), np.float32)
        label[:, 0] = rng.integers(0, 3, count)
        label[:, 1:3] = 0.5
        label[:, 3:5] = wh
        labels.append(label)
    return SimpleNamespace(shapes=shapes, labels=labels)


def figures(text):
    """Return the numbers of a text, in order."""
    return [float(number) for number in re.findall(r"(?<![\w.])\d+(?:\.\d+)?", text)]
