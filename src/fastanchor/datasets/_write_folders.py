"""Boxes as folders with a label file for each image: YOLO and Pascal VOC."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple
from xml.etree import ElementTree

import numpy as np

from fastanchor.boxes import Boxes
from fastanchor.datasets._write_coco import classes_of, plain_number

__all__ = ["safe_name", "voc", "yolo"]

DIGITS = 12  # of relative coordinates: far below a thousandth of a pixel
REST = "train"  # of images without a split beside some with one
FLAGS = ("truncated", "difficult", "occluded")


class Image(NamedTuple):
    """An image with its boxes: left, top, width and height."""

    stem: str
    file: str
    split: str
    size: tuple[float, float]
    rows: list[int]
    boxes: list[list[float]]
    classes: list[int]


def images_of(boxes: Boxes, stems: list[str]) -> Iterator[Image]:
    """Yield the images."""
    assert boxes.image_index is not None
    assert boxes.image_wh is not None
    assert boxes.xy is not None
    order = np.argsort(boxes.image_index, kind="stable")
    ends = np.cumsum(np.bincount(boxes.image_index, minlength=boxes.n_images))
    both = np.hstack([boxes.xy, boxes.wh])
    _, kinds = classes_of(boxes)
    files, splits = boxes.files or stems, boxes.split or [""] * len(stems)
    for i, (stem, end) in enumerate(zip(stems, ends.tolist(), strict=True)):
        rows = order[0 if i == 0 else int(ends[i - 1]) : end].tolist()
        w, h = boxes.image_wh[i].tolist()
        yield Image(stem, files[i], splits[i], (w, h), rows, both[rows].tolist(), [kinds[row] for row in rows])


def yolo(boxes: Boxes, stems: list[str], out: Path) -> None:
    """Write ``labels``, with a folder for each split, and ``data.yaml``."""
    import yaml

    splits = dict.fromkeys(boxes.split or ())
    folders = {name: safe_name(name) or REST for name in splits} if any(splits) else {"": ""}
    for name in folders.values():
        (out / "labels" / name).mkdir(parents=True, exist_ok=True)
        (out / "images" / name).mkdir(parents=True, exist_ok=True)
    for image in images_of(boxes, stems):
        w, h = image.size
        lines = []
        for kind, (x, y, bw, bh) in zip(image.classes, image.boxes, strict=True):
            parts = (x + bw / 2) / w, (y + bh / 2) / h, bw / w, bh / h
            lines.append(" ".join([str(kind), *(f"{part:.{DIGITS}g}" for part in parts)]))
        file = out / "labels" / folders.get(image.split, "") / f"{image.stem}.txt"
        file.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    places = {name or "train": f"images/{name}".rstrip("/") for name in folders.values()}
    places = {"train": next(iter(places.values())), **places}  # which trainers need
    content = {**places, "names": dict(enumerate(classes_of(boxes)[0]))}
    with (out / "data.yaml").open("w", encoding="utf-8") as opened:
        yaml.safe_dump(content, opened, allow_unicode=True, sort_keys=False)


def voc(boxes: Boxes, stems: list[str], out: Path) -> None:
    """Write ``Annotations``, and a list of each split in ``ImageSets/Main``."""
    names, _ = classes_of(boxes)
    (out / "Annotations").mkdir()
    lists: dict[str, list[str]] = {}
    for image in images_of(boxes, stems):
        root = ElementTree.Element("annotation")
        _put(root, "filename", image.file)
        size = ElementTree.SubElement(root, "size")
        for name, side in zip(("width", "height"), image.size, strict=True):
            _put(size, name, plain_number(side))
        _put(size, "depth", 3)
        for row, kind, (x, y, w, h) in zip(image.rows, image.classes, image.boxes, strict=True):
            item = ElementTree.SubElement(root, "object")
            _put(item, "name", names[kind])
            for flag in FLAGS:
                if flag in boxes.flags:
                    _put(item, flag, int(boxes.flags[flag][row]))
            corners = ElementTree.SubElement(item, "bndbox")
            for name, value in zip(("xmin", "ymin", "xmax", "ymax"), (x, y, x + w, y + h), strict=True):
                _put(corners, name, plain_number(value))
        ElementTree.indent(root)
        ElementTree.ElementTree(root).write(out / "Annotations" / f"{image.stem}.xml", encoding="utf-8")
        if image.split:
            lists.setdefault(image.split, []).append(image.stem)
    for name, some in lists.items():
        place = out / "ImageSets" / "Main" / f"{safe_name(name)}.txt"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text("".join(f"{stem}\n" for stem in some), encoding="utf-8")


def safe_name(text: str) -> str:
    """Return a text as the name of a file or folder on any system.

    Examples
    --------
    >>> safe_name("../a:b")
    '_a_b'
    """
    return "".join("_" if c in '/\\:*?"<>|\0' else c for c in text).strip(". ")


def _put(parent: ElementTree.Element, name: str, value: object) -> None:
    ElementTree.SubElement(parent, name).text = str(value)
