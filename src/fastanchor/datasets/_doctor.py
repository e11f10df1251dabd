"""Remarks on what looks wrong in a data set, for all formats. A remark never changes an answer."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterator, Mapping

import numpy as np
from numpy.typing import NDArray

from fastanchor._hints import hint
from fastanchor._text import many
from fastanchor._types import Remark
from fastanchor.datasets._judge import AREA, alike
from fastanchor.datasets._skips import FURTHER, NO_SPLIT, Skips, shown
from fastanchor.datasets._unit import InPixels

__all__ = ["examine"]

FIRST = 100  # images that show whether each has its own label file
BEYOND = 0.01  # of the side of the image; less comes from rounding
MISREAD = 0.02  # share of boxes beyond their image above which the labels may be misread
NEARLY = 0.95  # of the images
CROWDED = 3  # boxes of one image, which seldom all have the same size
FEW = 5  # least number of boxes or images for a remark
LOST = 0.1  # share of skipped boxes from which a remark is made
EXAMPLES = 5  # named classes or files
LARGE = 0.5  # share of the image covered by the median box, above which a remark is made


def examine(seen: InPixels, skips: Skips) -> list[Remark]:
    """Return the remarks on a data set, doubts first."""
    found = [*_lost(len(seen.wh), skips.lost())]
    if NO_SPLIT in skips.counts:
        found.append(Remark("missing split", skips.examples[NO_SPLIT], skips.counts[NO_SPLIT]))
    found += _further(skips.counts.get(FURTHER, 0))
    if not len(seen.wh):
        images = len(seen.batch.label)
        text = f"the labels of {many(images, 'image')} have no boxes"
        return [*found, *_several_times(seen), Remark("no boxes", text, images)]
    found += [*_unknown_sizes(seen), *_several_times(seen)]
    if seen.batch.image is not None and seen.known:
        found += [*_beyond(seen), *_image_taken_for_box(seen), *_unit(seen)]
    found += [*_areas(seen), *_notes(seen)]
    return found


def _further(count: int) -> Iterator[Remark]:
    """Remark on images that were annotated several times."""
    if count:
        are = f"{many(count, 'further annotation')} of the same image {'is' if count == 1 else 'are'}"
        text = f"{are} not read: one annotation of each image counts"
        yield Remark("several annotations of an image", text, count)


def _unknown_sizes(seen: InPixels) -> Iterator[Remark]:
    if seen.known:
        return
    if seen.batch.image is not None and len(seen.batch.size):
        text = f"sizes of images are unknown, so boxes are relative to images taken as square; {hint('sizes')}"
        yield Remark("unknown image sizes", text, len(seen.batch.size), doubt=True)
    else:
        advice = hint("source_size" if seen.batch.image is None else "sizes")
        text = f"sizes of images are unknown, so boxes are not scaled to the network input; {advice}"
        yield Remark("unknown image sizes", text, len(seen.wh), doubt=True)


def _beyond(seen: InPixels) -> Iterator[Remark]:
    assert seen.batch.image is not None
    out = np.zeros(len(seen.wh), bool)
    for axis in (0, 1):
        side = seen.batch.size[seen.batch.image, axis]
        out |= seen.wh[:, axis] > (1.0 + BEYOND) * side
        if seen.xy is not None:
            out |= (seen.xy[:, axis] < -BEYOND * side) | (seen.xy[:, axis] + seen.wh[:, axis] > (1.0 + BEYOND) * side)
    count = int(np.count_nonzero(out))
    if count:
        whose = "its image" if count == 1 else "their images"
        text = f"{many(count, 'box', 'boxes')} beyond {whose}, kept; {_example(seen, out)}"
        yield Remark("boxes beyond their image", text, count, doubt=count >= FEW and count > MISREAD * len(out))


def _image_taken_for_box(seen: InPixels) -> Iterator[Remark]:
    assert seen.batch.image is not None
    whole = np.ones(len(seen.wh), bool)
    for axis in (0, 1):
        side = seen.batch.size[seen.batch.image, axis]
        whole &= np.abs(seen.wh[:, axis] - side) <= BEYOND * side
    counts = np.bincount(seen.batch.image, minlength=len(seen.batch.size))
    used = counts > 0
    if np.count_nonzero(used) < FEW:
        return
    full = np.bincount(seen.batch.image[whole], minlength=len(seen.batch.size)) == counts
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


def _one_size(seen: InPixels) -> NDArray[np.bool_]:
    """Return the mask of images whose boxes all have the same size."""
    assert seen.batch.image is not None
    same = np.ones(len(seen.batch.size), bool)
    first = np.zeros(len(seen.batch.size))
    for axis in (0, 1):  # one column at a time takes a third of the time
        first[seen.batch.image[::-1]] = seen.wh[::-1, axis]
        other = seen.wh[:, axis] != first[seen.batch.image]
        same[seen.batch.image[other]] = False
    return same


def _unit(seen: InPixels) -> Iterator[Remark]:
    raw = seen.batch.box
    if seen.unit == "relative":
        if (raw.max(1) > 1.0 + BEYOND).all():
            text = f"all coordinates read as relative to the image are above 1: pixels or per cent? {hint('unit')}"
            yield Remark("unit of the coordinates", text, len(raw), doubt=True)
    elif raw.max() <= 1.0 and (seen.batch.size > 1.0).all():
        text = f"all coordinates read as pixels lie between 0 and 1: relative to the image? {hint('unit')}"
        yield Remark("unit of the coordinates", text, len(raw), doubt=True)


def _areas(seen: InPixels) -> Iterator[Remark]:
    if seen.batch.area is None:
        return
    stated = seen.batch.area > 0.0
    if not stated.any():
        return
    stated &= np.isfinite(seen.batch.area)
    # the area of a polygon is at most that of its box
    wrong = stated & (seen.batch.area > (1.0 + AREA) * seen.wh[:, 0] * seen.wh[:, 1] + 1.0)
    if seen.batch.box.shape[1] == 4:
        corners = seen.batch.box[:, 2:] - seen.batch.box[:, :2]
        wrong |= stated & alike(seen.batch.area, corners) & ~alike(seen.batch.area, seen.wh)
    count = int(np.count_nonzero(wrong))
    if 2 * count > np.count_nonzero(stated):
        text = f"the areas of {count:,} boxes contradict their sides: corners read as width and height? {hint('form')}"
        yield Remark("areas that contradict the boxes", text, count, doubt=True)


def _lost(n: int, faults: Mapping[str, int]) -> Iterator[Remark]:
    lost = sum(faults.values())
    if lost and lost >= LOST * (n + lost):
        most = max(faults, key=faults.__getitem__)
        text = f"{100 * lost // (n + lost)}% of what was found is skipped; most often: {most}"
        yield Remark("many boxes skipped", text, lost, doubt=lost > n)


def _several_times(seen: InPixels) -> Iterator[Remark]:
    """Remark on label files of one folder that list the same images."""
    labels = seen.batch.label
    files = seen.batch.file if any(seen.batch.file) else labels
    first = labels[:FIRST]
    if len(set(first)) == len(first) or labels[0] == labels[-1]:  # one file per image, or one file
        return
    if len(set(files)) == len(files):  # the common case
        return
    parts = {label: label.rpartition(os.sep) for label in set(labels)}
    sources: defaultdict[tuple[str, str], list[str]] = defaultdict(list)
    for label, file in dict.fromkeys(zip(labels, files, strict=True)):
        if file:
            folder, _, name = parts[label]
            sources[folder, file].append(name)
    again = [(file, own) for (_, file), own in sources.items() if len(own) > 1]
    if again:
        count, (file, inside) = len(again), again[0]
        text = f"{many(count, 'image')} listed in more than one label file: {file} in {', '.join(inside[:EXAMPLES])}"
        yield Remark("images listed several times", text, count, doubt=MISREAD * len(sources) < count >= FEW)


def _classes(seen: InPixels) -> Iterator[Remark]:
    if seen.batch.cls is None:
        return
    counts = np.bincount(seen.batch.cls, minlength=len(seen.batch.classes))
    declared = len(seen.batch.classes) - seen.batch.unnamed
    if seen.batch.unnamed:
        count = int(counts[declared:].sum())
        text = (
            f"{many(count, 'box', 'boxes')} of classes beyond the {many(declared, 'declared name')}, kept under the "
            f"number as name: {', '.join(seen.batch.classes[declared:][:EXAMPLES])}"
        )
        yield Remark("classes without a name", text, count)
    if declared > 1 and np.count_nonzero(counts) == 1:
        name = seen.batch.classes[int(counts.argmax())]
        text = f"all boxes are of class {name}, where {declared} classes are declared"
        yield Remark("one class", text, len(seen.wh))


def _notes(seen: InPixels) -> Iterator[Remark]:
    n = len(seen.wh)
    yield from _classes(seen)
    if seen.batch.image is not None and len(seen.batch.size):
        width, height = (seen.batch.size[seen.batch.image, axis] for axis in (0, 1))
        shares = seen.wh[:, 0] * seen.wh[:, 1] / (width * height)
        # the median is slow, and seldom large
        if 2 * np.count_nonzero(shares > LARGE) >= n and (share := np.median(shares)) > LARGE:
            yield Remark("large boxes", f"the median box covers {min(share, 9.99):.0%} of its image", n)


def _example(seen: InPixels, which: NDArray[np.bool_]) -> str:
    row = int(np.flatnonzero(which)[0])
    assert seen.batch.image is not None
    image = int(seen.batch.image[row])
    w, h = seen.wh[row]
    name = (seen.batch.file if any(seen.batch.file) else seen.batch.label)[image]
    return f"{shown(name)}: {w:.4g} x {h:.4g} in {seen.batch.size[image, 0]:.4g} x {seen.batch.size[image, 1]:.4g}"
