"""Keep the boxes of a data set in a folder, which anchors, check and sweep take as DATA.

The boxes are read, scaled to the network input and sorted once. Indexes may stand among DATA:
so yesterday's labels are indexed once, and today's are added.

  fastanchor index data.yaml --img-size 640 -o boxes.index
  fastanchor anchors boxes.index
  fastanchor index boxes.index today.json -o more.index
"""

from __future__ import annotations

import argparse
from collections import Counter
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fastanchor import _check
from fastanchor._network import to_network_input
from fastanchor._small import no_side
from fastanchor._text import many, plain
from fastanchor.anchors import auto_anchor
from fastanchor.cli import _answer, _batched, _data, _detector, _indexed, _options
from fastanchor.cli._data import Data
from fastanchor.engine import BoxIndex, _folder
from fastanchor.engine._settings import Settings
from fastanchor.export import Input

__all__ = ["add", "run"]


def add(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    _data.add_data(parser, training=True, indexed=True)
    _options.add(parser, "network input", auto_anchor, "img_size", "fit", "min_size")
    _options.add(parser, "search", auto_anchor, "threads", memory=None)
    output = {"help": "folder to make", "required": True, "metavar": "FOLDER", "type": _folder_name}
    _answer.add_output(parser, "force", output=output)


def run(arguments: argparse.Namespace) -> int:
    """Write the index, and print what was read."""
    _folder.check_new(arguments.output, replace=arguments.force)
    network = _detector.network(arguments)
    there = _indexed.folders(arguments)
    labels = [one for one in arguments.data if one not in there]
    changed = argparse.Namespace(**{**vars(arguments), "data": labels})
    source = _batched.sieved(changed)
    if source is not None and not there:
        with _folder.made(arguments.output, replace=arguments.force) as place:
            data = _batched.sorted_into(place, changed, source, keep_rows=True)
            whole, parts = _whole([data], arguments.threads), [data]
            _folder.write(place, whole.shards, None, whole.settings, whole.rounded, whole.about)
    else:
        parts = [_data.opened(arguments, folder) for folder in there]
        if labels:
            parts.append(_sorted(changed, network, source))
        whole = _whole(parts, arguments.threads)
        whole.save(arguments.output, replace=arguments.force)
    made = whole.settings
    content = {
        "written": str(arguments.output),
        "boxes": len(whole),
        "settings": made and made._asdict(),
        **whole.about,
    }
    lines = ["\n".join(part.to_text() for part in parts)]
    if made is not None:
        lines.append(f"input     {_detector.input_text(made.fit, made.img_size)}")
        if whole.about["n_filtered"]:
            lines.append(f"left out  {no_side(whole.about['n_filtered'], made.min_size)}")
    lines.append(f"written   {plain(str(arguments.output))}: {many(len(whole), 'box', 'boxes')}")
    _answer.answer(arguments, {**content, **whole.about}, lines)
    return 0


def _whole(parts: Sequence[Data], threads: int | None) -> BoxIndex:
    """Return the indexes of several data sets as one."""
    indexes = [part.kept for part in parts if part.kept is not None]
    whole = indexes[0] if len(indexes) == 1 else BoxIndex.merge(indexes, threads=threads)
    whole.about = {
        "read": together([part.read for part in parts]),
        "skipped": dict(sum((Counter(part.skipped) for part in parts), Counter())),
        "n_small": sum(index.about["n_small"] for index in indexes),
        "n_filtered": sum(index.about["n_filtered"] for index in indexes),
    }
    return whole


def _folder_name(text: str) -> Path:
    return _check.as_path(text, "--output")


def _sorted(arguments: argparse.Namespace, network: Input, source: _batched.Sieved | None) -> Data:
    """Read labels, and sort their boxes; from the source if they are read piece by piece."""
    if source is not None:
        return _batched.sorted_into(None, arguments, source, keep_rows=True)
    data = _data.load(arguments)
    ready = to_network_input(data.boxes, **network._asdict(), min_size=arguments.min_size)
    index = BoxIndex(ready.wh, weights=ready.weights, threads=arguments.threads)
    index.settings = Settings(
        ready.img_size, ready.fit, arguments.min_size, "+".join(data.read["split"] or ()), _indexed.weighting(arguments)
    )
    index.about = {"n_small": ready.n_small, "n_filtered": ready.n_filtered}
    return data._replace(kept=index)


def together(read: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """Return what JSON says under ``read`` about several data sets as one.

    Examples
    --------
    >>> one = {"images": 1, "boxes": 3, "mean_box": [2.0, 4.0], "mean_image": [None, None], "per_class": {"a": 3},
    ...        "smallest_area": 4.0, "largest_area": 9.0, "relative": False, "source": "one", "remarks": []}
    >>> both = together([one, {**one, "boxes": 1, "mean_box": [6.0, 8.0], "source": "two"}])
    >>> both["boxes"], both["mean_box"], both["per_class"], both["source"]
    (4, [3.0, 5.0], {'a': 6}, 'one, two')
    """
    if len(read) == 1:
        return read[0]
    return {
        **read[-1],
        "source": ", ".join(one["source"] for one in read),
        "images": sum(one["images"] for one in read),
        "boxes": sum(one["boxes"] for one in read),
        "mean_box": _mean(read, "mean_box", "boxes"),
        "mean_image": _mean(read, "mean_image", "images"),
        "smallest_area": min((one["smallest_area"] for one in read if one["boxes"]), default=None),
        "largest_area": max((one["largest_area"] for one in read if one["boxes"]), default=None),
        "relative": all(one["relative"] for one in read),
        "per_class": dict(sum((Counter(one["per_class"]) for one in read), Counter())),
        "remarks": [remark for one in read for remark in one["remarks"]],
    }


def _mean(read: Sequence[dict[str, Any]], name: str, count: str) -> list[float | None]:
    """Return the mean of pairs that are means of different numbers of things."""
    known = [one for one in read if one[name][0] is not None]
    total = sum(one[count] for one in known)
    if not total:
        return [None, None]
    return [sum(one[name][axis] * one[count] for one in known) / total for axis in (0, 1)]
