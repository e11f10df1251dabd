"""Darknet: the ``anchors`` line, and a whole cfg with its heads put right."""

from __future__ import annotations

import re
from reprlib import repr as brief

from fastanchor._errors import DataError
from fastanchor._types import FloatArray
from fastanchor.export._cfg import Head, Section, heads_of, put, sections_of
from fastanchor.export._common import (
    Config,
    Input,
    Layout,
    Target,
    dealt,
    from_words,
    lines_of,
    mask_layout,
    noted,
    pairs,
)  # fmt: skip
from fastanchor.levels import Split, checked

__all__ = ["DARKNET", "darknet", "edit_cfg"]

# Sides are written in whole pixels, as is usual, unless that would be coarse: a side below FINE, or all below CELL,
# which is one cell of the last level (small networks, anchors in cells)
FINE, CELL = 5.0, 32.0


def darknet(anchors: FloatArray, parts: Split | None = None, made_for: Input | None = None) -> str:
    """Return the ``anchors`` line of a Darknet cfg; with `parts` the ``mask`` of each level too.

    Sides are whole pixels; but with four digits if one of them is below 5, or all are below 32.

    Parameters
    ----------
    anchors : (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.
    parts : list of (level, anchors in it), optional
    made_for : Input, optional
        What the anchors are for, which a comment says.

    Examples
    --------
    >>> import numpy as np
    >>> darknet(np.array([[10.2, 13], [16, 40]]))
    'anchors = 10,13, 16,40'
    >>> print(darknet(np.array([[10.2, 13], [16, 40]]), [(4, 1), (5, 1)], Input("stretch", (416, 416))))
    # fastanchor: stretch, 416 x 416 pixels
    anchors = 10,13, 16,40
    num = 2
    # [yolo] of stride 16: mask = 0
    # [yolo] of stride 32: mask = 1
    """
    lines = [] if made_for is None else [made_for.note]
    lines.append(f"anchors = {_pixels(anchors)}")
    if parts is not None:
        lines.append(f"num = {len(anchors)}")
        start = 0
        for _, stride, part, _ in dealt(anchors, parts):
            lines.append(f"# [yolo] of stride {stride}: mask = {_mask(start, len(part))}")
            start += len(part)
    return "\n".join(lines)


def read(text: str) -> Config:
    r"""Return what a Darknet cfg, or an ``anchors`` line alone, says.

    Anchors of a ``[region]`` section are in cells; they are returned in pixels of the network input.

    Raises
    ------
    DataError
        If there are no anchors, or sections with different ones, or a mask that points beyond them.

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
        len(anchors),
        why,
        None if net is None else "letterbox" if net.whole("letter_box", "0", least=0) else "stretch",
        _size(net),
        noted(text),
        classes.pop() if len(classes) == 1 else None,
        DARKNET.fit,
    )


def edit_cfg(text: str, anchors: FloatArray, parts: Split | None = None, made_for: Input | None = None) -> str:
    r"""Return the text of a Darknet cfg with these anchors, and all else as it was.

    Of every ``[yolo]`` section ``anchors``, ``mask`` and ``num`` are replaced, and ``filters`` of the convolution
    before it becomes ``(classes + 5) * anchors of the head``; ``[Gaussian_yolo]`` has 9 in place of 5. Which head is
    which is known from its stride, found by following the layers; so the order of the heads does not matter. The one
    head of a YOLOv2, ``[region]``, has its anchors in cells, with four digits, and no mask.

    Parameters
    ----------
    text : str
        Of the cfg.
    anchors : (n, 2) float64
        Widths and heights in pixels of the network input, smallest area first.
    parts : list of (level, anchors in it), optional
        Default: the heads of the file, with as many anchors each as now, or in equal parts if n is another number.
    made_for : Input, optional
        Not written: the cfg has its size and its fit in ``[net]``.

    Raises
    ------
    DataError
        If there is no head, a head has no convolution before it, or the heads have other levels.

    Examples
    --------
    >>> import numpy as np
    >>> cfg = "[net]\n[convolutional]\nstride=32\nfilters=18  # 6 * 3\n[yolo]\nmask=0\nanchors=1,2\nclasses=1\nnum=1"
    >>> print(edit_cfg(cfg, np.array([[10.0, 13.0], [20.0, 40.0]])))
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
    parts = None if parts is None else checked(parts, len(anchors))
    lines = lines_of(text)
    heads = heads_of(sections_of(lines))
    levels = sorted(head.level for head in heads)
    if parts is None:
        layout = sorted((head.level, _positions(head, 10_000)) for head in heads)
        parts = Config(anchors, layout, len(anchors)).own_parts(len(anchors))
    if parts is None or [level for level, _ in parts] != levels:
        have, want = (", ".join(f"P{p}/{2**p}" for p in found) for found in (levels, [p for p, _ in parts or []]))
        raise DataError(f"the [yolo] sections are of levels {have}, not {want}")
    masks, start = {}, 0
    for level, _, part, _ in dealt(anchors, parts):
        masks[level] = (_mask(start, len(part)), len(part))
        start += len(part)
    added: dict[int, list[str]] = {}
    for head in heads:
        mask, count = masks[head.level]
        if head.section.name == "region":
            put(lines, head.section, "anchors", pairs(anchors / head.stride, "{w},{h}", None), added)
        else:
            put(lines, head.section, "mask", mask, added)
            put(lines, head.section, "anchors", _pixels(anchors), added)
        put(lines, head.section, "num", str(len(anchors)), added)
        put(lines, head.convolution, "filters", str(head.per_anchor * count), added)
    return "".join(line + "".join(added.get(i, [])) for i, line in enumerate(lines))


def _pixels(anchors: FloatArray) -> str:
    coarse = anchors.min() < FINE or anchors.max() < CELL
    return pairs(anchors, "{w},{h}", None if coarse else 0)


def _positions(head: Head, most: int) -> list[int]:
    """Return the positions of a head's anchors, which its ``mask`` says; without one the first ``num``."""
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


def _mask(start: int, count: int) -> str:
    return ",".join(map(str, range(start, start + count)))


def _size(net: Section | None) -> tuple[int, int] | None:
    there = [] if net is None else [side for side in ("width", "height") if side in net.keys]
    if net is None or not there:
        return None
    if len(there) == 1:
        missing = "height" if there == ["width"] else "width"
        raise DataError(f"line {net.keys[there[0]][0] + 1}: [{net.name}] has {there[0]}= and no {missing}=; the size "
                        "of the network input needs both")  # fmt: skip
    return net.whole("width", "0"), net.whole("height", "0")


# Darknet resizes to width x height; `letter_box=1` in the cfg makes it keep the proportions
DARKNET = Target(darknet, read, "stretch", splice=edit_cfg)
