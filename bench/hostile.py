"""Whole k-means runs on boxes that an index finds hard: the engine that "auto" chooses against the dense one.

    python bench/hostile.py [--k 9,100,1000] [--only NAME] [--rounds 3] [--init k-means++]

Each round runs both in turns; the table shows how many times as fast as the dense engine the other is, by processor
time (all threads), with the confidence interval of the median. Building the index is part of the run. Runs
with many centres are cut off after a few updates, which is the harder test: less is left to pay for the index.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from functools import partial

import numpy as np

import fastanchor
from fastanchor import bench

N = 300_000
UPDATES = {9: 300, 100: 30, 1000: 5}


def lognormal(rng: np.random.Generator, n: int = N) -> np.ndarray:
    return np.exp(rng.normal(3.5, 1.0, (n, 2)))


def repeated(period: int, n: int = N) -> np.ndarray:
    boxes = lognormal(np.random.default_rng(0), n)
    boxes[::period] = (64, 48)
    return boxes


def mixed(most: np.ndarray, some: np.ndarray) -> np.ndarray:
    boxes = np.concatenate([most, some])
    np.random.default_rng(1).shuffle(boxes)
    return boxes


def shapes() -> dict[str, Callable[[np.random.Generator], np.ndarray]]:
    """Name -> boxes, each with what makes it hard."""
    return {
        "lognormal (for comparison)": lognormal,
        "a static box in every 18th row": lambda rng: repeated(18),
        "a static box in every 3rd row": lambda rng: repeated(3),
        "a static box in every other row": lambda rng: repeated(2),
        "one box but for 1 in 100": lambda rng: mixed(np.full((N * 99 // 100, 2), 20.0), lognormal(rng, N // 100)),
        "a hair around one size, outliers": lambda rng: mixed(rng.normal(10, 1e-9, (N - 200, 2)), lognormal(rng, 200)),
        "within 0.1 % of one size, 1 % outliers": lambda rng: mixed(
            rng.normal(10, 1e-2, (N * 99 // 100, 2)), lognormal(rng, N // 100)
        ),
        "sides from 1e-100 to 1e100": lambda rng: 10.0 ** rng.uniform(-100, 100, (N, 2)),
        "sides from 1e-6 to 1e9": lambda rng: 10.0 ** rng.uniform(-6, 9, (N, 2)),
        "two clumps": lambda rng: mixed(rng.normal(10, 1e-6, (N // 2, 2)), rng.normal(300, 1e-3, (N // 2, 2))),
        "whole pixels, up to 40": lambda rng: rng.integers(1, 41, (N, 2)).astype(float),
        "fourteen sizes": lambda rng: rng.integers(1, 41, (14, 2)).astype(float)[rng.integers(0, 14, N)],
        "1,100 sizes": lambda rng: rng.integers(1, 400, (1100, 2)).astype(float)[rng.integers(0, 1100, N)],
        "powers of two": lambda rng: 2.0 ** rng.integers(-20, 20, (N, 2)),
        "one height": lambda rng: np.column_stack([rng.uniform(1, 500, N), np.full(N, 7.0)]),
        "squares": lambda rng: np.repeat(lognormal(rng)[:, :1], 2, axis=1),
        "sorted": lambda rng: lognormal(rng)[np.argsort(lognormal(np.random.default_rng(2))[:, 0])],
        "heavy tails": lambda rng: 1.0 + rng.pareto(0.3, (N, 2)).clip(0, 1e90),
        "relative to the image": lambda rng: rng.uniform(1e-4, 1.0, (N, 2)),
    }


def run(boxes: np.ndarray, k: int, engine: str, init: str) -> fastanchor.KMeansResult:
    return fastanchor.kmeans(boxes, k, rng=0, init=init, max_iter=UPDATES[k], engine=engine, progress=False)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--k", default="9,100,1000")
    parser.add_argument("--only", default="")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--init", default="random")
    parser.add_argument("--engine", default="auto", help="in place of auto")
    arguments = parser.parse_args()
    warm = lognormal(np.random.default_rng(3), 250_000)
    for engine in ("dense", arguments.engine):
        run(warm, 9, engine, arguments.init)
    print(f"{N:,} boxes, {arguments.rounds} rounds, init {arguments.init}, {arguments.engine} against dense")
    print("| boxes | k | updates | dense, s | times as fast | same centres |\n|---|--:|--:|--:|--:|---|")
    for name, make in shapes().items():
        if arguments.only not in name:
            continue
        boxes = make(np.random.default_rng(0))
        distinct = len(np.unique(boxes, axis=0))
        for k in map(int, arguments.k.split(",")):
            if k > distinct:
                continue
            pair = [partial(run, boxes, k, engine, arguments.init) for engine in ("dense", arguments.engine)]
            reference, found = (call() for call in pair)
            same = np.array_equal(reference.centers, found.centers)
            ratio = bench.paired(*pair, rounds=(arguments.rounds,) * 2, clock=time.process_time)
            print(f"| {name} | {k} | {found.n_iter} | {ratio.reference:.2f} | {ratio} | {'yes' if same else 'NO'} |",
                  flush=True)  # fmt: skip


if __name__ == "__main__":
    main()
