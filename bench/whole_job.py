"""Time of the whole job, from box sizes to nine anchors, against the number of boxes, for the picture of the README.

``python bench/whole_job.py --yolov5 CHECKOUT --darknet CHECKOUT`` times YOLOv5's own ``kmean_anchors`` (needs PyTorch
and what else its ``utils`` import), Darknet's ``calc_anchors`` (built in its checkout), the NumPy recipe, the loops one
writes first under numba, and ``fastanchor.auto_anchor``; a contender without its option keeps what was measured before.
All on one thread, in processor time, each up to the size at which a job takes longer than ``--limit`` seconds. Writes
``bench/results/whole_job.json``; ``python bench/render.py --pictures`` draws it.
"""

import os

os.environ.update(dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1"))

import argparse
import json
import random
import resource
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

import compat
import fastanchor
from fastanchor import bench
from fastanchor.bench import _stages

RESULT = Path(__file__).parent / "results" / "whole_job.json"
K, SIDE, RUNS, SHORT = 9, 640, 3, 20.0  # jobs shorter than so many seconds are run RUNS times


def numpy_recipe(n):
    work = bench.case(n, K, threads=1)
    return lambda: _stages._plain_job(work)


def numba_loops(n):
    return _stages.whole_by_numba(bench.case(n, K, threads=1))


def ours(n):
    work = bench.case(n, K, threads=1)
    return lambda: _stages.whole(work, threads=1)


def yolov5(checkout):
    """Return what prepares YOLOv5's own search over a data set of one array of labels per image."""
    autoanchor = compat.original(checkout)

    def prepare(n):
        data = compat.dataset(n)

        def call():
            np.random.seed(0)
            random.seed(0)
            return compat.quiet(lambda: autoanchor.kmean_anchors(data, K, SIDE, 4.0, 1000, False))

        return call

    return prepare


def darknet(checkout, folder):
    """Return what prepares a run of Darknet; it reads a file of labels per image, ten boxes each."""

    def prepare(n):
        place = folder / str(n)
        place.mkdir()
        names = [f"{i:07}" for i in range(n // 10)]
        for name, wh in zip(names, np.split(bench.boxes(n) / SIDE, n // 10), strict=True):
            lines = "".join(f"0 0.5 0.5 {w:.6f} {h:.6f}\n" for w, h in wh.tolist())
            (place / f"{name}.txt").write_text(lines, encoding="ascii")
        (place / "train.txt").write_text("".join(f"{place}/{name}.jpg\n" for name in names), encoding="ascii")
        (place / "some.data").write_text(f"classes = 1\ntrain = {place}/train.txt\n", encoding="ascii")
        options = ["-num_of_clusters", str(K), "-width", str(SIDE), "-height", str(SIDE)]
        command = [str(checkout / "darknet"), "detector", "calc_anchors", str(place / "some.data"), *options]

        def call():
            subprocess.run(command, check=True, cwd=place, capture_output=True, stdin=subprocess.DEVNULL)
            numbers = (place / "anchors.txt").read_text(encoding="ascii").replace(",", " ").split()
            return np.array(numbers, float).reshape(-1, 2)

        return call

    return prepare


def processor_time():
    children = resource.getrusage(resource.RUSAGE_CHILDREN)
    return time.process_time() + children.ru_utime + children.ru_stime


def measured(name, prepare, sizes, limit):
    """Return the points of a line, and print them."""
    points = []
    for n in sizes:
        if points and points[-1][1] * n / points[-1][0] > limit:
            break
        call = prepare(n)
        times = []
        while not times or (len(times) < RUNS and sum(times) < SHORT):
            began = processor_time()
            anchors = call()
            times.append(processor_time() - began)
        fitness = fastanchor.anchor_fitness(bench.boxes(min(n, 1_000_000)), anchors).fitness
        points.append([n, statistics.median(times), round(float(fitness), 5)])
        print(f"{name:<20}{n:>12,}{points[-1][1]:>10.3f} s   fitness {fitness:.5f}   ({len(times)} runs)", flush=True)
    return points


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--yolov5", type=Path, help="checkout of ultralytics/yolov5")
    parser.add_argument("--darknet", type=Path, help="checkout of Darknet, with the program built in it")
    parser.add_argument("--limit", type=float, default=300.0, help="seconds of the longest job (default: 300)")
    parser.add_argument("--most", type=float, default=1e7, help="boxes of the largest job (default: 1e7)")
    parser.add_argument("--only", nargs="+", default=(), metavar="WORD", help="lines whose names contain one of these")
    arguments = parser.parse_args()
    sizes = [10**e for e in range(3, 10) if 10**e <= arguments.most]
    began = bench.ticks()
    with tempfile.TemporaryDirectory() as folder:
        contenders = {"fastanchor": ours, "numba, two loops": numba_loops, "plain NumPy": numpy_recipe}
        if arguments.darknet:
            contenders["Darknet (C), no search"] = darknet(arguments.darknet.resolve(), Path(folder))
        if arguments.yolov5:
            contenders["YOLOv5's own code"] = yolov5(arguments.yolov5)
        for warm in (ours, numba_loops):
            warm(2000)()
        lines = json.loads(RESULT.read_text(encoding="utf-8"))["lines"] if RESULT.exists() else {}
        for name, prepare in contenders.items():
            if not arguments.only or any(word in name for word in arguments.only):
                lines[name] = measured(name, prepare, sizes, arguments.limit)
                facts = {**bench.machine(["torch", "scipy"]), "state": bench.state(began)}
                content = {"machine": facts, "lines": lines}
                RESULT.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    sys.exit(main())
