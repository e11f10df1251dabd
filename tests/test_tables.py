"""Tables, Open Images, conversion, and several data sets as one."""

import csv
import io
import json

import numpy as np
import pytest
from hypothesis import HealthCheck, given
from hypothesis import strategies as st

import fastanchor
from fastanchor import BackendError, Boxes, DataError
from fastanchor.boxes import concatenated
from fastanchor.cli import main
from fastanchor.datasets import _arrow, _csv, detect, iter_images, table
from fastanchor.datasets._record import Options
from fastanchor.datasets._roles import roles
from fastanchor.datasets._skips import Skips

import strategies


def run(capsys, *arguments):
    code = main([str(one) for one in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


def csv_file(folder, text, name="boxes.csv", encoding="utf-8"):
    file = folder / name
    file.write_bytes(text.encode(encoding))
    return file


def sample(seed=0, n=500, images=40):
    rng = np.random.default_rng(seed)
    return Boxes(
        rng.uniform(1, 90, (n, 2)),
        image_index=rng.integers(0, images - 3, n),  # the last have no box
        image_wh=rng.integers(100, 900, (images, 2)),
        class_index=rng.integers(0, 3, n),
        class_names=("ant", "bee", "cat, grey"),
    )


def same(a, b):
    assert np.array_equal(a.wh, b.wh)
    assert np.array_equal(a.image_index, b.image_index)
    assert np.array_equal(a.image_wh, b.image_wh)
    assert [a.class_names[i] for i in a.class_index] == [b.class_names[i] for i in b.class_index]


TENSORFLOW = "filename,width,height,class,xmin,ymin,xmax,ymax\n"


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig"])
def test_tensorflow_style(tmp_path, newline, encoding):
    text = TENSORFLOW + "b.jpg,100,80,cat,1,2,31,42\na.jpg,50,40,ant,0,0,5,6\n\nb.jpg,100,80,ant,-3,0,4,8\n"
    boxes = fastanchor.read(csv_file(tmp_path, text.replace("\n", newline), encoding=encoding))
    assert boxes.wh.tolist() == [[30, 40], [5, 6], [7, 8]]
    assert boxes.image_wh.tolist() == [[100, 80], [50, 40]]
    assert boxes.image_index.tolist() == [0, 1, 0]
    assert boxes.class_names == ("ant", "cat")


@pytest.mark.parametrize(
    ("text", "columns"),
    [
        ("width,height\n3,4\n5,6\n", None),
        ("W;H;note\n3;4;a\n5;6;b\n", None),
        ("w\th\n3\t4\n5\t6\n", None),
        ("3,4\n5,6\n", None),
        ('"3,0","4,0"\n"5,0","6,0"\n', None),
        ("a,Side,b\n4,3,x\n6,5,y\n", ("side", "A")),
        ("x1,y1,x2,y2\n1,1,4,5\n0,0,5,6\n", None),
    ],
)
def test_plain_columns(tmp_path, capsys, text, columns):
    file = csv_file(tmp_path, text)
    boxes = fastanchor.read(file, columns=columns)
    assert boxes.wh.tolist() == [[3, 4], [5, 6]]
    assert boxes.image_wh is None
    flags = ["--columns", ",".join(columns)] if columns else []
    code, out, err = run(capsys, "anchors", file, "--n", 1, "--gen", 0, "--json", *flags)
    assert code == 0
    assert json.loads(out)["read"]["format"] == "table"
    assert "read as table" in err


def test_standard_input(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xef\xbb\xbfw,h\n10,20\n30,40\n")))
    code, out, _ = run(capsys, "anchors", "-", "--n", 2, "--gen", 0, "--json", "--quiet")
    assert code == 0
    assert json.loads(out)["anchors"] == [[10, 20], [30, 40]]


def test_bad_rows_are_counted_by_reason_and_named_by_line(tmp_path):
    rows = ["a,9,9,c,0,0,3,4", "a,9,9,c,0,0,0,4", "a,9,9,c,5,0,3,4", "a,9,9,c,x,0,3,4", "a,9,9,c,0,0,inf,4", "a,9,9",
            "z,9,9,,,,,"]  # fmt: skip
    said = []
    boxes = fastanchor.read(csv_file(tmp_path, TENSORFLOW + "\n".join(rows)), report=said.append)
    assert boxes.wh.tolist() == [[3, 4]]
    assert boxes.image_wh.tolist() == [[9, 9], [9, 9]]  # the last row is an image without a box
    assert boxes.skipped == {
        "row whose number of cells differs from the header": 1,
        "box with zero width or height": 1,
        "box with reversed corners": 1,
        "box with unreadable coordinates": 1,
        "box with non-finite coordinates": 1,
    }
    assert any("boxes.csv, line 3: box with zero width or height" in one for one in said)
    with pytest.raises(DataError, match="line 7: row whose number"):
        fastanchor.read(csv_file(tmp_path, TENSORFLOW + "\n".join(rows)), strict=True)


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "boxes.csv: empty file"),
        ("a,b\n1,2\n", "expected width and height, or xmin"),
        ("width,height\n", "nothing could be read"),
        ("width,height\n0,1\n", "nothing could be read; .*line 2: box with zero width or height"),
        ("<!DOCTYPE html>\n", "HTML or XML page instead of a table"),
        ('{"images": []}\n', "JSON instead of a table"),
        ("version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer instead of a table"),
        ("PK\x03\x04", "zip archive instead of a table"),
        ("width,height\n\xff", "not UTF-8 text"),
    ],
)
def test_files_that_are_no_table(tmp_path, capsys, text, sentence):
    file = csv_file(tmp_path, text, encoding="latin-1")
    with pytest.raises(DataError, match=sentence):
        fastanchor.read(file)
    code, out, err = run(capsys, "stats", file)
    assert (code, out) == (2, "")
    assert "Traceback" not in err


