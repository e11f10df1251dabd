"""A gate against slow-downs that needs no quiet machine: nothing in it is a number of seconds.

``python bench/gate.py`` times each kernel in turns with a reference loop of the same run and compares the *ratio* with
the one kept in ``bench/results/gate.json``; it exits with 1 if a kernel lost more than a third of its lead.
``--instructions`` counts instead how many machine instructions a box costs, under valgrind, which no neighbour can
disturb; there a tenth more is too much. ``--write`` keeps what is measured.
"""

import argparse
import importlib
import json
import os
import re
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import numpy as np

from fastanchor import bench, kernels
from fastanchor.engine._search import Search
from fastanchor.engine.index import BoxIndex
from fastanchor.kernels._tables import IOU, RUN, Centers, Histograms, Leaves, Sums, Walk

KEPT = Path(__file__).parent / "results" / "gate.json"
N, K, ROUNDS = 200_000, 9, (31, 255)
SLOWER, MORE = 1.5, 1.1  # the kept ratio may shrink by this factor; instructions may grow by this one
# valgrind knows no AVX-512: both the compiler and the count are held to AVX2
HASWELL = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma,+avx,+bmi,+bmi2,+sse4.2,+popcnt,+cmov"}
VALGRIND = ("valgrind", "--tool=callgrind", "--callgrind-out-file=/dev/null")


def calls(n=N):
    """Return {name: (reference, kernel)}; both of a pair do the same work."""
    ours, obvious = kernels.load("numba"), importlib.import_module("fastanchor.bench._obvious")
    work = bench.case(n, K)
    w, h, cw, ch = (c.copy() for c in (*work.wh.T, *work.start.T))
    labels, distance, long = np.zeros(n, np.int32), np.empty(n), np.zeros(n, np.int64)
    values, digits, counts = work.wh.copy(), np.zeros((2, K, 2), np.int64), np.zeros(K, np.int64)
    ours.assign_iou(w, h, cw, ch, labels, distance)

    def reference_assign():
        return obvious.assign_iou(w, h, cw, ch, long, distance)

    def reference_fitness():
        return obvious.fitness(w, h, cw, ch, 0.25)

    def reference_sums():
        return [np.bincount(labels, weights, K) for weights in (values[:, 0], values[:, 1], None)]

    def exact_sums():
        for start in range(0, n, 1 << 16):
            some = slice(start, start + (1 << 16))
            ours.exact_sums(w[some], labels[some], 2.0**-10, digits[0])
            ours.exact_sums(h[some], labels[some], 2.0**-10, digits[1])
            ours.label_counts(labels[some], counts)

    return {
        "assign_iou": (reference_assign, lambda: ours.assign_iou(w, h, cw, ch, labels, distance)),
        "assign_euclidean": (reference_assign, lambda: ours.assign_euclidean(w, h, cw, ch, labels.copy(), distance)),
        "fitness": (reference_fitness, lambda: ours.fitness(w, h, cw, ch, 0.25)),
        "exact_sums": (reference_sums, exact_sums),
        **{name: (reference_assign, call) for name, call in step_calls(work).items()},
        **{name: (reference_fitness, call) for name, call in search_calls(work).items()},
    }


