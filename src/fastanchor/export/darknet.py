"""Darknet: the ``anchors`` line, and a whole cfg with its heads changed."""

from __future__ import annotations

import re
from reprlib import repr as brief

from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor.export._dialect import (
    Config,
    Content,
    Dialect,
    Input,
    Layout,
    Needs,
    from_words,
    lines_of,
    mask_layout,
    pairs,
)
from fastanchor.export._sections import Head, Section, heads_of, put, sections_of
from fastanchor.levels import LevelCounts

__all__ = ["DARKNET"]

# Sides are written in whole pixels, as is usual, unless that would be coarse: a side below FINE, or all below CELL,
# which is one cell of the last level (small networks, anchors in cells)
FINE, CELL = 5.0, 32.0


def write(content: Content) -> str:
    """Return the ``anchors`` line; where levels were chosen, the ``mask`` of each of them too.

    Sides are whole pixels, but with four digits if one of them is below 5, or all are below 32.
    """
    lines = [*content.note, f"anchors = {_pixels(content.anchors)}"]
    if content.chosen:
        lines.append(f"num = {len(content.anchors)}")
        for level, mask in zip(content.levels, content.masks, strict=True):
            lines.append(f"# [yolo] of stride {level.stride}: mask = {_listed(mask)}")
    return "\n".join(lines)


def read(text: str) -> Config:
    r"""Return what a Darknet cfg, or an ``anchors`` line alone, says.

    Anchors of a ``[region]`` section are in cells; they are returned in pixels of the network input.

    Examples
    --------
    >>> cfg = "[net]\nwidth=64\nheight=32\n[conv]\nstride=16\n[region]\nanchors=1,2, 0.5,3\nclasses=4\nnum=2"
    >>> found = read(cfg)
    >>> found.anchors.tolist(), found.layout, found.img_size, found.fit, found.classes
    ([[16.0, 32.0], [8.0, 48.0]], [(4, [0, 1])], (64, 32), 'stretch', 4)
    """
    sections = sections_of(lines_of(text))
    owners = [section for section in sections if "anchors" in section.keys]
    if not owners:
        raise DataError("has no anchors=")
    if len({re.sub(r"\s", "", section.get("anchors")) for section in owners}) > 1:
        raise DataError("has sections with different anchors=; give them as numbers instead")
    anchors = from_words(owners[0].get("anchors"))
    layout: Layout = []
    why, classes = "", set()
    try:
        heads = heads_of(sections)
    except DataError as error:
        if any(section.name == "region" for section in owners):
            raise
        why = f"{error}; the levels are the usual ones for so many anchors"
    else:
        if heads[0].section.name == "region":
            anchors = anchors * heads[0].stride
        rows = [_positions(head, len(anchors)) for head in heads]
        layout = mask_layout([head.level for head in heads], rows, len(anchors))
        classes = {head.section.whole("classes", "20", least=0) for head in heads}
    net = sections[0] if sections[0].name in ("net", "network") else None
    return Config(
        anchors,
        layout,
        why=why,
        fit=None if net is None else "letterbox" if net.whole("letter_box", "0", least=0) else "stretch",
        img_size=_size(net),
        classes=classes.pop() if len(classes) == 1 else None,
    )


def splice(text: str, anchors: FloatArray, levels: LevelCounts | None, made_for: Input | None) -> str:
    r"""Return the text of a cfg with these anchors, and everything else unchanged; its ``[net]`` has size and fit.

    In every ``[yolo]`` section ``anchors``, ``mask`` and ``num`` are replaced, and ``filters`` of the convolution
    before it becomes ``(classes + 5) * anchors of the level``; ``[Gaussian_yolo]`` has 9 in place of 5. The level of a
    section follows from its stride, so the order of the sections does not matter. The one section of a YOLOv2,
    ``[region]``, has its anchors in cells, with four digits, and no mask. Default levels: those of the file, with as
    many anchors each as now, or in equal numbers if n differs.

    Examples
    --------
    >>> import numpy as np
    >>> cfg = "[net]\n[convolutional]\nstride=32\nfilters=18  # 6 * 3\n[yolo]\nmask=0\nanchors=1,2\nclasses=1\nnum=1"
    >>> print(splice(cfg, np.array([[10.0, 13.0], [20.0, 40.0]]), None, None))
    [net]
    [convolutional]
    stride=32
    filters=12  # 6 * 3
    [yolo]
    mask=0,1
    anchors=10,13, 20,40
    classes=1
    num=2
    """
    lines = lines_of(text)
    heads = heads_of(sections_of(lines))
    own = sorted((head.level, _positions(head, 10_000)) for head in heads)
    levels = levels or Config(anchors, own).own_levels(len(anchors)) or []
    if [level for level, _ in levels] != [level for level, _ in own]:
        have, want = (", ".join(f"P{p}/{2**p}" for p, _ in some) for some in (own, levels))
        raise DataError(f"the [yolo] sections are of levels {have}, not {want}")
    content = DARKNET.content(anchors, levels, made_for)
    masks = {level.level: mask for level, mask in zip(content.levels, content.masks, strict=True)}
    added: dict[int, list[str]] = {}
    for head in heads:
        mask = masks[head.level]
        if head.section.name == "region":
            put(lines, head.section, "anchors", pairs(anchors / head.stride, "{w},{h}", None), added)
        else:
            put(lines, head.section, "mask", _listed(mask), added)
            put(lines, head.section, "anchors", _pixels(anchors), added)
        put(lines, head.section, "num", str(len(anchors)), added)
        put(lines, head.convolution, "filters", str(head.per_anchor * len(mask)), added)
    return "".join(line + "".join(added.get(i, [])) for i, line in enumerate(lines))


def _pixels(anchors: FloatArray) -> str:
    coarse = anchors.min() < FINE or anchors.max() < CELL
    return pairs(anchors, "{w},{h}", None if coarse else 0)


def _positions(head: Head, most: int) -> list[int]:
    """Return the positions of a head's anchors: those of its ``mask``, or without one the first ``num``."""
    section = head.section
    if section.name == "region" or "mask" not in section.keys:
        count = section.whole("num", "1")
        if count > most:
            line = section.keys["num"][0] + 1
            raise DataError(f"line {line}: num = {count}: must be the number of anchors, at most {most}")
        return list(range(count))
    mask = section.get("mask")
    if not re.fullmatch(r"\s*\d{1,9}\s*(,\s*\d{1,9}\s*)*,?\s*", mask):
        raise DataError(f"line {section.line + 1}: mask = {brief(mask)}: must be whole numbers")
    return [int(part) for part in mask.split(",") if part.strip()]


def _listed(mask: list[int]) -> str:
    return ",".join(map(str, mask))


def _size(net: Section | None) -> tuple[int, int] | None:
    sides = ("width", "height")
    missing = sides if net is None else [side for side in sides if side not in net.keys]
    if net is None or len(missing) == 2:
        return None
    if missing:
        known = next(side for side in sides if side not in missing)
        raise DataError(f"line {net.keys[known][0] + 1}: [{net.name}] has {known}= and no {missing[0]}=; the size of "
                        "the network input needs both")  # fmt: skip
    return net.whole("width", "0"), net.whole("height", "0")


# Darknet resizes to width x height; `letter_box=1` in the cfg makes it keep the proportions
DARKNET = Dialect(Needs("Darknet", "stretch", endings=(".cfg",)), write, read, splice)
