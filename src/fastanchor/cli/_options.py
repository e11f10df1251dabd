"""The options that commands share. An option is named after the parameter of the function that receives its value.

A group of :data:`OPTIONS` is added for a function: the options whose names are its parameters, with the types, choices
and defaults of its signature. :func:`given` returns them to the function. So a new parameter needs one line here.
"""

from __future__ import annotations

import argparse
import inspect
from collections.abc import Callable, Mapping
from types import UnionType
from typing import Any, Literal, NamedTuple, Union, get_args, get_origin, get_type_hints

from fastanchor import _check, kernels
from fastanchor.cli._values import SIZE, file, least, memory, of_size, pair, size
from fastanchor.cli._words import Every, Several
from fastanchor.datasets import FORMATS, FORMS, TURNED, UNITS
from fastanchor.detectors import PLACED

__all__ = ["add", "given"]


class Option(NamedTuple):
    """How an option is written and described."""

    help: str
    flags: tuple[str, ...] = ()  # default: the name of the parameter
    unset: str = ""  # what a default of None means
    rest: Mapping[str, Any] = {}  # arguments of add_argument() in place of those from the signature


def option(text: str, *flags: str, unset: str = "", **rest: Any) -> Option:
    """Return an option."""
    return Option(text, flags, unset, rest)


FLAG: dict[str, Any] = {"action": "store_true", "default": False}
SEVERAL: dict[str, Any] = {"action": Several, "belongs": of_size, "type": size, "metavar": "SIZE"}

OPTIONS = {
    "reading": {
        "format": option(
            f"format of DATA: {', '.join(sorted(FORMATS))}", choices=("auto", *sorted(FORMATS)), metavar="FORMAT"
        ),
        "split": option(
            "splits to read: train, val, test or others that the data set declares, joined by +; or all", unset="all"
        ),
        "images": option("folder of the images, if they are not beside the labels", metavar="DIR"),
        "source_size": option(
            f"size of images that are missing, for labels without it; pixels, as in {SIZE}", **SEVERAL
        ),
        "size_cache": option("keep the sizes read from images in FILE for the next time", metavar="FILE"),
        "crowd": option("keep crowds (COCO: iscrowd, Open Images: IsGroupOf)"),
        "unit": option("unit of the coordinates", choices=UNITS, unset="that of the format"),
        "form": option("meaning of the four numbers of a box", choices=FORMS, unset="that of the format"),
        "rows": option("content of YOLO rows: box, polygon, keypoints, keypoints:5x2", metavar="KIND"),
        "turned": option("read turned boxes as their upright extents, or leave them out", choices=TURNED),
        "columns": option(
            "columns of a table that contain the boxes: width and height, or four as in --form",
            metavar="W,H", type=lambda text: tuple(name.strip() for name in text.split(",")),
        ),
        "weight": option(
            "column of a table that contains how often each box counts", metavar="COLUMN",
            unset="box_weight, if the table has it",
        ),
        "places": option(
            "leave out the positions of boxes, which show, convert and check --for use", "--no-places",
            action="store_false",
        ),
        "classes": option(
            "only boxes of this class; repeat it for several", "--class", action=Every, metavar="NAME",
        ),
        "exclude": option("leave out the boxes of this class; repeat it for several", action=Every, metavar="NAME"),
        "min_area": option("leave out boxes with a smaller area, pixels of the image", type=least, metavar="AREA"),
        "balance": option("let all classes, or all images, count the same in total", choices=("class", "image")),
        "strict": option("stop at the first thing that would be skipped, and if the labels may be misread"),
    },
    "network input": {
        "img_size": option(
            f"network input, pixels, as in {SIZE}", "--img-size", "--imgsz", "--img", **SEVERAL,
            default=None, unset="640, unless a configuration sets it",
        ),
        "fit": option("how images are resized", default=None, unset="as the detector does, else letterbox"),
        "min_size": option("leave out boxes without a side of at least this", metavar="PX"),
        "jitter": option(
            "count each box at 8 scales in this range, as training rescales images; 0.5,1.5 is YOLOv5's scale of 0.5",
            type=pair, metavar="LOW,HIGH", unset="no rescaling",
        ),
    },
    "search": {
        "n": option("number of anchors", "-n", "--n", unset="that of the configuration, else 9"),
        "thr": option("ratio that counts as a match; 0.25 is YOLOv5's anchor_t of 4"),
        "objective": option(
            "what the search maximises: ratio, recall, iou, 'iou>0.5' (mean IoU, boxes below count 0) "
            "or iou-recall@0.5 (share of boxes above), with any threshold; for sizes and ratios also "
            "placed (matches and IoU where the detector has its anchors)"
        ),
        "gen": option("generations of the search"),
        "method": option("k-means and genetic search, k-means and small steps, or exchange from many starts"),
        "patience": option("end after so many generations, or starts, without better anchors", unset="never"),
        "max_seconds": option("end the search after so long, with the best anchors so far", unset="never"),
        "metric": option("distance of k-means"),
        "update": option("how k-means moves its centres"),
        "init": option("start of k-means"),
        "n_init": option("starts of k-means to try"),
        "rng": option("same seed, same anchors", "--seed", type=int, default=0, metavar="SEED"),
        "engine": option("how boxes are compared; does not change the answer"),
        "threads": option("does not change the answer", unset="all processors"),
        "memory": option(
            "memory to use, as in 4GB; files of widths and heights that need more are sorted piece by piece, on disk",
            type=memory, metavar="BYTES", default=None, unset="half of what is free",
        ),
    },
    "detector": {
        "detector": option("compute what this detector takes; see `fastanchor detectors`", "--for", metavar="NAME"),
        "sizes": option(
            "number of sizes of each level, or sizes that stay, a list for each level as in '16,20 32,40'",
            unset="as the detector has", type=str, metavar="N|LIST",
        ),
        "ratios": option(
            "number of ratios, or ratios that stay, as in 0.5,1,2", unset="as the detector has", type=str,
            metavar="N|LIST",
        ),
        "own_ratios": option("find ratios for each level"),
        "symmetric": option("make ratios r and 1/r, and 1 if their number is odd"),
        "most_strides": option(
            "strides of its level that a size may have at most", type=least, metavar="N",
            unset="16 for the objective placed and several levels, else no limit",
        ),
    },
    "cluster": {
        "client": option(
            "compute on a Dask cluster: 'local' for processes here, or the address of its scheduler, as in "
            "tcp://10.0.0.1:8786", "--dask", default=None, metavar="WHERE",
        ),
        "workers": option("local workers", metavar="N", unset="one per processor"),
        "worker_memory": option("memory of each local worker, as in 2GB", metavar="BYTES", unset="equal shares"),
        "timeout": option("seconds that an answer of a worker may take", metavar="SECONDS"),
    },
    "levels of the detector": {
        "levels": option(
            "tiny (P4, P5), P5 (P3 to P5), P6, P7, or as in 3,4,5", default=None, unset="chosen by --n"
        ),
        "per_level": option("anchors of each level, smallest stride first", metavar="N,N,.."),
        "by": option("equal parts by area, or anchors below 4 strides of the level"),
    },
    "output": {
        "plot": option("draw into FILE (PNG, SVG or PDF)", type=file, metavar="FILE"),
        "output": option("file to write", "-o", "--output", type=file, metavar="OUT"),
        "force": option("replace files that exist", **FLAG),
        "json": option("print one JSON object instead of text", **FLAG),
        "backend": option("kernels to use", choices=kernels.LEGAL, unset="by the work, see info"),
        "quiet": option("print no progress on stderr, and of the remarks only doubts", "-q", "--quiet", **FLAG),
        "verbose": option("print details on stderr: engine, backend, times", "-v", "--verbose", **FLAG),
    },
}  # fmt: skip


