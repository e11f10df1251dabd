"""What the texts for models of torchvision share."""

from __future__ import annotations

from fastanchor.detectors._detector import Content
from fastanchor.detectors._writing import grid_rows

__all__ = ["MODULE", "build", "classes", "generator"]

MODULE = "from torchvision.models.detection"


def generator(content: Content) -> list[str]:
    """Return the lines that build the AnchorGenerator."""
    ratios = content.values.ratios
    listed = f"{grid_rows(ratios[:1])} * {len(ratios)}" if content.same_ratios else grid_rows(ratios)
    return [
        *content.note,
        "anchor_generator = AnchorGenerator(",
        f"    sizes={grid_rows(content.values.sizes)},  # one tuple for each level",
        f"    aspect_ratios={listed},  # height / width",
        ")",
    ]


def classes(content: Content) -> int:
    """Return the number of classes, the background included; that of COCO if it is not known."""
    return 91 if content.classes is None else content.classes + 1


def build(name: str, content: Content) -> str:
    """Return the line that builds the model."""
    short, long = content.img_size
    return f"model = {name}(num_classes={classes(content)}, min_size={short}, max_size={long})  # background included"
