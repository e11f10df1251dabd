"""Does it matter which anchors? YOLOv5's default ones, the recipe, the search by exchange and the limit.

``python bench/study.py DATA ...`` reads each DATA with all its splits and writes ``results/study.json``. A name may
stand before a path, as in ``taco=annotations.json``. The images of a set are divided into five parts at random; the
anchors for the boxes of one part are chosen on the other four. Limits are those of the boxes of the parts themselves.
Copies of a photo in an export of Roboflow count as one image.
"""

import json
import re
import sys
import warnings
from pathlib import Path

import numpy as np

import fastanchor
from fastanchor import bench
from fastanchor._images import Images
from fastanchor._intervals import differences, image_sums, intervals, resampled
from fastanchor.boxes import of_images
from fastanchor.engine import choose
from fastanchor.evaluate import SIZES

RESULTS = Path(__file__).parent / "results"
PARTS, N, THR = 5, 9, 0.25
# of the models yolov5n to yolov5x, for COCO at 640 pixels
DEFAULT = [[10, 13], [16, 30], [33, 23], [30, 61], [62, 45], [59, 119], [116, 90], [156, 198], [373, 326]]
WAYS = {
    "default": lambda boxes: np.array(DEFAULT, dtype=np.float64),
    "recipe": lambda boxes: fastanchor.auto_anchor(boxes, n=N, rng=0, progress=False).anchors,
    "global": lambda boxes: fastanchor.auto_anchor(boxes, n=N, method="global", rng=0, progress=False).anchors,
}


def photos(boxes):
    """Return the photo of each image, and their number: altered copies in an export of Roboflow are one photo."""
    names = boxes.files or list(map(str, range(len(boxes.image_wh))))
    found, photo = np.unique([re.sub(r"[._]rf\..*", "", name) for name in names], return_inverse=True)
    return photo, len(found)


def sums(boxes, rows, anchors, images):
    """Return the sums over the photos of some rows of boxes: of all, and by class of size."""
    area, low = boxes.prod(axis=1), 0.0
    classes = {"all": rows}
    for name, high in SIZES:
        classes[name], low = rows & (area >= low) & (area < high), high
    none = np.zeros((images.number, 4))
    return {
        name: image_sums(choose(boxes[some]), anchors, THR, images.part(some)) if some.any() else none
        for name, some in classes.items()
    }


def scores(by_way):
    """Return the fitness and the share of boxes without a match of each way, with intervals."""
    own = next(iter(by_way.values()))
    if not own[:, 0].any():
        return None
    found, _ = intervals(list(by_way.values()), len(own))
    rows = {}
    for way, one in zip(by_way, found, strict=True):
        unmatched = [1.0 - one.bpr.value, 1.0 - one.bpr.high, 1.0 - one.bpr.low]
        rows[way] = {"fitness": list(one.fitness), "unmatched": unmatched}
    return {"boxes": int(own[:, 0].sum()), "ways": rows}


def ahead(first, second):
    """Return how far the fitness of the first exceeds that of the second, with its interval."""
    pair = [first, second]
    return list(differences(pair, resampled(pair), len(first)).fitness)


def measure(name, boxes):
    photo, number = photos(boxes)
    part = (np.random.default_rng(0).permutation(number) % PARTS)[photo]
    wh, images = boxes.scaled(640), Images(photo[boxes.image_index], number)
    parts, limit = {way: [] for way in WAYS}, 0.0
    for one in range(PARTS):
        chosen, rows = of_images(boxes, part != one), part[boxes.image_index] == one
        for way, choice in WAYS.items():
            parts[way].append(sums(wh, rows, choice(chosen), images))
        limit += fastanchor.bound(wh[rows], N, min_size=0.0, max_seconds=30.0).bound * rows.sum()
        print(name, one, file=sys.stderr)
    table = {
        size: {way: sum(one[size] for one in parts[way]) for way in WAYS} for size in ("all", *(s for s, _ in SIZES))
    }
    every = table["all"]
    return {
        "data": name,
        "images": number,
        "limit": limit / len(boxes),
        "recipe ahead": ahead(every["recipe"], every["default"]),
        "global ahead": ahead(every["global"], every["recipe"]),
        "sizes": {size: scores(by_way) for size, by_way in table.items()},
    }


def main():
    for category in (fastanchor.SmallBoxWarning, UserWarning):
        warnings.simplefilter("ignore", category)
    sets = [("built-in sample", fastanchor.datasets.sample())]
    for argument in sys.argv[1:]:
        name, _, path = argument.rpartition("=")
        sets.append((name or Path(path).stem, fastanchor.read(path, progress=False)))
    content = {"machine": bench.machine(), "anchors": N, "rows": [measure(*one) for one in sets]}
    (RESULTS / "study.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
