"""``fastanchor sweep``: how many anchors."""

from __future__ import annotations

import argparse
import re

import fastanchor
from fastanchor import DataError, _check, plot
from fastanchor._network import to_network_input
from fastanchor._sweep import sweep
from fastanchor._text import many
from fastanchor.cli import _common, _head
from fastanchor.cli._values import whole
from fastanchor.engine import ENGINES
from fastanchor.starts import N_INIT

__all__ = ["add", "numbers", "run"]

MOST, LARGEST = 100, 9999

DESCRIPTION = """\
Mean IoU, fitness and best possible recall over the number of anchors, to see
where more of them stop paying. The boxes are sorted once for all numbers."""


def add(commands: _common.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "sweep",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _common.add_data(parser, optional=True, training=True)
    job = parser.add_argument_group("the job")
    job.add_argument("--n", default="1-15", help="numbers of anchors, as in 1-15 or 3,6,9 (default: 1-15)")
    _head.add_input(job)
    job.add_argument("--thr", type=float, default=0.25, help="ratio that counts as a match (default: 0.25)")
    _head.add_objective(job)
    job.add_argument("--gen", type=int, default=0, help="generations of the search after k-means (default: 0)")
    job.add_argument("--n-init", type=int, default=N_INIT, help=f"starts of k-means to try (default: {N_INIT})")
    job.add_argument("--seed", type=int, default=0, help="same seed, same anchors (default: 0)")
    job.add_argument("--engine", choices=ENGINES, default="auto", help="never changes the answer (default: auto)")
    job.add_argument("--threads", type=int, help="never changes the answer (default: all processors)")
    _common.add_plot(job, "draw the curve")
    _common.add_force(job)
    _common.add_output(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Print the curve."""
    if arguments.plot is not None:
        plot.check(arguments.plot, replace=arguments.force)
    asked = numbers(arguments.n)
    made_for = _head.network(arguments)
    boxes, read = _common.load(arguments)
    ready = to_network_input(boxes, made_for.img_size, made_for.fit, arguments.min_size)
    with _common.using_backend(arguments.backend):
        found = sweep(
            ready,
            asked,
            thr=arguments.thr,
            gen=arguments.gen,
            rng=_check.integer(arguments.seed, "--seed", least=0, most=_check.SEED_MOST),
            n_init=arguments.n_init,
            engine=arguments.engine,
            threads=arguments.threads,
            progress=False if arguments.quiet else None,
            objective=arguments.objective,
        )
    if arguments.plot is not None:
        plot.save(plot.swept(found), arguments.plot, replace=arguments.force)
        _common.wrote(arguments, arguments.plot)
    if arguments.json:
        rest = {
            **_head.input_row(boxes, made_for),
            "thr": arguments.thr,
            "objective": arguments.objective,
            "seed": arguments.seed,
            "read": read,
        }
        rest |= {"n_small": ready.n_small, "n_filtered": ready.n_filtered}
        tail = {"skipped": dict(boxes.skipped), "version": fastanchor.__version__}
        _common.emit_json({**found.to_dict(), **rest, **tail})
        return 0
    lines = [_common.shown_summary(read, dict(boxes.skipped)), _head.shown_input(_head.used(boxes, made_for))]
    how = f"with {many(arguments.gen, 'generation')} of the search" if arguments.gen else "alone, without the search"
    lines += _head.shown_small(ready.n_small, ready.n_filtered, arguments.min_size)
    lines += ["", f"k-means {how}", "  n  mean IoU  fitness      BPR"]
    for n, iou, fitness, bpr in zip(found.n, found.mean_iou, found.fitness, found.bpr, strict=True):
        lines.append(f"{n:>3}   {iou:.5f}  {fitness:.5f}  {bpr:.5f}")
    _common.answer("\n".join(lines))
    return 0


def numbers(text: str, name: str = "--n") -> list[int]:
    """Return the numbers that a text like ``1-15`` or ``3,6,9-12`` names.

    Raises
    ------
    DataError
        If it names none, more than 100, or one that is 0 or above 9,999.

    Examples
    --------
    >>> numbers("3,6-8")
    [3, 6, 7, 8]
    """
    found: list[int] = []
    rule = f"must name 1 to {MOST} numbers, each at least 1 and at most {LARGEST:,}"
    for part in text.split(","):
        match = re.fullmatch(r"\s*(\d+)(?:-(\d+))?\s*", part)
        if match is None:
            raise DataError(f"{name} = {_check.short(text)}: must be numbers or ranges, as in 1-15 or 3,6,9")
        low = whole(match[1])
        high = whole(match[2]) if match[2] else low
        if low < 1 or high > LARGEST or high - low + len(found) >= MOST:
            raise DataError(f"{name} = {_check.short(text)}: {rule}")
        found += range(low, high + 1)
    if not found:
        raise DataError(f"{name} = {_check.short(text)}: {rule}")
    return found
