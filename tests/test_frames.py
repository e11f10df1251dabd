"""Tables of other libraries as boxes: which columns are taken, and what is refused because it could mean several."""

import re
import sys
from decimal import Decimal

import numpy as np
import pytest

import fastanchor
from fastanchor import BackendError, DataError, WrongTypeError, kernels

import zoo

pa = pytest.importorskip("pyarrow")


class Column:
    """A column as pandas and polars have it: a dtype, and an array of its values."""

    def __init__(self, values):
        self.values = np.array(values, object if any(one is None for one in values) else None)
        self.dtype = self.values.dtype

    def __array__(self, dtype=None, copy=None):
        return self.values.astype(dtype or self.dtype)


class Frame:
    """A table with named columns and nothing else."""

    def __init__(self, content):
        self.content = {name: Column(values) for name, values in content.items()}
        self.columns = list(content)

    def __getitem__(self, name):
        return self.content[name]


class Stream:
    """Nothing but Arrow's stream of batches."""

    def __init__(self, content):
        self.table = pa.table(content)

    def __arrow_c_stream__(self, requested_schema=None):
        return pa.RecordBatchReader.from_batches(
            self.table.schema, self.table.to_batches(max_chunksize=2)
        ).__arrow_c_stream__(requested_schema)


class Batch:
    """Nothing but one batch of Arrow's."""

    def __init__(self, content):
        self.batch = pa.RecordBatch.from_pydict(content)

    def __arrow_c_array__(self, requested_schema=None):
        return self.batch.__arrow_c_array__(requested_schema)


class Sizes:
    """Nothing but an array."""

    def __init__(self, wh):
        self.wh = wh

    def __array__(self, dtype=None, copy=None):
        return np.asarray(self.wh, dtype)


def installed(name):
    def make(content):
        return pytest.importorskip(name, reason=f"{name} is not installed").DataFrame(content)

    return make


FRAMES = {
    "stand-in": Frame,
    "pyarrow": pa.table,
    "a batch of pyarrow": pa.RecordBatch.from_pydict,
    "Arrow stream": Stream,
    "Arrow batch": Batch,
    "pandas": installed("pandas"),
    "polars": installed("polars"),
}
frames = pytest.mark.parametrize("frame", FRAMES.values(), ids=FRAMES)

W, H = [10.5, 12.0, 40.0, 90.0, 33.0], [20.0, 14.5, 60.0, 70.0, 21.0]
OTHER = {"name": ["a", "b", "c", "d", "e"]}
TAKEN = {
    "width and height": {"height": H, "width": W, "area": W},
    "w and h": {"h": H, **OTHER, "w": W, "score": H},
    "any case": {" Height": H, "WIDTH ": W, "x": W},
    "of the box": {"box_height": H, "box_width": W, "image": H},
    "of the bbox": {"bbox_height": H, "bbox_width": W, "image": H},
    "left and width": {"left": H, "top": H, "width": W, "height": H},
    "two of numbers": {"a": W, **OTHER, "b": H},
    "two": {"a": W, "b": H},
    "half a pair": {"h": W, "b": H},
}


@frames
@pytest.mark.parametrize("content", TAKEN.values(), ids=TAKEN)
def test_which_columns_are_taken(frame, content):
    np.testing.assert_array_equal(fastanchor.Boxes(frame(content)).wh, np.column_stack([W, H]))


CORNERS = {"xmin": W, "ymin": W, "xmax": W, "ymax": H}
REFUSED = {
    "two pairs": ({"width": W, "height": H, "w": W, "h": H}, ", and more than one of them could be the width"),
    "corners": ({"width": W, "height": H, **CORNERS}, "; beside 'xmin' and 'xmax', 'width' may be the image's"),
    "corners, short": ({"x1": W, "x2": H, "w": W, "h": H}, "; beside 'x1' and 'x2', 'w' may be the image's"),
    "three": ({"a": W, "b": H, "c": H}, ", 3 of them numbers; expected width and height, w and h, or exactly two"),
    "one": ({"a": W, **OTHER}, ", 1 of them numbers; expected width and height"),
    "half a pair": ({"width": W, "b": H, "c": H}, ", 3 of them numbers; expected width and height"),
    "mixed pairs": ({"width": W, "h": H, "c": H}, ", 3 of them numbers; expected width and height"),
    "pair twice": ({"w": W, "W": W, "h": H}, ", and more than one of them could be the width"),
    "height twice": ({"w": W, "h": H, "H": H}, ", and more than one of them could be the height"),
    "long names twice": ({"width": W, "height": H, "Height": H}, ", and more than one of them could be the height"),
}


@frames
@pytest.mark.parametrize(("content", "why"), REFUSED.values(), ids=REFUSED)
def test_columns_that_could_mean_several_things_are_refused(frame, content, why):
    there = ", ".join(map(repr, content))
    with pytest.raises(DataError, match="^" + re.escape(f"boxes: has the columns {there}{why}")):
        fastanchor.mean_iou(frame(content), [[1, 1]])


