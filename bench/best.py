"""How good anchors can be: the recipe, the search by exchange, and the proven limit, on real sets and a synthetic one.

``python bench/best.py DATA ...`` reads each DATA with all its splits and writes ``results/best.json``. A name may stand
before a path, as in ``taco=annotations.json``. Times are processor seconds.
"""

import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np

import fastanchor
from fastanchor import bench

RESULTS = Path(__file__).parent / "results"
NUMBERS = (9,)
SEEDS = range(3)


def timed(function, *arguments, **options):
    began = time.process_time()
    result = function(*arguments, **options)
    return result, time.process_time() - began


def span(results):
    """Return the least and the largest score, and the median time."""
    scores = [result.fitness for result, _ in results]
    return {"least": min(scores), "most": max(scores), "seconds": float(np.median([taken for _, taken in results]))}


def measure(name, boxes, most):
    rows = []
    for n in NUMBERS:
        job = {"n": n, "progress": False}
        recipe = [timed(fastanchor.auto_anchor, boxes, rng=seed, **job) for seed in SEEDS]
        long = timed(fastanchor.auto_anchor, boxes, rng=0, gen=10_000, **job)
        best = [timed(fastanchor.auto_anchor, boxes, rng=seed, method="global", **job) for seed in SEEDS]
        anchors = max((result for result, _ in best), key=lambda result: result.fitness).anchors
        gap = 0.001 if n < 10 else 0.002
        limit, taken = timed(fastanchor.bound, boxes, n, anchors=anchors, gap=gap, max_seconds=most)
        rows.append({
            "data": name, "boxes": len(boxes), "n": n, "recipe": span(recipe), "long": span([long]),
            "global": span(best), "bound": limit.bound, "gap": limit.gap, "seconds": taken,
        })  # fmt: skip
        print(json.dumps(rows[-1]), file=sys.stderr)
    return rows


def main():
    warnings.simplefilter("ignore", fastanchor.SmallBoxWarning)
    warnings.simplefilter("ignore", UserWarning)
    synthetic = np.exp(np.random.default_rng(0).normal([3.8, 3.7], [1.0, 1.0], (100_000, 2))).clip(2.0, 640.0)
    fastanchor.bound(synthetic[:50], 2)  # compiled, and SciPy loaded
    fastanchor.auto_anchor(synthetic[:500], n=3, gen=10, progress=False)
    sets = [("built-in sample", fastanchor.datasets.sample())]
    for argument in sys.argv[1:]:
        name, _, path = argument.rpartition("=")
        sets.append((name or Path(path).stem, fastanchor.read(path)))
    rows = [row for name, boxes in sets for row in measure(name, boxes, 60.0)]
    rows += measure("synthetic", synthetic, 60.0)
    content = {"machine": bench.machine(), "rows": rows}
    (RESULTS / "best.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
