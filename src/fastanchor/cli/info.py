"""Print versions, backend, cache folder and what the optional packages are for."""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import os
import platform
import tempfile
from collections.abc import Iterator
from typing import Any, get_args

import numpy as np

import fastanchor
from fastanchor import kernels
from fastanchor._progress import track
from fastanchor._types import EngineName, Metric, Update
from fastanchor.cli import _answer
from fastanchor.engine import ENGINES, LARGE, METRICS, BoxIndex, Engine, GridSpec, Shard, choose, survey
from fastanchor.engine._bands import LEAST as LATE
from fastanchor.engine._bands import compile_at_once
from fastanchor.engine._merged import LEAST
from fastanchor.engine._order_statistics import PRESORT
from fastanchor.engine._threads import thread_count
from fastanchor.matching import NOMINAL, Anchors, Matching, Places, at_places
from fastanchor.starts import N_INIT, work_of

__all__ = ["add", "run"]

OPTIONAL = {
    "numba": "compiled kernels",
    "matplotlib": "--plot and report (extra: plot)",
    "pillow": "show (extra: images)",
    "msgspec": "COCO and YOLO labels at full speed (extra: fast)",
    "pyarrow": "Parquet tables (extra: parquet)",
    "shtab": "--print-completion (extra: completion)",
    "scipy": "differential evolution in compat.mmdet (extra: compat)",
    "scikit-learn": "a rival in bench (extra: bench)",
}


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    parser.add_argument("--warm", action="store_true", help="compile all kernels into the cache for later runs")
    _answer.add_output(parser)


def run(arguments: argparse.Namespace) -> int:
    """Print what runs here."""
    if arguments.warm:
        _warm(arguments.quiet)
    backend = kernels.current()
    numba = backend == "numba"
    facts: dict[str, Any] = {
        "version": fastanchor.__version__,
        "python": platform.python_version(),
        "numpy": importlib.metadata.version("numpy"),
        "machine": f"{platform.system()} {platform.machine()}",
        "backend": backend,
        "choice": _choice(),
        "backend_from_environment": os.environ.get("FASTANCHOR_BACKEND"),
        "engines": _engines(backend),
        "threads": thread_count(None),
        "cache": _cache_folder() if numba else None,
        "optional": {name: _version(name) for name in OPTIONAL},
    }
    lines = [
        f"fastanchor {facts['version']}, Python {facts['python']}, NumPy {facts['numpy']}, {facts['machine']}",
        f"backend    {backend}{_shown(facts['choice'])}",
        f"engines    {', '.join(facts['engines'])}{'' if numba else ' (NumPy in chunks; the index needs numba)'}",
        f"threads    {facts['threads']}",
        f"cache      {facts['cache'] or 'none: kernels are compiled in every process'}",
    ]
    lines += [f"{name:<13}{facts['optional'][name] or 'not installed':<15}{use}" for name, use in OPTIONAL.items()]
    _answer.answer(arguments, facts, lines)
    return 0


def _warm(quiet: bool) -> None:
    """Run every engine with every setting, on just enough boxes that all kernels are used."""
    with fastanchor.backend(kernels.current()):  # not the one that suits so little work
        held = [engine for name in _engines(kernels.current()) for engine in _built(name)]
        jobs = list(itertools.product(held, METRICS, get_args(Update)))
        for job in track(jobs, False if quiet else None, total=len(jobs), desc="compiling", unit=" jobs"):
            _use(*job)
        if len(held) > 1:
            _use_large()
        _use_places()
        for objective in ("ratio", "iou") if _version("scipy") else ():
            fastanchor.bound([[3.0, 4.0], [9.0, 5.0], [7.0, 30.0]], 2, objective=objective)


