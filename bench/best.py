"""How good anchors can be: the recipe, the search by exchange, and the proven limit, on real sets and synthetic ones.

``python bench/best.py DATA ...`` reads each DATA with all its splits and writes ``results/best.json``. A name may stand
before a path, as in ``taco=annotations.json``. Times are processor seconds, medians over the seeds. ``--cma`` compares
the sets of fewer than 10,000 boxes with CMA-ES with restarts too (``pip install cma``). ``--sizes 1e3,1e6`` are the
numbers of synthetic boxes. Without ``--cma`` the figures of the last run with it are kept: they depend on nothing else.
"""

import argparse
import json
import sys
import time
import warnings
from pathlib import Path

import numpy as np

import fastanchor
from fastanchor import bench
from fastanchor._network import to_network_input
from fastanchor.engine import choose, objective_of
from fastanchor.optimum._judge import Judge
from fastanchor.optimum._points import points_of

RESULTS = Path(__file__).parent / "results"
N = 9  # anchors
SEEDS = 30  # of each method,
LARGE = {1_000_000: 10, 10_000_000: 3}  # and from so many boxes
NUMBERS = (3, 9, 15)  # of anchors, for the limit on real sets
ROUGH = 0.0045  # gap of the limit on many synthetic boxes
MOST = 300.0  # seconds for a limit
EVALUATIONS = 200_000  # of CMA-ES


def timed(function, *arguments, **options):
    began = time.process_time()
    result = function(*arguments, **options)
    return result, time.process_time() - began


def span(results):
    """Return the least and the largest score, and the median time."""
    scores = [result.fitness for result, _ in results]
    taken = float(np.median([taken for _, taken in results]))
    return {"least": min(scores), "most": max(scores), "seeds": len(scores), "seconds": taken}


def searched(boxes):
    """Return what each method reaches."""
    job = {"n": N, "progress": False}
    seeds = min([SEEDS, *(many for least, many in LARGE.items() if len(boxes) >= least)])
    ways = {"recipe": ({}, seeds), "long": ({"gen": 10_000}, 1), "refine": ({"method": "refine"}, seeds),
            "global": ({"method": "global"}, seeds)}  # fmt: skip
    return {
        way: span([timed(fastanchor.auto_anchor, boxes, rng=seed, **job, **more) for seed in range(many)])
        for way, (more, many) in ways.items()
    }


def limited(boxes, gaps):
    """Return the limit for several numbers of anchors, to a gap for each."""
    found = []
    for n, gap in gaps.items():
        limit, taken = timed(fastanchor.bound, boxes, n, gap=gap, max_seconds=MOST)
        found.append({"n": n, "score": limit.score, "bound": limit.bound, "gap": limit.gap, "seconds": taken})
    return found


def evolution(boxes):
    """Return what CMA-ES with restarts reaches, in logarithms of sides."""
    import cma

    points = points_of(choose(to_network_input(boxes, 640, "letterbox", 2.0).boxes))
    judge = Judge(objective_of("ratio", 0.25), points)
    wh = np.log(np.stack([points.w, points.h], axis=1))
    rng, best, left, size = np.random.default_rng(0), 0.0, EVALUATIONS, 16
    while left > 0:
        start = wh[rng.choice(len(wh), N, p=points.weight)].ravel()
        options = {"popsize": size, "verbose": -9, "maxfevals": left, "seed": 1 + EVALUATIONS - left, "tolfun": 1e-7}
        found = cma.CMAEvolutionStrategy(start, 0.3, options)
        while not found.stop():
            some = found.ask()
            found.tell(some, [-judge.value(np.exp(one.reshape(N, 2))) for one in some])
        best, left, size = max(best, -found.result.fbest), left - found.result.evaluations, min(2 * size, 256)
    return best


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="*")
    parser.add_argument("--sizes", default="1e3,1e4,1e5,1e6,1e7")
    parser.add_argument("--cma", action="store_true")
    arguments = parser.parse_args()
    warnings.simplefilter("ignore")  # small boxes and several splits
    sets = []
    for argument in arguments.data:
        name, _, path = argument.rpartition("=")
        sets.append((name or Path(path).stem, fastanchor.read(path)))
    sets.append(("built-in sample", fastanchor.datasets.sample()))
    content = json.loads((RESULTS / "best.json").read_text(encoding="utf-8"))
    known = {row["data"]: row["cma"] for row in content["rows"]}
    rng = np.random.default_rng
    small = np.exp(rng(0).normal([3.8, 3.7], [1.0, 1.0], (500, 2))).clip(3.0, 640.0)
    sizes = map(int, map(float, arguments.sizes.split(",")))
    sets += [("synthetic", np.exp(rng(0).normal([3.8, 3.7], [1.0, 1.0], (size, 2))).clip(3.0, 640.0)) for size in sizes]
    fastanchor.bound(small[:50], 2)  # compiled, and SciPy loaded
    for method in ("recipe", "refine", "global"):
        fastanchor.auto_anchor(small, n=3, gen=10, method=method, progress=False)
    rows = []
    for name, boxes in sets:
        real = name != "synthetic"
        rows.append({"data": name, "boxes": len(boxes), "n": N, **searched(boxes), "cma": known.get(name)})
        gaps = {n: 0.001 if n < 10 else 0.002 for n in NUMBERS} if real else {N: ROUGH} if len(boxes) > 16_384 else {}
        rows[-1]["limits"] = limited(boxes, gaps)
        if arguments.cma and real and len(boxes) < 10_000:
            rows[-1]["cma"] = evolution(boxes)
        print(json.dumps(rows[-1]), file=sys.stderr, flush=True)
        content = {"machine": bench.machine(), "rows": rows}
        (RESULTS / "best.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
