"""An index that is built from batches, kept in a folder or merged has the bits of one of all boxes at once."""

import json

import numpy as np
import pytest

import fastanchor
from fastanchor import BoxIndex, DataError, WrongTypeError, kernels
from fastanchor.engine import GridSpec
from fastanchor.engine._batches import Arrays, Rows
from fastanchor.engine._layout import layout
from fastanchor.engine._settings import Settings
from fastanchor.engine._sorting import counted, surveyed
from fastanchor.engine._threads import Team
from test_shards import everything, start

import zoo

pytestmark = pytest.mark.skipif(not kernels.installed(), reason="the index needs numba")

RNG = np.random.default_rng(5)
SINGLE = np.exp(RNG.normal(3.5, 1.0, (3000, 2))).clip(3).astype(np.float32).astype(np.float64)
WHOLE = np.ceil(SINGLE)
SETS = {"float32": SINGLE, "whole": WHOLE, "float64": SINGLE * 1.1, "mixed": zoo.BOXES["lognormal"][:3000]}
NARROW = {"float32", "whole"}  # sides exact in float32, for which every kernel is compiled once more
NAMES = [pytest.param(name, marks=[pytest.mark.slow] * (name in NARROW)) for name in SETS]


@pytest.fixture(autouse=True)
def on_cells(tune, request):
    """The cells answer even where all boxes would be cheaper; slow tests store sides in float32 however few."""
    tune(patience=1e9, **({"narrow": 0} if request.node.get_closest_marker("slow") else {}))


def cut(boxes):
    """Batches of very different sizes, some empty."""
    return np.split(boxes, [0, 1, 1, 40, 1700])


class Again:
    """An iterable that is no sequence."""

    def __init__(self, batches):
        self.batches = batches

    def __iter__(self):
        return iter(self.batches)


WAYS = {
    "list": lambda batches, **options: BoxIndex.from_batches(batches, **options),
    "function": lambda batches, **options: BoxIndex.from_batches(lambda: iter(batches), **options),
    "iterable": lambda batches, **options: BoxIndex.from_batches(Again(batches), **options),
    "sourced": lambda batches, **options: BoxIndex.from_batches(batches, keep_rows=False, **options),
    "sourced stream": lambda batches, **options: BoxIndex.from_batches(lambda: batches, keep_rows=False, **options),
}


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", WAYS)
def test_batches_have_the_bits_of_all_boxes_at_once(name, way, monkeypatch):
    monkeypatch.setattr("fastanchor.engine._batches.PIECE", 700)
    boxes, centers = SETS[name], start(SETS[name], 7)
    index = WAYS[way](cut(boxes), threads=2)
    assert len(index) == len(boxes)
    assert index.shards[0].grid.w.dtype == (np.float64 if name in ("float64", "mixed") else np.float32)
    assert str(everything(index, centers)) == str(everything(BoxIndex(boxes, threads=1), centers))


FAR = {
    "none": [],
    "few": [[1e-60, 5.0], [1e60, 5.0]],
    "near": [[0.9, 1e-30], [2e3, 1e30]],
    "one side": [[1e3, 5.0], [3e3, 5.0], [9e3, 5.0]],
}


@pytest.mark.parametrize("far", FAR)
@pytest.mark.parametrize("name", NAMES)
def test_widths_are_counted_before_the_extent_is_known(name, far, monkeypatch):
    monkeypatch.setattr("fastanchor.engine._batches.PIECE", 700)
    source = Arrays([np.concatenate([SETS[name], np.array(FAR[far]).reshape(-1, 2)])])
    for side in (4, 64, 1024):
        seen = surveyed(source, 1, counting=True, where=layout(SETS[name][:500], side))
        spec = GridSpec.of(seen.survey, seen.where)
        np.testing.assert_array_equal(seen.bins.of(spec), counted(source, spec, Team(1)))


