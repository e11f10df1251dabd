"""DATA: the argument, reading it, and what is printed about what was read."""

from __future__ import annotations

import argparse
import logging
import math
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np

from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor._reading import named
from fastanchor._text import many, plain
from fastanchor._types import Remark, Summary
from fastanchor.boxes import Boxes
from fastanchor.cli import _indexed, _options
from fastanchor.datasets import FILTERS, PARTS, TRAINING, Reading, filtered, read, reading, sample
from fastanchor.engine import BoxIndex

__all__ = ["Data", "add_data", "data_name", "described", "load", "opened", "plain_summary", "title"]

LOG = logging.getLogger("fastanchor")
TEXT = (
    "one or more data sets, read as one: Pascal VOC (folder or root), COCO JSON, YOLO (data.yaml, .data, list, "
    "folder), labels.cache, Open Images CSV, KITTI, VisDrone, WIDER FACE, MOT, DOTA, exports of LabelMe, CVAT, VIA, "
    "Label Studio and other tools, lists, TFRecord, tables (.csv, .parquet, .npy, .npz, - for CSV on stdin); or an "
    "archive of any of these (.zip, .tar.gz)"
)


class Data(NamedTuple):
    """The boxes, and what JSON says about them under ``read``; boxes in an index are not in `boxes`."""

    boxes: Boxes
    read: dict[str, Any]
    kept: BoxIndex | None = None

    @property
    def used(self) -> Boxes | BoxIndex:
        """The boxes, or the index that has them."""
        return self.boxes if self.kept is None else self.kept

    @property
    def skipped(self) -> dict[str, int]:
        """Reason to number of things left out."""
        return dict(self.boxes.skipped)

    @property
    def doubts(self) -> list[str]:
        """The remarks about the data set, each after its kind."""
        return [f"{'doubt' if remark.doubt else 'note'}: {remark.text}" for remark in self.boxes.remarks]

    def log(self) -> None:
        """Print the remarks on standard error where the answer leaves them out; ``--quiet`` keeps the doubts."""
        for remark, text in zip(self.boxes.remarks, self.doubts, strict=True):
            LOG.log(logging.ERROR if remark.doubt else logging.INFO, "%s", text)

    @property
    def split(self) -> str:
        """The splits that were read, and those of the usual ones that were not; empty without splits."""
        declared, taken = self.read["splits"], self.read["split"]
        usual = [name for name in declared if name in PARTS] or declared
        if not taken:
            return f"all splits: {', '.join(usual)}" if declared else ""
        inside = {"train", "val"} if "trainval" in taken else set()  # trainval is both of them
        left = [name for name in usual if name not in taken and PARTS.get(name) not in inside]
        return " + ".join(taken) + (f"; left out: {', '.join(left)}" if left else "")

    def to_text(self) -> str:
        """Return the lines about what was read and what was skipped."""
        found = self.read
        lines = [f"read      {found['source']}: "]
        if not found["boxes"]:
            lines[0] += f"{many(found['images'], 'image')}, no boxes"
        else:
            sized = found["mean_image"][0] is not None
            lines[0] += many(found["boxes"], "box", "boxes")
            lines[0] += f" on {many(found['images'], 'image')}" if found["images"] else ""
            lines[0] += "" if sized else ", without the sizes of their images"
            if sized and not found["relative"]:
                lines.append(f"images    {_sides(found['mean_image'])} pixels on average")
            if found["relative"]:
                lines.append(
                    f"boxes     {_sides([100.0 * side for side in found['mean_box']])} % of their image on average"
                )
            else:
                areas = f"areas {found['smallest_area']:,.0f} to {found['largest_area']:,.0f}"
                lines.append(f"boxes     {_sides(found['mean_box'])} pixels on average, {areas}")
        if self.split:
            lines[0] += f" ({'split ' if found['split'] else ''}{self.split})"
        lines += [f"{kind:<9} {text}" for kind, _, text in (doubt.partition(": ") for doubt in self.doubts)]
        lines += [f"skipped   {count:,} x {reason}" for reason, count in self.skipped.items()] or ["skipped   nothing"]
        return "\n".join(plain(line) for line in lines)


