"""``fastanchor report``: one self-contained page."""

from __future__ import annotations

import argparse
import warnings

import fastanchor
from fastanchor import _check
from fastanchor._errors import DataError, SmallBoxWarning, SplitWarning
from fastanchor._output import check_output, is_stream, whole
from fastanchor._text import plain
from fastanchor.cli import _common, _head
from fastanchor.cli.sweep import numbers
from fastanchor.html_report import data_name, make, page
from fastanchor.plot import needed

__all__ = ["add", "run"]

DESCRIPTION = """\
Do the main job and write one HTML page about it: anchors by level, pictures,
scores by size of box, how many anchors pay, and text to paste. The page needs no
other file and no network."""


def add(commands: _common.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "report",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _common.add_data(parser, optional=True, training=True)
    job = parser.add_argument_group("the job")
    _common.add_out(job, "FILE.html", "the page", required=True)
    _common.add_force(job)
    _head.add_input(job)
    job.add_argument("--n", type=int, default=9, help="number of anchors (default: 9)")
    job.add_argument("--thr", type=float, default=0.25, help="ratio that counts as a match (default: 0.25)")
    job.add_argument("--gen", type=int, default=1000, help="generations of the search (default: 1000)")
    job.add_argument("--seed", type=int, default=0, help="same seed, same anchors (default: 0)")
    job.add_argument("--sweep", metavar="N-N", help="numbers of anchors of the curve, or none (default: 1-12)")
    _head.add_levels(parser)
    _common.add_output(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Write the page, and print its name."""
    if arguments.output.suffix.lower() not in (".html", ".htm") and not is_stream(arguments.output):
        raise DataError(f"{arguments.output}: must end in .html")
    check_output(arguments.output, replace=arguments.force)
    needed()
    asked = (
        None if arguments.sweep is None else [] if arguments.sweep == "none" else numbers(arguments.sweep, "--sweep")
    )
    made_for = _head.network(arguments)
    boxes, read = _common.load(arguments)
    with warnings.catch_warnings(), _common.using_backend(arguments.backend):
        warnings.simplefilter("ignore", SplitWarning)  # the line "read" shows them
        warnings.simplefilter("ignore", SmallBoxWarning)  # the page says it
        made = make(
            boxes,
            source=", ".join(map(data_name, arguments.data)) or read["source"],
            img_size=made_for.img_size,
            n=arguments.n,
            thr=arguments.thr,
            gen=arguments.gen,
            fit=made_for.fit,
            min_size=arguments.min_size,
            seed=_check.integer(arguments.seed, "--seed", least=0, most=_check.SEED_MOST),
            deal=lambda anchors: _head.chosen_split(arguments, anchors),
            sweep_n=asked,
            progress=False if arguments.quiet else None,
        )
    with whole(arguments.output, replace=arguments.force) as part:
        part.write_text(page(made), encoding="utf-8")
    if arguments.json:
        _common.emit_json(
            {
                "written": str(arguments.output),
                **made.result.to_dict(),
                "check": made.check.to_dict(),
                "levels": _head.level_rows(made.levels),
                "sweep": None if made.sweep is None else made.sweep.to_dict(),
                "seed": arguments.seed,
                "read": read,
                "skipped": dict(boxes.skipped),
                "version": fastanchor.__version__,
            }
        )
    else:
        _common.answer_beside(arguments, plain(str(arguments.output)))
    return 0