@pytest.mark.parametrize("way", [*WAYS, "slow rows"])
def test_boxes_are_gone_through_as_often_as_needed(way, monkeypatch):
    monkeypatch.setattr("fastanchor.engine._batches.PIECE", 700)
    monkeypatch.setattr("fastanchor.engine._batches.SAMPLE", 320)
    read = Read(SINGLE.astype(np.float32))
    if way == "slow rows":
        read.slow = True
        index = BoxIndex.from_batches([read], keep_rows=False)
        assert len(read.slices) == 32 + 2 * len(range(0, len(SINGLE), 700))  # a sample in slices, and two passes
    else:
        index = WAYS[way]([read])
    assert sum(len(SINGLE[one]) for one in read.slices) <= (2 if way in ("list", "sourced", "slow rows") else 3) * 3200
    assert str(everything(index, start(SINGLE, 5))) == str(everything(BoxIndex(SINGLE), start(SINGLE, 5)))


class Read(Rows):
    """Boxes that note which slices are read."""

    def __init__(self, boxes):
        self.boxes, self.dtype, self.slices = boxes, boxes.dtype, []

    def __len__(self):
        return len(self.boxes)

    def __getitem__(self, rows):
        if isinstance(rows, slice):
            self.slices.append(rows)
        return self.boxes[rows]

    def __array__(self, dtype=None, copy=None):
        self.slices.append(slice(None))
        return self.boxes.astype(dtype)


@pytest.mark.slow
def test_the_whole_job_ends_alike():
    options = {"n": 5, "gen": 60, "rng": 3, "init": "k-means++", "progress": False}
    right = fastanchor.auto_anchor(SINGLE, **options)
    for way in WAYS.values():
        found = fastanchor.auto_anchor(way(cut(SINGLE)), **options)
        assert (found.anchors.tolist(), found.bpr) == (right.anchors.tolist(), right.bpr)
        assert found.check.counts.tolist() == right.check.counts.tolist()


@pytest.mark.slow
@pytest.mark.parametrize("objective", ["iou", "iou>0.5", "recall"])
def test_float32_sides_are_compared_as_float64_by_every_objective(objective):
    options = {"n": 4, "gen": 60, "rng": 1, "objective": objective, "progress": False}
    right = fastanchor.auto_anchor(BoxIndex(SINGLE), **options)
    found = fastanchor.auto_anchor(BoxIndex.from_batches([SINGLE]), **options)
    assert found.anchors.tolist() == right.anchors.tolist()


@pytest.mark.slow  # for weights, every kernel is compiled once more
@pytest.mark.parametrize("form", ["column", "batches", "function"])
@pytest.mark.parametrize("name", NAMES)
def test_weights_come_as_a_column_or_as_the_batches_do(name, form):
    boxes = SETS[name]
    weights = RNG.integers(0, 5, len(boxes))
    parts = np.split(weights, [0, 1, 1, 40, 1700])
    given = {"column": weights, "batches": parts, "function": lambda: iter(parts)}[form]
    index, centers = BoxIndex.from_batches(cut(boxes), weights=given), start(boxes, 6)
    assert str(everything(index, centers)) == str(everything(BoxIndex(boxes, weights=weights), centers))


@pytest.mark.slow
def test_equal_boxes_of_batches_are_merged(tune):
    tune(merge_from=0, merge_repeated=-1.0, merge_share=0, merge_first=2)
    index, centers = BoxIndex.from_batches(cut(WHOLE)), start(WHOLE, 6)
    assert len(index.shards[0]) == len(np.unique(WHOLE, axis=0)) < len(index)
    assert f"{len(index.shards[0]):,} distinct" in repr(index)
    assert str(everything(index, centers)) == str(everything(BoxIndex(WHOLE), centers))


@pytest.mark.slow
def test_sides_are_rounded_only_on_demand():
    boxes = SINGLE * 1.1
    index, centers = BoxIndex.from_batches(cut(boxes), dtype="float32"), start(SINGLE, 5)
    assert (index.rounded, "rounded to float32" in repr(index)) == (True, True)
    rounded = boxes.astype(np.float32).astype(np.float64)
    assert str(everything(index, centers)) == str(everything(BoxIndex(rounded), centers))
    assert not BoxIndex.from_batches(cut(SINGLE), dtype="float32").rounded
    wide = BoxIndex.from_batches(cut(SINGLE), dtype="float64")
    assert wide.nbytes > BoxIndex.from_batches(cut(SINGLE)).nbytes


