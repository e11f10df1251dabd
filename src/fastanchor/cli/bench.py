"""Check the answers of all contenders, then time each stage of the job.

Contenders are plain NumPy, the loops that one writes first under @njit, other packages, and
fastanchor's engines; each takes turns with the first of its stage. One with a wrong answer is
shown and not timed; the exit code is 1 then.

  fastanchor bench --quick
  fastanchor bench --plot job.svg -o bench.html
  fastanchor bench --stages fitness,search --n 1e6 -o fitness.json
  fastanchor bench VOC2012 --k 3,9,32
"""

from __future__ import annotations

import argparse
import json
import logging
import os
from pathlib import Path
from typing import Any

from fastanchor import DataError, _check, bench
from fastanchor._output import check_output, whole
from fastanchor._progress import bar
from fastanchor.bench import _picture, _report
from fastanchor.cli import _answer, _data
from fastanchor.datasets import detect

__all__ = ["add", "run"]

LOG = logging.getLogger("fastanchor")
MEMORY_MOST = 1_000_000
PICTURE = (1_000, 10_000, 100_000, 1_000_000)  # boxes of the whole job in the picture


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    _data.add_data(parser, optional=True)
    group = parser.add_argument_group("the contest")
    group.add_argument("-n", "--n", default="1e5", metavar="N,N,...",
                       help="numbers of boxes, as in 1e4,1e6 (default: 1e5)")  # fmt: skip
    group.add_argument("--k", default="9", metavar="K,K,...", help="numbers of centres (default: 9)")
    group.add_argument("--stages", metavar="S,S,...",
                       help=f"beginnings of names, of: {'; '.join(bench.STAGES)} (default: all)")  # fmt: skip
    group.add_argument("--rounds", type=int, default=63, help="most rounds in which contenders take turns; fewer where "
                       "7 or more give an interval within 10 %% (default: 63)")  # fmt: skip
    group.add_argument("--limit", type=float, default=10.0,
                       help="longest call in seconds; slower contenders get fewer boxes (default: 10)")  # fmt: skip
    group.add_argument("--threads", type=int, help="for contenders that accept a number (default: all processors)")
    group.add_argument("--no-memory", action="store_true", help="do not measure memory, which needs more processes")
    group.add_argument("--quick", action="store_true", help="10,000 boxes, no memory: about a minute")
    group.add_argument("--markdown", action="store_true", help="print Markdown tables")
    _answer.add_output(
        parser,
        "plot",
        "force",
        output={"help": "write JSON, or an .html page, into OUT as well"},
    )


def run(arguments: argparse.Namespace) -> int:
    """Print the tables."""
    # several packages bring an OpenMP of their own; where their idle threads spin, all but one are slowed down tenfold
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    sizes, ks, stages = _contest(arguments)
    if arguments.output is not None:
        check_output(arguments.output, replace=arguments.force)
    for package, hides in bench.absent().items():
        LOG.info("%s is not installed; without it: %s", package, "; ".join(hides))
    wh = path = None
    began = bench.ticks()
    if arguments.data:
        wh = _data.load(arguments).boxes.wh
        sizes = sorted({min(n, len(wh)) for n in sizes})
        # what is compared in reading is Pascal VOC; for other data files are made up
        path = Path(arguments.data[0]) if len(arguments.data) == 1 and detect(arguments.data[0]) == "voc" else None
    rows: list[bench.Row] = []
    jobs = [(n, k, stages) for k in ks for n in sizes]
    if arguments.plot is not None:  # the picture has the whole job at several sizes
        more = [n for n in PICTURE if ks[0] <= n and (wh is None or n <= len(wh))]
        jobs += [(n, ks[0], [bench.JOB]) for n in more if n not in sizes or bench.JOB not in stages]
    rounds, limit = (31, 2.0) if arguments.quick else (arguments.rounds, arguments.limit)
    with bar(False if arguments.quiet else None, total=None, desc="bench", unit=" contenders") as moving:
        for i, (n, k, wanted) in enumerate(jobs):
            work = bench.case(n, k, wh=wh, threads=arguments.threads, path=path)
            if len(work.start) < k:
                raise DataError(f"--k = {k}: the data has fewer distinct sizes among its first 2,000 boxes")
            # once is enough, and at the largest size at which (n, k, 2) arrays are no burden
            weighed = max((size for size in sizes if size <= MEMORY_MOST), default=0)
            memory = n == weighed and k == ks[0] and not (arguments.quick or arguments.no_memory)
            # reading does not depend on n or k
            todo = [name for name in wanted if i == 0 or name != "reading"]
            for row in bench.run(work, todo, rounds=rounds, limit=limit, memory=memory, remark=LOG.info):
                rows.append(row)
                moving.update(1)
    order = list(bench.STAGES)
    facts = {**bench.machine(bench.rivals()), "state": bench.state(began)}
    _show(arguments, sorted(rows, key=lambda row: order.index(row.stage)), sizes, ks, facts)
    return 1 if any(row.wrong for row in rows) else 0


def _show(
    arguments: argparse.Namespace, rows: list[bench.Row], sizes: list[int], ks: list[int], facts: dict[str, Any]
) -> None:
    content = {"n": sizes, "k": ks, "machine": facts, "absent": bench.absent(), "rows": [row.plain() for row in rows]}
    lines = _picture.job_lines(rows)
    if arguments.plot is not None:
        caption = bench.line(facts).partition(";")[0]
        _picture.save(_picture.whole_job(lines, caption), arguments.plot, replace=arguments.force)
    if arguments.output is not None:
        if arguments.output.suffix.lower() in (".html", ".htm"):
            written = _report.page(rows, facts, _picture.drawn(lines))
        else:
            written = json.dumps(content, indent=2) + "\n"
        with whole(arguments.output, replace=arguments.force) as part:
            part.write_text(written, encoding="utf-8")
    _answer.answer(arguments, content, [(_report.markdown if arguments.markdown else _report.text)(rows, facts)])


def _contest(arguments: argparse.Namespace) -> tuple[list[int], list[int], list[str]]:
    sizes = _whole_numbers("10000" if arguments.quick else arguments.n, "--n", 1_000_000_000)
    ks = _whole_numbers(arguments.k, "--k", 1000)
    arguments.rounds = _check.integer(arguments.rounds, "--rounds", least=1)
    arguments.limit = _check.number(arguments.limit, "--limit", low=0.0, open_low=True)
    if arguments.threads is not None:
        arguments.threads = _check.integer(arguments.threads, "--threads", least=1)
    if max(ks) > min(sizes):
        raise DataError(f"--k = {max(ks)}: must be at most --n = {min(sizes)}")
    if arguments.stages is None:
        return sizes, ks, list(bench.STAGES)
    stages = []
    for word in arguments.stages.split(","):
        matches = [name for name in bench.STAGES if name.startswith(word.strip())]
        if not matches or not word.strip():
            raise DataError(f"--stages = {word!r}: no stage begins with it; stages: {'; '.join(bench.STAGES)}")
        stages += [name for name in matches if name not in stages]
    return sizes, ks, sorted(stages, key=list(bench.STAGES).index)


def _whole_numbers(text: str, name: str, most: int) -> list[int]:
    numbers = set()
    for word in text.split(","):
        try:
            value: float | str = float(word)
        except ValueError:
            value = word
        value = _check.number(value, name, low=1.0, high=most)
        if value != int(value):
            raise DataError(f"{name} = {word}: must be a whole number")
        numbers.add(int(value))
    return sorted(numbers)
