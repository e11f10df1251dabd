"""The grammar of a Darknet cfg: sections, the heads among them, and their strides."""

from __future__ import annotations

import math
import re
from dataclasses import dataclass, field
from reprlib import repr as brief
from typing import NamedTuple

from fastanchor._errors import DataError

__all__ = ["Head", "Section", "heads_of", "put", "sections_of"]

# outputs of a head per anchor besides the classes: a box and its objectness; with uncertainties 4 more
HEADS = {"yolo": 5, "gaussian_yolo": 9, "region": 5}
CONVOLUTIONS = ("convolutional", "conv")


@dataclass
class Section:
    """A section of a cfg; `line` counts from 0."""

    name: str
    line: int
    # key -> (line, value)
    keys: dict[str, tuple[int, str]] = field(default_factory=dict)

    def get(self, key: str, default: str | None = None) -> str:
        """Return the value of a key."""
        if key in self.keys:
            return self.keys[key][1]
        if default is None:
            raise DataError(f"line {self.line + 1}: section [{self.name}] has no {key}=")
        return default

    def whole(self, key: str, default: str, *, least: int = 1) -> int:
        """Return the value of a key as a whole number of at least `least`."""
        value = self.get(key, default)
        if re.fullmatch(r"\d{1,9}", value) and int(value) >= least:
            return int(value)
        raise DataError(f"line {self.keys[key][0] + 1}: {key} = {brief(value)}: must be a whole number >= {least}")


class Head(NamedTuple):
    """A section with anchors, the convolution before it, and the stride of its cells."""

    section: Section
    convolution: Section
    stride: int

    @property
    def level(self) -> int:
        """The level, whose stride is ``2 ** level``."""
        return self.stride.bit_length() - 1

    @property
    def per_anchor(self) -> int:
        """Outputs per anchor: box, objectness and classes."""
        section = self.section
        box = 1 + section.whole("coords", "4") if section.name == "region" else HEADS[section.name]
        return box + section.whole("classes", "20", least=0)


def sections_of(lines: list[str]) -> list[Section]:
    """Return the sections; keys before the first one are in a section without a name."""
    found: list[Section] = []
    for i, line in enumerate(lines):
        content = line.split("#", 1)[0].split(";", 1)[0].strip("\ufeff" + " \t\r\n\f\v")
        if content.startswith("["):
            found.append(Section(content.strip("[] \t").lower(), i))
        elif "=" in content:
            if not found:
                found.append(Section("", i))
            key, value = (part.strip() for part in content.split("=", 1))
            found[-1].keys[key] = i, value
    return found


def heads_of(sections: list[Section]) -> list[Head]:
    """Return the heads in the order of the file; strides are found by following the layers.

    Raises
    ------
    DataError
        If there is no head, or a section is invalid.
    """
    if not sections or sections[0].name not in ("net", "network"):
        raise DataError("must begin with a [net] section; is this a Darknet cfg?")
    strides: list[float] = []
    found = []
    now = 1.0
    for i, section in enumerate(sections[1:], start=1):
        name = section.name
        if name in (*CONVOLUTIONS, "maxpool", "local_avgpool", "reorg", "reorg3d"):
            # with or without padding, a window changes the size by its stride
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
            if before.name not in CONVOLUTIONS:
                raise DataError(f"line {section.line + 1}: [{name}] has no [convolutional] section before it")
            stride = int(now)
            if stride != now or stride < 1 or not math.log2(stride).is_integer():
                raise DataError(f"line {section.line + 1}: [{name}] has stride {now:g}; must be a power of 2")
            found.append(Head(section, before, stride))
        strides.append(now)
    if not found:
        raise DataError("has no [yolo] section")
    if len({head.stride for head in found}) < len(found):
        raise DataError(f"has several [yolo] sections of one stride: {', '.join(str(head.stride) for head in found)}")
    if len({head.section.name == "region" for head in found}) > 1:
        raise DataError("has both [yolo] and [region] sections, whose anchors are in pixels and in cells")
    return found


def _stride(section: Section) -> int:
    plain = section.whole("stride", "1")
    both = [section.whole(key, str(plain)) for key in ("stride_x", "stride_y")]
    if both[0] != both[1]:
        raise DataError(f"line {section.line + 1}: [{section.name}] has stride_x = {both[0]} and stride_y = {both[1]}; "
                        "levels have one stride")  # fmt: skip
    return both[0]


def put(lines: list[str], section: Section, key: str, value: str, added: dict[int, list[str]]) -> None:
    """Set a key in its line, keeping everything around the value; or add a line after the section's name."""
    if key in section.keys:
        at, _ = section.keys[key]
        match = re.match(r"([^=]*=[ \t]*)([^#;\r\n]*?)(\s*(?:[#;].*)?[\r\n]*)$", lines[at], re.DOTALL)
        if match is None:  # impossible: the line was parsed by the same characters
            raise DataError(f"line {at + 1}: not valid")
        lines[at] = match[1] + value + match[3]
        return
    newline = "\r\n" if lines[section.line].endswith("\r\n") else "\n"
    if not lines[section.line].endswith("\n"):
        lines[section.line] += newline
    added.setdefault(section.line, []).append(f"{key}={value}{newline}")