BAD = {
    "not a number": (
        [[[1, 2]], [[3, 4], [np.nan, 1]]],
        r"batches\[1\]\[1\] = \(nan, 1.0\): widths and heights must be",
    ),
    "zero": ([[[1, 2], [0, 2]]], r"batches\[0\]\[1\] = \(0.0, 2.0\): widths and heights must be finite and > 0"),
    "too large": ([[[1, 1e200]]], r"batches\[0\]\[0\] = \(1.0, 1e\+200\): widths and heights must lie within"),
    "three columns": ([[[1, 2]], [[1, 2, 3]]], r"batches\[1\]: must be numbers of shape \(n, 2\)"),
    "nothing": ([], r"batches: must have at least one \(width, height\)"),
    "empty ones": ([np.empty((0, 2)), []], r"batches: must have at least one \(width, height\)"),
    "text": ([["a", "b"]], r"batches\[0\]: must be numbers of shape"),
}


@pytest.mark.parametrize("name", BAD)
@pytest.mark.parametrize("way", ["list", "function"])
def test_a_wrong_batch_is_named(name, way):
    batches, message = BAD[name]
    with pytest.raises(DataError, match=message):
        WAYS[way](batches)


def test_batches_must_come_again():
    with pytest.raises(DataError, match="batches: got an iterator, which can be gone through once"):
        BoxIndex.from_batches(iter([SINGLE]))
    with pytest.raises(WrongTypeError, match=r"batches = .*: must be a sequence of arrays"):
        BoxIndex.from_batches(SINGLE)
    passes = iter([[SINGLE], [SINGLE[:-1]], [SINGLE]])
    with pytest.raises(DataError, match="batches: got 2,999 boxes in another pass, expected the same batches"):
        BoxIndex.from_batches(lambda: next(passes))
    with pytest.raises(DataError, match="keep_rows = False: must be True with weights"):
        BoxIndex.from_batches([SINGLE], weights=np.ones(len(SINGLE)), keep_rows=False)
    with pytest.raises(DataError, match="dtype = 'float16': must be one of"):
        BoxIndex.from_batches([SINGLE], dtype="float16")


# ---- folders


def saved(index, folder):
    index.save(folder)
    return BoxIndex.open(folder)


@pytest.mark.parametrize("name", NAMES)
def test_a_folder_gives_the_bits_back(name, tmp_path):
    boxes, centers = SETS[name], start(SETS[name], 7)
    right = str(everything(BoxIndex(boxes), centers))
    for i, index in enumerate((BoxIndex(boxes), BoxIndex.from_batches(cut(boxes)))):
        again = saved(index, tmp_path / str(i))
        assert str(everything(again, centers)) == right
        assert again.fitness(centers, 0.25) == index.fitness(centers, 0.25)  # tables have the same bits


@pytest.mark.slow
def test_weights_and_merged_boxes_come_back(tmp_path, tune):
    centers = start(WHOLE, 6)
    for i, weights in enumerate((None, RNG.integers(0, 5, len(WHOLE)), RNG.random(len(WHOLE)))):
        right = str(everything(BoxIndex(WHOLE, weights=weights), centers))
        assert str(everything(saved(BoxIndex(WHOLE, weights=weights), tmp_path / f"a{i}"), centers)) == right
        tune(merge_from=0, merge_repeated=-1.0, merge_share=0, merge_first=2)
        again = saved(BoxIndex(WHOLE, weights=weights), tmp_path / f"b{i}")
        assert len(again.shards[0]) < len(again)
        assert str(everything(again, centers)) == right


@pytest.fixture
def folder(tmp_path):
    BoxIndex.from_batches(cut(SINGLE)).save(tmp_path / "boxes")
    return tmp_path / "boxes"


def rewritten(folder, **changes):
    content = json.loads((folder / "index.json").read_text()) | changes
    (folder / "index.json").write_text(json.dumps(content))


