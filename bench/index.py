"""Times of the box index, each beside its reference, in one run. Answers are checked before they are timed.

Run ``python bench/index.py`` with numba installed (about eight minutes on two cores; ``--small`` takes a tenth of the
boxes, for a first look); it prints the tables and writes ``bench/results/index.json``, ``growth.json`` and
``first_use.json``. ``--huge`` runs 100 million boxes too (15 GB of memory, two minutes).
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from functools import partial
from pathlib import Path

import numpy as np

import fastanchor
from fastanchor import bench, kernels
from fastanchor.bench import _obvious as obvious
from fastanchor.bench import _plain
from fastanchor.engine._threads import thread_count
from fastanchor.engine.dense import DenseEngine
from fastanchor.engine.index import BoxIndex

K, THR = 9, 0.25
RESULTS = Path(__file__).parent / "results"
MIB = 1 << 20


def obvious_update(wh, w, h, centers, labels):
    obvious.assign_all_cores(w, h, *centers.T.copy(), labels)
    return _plain.medians(wh, labels, len(centers))


def plain_update(wh, centers):
    return _plain.lloyd(wh, centers, 1, "iou", "median")


def plain_fitness(wh, anchors):
    return _plain.fitness(wh, anchors, THR)[0]


def clock(call):
    began = time.perf_counter()
    call()
    return time.perf_counter() - began


def medians(rounds, *calls):
    """Return the median seconds of each call, in turns."""
    return [statistics.median(times) for times in bench.turns(calls, rounds)]


def fresh(code, **environment):
    """Run Python code in a process of its own; it prints one JSON value."""
    out = subprocess.run(
        [sys.executable, "-c", code], check=True, capture_output=True, env={**os.environ, **environment}
    )
    return json.loads(out.stdout)


def steps(n):
    """Time one update, one generation and the building, and what each is compared with."""
    wh = bench.boxes(n)
    w, h = (column.copy() for column in wh.T)
    labels = np.empty(n, np.int64)
    threads = thread_count(None)
    index, dense = BoxIndex(wh), DenseEngine(wh)
    run = fastanchor.kmeans(index, K, rng=0, progress=False)
    centers = run.centers * np.random.default_rng(0).uniform(0.97, 1.03, (K, 2))  # an iteration on the way
    right = plain_update(wh, centers)
    np.testing.assert_array_equal(index.lloyd("iou", "median").step(centers).centers, right)
    np.testing.assert_array_equal(obvious_update(wh, w, h, centers, labels), right)
    np.testing.assert_allclose(index.fitness(centers, THR).fitness, plain_fitness(wh, centers), rtol=1e-12)
    np.testing.assert_allclose(dense.fitness(centers, THR).fitness, plain_fitness(wh, centers), rtol=1e-12)

    (plain,) = medians(3, lambda: plain_update(wh, centers))
    obvious, ours = medians(
        5,
        lambda: obvious_update(wh, w, h, centers, labels),
        lambda: [index.lloyd("iou", "median").step(centers) for _ in range(20)],
    )
    scan, evolve = medians(
        5,
        lambda: [dense.fitness(centers, THR) for _ in range(10)],
        lambda: fastanchor.evolve(index, run.centers, gen=1000, rng=0, progress=False),
    )
    build, whole = medians(3, lambda: BoxIndex(wh), lambda: auto(wh))
    runs = [fastanchor.kmeans(index, K, rng=rng, progress=False) for rng in (1, 2, 3)]
    seconds = medians(3, *(partial(fastanchor.kmeans, index, K, rng=rng, progress=False) for rng in (1, 2, 3)))
    return {
        "n": n,
        "threads": threads,
        "update": ours / 20,
        "update_obvious": obvious,
        "update_plain": plain,
        "update_in_run": sum(seconds) / sum(run.n_iter for run in runs),
        "generation": evolve / 1000,
        "dense_fitness": scan / 10,
        "build": build,
        "auto_anchor": whole,
    }


def auto(wh, **options):
    warnings.simplefilter("ignore", fastanchor.SmallBoxWarning)  # the boxes made up here are small on purpose
    return fastanchor.auto_anchor(wh, img_size=640, n=K, thr=THR, rng=0, progress=False, **options)


def memory(n):
    """Bytes beyond the caller's array: what an index keeps, and its peak while it is built."""
    code = f"""
import json, resource
from fastanchor import bench
from fastanchor.engine.index import BoxIndex
warm = BoxIndex(bench.boxes(200_000))
wh = bench.boxes({n})
def resident():
    fields = open("/proc/self/statm").read().split()
    return int(fields[1]) * resource.getpagesize()
open("/proc/self/clear_refs", "w").write("5")  # the peak starts anew
before = resident()
index = BoxIndex(wh)
peak = next(line for line in open("/proc/self/status") if line.startswith("VmHWM")).split()[1]
print(json.dumps([index.nbytes, resident() - before, int(peak) * 1024 - before]))
"""
    kept, resident, peak = fresh(code)
    return {"n": n, "nbytes": kept, "resident": resident, "peak": peak, "limit": 24 * n + 128 * MIB}


