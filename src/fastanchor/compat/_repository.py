"""The training repository that runs, as far as it is loaded: the age of its ``utils.autoanchor``, and its helpers."""

from __future__ import annotations

import logging
import sys
from enum import IntEnum
from typing import Any

__all__ = ["Age", "age", "coloured", "logger"]

LOGGERS = ("yolov5", "ultralytics")  # names that YOLOv5 gave its logger over the years


class Age(IntEnum):
    """Releases between which the numbers change that the same seeds give."""

    FIRST = 0  # YOLOv5 up to v5.0, YOLOv3 up to v9.5.0, YOLOv7: all draws from NumPy
    SECOND = 1  # YOLOv5 v6.0 to v6.2, YOLOv3 v9.6.0: one draw of each generation from `random`
    NEWEST = 2  # since YOLOv5 v7.0: k-means in single precision


def age(buffered: bool = False) -> Age:
    """Return how old the repository is.

    Two names tell, which its module imports since the very changes that matter here. Where that is not loaded, a model
    tells if it is `buffered`: if it keeps ``anchor_grid`` as a tensor, as none does after the first age.
    """
    module = sys.modules.get("utils.autoanchor")
    if module is None:
        return Age.FIRST if buffered else Age.NEWEST
    if hasattr(module, "TryExcept"):
        return Age.NEWEST
    return Age.SECOND if hasattr(module, "random") else Age.FIRST


def coloured(prefix: str) -> str:
    """Return a prefix in the colours that the repository's own helper gives it; as it is where there is none."""
    helper = _helper("colorstr")
    return str(helper(prefix)) if callable(helper) else prefix


def logger() -> logging.Logger | None:
    """Return the repository's logger; None where none is running."""
    own = _helper("LOGGER")
    if isinstance(own, logging.Logger):
        return own
    return next((found for found in map(logging.getLogger, LOGGERS) if found.handlers), None)


def _helper(name: str) -> Any:
    return getattr(sys.modules.get("utils.general"), name, None)
