"""A folder with an index as DATA: what it says about its boxes, and what the command line must not say otherwise."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._text import plain
from fastanchor.engine._folder import JSON, is_index, said
from fastanchor.engine._settings import Settings
from fastanchor.export import Input

__all__ = ["agreed", "chosen", "folders", "weighting"]

# options that say how labels are read, which an index has behind it
READING = ("format", "images", "source_size", "size_cache", "crowd", "unit", "form", "rows", "turned", "columns",
           "strict", "classes", "exclude", "min_area")  # fmt: skip


def folders(arguments: argparse.Namespace) -> list[str]:
    """Return the DATA that are indexes."""
    return [one for one in getattr(arguments, "data", None) or () if one != "-" and is_index(one)]


def chosen(folder: str) -> Settings | None:
    """Return the settings of an index, None if it does not say how its boxes were made."""
    found: Any = said(Path(folder)).get("settings")
    try:
        return None if found is None else Settings.of(found)
    except (TypeError, KeyError):
        raise DataError(f"{plain(folder)}: {JSON} has damaged settings; build the index again") from None


def network(arguments: argparse.Namespace, wanted: Sequence[tuple[str, Any, str]]) -> Input | None:
    """Return the network input of the indexes among DATA; None without them, or if they do not say.

    `wanted` are names and values of settings that are given elsewhere, and the places that give them.
    """
    found = None
    for folder in folders(arguments):
        own = chosen(folder)
        if own is None or own.img_size is None or own.fit is None:
            continue
        found = found or Input(own.fit, own.img_size)
        for name, value, place in wanted:
            theirs = getattr(own, name)
            if value != theirs:
                raise DataError(f"{place} = {_shown(value)}: {plain(folder)} was built for {_shown(theirs)}")
    return found


def agreed(arguments: argparse.Namespace, folder: str) -> Settings | None:
    """Return the settings of an index, after comparing the options given by hand with them."""
    given: dict[str, Any] = getattr(arguments, "_given", {})
    own = chosen(folder)
    idle = next((name for name in READING if name in given or getattr(arguments, name, False) is True), None)
    if idle is not None and len(folders(arguments)) == len(arguments.data):
        raise DataError(f"{called(idle)}: {plain(folder)} is an index; this was decided when it was built")
    if own is None:
        return None
    split = given.get("split")
    split = None if split == "auto" else "" if split == "all" else split
    mine = {"split": split, "weights": weighting(arguments), "min_size": given.get("min_size")}
    places = {"split": "--split", "min_size": "--min-size"}
    places["weights"] = "--balance" if getattr(arguments, "balance", None) else "--weight"
    for name, value in mine.items():
        theirs = getattr(own, name)
        if value is not None and value != theirs and (name != "weights" or value):
            shown = value.partition("=")[2] if name == "weights" else _shown(value)
            raise DataError(f"{places[name]} = {shown}: {plain(folder)} was built {_built(name, theirs)}")
    return own


def _built(name: str, value: Any) -> str:
    if name == "weights":
        return f"with --{value.replace('=', ' ')}" if value else "without weights"
    return f"with --{name.replace('_', '-')} {_shown(value)}" if value != "" else "of all splits"


def weighting(arguments: argparse.Namespace) -> str:
    """Return what boxes count by, as in "balance=class"; empty for once each."""
    for name in ("balance", "weight"):
        value = getattr(arguments, name, None)
        if value is not None:
            return f"{name}={value}"
    return ""


def _shown(value: Any) -> str:
    if isinstance(value, tuple):
        return "x".join(map(str, value))
    return f"{value:g}" if isinstance(value, float) else str(value)


def only(arguments: argparse.Namespace) -> str | None:
    """Return the index that is DATA, None if there is none.

    Raises
    ------
    DataError
        If there is other DATA beside it, or the command does not read indexes.
    """
    there = folders(arguments)
    if not there:
        return None
    if not getattr(arguments, "indexed", False):
        raise DataError(f"{plain(there[0])}: is an index of boxes; only anchors, check, sweep and index read it")
    if len(arguments.data) > 1:
        raise DataError(
            f"{plain(there[0])}: is an index, which must be the only DATA; "
            "fastanchor index puts indexes and labels together"
        )
    if getattr(arguments, "holdout", None) is not None:
        raise DataError(f"--holdout: {plain(there[0])} is an index, which does not know the images of its boxes")
    return there[0]


def minimum(arguments: argparse.Namespace, own: Settings | None) -> float:
    """Return the least size of boxes: that of the index."""
    return _check.number(arguments.min_size, "min_size", low=0.0) if own is None else own.min_size
