"""Anchors as the text of a detector's configuration."""

from __future__ import annotations

from fastanchor._types import FloatArray

__all__ = ["darknet", "levels", "yolov5"]


def levels(n: int) -> list[tuple[int, int]]:
    """Return (level, anchors in it) for n anchors, smallest first: three a level where that works, else evenly.

    Level p has stride ``2 ** p``. Two levels are those of the tiny networks, P4 and P5.

    Examples
    --------
    >>> levels(9)
    [(3, 3), (4, 3), (5, 3)]
    >>> levels(10)
    [(4, 5), (5, 5)]
    """
    count = n // 3 if n in (6, 9, 12, 15) else next(c for c in (3, 2, 1) if n % c == 0)
    first = {1: 5, 2: 4}.get(count, 3)
    return [(first + i, n // count) for i in range(count)]


def yolov5(anchors: FloatArray) -> str:
    """Return the ``anchors:`` block of a YOLOv5 or YOLOv7 model YAML, a line a level.

    Parameters
    ----------
    anchors : (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.

    Examples
    --------
    >>> import numpy as np
    >>> print(yolov5(np.array([[10, 13], [16, 30], [33, 23], [30, 61], [62.25, 45], [59, 119]])))
    anchors:
      - [10,13, 16,30, 33,23]  # P4/16
      - [30,61, 62.2,45, 59,119]  # P5/32
    """
    lines, start = ["anchors:"], 0
    for level, count in levels(len(anchors)):
        pairs = ", ".join(f"{_number(w, 1)},{_number(h, 1)}" for w, h in anchors[start : start + count].tolist())
        lines.append(f"  - [{pairs}]  # P{level}/{2**level}")
        start += count
    return "\n".join(lines)


def darknet(anchors: FloatArray) -> str:
    """Return the ``anchors`` line of a Darknet cfg, in whole pixels.

    Parameters
    ----------
    anchors : (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.

    Examples
    --------
    >>> import numpy as np
    >>> darknet(np.array([[10.2, 13], [16, 30]]))
    'anchors = 10,13, 16,30'
    """
    return "anchors = " + ", ".join(f"{_number(w, 0)},{_number(h, 0)}" for w, h in anchors.tolist())


def _number(value: float, decimals: int) -> str:
    """Return `value` rounded; what would lose most of its digits keeps four."""
    if value < 2.0:
        return f"{value:.4g}"
    return f"{value:.{decimals}f}".removesuffix(".0")
