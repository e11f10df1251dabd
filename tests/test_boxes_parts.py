"""Some of the boxes: by position, class, split, size, chance and image; as columns, and put together again."""

import json
import sys
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import fastanchor
from fastanchor import BackendError, Boxes, DataError, WrongTypeError, kernels
from fastanchor.cli import main
from fastanchor.datasets import iter_images, table

import strategies
from contract import cells, rows, write
from labels import FORMATS as WRITTEN


def boxes():
    return Boxes(
        [[5, 4], [3, 2], [9, 9], [1, 8]],
        image_index=[2, 0, 0, 2],
        image_wh=[[64, 48], [32, 32], [20, 10]],
        class_index=[0, 1, 1, 2],
        class_names=("cat", "ant", "cow"),
        skipped={"bad": 2},
        xy=[[1, 2], [3, 4], [5, 6], [7, 8]],
        split=["val", "train", "train"],
        files=["b.jpg", "a.jpg", "c.jpg"],
        weights=[4, 3, 2, 1],
        flags={"difficult": [True, False, False, True]},
    )


def described(found):
    """Return everything that a box has, for each box."""
    return [
        (
            tuple(found.wh[i]),
            tuple(found.xy[i]),
            found.files[found.image_index[i]],
            tuple(found.image_wh[found.image_index[i]]),
            found.class_names[found.class_index[i]],
            int(found.weights[i]),
            bool(found.flags["difficult"][i]),
        )
        for i in range(len(found))
    ]


KEYS = [
    ([True, False, True, True], [0, 2, 3]),
    (np.array([0, 0, 1, 0]) == 1, [2]),
    (slice(1, None, 2), [1, 3]),
    ([3, 0, -1], [3, 0, 3]),
    ([], []),
    (np.array([2], np.uint8), [2]),
]


@pytest.mark.parametrize(("key", "at"), KEYS)
def test_chosen_boxes_keep_all_columns_and_all_images(key, at):
    found = boxes()[key]
    every = described(boxes())
    assert described(found) == [every[i] for i in at]
    assert (found.n_images, found.skipped) == (3, {"bad": 2})


@pytest.mark.parametrize(
    ("key", "sentence"),
    [
        ([True], r"got a mask of 1, expected 4, one for each box"),
        ([4], "got position 4, expected a position among 4 boxes"),
        ([0, -5], "got position -5"),
        (1, "got 1, expected a slice"),
        ("cat", "got 'cat', expected a slice"),
        ([0.5], r"got \[0.5\], expected a slice"),
    ],
)
def test_keys_that_choose_nothing_sensible(key, sentence):
    with pytest.raises(DataError, match=sentence):
        boxes()[key]


def test_boxes_are_no_sequence_and_no_table_of_sides():
    for use in (iter, np.asarray):
        with pytest.raises(TypeError):
            use(boxes())
    with pytest.raises(WrongTypeError, match="wh: must be numbers"):
        Boxes(boxes())


FILTERS = {
    "classes": ({"classes": ["cow", "cat"]}, [0, 3], ("cat", "cow"), {"bad": 2, "box of a class that is left out": 2}),
    "exclude": ({"exclude": ["ant"]}, [0, 3], ("cat", "cow"), {"bad": 2, "box of a class that is left out": 2}),
    "both": ({"classes": ["ant", "cow"], "exclude": ["ant"]}, [3], ("cow",),
             {"bad": 2, "box of a class that is left out": 3}),
    "area": ({"min_area": 9}, [0, 2], ("cat", "ant", "cow"), {"bad": 2, "box with an area below 9": 2}),
    "side": ({"min_side": 2}, [0, 1, 2], ("cat", "ant", "cow"), {"bad": 2, "box with a side below 2": 1}),
    "class first": ({"classes": ["ant"], "min_area": 9, "min_side": 9}, [2], ("ant",),
                    {"bad": 2, "box of a class that is left out": 2, "box with an area below 9": 1}),
    "split": ({"split": "train", "min_area": 9}, [0], ("cat", "ant", "cow"), {"box with an area below 9": 1}),
    "nothing": ({}, [0, 1, 2, 3], ("cat", "ant", "cow"), {"bad": 2}),
}  # fmt: skip


