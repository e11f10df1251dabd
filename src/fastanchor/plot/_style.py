"""What the pictures share: colours that differ in grey too, ticks on logarithmic axes, and writing to a file."""

from __future__ import annotations

import importlib.util
import os
import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from fastanchor._errors import BackendError, DataError
from fastanchor._output import check_output, is_stream, named_file, whole
from fastanchor._types import FloatArray

__all__ = [
    "BLUE", "GREY", "INK", "LINES", "PIXELS", "check", "density", "empty_figure", "extent", "legend_below", "log_ticks",
    "needed", "save", "write",
]  # fmt: skip

ENDINGS = (".png", ".svg", ".pdf")

INK, BLUE, GREY = "#b2182b", "#08306b", "#969696"
# three lines that differ in lightness and in dash
LINES = ((INK, "-", "o"), (BLUE, "--", "s"), ("#1a1a1a", ":", "^"))
PIXELS = "pixels of the network input"
SHADES = 6  # up to so many different counts have a tick each
COUNTS = [digit * 10**power for power in range(12) for digit in (1, 2, 5)]
TICKS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000)


def check(path: Path, *, replace: bool = True) -> None:
    """Raise what :func:`save` would raise for this file, before the work is done.

    Raises
    ------
    BackendError
        If matplotlib is not installed.
    DataError
        If the ending is not .png, .svg or .pdf, or the file cannot be written or may not be replaced.
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
    """Return a figure without a window; sizes in inches."""
    needed()
    from matplotlib.figure import Figure

    return Figure(figsize=(width, height), layout="constrained")


def save(figure: Any, out: str | os.PathLike[str], *, replace: bool = True, dpi: int = 120) -> None:
    """Write a figure, whole or not at all; the ending chooses PNG, SVG or PDF, and a pipe or device gets a PNG.

    Raises
    ------
    DataError
        If the ending is none of these, or the file cannot be written or may not be replaced.
    """
    path = named_file(out)
    check(path, replace=replace)
    ending = path.suffix.lower()
    with whole(path, replace=replace) as part:
        write(figure, part, format=ending[1:] if ending in ENDINGS else "png", dpi=dpi)


def write(figure: Any, out: Any, **options: Any) -> None:
    """Write the figure to a path or a file; a letter that the font lacks becomes an empty box without a warning."""
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", message=r"Glyph \d+", category=UserWarning)
        figure.savefig(out, **options)


def density(axes: Any, x: FloatArray, y: FloatArray, counts: FloatArray, beside: Sequence[Any] | None = None) -> None:
    """Draw a histogram in greys, empty bins white, with a bar that says how many boxes each grey means.

    The bar is beside `axes`, or beside all of `beside`; an empty list leaves it out.
    """
    from matplotlib import colormaps
    from matplotlib.colors import ListedColormap

    shown = np.ma.masked_equal(counts.T, 0)
    if not shown.count():
        return
    most = float(shown.max())
    few = most < SHADES  # the ticks of a logarithm would not distinguish so few
    scale: dict[str, Any] = {"vmin": 0.5, "vmax": most + 0.5} if few else {"norm": "log", "vmin": 1.0}
    # the lightest grey differs from white, and lines are visible on the darkest
    greys = ListedColormap(colormaps["Greys"](np.linspace(0.2, 0.7, 256)))
    mesh = axes.pcolormesh(x, y, shown, cmap=greys, rasterized=True, **scale)
    if beside is not None and not len(beside):
        return
    place, thin = axes if beside is None else list(beside), {"shrink": 0.8, "fraction": 0.06, "pad": 0.03, "aspect": 25}
    bar = axes.get_figure().colorbar(mesh, ax=place, label="boxes per cell of the picture", **thin)
    ticks = range(1, int(most) + 1) if few else [tick for tick in COUNTS if tick <= most]
    bar.set_ticks(ticks, labels=[f"{tick:,}" for tick in ticks])
    bar.ax.minorticks_off()


def extent(values: FloatArray, margin: float, others: Sequence[float] = ()) -> tuple[float, float]:
    """Return the range of an axis that shows these values and `others`, with a factor of `margin` at both ends."""
    # the outermost thousandth would stretch the axes so far that the rest is a blot
    low, high = np.quantile(values, [0.0005, 0.9995]).tolist()
    return min(low, *others, low) / margin, max(high, *others, high) * margin


def legend_below(axes: Any, columns: int) -> None:
    """Write the legend below the axes, where it hides no box, and narrow enough for a figure as wide as a phone."""
    axes.legend(loc="upper center", bbox_to_anchor=(0.5, -0.12), ncols=columns, frameon=False, fontsize=9,
                handlelength=1.8, handletextpad=0.5, columnspacing=1.2)  # fmt: skip


def log_ticks(axis: Any, low: float, high: float) -> None:
    """Write plain numbers on a logarithmic axis."""
    ticks: list[float] = [t for t in TICKS if low <= t <= high]
    if len(ticks) < 2:  # less than an octave, or less than a pixel
        ticks = sorted({float(f"{t:.2g}") for t in np.geomspace(low, high, 5)[1:-1]})
    axis.set_ticks(ticks, labels=[f"{t:g}" for t in ticks])
    axis.set_ticks([], minor=True)
