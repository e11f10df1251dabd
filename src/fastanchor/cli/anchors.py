"""``fastanchor anchors``: the main job."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import Any

import numpy as np

import fastanchor
from fastanchor import _check, export, plot
from fastanchor._errors import SmallBoxWarning
from fastanchor._output import check_output, whole
from fastanchor.anchors import AnchorResult, auto_anchor
from fastanchor.cli import _common, _head
from fastanchor.cluster import INITS, UPDATES
from fastanchor.engine import ENGINES, METRICS
from fastanchor.layers import Layer, Split, equal, layers, remarks, unusual
from fastanchor.quality import best_served, network_wh

__all__ = ["add", "run"]

DESCRIPTION = """\
Read labels, cluster the box sizes, improve the anchors by a genetic search, and
print them ready to paste. Without DATA a built-in sample is used."""


def add(commands: _common.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "anchors",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _common.add_data(parser, optional=True)
    job = parser.add_argument_group("the job")
    _head.add_input(job, min_size=2.0)
    job.add_argument("--n", type=int, default=9, help="number of anchors (default: 9)")
    job.add_argument("--thr", type=float, default=0.25, help="ratio that counts as a match (default: 0.25)")
    job.add_argument("--gen", type=int, default=1000, help="generations of the search (default: 1000)")
    job.add_argument("--metric", choices=METRICS, default="iou", help="distance of k-means (default: iou)")
    job.add_argument("--update", choices=UPDATES, default="median", help="centres move to (default: median)")
    job.add_argument("--init", choices=INITS, default="random", help="start of k-means (default: random)")
    job.add_argument("--n-init", type=int, default=1, help="starts to try (default: 1)")
    job.add_argument("--seed", type=int, default=0, help="same seed, same anchors (default: 0)")
    job.add_argument("--engine", choices=ENGINES, default="auto", help="never changes the answer (default: auto)")
    job.add_argument("--threads", type=int, help="never changes the answer (default: all processors)")
    _common.add_plot(job, "draw boxes and anchors")
    _head.add_levels(parser)
    text = parser.add_argument_group("text for a configuration")
    text.add_argument("--emit", choices=tuple(export.FORMATS), help="print the anchors in this format and nothing else")
    text.add_argument("--edit", type=Path, metavar="FILE",
                      help="print this model .yaml or Darknet .cfg with the anchors put in")  # fmt: skip
    _common.add_out(text, "OUT", "write that text here (default: stdout)")
    _common.add_force(text)
    _common.add_output(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do the main job."""
    if arguments.plot is not None:
        plot.check(arguments.plot, replace=arguments.force)
    _check_text(arguments)
    boxes, read = _common.load(arguments)
    size = _head.img_size(arguments)
    with warnings.catch_warnings(), _common.using_backend(arguments.backend):
        warnings.simplefilter("ignore", SmallBoxWarning)  # its count is printed with the answer
        result = auto_anchor(
            boxes,
            img_size=size,
            n=arguments.n,
            thr=arguments.thr,
            gen=arguments.gen,
            fit=arguments.fit,
            min_size=arguments.min_size,
            rng=_check.integer(arguments.seed, "--seed", least=0, most=_check.SEED_MOST),
            metric=arguments.metric,
            update=arguments.update,
            init=arguments.init,
            n_init=arguments.n_init,
            engine=arguments.engine,
            threads=arguments.threads,
            progress=False if arguments.quiet else None,
        )
    wh = network_wh(boxes, size, arguments.fit, arguments.min_size)
    asked = _head.chosen_split(arguments, result.anchors)
    own = export.levels_in(arguments.edit) if arguments.edit is not None and asked is None else ()
    if own:
        asked = equal(len(result.anchors), own)
    counts = np.bincount(best_served(wh, result.anchors)[0], minlength=len(result.anchors))
    parts = asked or export.usual_levels(arguments.emit, len(result.anchors))
    heads = layers(result.anchors, parts, counts)
    said = [*([] if asked else unusual(len(result.anchors))), *remarks(heads)]
    if arguments.plot is not None:
        plot.anchors(result, wh, arguments.plot, levels=heads, thr=arguments.thr, replace=arguments.force)
    text = _text(result, asked, arguments)
    if text is not None and arguments.output is not None:
        with whole(arguments.output, replace=arguments.force) as part:
            part.write_bytes(text.encode())
    if arguments.json:
        rest = {} if text is None else {"text": text}
        _common.emit_json({**_as_json(result, heads, said, read, dict(boxes.skipped), arguments), **rest})
    elif text is None or arguments.output is not None:
        _print(result, heads, said, read, dict(boxes.skipped), arguments)
    else:
        _common.answer_exactly(text)
    if not arguments.quiet and not arguments.json and text is not None:
        for remark in said:
            _common.say(f"warning: {remark}")
    return 0


