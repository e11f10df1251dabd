"""The kernels of ``_exchange`` in NumPy, where numba is not in use."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from fastanchor._types import FloatArray, IntArray

__all__ = [
    "LANES",
    "Float32Array",
    "Mass",
    "Rule",
    "cover_iou",
    "cover_ratio",
    "exchanges",
    "trials_iou",
    "trials_ratio",
]

Float32Array = NDArray[np.float32]
LANES = 256
STEEP = 1e300  # any match above the threshold counts in full


class Mass(NamedTuple):
    """Places (m,) in the plane of sizes, with reciprocals of their sides, and their weights; float64 each."""

    w: FloatArray
    h: FloatArray
    iw: FloatArray
    ih: FloatArray
    weight: FloatArray


class Rule(NamedTuple):
    """What a match is worth: ``lift + scale * match``, times the share ``slope * (match - above)``, from 0 to 1."""

    above: float
    slope: float  # STEEP where the threshold is sharp
    lift: float
    scale: float


def _counted(rule: Rule, match: FloatArray) -> FloatArray:
    share = np.minimum((match - rule.above) * rule.slope, 1.0)
    return (rule.lift + rule.scale * match) * np.maximum(share, 0.0)


def _ratio(mass: Mass, rule: Rule, w: float, h: float) -> FloatArray:
    best = np.minimum(mass.w * (1.0 / w), w * mass.iw)
    np.minimum(best, np.minimum(mass.h * (1.0 / h), h * mass.ih), out=best)
    return _counted(rule, best)


def _iou(mass: Mass, rule: Rule, w: float, h: float) -> FloatArray:
    shared = np.minimum(mass.w, w) * np.minimum(mass.h, h)
    return _counted(rule, shared / (mass.w * mass.h + w * h - shared))


def _lane_sum(values: FloatArray) -> float:
    lanes = np.zeros(LANES)
    full = values.size - values.size % LANES
    lanes += np.add.reduce(values[:full].reshape(-1, LANES), axis=0)
    lanes[: values.size - full] += values[full:]
    while lanes.size > 1:
        lanes = lanes[: lanes.size // 2] + lanes[lanes.size // 2 :]
    return float(lanes[0])


def cover_ratio(mass: Mass, rule: Rule, aw: FloatArray, ah: FloatArray, out: FloatArray) -> None:
    """Raise ``out`` to the value of each place with the best of these anchors, by ratio."""
    for w, h in zip(aw.tolist(), ah.tolist(), strict=True):
        np.maximum(out, _ratio(mass, rule, w, h), out=out)


def cover_iou(mass: Mass, rule: Rule, aw: FloatArray, ah: FloatArray, out: FloatArray) -> None:
    """Raise ``out`` to the value of each place with the best of these anchors, by IoU."""
    for w, h in zip(aw.tolist(), ah.tolist(), strict=True):
        np.maximum(out, _iou(mass, rule, w, h), out=out)


def trials_ratio(mass: Mass, rule: Rule, rest: FloatArray, aw: FloatArray, ah: FloatArray, out: FloatArray) -> None:
    """Add up, for each of these anchors, the places' best values: with it, or those of the `rest`, by ratio."""
    for j in range(aw.size):
        out[j] = _lane_sum(mass.weight * np.maximum(_ratio(mass, rule, float(aw[j]), float(ah[j])), rest))


def trials_iou(mass: Mass, rule: Rule, rest: FloatArray, aw: FloatArray, ah: FloatArray, out: FloatArray) -> None:
    """Add up, for each of these anchors, the places' best values: with it, or those of the `rest`, by IoU."""
    for j in range(aw.size):
        out[j] = _lane_sum(mass.weight * np.maximum(_iou(mass, rule, float(aw[j]), float(ah[j])), rest))


def exchanges(
    table: Float32Array,
    weight: FloatArray,
    nearest: IntArray,
    best: Float32Array,
    second: Float32Array,
    out: FloatArray,
) -> None:
    """Add up what each candidate gains in the place of each anchor, into ``out`` (k, c)."""
    wide = table.astype(np.float64)
    most, least = best.astype(np.float64)[:, None], second.astype(np.float64)[:, None]
    loss = weight[:, None] * (most - np.maximum(np.minimum(wide, most), least))
    gain = np.add.reduce(weight[:, None] * (np.maximum(wide, most) - most), axis=0)
    for r in range(len(out)):
        out[r] = gain - np.add.reduce(loss[nearest == r], axis=0)
