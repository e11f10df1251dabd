"""Print versions, backend, cache folder and what the optional packages are for."""

from __future__ import annotations

import argparse
import importlib.metadata
import itertools
import os
import platform
from collections.abc import Iterable
from typing import Any, get_args

import numpy as np

import fastanchor
from fastanchor import kernels
from fastanchor._progress import track
from fastanchor._types import EngineName, FloatArray, Metric, Update
from fastanchor.cli import _answer
from fastanchor.engine import ENGINES, LARGE, METRICS, choose
from fastanchor.engine._order_statistics import PRESORT
from fastanchor.engine._threads import thread_count
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
    boxes = np.random.default_rng(0).uniform(4, 400, (PRESORT + 1, 2))
    jobs = list(itertools.product(_engines(kernels.current()), METRICS, get_args(Update)))
    with fastanchor.backend(kernels.current()):  # not the one that suits so little work
        _run_all(boxes, track(jobs, False if quiet else None, total=len(jobs), desc="compiling", unit=" jobs"))


def _run_all(boxes: FloatArray, jobs: Iterable[tuple[EngineName, Metric, Update]]) -> None:
    for engine, metric, update in jobs:
        run = fastanchor.kmeans(boxes, 5, metric=metric, update=update, init="k-means++", rng=0, engine=engine)
        _ = run.labels, run.counts, run.inertia  # computed on demand
        fastanchor.assign(boxes, run.centers, metric=metric)
        fastanchor.evolve(boxes, run.centers, gen=20, rng=0, engine=engine)
        choose(boxes, name=engine).total(run.centers, 0.25)  # used for near ties
        if metric == "iou":
            weights = np.arange(len(boxes))
            fastanchor.kmeans(boxes, 5, update=update, init="k-means++", rng=0, engine=engine, weights=weights)
            fastanchor.evolve(boxes, run.centers, gen=20, rng=0, engine=engine, weights=weights)
    fastanchor.wh_iou(boxes, boxes[:5])


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