def step_calls(work):
    """Return the kernels of a k-means step on the box index, each with what the one before it left."""
    settle, marginals, medians = (kernels.part(name) for name in ("settle", "marginals", "medians"))
    grid = BoxIndex(work.wh, threads=1).shards[0].grid
    centers = Centers(IOU, *np.ascontiguousarray(work.start.T))
    alive, top = np.arange(K), np.array([[0, 0, grid.levels - 1]])
    room, walk = Leaves.empty(1 << 16), Walk.empty(grid.levels, K, np.zeros(3, np.int64))

    def call_settle():
        return settle.settle(grid.tables, centers, alive, top, len(work.wh) * K, room, walk)

    leaves = room.used(call_settle(), walk.used[1])
    bins = [-(-side // (1 << marginals.COARSE)) for side in (grid.nx, grid.ny)]
    hist = Histograms(*(np.zeros((K, n), np.int64) for n in (*bins, grid.nx, grid.ny)), np.zeros(K, np.int64))
    sums, buffers, out = Sums.unwanted(), np.empty((2, RUN)), np.empty((K, 2))

    def call_marginals():
        for one in hist:
            one[:] = 0
        marginals.marginals(grid.tables, centers, leaves, hist, sums, buffers)

    call_marginals()
    whole = Histograms(*(one.copy() for one in hist))

    def call_medians():  # which completes the fine histograms
        own = whole._replace(fine_w=whole.fine_w.copy(), fine_h=whole.fine_h.copy())
        medians.medians(grid.tables, centers, leaves, own, out, 0, 1)

    return {"settle": call_settle, "marginals": call_marginals, "medians": call_medians}


def search_calls(work):
    """Return the kernels of the search for the finest level of the box index."""
    search, thr, n = kernels.part("bounds"), 0.25, len(work.wh)
    grid = BoxIndex(work.wh, threads=1).shards[0].grid
    best, whole = np.empty(RUN), Search(grid, work.start, thr)
    runs = whole.scan(0, n)[-1].lots()

    def call_count_open():
        return [search.count_open(grid.tables, whole.anchors, lot, n, best) for lot in runs]

    return {"scan": lambda: Search(grid, work.start, thr).scan(0, n), "count_open": call_count_open}


def ratios():
    """Return how many times as fast as its reference each kernel is."""
    return {name: bench.paired(*pair, rounds=ROUNDS) for name, pair in calls().items()}


def instructions():
    """Count instructions a box, as the difference between runs that call a kernel once and 21 times."""
    if shutil.which("valgrind") is None:
        sys.exit("gate: --instructions needs valgrind")
    n, found = 20_000, {}
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, **HASWELL, "NUMBA_CACHE_DIR": cache, "FASTANCHOR_GATE_N": str(n)}

        def run(name, times, *under):
            command = [*under, sys.executable, __file__, "--call", name, "--times", str(times)]
            done = subprocess.run(command, check=True, capture_output=True, text=True, env=environment)
            return done.stderr

        for name in calls(n):
            run(name, 1)  # compiles into the cache, outside valgrind
            counts = [int(re.search(r"Collected : (\d+)", run(name, times, *VALGRIND))[1]) for times in (1, 21)]
            found[name] = (counts[1] - counts[0]) / 20 / n
            print(f"  {name:<20}{found[name]:8.2f} instructions a box", file=sys.stderr)
    return found


def verdict(kind, found, kept):
    """Compare with what is kept; return the names that got worse."""
    worse = []
    for name, value in found.items():
        before = kept.get(kind, {}).get(name)
        if kind == "ratios":
            bad, shown = before is not None and not value.met(before / SLOWER), f"{value} the reference's speed"
        else:
            bad, shown = before is not None and value > MORE * before, f"{value:8.2f} instructions a box"
        worse += [name] if bad else []
        note = "not kept yet" if before is None else f"kept {before:.2f}{'   WORSE' if bad else ''}"
        print(f"{name:<20}{shown}, {note}")
    return worse


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instructions", action="store_true", help="count machine instructions under valgrind")
    parser.add_argument("--write", action="store_true", help="keep what is measured")
    parser.add_argument("--call", help=argparse.SUPPRESS)
    parser.add_argument("--times", type=int, default=1, help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.call:
        _, call = calls(int(os.environ["FASTANCHOR_GATE_N"]))[arguments.call]
        for _ in range(arguments.times):
            call()
        return 0
    kept = json.loads(KEPT.read_text(encoding="utf-8")) if KEPT.exists() else {}
    kind = "instructions" if arguments.instructions else "ratios"
    found = instructions() if arguments.instructions else ratios()
    worse = verdict(kind, found, kept)
    if arguments.write:
        plain = {name: getattr(value, "median", value) for name, value in found.items()}
        content = {**kept, "machine": bench.machine(), kind: plain}
        KEPT.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")
        return 0
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
