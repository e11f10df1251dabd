"""What was read and looks wrong: remarks about a whole set, for every format. A remark never changes an answer."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._hints import hint
from fastanchor._text import many
from fastanchor._types import FloatArray, IntArray, Remark
from fastanchor.datasets._values import AREA, alike

__all__ = ["Seen", "examine"]

FIRST = 100  # images that are enough to see whether each has a label file of its own
BEYOND = 0.01  # of the image's side: less comes from rounding
MISREAD = 0.02  # share of the boxes beyond their image from which on the reading is doubtful
NEARLY = 0.95  # of the images
CROWDED = 3  # boxes of one image, from which on it is strange that all have one size
FEW = 5  # boxes or images, below which nothing is said about all of them
LOST = 0.1  # share of the boxes that may be skipped without a word
EXAMPLES = 5  # classes that are named
LARGE = 0.5  # share of the image that the median box may have


class Seen(NamedTuple):
    """What was read: n boxes on m images, in pixels unless said otherwise."""

    wh: FloatArray
    xy: FloatArray | None
    image: IntArray | None
    size: FloatArray  # (m, 2); of side 1 where it is not known
    known: bool  # whether sizes of images are known
    raw: FloatArray  # (n, 4) or (n, 2), as the labels have them
    relative: bool  # whether raw was taken as relative to the image
    area: FloatArray | None
    cls: IntArray | None
    classes: tuple[str, ...]
    unnamed: int  # how many of the classes, the last ones, are numbers that the names do not reach
    lost: Mapping[str, int]  # what was left out by faults
    files: list[str]  # what the labels call the images, or else their label files
    labels: list[str]  # label file of each image


def examine(seen: Seen) -> list[Remark]:
    """Return the remarks about a set, doubts about the reading first."""
    if not len(seen.wh):
        text = f"the labels of {many(len(seen.labels), 'image')} hold no box"
        return [*_lost(seen), *_several_times(seen), Remark("no boxes", text, len(seen.labels))]
    found = [*_lost(seen), *_unknown_sizes(seen), *_several_times(seen)]
    if seen.image is not None and seen.known:
        found += [*_beyond(seen), *_image_taken_for_box(seen), *_unit(seen)]
    found += [*_areas(seen), *_notes(seen)]
    return found


def _unknown_sizes(seen: Seen) -> Iterator[Remark]:
    if seen.known:
        return
    if seen.image is not None and len(seen.size):
        text = f"sizes of images are unknown, so boxes are relative to images taken as square; {hint('sizes')}"
        yield Remark("unknown image sizes", text, len(seen.size), doubt=True)
    else:
        advice = hint("source_size" if seen.image is None else "sizes")
        text = f"sizes of images are unknown, so boxes are not scaled to the network input; {advice}"
        yield Remark("unknown image sizes", text, len(seen.wh), doubt=True)


def _beyond(seen: Seen) -> Iterator[Remark]:
    assert seen.image is not None
    out = np.zeros(len(seen.wh), bool)
    for axis in (0, 1):
        side = seen.size[seen.image, axis]
        out |= seen.wh[:, axis] > (1.0 + BEYOND) * side
        if seen.xy is not None:
            out |= (seen.xy[:, axis] < -BEYOND * side) | (seen.xy[:, axis] + seen.wh[:, axis] > (1.0 + BEYOND) * side)
    count = int(np.count_nonzero(out))
    if count:
        whose = "its image" if count == 1 else "their images"
        text = f"{many(count, 'box', 'boxes')} beyond {whose}, kept; {_example(seen, out)}"
        yield Remark("boxes beyond their image", text, count, doubt=count >= FEW and count > MISREAD * len(out))


def _image_taken_for_box(seen: Seen) -> Iterator[Remark]:
    assert seen.image is not None
    whole = np.ones(len(seen.wh), bool)
    for axis in (0, 1):
        whole &= np.abs(seen.wh[:, axis] - seen.size[seen.image, axis]) <= BEYOND * seen.size[seen.image, axis]
    counts = np.bincount(seen.image, minlength=len(seen.size))
    used = counts > 0
    if np.count_nonzero(used) < FEW:
        return
    full = np.bincount(seen.image[whole], minlength=len(seen.size)) == counts
    several = counts >= CROWDED
    if np.count_nonzero(full & used) >= NEARLY * np.count_nonzero(used):
        text = (
            f"nearly all boxes are as large as their image: the image's size taken for the box? {_example(seen, whole)}"
        )
        yield Remark("image's size taken for the box", text, int(whole.sum()), doubt=True)
    elif np.count_nonzero(several) >= FEW:
        same = _one_size(seen)
        if np.count_nonzero(same & several) >= NEARLY * np.count_nonzero(several):
            text = "nearly all images have boxes of one size only: the size of something else taken for the box?"
            yield Remark("image's size taken for the box", text, int(np.count_nonzero(same & several)), doubt=True)


def _one_size(seen: Seen) -> NDArray[np.bool_]:
    """Return which images have boxes of one size only."""
    assert seen.image is not None
    same = np.ones(len(seen.size), bool)
    first = np.zeros(len(seen.size))
    for axis in (0, 1):  # one column at a time costs a third of both
        first[seen.image[::-1]] = seen.wh[::-1, axis]
        other = seen.wh[:, axis] != first[seen.image]
        same[seen.image[other]] = False
    return same


def _unit(seen: Seen) -> Iterator[Remark]:
    raw = seen.raw
    if seen.relative:
        if (raw.max(1) > 1.0 + BEYOND).all():
            text = f"all coordinates read as relative to the image are above 1: pixels or per cent? {hint('unit')}"
            yield Remark("unit of the coordinates", text, len(raw), doubt=True)
    elif raw.max() <= 1.0 and (seen.size > 1.0).all():
        text = f"all coordinates read as pixels lie between 0 and 1: relative to the image? {hint('unit')}"
        yield Remark("unit of the coordinates", text, len(raw), doubt=True)


def _areas(seen: Seen) -> Iterator[Remark]:
    if seen.area is None:
        return
    told = seen.area > 0.0
    if not told.any():
        return
    told &= np.isfinite(seen.area)
    # the area of a polygon is at most that of its box
    wrong = told & (seen.area > (1.0 + AREA) * seen.wh[:, 0] * seen.wh[:, 1] + 1.0)
    if seen.raw.shape[1] == 4:
        corners = seen.raw[:, 2:] - seen.raw[:, :2]
        wrong |= told & alike(seen.area, corners) & ~alike(seen.area, seen.wh)
    count = int(np.count_nonzero(wrong))
    if 2 * count > np.count_nonzero(told):
        text = f"the areas of {count:,} boxes contradict their sides: corners read as width and height? {hint('form')}"
        yield Remark("areas that contradict the boxes", text, count, doubt=True)


def _lost(seen: Seen) -> Iterator[Remark]:
    n, lost = len(seen.wh), sum(seen.lost.values())
    if lost and lost >= LOST * (n + lost):
        most = max(seen.lost, key=seen.lost.__getitem__)
        text = f"{100 * lost // (n + lost)}% of what was found is skipped; most often: {most}"
        yield Remark("many boxes skipped", text, lost, doubt=lost > n)


def _several_times(seen: Seen) -> Iterator[Remark]:
    """Say that files of one folder hold the same images."""
    first = seen.labels[:FIRST]
    if len(set(first)) == len(first) or seen.labels[0] == seen.labels[-1]:  # a file an image, or one file
        return
    if len(set(seen.files)) == len(seen.files):  # as is nearly always so
        return
    parts = {label: label.rpartition(os.sep) for label in set(seen.labels)}
    there: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for label, file in dict.fromkeys(zip(seen.labels, seen.files, strict=True)):
        if file:
            folder, _, name = parts[label]
            there[folder, file].append(name)
    again = [(file, own) for (_, file), own in there.items() if len(own) > 1]
    if again:
        count, (file, own) = len(again), again[0]
        text = f"{many(count, 'image')} listed in more than one label file: {file} in {', '.join(own[:EXAMPLES])}"
        yield Remark("images listed several times", text, count, doubt=MISREAD * len(there) < count >= FEW)


def _classes(seen: Seen) -> Iterator[Remark]:
    if seen.cls is None:
        return
    counts = np.bincount(seen.cls, minlength=len(seen.classes))
    declared = len(seen.classes) - seen.unnamed
    if seen.unnamed:
        count = int(counts[declared:].sum())
        text = (
            f"{many(count, 'box', 'boxes')} of classes beyond the {many(declared, 'declared name')}, kept under the "
            f"number as name: {', '.join(seen.classes[declared:][:EXAMPLES])}"
        )
        yield Remark("classes without a name", text, count)
    if declared > 1 and np.count_nonzero(counts) == 1:
        name = seen.classes[int(counts.argmax())]
        text = f"all boxes are of class {name}, where {declared} classes are declared"
        yield Remark("one class", text, len(seen.wh))


def _notes(seen: Seen) -> Iterator[Remark]:
    n = len(seen.wh)
    yield from _classes(seen)
    if seen.image is not None and len(seen.size):
        share = np.median(seen.wh[:, 0] * seen.wh[:, 1] / (seen.size[seen.image, 0] * seen.size[seen.image, 1]))
        if share > LARGE:
            yield Remark("large boxes", f"the median box covers {min(share, 9.99):.0%} of its image", n)


def _example(seen: Seen, which: NDArray[np.bool_]) -> str:
    row = int(np.flatnonzero(which)[0])
    assert seen.image is not None
    image = int(seen.image[row])
    w, h = seen.wh[row]
    name = seen.files[image] if seen.files else f"image {image}"
    return f"{name}: {w:.4g} x {h:.4g} in {seen.size[image, 0]:.4g} x {seen.size[image, 1]:.4g}"
