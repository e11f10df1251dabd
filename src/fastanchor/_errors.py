"""What can go wrong, as the caller sees it."""

from __future__ import annotations

import errno

__all__ = [
    "BackendError",
    "ClusterError",
    "DataError",
    "FastanchorError",
    "MissingFileError",
    "SmallBoxWarning",
    "SplitWarning",
    "WrongTypeError",
]


class FastanchorError(Exception):
    """Base of every error that fastanchor raises on purpose."""


class DataError(FastanchorError, ValueError):
    """An argument or a file breaks a rule; the message names place, value and rule."""


class WrongTypeError(DataError, TypeError):
    """An argument is of a type that is not accepted."""


class MissingFileError(DataError, FileNotFoundError):
    """A file or folder that is to be read does not exist."""

    def __new__(cls, *args: object) -> MissingFileError:
        """Return a new error; that of ValueError, which a lookup by name would find, cannot make one."""
        return FileNotFoundError.__new__(cls, *args)

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.errno = errno.ENOENT  # without strerror and filename, which the text of the error would be made of


class BackendError(FastanchorError, ImportError):
    """What was asked for is not installed; the message says what would provide it."""


class ClusterError(FastanchorError):
    """A cluster failed: no connection, no answer in time, or a worker was lost too often."""


class SmallBoxWarning(UserWarning):
    """Some boxes are smaller than a detector can be expected to see."""


class SplitWarning(UserWarning):
    """The boxes belong to several splits of a data set, but detectors are trained on one."""
