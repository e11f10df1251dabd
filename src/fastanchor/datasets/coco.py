"""COCO JSON, and data sets in its format: LVIS, Objects365, TACO, Roboflow exports.

``bbox`` is left, top, width, height in pixels; it is read as corners if the ``area`` of every annotation shows that.
If msgspec is installed and the file follows the format, only the necessary fields are decoded, with types. Other files
are decoded by the standard library, which accepts NaN, a byte order mark and ids of any kind, and checked one
annotation at a time. Both ways give the same boxes.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np

from fastanchor._reading import opened
from fastanchor._types import Remark
from fastanchor.datasets._coco_json import decode
from fastanchor.datasets._foreign import COCO
from fastanchor.datasets._json_files import kind_of
from fastanchor.datasets._judge import alike, blame
from fastanchor.datasets._probe import Probe
from fastanchor.datasets._record import Batch, Format, Job, Source
from fastanchor.datasets._skips import Unusable

__all__ = ["FORMAT", "listed"]

LOOKED_AT = 100  # files of a folder; more files are mostly label files of single images, not COCO
INSTANCES = "instances"
# files beside the instances of COCO, with the same boxes or none
SIDE = ("captions_", "person_keypoints_", "stuff_", "panoptic_", "image_info_")


def sniff(probe: Probe) -> Source | None:
    """Return the files that begin like COCO, and broken ones."""
    strength, chosen, beside = 1, list[str](), 0
    for files in probe.by_folder(".json").values():
        kinds = [COCO] if probe.named else [kind_of(probe, file) for file in files[:LOOKED_AT]]
        if COCO in kinds:
            strength = 3
            kinds += [COCO] * (len(files) - len(kinds))
        wanted = (COCO, "") if probe.by_ending else (COCO,)
        own = [file for file, one in zip(files, kinds, strict=False) if one in wanted]
        names = [Path(file).name for file in own]
        if any(name.startswith(INSTANCES) for name in names):
            own = [file for file, name in zip(own, names, strict=True) if not name.startswith(SIDE)]
            beside += len(names) - len(own)
        chosen += own
    return Source(chosen, strength, hints={"beside": beside}) if chosen else None


def table(file: str, job: Job) -> Batch:
    """Return the columns of a file."""
    with opened(file) as source:
        data = source.read()
    return listed(decode(data, file, job), job)


def listed(batch: Batch, job: Job) -> Batch:
    """Return the annotations whose images are listed, and report the others."""
    assert batch.image is not None
    lost = batch.image < 0
    if not lost.any():
        return batch
    if not batch.label:
        raise Unusable("COCO file without images")
    blame("annotation of an image that is not listed", lost, batch, FORMAT, job.skips)
    return batch.take(~lost)


def whole(batch: Batch, job: Job) -> Batch:
    """Read boxes as corners if the area of each box is that of corners."""
    job.skips.leave("file of captions or key points beside instances", job.source.hints["beside"])
    if job.options.form is not None:
        return batch
    assert batch.area is not None
    box = batch.box
    readable = np.isfinite(box).all(1)
    corners = alike(batch.area, box[:, 2:] - box[:, :2])[readable]
    if not corners.all() or alike(batch.area, box[:, 2:])[readable].all():
        return batch
    text = "the area of every annotation is that of corners, so bbox is read as left, top, right, bottom"
    job.remarks.append(Remark("corners in bbox", text, len(box)))
    return replace(batch, form="xyxy")


FORMAT = Format(
    "coco",
    "COCO (JSON with images and annotations)",
    sniff,
    table=table,
    whole=whole,
    form="xywh",
    tells=frozenset(("place", "class", "crowd")),
    options=frozenset(("crowd", "unit", "form")),
    place=lambda file, nth: f"annotations[{nth}]",
)