DAMAGES = {
    "no index": (lambda folder: (folder / "index.json").unlink(), "boxes: not an index, which has a file index.json"),
    "not JSON": (lambda folder: (folder / "index.json").write_text("{"), "index.json cannot be read"),
    "other JSON": (lambda folder: (folder / "index.json").write_text("[1]"), "index.json is not that of an index"),
    "foreign": (lambda folder: rewritten(folder, format="cake"), "index.json is not that of an index of boxes"),
    "newer": (lambda folder: rewritten(folder, version=2), "got version 2 of the format, expected 1"),
    "no grid": (lambda folder: rewritten(folder, grid={}), "damaged index"),
    "outside": (lambda folder: rewritten(folder, files={"../w0.npy": {"bytes": 1, "crc32": 0}}), "outside the folder"),
    "missing": (lambda folder: (folder / "h0.npy").unlink(), "h0.npy is missing"),
    "truncated": (
        lambda folder: (folder / "w0.npy").write_bytes((folder / "w0.npy").read_bytes()[:-8]),
        "w0.npy has 24,120 bytes, expected 24,128",
    ),
    "flipped": (
        lambda folder: (folder / "w0.npy").write_bytes((folder / "w0.npy").read_bytes()[:-1] + b"\x77"),
        "w0.npy is damaged, its checksum differs",
    ),
}


@pytest.mark.parametrize("name", DAMAGES)
def test_a_damaged_folder_is_one_sentence(name, folder):
    damage, message = DAMAGES[name]
    damage(folder)
    with pytest.raises(DataError, match=message) as caught:
        BoxIndex.open(folder)
    assert "\n" not in str(caught.value)
    assert "DataError" not in str(caught.value)


def test_nothing_is_replaced_unasked(folder, tmp_path):
    index = BoxIndex(SINGLE)
    with pytest.raises(DataError, match="boxes: exists already; replace=True replaces it"):
        index.save(folder)
    index.save(folder, replace=True)
    (tmp_path / "other").mkdir()
    with pytest.raises(DataError, match="other: exists already and is not an index"):
        index.save(tmp_path / "other", replace=True)
    with pytest.raises(DataError, match="index: keeps no rows"):
        BoxIndex.from_batches([SINGLE], keep_rows=False).save(tmp_path / "third")
    assert sorted(path.name for path in tmp_path.iterdir()) == ["boxes", "other"]


def test_the_repr_names_what_is_held(folder):
    assert repr(BoxIndex.open(folder)).startswith("BoxIndex(3,000 boxes, ")
    assert "on disk" in repr(BoxIndex.open(folder))
    assert "on disk" not in repr(BoxIndex(SINGLE))


# ---- merging


@pytest.mark.parametrize("name", NAMES)
def test_merged_indexes_have_the_bits_of_one(name, tmp_path):
    boxes, centers = SETS[name], start(SETS[name], 7)
    a, b, c = boxes[:1], boxes[1:1500], boxes[1500:]
    right = str(everything(BoxIndex(boxes), centers))
    merged = BoxIndex.merge([BoxIndex(a), saved(BoxIndex.from_batches([b]), tmp_path / "b"), BoxIndex(c)])
    assert str(everything(merged, centers)) == right
    assert str(everything(BoxIndex(a).add(b).add(c), centers)) == right
    assert str(everything(saved(merged, tmp_path / "all"), centers)) == right


@pytest.mark.slow
@pytest.mark.parametrize("held", ["all", "distinct"])
def test_merged_indexes_with_weights_have_the_bits_of_one(held, tune):
    if held == "distinct":
        tune(merge_from=0, merge_repeated=-1.0, merge_share=0, merge_first=2)
    weights, centers = RNG.integers(0, 5, len(WHOLE)), start(WHOLE, 6)
    right = str(everything(BoxIndex(WHOLE, weights=weights), centers))
    parts = [BoxIndex(WHOLE[own], weights=weights[own]) for own in (slice(0, 900), slice(900, None))]
    merged = BoxIndex.merge(parts)
    assert (len(merged.shards[0]) < len(merged)) == (held == "distinct")
    assert str(everything(merged, centers)) == right
    assert str(everything(parts[0].add(WHOLE[900:], weights=weights[900:]), centers)) == right


def made(boxes, **changes):
    index = BoxIndex(boxes)
    index.settings = Settings((640, 640), "letterbox", 2.0, "train")._replace(**changes)
    return index


