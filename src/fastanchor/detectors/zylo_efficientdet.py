"""Yet-Another-EfficientDet-Pytorch: the anchors of a project. Each ratio is a pair of factors of width and height."""

from __future__ import annotations

from collections.abc import Sequence

from fastanchor._types import FloatArray
from fastanchor.detectors._detector import Content, Resize
from fastanchor.detectors._grid import Grid
from fastanchor.detectors._models import RETINA, retinanet
from fastanchor.detectors._reading import config_of, given, noted_size, reader, rows_of
from fastanchor.detectors._writing import of_strides, written
from fastanchor.detectors.efficientdet import pairs
from fastanchor.export import Config
from fastanchor.export._yaml import compose
from fastanchor.matching import Cells, Matching

__all__ = ["DETECTORS", "sides"]

LIBRARY = "Yet-Another-EfficientDet-Pytorch"
BASE = 4  # strides of a scale of 1; of D7 it is 5
SCALES = (1.0, 2 ** (1 / 3), 2 ** (2 / 3))
PAIRS = ((1.0, 1.0), (1.4, 0.7), (0.7, 1.4))


def factors(ratios: Sequence[float]) -> list[tuple[float, float]]:
    """Return the factors of width and of height that leave the area as it is."""
    return [(ratio**0.5, ratio**-0.5) for ratio in ratios]


def sides(sizes: Sequence[float], ratios: Sequence[float]) -> FloatArray:
    """Return the anchors of a level, size by size."""
    return pairs(sizes, factors(ratios))


def text(content: Content) -> str:
    """Return the YAML of a project; its lists are texts that the library evaluates."""
    scales = [size / BASE for size in of_strides(content, RETINA, LIBRARY, "list of scales")]
    return written(
        content.note,
        f"# projects/NAME.yml, for D0 to D6 with an input of {content.img_size[0]}; efficientdet_test.py has them too",
        f"anchors_scales: '{scales}'",
        f"anchors_ratios: '{factors(content.ratios(LIBRARY))}'  # width, height",
    )


def read(text: str) -> Config:
    r"""Return the anchors of a project.

    Examples
    --------
    >>> read("anchors_scales: '[2 ** 0]'\nanchors_ratios: '[(1.0, 1.0), (1.4, 0.7)]'").anchors[:2].round(4).tolist()
    [[32.0, 32.0], [44.8, 22.4]]
    """
    found = given(compose(text), "anchors_scales", "anchors_ratios")
    (scales,) = rows_of(found.get("anchors_scales", SCALES), "anchors_scales")
    ratios = found.get("anchors_ratios", PAIRS)
    parts = [pairs([BASE * stride * scale for scale in scales], ratios, "anchors_ratios") for stride in RETINA]
    size = noted_size(text, (512, 512))
    return config_of(parts, RETINA, ratio="width / height", fit="letterbox", img_size=size)


READER = reader(read, LIBRARY, "letterbox", ".yml", ".yaml", mark=r"(?m)^anchors_(scales|ratios)\s*:", equal=True)
DETECTORS = {
    "zylo-efficientdet": retinanet(
        "EfficientDet-D0 to D6 of zylo117/Yet-Another-EfficientDet-Pytorch",
        Grid(sides, sizes=3, strides=tuple(float(BASE * one) for one in RETINA), tall=False), READER, text,
        ratios=(1.0, 2.0, 0.5), resize=Resize("letterbox", (512, 512)), matching=Matching(0.5, 0.4, "none"),
        cells=Cells(multiple=128, offset=0.5),
    ),
}  # fmt: skip
