"""How much the random starts of k-means decide, and what a rule for choosing among them costs.

``python bench/starts.py DATA ...`` runs the whole job from ten seeds on each data set and on the built-in sample;
``--synthetic 1e6 1e7`` adds made-up boxes with three seeds each. For each rule it prints the spread (largest minus
smallest final fitness over the seeds), the median of the final fitness, and the median processor time, in turns.
"""

import argparse
import statistics
import time
from pathlib import Path
from unittest import mock

import numpy as np

import fastanchor
from fastanchor import bench, kernels, starts
from fastanchor._network import to_network_input
from fastanchor.cluster import kmeans
from fastanchor.engine import choose

THR, GENERATIONS, SEEDS, FEW_SEEDS = 0.25, 1000, 10, 3


def largest_iou(n_init, init="random"):
    """Return the rule of ``kmeans``: of n_init whole runs the one with the largest mean IoU."""
    return lambda boxes, k, rng: kmeans(boxes, k, init=init, n_init=n_init, rng=rng, progress=False)


def fittest(n_init=starts.N_INIT, trial=starts.TRIAL, finished=starts.FINISHED, init="random"):
    """Return the rule of ``auto_anchor``, with other numbers in it."""

    def rule(boxes, k, rng):
        with mock.patch.multiple(starts, TRIAL=trial, FINISHED=finished):
            return starts.fittest(boxes, k, thr=THR, init=init, n_init=n_init, rng=rng, progress=False)

    return rule


WHOLE = 300  # updates: a trial that long is a whole run
RULES = {
    "one random start": largest_iou(1),
    "one k-means++ start": largest_iou(1, "k-means++"),
    "3 runs, largest mean IoU": largest_iou(3),
    "5 runs, largest mean IoU": largest_iou(5),
    "10 runs, largest mean IoU": largest_iou(10),
    "3 runs, fittest": fittest(3, WHOLE, 1),
    "10 runs, fittest": fittest(10, WHOLE, 1),
    "10 k-means++ runs, fittest": fittest(10, WHOLE, 1, "k-means++"),
    "16 trials of 5 updates, 2 finished": fittest(16, 5, 2),
    "16 trials of 20 updates, 1 finished": fittest(16, 20, 1),
    "16 k-means++ trials of 20, 2 finished": fittest(16, 20, 2, "k-means++"),
    "8 trials of 20 updates, 2 finished": fittest(8, 20, 2),
    "24 trials of 20 updates, 2 finished": fittest(24, 20, 2),
    "the default": fittest(),
}


def job(rule, boxes, k, seed):
    """Return the final fitness and the processor seconds of a whole job on these boxes."""
    began = time.process_time()
    rng = np.random.default_rng(seed)
    found = rule(boxes, k, rng)
    fitness = fastanchor.evolve(boxes, found.centers, thr=THR, gen=GENERATIONS, rng=rng, progress=False).fitness
    return fitness, time.process_time() - began


def table(name, wh, k, seeds, rules):
    """Print a line per rule; return each one's spread."""
    print(f"\n{name}: {len(wh):,} boxes, k = {k}, {seeds} seeds")
    print(f"{'rule':<40}{'spread':>9}{'fitness':>9}{'CPU, s':>9}{'spread':>8}{'time':>6}")
    boxes = choose(wh)
    found = {rule: [] for rule in rules}
    job(RULES["the default"], choose(wh[:100_000]), k, 0)  # compiles
    for seed in range(seeds):
        for rule in rules:
            found[rule].append(job(RULES[rule], boxes, k, seed))
    spreads, first = {}, None
    for rule, runs in found.items():
        fitness, seconds = zip(*runs, strict=True)
        row = max(fitness) - min(fitness), statistics.median(seconds)
        first = first or row
        ratios = f"{row[0] / first[0]:>7.2f}x{row[1] / first[1]:>5.2f}x"
        print(f"{rule:<40}{row[0]:>9.5f}{statistics.median(fitness):>9.5f}{row[1]:>9.3f}{ratios}", flush=True)
        spreads[rule] = row[0]
    return spreads


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("data", nargs="*", type=Path)
    parser.add_argument("--k", type=int, nargs="+", default=[9])
    parser.add_argument("--synthetic", type=float, nargs="*", default=[], help="numbers of made-up boxes, as 1e6")
    parser.add_argument("--few", action="store_true", help="only the rule before and the default")
    arguments = parser.parse_args()
    kernels.load("numba")
    rules = ["one random start", "the default"] if arguments.few else list(RULES)
    sets = {"sample": to_network_input(fastanchor.datasets.sample(), 640, "letterbox", 2.0).wh}
    for path in arguments.data:
        sets[path.name] = to_network_input(fastanchor.read(path, progress=False), 640, "letterbox", 2.0).wh
    for k in arguments.k:
        spreads = [table(name, wh, k, SEEDS, rules) for name, wh in sets.items()]
        print(f"\nk = {k}: median of the spreads over {len(sets)} data sets")
        for rule in rules:
            print(f"{rule:<40}{statistics.median(found[rule] for found in spreads):>9.5f}")
        for n in arguments.synthetic:
            table("synthetic", bench.boxes(int(n)), k, FEW_SEEDS, rules)


if __name__ == "__main__":
    main()
