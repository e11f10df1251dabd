"""``fastanchor check``: how well given anchors serve a data set."""

from __future__ import annotations

import argparse
import re
from collections import Counter
from collections.abc import Sequence

import numpy as np

import fastanchor
from fastanchor import _check, export, plot
from fastanchor._network import to_network_input
from fastanchor._small import EVERY, MIN_SIZE, no_side
from fastanchor._text import many
from fastanchor._types import FloatArray
from fastanchor.cli import _common, _head
from fastanchor.cli._words import Several, Word
from fastanchor.evaluate import AnchorCheck, check
from fastanchor.levels import Layer, layers, levels, remarks, unusual

__all__ = ["add", "run"]

DESCRIPTION = """\
Score anchors that you have: from the command line, or from a file: the YAML of a
YOLOv5 or YOLOv7 model or of PaddleDetection, a Darknet cfg, the Python of MMDetection
or MMYOLO, a TAO specification, JSON, CSV, or text with nothing but numbers. The size
and the fit of the network input come from the file where it has them. With --min-bpr
the exit code is 1 if the best possible recall is below it, for use in scripts."""


def add(commands: _common.Commands) -> None:
    """Add the command."""
    parser = commands.add_parser(
        "check",
        description=DESCRIPTION,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    _common.add_data(parser, optional=True, training=True)
    job = parser.add_argument_group("the job")
    job.add_argument("--anchors", action=Several, belongs=_belongs, required=True, metavar="ANCHORS",
                     help="as in 10,13 16,30, or a .yaml, .cfg, .py, .txt, .json or .csv file with them")  # fmt: skip
    _head.add_input(job, min_size=EVERY)
    job.add_argument("--thr", type=float, default=0.25, help="ratio that counts as a match (default: 0.25)")
    job.add_argument("--min-bpr", type=float, metavar="BPR", help="exit code 1 if the recall is below this")
    _common.add_plot(job, "draw boxes and anchors")
    _common.add_force(job)
    _head.add_levels(parser)
    _common.add_output(parser)
    parser.set_defaults(run=run)


def _belongs(given: Sequence[str], word: str) -> Word:
    """Return what a word is to anchors, which are numbers, or one file.

    Examples
    --------
    >>> [_belongs(["10,13"], word).name for word in ("16,30", "16,3o", "VOC2012")]
    ['PART', 'SLIP', 'OTHER']
    >>> _belongs(["yolov4.cfg"], "16,30").name
    'OTHER'
    """
    if not export.is_numbers(given[0]):
        return Word.OTHER
    if export.is_numbers(word):
        return Word.PART
    return Word.SLIP if re.match(r"[-+.]?\d[^/\\]*,", word) else Word.OTHER


def run(arguments: argparse.Namespace) -> int:
    """Score, and judge if asked to."""
    if arguments.min_bpr is not None:
        arguments.min_bpr = _check.number(arguments.min_bpr, "--min-bpr", low=0.0, high=1.0)
    if arguments.plot is not None:
        plot.check(arguments.plot, replace=arguments.force)
    config, used, said = _given(arguments)
    made_for = _head.network(arguments, config)
    boxes, read = _common.load(arguments)
    with _common.using_backend(arguments.backend):
        ready = to_network_input(boxes, made_for.img_size, made_for.fit, arguments.min_size)
        found = check(ready, config.anchors[used], thr=arguments.thr)
    asked = _head.chosen_split(arguments, found.anchors, [level for level, _ in config.layout])
    if asked is None and config.layout:
        heads = _own_heads(config, used, found)
    else:
        heads = layers(found.anchors, asked or levels(len(found.anchors)), found.counts)
        said += [config.why] if config.why else []
        said += [] if asked else unusual(len(found.anchors))
    said += _differs(config, _head.used(boxes, made_for), arguments)
    said += _scale_remarks(found.anchors, ready.wh)
    if arguments.data:
        said += _head.classes_remark(arguments.anchors, config, boxes)
    said += remarks(heads)
    if arguments.plot is not None:
        plot.save(plot.anchors(found, ready.wh, heads), arguments.plot, replace=arguments.force)
        _common.wrote(arguments, arguments.plot)
    passed = arguments.min_bpr is None or found.bpr >= arguments.min_bpr
    if arguments.json:
        _common.emit_json(
            {
                **found.to_dict(),
                "n_small": ready.n_small,
                "n_filtered": ready.n_filtered,
                "levels": _head.level_rows(heads),
                "warnings": said,
                **_head.input_row(boxes, made_for),
                "min_bpr": arguments.min_bpr,
                "passed": passed,
                "read": read,
                "skipped": dict(boxes.skipped),
                "version": fastanchor.__version__,
            }
        )
    else:
        lines = [_common.shown_summary(read, dict(boxes.skipped)), _head.shown_input(_head.used(boxes, made_for))]
        lines += _head.shown_small(ready.n_small, ready.n_filtered, arguments.min_size)
        lines += ["", shown(found), "", _head.shown_levels(heads)]
        lines += [f"warning   {text}" for text in said]
        if arguments.min_bpr is not None:
            word = "passed" if passed else "FAILED"
            lines += ["", f"{word}    BPR {found.bpr:.5f}, asked for at least {arguments.min_bpr:g}"]
        _common.answer("\n".join(lines))
    return 0 if passed else 1


def _given(arguments: argparse.Namespace) -> tuple[export.Config, list[int], list[str]]:
    """Return what the anchors' source says, the positions of those that a level uses, and what is odd about levels."""
    config = export.read(arguments.anchors)
    n = len(config.anchors)
    if not n:
        raise fastanchor.DataError(f"{arguments.anchors}: has a number of anchors, and not their sizes")
    used = sorted({at for _, rows in config.layout for at in rows}) or list(range(n))
    _need_as_many(arguments, config, len(used))
    unused = sorted(set(range(n)) - set(used))
    said = [f"anchor {w:g} x {h:g} is on no level, and is not scored" for w, h in config.anchors[unused].tolist()]
    shared = Counter(at for _, rows in config.layout for at in set(rows))
    for at, count in sorted(shared.items()):
        if count > 1:
            w, h = config.anchors[at].tolist()
            said.append(f"anchor {w:g} x {h:g} is used by {count} levels; its boxes count in each of them")
    return config, used, said


def _need_as_many(arguments: argparse.Namespace, config: export.Config, used: int) -> None:
    """Raise if ``--per-level`` does not deal out the anchors that are scored, which may not be all of the file."""
    counts = _head.per_level(arguments)
    if counts is None or sum(counts) == used:
        return
    name = arguments.anchors
    name = name if export.is_file_name(name) else "--anchors"
    held = [len(rows) for _, rows in config.layout]
    has = f"{name} has {many(len(config.anchors), 'anchor')}"
    if held:
        has += f", and its levels hold {', '.join(map(str, held))} of them"
    if used < len(config.anchors) or sum(held) > used:
        has += f", {used} different ones"
    rule = "leave out --per-level to score those levels" if held else f"it must add up to {used}"
    raise fastanchor.DataError(f"--per-level = {counts}: adds up to {sum(counts)}, but {has}; {rule}")


def _own_heads(config: export.Config, used: list[int], found: AnchorCheck) -> list[Layer]:
    """Return the levels as the anchors' own file has them."""
    anchors = config.anchors[used]
    order = np.argsort(anchors[:, 0] * anchors[:, 1], kind="stable")
    place = {used[at]: i for i, at in enumerate(order.tolist())}
    heads = []
    for level, rows in config.layout:
        at = [place[row] for row in rows]
        share = float(found.counts[sorted(set(at))].sum() / found.counts.sum())
        heads.append(Layer(level, 2**level, found.anchors[at], share))
    return heads


def _differs(config: export.Config, made_for: export.Input | None, arguments: argparse.Namespace) -> list[str]:
    """Return a sentence for what was given by hand and differs from the file, and for what was assumed."""
    said = []
    size = config.img_size or (config.note and config.note.img_size)
    fit = config.fit or (config.note and config.note.fit)
    name = arguments.anchors
    if made_for is not None and not size and arguments.img_size is None:
        how = f"{made_for.img_size[0]} x {made_for.img_size[1]}, {made_for.fit}"
        missing = "--img-size" if arguments.fit or fit else "--img-size and --fit"
        whose = f"{name} names" if export.is_file_name(name) else "the anchors name"
        said.append(f"{whose} no network input; scored for {how}: give {missing}")
    if made_for is not None and size and size != made_for.img_size:
        have, want = (f"{w} x {h}" for w, h in (size, made_for.img_size))
        said.append(f"{name} is for {have} pixels, but was scored at {want} as given by --img-size")
    if made_for is not None and fit and fit != made_for.fit:
        said.append(f"{name} is for {fit}, but was scored with {made_for.fit} as given by --fit")
    return said


def _scale_remarks(anchors: FloatArray, wh: FloatArray) -> list[str]:
    """Return a sentence if the anchors can be no pixels, and one on boxes that `anchors` would leave out."""
    said = []
    if anchors.max() < MIN_SIZE:
        said.append(f"all sides of the anchors are below {MIN_SIZE:g}: they look like fractions of the image or cells, "
                    "not pixels of the network input")  # fmt: skip
    tiny = int(np.count_nonzero(wh.max(axis=1) < MIN_SIZE))
    if tiny:
        said.append(f"{no_side(tiny, MIN_SIZE)}; `anchors` leaves such boxes out (--min-size {MIN_SIZE:g})")
    return said


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
        lines.append(f"{name:<7} {round(count):>9,}  {share:6.1%} {scores}")
    lines += ["", "anchor                 boxes   share"]
    for (w, h), count in zip(found.anchors.tolist(), found.counts.tolist(), strict=True):
        lines.append(f"{w:>7.4g} x {h:<8.4g} {round(count):>9,}  {count / found.boxes:6.1%}")
    return "\n".join(lines)
