"""Where remarks go: to the training repository's own logger, or to stderr."""

from __future__ import annotations

import sys

from fastanchor.compat import _repository

__all__ = ["say", "warn"]


def say(text: str) -> None:
    """Log `text` where the repository logs, or print it on stderr where none is running."""
    logger = _repository.logger()
    if logger is None:
        if sys.stderr is not None:  # print would take None for standard output
            print(text, file=sys.stderr)
    else:
        logger.info(text)


def warn(prefix: str, text: str) -> None:
    """Say behind `prefix` that something is amiss; a logger gets it at the level WARNING."""
    logger = _repository.logger()
    if logger is None:
        say(f"{prefix}WARNING: {text}")
    elif logger.name == "ultralytics":  # its formatter writes the word itself
        logger.warning(f"{prefix}{text}")
    else:
        logger.warning(f"{prefix}WARNING: {text}")