def test_columns_asked_for_and_absent(tmp_path):
    file = csv_file(tmp_path, "a,b\n1,2\n")
    with pytest.raises(DataError, match=r"no columns of boxes \(expected 'b' and 'c'; got 'a', 'b'; see columns"):
        fastanchor.read(file, columns=("b", "c"))
    with pytest.raises(DataError, match="must be the names of two columns"):
        fastanchor.read(file, columns=("b",))


def test_numpy_files(tmp_path):
    wh = np.array([[3.0, 4.0], [5.0, 6.0]])
    np.save(tmp_path / "a.npy", wh)
    np.savez(tmp_path / "b.npz", boxes=wh, image_index=[1, 0], image_wh=[[9, 9], [8, 8]], other=[1])
    assert np.array_equal(fastanchor.read(tmp_path / "a.npy").wh, wh)
    assert fastanchor.read(tmp_path / "b.npz").image_index.tolist() == [1, 0]
    np.save(tmp_path / "c.npy", np.ones((2, 4)))
    np.save(tmp_path / "d.npy", np.array([{"a": 1}], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "e.npz", sides=wh)
    (tmp_path / "f.npy").write_bytes(b"no array")
    for name, sentence in (("c.npy", r"got float64 of shape \(2, 4\)"), ("d.npy", "not an array of numbers"),
                           ("e.npz", "no array named wh or boxes"), ("f.npy", "not an array of numbers")):  # fmt: skip
        with pytest.raises(DataError, match=sentence):
            fastanchor.read(tmp_path / name)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_conversion_reads_back_the_same(tmp_path, capsys, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    boxes = sample()
    out = tmp_path / f"out.{ending}"
    table.write(boxes, out)
    same(fastanchor.read(out), boxes)
    again = tmp_path / f"again.{ending}"
    code, text, _ = run(capsys, "convert", out, "-o", again, "--quiet")
    assert code == 0
    assert "500 boxes on 40 images" in text
    same(fastanchor.read(again), boxes)
    bare = Boxes(boxes.wh)
    table.write(bare, out)
    assert np.array_equal(fastanchor.read(out).wh, bare.wh)
    assert [path.name for path in tmp_path.iterdir() if "part" in path.name] == []


def test_parquet_of_others(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    made = arrow.table(
        {"XMin": [1.0, 0.0], "ymin": [1.0, 0.0], "xmax": [4.0, 5.0], "ymax": [5.0, 0.0], "n": ["a", "b"]}
    )
    parquet.write_table(made, tmp_path / "corners.parquet", row_group_size=1)
    boxes = fastanchor.read(tmp_path / "corners.parquet")
    assert boxes.wh.tolist() == [[3, 4]]
    assert boxes.skipped == {"box with zero width or height": 1}
    parquet.write_table(arrow.table({"w": np.array([3, 5], np.int32), "h": [4.0, 6.0]}), tmp_path / "ints.parquet")
    assert fastanchor.read(tmp_path / "ints.parquet").wh.tolist() == [[3, 4], [5, 6]]
    parquet.write_table(arrow.table({"w": ["x"], "h": [4.0]}), tmp_path / "text.parquet")
    (tmp_path / "bad.parquet").write_bytes(b"PAR1 nothing")
    whole = (tmp_path / "ints.parquet").read_bytes()
    (tmp_path / "torn.parquet").write_bytes(whole[:10] + bytes(60) + whole[70:])
    for name, sentence in (("text", "column that is not numeric .'w'"), ("bad", "not a valid Parquet file"),
                           ("torn", "not a valid Parquet file")):  # fmt: skip
        with pytest.raises(DataError, match=sentence):
            fastanchor.read(tmp_path / f"{name}.parquet")


def test_parquet_of_every_type(tmp_path):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")

    def read(**columns):
        parquet.write_table(arrow.table(columns), tmp_path / "one.parquet", row_group_size=2)
        return fastanchor.read(tmp_path / "one.parquet")

    small = {name: arrow.array(v, arrow.uint8()) for name, v in
             {"xmin": [10, 5, 1], "ymin": [1, 5, 1], "xmax": [4, 9, 255], "ymax": [9, 9, 3]}.items()}  # fmt: skip
    boxes = read(**small, width=[300, 300, 300], height=[200, 200, 200])
    assert boxes.wh.tolist() == [[4, 4], [254, 2]]  # 4 - 10 does not wrap round
    assert boxes.skipped == {"box with reversed corners": 1}
    assert boxes.image_wh.tolist() == [[300, 200]] * 3  # beside corners, width and height are the image's
    sides = {"width": [1, 2, 3, None], "height": [1.0, 2, 3, None]}
    sizes = {"image_width": [50, 60, 50, 70], "image_height": [40, 40, 40, 40]}
    images = ["b", "a", "b", "empty"]
    for kind in (arrow.string(), arrow.large_string(), arrow.dictionary(arrow.int8(), arrow.string())):
        made = arrow.array(images).cast(kind) if "dict" not in str(kind) else arrow.array(images).dictionary_encode()
        classes = arrow.array(["y", None, "x ", ""])
        boxes = read(**sides, **sizes, image=made, label=classes)
        assert boxes.image_index.tolist() == [0, 1, 0]
        assert boxes.image_wh.tolist() == [[50, 40], [60, 40], [70, 40]]
        assert [boxes.class_names[i] for i in boxes.class_index] == ["y", "unnamed", "x"]
    for numbers in ([70, 5, 70, 9], [1, 0, 1, 2], [-3, 2**62, -3, 0]):
        boxes = read(**sides, **sizes, image_id=numbers)
        order = [1, 0, 1] if numbers[1] == 0 else [0, 1, 0]  # numbered from 0 on: those are the images' places
        assert boxes.image_index.tolist() == order
        assert boxes.image_wh[boxes.image_index].tolist() == [[50, 40], [60, 40], [50, 40]]
    with_null = read(**sides, **sizes, image_id=arrow.array([4, None, 4, 5]))
    assert with_null.image_index.tolist() == [0, 2, 0]
    assert with_null.image_wh[2].tolist() == [60, 40]
    nothing = read(width=[1, None], height=[2, None])
    assert nothing.skipped == {"box with unreadable coordinates": 1}
    no_sizes = read(**sides, image=images)
    assert (no_sizes.files, no_sizes.image_wh, no_sizes.summary().images) == (("b", "a", "empty"), None, 3)


def test_parquet_without_pyarrow_names_the_extra(tmp_path, capsys, monkeypatch):
    real = _arrow.importlib.util.find_spec
    monkeypatch.setattr(_arrow.importlib.util, "find_spec", lambda name: None if name == "pyarrow" else real(name))
    with pytest.raises(BackendError, match=r"fastanchor\[parquet\]"):
        table.write(sample(), tmp_path / "out.parquet")
    code, _, err = run(capsys, "convert", csv_file(tmp_path, "w,h\n1,2\n"), "-o", tmp_path / "out.parquet")
    assert code == 2
    assert "fastanchor[parquet]" in err
    assert not (tmp_path / "out.parquet").exists()
    code, _, err = run(capsys, "convert", csv_file(tmp_path, "w,h\n1,2\n"), "-o", tmp_path / "out.xlsx")
    assert "must end in .csv, .parquet or .json" in err


def test_a_table_cannot_be_drawn(tmp_path):
    with pytest.raises(DataError, match="the labels have no positions of boxes"):
        iter_images(csv_file(tmp_path, "w,h\n1,2\n"))


OPEN = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsGroupOf\n"


def test_open_images(tmp_path):
    rows = 'a,x,/m/1,1,0.1,0.6,0.2,0.7,0\nb,x,/m/2,1,"0,5","1,0","0,0","0,25",0\na,x,/m/1,1,0,1,0,1,1\n'
    file = csv_file(tmp_path, OPEN + rows)
    assert detect(file) == detect(tmp_path) == "openimages"
    said = []
    square = fastanchor.read(file, report=said.append)
    np.testing.assert_allclose(square.wh, [[0.5, 0.5], [0.5, 0.25]])
    assert said[0].endswith("taken as square; see source_size and images")
    assert square.skipped == {"box of a crowd": 1}
    assert len(fastanchor.read(file, crowd=True)) == 3
    word = csv_file(tmp_path, OPEN + rows.replace(",1\n", ",True\n"), "word.csv")
    assert fastanchor.read(word).skipped == {"box of a crowd": 1}
    np.testing.assert_allclose(fastanchor.read(file, source_size=(200, 100)).wh, [[100, 50], [100, 25]])
    csv_file(tmp_path, "ImageID,Width,Height\na,40,20\n", "image_sizes.csv")
    part = fastanchor.read(file)
    np.testing.assert_allclose(part.wh, [[20, 10]])
    assert part.skipped["image size missing"] == 1
    pixels = csv_file(tmp_path, OPEN + "a,x,/m/1,1,10,30,5,15,0\n", "pixels.csv")
    assert fastanchor.read(pixels).wh.tolist() == [[20, 10]]
    (only,) = iter_images(pixels)
    assert only.boxes.tolist() == [[10, 5, 30, 15]]
    bad = csv_file(tmp_path, OPEN + "a,x,/m/1,1,0.6,0.1,0,1,0\na,x,/m/1,1,z,0.1,0,1,0\na,x,c,1,0,1,0,1,0\n", "bad.csv")
    assert fastanchor.read(bad).skipped == {"box with reversed corners": 1, "box with unreadable coordinates": 1}


def test_open_images_knows_which_are_pixels(tmp_path):
    rows = "a,x,/m/1,1,0.1,0.6,0.2,0.7,0\nb,x,/m/2,1,0.5,1,0,0.25,0\nc,x,/m/1,1,30,60,5,9,0\n"
    boxes = fastanchor.read(csv_file(tmp_path, OPEN + rows))
    assert len(boxes) == 2
    assert boxes.skipped == {"box in pixels instead of relative to the image": 1}
    rows = "a,x,/m/1,1,10,60,20,70,0\nb,x,/m/2,1,0,1,0,2,0\nc,x,/m/1,1,30,60,5,9,0\n"
    boxes = fastanchor.read(csv_file(tmp_path, OPEN + rows), source_size=(100, 90))
    assert boxes.wh.tolist() == [[50, 50], [1, 2], [30, 4]]
    assert boxes.image_wh.tolist() == [[100, 90]] * 3
    with pytest.raises(
        DataError,
        match=r"nothing could be read; .*image size missing \(a: image not found; see source_size and",
    ):
        fastanchor.read(tmp_path / "boxes.csv")


def test_rows_are_never_dropped_unsaid(tmp_path):
    """One odd row among clean ones, in tables that could be read at once."""
    for odd in ('"unclosed,3', "1,2,3", "7", "x,2", "1_0,2", "nan,2", "-1,2", "0,2", ",2", "inf,2", "1e400,2"):
        for ending in ("", "\n"):
            said = []
            boxes = fastanchor.read(csv_file(tmp_path, f"width,height\n3,4\n\n5,6\n{odd}{ending}"), report=said.append)
            assert boxes.wh.tolist() == [[3, 4], [5, 6]], odd
            assert sum(boxes.skipped.values()) == 1, odd
            assert "line 5" in said[0], odd


def test_images_of_two_sizes_are_no_image(tmp_path):
    text = TENSORFLOW + "a,9,9,c,0,0,3,4\na,8,9,c,0,0,3,4\nb,7,7,c,0,0,1,2\n"
    boxes = fastanchor.read(csv_file(tmp_path, text))
    assert boxes.wh.tolist() == [[3, 4], [1, 2]]
    assert boxes.skipped == {"image size that differs from that of the image's first row": 1}


@pytest.mark.parametrize("command", [["stats"], ["anchors", "--gen", 5, "--n", 1], ["check", "--anchors", "5,6"]])
def test_tables_without_image_sizes_are_told_as_text(tmp_path, capsys, command):
    file = csv_file(tmp_path, "w,h\n10,20\n30,40\n50,10\n")
    code, out, _ = run(capsys, command[0], file, *command[1:])
    assert code == 0
    assert "3 boxes, without the sizes of their images" in out
    assert "boxes     30.0 x 23.3 pixels on average" in out


def test_relative_tables(tmp_path):
    said = []
    rows = "a,cat,0.1,0.1,0.6,0.35\nb,dog,0,0,1,1\na,cat,0.5,0.5,0.6,0.6\n"
    boxes = fastanchor.read(csv_file(tmp_path, "filename,class,xmin,ymin,xmax,ymax\n" + rows), report=said.append)
    assert "relative to images taken as square; see source_size" in said[0]
    assert "are read as relative to the image" in boxes.remarks[0].text
    np.testing.assert_allclose(boxes.scaled(100), [[50, 25], [100, 100], [10, 10]])
    assert boxes.image_index.tolist() == [0, 1, 0]
    np.testing.assert_allclose(fastanchor.read(csv_file(tmp_path, "w,h\n0.5,0.25\n1,1\n")).scaled(8), [[4, 2], [8, 8]])


def test_columns_without_names(tmp_path):
    file = csv_file(tmp_path, "1,2,30,40\n5,6,70,80\n")
    with pytest.raises(DataError, match="got 4 columns without names; see columns"):
        fastanchor.read(file)
    assert fastanchor.read(file, columns=("2", "3")).wh.tolist() == [[30, 40], [70, 80]]


def test_damaged_arrays(tmp_path):
    np.savez(tmp_path / "whole.npz", wh=np.ones((50, 2)))
    whole = (tmp_path / "whole.npz").read_bytes()
    header = b"\x93NUMPY\x01\x00v\x00{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000000, 2), }"
    damaged = {
        "short.npz": whole[:100],
        "torn.npz": whole[:60] + b"Z" * 90 + whole[150:],
        "head.npz": b"PK\x03\x04" + b"0" * 50,
        "vast.npy": header.ljust(127) + b"\n" + bytes(100),
        "empty.npy": b"",
    }
    for name, content in damaged.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(DataError, match=f"{name}: not an array of numbers"):
            fastanchor.read(tmp_path / name)
    np.save(tmp_path / "nan.npy", [[1, 2], [np.nan, 3], [0, 4]])
    assert fastanchor.read(tmp_path / "nan.npy").skipped == {
        "box with unreadable coordinates": 1,
        "box with zero width or height": 1,
    }
    np.savez(tmp_path / "nan.npz", wh=[[1, 2], [np.nan, 3], [5, 6]], image_index=[2, 1, 0], image_wh=np.full((3, 2), 9))
    boxes = fastanchor.read(tmp_path / "nan.npz")
    assert boxes.wh.tolist() == [[1, 2], [5, 6]]
    assert boxes.image_index.tolist() == [2, 0]
    assert boxes.skipped == {"box with unreadable coordinates": 1}
    np.savez(tmp_path / "index.npz", wh=[[1, 2]], image_index=[5], image_wh=[[9, 9]])
    with pytest.raises(DataError, match=r"index\.npz: image_index\[0\] = 5: image_wh has 1 entries"):
        fastanchor.read(tmp_path / "index.npz")
    for array in ([["1", "2"]], [[1 + 2j, 3]], [[True, True]]):
        np.save(tmp_path / "kind.npy", array)
        with pytest.raises(DataError, match="must be numbers of shape"):
            fastanchor.read(tmp_path / "kind.npy")


CELLS = st.one_of(
    st.sampled_from(["1", "2.5", "-3", "1e3", "1E-2", "+4", ".5", "5.", "0", "", " 7", "8 ", "nan", "inf", "1_0", '"9"',
                     "0x1", "1e400", "1e-320", "x", "a b", "é", '"a,b"', "0.30000000000000004"]),
    st.floats(allow_nan=False, allow_infinity=False).map(repr),
    st.integers(0, 10**20).map(str),
)  # fmt: skip


@given(
    rows=st.lists(st.lists(CELLS, min_size=3, max_size=3), min_size=1, max_size=8),
    newline=st.sampled_from(["\n", "\r\n", "\n\n"]),
    last=st.booleans(),
    texts=st.sampled_from([-1, 2]),
)
@strategies.examples(150, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_the_quick_ways_agree_with_row_by_row(tmp_path, rows, newline, last, texts):
    text = newline.join(",".join(row) for row in [["width", "height", "class"], *rows]) + newline * last
    file = str(csv_file(tmp_path, text))
    table = _csv.sheet(file, text.encode())._replace(data=None)
    found = roles(table.columns, Options())._replace(label=texts)
    slow = _csv._by_rows(table, Skips(), ([0, 1], list(found.texts().values()), 2), lambda _: None)
    for quick in ("csv_columns", "_by_numpy", ""):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(_csv, "SMALL", 0)
            for other in {"csv_columns", "_by_numpy"} - {quick}:
                patch.setattr(_csv, other, lambda *_: None)
            taken = _csv.take(table, Skips(), found)
        np.testing.assert_array_equal(taken.box, slow[0])
        assert taken.lines.tolist() == slow[2].tolist()
        for a, b in zip(taken.texts.values(), slow[1], strict=True):
            assert [[*a.names, None][i] for i in a.at] == [[*b.names, None][i] for i in b.at]


def test_several_data_sets_are_one(tmp_path, capsys):
    one, two = sample(1), sample(2, n=100, images=20)
    table.write(one, tmp_path / "one.csv")
    table.write(two, tmp_path / "two.csv")
    both = fastanchor.read([tmp_path / "one.csv", tmp_path / "two.csv"])
    assert len(both) == 600
    assert len(both.image_wh) == 60
    assert np.array_equal(both.wh, np.concatenate([one.wh, two.wh]))
    assert np.array_equal(both.scaled(100), np.concatenate([one.scaled(100), two.scaled(100)]))
    code, out, _ = run(capsys, "stats", tmp_path / "one.csv", tmp_path / "two.csv", "--json", "--quiet")
    assert code == 0
    assert json.loads(out)["boxes"] == 600
    with pytest.raises(DataError, match="got an empty sequence"):
        fastanchor.read([])


def test_concatenated_keeps_names_and_counts():
    a = Boxes([[1, 1]], [0], [[9, 9]], [1], ("x", "y"), {"bad": 1})
    b = Boxes([[2, 2], [3, 3]], [0, 0], [[8, 8]], [0, 1], ("y", "z"), {"bad": 2, "worse": 1})
    both = concatenated([a, b])
    assert [both.class_names[i] for i in both.class_index] == ["y", "y", "z"]
    assert both.skipped == {"bad": 3, "worse": 1}
    assert concatenated([a, Boxes([[4, 4]], [0], [[7, 7]])]).class_index is None
    assert len(concatenated([Boxes([[4, 4]]), Boxes([[5, 5]])])) == 2
    with pytest.raises(DataError, match="data set 2 of 2 has no image sizes"):
        concatenated([a, Boxes([[4, 4]])])


def test_real_tables(data):
    file = data / "raccoon" / "raccoon_labels.csv"
    rows = list(csv.DictReader(io.StringIO(file.read_text())))
    boxes = fastanchor.read(file)
    expected = [[float(r["xmax"]) - float(r["xmin"]), float(r["ymax"]) - float(r["ymin"])] for r in rows]
    assert boxes.wh.tolist() == expected
    assert len(boxes.image_wh) == len({r["filename"] for r in rows})
    voc = fastanchor.read(data / "raccoon")
    assert sorted(map(tuple, voc.wh.tolist())) == sorted(map(tuple, boxes.wh.tolist()))
    folder = data / "six_formats" / "openimages_format"
    text = next(folder.glob("*.csv")).read_text()
    rows = list(csv.DictReader(io.StringIO(text)))
    relative = [
        [float(r[b].replace(",", ".")) - float(r[a].replace(",", ".")) for a, b in (("XMin", "XMax"), ("YMin", "YMax"))]
        for r in rows
    ]
    np.testing.assert_allclose(fastanchor.read(folder).wh, relative, rtol=1e-9)
