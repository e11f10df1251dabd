"""How the boxes of an index were made: boxes made otherwise must not be mixed with them."""

from __future__ import annotations

from typing import Any, NamedTuple

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._small import kept
from fastanchor._types import Fit, FloatArray
from fastanchor._weights import as_column, part_of
from fastanchor.boxes import Boxes, network_sizes

__all__ = ["Settings", "agreed", "in_unit"]


class Settings(NamedTuple):
    """How boxes in pixels of the network input were made from labels.

    Attributes
    ----------
    img_size : (width, height) or None
        The network input, pixels; None if the boxes were in its pixels already.
    fit : {"letterbox", "stretch", "shortest"} or None
        How images were resized; None as above.
    min_size : float
        Boxes without a side of at least this were left out.
    split : str
        The splits, joined by "+"; empty for all.
    weights : str
        What boxes count by, such as "balance=class"; empty for once each.
    """

    img_size: tuple[int, int] | None
    fit: Fit | None
    min_size: float
    split: str = ""
    weights: str = ""

    @classmethod
    def of(cls, stored: dict[str, Any]) -> Settings:
        """Return settings that were stored as JSON."""
        size = stored["img_size"]
        return cls(**{**stored, "img_size": None if size is None else (int(size[0]), int(size[1]))})

    def agree(self, other: Settings, what: str, than: str = "the index") -> None:
        """Raise if other settings differ; both are named.

        Raises
        ------
        DataError
            If a setting differs.

        Examples
        --------
        >>> one = Settings((640, 640), "letterbox", 2.0)
        >>> one.agree(one._replace(fit="stretch"), "the new boxes")
        Traceback (most recent call last):
            ...
        fastanchor._errors.DataError: fit: got 'stretch' for the new boxes, expected 'letterbox' of the index
        """
        for name, mine, theirs in zip(self._fields, self, other, strict=True):
            if mine != theirs:
                raise DataError(f"{called(name)}: got {_shown(theirs)} for {what}, expected {_shown(mine)} of {than}")


def agreed(one: Settings | None, other: Settings | None, name: str) -> None:
    """Raise if the boxes of an index were made otherwise than those of the first."""
    if one is not None and other is not None:
        one.agree(other, name, "indexes[0]")
    elif one is not other:
        known = "is known" if one is None else "is unknown"
        raise DataError(f"indexes: how the boxes of {name} were made {known}, other than for indexes[0]")


def in_unit(boxes: Any, weights: Any, settings: Settings | None) -> tuple[FloatArray, Any]:
    """Return boxes in pixels of the network input, and their weights; None for once each.

    Raises
    ------
    DataError
        If the boxes are not valid, or have image sizes and there are no settings to scale them by.
    """
    column = boxes.weights if weights is None and isinstance(boxes, Boxes) else weights
    if not isinstance(boxes, Boxes) or boxes.image_wh is None:
        return _check.as_sizes(boxes.wh if isinstance(boxes, Boxes) else boxes, "boxes"), column
    if settings is None or settings.img_size is None or settings.fit is None:
        raise DataError("boxes: are in pixels of their images, and how those of the index were scaled is unknown")
    if column is not None:
        column = as_column(column, "weights", len(boxes))
    wh = network_sizes(boxes, settings.img_size, settings.fit)
    keep = kept(wh, settings.min_size)
    return wh[keep], part_of(column, keep)


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else repr(value)
