"""``fastanchor anchors``: the main job."""

from __future__ import annotations

import argparse
import warnings
from typing import Any, NamedTuple

import numpy as np

import fastanchor
from fastanchor import _check, export
from fastanchor._errors import SmallBoxWarning, SplitWarning
from fastanchor._network import to_network_input
from fastanchor._output import check_output, whole
from fastanchor._text import many
from fastanchor._types import Fit
from fastanchor.anchors import AnchorResult, auto_anchor
from fastanchor.cli import _common, _head
from fastanchor.cluster import INITS, UPDATES
from fastanchor.engine import ENGINES, METRICS
from fastanchor.levels import Layer, Split, layers, remarks, unusual
from fastanchor.starts import N_INIT

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
    _common.add_data(parser, optional=True, training=True)
    job = parser.add_argument_group("the job")
    _head.add_input(job)
    job.add_argument("--n", type=int, help="number of anchors (default: that of the configuration, else 9)")
    job.add_argument("--thr", type=float, default=0.25, help="ratio that counts as a match (default: 0.25)")
    _head.add_objective(job)
    job.add_argument("--gen", type=int, default=1000, help="generations of the search (default: 1000)")
    job.add_argument("--metric", choices=METRICS, default="iou", help="distance of k-means (default: iou)")
    job.add_argument("--update", choices=UPDATES, default="median", help="centres move to (default: median)")
    job.add_argument("--init", choices=INITS, default="random", help="start of k-means (default: random)")
    job.add_argument("--n-init", type=int, default=N_INIT, help=f"starts of k-means to try (default: {N_INIT})")
    job.add_argument("--seed", type=int, default=0, help="same seed, same anchors (default: 0)")
    job.add_argument("--engine", choices=ENGINES, default="auto", help="never changes the answer (default: auto)")
    job.add_argument("--threads", type=int, help="never changes the answer (default: all processors)")
    _common.add_plot(job, "draw boxes and anchors")
    _head.add_levels(parser)
    text = parser.add_argument_group("text for a configuration")
    text.add_argument("--emit", choices=tuple(export.FORMATS), help="print the anchors in this format and nothing else")
    text.add_argument("--edit", type=_common.file, metavar="FILE",
                      help="print this model .yaml or Darknet .cfg with the anchors put in")  # fmt: skip
    _common.add_out(text, "OUT", "write that text here (default: stdout)")
    _common.add_force(text)
    _common.add_output(parser)
    parser.set_defaults(run=run)


class _Plan(NamedTuple):
    """What is to be computed, from the command line and the configuration to edit."""

    config: export.Config | None
    made_for: export.Input
    n: int

    @property
    def own(self) -> list[int]:
        """The levels of the configuration."""
        return [] if self.config is None else [level for level, _ in self.config.layout]


