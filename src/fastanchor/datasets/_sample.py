"""The built-in demonstration set."""

from __future__ import annotations

import numpy as np

from fastanchor.boxes import Boxes

__all__ = ["sample"]

SEED = 20
IMAGES = 3000
BOXES = 20_000
# width, height, share of the images: phones, cameras and a few tall ones
IMAGE_SIZES = (
    (640, 480, 0.35), (1280, 720, 0.25), (500, 375, 0.15), (1024, 1024, 0.1), (480, 640, 0.1), (1920, 1080, 0.05),
)  # fmt: skip
# share of the boxes; median of sqrt(w * h), as a share of sqrt(image width * image height), and standard deviation of
# its logarithm; the same of w / h
KINDS = {
    "bicycle": (0.08, 0.16, 0.55, 1.30, 0.30),
    "boat": (0.05, 0.12, 0.80, 2.40, 0.35),
    "bottle": (0.12, 0.06, 0.50, 0.34, 0.15),
    "car": (0.26, 0.10, 0.75, 1.55, 0.25),
    "dog": (0.07, 0.24, 0.45, 1.05, 0.35),
    "person": (0.30, 0.13, 0.70, 0.42, 0.25),
    "sign": (0.12, 0.035, 0.45, 0.95, 0.15),
}


def sample() -> Boxes:
    """Return the built-in demonstration set: 20,000 boxes of 7 classes in 3,000 images, the same every time.

    Nothing is downloaded and nobody's data is in it. Each image takes one of six sizes. Each box goes to an image and
    a kind of object at random (busy images are rare: the chance of an image is gamma distributed); the root of its
    area and its aspect are log-normal with the medians and spreads of its kind, relative to the image. Sides are whole
    pixels, at least 1 and at most those of the image.

    Examples
    --------
    >>> sample()
    Boxes(20,000 boxes, 3,000 images, 7 classes)
    """
    rng = np.random.default_rng(SEED)
    pick = rng.choice(len(IMAGE_SIZES), IMAGES, p=[share for _, _, share in IMAGE_SIZES])
    image_wh = np.array([(w, h) for w, h, _ in IMAGE_SIZES], dtype=np.float64)[pick]
    busy = rng.gamma(1.5, size=IMAGES)
    image_index = np.sort(rng.choice(IMAGES, BOXES, p=busy / busy.sum()))
    share, *rest = np.array(list(KINDS.values())).T
    kind = rng.choice(len(KINDS), BOXES, p=share)
    size, spread, aspect, bend = (column[kind] for column in rest)
    root = size * np.exp(spread * rng.standard_normal(BOXES)) * np.sqrt(image_wh.prod(axis=1))[image_index]
    skew = np.sqrt(aspect * np.exp(bend * rng.standard_normal(BOXES)))
    wh = np.stack([root * skew, root / skew], axis=1)
    return Boxes(
        np.clip(np.rint(wh), 1.0, image_wh[image_index]),
        image_index=image_index,
        image_wh=image_wh,
        class_index=kind,
        class_names=tuple(KINDS),
    )
