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
EARLIER = "kitti/images list/images"

# promise, formats (or format/kind), what is wrong today: each must fail, so that one that is mended leaves the list
ROWS = [
    ("folder_is_recognised", "list", "only the file is, not its folder"),
    ("order_is_natural", "kitti", LETTERS),
    ("images_in_natural_order", "kitti", LETTERS),
    ("nothing_but_wrong_boxes", "list", "no box is left and no error raised"),
    ("link_that_leads_nowhere", "kitti", COUNTED),
    ("pipe_in_a_folder", "kitti", COUNTED),
    ("file_of_something_else", "kitti", COUNTED),
    ("only_file_of_something_else", "list/images", LATE),
    ("nothing_but_files_of_something_else", "kitti", "nothing could be read and no error is raised"),
    ("empty_folder", EARLIER, LATE),
    ("split_of_what_has_none", EARLIER, LATE),
    ("split_all", "kitti labelme list", "no such word"),
    ("size_by_hand_for_one_of_two", "kitti list", "refused because the other has no use for it"),
    ("progress", "list", "no bar is made"),
    ("progress_that_is_none", "list", "taken without a look"),
    ("reads", "labelme", NO_READER),
    ("format_by_name", "labelme", NO_READER),
    ("folder_is_recognised", "labelme", NO_READER),
    ("images_have_the_same_boxes", "labelme", NO_READER),
    ("order_is_natural", "labelme", NO_READER),
    ("images_in_natural_order", "labelme", NO_READER),
    ("image_without_boxes", "labelme", NO_READER),
    ("command", "labelme", NO_READER),
    ("wrong_box_costs_itself", "labelme", NO_READER),
    ("wrong_box_is_placed", "labelme", NO_READER),
    ("wrong_box_in_images", "labelme", NO_READER),
    ("first_five_places", "labelme", NO_READER),
    ("link_that_leads_nowhere", "labelme", NO_READER),
    ("pipe_in_a_folder", "labelme", NO_READER),
    ("file_of_something_else", "labelme", NO_READER),
    ("split_of_what_has_none", "labelme", NO_READER),
    ("image_is_found", "labelme", NO_READER),
    ("image_is_missing", "labelme", NO_READER),
    ("progress", "labelme", NO_READER),
    ("progress_that_is_none", "labelme", NO_READER),
    ("crowd_of_no_use", "labelme", NO_READER),
    ("columns_of_no_use", "labelme", NO_READER),
    ("two_are_read_as_one", "labelme", NO_READER),
    ("size_of_zero_comes_from_the_image", "labelme", NO_READER),
    ("size_of_zero_by_hand", "labelme", NO_READER),
    ("command_on_an_empty_folder", "labelme", NO_READER),
]
OPEN = {(promise, *cell.split("/")): reason for promise, some, reason in ROWS for cell in some.split()}


def cells(promise, formats=FORMATS, kinds=None):
    """Return formats, or pairs of a format and a kind, as parameters; those of open cells are expected to fail."""

    def cell(name, *kind):
        reasons = [reason for key in ((promise, name), (promise, name, *kind)) if (reason := OPEN.get(key))]
        marks = [pytest.mark.xfail(strict=True, reason=reasons[0])] if reasons else []
        return pytest.param(name, *kind, marks=marks, id="-".join([name, *kind]))

    return [cell(name, kind) for name in formats for kind in kinds] if kinds else [cell(name) for name in formats]


def write(name, folder, images=IMAGES, *, pictures=None, **options):
    """Write the images in a format, with pictures where the labels do not tell their size."""
    if name == "parquet":
        pytest.importorskip("pyarrow")
    folder.mkdir(exist_ok=True)
    drawn = not FORMATS[name].sizes if pictures is None else pictures
    return FORMATS[name].write(folder, images, pictures=drawn, **options)


def classes(name, kinds):
    return tuple(kind.removeprefix("c") if FORMATS[name].numbers else kind for kind in kinds)


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
