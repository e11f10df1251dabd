"""``fastanchor bench``: check the answers, then show the times."""

from __future__ import annotations

import argparse
import importlib.metadata
import platform
from typing import Any

import fastanchor
from fastanchor import _check, bench, kernels
from fastanchor.cli import _common
from fastanchor.engine._pool import thread_count

__all__ = ["add", "run"]

DESCRIPTION = """\
Check fastanchor's answers against plain NumPy and scikit-learn, then time each
stage. A contender with a wrong answer is shown and not timed; exit code 1 then."""


def add(commands: _common.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "bench",
        help="check answers and time them against NumPy and scikit-learn",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--n", type=float, default=1e5, help="number of boxes, as in 1e6 (default: 1e5)")
    parser.add_argument("--k", type=int, default=9, help="number of centres (default: 9)")
    parser.add_argument("--rounds", type=int, default=5, help="timed calls, of which the median is shown (default: 5)")
    parser.add_argument("--threads", type=int, help="of the compiled kernels (default: all processors)")
    _common.add_json(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the table."""
    n = int(_check.number(arguments.n, "--n", low=1.0, high=1e9))
    if n != arguments.n:
        raise fastanchor.DataError(f"--n = {arguments.n}: must be a whole number")
    k = _check.integer(arguments.k, "--k", least=1)
    if k > n:
        raise fastanchor.DataError(f"--k = {k}: must be at most --n = {n}")
    _check.integer(arguments.rounds, "--rounds", least=1)
    if arguments.threads is not None:
        _check.integer(arguments.threads, "--threads", least=1)
    absent = _absent()
    for text in absent:
        _common.say(text)
    rows = []
    with _common.bar(None, total=None, desc="bench", unit=" rows") as moving:
        for row in bench.run(bench.boxes(n), k, rounds=arguments.rounds, threads=arguments.threads):
            rows.append(row)
            moving.update(1)
    if arguments.json:
        _common.emit_json(
            {"n": n, "k": k, "machine": _machine(), "absent": absent, "rows": [r._asdict() for r in rows]}
        )
    else:
        _print(rows, n, k)
    return 1 if any(row.seconds is None for row in rows) else 0


def _absent() -> list[str]:
    texts = []
    if not kernels.installed():
        texts.append("numba is not installed: no compiled kernels in the table")
    if not bench.has_sklearn():
        texts.append(
            "scikit-learn is not installed: k-means is not checked against it; pip install 'fastanchor[bench]'"
        )
    return texts


def _machine() -> dict[str, Any]:
    names = ["numpy", *(["numba"] if kernels.installed() else []), *(["scikit-learn"] if bench.has_sklearn() else [])]
    versions = {name: importlib.metadata.version(name) for name in names}
    return {
        "processor": bench.processor(),
        "cores": thread_count(None),
        "system": platform.system(),
        "python": platform.python_version(),
        "fastanchor": fastanchor.__version__,
        **versions,
    }


def _print(rows: list[bench.Row], n: int, k: int) -> None:
    machine = ", ".join(f"{name} {value}" for name, value in _machine().items())
    lines = [f"{n:,} boxes, {k} centres; {machine}", ""]
    width = max(len(row.contender) for row in rows)
    stage, referent = "", 0.0
    for row in rows:
        if row.stage != stage:
            stage, referent = row.stage, 0.0
            lines.append(f"{stage:<{width + 2}}{'ns/box':>10}{'times as fast':>15}   answer")
        if row.seconds is None:
            lines.append(f"  {row.contender:<{width}}{'-':>10}{'-':>15}   {row.checked}")
            continue
        each = row.seconds / row.boxes * 1e9
        referent = referent or each
        on = "" if row.boxes == n else f" (on {row.boxes:,} boxes)"
        lines.append(f"  {row.contender:<{width}}{each:>10.2f}{referent / each:>14.1f}x   {row.checked}{on}")
    lines += ["", "ns/box: median time per box. Times as fast: against the first line of the stage."]
    print("\n".join(lines))  # noqa: T201  the answer
