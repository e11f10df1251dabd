"""The stand-ins against what they stand for: same inputs, same seeds, same anchors, and the time they take.

Run ``python bench/compat.py`` with SciPy installed, and PyTorch if the search is to be timed against it as the
originals run it; a few minutes. First the golden cases of ``tests/golden``: the originals' numbers beside ours. Then
the speed against plain restatements of the originals' mathematics, which are checked for giving the same answers
first. They take minutes at a million boxes: only some starts and generations are timed, the rest is extrapolated.
Writes ``bench/results/compat.json``.
"""

import contextlib
import io
import json
import os
import platform
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import scipy
from scipy.cluster import vq

import fastanchor
from fastanchor import bench
from fastanchor.compat import _vq, yolo_kmeans, yolov5, yolov7

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "tests"))
import golden_data  # noqa: E402  lies beside the tests

try:
    import torch
except ImportError:
    torch = None

K, THR, GEN, STARTS = 9, 0.25, 1000, 30
SIZES = {100_000: (10, 200), 1_000_000: (4, 20)}  # boxes: starts and generations of the restatement that are timed


def seed(number):
    np.random.seed(number)
    random.seed(number)


def quiet(call):
    """Return what `call` returns, and the seconds it took; what it says is dropped."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        began = time.perf_counter()
        result = call()
        return result, time.perf_counter() - began


# ---- the originals' mathematics, plainly


def by_area(anchors):
    return anchors[np.argsort(anchors.prod(1))]


def plain_starts(wh, starts):
    scale = wh.std(0)
    return vq.kmeans(wh / scale, K, iter=starts)[0] * scale


def plain_fitness(wh):
    """Fitness over (n, k, 2) temporaries in single precision, on PyTorch where it is installed."""
    if torch is None:
        boxes = wh.astype(np.float32)

        def fitness(anchors):
            ratio = boxes[:, None] / anchors.astype(np.float32)[None]
            best = np.minimum(ratio, 1.0 / ratio).min(2).max(1)
            return float((best * (best > THR)).mean())

        return fitness
    boxes = torch.tensor(wh, dtype=torch.float32)

    def fitness(anchors):
        ratio = boxes[:, None] / torch.tensor(anchors, dtype=torch.float32)[None]
        best = torch.min(ratio, 1.0 / ratio).min(2)[0].max(1)[0]
        return float((best * (best > THR).float()).mean())

    return fitness


def plain_search(anchors, fitness, generations):
    anchors = by_area(anchors)
    reached = fitness(anchors)
    for _ in range(generations):
        factors = np.ones(anchors.shape)
        while (factors == 1).all():
            mask = np.random.random_sample(anchors.shape) < 0.9
            factors = (mask * random.random() * np.random.standard_normal(anchors.shape) * 0.1 + 1).clip(0.3, 3.0)
        mutant = (anchors * factors).clip(min=2.0)
        now = fitness(mutant)
        if now > reached:
            anchors, reached = mutant, now
    return by_area(anchors)


def plain_round(wh, centers):
    """One round of the tutorial's k-means."""
    inter = np.minimum(wh[:, None], centers[None]).prod(2)
    nearest = (1 - inter / (wh.prod(1)[:, None] + centers.prod(1)[None] - inter)).argmin(1)
    return np.array([np.median(wh[nearest == j], axis=0) for j in range(len(centers))])


# ---- the two tables


def golden():
    for name, module in (("yolov5", yolov5), ("yolov7", yolov7), ("yolo_kmeans", yolo_kmeans)):
        for case in golden_data.cases(name):
            if case["function"] in ("check_anchors", "auto_anchor"):
                continue
            data = golden_data.dataset(case["dataset"])
            if name == "yolo_kmeans":
                boxes = np.concatenate(data.labels)[:, 3:5].astype(float) * 640
                arguments = boxes, case["k"], getattr(np, case["dist"])
                call, what = yolo_kmeans.k_means, f"k_means, {case['dist']}, k={case['k']}"
            else:
                arguments = data, case["n"], case["img_size"], case["thr"], case["gen"], False
                call, what = module.kmean_anchors, f"kmean_anchors, n={case['n']}, gen={case['gen']}"
            times = []
            for _ in range(3):  # the first compiles
                seed(case["seed"])
                got, seconds = quiet(lambda call=call, arguments=arguments: call(*arguments))
                times.append(seconds)
            off = float(np.abs(got - case["anchors"]).max())
            yield {"program": name, "what": what, "dataset": case["dataset"], "seed": case["seed"],
                   "original": case["anchors"], "ours": np.round(got, 5).tolist(), "largest_difference": off,
                   "seconds": min(times)}  # fmt: skip


