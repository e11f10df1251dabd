"""Boxes of a data set as columns: readers fill them, algorithms read them.

``_boxes.py`` has the class; ``_scaling.py`` brings sizes to the network input, ``_select.py`` takes some boxes or
images, ``_join.py`` puts data sets together, and ``_columns.py`` makes tables of them.
"""

from fastanchor.boxes._boxes import Boxes, network_sizes
from fastanchor.boxes._columns import TEXTS, columns_of
from fastanchor.boxes._join import concatenated
from fastanchor.boxes._scaling import FITS, image_scale, network_input
from fastanchor.boxes._select import of_images

__all__ = [
    "FITS", "TEXTS", "Boxes", "columns_of", "concatenated", "image_scale", "network_input", "network_sizes",
    "of_images",
]  # fmt: skip
