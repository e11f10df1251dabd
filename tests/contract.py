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
PLACES = "a table is read without the places of its boxes"
LATE = "iter_images raises at the first next"
COUNTED = "a file that cannot be read counts as an image"
NO_READER = "the format has no reader yet"
EARLIER = "voc/images coco/images yolo/images labels.cache/images openimages/images kitti/images list/images"

# promise, formats (or format/kind), what is wrong today: each must fail, so that one that is mended leaves the list
ROWS = [
    ("folder_is_recognised", "list table parquet", "only the file is, not its folder"),
    ("images_have_the_same_boxes", "table parquet", PLACES),
    ("order_is_natural", "voc yolo openimages kitti table parquet", LETTERS),
    ("images_in_natural_order", "voc yolo kitti", LETTERS),
    ("images_in_natural_order", "table parquet", PLACES),
    ("wrong_box_in_images", "table parquet", PLACES),
    ("nothing_but_wrong_boxes", "voc coco labels.cache list", "no box is left and no error raised"),
    ("link_that_leads_nowhere", "yolo kitti", COUNTED),
    ("pipe_in_a_folder", "yolo kitti", COUNTED),
    ("file_of_something_else", "yolo kitti", COUNTED),
    ("only_file_of_something_else", "coco/images labels.cache/images openimages/images list/images", LATE),
    ("nothing_but_files_of_something_else", "voc/images yolo/images", LATE),
    ("nothing_but_files_of_something_else", "kitti", "nothing could be read and no error is raised"),
    ("empty_folder", EARLIER, LATE),
    ("wrong_split", "voc/images coco/images yolo/images", LATE),
    ("part_of_a_split_is_no_split", "voc/images yolo/images", LATE),
    ("part_of_a_split_is_no_split", "coco", "a file is taken whose name holds the letters of the split"),
    ("split_of_what_has_none", EARLIER, LATE),
    ("split_of_what_has_none", "table/images parquet/images", PLACES),
    ("image_is_found", "labels.cache", "images are not looked for"),
    ("image_is_found", "table parquet", PLACES),
    ("image_is_missing", "labels.cache", "images are not looked for"),
    ("image_is_missing", "table parquet", PLACES),
    ("split_all", "voc coco yolo labels.cache openimages kitti list table parquet labelme", "no such word"),
    ("splits_joined", "voc coco yolo", "one name only"),
    ("size_of_zero_comes_from_the_image", "table parquet", "its images are not looked for"),
    ("size_of_zero_by_hand", "voc table parquet", "refused, although labels of this kind may not tell the size"),
    ("size_of_no_use_in_the_command", "voc labels.cache table parquet", "named as in Python"),
    ("size_of_no_use_in_the_command", "coco", "taken, although the labels tell all sizes"),
    ("size_is_missing", "openimages", "counted as an image and once more for each box"),
    ("size_by_hand_for_one_of_two", "yolo openimages kitti list", "refused because the other has no use for it"),
    ("progress", "yolo", "the bar over the sizes of images never moves"),
    ("progress", "labels.cache openimages list", "no bar is made"),
    ("progress_that_is_none", "labels.cache openimages list", "taken without a look"),
    ("size_of_no_use", "coco", "taken, although the labels tell all sizes"),
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
    ("size_of_no_use", "labelme", NO_READER),
    ("crowd_of_no_use", "labelme", NO_READER),
    ("columns_of_no_use", "labelme", NO_READER),
    ("two_are_read_as_one", "labelme", NO_READER),
    ("size_of_zero_comes_from_the_image", "labelme", NO_READER),
    ("size_of_zero_by_hand", "labelme", NO_READER),
    ("size_of_no_use_in_the_command", "labelme", NO_READER),
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
