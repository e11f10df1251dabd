"""Where remarks go: to the training repository's own logger, or to stderr."""

from __future__ import annotations

import logging
import sys

__all__ = ["say"]

LOGGERS = ("yolov5", "ultralytics")  # names that YOLOv5 gave its logger over the years


def say(text: str) -> None:
    """Log `text` where the repository logs, or print it on stderr where none is running."""
    for name in LOGGERS:
        logger = logging.getLogger(name)
        if logger.handlers:
            logger.info(text)
            return
    if sys.stderr is not None:  # print would take None for standard output
        print(text, file=sys.stderr)