def dataset(n):
    """Ten boxes an image, as a training repository holds them."""
    labels = np.zeros((n, 5), np.float32)
    labels[:, 3:5] = bench.boxes(n) / 640
    return SimpleNamespace(labels=np.split(labels, n // 10), shapes=np.full((n // 10, 2), 640.0))


def check():
    """Stop unless the restatement and we find the same anchors from the same seeds."""
    data = dataset(10_000)
    wh = (np.concatenate(data.labels)[:, 3:5].astype(float) * 640).astype(np.float32)
    seed(0)
    plain = plain_search(plain_starts(wh, STARTS), plain_fitness(wh), 300)
    seed(0)
    ours, _ = quiet(lambda: yolov5.kmean_anchors(data, K, 640, 1 / THR, 300, False))
    np.testing.assert_allclose(ours, plain, atol=0.5)


def speed(n, starts, generations):
    data = dataset(n)
    wh = np.concatenate(data.labels)[:, 3:5].astype(float) * 640
    single = wh.astype(np.float32)
    seed(0)
    began, seconds = quiet(lambda: plain_starts(single, starts))
    np.random.seed(0)
    exact = single.astype(float)
    books = _vq.restarts(exact / single.std(0), K, starts=starts)
    best = min(books, key=lambda book: book.distortion).centers * single.std(0)
    # SciPy adds up in single precision here, which is off by up to 0.1 px at a million boxes
    np.testing.assert_allclose(by_area(best), by_area(began), atol=0.5)
    kmeans = seconds / starts * STARTS
    fitness = plain_fitness(single)
    fitness(began)
    # PyTorch's threads wait for each other on a busy machine: the faster of one thread and all is taken
    search = np.inf
    for threads in (1, bench.thread_count(None)) if torch else (1,):
        if torch:
            torch.set_num_threads(threads)
        search = min(search, quiet(lambda: plain_search(began, fitness, generations))[1] / generations * GEN)
    times, parts = [], []
    for _ in range(3):
        seed(0)
        times.append(quiet(lambda: yolov5.kmean_anchors(data, K, 640, 1 / THR, GEN, False))[1])
        seed(0)
        parts.append(quiet(lambda: yolov5.kmean_anchors(data, K, 640, 1 / THR, 0, False))[1])
    seed(0)
    iou = quiet(lambda: yolov5.kmean_anchors(data, K, 640, 1 / THR, GEN, False, start="iou"))[1]
    ours = float(np.median(times))
    name = "SciPy and PyTorch" if torch else "SciPy and NumPy"
    yield {"job": "kmean_anchors", "n": n, "plain": name, "plain_seconds": kmeans + search, "plain_kmeans": kmeans,
           "plain_search": search, "extrapolated": f"{starts} of {STARTS} starts, {generations} of {GEN} generations",
           "seconds": ours, "seconds_kmeans": float(np.median(parts)), "seconds_iou_start": iou,
           "ratio": (kmeans + search) / ours}  # fmt: skip
    np.random.seed(0)
    centers = wh[np.random.choice(n, K, replace=False)]
    _, seconds = quiet(lambda: plain_round(wh, centers))
    rounds = fastanchor.kmeans(wh, K, init=centers, max_iter=100_000, progress=False).n_iter + 1
    times = []
    for _ in range(3):
        np.random.seed(0)
        times.append(quiet(lambda: yolo_kmeans.k_means(wh, K))[1])
    ours = float(np.median(times))
    yield {"job": "k_means of the tutorial", "n": n, "plain": "NumPy", "plain_seconds": seconds * rounds,
           "extrapolated": f"1 of {rounds} rounds", "seconds": ours, "ratio": seconds * rounds / ours}  # fmt: skip


WAIT = """
import sys, time
sys.path.insert(0, sys.argv[1])
import numpy as np
from types import SimpleNamespace
import compat
data = compat.dataset(int(sys.argv[2]))
head = SimpleNamespace(anchors=np.full((3, 3, 2), 0.5), stride=np.array([8.0, 16.0, 32.0]))
compat.seed(0)
began = time.perf_counter()
compat.quiet(lambda: compat.yolov5.check_anchors(data, SimpleNamespace(model=[head])))
print(time.perf_counter() - began)
assert (head.anchors != 0.5).all()
"""


def waits(n):
    """How long other ranks wait for ``check_anchors`` with bad anchors: with an empty compile cache, and a full one."""
    command = [sys.executable, "-c", WAIT, str(Path(__file__).parent), str(n)]
    with tempfile.TemporaryDirectory() as cache:
        environment = {**os.environ, "NUMBA_CACHE_DIR": cache}
        times = [
            float(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)
            for _ in range(4)
        ]
    print(f"check_anchors, {n:>10,} labels: {times[0]:.1f} s at first, {np.median(times[1:]):.2f} s later")
    return {"n": n, "first": times[0], "later": float(np.median(times[1:]))}


def main():
    content = {"k": K, "thr": THR, "gen": GEN, "starts": STARTS, "golden": [], "speed": []}
    content["waits"] = [waits(n) for n in (10_000, 100_000, 1_000_000)]
    for row in golden():
        content["golden"].append(row)
        print(f"{row['program']:<12}{row['what']:<34} data {row['dataset']} seed {row['seed']}: off by at most "
              f"{row['largest_difference']:.5f} px, {row['seconds'] * 1e3:.0f} ms", flush=True)  # fmt: skip
    check()
    for n, (starts, generations) in SIZES.items():
        for row in speed(n, starts, generations):
            content["speed"].append(row)
            plain = f"{row['plain']} {row['plain_seconds']:8.1f} s (from {row['extrapolated']})"
            print(f"{row['job']:<26}{n:>10,} boxes: {plain}, ours {row['seconds']:6.2f} s, {row['ratio']:.0f} times")
    import numba

    versions = {"numpy": np.__version__, "numba": numba.__version__, "scipy": scipy.__version__}
    if torch is not None:
        versions["torch"] = torch.__version__
    machine = {"fastanchor": fastanchor.__version__, "processor": bench.processor(), "cores": bench.thread_count(None)}
    content["machine"] = {**machine, "python": platform.python_version(), **versions}
    (ROOT / "bench" / "results" / "compat.json").write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
