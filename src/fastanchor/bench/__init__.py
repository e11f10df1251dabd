"""Check and time the stages of the job against other software: answers first, clocks after."""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np

from fastanchor._types import FloatArray
from fastanchor.bench import _rivals, _stages
from fastanchor.bench._contest import CONTENDERS, STAGES, Case, Unusable, contender, stage
from fastanchor.bench._machine import line, machine, processor, state, ticks
from fastanchor.bench._measure import Row, contest, fitted
from fastanchor.bench._ratio import Ratio, compared, paired, turns
from fastanchor.bench._stages import JOB
from fastanchor.engine._threads import thread_count

__all__ = [
    "CONTENDERS", "JOB", "STAGES", "Case", "Ratio", "Row", "Unusable", "absent", "boxes", "case", "compared",
    "contender", "fitted", "labels", "line", "machine", "paired", "processor", "rivals", "run", "stage", "state",
    "ticks", "turns",
]  # fmt: skip

_PARTS = (_stages, _rivals)  # importing them registers the stages and contenders


def boxes(n: int, seed: int = 0) -> FloatArray:
    """Return n log-normal box sizes within 2 to 640 pixels, (n, 2)."""
    rng = np.random.default_rng(seed)
    return np.exp(rng.normal([3.8, 3.7], [1.0, 1.0], (n, 2))).clip(2, 640)


def case(n: int, k: int, *, wh: FloatArray | None = None, threads: int | None = None, path: Path | None = None) -> Case:
    """Return the work of the benchmark: n boxes, made up unless given, and k of the first 2,000 to start from."""
    sizes = boxes(n) if wh is None else wh[:n]
    first = np.unique(sizes[:2000], axis=0)
    start = first[np.random.default_rng(0).choice(len(first), min(k, len(first)), replace=False)]
    return Case(np.ascontiguousarray(sizes), start, thread_count(threads), path)


def run(
    work: Case,
    stages: list[str],
    *,
    rounds: int = 63,
    limit: float = 10.0,
    memory: bool = False,
    remark: Callable[[str], object] = lambda text: None,
) -> Iterator[Row]:
    """Yield a row for each stage and contender; a wrong answer is reported and not timed.

    Parameters
    ----------
    work : Case
    stages : list of str
        Keys of ``STAGES``.
    rounds : int, default 63
        Most rounds in which contenders take turns with the first of their stage.
    limit : float, default 10
        Seconds of a single call at most; what would take longer is measured on fewer boxes.
    memory : bool
        Whether to measure each contender's memory in a process of its own.
    remark : callable
        Called with one sentence for each contender whose package is installed and cannot be imported.
    """
    for name in stages:
        if name == "reading" and work.path is None:
            with tempfile.TemporaryDirectory() as folder:
                labels(Path(folder))
                with_labels = replace(work, path=Path(folder), known={})
                yield from contest(name, with_labels, rounds=rounds, limit=limit, memory=False, remark=remark)
        else:
            yield from contest(name, work, rounds=rounds, limit=limit, memory=memory, remark=remark)


def labels(folder: Path, images: int = 2000) -> None:
    """Write Pascal VOC files, four boxes each."""
    rng = np.random.default_rng(0)
    item = (
        "<object><name>thing</name><difficult>0</difficult><bndbox><xmin>{}</xmin><ymin>{}</ymin><xmax>{}</xmax>"
        "<ymax>{}</ymax></bndbox></object>"
    )
    for i in range(images):
        corners = rng.integers(1, 400, (4, 2))
        ends = corners + rng.integers(2, 200, (4, 2))
        items = "\n  ".join(item.format(*low, *high) for low, high in zip(corners, ends, strict=True))
        size = "<size><width>640</width><height>640</height><depth>3</depth></size>"
        text = f"<annotation>\n  <filename>{i:06}.jpg</filename>\n  {size}\n  {items}\n</annotation>\n"
        (folder / f"{i:06}.xml").write_text(text, encoding="ascii")


def rivals() -> list[str]:
    """Return the packages of all contenders."""
    return list(dict.fromkeys(package for one in CONTENDERS for package in one.needs))


def absent() -> dict[str, list[str]]:
    """Return, for each package that is not installed, the contenders that need it."""
    hidden: dict[str, list[str]] = {}
    for one in CONTENDERS:
        for package in one.missing():
            hidden.setdefault(package, []).append(f"{one.name} ({one.stage})")
    return hidden
