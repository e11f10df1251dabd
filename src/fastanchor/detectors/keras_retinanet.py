"""keras-retinanet: the anchor_parameters of config.ini. Sizes are whole numbers; a ratio is height / width."""

from __future__ import annotations

import configparser

from fastanchor._errors import DataError
from fastanchor._hints import called
from fastanchor.detectors._detector import Content
from fastanchor.detectors._grid import Grid, crossed
from fastanchor.detectors._models import CENTRED, RETINA, retinanet
from fastanchor.detectors._reading import config_of, reader
from fastanchor.detectors._writing import parted, written
from fastanchor.export import Config
from fastanchor.matching import Matching

__all__ = ["DETECTORS", "sides"]

LIBRARY = "keras-retinanet"
BASES = (32.0, 64.0, 128.0, 256.0, 512.0)

sides = crossed(tall=True, by_ratio=True)


def text(content: Content) -> str:
    """Return the INI; the library splits lists at single blanks."""
    sizes = content.values.sizes
    first, scales = parted(sizes, LIBRARY)
    if [base * sizes[0][0] / BASES[0] for base in BASES] == first:  # as it comes: the scales are what was found
        first, scales = list(BASES), [size / BASES[0] for size in sizes[0]]
    if any(base % 1 for base in first):
        raise DataError(f"{called('sizes')}: {LIBRARY} takes whole numbers, one for each level")
    short, long = content.img_size
    return written(
        content.note,
        f"# train, debug, evaluate and convert with --config FILE --image-min-side {short} --image-max-side {long}",
        "[anchor_parameters]",
        f"sizes   = {' '.join(f'{base:.0f}' for base in first)}",
        f"strides = {' '.join(map(str, RETINA))}",
        "# height / width",
        f"ratios  = {' '.join(map(repr, content.ratios(LIBRARY)))}",
        f"scales  = {' '.join(map(repr, scales))}",
    )


def read(text: str) -> Config:
    r"""Return the anchors of an INI.

    Examples
    --------
    >>> read("[anchor_parameters]\nsizes = 32 64\nstrides = 8 16\nratios = 1\nscales = 1 1.5").anchors.tolist()
    [[32.0, 32.0], [48.0, 48.0], [64.0, 64.0], [96.0, 96.0]]
    """
    parser = configparser.ConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise DataError(f"not valid INI ({' '.join(str(error).split())})") from None
    given = {}
    for key in ("sizes", "strides", "ratios", "scales"):
        try:
            given[key] = [float(word) for word in parser["anchor_parameters"].get(key, "").split()]
        except ValueError:
            given[key] = []
        if not given[key] or min(given[key]) <= 0.0:
            raise DataError(f"{key}: expected numbers above 0, separated by single blanks")
    sizes, strides = given["sizes"], given["strides"]
    if len(sizes) != len(strides):
        raise DataError(f"{called('sizes')}: got {len(sizes)}, expected {len(strides)}, as many as strides")
    parts = [sides([size * scale for scale in given["scales"]], given["ratios"]) for size in sizes]
    return config_of(parts, strides, fit="shortest")


READER = reader(read, "keras-retinanet", "shortest", ".ini", mark=r"(?m)^\[anchor_parameters\]", equal=True)
DETECTORS = {
    "keras-retinanet": retinanet(
        "RetinaNet of fizyr/keras-retinanet", Grid(sides, sizes=3, strides=BASES), READER, text,
        matching=Matching(0.5, 0.4, "none"), cells=CENTRED,
    ),
}  # fmt: skip