def run(arguments: argparse.Namespace) -> int:
    """Do the main job."""
    if arguments.plot is not None:
        from fastanchor import plot

        plot.check(arguments.plot, replace=arguments.force)
    plan = _planned(arguments)
    boxes, read = _common.load(arguments)
    ready = to_network_input(boxes, plan.made_for.img_size, plan.made_for.fit, arguments.min_size)
    with warnings.catch_warnings(), _common.using_backend(arguments.backend):
        warnings.simplefilter("ignore", SplitWarning)  # the line "read" shows them
        warnings.simplefilter("ignore", SmallBoxWarning)  # its count is printed with the answer
        result = auto_anchor(
            ready,
            n=plan.n,
            thr=arguments.thr,
            gen=arguments.gen,
            rng=_check.integer(arguments.seed, "--seed", least=0, most=_check.SEED_MOST),
            metric=arguments.metric,
            update=arguments.update,
            init=arguments.init,
            n_init=arguments.n_init,
            engine=arguments.engine,
            threads=arguments.threads,
            progress=False if arguments.quiet else None,
            objective=arguments.objective,
        )
    asked = _head.chosen_split(arguments, result.anchors, plan.own)
    if asked is None and plan.config is not None:
        asked = plan.config.own_parts(plan.n)
    parts = asked or export.usual_levels(arguments.emit, len(result.anchors))
    heads = layers(result.anchors, parts, result.check.counts)
    said = [*([] if asked else unusual(len(result.anchors))), *remarks(heads)]
    if arguments.data:
        said += _head.classes_remark(arguments.edit, plan.config, boxes)
    if arguments.plot is not None:
        from fastanchor import plot

        plot.save(plot.anchors(result, ready.wh, heads), arguments.plot, replace=arguments.force)
        _common.wrote(arguments, arguments.plot)
    text = _text(result, asked, plan, arguments)
    if text is not None and arguments.output is not None:
        with whole(arguments.output, replace=arguments.force) as part:
            part.write_bytes(text.encode())
        _common.wrote(arguments, arguments.output)
    if arguments.json:
        rest = {} if text is None else {"text": text}
        _common.emit_json({**_as_json(result, heads, said, read, dict(boxes.skipped), arguments), **rest})
    elif text is None or arguments.output is not None:
        _print(result, heads, said, read, dict(boxes.skipped), arguments)
    else:
        _common.answer_exactly(text)
    if not arguments.quiet and text is not None:
        for remark in _changes(plan, asked, arguments):
            _common.say(remark)
        if not arguments.json:
            for found in boxes.remarks:
                _common.say(f"{'doubt' if found.doubt else 'note'}: {found.text}")
            _common.say(f"network input: {_head.input_text(result.made_for)}")
            for remark in said:
                _common.say(f"warning: {remark}")
    return 0


def _planned(arguments: argparse.Namespace) -> _Plan:
    """Return what to compute; whatever can be wrong with it is said before the work, not after it."""
    if arguments.emit is not None and arguments.edit is not None:
        raise fastanchor.DataError("--emit and --edit: only one of them can be given")
    if arguments.output is not None and arguments.emit is None and arguments.edit is None:
        raise fastanchor.DataError("--output: needs --emit FORMAT or --edit FILE, which say what to write")
    if arguments.output is not None:
        check_output(arguments.output, replace=arguments.force)
    config = None
    if arguments.edit is not None:
        config = export.read_edited(arguments.edit)
        _agree(arguments, config)
    counts = _head.per_level(arguments)
    n = arguments.n
    if n is None:
        n = sum(counts) if counts is not None else config.n if config is not None and config.n else 9
    n = _check.integer(n, "n", least=1)
    plan = _Plan(config, _head.network(arguments, config, arguments.emit), n)
    stand_in = np.full((n, 2), 100.0)
    # levels by stride depend on the anchors
    asked = None if arguments.by == "stride" else _head.chosen_split(arguments, stand_in, plan.own)
    if config is not None:
        export.edit(arguments.edit, stand_in, asked, made_for=plan.made_for, fit=_by_hand(plan, arguments))
    elif arguments.emit is not None:
        export.emit(stand_in, arguments.emit, asked, made_for=plan.made_for, fit=arguments.fit)
    return plan


def _agree(arguments: argparse.Namespace, config: export.Config) -> None:
    """Raise if ``--fit`` is not what the cfg to edit sets itself."""
    if arguments.fit is None or config.fit in (None, arguments.fit):
        return
    does, change = {
        "stretch": ("stretches images (no letter_box=1)", "set letter_box=1"),
        "letterbox": ("keeps the proportions of images (letter_box=1)", "take out letter_box=1"),
    }[str(config.fit)]
    raise fastanchor.DataError(f"{arguments.edit} {does}: drop --fit {arguments.fit}, or {change} in the file")


def _by_hand(plan: _Plan, arguments: argparse.Namespace) -> Fit | None:
    """Return the fit of the command line where the configuration does not set its own; it is not changed there."""
    note = None if plan.config is None or plan.config.note is None else plan.config.note.fit
    return None if plan.config is not None and plan.config.fit else arguments.fit or note


def _text(result: AnchorResult, asked: Split | None, plan: _Plan, arguments: argparse.Namespace) -> str | None:
    if arguments.edit is not None:
        return result.edited(arguments.edit, asked, fit=_by_hand(plan, arguments))
    if arguments.emit is None:
        return None
    text = export.emit(result.anchors, arguments.emit, asked, made_for=result.made_for, fit=arguments.fit)
    return f"{text}\n"


