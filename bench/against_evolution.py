"""The search for sizes and ratios beside differential evolution as SciPy has it, with the same parameters and boxes.

``python bench/against_evolution.py DATA ...`` reads each DATA with all its splits and writes
``results/against_evolution.json``, run by run. A name may stand before a path, as in ``taco=annotations.json``. Times
are processor seconds. Both maximise the mean IoU of the anchors as the detector makes them, after its rounding.
Differential evolution gets what makes it fast: the compiled kernel, on the distinct sizes with their weights. Its runs
that are in the file already are kept, as they take most of the time; ``--again`` repeats them.
"""

import argparse
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np
from scipy.optimize import differential_evolution

import fastanchor
from fastanchor import bench, kernels
from fastanchor.detectors import GRIDS
from fastanchor.detectors._fitted import resized
from fastanchor.detectors._shapes import DIGITS
from fastanchor.engine import choose, objective_of
from fastanchor.engine._objective import Best
from fastanchor.optimum._points import points_of

RESULTS = Path(__file__).parent / "results" / "against_evolution.json"
DETECTORS = ("torchvision-fasterrcnn", "torchvision-retinanet", "torchvision-ssd300", "detectron2-rpn", "efficientdet")
SEEDS, EVOLUTIONS = 5, 2  # of the search, and of differential evolution; of that
MANY = 12  # one from so many parameters: it is then far behind, and takes most of the time
MEMBERS, GENERATIONS = 15, 1000  # members for each parameter
CONVERGED = 1e-9  # spread of the scores of all members at which it ends
RATIO = np.log(8.0)  # ratios are from 1 / 8 to 8, sizes from that of the smallest box to that of the largest
LARGE, TURNS = 1_000_000, 3
THR = 0.25
LEAST = 1e-9  # pixels, in place of a side of 0


class Counting(Best):
    """The mean IoU, which counts how often it is computed, and of how many pairs of a box and an anchor."""

    calls = pairs = 0

    def values(self, w, h, kw, kh, kernels):
        """Return the best IoU of each box."""
        self.calls, self.pairs = self.calls + 1, self.pairs + w.size * kw.size
        return super().values(w, h, kw, kh, kernels)


def searched(boxes, detector, seed):
    """Return what a whole call reaches, from the boxes to the text of the configuration."""
    objective = Counting("iou", "best_iou")
    began = time.process_time()
    found = fastanchor.anchors_for(boxes, detector, objective=objective, rng=seed)
    taken = time.process_time() - began
    return {
        "seed": seed,
        "score": found.score,
        "evaluations": objective.calls,
        "pairs": objective.pairs,
        "seconds": taken,
    }


def bounds_of(linear, points):
    """Return the bounds of the parameters; of a ratio that comes with its reverse, one half is enough."""
    size = 0.5 * np.log(points.w * points.h)
    uses = linear.matrix != 0.0
    shift = (uses * linear.offset[:, :, None]).sum(axis=(0, 1)) / uses.sum(axis=(0, 1))
    mirrored = np.abs(linear.matrix[:, 1].sum(axis=0)) < 1e-9
    low = np.where(linear.ratio, np.where(mirrored, 0.0, -RATIO), size.min() - shift)
    high = np.where(linear.ratio, RATIO, size.max() - shift)
    return list(zip(low, high, strict=True))


