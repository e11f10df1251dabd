"""Our kernels against the loops one writes first, under plain ``@njit``: one thread, float64, warm, in one run.

Run ``python bench/kernels.py`` with numba installed; it checks the answers, prints a table and writes
``bench/results/kernels.json``.
"""

import json
import platform
import statistics
import time
from pathlib import Path

import numba
import numpy as np

import fastanchor
from fastanchor import bench, kernels

N, K, ROUNDS = 1_000_000, 9, 15


@numba.njit
def obvious_assign(w, h, cw, ch, labels, distance):
    total = 0.0
    for i in range(w.size):
        best, label = 2.0, 0
        for j in range(cw.size):
            inter = min(w[i], cw[j]) * min(h[i], ch[j])
            d = 1.0 - inter / (w[i] * h[i] + cw[j] * ch[j] - inter)
            if d < best:
                best = d
                label = j
        labels[i] = label
        distance[i] = best
        total += best
    return total


@numba.njit
def obvious_fitness(w, h, cw, ch, thr):
    total, count = 0.0, 0
    for i in range(w.size):
        best = 0.0
        for j in range(cw.size):
            ratio = min(min(w[i] / cw[j], cw[j] / w[i]), min(h[i] / ch[j], ch[j] / h[i]))
            best = max(best, ratio)
        if best > thr:
            total += best
            count += 1
    return total, count


def main():
    wh = bench.boxes(N)
    start = wh[np.random.default_rng(0).choice(N, K, replace=False)]
    w, h, cw, ch = (c.copy() for c in (*wh.T, *start.T))
    ours = kernels.load("numba")
    labels = [np.zeros(N, np.int32) for _ in range(2)]
    distance = [np.empty(N) for _ in range(2)]
    pairs = {
        "assignment (IoU)": (
            lambda: obvious_assign(w, h, cw, ch, labels[0], distance[0]),
            lambda: ours.assign_iou(w, h, cw, ch, labels[1], distance[1])[1],
        ),
        "fitness": (
            lambda: obvious_fitness(w, h, cw, ch, 0.25),
            lambda: ours.fitness(w, h, cw, ch, 0.25),
        ),
    }
    rows = []
    for name, calls in pairs.items():
        answers = [call() for call in calls]  # compiles, too
        np.testing.assert_allclose(*answers, rtol=1e-10)  # one long sum against sums in lanes
        times = [[], []]
        for _ in range(ROUNDS):
            for call, kept in zip(calls, times, strict=True):
                began = time.perf_counter()
                call()
                kept.append((time.perf_counter() - began) / N * 1e9)
        obvious, fast = (statistics.median(kept) for kept in times)
        rows.append({"stage": name, "obvious": obvious, "fastanchor": fast, "ratio": obvious / fast})
        print(f"{name:<20}{obvious:8.2f} ns/box obvious{fast:8.2f} ns/box ours{obvious / fast:8.1f}x")
    np.testing.assert_array_equal(*labels)
    np.testing.assert_array_equal(*distance)
    versions = {"python": platform.python_version(), "numpy": np.__version__, "numba": numba.__version__}
    machine = {"fastanchor": fastanchor.__version__, "processor": bench.processor(), **versions}
    results = Path(__file__).parent / "results"
    results.mkdir(exist_ok=True)
    content = {"n": N, "k": K, "rounds": ROUNDS, "machine": machine, "rows": rows}
    (results / "kernels.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