def _built(name: EngineName) -> Iterator[Engine]:
    """Yield engines of every kind: with weights and without, of several shards, and of boxes that repeat."""
    boxes = np.random.default_rng(0).uniform(4, 400, (PRESORT + 1, 2))
    halves = np.array_split(np.arange(len(boxes)), 2)
    for weights in (None, np.arange(len(boxes))):
        yield choose(boxes, name=name, weights=weights)
        if name == "index":
            spec = GridSpec.of(survey(boxes))
            some = [None if weights is None else weights[rows] for rows in halves]
            yield BoxIndex.of([Shard(boxes[rows], spec, rows, weights=w) for rows, w in zip(halves, some, strict=True)])
            yield BoxIndex(np.resize(boxes[:1000], (LEAST, 2)), weights=None if weights is None else np.ones(LEAST))


def _use(engine: Engine, metric: Metric, update: Update) -> None:
    run = fastanchor.kmeans(engine, 5, metric=metric, update=update, init="k-means++", rng=0)
    _ = run.labels, run.counts, run.inertia  # computed on demand
    fastanchor.assign(engine, run.centers, metric=metric)
    for objective in ("ratio", "iou"):
        fastanchor.evolve(engine, run.centers, gen=20, rng=0, objective=objective)
    engine.total(run.centers, 0.25)  # used for near ties
    engine.profile(run.centers, 0.25, [1e3])
    few = engine.take(np.arange(2))
    fastanchor.wh_iou(few, run.centers)
    kernels.load().ratios(*few.T.copy(), *run.centers.T.copy(), 0.25)  # used by compat


def _use_large() -> None:
    """Open a saved index, and run k-means on indexes until its steps are late ones."""
    boxes = np.exp(np.random.default_rng(0).normal(4.0, 1.0, (2 * LATE, 2)))
    with tempfile.TemporaryDirectory() as folder:
        BoxIndex(boxes[:1000], weights=np.arange(1000)).save(f"{folder}/boxes.index")
        BoxIndex.open(f"{folder}/boxes.index")  # adds up the weights of cells
    compile_at_once()
    for sides in (boxes, boxes.astype(np.float32)):
        BoxIndex.from_batches([sides[:1000]], dtype="float32", keep_rows=False)
        kernels.part("grid").figures(sides[:1000], 2.0, 3.0)  # used for files larger than memory
    for index in (BoxIndex(boxes), BoxIndex.from_batches([boxes.astype(np.float32)], dtype="float32")):
        for update in get_args(Update):
            fastanchor.kmeans(index, 9, update=update, init=boxes[:9], max_iter=60)
        index.profile(boxes[:9], 0.25, [1e3])


def _use_places() -> None:
    box = Places(np.array([[0, 0, 9, 9]], np.float32), np.zeros(1, np.int64), np.array([[64.0, 64.0]]))
    for forced in ("every", "distinct"):
        at_places(box, Anchors([np.array([[8.0, 8.0]])], (8,), NOMINAL), Matching(0.5, 0.4, forced))
    fastanchor.anchors_for([[30.0, 40.0]], "detectron2-c4", sizes=[[32.0]], ratios=[1.0], progress=False)


def _engines(backend: str) -> list[EngineName]:
    return [name for name in ENGINES if name == "dense" or (name == "index" and backend == "numba")]


def _choice() -> dict[str, Any] | None:
    """Return where the backend of ``fastanchor anchors`` changes; None where there is no choice."""
    found = kernels.limit(work_of(9, N_INIT, 300, 1000), LARGE)
    if found is None:
        return None
    return {"numba_from": found[0], "seconds_until_ready": round(found[1].wait, 2), "compiles": found[1].compiles}


def _shown(choice: dict[str, Any] | None) -> str:
    if choice is None:
        return ""
    state = "have to be compiled" if choice["compiles"] else "are in the cache"
    return (
        f", and NumPy for small jobs: 9 anchors and 1,000 generations for fewer than {choice['numba_from']:,} boxes"
        f"\n           (kernels {state} and are ready after {choice['seconds_until_ready']:g} s; answers are the same)"
    )


def _cache_folder() -> str | None:
    stats = kernels.load("numba").fitness.stats
    return str(stats.cache_path) if stats.cache_path else None


def _version(name: str) -> str | None:
    try:
        return importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return None
