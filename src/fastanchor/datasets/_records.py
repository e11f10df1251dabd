"""Names that readers not yet on the driver use."""

from fastanchor.datasets._record import ImageAnnotation
from fastanchor.datasets._skips import Skips, shown, shown_counts

__all__ = ["ImageAnnotation", "Skips", "shown", "shown_counts"]
