"""What every command does around its work: the output options, the backend, and the answer as text or JSON."""

from __future__ import annotations

import argparse
import contextlib
import logging
import time
import warnings
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import fastanchor
from fastanchor import plot
from fastanchor._errors import SmallBoxWarning, SplitWarning
from fastanchor._network import NetworkBoxes
from fastanchor._output import is_stdout
from fastanchor.cli import _options
from fastanchor.cli._data import Data
from fastanchor.cli._speak import emit_json, print_text

__all__ = ["add_output", "answer", "computing", "draw"]

LOG = logging.getLogger("fastanchor")


def add_output(parser: argparse.ArgumentParser, *names: str, **changes: Any) -> None:
    """Add ``--json``, ``--quiet``, ``--verbose`` and other options of output."""
    _options.add(parser, "output", None, *names, "json", "quiet", "verbose", **changes)


def answer(
    arguments: argparse.Namespace, content: dict[str, Any], text: Sequence[str], data: Data | None = None
) -> None:
    """Print the answer: `content` as JSON, or lines of text; nothing if ``--output`` is standard output."""
    if arguments.json:
        read = {} if data is None else {"read": data.read, "skipped": data.skipped}
        emit_json({**content, **read, "version": fastanchor.__version__})
        return
    output = getattr(arguments, "output", None)
    if output is None or not is_stdout(output):
        print_text("\n".join(text if data is None else [data.to_text(), *text]))
    elif data is not None:
        data.log()


@contextlib.contextmanager
def computing(arguments: argparse.Namespace) -> Iterator[None]:
    """Compute on the chosen backend; what the answer says itself is not warned of."""
    name, start = arguments.backend, time.perf_counter()
    with warnings.catch_warnings(), contextlib.nullcontext() if name is None else fastanchor.backend(name):
        for category in (SplitWarning, SmallBoxWarning):
            warnings.simplefilter("ignore", category)
        yield
    LOG.debug("computed in %.2f s", time.perf_counter() - start)


def draw(arguments: argparse.Namespace, picture: Callable[..., Any], *content: Any) -> None:
    """Draw the picture of ``--plot``, if it is given; only then boxes become an array, which may be too large."""
    if arguments.plot is not None:
        shown = [one.wh if isinstance(one, NetworkBoxes) else one for one in content]
        plot.save(picture(*shown), arguments.plot, replace=arguments.force)
        LOG.info("wrote %s", arguments.plot)
