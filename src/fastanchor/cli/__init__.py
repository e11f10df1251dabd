"""The command line. One file a command, each with ``add`` (its arguments) and ``run`` (its work)."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence

import fastanchor
from fastanchor._errors import FastanchorError
from fastanchor.cli import anchors, bench, check, convert, info, report, run, show, stats, sweep

__all__ = ["main"]

EPILOG = """\
examples:
  fastanchor anchors                            the main job on a built-in sample
  fastanchor anchors VOC2012 --img-size 416     nine anchors for your labels
  fastanchor anchors VOC2012 --n 6 --json       the same for a tiny network, as JSON
  fastanchor anchors VOC2012 --emit mmdet       the text for another detector
  fastanchor check VOC2012 --anchors model.yaml how well anchors that you have fit
  fastanchor sweep VOC2012 --n 1-15             how many anchors are worth it
  fastanchor report VOC2012 --out page.html     tables and pictures on one page
  fastanchor stats data.yaml                    what is in a data set, YOLO's here
  fastanchor convert instances.json b.parquet   its boxes as a table, COCO's here
  fastanchor show VOC2012 --out sheet.png       a look at the first images
  fastanchor run --patch yolov5 train.py ...    a training script with fastanchor inside

`fastanchor COMMAND --help` tells the rest. Answers go to stdout, progress to stderr.
Exit codes: 0 fine, 1 a check failed, 2 bad usage or data, 130 interrupted.
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line and return its exit code."""
    parser = argparse.ArgumentParser(
        prog="fastanchor",
        description="Anchor box shapes for object detectors, from your labels.",
        epilog=EPILOG,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action="version", version=f"fastanchor {fastanchor.__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND", required=True)
    for module in (anchors, check, sweep, report, stats, show, convert, run, info, bench):
        module.add(commands)
    arguments = parser.parse_args(argv)
    try:
        code = int(arguments.run(arguments))
        sys.stdout.flush()
        return code
    except FastanchorError as error:
        print(f"fastanchor: {error}", file=sys.stderr)  # noqa: T201  the command line speaks here
        return 2
    except KeyboardInterrupt:
        print("fastanchor: interrupted", file=sys.stderr)  # noqa: T201  as above
        return 130
    except BrokenPipeError:
        # the reader of stdout has left (`| head`): nothing to say, and nothing to flush at exit either
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
