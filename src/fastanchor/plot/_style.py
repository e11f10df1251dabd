"""What the pictures share: colours that stay apart in grey, ticks on logarithmic axes, and the way into a file."""

from __future__ import annotations

import importlib.util
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from fastanchor._errors import BackendError, DataError
from fastanchor._output import check_output, is_stream, whole
from fastanchor._text import many
from fastanchor._types import FloatArray

__all__ = [
    "INK", "LINES", "PIXELS", "check", "counted", "density", "empty_figure", "limits", "log_ticks", "needed", "save",
    "write",
]  # fmt: skip

ENDINGS = (".png", ".svg", ".pdf")

INK = "#b2182b"
# three lines that differ in lightness and in dash
LINES = (("#b2182b", "-", "o"), ("#08306b", "--", "s"), ("#1a1a1a", ":", "^"))
PIXELS = "pixels of the network input"
SHADES = 6  # counts up to here have a tick each
TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


def check(path: Path, *, replace: bool = True) -> None:
    """Raise what drawing into this file would raise, before the work is done.

    Raises
    ------
    BackendError
        If matplotlib is not installed.
    DataError
        If the ending is none that can be drawn, or the file cannot be written or may not be replaced.
    """
    if path.suffix.lower() not in ENDINGS and not is_stream(path):
        raise DataError(f"{path}: must end in .png, .svg or .pdf")
    needed()
    check_output(path, replace=replace)


def needed() -> None:
    """Raise if matplotlib is not installed."""
    if importlib.util.find_spec("matplotlib") is None:
        raise BackendError("matplotlib is not installed; pip install 'fastanchor[plot]'")


def empty_figure(width: float, height: float) -> Any:
    """Return a figure that no window knows of; sizes in inches."""
    needed()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def _greys() -> Any:
    """Return the colours of densities: the least is told from none, and lines can be seen on the most."""
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    return ListedColormap(colormaps["Greys"](np.linspace(0.12, 0.55, 256)))


def density(axes: Any, x: FloatArray, y: FloatArray, counts: FloatArray) -> None:
    """Draw a histogram in greys, nothing where nothing is, with a bar that says how many boxes a grey means."""
    shown = np.ma.masked_equal(counts.T, 0)
    if not shown.count():
        return
    if shown.max() < SHADES:  # the ticks of a logarithm would not tell so few apart
        ticks: Any = range(1, int(shown.max()) + 1)
        scale: dict[str, Any] = {"vmin": 0.5, "vmax": float(shown.max()) + 0.5}
    else:
        ticks, scale = None, {"norm": "log", "vmin": 1.0}
    mesh = axes.pcolormesh(x, y, shown, cmap=_greys(), rasterized=True, **scale)
    axes.get_figure().colorbar(mesh, ax=axes, label="boxes per cell", shrink=0.8, ticks=ticks)


def counted(boxes: int, anchors: int) -> str:
    """Return how many there are, as in "2 boxes and 1 anchor"."""
    return f"{many(boxes, 'box', 'boxes')} and {many(anchors, 'anchor')}"


def save(figure: Any, path: Path, *, replace: bool = True, dpi: int = 120) -> None:
    """Write the figure whole or not at all; the ending of `path` chooses the format, and a stream gets a PNG."""
    ending = path.suffix.lower()
    with whole(path, replace=replace) as part:
        write(figure, part, format=ending[1:] if ending in ENDINGS else "png", dpi=dpi)


def write(figure: Any, out: Any, **options: Any) -> None:
    """Write the figure to a path or a file; a letter that the font has not is an empty box in it, and no warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+", category=UserWarning)
        figure.savefig(out, **options)


def limits(boxes: FloatArray, anchors: FloatArray) -> tuple[float, float]:
    """Return the least and the largest side to show."""
    # the outermost thousandth would stretch the axes so far that the rest is a blot
    low, high = np.quantile(boxes, [0.0005, 0.9995])
    return float(min(low, anchors.min()) / 1.25), float(max(high, anchors.max()) * 1.25)


def log_ticks(axis: Any, low: float, high: float) -> None:
    """Write plain numbers on a logarithmic axis."""
    ticks: list[float] = [t for t in TICKS if low <= t <= high]
    if len(ticks) < 2:  # less than an octave, or less than a pixel
        ticks = sorted({float(f"{t:.2g}") for t in np.geomspace(low, high, 5)[1:-1]})
    axis.set_ticks(ticks, labels=[f"{t:g}" for t in ticks])
    axis.set_ticks([], minor=True)