CHANGES = {
    "img_size": ((416, 320), "img_size: got 416x320 for indexes[1], expected 640x640 of indexes[0]"),
    "fit": ("stretch", "fit: got 'stretch' for indexes[1], expected 'letterbox' of indexes[0]"),
    "min_size": (0.0, "min_size: got 0 for indexes[1], expected 2 of indexes[0]"),
    "split": ("val", "split: got 'val' for indexes[1], expected 'train' of indexes[0]"),
    "weights": ("balance=class", "weights: got 'balance=class' for indexes[1], expected '' of indexes[0]"),
}


@pytest.mark.parametrize("name", CHANGES)
def test_boxes_made_otherwise_are_refused(name, tmp_path):
    value, message = CHANGES[name]
    other = saved(made(SINGLE, **{name: value}), tmp_path / "other")
    with pytest.raises(DataError, match="^" + message.replace("[", r"\[").replace("]", r"\]") + "$"):
        BoxIndex.merge([made(SINGLE), other])


def test_what_cannot_be_merged_is_said(tmp_path):
    plain, weighted = BoxIndex(SINGLE), BoxIndex(SINGLE, weights=np.ones(len(SINGLE), int))
    for indexes, message in (
        ([], "indexes: must have at least one index"),
        ([plain, weighted], r"weights: got weights for indexes\[1\], expected none as of indexes\[0\]"),
        ([weighted, plain], r"weights: got no weights for indexes\[1\], expected weights"),
        ([BoxIndex([[1, 2]], weights=[0.3])], r"weights: those of indexes\[0\] are not whole"),
        ([plain, BoxIndex.from_batches([SINGLE], keep_rows=False)], r"indexes\[1\]: keeps no rows"),
        ([plain, made(SINGLE)], r"how the boxes of indexes\[1\] were made is known, other than for indexes\[0\]"),
    ):
        with pytest.raises(DataError, match=message):
            BoxIndex.merge(indexes)
    with pytest.raises(DataError, match="weights: got no weights for the new boxes, expected weights as of the index"):
        weighted.add(SINGLE)


def test_labelled_boxes_are_added_as_the_settings_say():
    boxes = fastanchor.Boxes([[50, 40], [10, 30], [3, 3]], [0, 0, 0], [[640, 480]])
    index = made([[9, 9]], img_size=(320, 320))
    assert index.add(boxes).take(np.arange(3)).tolist() == [[9, 9], [25, 20], [5, 15]]
    with pytest.raises(DataError, match="boxes: are in pixels of their images, and how those of the index were scaled"):
        BoxIndex([[9, 9]]).add(boxes)


# ---- sorted on disk


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("way", ["list", "function"])
def test_boxes_sorted_on_disk_have_the_same_bits(name, way, tmp_path, monkeypatch):
    monkeypatch.setattr("fastanchor.engine._batches.PIECE", 300)
    monkeypatch.setattr("fastanchor.engine._disk.RUN", 3)
    monkeypatch.setattr("fastanchor.engine._disk.SPANS", 200)
    boxes, centers = SETS[name], start(SETS[name], 7)
    index = WAYS[way](cut(boxes), folder=tmp_path / "boxes", threads=2)
    memory = WAYS[way](cut(boxes))
    for mine, theirs in zip(index.shards[0].grid.tables, memory.shards[0].grid.tables, strict=True):
        np.testing.assert_array_equal(mine, theirs)
    assert str(everything(index, centers)) == str(everything(BoxIndex(boxes), centers))
    assert str(everything(BoxIndex.open(tmp_path / "boxes", verify=True), centers)) == str(everything(index, centers))
    assert "on disk" in repr(index)


def test_a_failed_build_leaves_nothing(tmp_path):
    with pytest.raises(DataError, match=r"batches\[1\]\[0\]"):
        BoxIndex.from_batches([SINGLE, [[0, 1]]], folder=tmp_path / "boxes")
    with pytest.raises(DataError, match="keep_rows = False: must be True with folder"):
        BoxIndex.from_batches([SINGLE], folder=tmp_path / "boxes", keep_rows=False)
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
def test_weights_are_kept_in_a_folder(tmp_path):
    index = BoxIndex.from_batches([SINGLE], weights=np.arange(len(SINGLE)), folder=tmp_path / "boxes")
    centers = start(SINGLE, 5)
    right = BoxIndex(SINGLE, weights=np.arange(len(SINGLE)))
    assert str(everything(index, centers)) == str(everything(right, centers))