def small(n=4000):
    """Whole jobs on few boxes, by each engine."""
    wh = bench.boxes(n)
    answers = [auto(wh, engine=engine) for engine in ("dense", "index")]
    np.testing.assert_array_equal(answers[0].anchors, answers[1].anchors)
    dense, index, chosen = medians(9, *(lambda e=e: auto(wh, engine=e) for e in ("dense", "index", "auto")))
    return {"n": n, "dense": dense, "index": index, "auto": chosen}


def growth(n, bound=60.0):
    """Time whole jobs by what is chosen, by the dense kernels and by NumPy; past `bound` seconds, add up the parts."""
    wh = bench.boxes(n)
    chosen = auto(wh)  # compiles, too
    ours = statistics.median(clock(lambda: auto(wh)) for _ in range(3))
    updates, generations = chosen.kmeans.n_iter, len(chosen.evolve.history) - 1
    row = {"n": n, "fitness": chosen.fitness, "mean_iou": chosen.mean_iou, "updates": updates, "ours": ours}
    engine = DenseEngine(wh)
    step, score = medians(
        3,
        lambda: engine.lloyd("iou", "median").step(chosen.anchors),
        lambda: engine.fitness(chosen.anchors, THR),
    )
    row["dense"] = step * updates + score * generations
    row["dense_measured"] = row["dense"] <= bound
    if row["dense_measured"]:
        answer = []
        row["dense"] = clock(lambda: answer.append(auto(wh, engine="dense")))
        np.testing.assert_array_equal(answer[0].anchors, chosen.anchors)
    some = wh[:1_000_000]
    step = clock(lambda: plain_update(some, chosen.anchors))
    score = clock(lambda: plain_fitness(some, chosen.anchors))
    row["plain"] = n / len(some) * (step * updates + score * generations)
    print(
        f"{n:>12,}{ours:>10.3f} s ours ({chosen.engine}){row['dense']:>10.2f} s dense"
        f"{row['plain']:>12.1f} s NumPy   fitness {chosen.fitness:.5f}",
        flush=True,
    )
    return {**row, "engine": chosen.engine}


def huge(n=100_000_000):
    """Time and peak memory of a job on float32 boxes that are made in pieces."""
    code = f"""
import json, resource, time
import numpy as np
import fastanchor
rng = np.random.default_rng(0)
wh = np.empty(({n}, 2), np.float32)
for i in range(0, {n}, 1 << 20):
    piece = wh[i : i + (1 << 20)]
    piece[:] = np.exp(rng.normal([3.8, 3.7], [1, 1], piece.shape)).clip(2, 640)
fastanchor.auto_anchor(wh[:1_000_000], rng=0, progress=False)
began = time.perf_counter()
result = fastanchor.auto_anchor(wh, img_size=640, n={K}, thr={THR}, rng=0, progress=False)
seconds = time.perf_counter() - began
peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
print(json.dumps(dict(n={n}, ours=seconds, peak=peak, fitness=result.fitness, mean_iou=result.mean_iou,
                      updates=result.kmeans.n_iter, engine=result.engine)))
"""
    return fresh(code)