IMAGE_SIZES = {
    "beside width and height": ({"width": W, "height": H}, ("image_width", "image_height")),
    "without a place": ({"file": ["a"] * 5, "box_width": W, "box_height": H}, ("image_width", "image_height")),
    "with a place": ({"width": W, "height": H, "x": W, "y": H, **OTHER}, ("image_width", "image_height")),
    "beside w and h": ({"h": H, "w": W}, ("img_w", "img_h")),
    "in any case": ({"Width": W, "Height": H}, ("ImageWidth", "Image Height ")),
    "no boxes": (OTHER, ("image_width", "image_height")),
}


@frames
@pytest.mark.parametrize(("content", "pair"), IMAGE_SIZES.values(), ids=IMAGE_SIZES)
def test_sizes_of_images_are_refused(frame, content, pair):
    sentence = "; {!r} and {!r} are the sizes of images: use fastanchor.read(frame), or give a table of the".format(
        *pair
    )
    there = ", ".join(map(repr, [*content, *pair]))
    with pytest.raises(DataError, match="^" + re.escape(f"boxes: has the columns {there}{sentence}")):
        fastanchor.mean_iou(frame({**content, pair[0]: H, pair[1]: W}), [[1, 1]])


def test_one_side_of_images_is_no_size():
    content = {"width": W, "height": H, "image_width": H}
    np.testing.assert_array_equal(fastanchor.Boxes(Frame(content)).wh, np.column_stack([W, H]))


@frames
def test_text_is_not_taken_for_numbers(frame):
    with pytest.raises(WrongTypeError, match=r"^boxes(\[0\])?: column 'w' must contain numbers, got ('1'|text)$"):
        fastanchor.mean_iou(frame({"w": ["1", "2"], "h": [3, 4]}), [[1, 1]])


@frames
@pytest.mark.parametrize("hole", [0, 2])
def test_a_missing_number_is_named_by_its_row(frame, hole):
    w = [None if i == hole else 5 for i in range(3)]
    with pytest.raises(
        DataError, match=rf"^boxes\[{hole}\]( = \(nan, 5\.0\): widths|: column 'w' must contain numbers, got None)"
    ):
        fastanchor.mean_iou(frame({"w": w, "h": [5, 5, 5]}), [[1, 1]])


@frames
def test_bad_sides_are_named_by_their_row(frame):
    with pytest.raises(DataError, match=r"^boxes\[1\] = \(-1\.0, 4\.0\): widths and heights must be finite and > 0"):
        fastanchor.mean_iou(frame({"w": [1, -1], "h": [3, 4]}), [[1, 1]])


def test_a_table_without_rows():
    with pytest.raises(DataError, match=r"^boxes: must have at least one"):
        fastanchor.mean_iou(pa.table({"w": W, "h": H}).slice(0, 0), [[1, 1]])


def test_numbers_of_other_kinds():
    with pytest.raises(WrongTypeError, match=r"^boxes\[0\]: column 'h' must contain numbers, got True"):
        fastanchor.mean_iou(Frame({"w": [1, 2], "h": np.array([True, 3], object)}), [[1, 1]])
    exact = pa.table({"w": [Decimal("1.5"), Decimal("2.0")], "h": pa.array([3, 4], pa.uint8())})
    assert fastanchor.Boxes(exact).wh.tolist() == [[1.5, 3.0], [2.0, 4.0]]


@pytest.mark.parametrize("content", [pa.array([1, 2]), pa.array([[1, 2], [3, 4]])])
def test_arrow_data_that_is_not_a_table(content):
    class Bare:
        def __arrow_c_array__(self, requested_schema=None):
            return content.__arrow_c_array__(requested_schema)

    with pytest.raises(DataError, match=r"^boxes: is Arrow data, but not a table \("):
        fastanchor.mean_iou(Bare(), [[1, 1]])


class Relation:
    """A query whose columns are queries too, as of DuckDB."""

    columns = ("w", "h")

    def __getitem__(self, name):
        raise AssertionError

    def __arrow_c_stream__(self, requested_schema=None):
        return pa.table({"w": [1.5, 2.0], "h": [3.0, 4.0]}).__arrow_c_stream__(requested_schema)


def test_a_query_is_read_as_arrow_data():
    assert fastanchor.Boxes(Relation()).wh.tolist() == [[1.5, 3.0], [2.0, 4.0]]
    assert fastanchor.read(Relation(), progress=False).wh.tolist() == [[1.5, 3.0], [2.0, 4.0]]


class LazyFrame:
    """A frame that is not computed yet, as of polars."""

    def collect(self):
        return Frame({"w": [1.5], "h": [3.0]})

    def collect_schema(self):
        raise AssertionError

    @property
    def columns(self):
        raise AssertionError


