"""``fastanchor anchors``: the main job."""

from __future__ import annotations

import argparse
import warnings
from pathlib import Path
from typing import Any

import fastanchor
from fastanchor import Boxes, plot
from fastanchor._errors import SmallBoxWarning
from fastanchor._types import FloatArray
from fastanchor.anchors import AnchorResult, auto_anchor
from fastanchor.cli import _common
from fastanchor.cluster import INITS, UPDATES
from fastanchor.engine import ENGINES, METRICS

__all__ = ["add", "run"]

DESCRIPTION = """\
Read labels, cluster the box sizes, improve the anchors by a genetic search, and
print them ready to paste. Without DATA a built-in sample is used."""


def add(commands: _common.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "anchors",
        help="anchors for a data set (the main job)",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _common.add_data(parser, optional=True)
    job = parser.add_argument_group("the job")
    job.add_argument(
        "--img-size", "--imgsz", "--img", nargs="+", type=int, default=[640], metavar="PX",
        help="network input, one side or width and height (default: 640)",
    )  # fmt: skip
    job.add_argument("--n", type=int, default=9, help="number of anchors (default: 9)")
    job.add_argument("--thr", type=float, default=0.25, help="ratio that counts as a match (default: 0.25)")
    job.add_argument("--gen", type=int, default=1000, help="generations of the search (default: 1000)")
    job.add_argument("--fit", choices=("letterbox", "stretch"), default="letterbox", help="how images are resized")
    job.add_argument("--min-size", type=float, default=2.0, metavar="PX",
                     help="leave out boxes without a side of at least this (default: 2)")  # fmt: skip
    job.add_argument("--metric", choices=METRICS, default="iou", help="distance of k-means (default: iou)")
    job.add_argument("--update", choices=UPDATES, default="median", help="centres move to (default: median)")
    job.add_argument("--init", choices=INITS, default="random", help="start of k-means (default: random)")
    job.add_argument("--n-init", type=int, default=1, help="starts to try (default: 1)")
    job.add_argument("--seed", type=int, default=0, help="same seed, same anchors (default: 0)")
    job.add_argument("--engine", choices=ENGINES, default="auto", help="never changes the answer (default: auto)")
    job.add_argument("--threads", type=int, help="never changes the answer (default: all processors)")
    job.add_argument("--plot", type=Path, metavar="FILE", help="draw boxes and anchors (PNG, SVG or PDF)")
    _common.add_output(parser)
    parser.set_defaults(run=run)


def run(arguments: argparse.Namespace) -> int:
    """Do the main job."""
    if arguments.plot is not None:
        plot.check(arguments.plot)
    boxes, read = _common.load(arguments)
    size = arguments.img_size[0] if len(arguments.img_size) == 1 else arguments.img_size
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
            rng=_seed(arguments.seed),
            metric=arguments.metric,
            update=arguments.update,
            init=arguments.init,
            n_init=arguments.n_init,
            engine=arguments.engine,
            threads=arguments.threads,
            progress=False if arguments.quiet else None,
        )
    if arguments.plot is not None:
        plot.anchors(result, _network_wh(boxes, size, arguments.fit), arguments.plot)
    if arguments.json:
        _common.emit_json(_as_json(result, read, dict(boxes.skipped), arguments))
    else:
        _print(result, read, dict(boxes.skipped), arguments)
    return 0


def _seed(seed: int) -> int:
    if seed < 0:
        raise fastanchor.DataError(f"--seed = {seed}: must be at least 0")
    return seed


def _network_wh(boxes: Boxes, size: Any, fit: str) -> FloatArray:
    return boxes.wh if boxes.image_wh is None else boxes.scaled(size, fit=fit)


def _as_json(
    result: AnchorResult, read: dict[str, Any], skipped: dict[str, int], arguments: argparse.Namespace
) -> dict[str, Any]:
    return {
        **result.to_dict(),
        "img_size": arguments.img_size,
        "thr": arguments.thr,
        "seed": arguments.seed,
        "read": read,
        "skipped": skipped,
        "version": fastanchor.__version__,
    }


def _print(result: AnchorResult, read: dict[str, Any], skipped: dict[str, int], arguments: argparse.Namespace) -> None:
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
        "# YOLOv5 / YOLOv7 model YAML",
        result.to_yolov5(),
        "",
        "# Darknet cfg",
        result.to_darknet(),
    ]
    print("\n".join(lines))  # noqa: T201  the answer


def _pairs(anchors: list[list[float]]) -> str:
    return "  ".join(f"{w:.4g} x {h:.4g}" for w, h in anchors)


def _score(fitness: float, bpr: float, mean_iou: float) -> str:
    return f"  fitness {fitness:.5f}   BPR {bpr:.5f}   mean IoU {mean_iou:.5f}"
