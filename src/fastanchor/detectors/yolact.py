"""YOLACT: the pred_scales and pred_aspect_ratios of data/config.py. A ratio is width / height."""

from __future__ import annotations

from typing import Any

import numpy as np

from fastanchor._errors import DataError
from fastanchor.detectors._detector import Content, Resize
from fastanchor.detectors._grid import Grid, crossed
from fastanchor.detectors._models import EVEN, RETINA, retinanet
from fastanchor.detectors._python import UNKNOWN, dictionaries, parsed
from fastanchor.detectors._reading import config_of, noted_size, reader, rows_of
from fastanchor.detectors._writing import grid_rows, written
from fastanchor.export import Config
from fastanchor.matching import Matching

__all__ = ["DETECTORS", "sides"]

sides = crossed(tall=False, by_ratio=False)


def text(content: Content) -> str:
    """Return the Python for data/config.py; the head counts the anchors itself."""
    values = content.values
    rows = values.ratios[:1] if content.same_ratios else values.ratios
    listed = f"[{', '.join(grid_rows((row,), '[]') for row in rows)}]"
    times = f" * {len(values.sizes)}" if content.same_ratios else ""
    return written(
        content.note,
        "# append to data/config.py, set dataset, and train with --config=my_config",
        "my_config = yolact_base_config.copy({",
        "    'name': 'my_config',",
        content.of_classes("    'num_classes': {},  # background included", 1),
        f"    'max_size': {content.img_size[0]},",
        "    'backbone': yolact_base_config.backbone.copy({",
        f"        'pred_scales': {grid_rows(values.sizes, '[]')},  # one list for each level",
        f"        'pred_aspect_ratios': {listed}{times},  # width / height",
        "        'use_pixel_scales': True,",
        "        'preapply_sqrt': False,",
        "        'use_square_anchors': False,  # True makes every anchor a square",
        "    }),",
        "})",
    )


def read(text: str) -> Config:
    """Return the anchors of the last dictionary with pred_scales and numbers in it.

    Examples
    --------
    >>> more = "'pred_aspect_ratios': [[[1, 4]]], 'use_square_anchors': False"
    >>> read(f"c = x.copy({{'pred_scales': [[24]], {more}}})").anchors.tolist()
    [[24.0, 24.0], [48.0, 12.0]]
    """
    found: list[dict[str, Any]] = [one for one in dictionaries(parsed(text), "pred_scales", "max_size")
                                   if one["pred_scales"] is not UNKNOWN and one["pred_scales"]]  # fmt: skip
    if not found:
        raise DataError("has no pred_scales that are numbers")
    given = found[-1]
    if given.get("use_pixel_scales") is False:
        raise DataError(
            "use_pixel_scales: expected True; otherwise scales are parts of cells, whose number is not known"
        )
    sizes = rows_of(given["pred_scales"], "pred_scales", each=True)
    ratios = given.get("pred_aspect_ratios", (((1, 0.5, 2),),))
    groups = ratios if isinstance(ratios, (tuple, list)) and all(isinstance(row, tuple) for row in ratios) else ()
    rows = rows_of([row[0] for row in groups if len(row) == 1], "pred_aspect_ratios", levels=len(sizes))
    if given.get("preapply_sqrt") is True:
        rows = tuple(tuple(ratio * ratio for ratio in row) for row in rows)
    parts = [sides(*level) for level in zip(sizes, rows, strict=True)]
    if given.get("use_square_anchors", True) is True:  # that of yolact_base_config
        parts = [np.stack([part[:, 0]] * 2, axis=1) for part in parts]
    side = given.get("max_size", 550)
    side = side if isinstance(side, int) else 550  # that of yolact_base_config
    return config_of(parts, RETINA if len(sizes) == 5 else (), ratio="width / height", fit="stretch",
                     img_size=noted_size(text, (side, side)))  # fmt: skip


READER = reader(read, "YOLACT", "stretch", ".py", mark=r"[\"']pred_scales[\"']\s*:", equal=True)
DETECTORS = {
    "yolact": retinanet(
        "YOLACT; its own anchors are all squares", Grid(sides, tall=False), READER, text,
        sizes=tuple((side,) for side in (24.0, 48.0, 96.0, 192.0, 384.0)), ratios=(1.0, 0.5, 2.0),
        resize=Resize("stretch", (550, 550)), matching=Matching(0.5, 0.4, "distinct"), cells=EVEN,
    ),
}  # fmt: skip
