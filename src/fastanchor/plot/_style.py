"""What the pictures share: colours that stay apart in grey, ticks on logarithmic axes, and the way into a file."""

from __future__ import annotations

import importlib.util
from pathlib import Path
from typing import Any

import numpy as np

from fastanchor._errors import BackendError, DataError
from fastanchor._files import whole
from fastanchor._types import FloatArray

__all__ = ["INK", "LINES", "PIXELS", "check", "empty_figure", "greys", "limits", "log_ticks", "needed", "save"]

ENDINGS = (".png", ".svg", ".pdf")

INK = "#b2182b"
# three lines that differ in lightness and in dash
LINES = (("#b2182b", "-", "o"), ("#08306b", "--", "s"), ("#1a1a1a", ":", "^"))
PIXELS = "pixels of the network input"
TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


def check(path: Path) -> None:
    """Raise what drawing into this file would raise, before the work is done.

    Raises
    ------
    BackendError
        If matplotlib is not installed.
    DataError
        If the ending is none that can be drawn.
    """
    if path.suffix.lower() not in ENDINGS:
        raise DataError(f"{path}: must end in .png, .svg or .pdf")
    needed()


def needed() -> None:
    """Raise if matplotlib is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        raise BackendError("matplotlib is not installed; pip install 'fastanchor[plot]'")


def empty_figure(width: float, height: float) -> Any:
    """Return a figure that no window knows of; sizes in inches."""
    needed()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def greys() -> Any:
    """Return the colours of densities: the least is told from none, and lines can be seen on the most."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps["Greys"](np.linspace(0.12, 0.55, 256)))


def save(figure: Any, path: Path) -> None:
    """Write the figure whole or not at all; the ending of `path` chooses the format."""
    with whole(path) as part:
        figure.savefig(part, format=path.suffix[1:].lower(), dpi=120)


def limits(boxes: FloatArray, anchors: FloatArray) -> tuple[float, float]:
    """Return the least and the largest side to show."""
    # the outermost thousandth would stretch the axes so far that the rest is a blot
    low, high = np.quantile(boxes, [0.0005, 0.9995])
    return float(min(low, anchors.min()) / 1.25), float(max(high, anchors.max()) * 1.25)


def log_ticks(axis: Any, low: float, high: float) -> None:
    """Write plain numbers on a logarithmic axis."""
    ticks = [t for t in TICKS if low <= t <= high]
    if len(ticks) >= 2:
        axis.set_ticks(ticks, labels=[str(t) for t in ticks])
        axis.set_ticks([], minor=True)
