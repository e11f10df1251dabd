"""The drop-in modules beside the originals: same inputs, same seeds, same anchors, and the time both take.

``python bench/compat.py --yolov5 CHECKOUT`` (SciPy and PyTorch installed; ten minutes, three
without the option). First the golden cases of ``tests/golden``: the originals' numbers beside ours. Then YOLOv5's own
``kmean_anchors``, imported from a checkout, and ours, in turns. Last, how long the other processes of a training run
wait for the anchors. Writes ``bench/results/compat.json``.
"""

import argparse
import contextlib
import importlib
import io
import json
import os
import random
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from fastanchor import bench
from fastanchor.compat import yolo_kmeans, yolov5, yolov7

ROOT = Path(__file__).resolve().parent.parent
RESULT = ROOT / "bench" / "results" / "compat.json"
sys.path.insert(0, str(ROOT / "tests"))
import golden_data  # noqa: E402  lies beside the tests

SIZES = 1_000, 10_000, 100_000
ROUNDS, SECONDS = (7, 15), 600.0


def seed(number):
    np.random.seed(number)
    random.seed(number)


def quiet(call):
    """Return what `call` returns; what it prints is dropped."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        return call()


def original(checkout):
    """Return ``utils.autoanchor`` of a checkout, silent."""
    import logging

    sys.path.insert(0, str(checkout.resolve()))
    module = importlib.import_module("utils.autoanchor")
    logging.disable(logging.CRITICAL)
    return module


def dataset(n):
    """Ten boxes per image, as in a training repository."""
    labels = np.zeros((n, 5), np.float32)
    labels[:, 3:5] = bench.boxes(n) / 640
    return SimpleNamespace(labels=np.split(labels, n // 10), shapes=np.full((n // 10, 2), 640.0))


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
            seed(case["seed"])
            got = quiet(lambda call=call, arguments=arguments: call(*arguments))
            off = float(np.abs(got - case["anchors"]).max())
            print(f"{name:<12}{what:<34} data {case['dataset']} seed {case['seed']}: off by at most {off:.5f} px")
            row = {"program": name, "what": what, "dataset": case["dataset"], "seed": case["seed"]}
            yield {**row, "original": case["anchors"], "ours": np.round(got, 5).tolist(), "largest_difference": off}


def speed(autoanchor, n):
    """Compare YOLOv5's own function with ours: anchors first, then the time."""
    data = dataset(n)

    def call(module):
        seed(0)
        return quiet(lambda: module.kmean_anchors(data, 9, 640, 4.0, 1000, False))

    off = float(np.abs(call(autoanchor) - call(yolov5)).max())
    ratio = bench.paired(
        lambda: call(autoanchor), lambda: call(yolov5), rounds=ROUNDS, width=0.1, seconds=SECONDS
    )  # fmt: skip
    print(f"{n:>9,} boxes: {ratio.reference:.2f} s, ours {ratio.contender:.2f} s, {ratio}, off {off:.4f} px")
    return {"n": n, "largest_difference": off, "ratio": vars(ratio)}


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
        first, *later = (
            float(subprocess.run(command, check=True, capture_output=True, text=True, env=environment).stdout)
            for _ in range(4)
        )
    print(f"check_anchors, {n:>10,} labels: {first:.1f} s at first, {statistics.median(later):.2f} s later")
    return {"n": n, "first": first, "later": statistics.median(later)}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--yolov5", type=Path, help="checkout of ultralytics/yolov5")
    parser.add_argument("--most", type=float, default=1e5, help="boxes of the largest data set (default: 1e5)")
    arguments = parser.parse_args()
    began = bench.ticks()
    content = json.loads(RESULT.read_text(encoding="utf-8"))
    content["golden"] = list(golden())
    if arguments.yolov5:
        autoanchor = original(arguments.yolov5)
        content["speed"] = [speed(autoanchor, n) for n in SIZES if n <= arguments.most]
    content["waits"] = [waits(n) for n in (10_000, 100_000, 1_000_000)]
    content["machine"] = {**bench.machine(["scipy", "torch"]), "state": bench.state(began)}
    RESULT.write_text(json.dumps(content, indent=1) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
