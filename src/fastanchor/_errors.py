"""What can go wrong, as the caller sees it."""

from __future__ import annotations

__all__ = ["BackendError", "DataError", "FastanchorError", "SmallBoxWarning", "SplitWarning"]


class FastanchorError(Exception):
    """Base of every error that fastanchor raises on purpose."""


class DataError(FastanchorError, ValueError):
    """An argument or a file breaks a rule; the message names place, value and rule."""


class BackendError(FastanchorError, ImportError):
    """What was asked for is not installed; the message says what would provide it."""


class SmallBoxWarning(UserWarning):
    """Some boxes are smaller than a detector can be expected to see."""


class SplitWarning(UserWarning):
    """The boxes are those of several parts of a data set, while detectors are trained on one of them."""