@pytest.mark.parametrize(("options", "at", "names", "skipped"), FILTERS.values(), ids=FILTERS)
def test_filters_say_what_they_leave_out(options, at, names, skipped):
    found = boxes().filter(**options)
    every = described(boxes())
    assert described(found) == [every[i] for i in at]
    assert (found.class_names, found.skipped) == (names, skipped)
    assert found.n_images == (2 if "split" in options else 3)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        (
            {"classes": ["Cat"]},
            "classes: got 'Cat', expected one of 3 classes, 'ant', 'cat', 'cow'; did you mean 'cat'",
        ),
        ({"exclude": ["horse"]}, "exclude: got 'horse', expected one of 3 classes, 'ant', 'cat', 'cow'$"),
        ({"classes": "cat"}, r"classes = 'cat': must be a sequence of str, as in \['cat'\]"),
        ({"min_area": -1}, "min_area = -1: must be a number from 0"),
        ({"split": "test"}, "got 'test', which has no image"),
    ],
)
def test_filters_refuse(options, sentence):
    with pytest.raises(DataError, match=sentence):
        boxes().filter(**options)
    if "split" not in options:
        with pytest.raises(DataError, match="the labels have no classes|" + sentence):
            Boxes([[1, 2]]).filter(**options)


def test_areas_are_not_compared_where_images_have_no_size():
    relative = Boxes([[0.1, 0.2]], [0], [[1, 1]])
    with pytest.raises(DataError, match="min_area: got 4, but the sizes of the images are unknown; see source_size"):
        relative.filter(min_area=4)


def test_a_sample_keeps_the_order():
    found = boxes().sample(3, rng=1)
    assert described(found) == sorted(described(found), key=described(boxes()).index)
    assert described(boxes().sample(3, rng=1)) == described(found)
    assert len(boxes().sample(0)) == 0
    with pytest.raises(DataError, match="n = 5: must be at most 4"):
        boxes().sample(5)


def test_images_one_by_one_are_the_whole():
    parts = list(boxes().per_image())
    assert [(one.files, len(one)) for one in parts] == [(("b.jpg",), 2), (("a.jpg",), 0), (("c.jpg",), 2)]
    assert sorted(described(parts[0] + parts[1] + parts[2])) == sorted(described(boxes()))
    with pytest.raises(DataError, match="have no images"):
        next(Boxes([[1, 2]]).per_image())


def test_put_together_boxes_keep_flags_and_weights():
    other = Boxes([[7, 7]], [0], [[9, 9]], [0], ["dog"], xy=[[0, 0]], files=["d.jpg"], split=[""])
    found = boxes() + other
    assert described(found)[:4] == described(boxes())
    assert described(found)[4] == ((7, 7), (0, 0), "d.jpg", (9, 9), "dog", 1, False)
    with pytest.raises(TypeError):
        boxes() + np.ones((1, 2)).tolist()


@pytest.mark.parametrize(
    ("name", "what"),
    [("class_index", "classes"), ("xy", "positions"), ("files", "names of images")],
)
def test_put_together_boxes_say_what_is_lost(name, what):
    one = Boxes([[7, 7]], [0], [[9, 9]], [0], ["dog"], xy=[[0, 0]], files=["d.jpg"])
    less = replace(one, **{name: None}, **({"class_names": ()} if name == "class_index" else {}))
    for found in (one + less, less + one):
        assert getattr(found, name) is None
        (remark,) = found.remarks
        assert remark.text == f"1 of 2 data sets has no {what}, so together they have none"
    assert (one + one).remarks == (less + less).remarks == (one + less[:0]).remarks == ()


@pytest.mark.parametrize(
    ("flags", "sentence"),
    [
        ({"hard": [True]}, "flags = 'hard': must be one of 'crowd', 'difficult'"),
        ({"crowd": [True, False]}, r"flags\['crowd'\]: got bool of shape \(2,\), expected bool of shape \(1,\)"),
        ({"crowd": [1]}, r"flags\['crowd'\]: got int64"),
    ],
)
def test_flags_are_checked(flags, sentence):
    with pytest.raises(DataError, match=sentence):
        Boxes([[1, 2]], flags=flags)


# --- tables


def test_columns_of_a_table():
    columns = boxes().to_columns()
    assert list(columns) == ["file", "split", "width", "height", "image_width", "image_height", "x", "y", "class",
                             "box_weight", "difficult"]  # fmt: skip
    assert columns["file"].tolist() == ["c.jpg", "b.jpg", "b.jpg", "c.jpg"]
    assert columns["x"].tolist() == [1, 3, 5, 7]
    assert next(iter(Boxes([[1, 2]], [0], [[9, 9]]).to_columns())) == "image"
    assert list(Boxes([[1, 2]]).to_columns()) == ["width", "height"]


