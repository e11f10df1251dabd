"""ODTK (NVIDIA/retinanet-examples): the ratios and scales of its RetinaNet. A ratio is height / width."""

from __future__ import annotations

from fastanchor._errors import DataError
from fastanchor.detectors._detector import Content
from fastanchor.detectors._grid import Grid, crossed
from fastanchor.detectors._models import RETINA, retinanet
from fastanchor.detectors._python import calls, defaults, parsed
from fastanchor.detectors._reading import config_of, reader, rows_of
from fastanchor.detectors._writing import of_strides, written
from fastanchor.export import Config
from fastanchor.matching import Cells, Matching

__all__ = ["DETECTORS", "sides"]

LIBRARY = "ODTK"

sides = crossed(tall=True, by_ratio=False)


def text(content: Content) -> str:
    """Return the arguments of its Model."""
    short, long = content.img_size
    return written(
        content.note,
        f"# train with --resize {short} --max-size {long}",
        "# arguments for the call of Model in odtk/main.py; programs in extras/cppapi have anchors of their own",
        "model = Model(",
        content.of_classes("    classes={},"),
        f"    ratios={content.ratios(LIBRARY)},  # height / width",
        f"    scales={of_strides(content, RETINA, LIBRARY, 'list of scales')},  # times the stride of a level",
        ")",
    )


def read(text: str) -> Config:
    """Return the anchors of the first call of Model with scales and ratios, else of those that it has by default.

    Examples
    --------
    >>> read("Model(ratios=[1.0], scales=[4])").anchors.tolist()
    [[32.0, 32.0], [64.0, 64.0], [128.0, 128.0], [256.0, 256.0], [512.0, 512.0]]
    """
    tree = parsed(text)
    models = [*calls(tree, "Model"), *defaults(tree, "__init__")]
    found = next((one for one in models if "scales" in one and "ratios" in one), None)
    if found is None:
        raise DataError("has no Model(ratios=..., scales=...)")
    (scales,), (ratios,) = (rows_of(found[key], key) for key in ("scales", "ratios"))
    parts = [sides([stride * scale for scale in scales], ratios) for stride in RETINA]
    return config_of(parts, RETINA, fit="shortest")


MARK = r"\bModel\([^()]*\bscales\s*=|\banchor_ious\s*="
READER = reader(read, "ODTK", "shortest", ".py", mark=MARK, equal=True)
DETECTORS = {
    "odtk-retinanet": retinanet(
        "RetinaNet of NVIDIA/retinanet-examples", Grid(sides, sizes=3, strides=RETINA), READER, text,
        ratios=(1.0, 2.0, 0.5), matching=Matching(0.5, 0.4, "none", pixels="last"),
        cells=Cells(multiple=128, offset=0.5),
    ),
}  # fmt: skip
