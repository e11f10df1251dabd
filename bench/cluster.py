"""Trips, bytes and seconds of k-means and the search on a cluster: 1 to 3 worker processes, and 1,000 simulated parts.

``python bench/cluster.py`` writes ``bench/results/cluster.json``; ``--boxes 1e7`` takes more. Anchors are compared with
those of one process. Processor time of the driver and of the workers, since other programs may keep the machine busy,
beside the time that passes.
"""

import argparse
import json
import logging
import statistics
import tempfile
import time
from pathlib import Path

import numpy as np

import fastanchor
from fastanchor import bench

RESULT = Path(__file__).parent / "results" / "cluster.json"
K, SEED, GEN = 9, 0, 1000


def drawn(n):
    return np.exp(np.random.default_rng(SEED).normal([3.8, 3.7], 1, (n, 2))).clip(2, 640)


def of_workers(client):
    return sum(client.run(time.process_time).values())


def measured(index, workers, updates=300, gen=GEN):
    """Return what updates and a search cost on an index of a cluster, and the anchors."""
    start = fastanchor.kmeans(index, K, rng=SEED, max_iter=1).centers  # kernels are compiled, or read from the cache
    fastanchor.evolve(index, start, gen=1, rng=SEED)

    def timed(job):
        before = vars(index.traffic).copy()
        clocks = time.perf_counter(), time.process_time(), workers()
        found = job()
        clocks = [b - a for a, b in zip(clocks, (time.perf_counter(), time.process_time(), workers()), strict=True)]
        after = vars(index.traffic)
        sent, received, trips = (after[name] - before[name] for name in ("sent", "received", "trips"))
        return found, {"trips": trips, "sent": sent, "received": received, "seconds": clocks[0],
                       "driver": clocks[1], "workers": clocks[2]}  # fmt: skip

    run, update = timed(lambda: fastanchor.kmeans(index, K, rng=SEED, max_iter=updates))
    found, search = timed(lambda: fastanchor.evolve(index, run.centers, gen=gen, rng=SEED))
    _, scores = timed(lambda: (run.mean_iou, index.fitness(found.anchors, 0.25)))
    update["updates"], search["accepted"] = run.n_iter, found.accepted
    idle = [timed(lambda: index._ask("below", 1e-9))[1]["seconds"] for _ in range(11)]
    return found.anchors, {"update": update, "search": search, "scores": scores, "trip": statistics.median(idle),
                           "nbytes": index.nbytes, "parts": len(index.shards)}  # fmt: skip


def on_workers(folder, count):
    import distributed

    from fastanchor.distributed import ClusterIndex

    cluster = distributed.LocalCluster(
        n_workers=count, threads_per_worker=1, memory_limit="2GB", dashboard_address="127.0.0.1:0",
        silence_logs=logging.CRITICAL,
    )  # fmt: skip
    with cluster, distributed.Client(cluster, set_as_default=False) as client:
        start = time.perf_counter()
        with ClusterIndex(folder, client) as index:
            built = time.perf_counter() - start
            anchors, row = measured(index, lambda: of_workers(client))
    return anchors, {"workers": count, "build": built, **row}


def here(boxes, updates=300, gen=GEN):
    """Return the anchors that one process finds."""
    index = fastanchor.BoxIndex(boxes, threads=1)
    start = fastanchor.kmeans(index, K, rng=SEED, max_iter=updates)
    return fastanchor.evolve(index, start.centers, gen=gen, rng=SEED).anchors


def simulated(n, parts, updates=4, gen=32):
    """Return the cost of few updates and generations over many parts in this process, and of the driver alone."""
    from _simulated import Simulated

    boxes = drawn(n)
    index = Simulated(np.array_split(boxes, parts))
    anchors, row = measured(index, lambda: index.link.inside, updates, gen)
    assert np.array_equal(anchors, here(boxes, updates, gen))
    for part in ("update", "search", "scores"):
        row[part]["driver"] -= row[part]["workers"]  # both in this process
    return {"n": n, **row}


def main():
    parser = argparse.ArgumentParser()
    parser.add_argument("--boxes", type=float, default=1e6)
    parser.add_argument("--parts", type=int, default=1000, help="simulated parts, of 100 boxes each")
    parser.add_argument("--simulate", action="store_true", help="measure these alone, and keep the rest")
    options = parser.parse_args()
    content = {"machine": bench.machine(), "k": K, "gen": GEN}
    if options.simulate:
        content = json.loads(RESULT.read_text(encoding="utf-8"))
    else:
        content |= measured_here(int(options.boxes))
    content["simulated"] = simulated(100 * options.parts, options.parts)
    print(json.dumps(content["simulated"]))
    RESULT.write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


def measured_here(n):
    """Return what 1, 2 and 3 worker processes cost."""
    boxes = drawn(n)
    right = here(boxes)
    rows = []
    with tempfile.TemporaryDirectory() as folder:
        for i, some in enumerate(np.array_split(boxes, 12)):
            names = {"width": some[:, 0], "height": some[:, 1]}
            write(Path(folder, f"{i:02}.parquet"), names)
        for count in (1, 2, 3):
            anchors, row = on_workers(folder, count)
            assert np.array_equal(anchors, right), count
            rows.append(row)
            print(json.dumps(row))
    return {"n": n, "rows": rows}


def write(path, columns):
    import pyarrow
    from pyarrow import parquet

    parquet.write_table(pyarrow.table(columns), path)


if __name__ == "__main__":
    main()
