"""Options of the search for the best anchors: which are allowed, and the limit that no anchors exceed."""

from __future__ import annotations

import argparse
from typing import Any

import numpy as np

from fastanchor import export
from fastanchor._anchor_result import AnchorResult
from fastanchor._errors import DataError
from fastanchor._network import NetworkBoxes
from fastanchor._types import FloatArray
from fastanchor.cli import _scored, _values
from fastanchor.cli._configuration import Plan
from fastanchor.cli._words import Several
from fastanchor.levels import usual_counts
from fastanchor.optimum import BoundResult, Space, bound

__all__ = ["add", "certified", "shown", "space"]


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    group = parser.add_argument_group("which anchors are allowed (--method refine or global)")
    group.add_argument(
        "--keep",
        action=Several,
        belongs=_scored.of_anchors,
        metavar="W,H",
        help="anchors that stay as they are, as in 10,13 16,30; the others are found beside them",
    )
    group.add_argument("--least", metavar="PX|strides",
                       help="smallest side of an anchor, pixels; 'strides' for that of its level")  # fmt: skip
    group.add_argument("--multiple", type=_values.whole_number, metavar="M",
                       help="make all sides whole multiples of M pixels")  # fmt: skip
    group.add_argument("--certify", action="store_true",
                       help="compute a limit that no anchors exceed, and the gap to it (needs SciPy)")  # fmt: skip


def space(arguments: argparse.Namespace, plan: Plan) -> Space | None:
    """Return which anchors are allowed; None if no option says so."""
    if arguments.keep is None and arguments.least is None and arguments.multiple is None:
        return None
    least: Any = arguments.least
    if least == "strides":
        levels = plan.levels(np.ones((plan.n, 2))) or usual_counts(plan.n)
        least = [float(2**level) for level, count in levels for _ in range(count)]
    elif least is not None:
        try:
            least = float(least)
        except ValueError:
            raise DataError(f"--least = {least!r}: must be a number of pixels, or 'strides'") from None
    return Space(keep=_kept(arguments), least=least, multiple=arguments.multiple)


def _kept(arguments: argparse.Namespace) -> FloatArray | None:
    return None if arguments.keep is None else export.read(arguments.keep, name="keep").anchors


def certified(arguments: argparse.Namespace, ready: NetworkBoxes, result: AnchorResult) -> BoundResult | None:
    """Return the limit, if it is wanted."""
    if not arguments.certify:
        return None
    return bound(
        ready,
        len(result.anchors),
        objective=arguments.objective,
        thr=arguments.thr,
        anchors=result.anchors,
        keep=_kept(arguments),
        min_size=arguments.min_size,
    )


def shown(found: BoundResult | None) -> list[str]:
    """Return the lines about the limit."""
    if found is None:
        return []
    return [
        f"limit     no {len(found.anchors)} anchors exceed {found.bound:.5f} ({found.objective}) on these boxes;",
        f"          these reach {found.score:.5f}, {found.gap:.2%} below it",
    ]