def test_arrow_data():
    arrow = pytest.importorskip("pyarrow")
    made = arrow.table(boxes())
    assert made.num_rows == 4
    assert made.column("class").to_pylist() == ["cat", "ant", "ant", "cow"]
    assert made.column("difficult").to_pylist() == [True, False, False, True]


def test_arrow_data_need_pyarrow(monkeypatch):
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    with pytest.raises(BackendError, match=r"need pyarrow .* or use to_columns\(\)"):
        boxes().__arrow_c_stream__()


class Frame:
    """A table with named columns, as those of pandas and polars."""

    def __init__(self, columns):
        self.own, self.columns = columns, list(columns)

    def __getitem__(self, name):
        return self.own[name]


def test_data_frames_are_read():
    arrow = pytest.importorskip("pyarrow")
    columns = boxes().to_columns()
    for frame in (Frame(columns), arrow.table(boxes()), arrow.table(columns), arrow.table(columns).to_batches()[0]):
        assert sorted(described(fastanchor.read(frame))) == sorted(described(boxes()))
        assert len(fastanchor.read(frame, split="train")) == 2
    packed = arrow.table({"image": [0, 1, 1], "bbox": [[1.0, 2.0, 3.0, 4.0], None, [0.0, 0.0, 5.0, 6.0]]})
    assert fastanchor.read(packed).wh.tolist() == [[3, 4], [5, 6]]
    with pytest.raises(DataError, match="Frame object: no columns of boxes"):
        fastanchor.read(Frame({"a": np.ones(2)}))
    with pytest.raises(DataError):
        fastanchor.read(boxes())


def test_a_notebook_shows_counts_and_the_first_boxes():
    many = Boxes(np.full((8, 2), 3.0), class_index=[0] * 8, class_names=["<b>"])
    text = many._repr_html_()
    assert "<caption>Boxes(8 boxes, 1 class)</caption>" in text
    assert (text.count("&lt;b&gt;"), "<b>" in text, text.count("<tr>")) == (5, False, 7)


names = st.text(st.characters(codec="utf-8", exclude_categories=["C", "Z"]), min_size=1, max_size=4)


@st.composite
def sets(draw):
    """Boxes with any of their columns; classes in the order that reading gives them."""
    wh = draw(strategies.pairs(strategies.ordinary, most=8))
    n, m = len(wh), draw(st.integers(1, 6))
    index = draw(st.lists(st.integers(0, m - 1), min_size=n, max_size=n))
    index = sorted(index) if draw(st.booleans()) else index
    kinds = draw(st.lists(st.integers(0, 2), min_size=n, max_size=n))
    files = draw(st.none() | st.lists(names, min_size=m, max_size=m))
    flag = draw(st.lists(st.booleans(), min_size=n, max_size=n))
    return Boxes(
        wh, index, np.full((m, 2), 7.0) + np.arange(m)[:, None], kinds, ["ant", "bee", "cow"],
        xy=draw(st.none() | st.just(wh / 3.0 - 1.0)),
        files=files if files is None else [*files],
        split=draw(st.none() | st.lists(st.sampled_from(["train", "val"]), min_size=m, max_size=m)),
        weights=draw(st.none() | st.just(np.arange(n) + 1)),
        flags={"occluded": flag} if any(flag) else {},
    )  # fmt: skip


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@strategies.examples(60, deadline=None)
@given(made=sets())
def test_a_table_is_read_back_to_the_same_boxes(tmp_path_factory, ending, made):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    file = tmp_path_factory.mktemp("table") / f"a.{ending}"
    table.write(made, file)
    again = fastanchor.read(file)
    for name in ("wh", "xy", "image_index", "image_wh", "weights"):
        np.testing.assert_array_equal(getattr(again, name), getattr(made, name), err_msg=name)
    assert (again.files, again.split) == (made.files, made.split)
    assert {name: flag.tolist() for name, flag in again.flags.items()} == {
        name: flag.tolist() for name, flag in made.flags.items()
    }
    kinds = [[one.class_names[i] for i in one.class_index] for one in (again, made)]
    assert kinds[0] == kinds[1]


# --- every format