def _check_text(arguments: argparse.Namespace) -> None:
    if arguments.emit is not None and arguments.edit is not None:
        raise fastanchor.DataError("--emit and --edit: only one of them can be given")
    if arguments.output is not None and arguments.emit is None and arguments.edit is None:
        raise fastanchor.DataError("--output: needs --emit FORMAT or --edit FILE, which say what to write")
    if arguments.output is not None:
        check_output(arguments.output, replace=arguments.force)
    _check.integer(arguments.n, "n", least=1)
    # what can be wrong with the levels and the file is said before the work, not after it; but for levels by stride,
    # which depend on the anchors
    stand_in = np.ones((arguments.n, 2))
    asked = None if arguments.by == "stride" else _head.chosen_split(arguments, stand_in)
    if arguments.edit is not None:
        export.edit(arguments.edit, stand_in, asked)
    elif arguments.emit is not None:
        export.emit(stand_in, arguments.emit, asked)


def _text(result: AnchorResult, asked: Split | None, arguments: argparse.Namespace) -> str | None:
    if arguments.edit is not None:
        return result.edited(arguments.edit, asked)
    if arguments.emit is None:
        return None
    return export.emit(result.anchors, arguments.emit, asked) + "\n"


def _as_json(
    result: AnchorResult,
    heads: list[Layer],
    said: list[str],
    read: dict[str, Any],
    skipped: dict[str, int],
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    return {
        **result.to_dict(),
        "levels": _head.level_rows(heads),
        "warnings": said,
        "img_size": arguments.img_size,
        "thr": arguments.thr,
        "seed": arguments.seed,
        "read": read,
        "skipped": skipped,
        "version": fastanchor.__version__,
    }


def _print(
    result: AnchorResult,
    heads: list[Layer],
    said: list[str],
    read: dict[str, Any],
    skipped: dict[str, int],
    arguments: argparse.Namespace,
) -> None:
    clusters = result.kmeans
    size = " x ".join(map(str, arguments.img_size))
    lines = [_common.shown_summary(read, skipped)]
    if result.small:
        lines.append(f"warning   {result.small:,} boxes have a side < 3 pixels at {size}")
    if result.dropped:
        lines.append(f"left out  {result.dropped:,} boxes without a side >= {arguments.min_size:g} pixels at {size}")
    begun = result.to_dict()["kmeans"]
    lines += [
        "",
        f"k-means   {clusters.n_iter} updates, {clusters.stop}",
        f"  anchors {_pairs(begun['anchors'])}",
        _score(begun["fitness"], begun["bpr"], begun["mean_iou"]),
        f"evolved   {len(result.evolve.history) - 1} generations, {result.evolve.accepted} of them fitter",
        f"  anchors {_pairs(result.anchors.tolist())}",
        _score(result.fitness, result.bpr, result.mean_iou),
        "",
        _head.shown_levels(heads),
        *(f"warning   {text}" for text in said),
    ]
    parts = [(layer.level, len(layer.anchors)) for layer in heads]
    if len({count for _, count in parts}) == 1:
        lines += ["", "# YOLOv5 / YOLOv7 model YAML", result.to_yolov5(parts)]
    lines += ["", "# Darknet cfg", result.to_darknet()]
    _common.answer("\n".join(lines))


def _pairs(anchors: list[list[float]]) -> str:
    return "  ".join(f"{w:.4g} x {h:.4g}" for w, h in anchors)


def _score(fitness: float, bpr: float, mean_iou: float) -> str:
    return f"  fitness {fitness:.5f}   BPR {bpr:.5f}   mean IoU {mean_iou:.5f}"