def _changes(plan: _Plan, asked: Split | None, arguments: argparse.Namespace) -> list[str]:
    """Return what the text has otherwise than the file that is edited, besides the sizes of its anchors."""
    config, file = plan.config, arguments.edit
    if config is None:
        return []
    said = []
    if config.n is not None and config.n != plan.n:
        said.append(f"{file}: has {config.n} anchors, and gets {plan.n}")
    have = [len(rows) for _, rows in config.layout]
    want = [count for _, count in asked or []]
    if sum(have) and have != want:
        said.append(f"{file}: its levels have {_listed(have)} anchors, and get {_listed(want)}")
    return said


def _listed(counts: list[int]) -> str:
    return ", ".join(map(str, counts))


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
        "thr": arguments.thr,
        "objective": arguments.objective,
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
    lines = [_common.shown_summary(read, skipped), _head.shown_input(result.made_for)]
    lines += _head.shown_small(result.n_small, result.n_filtered, arguments.min_size)
    begun = result.to_dict()["kmeans"]
    lines += [
        "",
        f"k-means   {many(clusters.n_iter, 'update')}, {clusters.stop}",
        f"  anchors {_pairs(begun['anchors'])}",
        _score(begun["fitness"], begun["bpr"], begun["mean_iou"]),
        *_searched(result),
        "",
        _head.shown_levels(heads),
        *(f"warning   {text}" for text in said),
    ]
    if arguments.emit is None and arguments.edit is None:
        lines += _pasted(result, heads, arguments)
    _common.answer("\n".join(lines))


def _pasted(result: AnchorResult, heads: list[Layer], arguments: argparse.Namespace) -> list[str]:
    """Return the text to paste for the two families of YOLO, or why there is none."""
    lines = []
    parts = [(layer.level, len(layer.anchors)) for layer in heads]
    counts = [count for _, count in parts]
    if result.fit in (None, export.FORMATS["yolov5"].fit):
        if len(set(counts)) == 1:
            lines += ["", "# YOLOv5 / YOLOv7 model YAML", result.to_yolov5(parts)]
        else:
            lines += ["", "no text for YOLOv5, which needs the same number of anchors in each level, not "
                          f"{_listed(counts)}: {_evened(counts, arguments)}"]  # fmt: skip
    if result.fit in (None, export.FORMATS["darknet"].fit):
        lines += ["", "# Darknet cfg", result.to_darknet()]
    return lines


def _evened(counts: list[int], arguments: argparse.Namespace) -> str:
    """Return what to change on the command line to have equal levels."""
    if arguments.per_level is not None:
        return "give equal numbers to --per-level"
    low, rest = divmod(sum(counts), len(counts))
    numbers = [f"--n {each * len(counts)}" for each in (low, low + 1) if each]
    said = ["leave out --by stride"] if arguments.by == "stride" else []
    return " and ".join([*said, *([f"give {' or '.join(numbers)}"] if rest else [])])


def _searched(result: AnchorResult) -> list[str]:
    generations = len(result.evolve.history) - 1
    if not generations:
        return ["search    off"]
    of = result.evolve
    by = []
    if of.objective != "ratio":
        by = [f"  by      {of.objective}, {of.history[0]:.5f} -> {of.history[-1]:.5f}, by looking at every box"]
    return [
        f"evolved   {many(generations, 'generation')}, {of.accepted:,} of them fitter",
        *by,
        f"  anchors {_pairs(result.anchors.tolist())}",
        _score(result.fitness, result.bpr, result.mean_iou),
    ]


def _pairs(anchors: list[list[float]]) -> str:
    return "  ".join(f"{w:.4g} x {h:.4g}" for w, h in anchors)


def _score(fitness: float, bpr: float, mean_iou: float) -> str:
    return f"  fitness {fitness:.5f}   BPR {bpr:.5f}   mean IoU {mean_iou:.5f}"
