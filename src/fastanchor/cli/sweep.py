"""Print the scores for several numbers of anchors, to see how many are worth it.

The scores are the mean IoU, the fitness and the best possible recall, with their 95 % confidence
intervals over images.
"""

from __future__ import annotations

import argparse

from fastanchor import plot
from fastanchor._sweep import sweep
from fastanchor._text import many
from fastanchor.cli import _answer, _data, _detector, _options
from fastanchor.cli._values import ranges

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    _data.add_data(parser, optional=True, training=True, indexed=True)
    _options.add(parser, "network input", sweep)
    numbers = {"type": ranges, "default": "1-15", "help": "numbers of anchors, as in 1-15 or 3,6,9"}
    search = _options.add(parser, "search", sweep, n=numbers, memory=None)
    search.add_argument("--certify", action="store_true",
                        help="compute the limit that no anchors exceed, for each number (needs SciPy)")  # fmt: skip
    _answer.add_output(parser, "plot", "force", "backend")


def run(arguments: argparse.Namespace) -> int:
    """Compute and print the curve."""
    network = _detector.network(arguments)
    search = _options.given(arguments, sweep, certify=arguments.certify, **network._asdict())
    data = _data.load(arguments)
    with _answer.computing(arguments):
        ready = _detector.ready(arguments, data.used, network)
        found = sweep(ready, **search)
    title = _detector.picture_title(_data.title(arguments, data), ready)
    _answer.draw(arguments, plot.swept, found, title)
    content = {**found.to_dict(), **_detector.input_row(ready), "thr": arguments.thr,
               "seed": arguments.rng}  # fmt: skip
    how = f"with {many(arguments.gen, 'generation')} of the search" if arguments.gen else "alone, without the search"
    lines = [*_detector.shown_input(ready, arguments.min_size), "", f"k-means {how}", found.to_text()]
    _answer.answer(arguments, content, lines, data)
    return 0
