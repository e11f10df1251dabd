"""A gate against slow-downs that needs no quiet machine: nothing in it is a number of seconds.

``python bench/gate.py`` times each kernel in turns with a reference loop of the same run and compares the *ratio* with
the one kept in ``bench/results/gate.json`` for the same kind of processor: wider vectors help the kernels and not the
reference. It exits with 1 if a kernel lost more than a third of its lead. ``--instructions`` counts instead how many
machine instructions each box costs, under valgrind and for one instruction set, so that neither the machine nor its
other users matter; there a tenth more is too much. They are compared with those of the same numba, whose versions
compile differently. What nothing is kept for is printed and not compared. ``--write`` keeps what is measured.
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
from importlib.metadata import version
from pathlib import Path
from unittest import mock

import numpy as np

from fastanchor import bench, kernels
from fastanchor.bench import processor
from fastanchor.engine import _bands, _shard
from fastanchor.engine._search import Search
from fastanchor.engine.index import BoxIndex
from fastanchor.kernels._band_tables import Ball
from fastanchor.kernels._tables import IOU, RUN, Centers, Goal, Histograms, Leaves, Sums, Walk

KEPT = Path(__file__).parent / "results" / "gate.json"
N, K, ROUNDS = 200_000, 9, (31, 255)
STEPS = 200  # of k-means, within which a late one must come
SLOWER, MORE = 1.5, 1.1  # the kept ratio may shrink by this factor; instructions may grow by this one
# valgrind knows no AVX-512: both the compiler and the count are held to AVX2
HASWELL = {"NUMBA_CPU_NAME": "haswell", "NUMBA_CPU_FEATURES": "+avx2,+fma,+avx,+bmi,+bmi2,+sse4.2,+popcnt,+cmov"}
FEW, TIMES = 20_000, 20  # boxes, and calls of each kernel, for the count of instructions
MARK = "getppid"  # a function that nothing else calls: the counts so far are written down, and begin anew
VALGRIND = ("valgrind", "--quiet", "--tool=callgrind", f"--dump-before={MARK}")


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
        **{name: (reference_assign, call) for name, call in late_calls(work).items()},
        **{name: (reference_fitness, call) for name, call in search_calls(work).items()},
        **{name: (reference_assign, call) for name, call in iou_calls(work).items()},
    }


def step_calls(work):
    """Return the kernels of a k-means step on the box index, each with what the one before it left."""
    settle, marginals, medians = (kernels.part(name) for name in ("settle", "marginals", "medians"))
    grid = BoxIndex(work.wh, threads=1).shards[0].grid
    centers = Centers.of(IOU, work.start)
    alive, top = np.arange(K), np.array([[0, 0, grid.levels - 1]])
    room, walk = Leaves.empty(1 << 16), Walk.empty(grid.levels, K, np.zeros(3, np.int64))
    most = np.full(2, len(work.wh) * K)

    def call_settle():
        return settle.settle(grid.tables, centers, alive, top, most, room, walk)

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


def late_calls(work):
    """Return the kernels of a late k-means step on the box index: a whole frame, and the medians."""
    few = {} if len(work.wh) >= _bands.LEAST else {"SHARE": 1, "WAIT": 1}
    # compile at once, and late steps however few the boxes
    with mock.patch.multiple(_bands, _spent=[np.inf], **few), mock.patch.object(_shard, "LEAST", 0):
        run, centers = BoxIndex(work.wh, threads=1).lloyd("iou", "median"), [work.start]
        while len(centers) < 3 or run._runs[0]._now is not None:
            centers.append(run.step(centers[-1]).centers)
            if len(centers) > STEPS:
                sys.exit(f"gate: no late step among the first {STEPS}")
    bands, (scan, middles) = run._runs[0]._bands, (kernels.part("bands").scan, kernels.part("kept").middles)
    places = [Centers.of(IOU, some) for some in centers[-3:-1]]  # of the last two steps, in turns
    inner, out = Ball.of(centers[-2], bands._reach[1] / 3.0), np.empty((K, 2))

    def call_scan(ball=bands._nowhere):
        places.reverse()
        return scan(bands._frame, places[0], 1, ball, bands._bins, bands._tally, bands._buffers)

    return {
        "late_scan": call_scan,
        "late_level": lambda: call_scan(inner),
        "late_middles": lambda: middles(bands._tally.hist, bands._tally.kept, bands._sought, out),
    }


def search_calls(work):
    """Return the kernels of the search for the finest level of the box index."""
    search, thr, n = kernels.part("open_runs"), 0.25, len(work.wh)
    grid = BoxIndex(work.wh, threads=1).shards[0].grid
    best, whole = np.empty(RUN), Search(grid, work.start, thr)
    runs = whole.scan(0, n)[-1].lots()

    def call_count_open():
        return [search.count_open(grid.tables, whole.anchors, lot, n, best, whole.rows.total) for lot in runs]

    return {"scan": lambda: Search(grid, work.start, thr).scan(0, n), "count_open": call_count_open}


def iou_calls(work):
    """Return the kernels that bound sums of the best IoU on the box index."""
    kernel, shard = kernels.part("iou_bounds"), BoxIndex(work.wh, threads=1).shards[0]
    grid, goal = shard.grid, Goal(0.5, False, 2e-8 * len(work.wh), 1e-12)
    moments, anchors = grid.moments(shard.work.team, shard.work.spans), Centers.of(IOU, work.start)
    room, walk, best = Leaves.empty(1 << 16), Walk.empty(grid.levels, K, np.zeros(3, np.int64)), np.empty(RUN)

    def call_blocks():
        return kernel.bound_blocks(grid.tables, moments, anchors, np.arange(K), goal, room, walk)

    call_blocks()
    leaves = room.used(*walk.used)
    return {
        "bound_blocks": call_blocks,
        "add_boxes": lambda: kernel.add_boxes(grid.tables, anchors, leaves, goal, best),
    }


def ratios():
    """Return how many times as fast as its reference each kernel is."""
    return {name: bench.paired(*pair, rounds=ROUNDS) for name, pair in calls().items()}


def instructions():
    """Count instructions per box, of TIMES calls of each kernel in one process under callgrind."""
    if shutil.which("valgrind") is None:
        sys.exit("gate: --instructions needs valgrind")
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder, "counts")
        environment = {**os.environ, **HASWELL, "NUMBA_CACHE_DIR": folder}
        command = [sys.executable, __file__, "--calls"]
        subprocess.run(command, check=True, env=environment)  # compiles into the cache, outside valgrind
        subprocess.run([*VALGRIND, f"--callgrind-out-file={out}", *command], check=True, env=environment)
        parts = [Path(f"{out}.{i + 1}").read_text(encoding="utf-8") for i in range(2 * len(calls(FEW)))]
    counts = [int(re.search(r"^(?:summary|totals): (\d+)", part, re.MULTILINE)[1]) for part in parts]
    return {name: count / TIMES / FEW for name, count in zip(calls(FEW), counts[1::2], strict=True)}


def call_all():
    """Call each kernel once, and then TIMES times between two marks."""
    for _, call in calls(FEW).values():
        call()
        os.getppid()
        for _ in range(TIMES):
            call()
        os.getppid()


def verdict(kind, found, kept):
    """Compare with what is kept; return the names that got worse."""
    worse = []
    for name, value in found.items():
        before = kept.get(name)
        if kind == "ratios":
            bad, shown = before is not None and not value.met(before / SLOWER), f"{value} the reference's speed"
        else:
            bad, shown = before is not None and value > MORE * before, f"{value:8.2f} instructions per box"
        worse += [name] if bad else []
        note = "not kept yet" if before is None else f"kept {before:.2f}{'   WORSE' if bad else ''}"
        print(f"{name:<20}{shown}, {note}")
    return worse


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--instructions", action="store_true", help="count machine instructions under valgrind")
    parser.add_argument("--write", action="store_true", help="keep what is measured")
    parser.add_argument("--calls", action="store_true", help=argparse.SUPPRESS)
    arguments = parser.parse_args()
    if arguments.calls:
        call_all()
        return 0
    kept = json.loads(KEPT.read_text(encoding="utf-8"))
    kind, of = ("instructions", f"numba {version('numba')}") if arguments.instructions else ("ratios", processor())
    found = instructions() if arguments.instructions else ratios()
    if of not in kept[kind]:
        print(f"{of}: no {kind} are kept for it, so nothing is compared")
    worse = verdict(kind, found, kept[kind].get(of, {}))
    if arguments.write:
        kept[kind][of] = {name: round(getattr(value, "median", value), 2) for name, value in found.items()}
        KEPT.write_text(json.dumps(kept, indent=2) + "\n", encoding="utf-8")
        return 0
    return 1 if worse else 0


if __name__ == "__main__":
    sys.exit(main())