def add_data(
    parser: argparse.ArgumentParser, *, optional: bool = False, training: bool = False, indexed: bool = False
) -> None:
    """Add DATA and how to read it; a command that computes anchors reads the training split by default.

    `indexed` says whether DATA may be the folder of an index.
    """
    text = f"{TEXT}; or a folder written by fastanchor index" if indexed else TEXT
    parser.add_argument("data", nargs="*" if optional else "+", metavar="DATA",
                        help=f"{text}; default: a built-in sample" if optional else text)  # fmt: skip
    parser.set_defaults(training=training, indexed=indexed)
    changes: dict[str, Any] = {}
    if training:
        split = {"default": TRAINING, "unset": "train if it is declared, else all"}
        changes = {"split": split, "balance": None}
    _options.add(parser, "reading", read, **changes)


def load(arguments: argparse.Namespace) -> Data:
    """Read DATA, or make the sample."""
    folder = _indexed.only(arguments)
    if folder is not None:
        return opened(arguments, folder)
    from fastanchor.cli._batched import batched

    with named(*arguments.data or ()):
        return batched(arguments) or _loaded(arguments)


def opened(arguments: argparse.Namespace, folder: str) -> Data:
    """Open an index; the boxes that it leaves out are those it was built without."""
    own = _indexed.agreed(arguments, folder)
    index = BoxIndex.open(folder, threads=getattr(arguments, "threads", None))
    arguments.min_size = _indexed.minimum(arguments, own)
    about = dict(index.about.get("read") or {})
    remarks = tuple(Remark(**remark) for remark in about.get("remarks", ()))
    found = {**plain_summary(Boxes(np.empty((0, 2))).summary()), "format": "index", "splits": [], "split": None,
             "remarks": [], **about, "source": folder, "boxes": len(index)}  # fmt: skip
    return Data(Boxes(np.empty((0, 2)), skipped=index.about.get("skipped", {}), remarks=remarks), found, index)


def _loaded(arguments: argparse.Namespace) -> Data:
    if not arguments.data:
        LOG.info("no DATA given: using the built-in sample, boxes made up from a fixed seed")
        filters = {name: getattr(arguments, name, None) for name in FILTERS}
        found = Reading(filtered(sample(), filters), ("sample",), (), ())
        source = "built-in sample"
    else:
        found = reading(arguments.data, **_options.given(arguments, read, report=LOG.warning))
        if arguments.format == "auto":
            for one, name in zip(arguments.data, found.formats, strict=True):
                LOG.info("%s: read as %s", one, name)
        source = ", ".join(arguments.data)
    boxes = found.boxes
    if arguments.training and not len(boxes):
        by = [called(name) for name in FILTERS if getattr(arguments, name, None)]
        if by:
            raise DataError(f"{plain(source)}: no boxes are left by {' and '.join(by)}")
        raise DataError(f"{plain(source)}: the labels of {many(boxes.summary().images, 'image')} have no boxes")
    if getattr(arguments, "balance", None) is not None:
        boxes = boxes.balanced(arguments.balance)
    return described(source, found._replace(boxes=boxes), boxes.summary())


def described(source: str, found: Reading, summary: Summary) -> Data:
    """Return what was read with what JSON says about it."""
    return Data(found.boxes, {
        "source": source,
        "format": ", ".join(dict.fromkeys(found.formats)),
        "splits": list(found.splits),
        "split": list(found.taken) or None,
        **plain_summary(summary),
        "remarks": [vars(remark) for remark in found.boxes.remarks],
    })  # fmt: skip


def title(arguments: argparse.Namespace, data: Data) -> str:
    """Return the names of the data sets."""
    return ", ".join(map(data_name, arguments.data or ())) or str(data.read["source"])


def data_name(path: str) -> str:
    """Return the name of a data set without the folders that it is in; a file keeps the folder it is in.

    Examples
    --------
    >>> data_name("/home/me/coco128/data.yaml"), data_name("-")
    ('coco128/data.yaml', 'standard input')
    """
    if path == "-":
        return "standard input"
    place = Path(path).resolve()
    return f"{place.parent.name}/{place.name}" if place.suffix and place.parent.name else place.name or path


def plain_summary(summary: Summary) -> dict[str, Any]:
    """Return a summary as JSON values, None in place of NaN."""

    def value(x: Any) -> Any:
        return None if isinstance(x, float) and math.isnan(x) else x

    fields = {name: x for name, x in vars(summary).items() if name != "skipped"}
    return {name: [value(one) for one in x] if isinstance(x, tuple) else value(x) for name, x in fields.items()}


def _sides(pair: Any) -> str:
    return " x ".join(f"{side:.1f}" for side in pair)