def first_use():
    """Time the first and the later calls of each stage, from an empty cache and from a full one."""
    timing = """
import json, time
began = time.perf_counter()
import fastanchor
rows = {"import fastanchor": [time.perf_counter() - began]}
wh = fastanchor.datasets.sample().scaled(640)
start = wh[:9]
def engine(name):
    from fastanchor.engine import choose
    return choose(wh, name=name)
for name in ("dense", "index"):
    holder = {}
    stages = {
        "ready": lambda: holder.setdefault("engine", engine(name)),
        "k-means step (IoU, median)": lambda: holder["engine"].lloyd("iou", "median").step(start),
        "k-means step (Euclidean, mean)": lambda: holder["engine"].lloyd("euclidean", "mean").step(start),
        "labels": lambda: holder["engine"].labels(start, "iou"),
        "fitness": lambda: holder["engine"].fitness(start, 0.25),
    }
    for stage, call in stages.items():
        times = []
        for _ in range(5):
            began = time.perf_counter()
            call()
            times.append(time.perf_counter() - began)
        rows[f"{name}: {stage}"] = [times[0], sorted(times[1:])[len(times) // 2 - 1]]
print(json.dumps(rows))
"""
    with tempfile.TemporaryDirectory() as cache:
        cold, warm = (fresh(timing, NUMBA_CACHE_DIR=cache) for _ in range(2))
    return {"stages": {stage: [times[0], *warm[stage]] for stage, times in cold.items()}}


def save(name, content):
    RESULTS.mkdir(exist_ok=True)
    text = json.dumps({"machine": bench.machine(), "k": K, **content}, indent=2)
    (RESULTS / f"{name}.json").write_text(text + "\n", encoding="utf-8")


def main():
    kernels.load("numba")
    scale = 10 if "--small" in sys.argv else 1
    at, before = steps(10_000_000 // scale), steps(1_000_000 // scale)
    room, few = memory(10_000_000 // scale), small()
    ratios = [
        ("update (IoU, median), against prange over boxes and np.median", at["update_obvious"] / at["update"], 150),
        ("the same, against NumPy in chunks", at["update_plain"] / at["update"], 1000),
        ("the first, for an update averaged over whole runs", at["update_obvious"] / at["update_in_run"], 600),
        ("a generation of 1000, against a dense pass on all cores", at["dense_fitness"] / at["generation"], 20),
        ("building, against one NumPy update", at["update_plain"] / at["build"], 5),
        ("4000 boxes end to end: the dense engine's time against the chosen one's", few["dense"] / few["auto"], 1),
    ]
    limits = [
        ("auto_anchor, s", at["auto_anchor"], 3),
        ("growth of an update with ten times the boxes", at["update"] / before["update"], 3),
        ("growth of 1000 generations", at["generation"] / before["generation"], 3),
        ("memory at the peak of building, MiB", room["peak"] / MIB, room["limit"] / MIB),
    ]
    for what, value, least in ratios:
        print(f"{what:<75}{value:>9.1f}x   at least {least}")
    for what, value, most in limits:
        print(f"{what:<75}{value:>9.2f}    at most {most:.0f}")
    save("index", {"at": at, "tenth": before, "memory": room, "small": few})
    save("first_use", first_use())
    rows = [growth(10**e // scale) for e in (4, 5, 6, 7)]
    if "--huge" in sys.argv:
        last = huge()
        print(f"{last['n']:>12,}{last['ours']:>10.2f} s, {last['peak'] / MIB:,.0f} MiB, fitness {last['fitness']:.5f}")
        rows.append(last)
    save("growth", {"rows": rows})


if __name__ == "__main__":
    main()
