"""What ``test_contract.py`` shares: the cells that are not kept yet, and what the three images should read as."""

import pytest

import fastanchor
from fastanchor import DataError, datasets

from labels import FORMATS, IMAGES

WAYS = {"read": fastanchor.read, "images": datasets.iter_images}  # the second raises at the call too
SIZE, FLAG = "source_size", "--source-size"  # the option for the size of images that are not there
IDLE = ("list", "openimages", "labels.cache", "parquet")
FILES = [name for name, one in FORMATS.items() if one.file]
SINGLE = [name for name, one in FORMATS.items() if not one.file]

LETTERS = "sorted by letters: 10 before 9"
LATE = "iter_images raises at the first next"
COUNTED = "a file that cannot be read counts as an image"
NO_READER = "the format has no reader yet"
EARLIER = "openimages/images kitti/images list/images"

# promise, formats (or format/kind), what is wrong today: each must fail, so that one that is mended leaves the list
ROWS: list[tuple[str, str, str]] = []
OPEN = {(promise, *cell.split("/")): reason for promise, some, reason in ROWS for cell in some.split()}


# points of a rectangle, in any order
NEVER = [(name, "reversed") for name in ("labelme", "supervisely", "dota")]


def cells(promise, formats=FORMATS, kinds=None):
    """Return formats, or pairs of a format and a kind, as parameters; those of open cells are expected to fail."""

    def cell(name, *kind):
        reasons = [reason for key in ((promise, name), (promise, name, *kind)) if (reason := OPEN.get(key))]
        marks = [pytest.mark.xfail(strict=True, reason=reasons[0])] if reasons else []
        return pytest.param(name, *kind, marks=marks, id="-".join([name, *kind]))

    kept = [(name, kind) for name in formats for kind in kinds or () if (name, kind) not in NEVER]
    return [cell(*pair) for pair in kept] if kinds else [cell(name) for name in formats]


def write(name, folder, images=IMAGES, *, pictures=None, **options):
    """Write the images in a format, with pictures where the labels do not tell their size."""
    if name == "parquet":
        pytest.importorskip("pyarrow")
    folder.mkdir(exist_ok=True)
    drawn = not FORMATS[name].sizes if pictures is None else pictures
    return FORMATS[name].write(folder, images, pictures=drawn, **options)


def classes(name, kinds):
    return tuple(dict.fromkeys(FORMATS[name].kinds.get(kind, kind) for kind in kinds))


def rows(boxes):
    """Return an image's size, a box's size and its class, for each box, sorted."""
    kinds = [boxes.class_names[i] for i in boxes.class_index]
    return sorted(zip(boxes.image_wh[boxes.image_index].tolist(), boxes.wh.tolist(), kinds, strict=True))


def expected(name, images=IMAGES):
    return sorted(
        (list(size), [x1 - x0, y1 - y0], *classes(name, [kind]))
        for _, size, found in images
        for kind, x0, y0, x1, y1 in found
    )


def planted(wrong):
    """Return the images with a wrong box as the second of the second image."""
    name, size, boxes = IMAGES[1]
    return [IMAGES[0], (name, size, [*boxes, wrong]), IMAGES[2]]


def sentence(error):
    """Return the text of an error; it is one line."""
    text = str(error.value)
    assert text
    assert "\n" not in text
    return text


def bare(text, path):
    """Return a text without a path, whose folder is named after the test."""
    return text.replace(str(path), "").replace(str(path.parent), "")


def refused(way, path, *words, **options):
    """Assert that a way to read raises at the call, with a sentence that holds these words."""
    with pytest.raises(DataError) as error:
        WAYS[way](path, **options)
    text = sentence(error)
    for word in words:
        assert word in (text if str(path.parent) in word else bare(text, path))