def evolved(answers, form, seed):
    """Return what differential evolution reaches.

    It rounds values and sides in NumPy, which takes less time than the library's arithmetic; that has the last word.
    """
    points, linear, best_iou = points_of(answers), form.linear, kernels.load().best_iou
    w, h, best = np.ascontiguousarray(points.w), np.ascontiguousarray(points.h), np.empty(len(points.w))
    chain = linear.rises | np.append(linear.rises[1:], False)

    def allowed(parameters):
        parameters = parameters.copy()
        parameters[chain] = np.sort(parameters[chain])  # sizes that must rise
        return parameters

    def loss(parameters):
        values = np.exp(allowed(parameters))
        unit = 10.0 ** (np.floor(np.log10(values)) + 1 - DIGITS)
        sides = linear.matrix @ np.log(np.rint(values / unit) * unit) + linear.offset
        kw, kh = np.ascontiguousarray(np.maximum(form.snap(np.exp(sides)), LEAST).T)
        best_iou(w, h, kw, kh, best)
        return -(best @ points.weight)

    began = time.process_time()
    found = differential_evolution(
        loss, bounds_of(linear, points), popsize=MEMBERS, maxiter=GENERATIONS, tol=0.0, atol=CONVERGED, seed=seed,
        polish=False,
    )  # fmt: skip
    taken = time.process_time() - began
    anchors = np.maximum(np.concatenate(form.anchors(form.values(allowed(found.x)))), LEAST)
    score = objective_of("iou", THR).over(answers).fitness(anchors, THR).fitness
    return {
        "seed": seed,
        "score": score,
        "without_float32": -float(found.fun),
        "evaluations": int(found.nfev),
        "pairs": int(found.nfev) * len(w) * len(anchors),
        "generations": int(found.nit),
        "seconds": taken,
        "parameters": found.x.tolist(),
    }


def row_of(name, answers, detector, kept):
    """Return the row of a data set and a detector, with its runs of differential evolution if they fit."""
    points, form = points_of(answers), form_of(detector)
    row = {"data": name, "detector": detector, "boxes": len(answers), "distinct": len(points.w),
           "parameters": len(form.linear.ratio), "ours": [], "evolution": []}  # fmt: skip
    fits = kept is not None and all(kept[fact] == row[fact] for fact in ("boxes", "distinct", "parameters"))
    return {**row, "evolution": kept["evolution"]} if fits else row


def form_of(detector):
    return GRIDS[detector].form_at(GRIDS[detector].input())


def large(detector):
    """Return the median time of whole calls on many synthetic boxes."""
    side = min(640.0, *GRIDS[detector].input())
    boxes = np.exp(np.random.default_rng(0).normal([3.8, 3.7], [1.0, 1.0], (LARGE, 2))).clip(3.0, side)
    runs = [searched(boxes, detector, seed) for seed in range(TURNS)]
    return {"detector": detector, "boxes": LARGE, "seconds": float(np.median([run["seconds"] for run in runs])),
            "runs": runs}  # fmt: skip


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="*")
    parser.add_argument("--again", action="store_true")
    arguments = parser.parse_args()
    for category in (fastanchor.SmallBoxWarning, UserWarning):
        warnings.simplefilter("ignore", category)
    content = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {"rows": [], "large": []}
    rows = {(row["data"], row["detector"]): row for row in content["rows"]}

    def write(row):
        key = row["data"], row["detector"]
        rows[key] = row
        content.update(machine=bench.machine(), rows=list(rows.values()))
        RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")
        print(json.dumps(row), file=sys.stderr, flush=True)

    for detector in DETECTORS:
        fastanchor.anchors_for(fastanchor.datasets.sample().wh[:500], detector)  # kernels are compiled
    jobs = []
    for argument in arguments.data:
        name, _, path = argument.rpartition("=")
        boxes = fastanchor.read(path, progress=False)
        for detector in DETECTORS:
            answers = choose(resized(boxes, GRIDS[detector], None, None, 2.0).boxes)
            kept = None if arguments.again else rows.get((name or Path(path).stem, detector))
            row = row_of(name or Path(path).stem, answers, detector, kept)
            jobs.append((row, answers))
            for seed in range(SEEDS):
                row["ours"].append(searched(boxes, detector, seed))
                write(row)
    for seed in range(EVOLUTIONS):  # one of each first
        for row, answers in jobs:
            if len(row["evolution"]) <= seed and (seed < 1 or row["parameters"] < MANY):
                row["evolution"].append(evolved(answers, form_of(row["detector"]), seed))
                write(row)
    content["large"] = [large(detector) for detector in DETECTORS]
    content["machine"] = bench.machine()
    RESULTS.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