@pytest.mark.parametrize("call", [fastanchor.Boxes, fastanchor.read])
def test_a_frame_that_is_not_computed_is_refused(call):
    with pytest.raises(WrongTypeError, match=r": got a LazyFrame, expected a data frame; call its collect\(\)"):
        call(LazyFrame())


@pytest.mark.parametrize("frame", [Stream, Batch])
def test_arrow_data_without_pyarrow(frame, monkeypatch):
    values = frame({"w": W, "h": H})
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    sentence = f"boxes: a {frame.__name__} is read through pyarrow; pip install 'fastanchor[parquet]'"
    with pytest.raises(BackendError, match=re.escape(sentence)):
        fastanchor.mean_iou(values, [[1, 1]])


WH = zoo.lognormal(200) + 3.0
CALLS = {
    "kmeans": lambda boxes: fastanchor.kmeans(boxes, 3, rng=0, progress=False).centers,
    "kmeans, points": lambda boxes: fastanchor.kmeans(boxes, 3, metric="euclidean", rng=0, progress=False).centers,
    "init": lambda boxes: fastanchor.kmeans(WH, len(WH), init=boxes, progress=False).centers,
    "auto_anchor": lambda boxes: fastanchor.auto_anchor(boxes, n=3, gen=9, rng=0, progress=False).anchors,
    "evolve": lambda boxes: fastanchor.evolve(boxes, WH[:3], gen=9, rng=0, progress=False).anchors,
    "sweep": lambda boxes: fastanchor.sweep(boxes, [2], rng=0, progress=False).anchors[0],
    "check": lambda boxes: fastanchor.check(boxes, WH[:3]).counts,
    "anchor_fitness": lambda boxes: fastanchor.anchor_fitness(boxes, WH[:3]),
    "mean_iou": lambda boxes: fastanchor.mean_iou(boxes, WH[:3]),
    "wh_iou": lambda boxes: fastanchor.wh_iou(boxes, boxes),
    "assign": lambda boxes: fastanchor.assign(boxes, WH[:3]),
    "update_centers": lambda boxes: fastanchor.update_centers(boxes, np.arange(len(WH)) % 3, 3),
    "Boxes": lambda boxes: fastanchor.Boxes(boxes, [0] * len(WH), [[640, 480]]).scaled(320),
    "BoxIndex": lambda boxes: fastanchor.BoxIndex(boxes).take(np.arange(len(WH))),
}


@pytest.mark.parametrize("frame", [Frame, pa.table, Stream], ids=["stand-in", "pyarrow", "Arrow stream"])
@pytest.mark.parametrize("name", CALLS)
def test_tables_are_accepted_wherever_boxes_are(frame, name):
    if name == "BoxIndex" and kernels.current() != "numba":
        pytest.skip("the index needs numba")
    right = CALLS[name](WH)
    np.testing.assert_array_equal(CALLS[name](frame({"w": WH[:, 0], "h": WH[:, 1]})), right)
    np.testing.assert_array_equal(CALLS[name](Sizes(WH)), right)


SIZED = fastanchor.Boxes(WH, np.arange(len(WH)) % 2, [[640, 480], [1280, 960]], xy=WH, files=["a.jpg", "b.jpg"])
TABLES = {
    "stand-in": lambda: Frame(SIZED.to_columns()),
    "pyarrow": lambda: pa.table(SIZED.to_columns()),
    "of the boxes": lambda: pa.table(SIZED),
    "Arrow stream": lambda: Stream(SIZED.to_columns()),
}
NEED_SIZES = {
    **{name: CALLS[name] for name in ("kmeans", "auto_anchor", "evolve", "sweep", "check", "BoxIndex")},
    "Boxes": fastanchor.Boxes,
    "anchors_for": lambda boxes: fastanchor.anchors_for(boxes, "torchvision-retinanet"),
    "positives": lambda boxes: fastanchor.positives(boxes, "torchvision-retinanet"),
    "bound": lambda boxes: fastanchor.bound(boxes, 2),
    "batches": lambda boxes: fastanchor.BoxIndex.from_batches([boxes]),
}


@pytest.mark.parametrize("table", TABLES.values(), ids=TABLES)
@pytest.mark.parametrize("name", NEED_SIZES)
def test_no_function_loses_the_sizes_of_images_of_a_table(table, name):
    if name in ("BoxIndex", "batches") and kernels.current() != "numba":
        pytest.skip("the index needs numba")
    sentence = "'image_width' and 'image_height' are the sizes of images: use fastanchor.read(frame)"
    with pytest.raises(DataError, match=r"^(boxes|wh|batches\[0\]): has the columns .*; " + re.escape(sentence)):
        NEED_SIZES[name](table())


@pytest.mark.parametrize("table", list(TABLES)[1:])
def test_the_error_names_what_keeps_the_sizes_of_images(table):
    boxes = fastanchor.read(TABLES[table](), progress=False)
    np.testing.assert_array_equal(boxes.scaled(320), SIZED.scaled(320))
    with pytest.raises(DataError, match="sizes of images"):
        fastanchor.Boxes(TABLES[table]())
