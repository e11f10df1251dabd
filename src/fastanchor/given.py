"""Anchors that exist already: from the command line, a model YAML, a Darknet cfg, or JSON."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from reprlib import repr as brief

import numpy as np

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._types import FloatArray

__all__ = ["from_file", "from_text", "is_anchor_free", "read_anchors"]

ENDINGS = (".yaml", ".yml", ".cfg", ".json")
NUMBER = r"[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?"


def read_anchors(values: str | Sequence[str]) -> FloatArray:
    """Return anchors, (k, 2) float64, from numbers as in ``"10,13 16,30"`` or from the file of this name.

    Parameters
    ----------
    values : str or sequence of str
        One name of a .yaml, .yml, .cfg or .json file; or widths and heights in turn, apart by commas or blanks.

    Raises
    ------
    DataError
        If the file cannot be read or holds no anchors, or the numbers are no pairs.

    Examples
    --------
    >>> read_anchors("10,13 16,30.5")
    array([[10. , 13. ],
           [16. , 30.5]])
    """
    text = values if isinstance(values, str) else " ".join(values)
    if text.lower().endswith(ENDINGS):
        return from_file(Path(text))
    return _pairs(text, "anchors")


def from_file(path: Path) -> FloatArray:
    """Return the anchors of a YOLOv5 or YOLOv7 model YAML, a Darknet cfg, or a JSON object with a key "anchors".

    Raises
    ------
    DataError
        If the file cannot be read or holds no anchors.
    """
    try:
        text = path.read_text(encoding="utf-8")
    except UnicodeDecodeError:
        raise DataError(f"{path}: is not UTF-8 text") from None
    except OSError as error:
        raise DataError(f"{path}: cannot be read ({error.strerror or error})") from None
    try:
        return from_text(text, path.suffix.lower())
    except DataError as error:
        raise DataError(f"{path}: {error}") from None


def from_text(text: str, ending: str) -> FloatArray:
    r"""Return the anchors in the text of a file with this ending.

    Raises
    ------
    DataError
        If there are none.

    Examples
    --------
    >>> from_text("nc: 80\nanchors:\n  - [10,13, 16,30]  # P3/8\nbackbone: []", ".yaml")
    array([[10., 13.],
           [16., 30.]])
    """
    if ending == ".json":
        try:
            content = json.loads(text)
        except (ValueError, RecursionError) as error:
            raise DataError(f"is not JSON ({error})") from None
        if not isinstance(content, dict) or "anchors" not in content:
            raise DataError("is no JSON object with a key 'anchors'")
        return _check.as_sizes(content["anchors"], "anchors", "pixels of the network input")
    lines = [re.split(r"[#;]", line, maxsplit=1)[0] for line in re.split(r"\r?\n", text)]
    if ending == ".cfg":
        found = [line.split("=", 1)[1] for line in lines if re.match(r"\s*anchors\s*=", line)]
        if not found:
            raise DataError("has no anchors=")
        if any(re.match(r"\s*\[region\]", line, re.IGNORECASE) for line in lines):
            raise DataError("has a [region] section, whose anchors are in cells; give them as numbers, times 32")
        if len({re.sub(r"\s", "", line) for line in found}) > 1:
            raise DataError("has sections with different anchors=; give them as numbers instead")
        return _pairs(found[0], "anchors")
    match = re.search(r"^anchors[ \t]*:(.*(?:\n(?:[ \t]+.*|- .*|\].*|[ \t]*))*)", "\n".join(lines), re.MULTILINE)
    if is_anchor_free("\n".join(lines)):
        raise DataError("this detector has no anchors")
    if match is None:
        raise DataError("has no block 'anchors:'")
    if "[" not in match[1] and not re.search(r"^\s*-\s", match[1], re.MULTILINE):
        raise DataError(f"anchors: {match[1].strip()[:40] or 'nothing'}: is no list of widths and heights")
    return _pairs(re.sub(r"[\[\]\n]|^\s*-\s", " ", match[1], flags=re.MULTILINE), "anchors")


def is_anchor_free(text: str) -> bool:
    r"""Return whether a model YAML has a head that is given no anchors, as in YOLOv8 and YOLOv9.

    Examples
    --------
    >>> is_anchor_free("head:\n  - [[15, 18, 21], 1, Detect, [nc]]")
    True
    >>> is_anchor_free("anchors: 3\nhead:\n  - [[17, 20, 23], 1, Detect, [nc, anchors]]")
    False
    """
    plain = re.sub(r"#[^\n]*", "", text)
    listed = re.search(r"^anchors[ \t]*:[ \t]*(\n\s*-|\s*\[)", plain, re.MULTILINE)
    headed = re.search(r"^head[ \t]*:\s*(?:- |\[)\s*\[", plain, re.MULTILINE)  # and holds a layer
    return bool(headed) and not listed and not re.search(r"\[[^\[\]]*\banchors\b", plain)


def _pairs(text: str, name: str) -> FloatArray:
    words = re.split(r"[\s,]+", text.strip(" \t\r\n,"))
    for word in words:
        if not re.fullmatch(NUMBER, word):
            raise DataError(f"{name}: {brief(word)} is no number; write widths and heights as in 10,13 16,30")
    if len(words) % 2:
        raise DataError(f"{name}: has {len(words)} numbers; widths and heights come in pairs")
    return _check.as_sizes(np.array(words, dtype=np.float64).reshape(-1, 2), name, "pixels of the network input")
