"""Options of reading: their values, and whether the labels support them."""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Any

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor.datasets._record import TURNED, UNITS, Format, Options

__all__ = ["FORMS", "checked", "given", "refuse_idle", "rows_of"]

FORMS = ("xyxy", "xywh", "cxcywh")
ROWS = re.compile(r"box|polygon|keypoints(?::(\d+)x(\d+))?")
# why a format does not support an option
WITHOUT = {
    "source_size": "sizes come from the labels",
    "size_cache": "sizes come from the labels",
    "images": "sizes come from the labels",
    "crowd": "the labels do not mark crowds",
    "columns": "the labels have no named columns",
    "weight": "the labels have no named columns",
    "rows": "the labels have one kind of rows only",
    "form": "the labels have one form of boxes only",
    "unit": "the labels have one unit only",
    "turned": "the labels have upright boxes only",
}
_COMMON = ("format", "split", "places")


def checked(options: Options) -> Options:
    """Return the options with their values checked."""
    if options.source_size is not None:
        options = options._replace(source_size=_check.side_pair(options.source_size, "source_size", square=True))
    if options.columns is not None:
        names = _check.listed(options.columns) or ()
        if not (len(names) in (2, 4) and all(isinstance(one, str) for one in names)):
            rule = "must be the names of two columns, width and height, or of four, in the order of form"
            raise DataError(f"{called('columns')} = {_check.short(options.columns)}: {rule}")
        options = options._replace(columns=tuple(names))
    if options.weight is not None and not (isinstance(options.weight, str) and options.weight.strip()):
        raise DataError(f"{called('weight')} = {_check.short(options.weight)}: must be the name of a column")
    if options.unit is not None:
        _check.choice(options.unit, "unit", UNITS)
    if options.form is not None:
        _check.choice(options.form, "form", FORMS)
    if options.rows is not None:
        rows_of(options.rows)
    _check.choice(options.turned, "turned", TURNED)
    split: Any = options.split
    if split is not None and not isinstance(split, str):
        rule = "must be a text, such as 'train' or 'train+val'"
        raise DataError(f"{called('split')} = {_check.short(split)}: {rule}")
    if options.images is not None:
        options = options._replace(images=str(_check.as_path(options.images, "images")))
    return options


def rows_of(text: Any) -> tuple[str, tuple[int, int] | None]:
    """Return the kind of rows named by `rows`, and the number of key points and of values of each."""
    match = ROWS.fullmatch(text) if isinstance(text, str) else None
    if match is None:
        rule = "must be 'box', 'polygon', 'keypoints' or as in 'keypoints:5x2'"
        raise DataError(f"{called('rows')} = {_check.short(text)}: {rule}")
    shape = (int(match[1]), int(match[2])) if match[1] else None
    return text.partition(":")[0], shape


def given(options: Options) -> dict[str, Any]:
    """Return the options that differ from their defaults, without those that every format supports."""
    default = Options._field_defaults
    return {name: value for name, value in options._asdict().items()
            if name not in _COMMON and value != default[name]}  # fmt: skip


def refuse_idle(options: Options, formats: Iterable[Format]) -> None:
    """Raise DataError if an option is given that none of the formats supports."""
    several = list(formats)
    for name, value in given(options).items():
        if not any(name in format.uses() for format in several):
            names = ", ".join(dict.fromkeys(format.name for format in several))
            raise DataError(f"{_shown(name, value)}: not supported for {names}: {WITHOUT[name]}")


def _shown(name: str, value: Any) -> str:
    """Return an option with its value as given; a flag of the command line has no value."""
    return called(name) if value is True and called(name) != name else f"{called(name)} = {_check.short(value)}"
