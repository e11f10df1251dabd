"""VoTT JSON: the export with all assets, or a file for each asset. Boxes are the bounding boxes of the regions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from fastanchor.datasets._json_files import inner, json_format, path_of
from fastanchor.datasets._record import Image, Job, number_of

__all__ = ["FORMAT"]

SIDES = ("left", "top", "width", "height")


def images(content: Any, job: Job, file: str) -> Iterator[Image]:
    """Yield the assets."""
    assets = content["assets"].values() if "assets" in content else [content]
    for number, one in enumerate(assets):
        asset, regions = one["asset"], one["regions"]
        sides = [number_of((region.get("boundingBox") or {}).get(key)) for region in regions for key in SIDES]
        classes = [str(next(iter(region.get("tags") or ()), "")) for region in regions]
        size = number_of(asset["size"]["width"]), number_of(asset["size"]["height"])
        yield Image(str(asset["name"]), size, sides, classes, inner(number, len(regions)))


FORMAT = json_format(
    "vott", "VoTT (JSON with assets and regions)", "VoTT", images, form="xywh",
    tells=frozenset(("place", "class")), place=path_of("asset {}, regions[{}]"),
)  # fmt: skip