@pytest.mark.parametrize("name", cells("filters"))
def test_every_format_takes_the_same_filters(name, tmp_path):
    place = write(name, tmp_path / "set")
    every = fastanchor.read(place)
    kind = every.class_names[0]
    found = fastanchor.read(place, classes=[kind], min_area=600)
    chosen = every.filter(classes=[kind]).filter(min_area=600)
    assert 0 < len(found) < len(every)
    assert rows(found) == [row for row in rows(every) if row[2] == kind and row[1][0] * row[1][1] >= 600]
    assert (rows(chosen), chosen.skipped) == (rows(found), found.skipped)
    assert sum(found.skipped.values()) == len(every) - len(found)
    with pytest.raises(DataError, match=rf"exclude: got '{kind}x', expected "):
        fastanchor.read(place, exclude=[f"{kind}x"])


@pytest.mark.parametrize("name", ["voc", "coco", "yolo", "labelme", "cvat"])
def test_commands_take_classes_and_splits_together(name, tmp_path, capsys):
    parts = {"train": ["1", "10"], "val": ["9"]} if WRITTEN[name].parts else None
    place = str(write(name, tmp_path / "set", parts=parts))
    split = ["--split", "train"] if parts else []
    arguments = ["anchors", place, "--class", "c9", *split, "-n", "1", "--gen", "0", "--backend", "numpy"]
    assert main([*arguments, "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["read"]["per_class"], found["boxes"]) == ({"c9": 1 if parts else 2}, 1 if parts else 2)
    assert found["skipped"] == {"box of a class that is left out": 2}
    assert main(["stats", place, "--exclude", "c9", "--exclude", "C10"]) == 2
    sentence = "fastanchor: --exclude: got 'C10', expected one of 2 classes, 'c10', 'c9'; did you mean 'c10'?\n"
    assert capsys.readouterr().err == sentence
    assert main(["stats", place, "--min-area", "3e3", "--class", "c9", "--class", "c10"]) == 0
    assert "1 x box with an area below 3,000" in capsys.readouterr().out


def test_the_sample_is_filtered(capsys):
    assert main(["anchors", "--class", "car", "--class", "dog", "-n", "1", "--gen", "0", "--json"]) == 0
    assert list(json.loads(capsys.readouterr().out)["read"]["per_class"]) == ["car", "dog"]


@pytest.mark.skipif(not kernels.installed(), reason="the index needs numba")
def test_an_index_refuses_filters(tmp_path, capsys):
    fastanchor.BoxIndex([[3, 4], [5, 6]]).save(tmp_path / "index")
    for option in (["--class", "car"], ["--exclude", "car"], ["--min-area", "4"]):
        assert main(["anchors", str(tmp_path / "index"), *option, "-n", "1", "--gen", "0"]) == 2
        assert f"{option[0]}: {tmp_path / 'index'} is an index" in capsys.readouterr().err


def test_images_are_those_that_still_have_a_box(tmp_path):
    place = write("voc", tmp_path / "set")
    found = list(iter_images(place, classes=["c9"], limit=1))
    assert [(one.name, one.classes) for one in found] == [("1", ("c9",))]
    assert [one.name for one in iter_images(place, classes=["c9"])] == ["1", "9"]


def test_flags_of_voc(tmp_path):
    file = write("voc", tmp_path / "set") / "Annotations" / "1.xml"
    assert fastanchor.read(tmp_path / "set").flags == {}
    text = (
        file.read_text()
        .replace("<difficult>0<", "<difficult>1<", 1)
        .replace("</name>", "</name><truncated>1</truncated>")
    )
    file.write_text(text)
    found = fastanchor.read(tmp_path / "set")
    assert {name: flag.tolist() for name, flag in found.flags.items()} == {
        "difficult": [True, False, False, False], "truncated": [True, True, False, False],
    }  # fmt: skip


@pytest.mark.parametrize("name", ["coco", "openimages"])
def test_crowds_that_are_kept_are_flagged(name, tmp_path):
    place = write(name, tmp_path / "set")
    file = next(path for path in [place, *place.rglob("*")] if path.suffix in (".json", ".csv"))
    text = file.read_text()
    file.write_text(text.replace('"iscrowd": 0', '"iscrowd": 1', 1).replace(",0,0,0\n", ",0,0,1\n", 1))
    found = fastanchor.read(place, crowd=True)
    assert found.flags.get("crowd", np.zeros(0)).sum() == 1, text


@pytest.mark.parametrize("options", [["--min-area", "1e9"], ["--class", "c9", "--min-area", "1e9"]])
def test_what_leaves_no_boxes_is_named(tmp_path, capsys, options):
    place = write("voc", tmp_path / "set")
    assert main(["anchors", str(place), *options]) == 2
    assert capsys.readouterr().err.endswith(f"no boxes are left by {' and '.join(options[::2])}\n")
