"""What detectors train on boxes of images that the anchors were not chosen on: default anchors, and those found.

The search looks at sides alone (``iou``), or at places on the grids too (``placed``).

``python bench/study_detectors.py DATA ...`` reads each DATA with all its splits and writes
``results/study_detectors.json``. A name may stand before a path, as in ``taco=annotations.json``. The division into
parts is that of ``study.py``. A box matches if its IoU with an anchor at its place reaches that of the detector.
"""

import json
import sys
import warnings
from pathlib import Path

import numpy as np

import fastanchor
from fastanchor import bench
from fastanchor._intervals import TAILS, resampled
from fastanchor.boxes import of_images
from fastanchor.detectors import GRIDS
from fastanchor.evaluate import SIZES
from study import PARTS, RESULTS, photos

DETECTORS = ("torchvision-fasterrcnn", "torchvision-retinanet", "torchvision-ssd300", "detectron2-rpn")
WAYS = ("default", "iou", "placed")


def counted(boxes, name, levels):
    """Return columns of the boxes: 1, whether they match, best IoU, number of positives; and their class of size."""
    found = fastanchor.positives(boxes, name, levels)
    assert found.known
    above = np.float32(GRIDS[name].matching.above)
    columns = [np.ones(len(boxes)), found.best[0] >= above, found.best[0], found.counts.sum(axis=1)]
    return np.stack(columns).astype(np.float64), found._seen.group


def sums(columns, photo, number):
    """Return the sums over the photos, (photos, columns)."""
    return np.stack([np.bincount(photo, column, number) for column in columns], axis=1)


def row(ways, number):
    """Return the means of all ways, and how far the last is ahead of the others, with intervals; None without boxes."""
    boxes = ways[0][:, 0].sum()
    if not boxes:
        return None
    means = [one.sum(axis=0)[1:] / boxes for one in ways]
    scores = resampled(ways)
    found = {"boxes": int(boxes)}
    for at, what in enumerate(("matched", "iou", "positives")):
        found[what] = {way: float(mean[at]) for way, mean in zip(WAYS, means, strict=True)}
        for other, way in enumerate(WAYS[:-1]):
            low, high = np.quantile(scores[-1][:, at] - scores[other][:, at], TAILS)
            found[what][f"ahead of {way}"] = [float(means[-1][at] - means[other][at]), float(low), float(high)]
    return found


def measure(name, boxes, detector):
    photo, number = photos(boxes)
    part = (np.random.default_rng(0).permutation(number) % PARTS)[photo]
    tables = {size: [np.zeros((number, 4)) for _ in WAYS] for size in ("all", *(size for size, _ in SIZES))}
    for one in range(PARTS):
        chosen, held = of_images(boxes, part != one), of_images(boxes, part == one)
        own = photo[part == one][held.image_index]
        found = [fastanchor.anchors_for(chosen, detector, objective=way).levels for way in WAYS[1:]]
        for at, parts in enumerate((None, *found)):
            columns, group = counted(held, detector, parts)
            for size, table in tables.items():
                some = group >= 0 if size == "all" else group == [s for s, _ in SIZES].index(size)
                table[at] += sums(columns[:, some], own[some], number)
        print(name, detector, one, file=sys.stderr)
    return {
        "data": name,
        "detector": detector,
        "images": number,
        "above": GRIDS[detector].matching.above,
        "sizes": {size: row(ways, number) for size, ways in tables.items()},
    }


def main():
    for category in (fastanchor.SmallBoxWarning, UserWarning):
        warnings.simplefilter("ignore", category)
    content = {"machine": bench.machine(), "rows": []}
    for argument in sys.argv[1:]:
        name, _, path = argument.rpartition("=")
        boxes = fastanchor.read(path, progress=False)
        for detector in DETECTORS:
            content["rows"].append(measure(name or Path(path).stem, boxes, detector))
            (RESULTS / "study_detectors.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