def add(
    parser: argparse.ArgumentParser,
    title: str,
    function: Callable[..., Any] | None = None,
    *names: str,
    **changes: Any,
) -> Any:
    """Add options of a group and return the group: those in `names`, by default all parameters of `function`.

    `changes` are other defaults, or, as mappings, other arguments of ``add_argument()``; those options are added too.
    """
    group = parser.add_argument_group(title)
    parameters = {} if function is None else inspect.signature(function).parameters
    hints = {} if function is None else get_type_hints(function)
    for name, one in OPTIONS[title].items():
        if name not in changes and name not in (names or parameters):
            continue
        settings = {"default": None, "dest": name, **_of_hint(hints.get(name)), **one.rest}
        if name in parameters and "default" not in one.rest:
            settings["default"] = parameters[name].default
        change = changes.get(name, {})
        settings |= change if isinstance(change, Mapping) else {"default": change}
        means = settings.pop("unset", one.unset if settings["default"] is None else "")
        settings["help"] = _help(settings.pop("help", one.help), settings["default"], means)
        group.add_argument(*(one.flags or [f"--{name.replace('_', '-')}"]), **settings)
    return group


def given(arguments: argparse.Namespace, function: Callable[..., Any], **others: Any) -> dict[str, Any]:
    """Return the arguments of a function that the options have as values, with `others` in place of some."""
    parameters = inspect.signature(function).parameters
    named = {name for group in OPTIONS.values() for name in group}
    values = {name: getattr(arguments, name) for name in named & parameters.keys() & vars(arguments).keys()}
    if "rng" in values:
        values["rng"] = _check.integer(values["rng"], "rng", least=0, most=_check.SEED_MOST)
    if "objective" in values and values["objective"] != PLACED:  # before labels are read
        from fastanchor.engine import objective_of

        objective_of(values["objective"], values["thr"])
    if "progress" in parameters:
        values["progress"] = False if arguments.quiet else None
    return values | others


def _help(text: str, default: Any, means: str) -> str:
    """Return a text with the default, and with what it means if that is said."""
    shown = (
        default if isinstance(default, str) else "" if default is None or isinstance(default, bool) else f"{default:g}"
    )
    shown = means or shown
    return f"{text} (default: {shown})" if shown else text


def _of_hint(hint: Any) -> dict[str, Any]:
    """Return the arguments of ``add_argument()`` that a type says: choices, a flag, a number."""
    kinds = get_args(hint) if get_origin(hint) in (Union, UnionType) else (hint,)
    choices = next((get_args(kind) for kind in kinds if get_origin(kind) is Literal), None)
    if choices is not None:
        return {"choices": choices}
    if bool in kinds:
        return dict(FLAG)
    return next(({"type": kind} for kind in (int, float) if kind in kinds), {})
