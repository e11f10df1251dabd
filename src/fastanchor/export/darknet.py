"""Darknet: the ``anchors`` line, and a whole cfg with its heads put right."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from reprlib import repr as brief

from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor.export._common import dealt, lines_of, pairs
from fastanchor.layers import Split, equal

__all__ = ["cfg_layout", "cfg_levels", "darknet", "edit_cfg"]


# what a head predicts for an anchor besides the classes: a box and whether it is there; with uncertainties 4 more
HEADS = {"yolo": 5, "gaussian_yolo": 9}


def darknet(anchors: FloatArray, parts: Split | None = None) -> str:
    """Return the ``anchors`` line of a Darknet cfg, in whole pixels; with `parts` the ``mask`` of each level too.

    Parameters
    ----------
    anchors : (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.
    parts : list of (level, anchors in it), optional

    Examples
    --------
    >>> import numpy as np
    >>> darknet(np.array([[10.2, 13], [16, 30]]))
    'anchors = 10,13, 16,30'
    >>> print(darknet(np.array([[10.2, 13], [16, 30]]), [(4, 1), (5, 1)]))
    anchors = 10,13, 16,30
    num = 2
    # [yolo] of stride 16: mask = 0
    # [yolo] of stride 32: mask = 1
    """
    lines = [f"anchors = {pairs(anchors, '{w},{h}', 0)}"]
    if parts is not None:
        lines.append(f"num = {len(anchors)}")
        start = 0
        for _, stride, part, _ in dealt(anchors, parts):
            lines.append(f"# [yolo] of stride {stride}: mask = {_mask(start, len(part))}")
            start += len(part)
    return "\n".join(lines)


@dataclass
class _Section:
    name: str
    line: int
    # key -> (line, value)
    keys: dict[str, tuple[int, str]] = field(default_factory=dict)

    def get(self, key: str, default: str | None = None) -> str:
        if key in self.keys:
            return self.keys[key][1]
        if default is None:
            raise DataError(f"line {self.line + 1}: section [{self.name}] has no {key}=")
        return default

    def whole(self, key: str, default: str, *, least: int = 1) -> int:
        value = self.get(key, default)
        if re.fullmatch(r"\d{1,9}", value) and int(value) >= least:
            return int(value)
        raise DataError(f"line {self.keys[key][0] + 1}: {key} = {brief(value)}: must be a whole number >= {least}")


def edit_cfg(text: str, anchors: FloatArray, parts: Split | None = None) -> str:
    r"""Return the text of a Darknet cfg with these anchors, and all else as it was.

    Of every ``[yolo]`` section ``anchors``, ``mask`` and ``num`` are replaced, and ``filters`` of the convolution
    before it becomes ``(classes + 5) * anchors of the head``; ``[Gaussian_yolo]`` has 9 in place of 5. Which head is
    which is known from its stride, found by following the layers; so the order of the heads does not matter.

    Parameters
    ----------
    text : str
        Of the cfg.
    anchors : (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.
    parts : list of (level, anchors in it), optional
        Default: the heads of the file, in equal parts.

    Raises
    ------
    DataError
        If there is no ``[yolo]`` section, a head has no convolution before it, or the heads have other levels.

    Examples
    --------
    >>> import numpy as np
    >>> cfg = "[net]\n[convolutional]\nstride=32\nfilters=18  # 6 * 3\n[yolo]\nmask=0\nanchors=1,2\nclasses=1\nnum=1"
    >>> print(edit_cfg(cfg, np.array([[10.0, 13.0], [20.0, 30.0]])))
    [net]
    [convolutional]
    stride=32
    filters=12  # 6 * 3
    [yolo]
    mask=0,1
    anchors=10,13, 20,30
    classes=1
    num=2
    """
    lines = lines_of(text)
    sections = _sections(lines)
    heads = _heads(sections)
    levels = _levels(heads)
    if parts is None:
        parts = equal(len(anchors), levels)
    if [level for level, _ in parts] != levels:
        have, want = (", ".join(f"P{p}/{2**p}" for p in found) for found in (levels, [level for level, _ in parts]))
        raise DataError(f"the [yolo] sections are of levels {have}, not {want}")
    masks, start = {}, 0
    for _, stride, part, _ in dealt(anchors, parts):
        masks[stride] = (_mask(start, len(part)), len(part))
        start += len(part)
    added: dict[int, list[str]] = {}
    for head, convolution, stride in heads:
        mask, count = masks[stride]
        _put(lines, head, "mask", mask, added)
        _put(lines, head, "anchors", pairs(anchors, "{w},{h}", 0), added)
        _put(lines, head, "num", str(len(anchors)), added)
        _put(
            lines, convolution, "filters", str((head.whole("classes", "20", least=0) + HEADS[head.name]) * count), added
        )
    return "".join(line + "".join(added.get(i, [])) for i, line in enumerate(lines))


def cfg_levels(text: str) -> tuple[int, ...]:
    """Return the levels of the ``[yolo]`` sections of a Darknet cfg, rising.

    Raises
    ------
    DataError
        If there is none, or a section cannot be understood.
    """
    return tuple(_levels(_heads(_sections(lines_of(text)))))


def cfg_layout(text: str) -> list[tuple[int, list[int]]]:
    """Return the level of each head of a Darknet cfg and the positions of its anchors, which its ``mask`` tells.

    Raises
    ------
    DataError
        If there is none, or a section cannot be understood.
    """
    found = []
    for head, _, stride in _heads(_sections(lines_of(text))):
        mask = head.get("mask", ",".join(map(str, range(head.whole("num", "1")))))
        if not re.fullmatch(r"\s*\d{1,9}\s*(,\s*\d{1,9}\s*)*,?\s*", mask):
            raise DataError(f"line {head.line + 1}: mask = {brief(mask)}: must be whole numbers")
        found.append((stride.bit_length() - 1, [int(part) for part in mask.split(",") if part.strip()]))
    return sorted(found)


def _levels(heads: list[tuple[_Section, _Section, int]]) -> list[int]:
    return sorted(stride.bit_length() - 1 for _, _, stride in heads)


def _mask(start: int, count: int) -> str:
    return ",".join(map(str, range(start, start + count)))


def _sections(lines: list[str]) -> list[_Section]:
    found: list[_Section] = []
    for i, line in enumerate(lines):
        content = re.split(r"[#;]", line, maxsplit=1)[0].strip()
        if content.startswith("["):
            found.append(_Section(content.strip("[] \t").lower(), i))
        elif "=" in content and found:
            key, value = (part.strip() for part in content.split("=", 1))
            found[-1].keys[key] = i, value
    return found


def _heads(sections: list[_Section]) -> list[tuple[_Section, _Section, int]]:
    """Return each [yolo] section, the convolution before it, and the stride of its cells."""
    if not sections or sections[0].name not in ("net", "network"):
        raise DataError("must begin with a [net] section; is this a Darknet cfg?")
    strides: list[float] = []
    found = []
    now = 1.0
    for i, section in enumerate(sections[1:], start=1):
        name = section.name
        if name in ("convolutional", "conv", "maxpool", "local_avgpool", "reorg", "reorg3d"):
            # a padded or unpadded window changes the size by its stride, which is what counts here
            now *= _stride(section)
        elif name == "upsample":
            now /= section.whole("stride", "2")
        elif name == "route":
            first = section.get("layers").split(",")[0].strip()
            at = int(first) if re.fullmatch(r"-?\d{1,9}", first) else len(strides)
            at += len(strides) if at < 0 else 0
            if not 0 <= at < len(strides):
                raise DataError(
                    f"line {section.line + 1}: [route] points to layer {first[:20]}, which is not before it"
                )
            now = strides[at]
        elif name in HEADS:
            before = sections[i - 1]
            if before.name not in ("convolutional", "conv"):
                raise DataError(f"line {section.line + 1}: [yolo] has no [convolutional] section before it")
            stride = int(now)
            if stride != now or stride < 1 or not math.log2(stride).is_integer():
                raise DataError(f"line {section.line + 1}: [yolo] has stride {now:g}; must be a power of 2")
            found.append((section, before, stride))
        strides.append(now)
    if not found:
        if any(section.name == "region" for section in sections):
            raise DataError("has a [region] section, whose anchors are in cells; only [yolo] sections are known")
        raise DataError("has no [yolo] section")
    if len({stride for *_, stride in found}) < len(found):
        raise DataError(f"has [yolo] sections of equal stride: {', '.join(str(stride) for *_, stride in found)}")
    return found


def _stride(section: _Section) -> int:
    plain = section.whole("stride", "1")
    both = [section.whole(key, str(plain)) for key in ("stride_x", "stride_y")]
    if both[0] != both[1]:
        raise DataError(f"line {section.line + 1}: [{section.name}] has stride_x = {both[0]} and stride_y = {both[1]}; "
                        "levels have one stride")  # fmt: skip
    return both[0]


def _put(lines: list[str], section: _Section, key: str, value: str, added: dict[int, list[str]]) -> None:
    """Set a key in its line, keeping what stands around the value; or add a line after the section's name."""
    if key in section.keys:
        at, _ = section.keys[key]
        match = re.match(r"([^=]*=[ \t]*)([^#;\r\n]*?)(\s*(?:[#;].*)?[\r\n]*)$", lines[at], re.DOTALL)
        if match is None:  # cannot be: the line was taken apart at the same characters
            raise DataError(f"line {at + 1}: cannot be understood")
        lines[at] = match[1] + value + match[3]
        return
    newline = "\r\n" if lines[section.line].endswith("\r\n") else "\n"
    if not lines[section.line].endswith("\n"):
        lines[section.line] += newline
    added.setdefault(section.line, []).append(f"{key}={value}{newline}")
