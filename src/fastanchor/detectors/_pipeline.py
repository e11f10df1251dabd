"""Pipeline configurations of the TensorFlow Object Detection API: what is around the anchor generator."""

from __future__ import annotations

from fastanchor._types import Fit
from fastanchor.detectors._blocks import Block, numbers, one
from fastanchor.detectors._detector import Content
from fastanchor.detectors._reading import noted_size
from fastanchor.detectors._writing import enclosed, written

__all__ = ["ENDINGS", "FIXED", "LIMITS", "model", "resized"]

ENDINGS = (".config", ".pbtxt")
FIXED = "fixed_shape_resizer {{ height: {1} width: {0} }}"
LIMITS = "keep_aspect_ratio_resizer {{ min_dimension: {} max_dimension: {} }}"


def model(content: Content, family: str, anchors: str, resizer: str, generator: list[str]) -> str:
    """Return the text of a model: how it resizes images, and its anchor generator, named by the first line."""
    inner = [*content.of_classes("num_classes: {}"), f"image_resizer {{ {resizer.format(*content.img_size)} }}",
             *enclosed(f"{anchors} {{", enclosed(generator[0], generator[1:], "}", 2), "}", 2)]  # fmt: skip
    return written(content.note, enclosed("model {", enclosed(f"{family} {{", inner, "}", 2), "}", 2))


def resized(root: Block, text: str) -> tuple[Fit, tuple[int, int]]:
    """Return how images are resized, and the network input."""
    block = one(root, "keep_aspect_ratio_resizer")
    if block is not None:
        return "shortest", (int(numbers(block, "min_dimension", 600)[0]), int(numbers(block, "max_dimension", 1024)[0]))
    block = one(root, "fixed_shape_resizer") or {}
    usual = noted_size(text, (300, 300))
    return "stretch", (int(numbers(block, "width", usual[0])[0]), int(numbers(block, "height", usual[1])[0]))
