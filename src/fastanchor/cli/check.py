"""``fastanchor check``: how well given anchors serve a data set."""

from __future__ import annotations

import argparse

import numpy as np

import fastanchor
from fastanchor import _check, export, plot
from fastanchor._types import FloatArray
from fastanchor.cli import _common, _head
from fastanchor.given import read_anchors
from fastanchor.layers import Layer, layers, levels, remarks, unusual
from fastanchor.quality import AnchorCheck, check, network_wh

__all__ = ["add", "run"]

DESCRIPTION = """\
Score anchors that you have: from the command line, from the anchors block of a
YOLOv5 or YOLOv7 model YAML, from a Darknet cfg, or from JSON. With --min-bpr the
exit code is 1 if the best possible recall is below it, for use in scripts."""


def add(commands: _common.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "check",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _common.add_data(parser, optional=True)
    job = parser.add_argument_group("the job")
    job.add_argument("--anchors", nargs="+", required=True, metavar="ANCHORS",
                     help="as in 10,13 16,30, or a .yaml, .cfg or .json file that has them")  # fmt: skip
    _head.add_input(job, min_size=0.0)
    job.add_argument("--thr", type=float, default=0.25, help="ratio that counts as a match (default: 0.25)")
    job.add_argument("--min-bpr", type=float, metavar="BPR", help="exit code 1 if the recall is below this")
    _common.add_plot(job, "draw boxes and anchors")
    _common.add_force(job)
    _head.add_levels(parser)
    _common.add_output(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Score, and judge if asked to."""
    if arguments.min_bpr is not None:
        _check.number(arguments.min_bpr, "--min-bpr", low=0.0, high=1.0)
    if arguments.plot is not None:
        plot.check(arguments.plot, replace=arguments.force)
    anchors = read_anchors(arguments.anchors)
    boxes, read = _common.load(arguments)
    with _common.using_backend(arguments.backend):
        wh = network_wh(boxes, _head.img_size(arguments), arguments.fit, arguments.min_size)
        found = check(anchors, wh, thr=arguments.thr)
    asked = _head.chosen_split(arguments, found.anchors)
    own, said = _layout(arguments.anchors) if asked is None else ([], [])
    if own:
        heads, said = _own_heads(anchors, own, found)
    else:
        heads = layers(found.anchors, asked or levels(len(found.anchors)), found.counts)
        said += [] if asked else unusual(len(found.anchors))
    said += remarks(heads)
    if arguments.plot is not None:
        plot.checked(found, wh, heads, arguments.plot, replace=arguments.force)
    passed = arguments.min_bpr is None or found.bpr >= arguments.min_bpr
    if arguments.json:
        _common.emit_json(
            {
                **found.to_dict(),
                "levels": _head.level_rows(heads),
                "warnings": said,
                "img_size": arguments.img_size,
                "min_bpr": arguments.min_bpr,
                "passed": passed,
                "read": read,
                "skipped": dict(boxes.skipped),
                "version": fastanchor.__version__,
            }
        )
    else:
        lines = [_common.shown_summary(read, dict(boxes.skipped)), "", shown(found), "", _head.shown_levels(heads)]
        lines += [f"warning   {text}" for text in said]
        if arguments.min_bpr is not None:
            word = "passed" if passed else "FAILED"
            lines += ["", f"{word}    BPR {found.bpr:.5f}, asked for at least {arguments.min_bpr:g}"]
        _common.answer("\n".join(lines))
    return 0 if passed else 1


def _layout(given: list[str]) -> tuple[list[tuple[int, list[int]]], list[str]]:
    """Return the levels that the anchors' file tells, none of JSON and of numbers; and why it does not tell them."""
    text = " ".join(given)
    if not text.lower().endswith((".yaml", ".yml", ".cfg")):
        return [], []
    try:
        return export.layout(text), []
    except fastanchor.DataError as error:  # the anchors were read; only where they belong is not known
        return [], [f"{error}; the levels are the usual ones for so many anchors"]


def _own_heads(
    anchors: FloatArray, own: list[tuple[int, list[int]]], found: AnchorCheck
) -> tuple[list[Layer], list[str]]:
    """Return the levels as the anchors' own file has them, and what is odd about them."""
    place = np.empty(len(anchors), np.int64)
    place[np.argsort(anchors[:, 0] * anchors[:, 1], kind="stable")] = np.arange(len(anchors))
    beyond = [at for _, rows in own for at in rows if at >= len(anchors)]
    if beyond:
        raise fastanchor.DataError(f"mask: points to anchor {beyond[0]}, and there are {len(anchors)}, counted from 0")
    heads = []
    for level, rows in own:
        at = place[rows]
        heads.append(Layer(level, 2**level, found.anchors[at], float(found.counts[at].sum() / found.counts.sum())))
    unused = sorted(set(range(len(anchors))) - {at for _, rows in own for at in rows})
    return heads, [f"anchor {w:g} x {h:g} is on no level, but is scored" for w, h in anchors[unused].tolist()]


def shown(found: AnchorCheck) -> str:
    """Return the scores as text: over all boxes, by size of box, by anchor."""
    lines = [
        f"fitness   {found.fitness:.5f}",
        f"BPR       {found.bpr:.5f}   boxes with an anchor past thr = {found.thr:g}",
        f"past thr  {found.past_thr:.2f} anchors a box",
        f"mean IoU  {found.mean_iou:.5f}",
        f"ratio     {found.mean_ratio:.3f} over all anchors, {found.mean_best:.3f} with the best",
        "",
        "size        boxes   share  fitness      BPR  mean IoU",
    ]
    for name, count, fitness, bpr, mean_iou in found.sizes:
        share = count / found.boxes
        scores = "       -        -         -"
        if fitness is not None and bpr is not None and mean_iou is not None:
            scores = f"{fitness:>8.5f} {bpr:>8.5f}  {mean_iou:>8.5f}"
        lines.append(f"{name:<7} {count:>9,}  {share:6.1%} {scores}")
    lines += ["", "anchor                 boxes   share"]
    for (w, h), count in zip(found.anchors.tolist(), found.counts.tolist(), strict=True):
        lines.append(f"{w:>7.4g} x {h:<8.4g} {count:>9,}  {count / found.boxes:6.1%}")
    return "\n".join(lines)
