"""What a user waits for: whole commands in fresh processes, with an empty cache and a warm one.

``python bench/first_second.py [DATA ...]`` measures ``fastanchor anchors`` on the built-in sample, on each DATA, and on
tables of synthetic boxes, and the import of ``auto_anchor``. It writes ``results/first_second.json``. Times are
processor seconds, medians of runs in turns, beside those of ``python -c "import numpy"``.

``python bench/first_second.py --model`` prints the constants of ``kernels._choice`` as this machine has them.
"""

import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import numpy as np

from fastanchor import bench
from fastanchor.kernels import _choice

RESULTS = Path(__file__).parent / "results"
RUNS = 3
IMPORTS = 25  # runs of an import: it takes a hundredth of a command
SIZES = (2_000, 100_000)
# what is chosen, and the two backends by hand
WAYS = {"by itself": None, "numba": "numba", "NumPy": "numpy"}


def run(arguments, **settings):
    """Return processor seconds and wall seconds of a Python process."""
    environment = {**os.environ, **{name: value for name, value in settings.items() if value is not None}}
    environment.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed package has its bytecode
    began = time.perf_counter()
    child = subprocess.Popen([sys.executable, *arguments], env=environment, stdout=subprocess.PIPE)
    output = child.stdout.read()
    _, status, usage = os.wait4(child.pid, 0)
    if os.waitstatus_to_exitcode(status):
        raise SystemExit(f"{arguments} ended with {os.waitstatus_to_exitcode(status)}")
    return usage.ru_utime + usage.ru_stime, time.perf_counter() - began, output


def median(pairs):
    cpu, wall, _ = zip(*pairs, strict=True)
    return {"cpu": statistics.median(cpu), "wall": statistics.median(wall)}


def rows(label, boxes, arguments):
    """Measure one command in every way and state, in turns."""
    command = ["-m", "fastanchor", "anchors", *arguments, "--json"]
    taken = {(way, state): [] for way in WAYS for state in ("empty", "warm")}
    numpy, backends = [], {}
    with tempfile.TemporaryDirectory() as warm:
        for backend in WAYS.values():
            run(command, NUMBA_CACHE_DIR=warm, FASTANCHOR_BACKEND=backend or "numba")
        for _ in range(RUNS):
            numpy.append(run(["-c", "import numpy"]))
            for way, backend in WAYS.items():
                found = run(command, NUMBA_CACHE_DIR=warm, FASTANCHOR_BACKEND=backend)
                taken[way, "warm"].append(found)
                backends[way, "warm"] = json.loads(found[2])["backend"]
                if backend != "numpy":  # which needs no cache
                    with tempfile.TemporaryDirectory() as empty:
                        found = run(command, NUMBA_CACHE_DIR=empty, FASTANCHOR_BACKEND=backend)
                    taken[way, "empty"].append(found)
                    backends[way, "empty"] = json.loads(found[2])["backend"]
    cells = [
        {"way": way, "cache": state, "backend": backends[way, state], **median(found)}
        for (way, state), found in taken.items()
        if found
    ]
    return {"data": label, "boxes": boxes, "numpy": median(numpy), "ways": cells}


def table(n, folder):
    """Return a file of n boxes."""
    wh = np.exp(np.random.default_rng(0).normal([3.8, 3.7], [1.0, 1.0], (n, 2))).clip(2.0, 640.0)
    path = Path(folder) / f"{n}.csv"
    np.savetxt(path, wh, "%.3f", ",", header="width,height", comments="")
    return str(path)


def count(arguments):
    return json.loads(run(["-m", "fastanchor", "anchors", *arguments, "--gen", "0", "--json"])[2])["boxes"]


MODEL = """
import json, sys, time, numpy as np
begun = time.process_time()
import fastanchor
backend, what, SIZE = sys.argv[1], sys.argv[2], 30_000
from fastanchor import kernels
from fastanchor.engine import choose
wh = np.exp(np.random.default_rng(0).normal([3.8, 3.7], [1.0, 1.0], (100_000, 2))).clip(2.0, 640.0)

def cost(n, times):
    with fastanchor.backend(backend):
        engine = choose(wh[:n], name="dense")
        start = wh[:9]
        def job(times):
            if what == "update":
                lloyd = engine.lloyd("iou", "median")
                for i in range(times):
                    lloyd.step(wh[i % 2 : i % 2 + 9])
            elif what == "generation":
                fastanchor.evolve(engine, start, gen=times, rng=0)
            else:
                for _ in range(times):
                    engine.nearest(start, "iou")
        first = time.process_time()
        job(1)
        second = time.process_time()
        job(2)
        third = time.process_time()
        job(times + 2)
        return second - first, (time.process_time() - third - (third - second)) / times

times = 500 if what == "generation" else 60
first, small = cost(2000, times)
_, large = cost(SIZE, times)
pair = (large - small) / ((SIZE - 2000) * 9)
print(json.dumps([1e9 * pair, 1e6 * (small - pair * 2000 * 9), first]))
"""


def model():
    """Print the constants of the cost model."""
    bare = median([run(["-c", "import numpy"]) for _ in range(RUNS)])["cpu"]
    imported = median([run(["-c", "import numpy, numba"]) for _ in range(RUNS)])["cpu"] - bare
    print(f"IMPORT {imported:.2f}, here {_choice.IMPORT}")
    with tempfile.TemporaryDirectory() as cache:
        for what in ("update", "generation", "look"):
            for backend in ("numpy", "numba"):
                _, _, once = run(["-c", MODEL, backend, what], NUMBA_CACHE_DIR=cache)
                pair, call, first = json.loads(run(["-c", MODEL, backend, what], NUMBA_CACHE_DIR=cache)[2])
                here = getattr(_choice, what.upper())[backend]
                print(
                    f"{what.upper():<11}{backend}  {pair:.2f} ns a pair, {call:.0f} us a call, here {here}; "
                    f"the first call {json.loads(once)[2]:.2f} s with an empty cache, {first:.2f} s with a warm one"
                )


def imports():
    """Return what importing auto_anchor costs, beside NumPy."""
    codes = {"numpy": "import numpy", "fastanchor": "import fastanchor; fastanchor.auto_anchor"}
    for code in codes.values():
        run(["-c", code])
    turns = [{name: run(["-c", code]) for name, code in codes.items()} for _ in range(IMPORTS)]
    ratio = statistics.median(turn["fastanchor"][0] / turn["numpy"][0] for turn in turns)
    return {"ratio": ratio, **{name: median([turn[name] for turn in turns]) for name in codes}}


def main():
    if "--model" in sys.argv[1:]:
        model()
        return
    found = []
    with tempfile.TemporaryDirectory() as folder:
        jobs = [("the built-in sample", [])]
        jobs += [(Path(data).name, [data]) for data in sys.argv[1:]]
        jobs += [(f"a table of {n:,}", [table(n, folder)]) for n in SIZES]
        for label, arguments in jobs:
            found.append(rows(label, count(arguments), arguments))
            print(label, found[-1]["numpy"], *found[-1]["ways"], sep="\n  ", flush=True)
    text = json.dumps({"machine": bench.machine(), "import": imports(), "rows": found}, indent=2)
    (RESULTS / "first_second.json").write_text(text + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
