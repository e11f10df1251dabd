"""The training repository that is running: the age of its ``utils.autoanchor``, its colours, and its logger."""

from __future__ import annotations

import logging
import sys
from enum import IntEnum
from typing import Any

__all__ = ["Age", "age", "coloured", "say", "warn"]

LOGGERS = ("yolov5", "ultralytics")  # names that YOLOv5 gave its logger over the years


class Age(IntEnum):
    """Releases between which the numbers change that the same seeds give."""

    FIRST = 0  # YOLOv5 up to v5.0, YOLOv3 up to v9.5.0, YOLOv7: all draws from NumPy
    SECOND = 1  # YOLOv5 v6.0 to v6.2, YOLOv3 v9.6.0: one draw of each generation from `random`
    NEWEST = 2  # since YOLOv5 v7.0: k-means in single precision


def age(buffered: bool = False) -> Age:
    """Return how old the repository is.

    Its module has imported two names since the changes that matter here. Where that module is not loaded, a model whose
    ``anchor_grid`` is a tensor (`buffered`) is of the first age.
    """
    module = sys.modules.get("utils.autoanchor")
    if module is None:
        return Age.FIRST if buffered else Age.NEWEST
    if hasattr(module, "TryExcept"):
        return Age.NEWEST
    return Age.SECOND if hasattr(module, "random") else Age.FIRST


def coloured(prefix: str) -> str:
    """Return a prefix in the colours of the repository's own helper, or as it is without one."""
    helper = _helper("colorstr")
    return str(helper(prefix)) if callable(helper) else prefix


def say(text: str) -> None:
    """Log `text` with the repository's logger, or print it on stderr without one."""
    logger = _logger()
    if logger is not None:
        logger.info(text)
    elif sys.stderr is not None:  # print would take None for standard output
        print(text, file=sys.stderr)


def warn(prefix: str, text: str) -> None:
    """Log a warning behind `prefix`."""
    logger = _logger()
    if logger is None:
        say(f"{prefix}WARNING: {text}")
    else:
        # the formatter of Ultralytics writes the word itself
        logger.warning(f"{prefix}{text}" if logger.name == "ultralytics" else f"{prefix}WARNING: {text}")


def _logger() -> logging.Logger | None:
    logger = _helper("LOGGER")
    if isinstance(logger, logging.Logger):
        return logger
    return next((named for named in map(logging.getLogger, LOGGERS) if named.handlers), None)


def _helper(name: str) -> Any:
    return getattr(sys.modules.get("utils.general"), name, None)
