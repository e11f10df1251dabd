"""Boxes as COCO JSON."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from fastanchor.boxes import Boxes
from fastanchor.datasets._record import UNNAMED

__all__ = ["classes_of", "coco", "plain_number"]


def coco(boxes: Boxes, stems: list[str], out: Path) -> None:
    """Write one JSON file; images and categories are numbered from 1, in their order."""
    assert boxes.image_index is not None
    assert boxes.image_wh is not None
    assert boxes.xy is not None
    names, kinds = classes_of(boxes)
    files = boxes.files or stems
    crowd = boxes.flags.get("crowd", np.zeros(len(boxes), dtype=bool))
    images = [
        {"id": i, "file_name": file, "width": plain_number(w), "height": plain_number(h)}
        for i, (file, (w, h)) in enumerate(zip(files, boxes.image_wh.tolist(), strict=True), 1)
    ]
    rows = zip(boxes.image_index.tolist(), kinds, boxes.xy.tolist(), boxes.wh.tolist(), crowd.tolist(), strict=True)
    annotations = [
        {"id": i, "image_id": image + 1, "category_id": kind + 1,
         "bbox": [plain_number(side) for side in (x, y, w, h)], "area": plain_number(w * h), "iscrowd": int(group)}
        for i, (image, kind, (x, y), (w, h), group) in enumerate(rows, 1)
    ]  # fmt: skip
    content = {"images": images, "annotations": annotations,
               "categories": [{"id": i, "name": name} for i, name in enumerate(names, 1)]}  # fmt: skip
    with out.open("w", encoding="utf-8") as file:
        json.dump(content, file, separators=(",", ":"))


def classes_of(boxes: Boxes) -> tuple[tuple[str, ...], list[int]]:
    """Return the names of the classes, and the number of each box's class; one class where there are none."""
    if boxes.class_index is None:
        return (UNNAMED,), [0] * len(boxes)
    return boxes.class_names, boxes.class_index.tolist()


def plain_number(value: float) -> Any:
    """Return a number as JSON and XML have it: whole where it is whole."""
    return int(value) if value.is_integer() and abs(value) < 2**53 else value
