"""Anchor box shapes for object detectors."""

__version__ = "0.1.0"
