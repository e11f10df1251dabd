"""JSON and CSV: every digit, for programs."""

from __future__ import annotations

import json as _json

from fastanchor._types import FloatArray
from fastanchor.export._common import dealt
from fastanchor.layers import Split

__all__ = ["csv", "json"]


def json(anchors: FloatArray, parts: Split | None = None) -> str:
    """Return one JSON object: ``anchors``, and ``levels`` with level, stride and anchors.

    Parameters
    ----------
    anchors : (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.
    parts : list of (level, anchors in it), optional

    Examples
    --------
    >>> import numpy as np
    >>> print(json(np.array([[10.5, 13.0]])))
    {"anchors": [[10.5, 13.0]], "levels": [{"level": 5, "stride": 32, "anchors": [[10.5, 13.0]]}]}
    """
    rows = [
        {"level": layer.level, "stride": layer.stride, "anchors": layer.anchors.tolist()}
        for layer in dealt(anchors, parts)
    ]
    return _json.dumps({"anchors": anchors.tolist(), "levels": rows}, allow_nan=False)


def csv(anchors: FloatArray, parts: Split | None = None) -> str:
    """Return a line an anchor: level, stride, width, height.

    Parameters
    ----------
    anchors : (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.
    parts : list of (level, anchors in it), optional

    Examples
    --------
    >>> import numpy as np
    >>> print(csv(np.array([[10.5, 13.0]])))
    level,stride,width,height
    5,32,10.5,13.0
    """
    lines = ["level,stride,width,height"]
    for level, stride, part, _ in dealt(anchors, parts):
        lines += [f"{level},{stride},{w!r},{h!r}" for w, h in part.tolist()]
    return "\n".join(lines)
