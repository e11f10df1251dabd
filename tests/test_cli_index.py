"""`fastanchor index`, folders as DATA, and files that are sorted piece by piece."""

import json

import numpy as np
import pytest

import fastanchor
from fastanchor import kernels
from fastanchor.cli import main
from fastanchor.datasets import _large

pytestmark = pytest.mark.skipif(not kernels.installed(), reason="the index needs numba")

RNG = np.random.default_rng(7)
SIDES = (np.exp(RNG.normal(3.8, 0.8, (4000, 2))).clip(1, 600) * 8).round() / 8


def labels(folder, count, seed, split="train"):
    """YOLO labels, as a CSV of boxes with the sizes of their images."""
    rng = np.random.default_rng(seed)
    rows = ["image,image_width,image_height,xmin,ymin,width,height,class,split"]
    for i in range(count):
        w, h = rng.uniform(1, 300, 2)
        rows.append(f"{seed}-{i // 4}.jpg,640,480,5,5,{w:.3f},{h:.3f},{'cat' if i % 3 else 'ant'},{split}")
    (folder / f"{seed}.csv").write_text("\n".join(rows) + "\n")
    return str(folder / f"{seed}.csv")


def answered(capsys, *words):
    assert main([*words, "--json"]) == 0, capsys.readouterr().err
    return json.loads(capsys.readouterr().out)


def failed(capsys, *words):
    assert main(list(words)) == 2
    return capsys.readouterr().err.strip()


SAME = ("anchors", "bpr", "boxes", "n_small", "n_filtered", "fit", "img_size", "levels", "skipped")


def alike(found, right):
    """Compare answers; sums over boxes that decide nothing agree to 1e-12 between engines."""
    for name in SAME:
        assert found[name] == right[name], name
    for name in ("fitness", "mean_iou"):
        np.testing.assert_allclose(found[name], right[name], rtol=1e-12)


def test_an_index_answers_as_its_labels(tmp_path, capsys):
    old, new, index = labels(tmp_path, 400, 1), labels(tmp_path, 300, 2), str(tmp_path / "boxes.index")
    options = ["--img-size", "416", "--fit", "stretch"]
    written = answered(capsys, "index", old, *options, "-o", index)
    assert written["boxes"] == written["read"]["boxes"] - written["n_filtered"]
    assert written["settings"]["img_size"] == [416, 416]
    job = ["-n", "4", "--gen", "50"]
    right, found = answered(capsys, "anchors", old, *options, *job), answered(capsys, "anchors", index, *job)
    alike(found, right)
    assert found["read"]["per_class"] == right["read"]["per_class"]
    checked = answered(capsys, "check", index, "--anchors", "10,13 30,60")
    assert checked["img_size"] == [416, 416]
    assert answered(capsys, "sweep", index, "-n", "2-3", "--gen", "0")["fit"] == "stretch"
    # yesterday's boxes and today's
    both = str(tmp_path / "both.index")
    answered(capsys, "index", index, new, "-o", both)
    right, found = answered(capsys, "anchors", old, new, *options, *job), answered(capsys, "anchors", both, *job)
    alike(found, right)
    assert found["read"]["images"] == right["read"]["images"]
    assert main(["anchors", both, *job]) == 0
    text = capsys.readouterr().out
    assert "416 x 416 pixels, stretch" in text
    assert f"{right['read']['boxes']:,} boxes on {right['read']['images']:,} images" in text


@pytest.mark.slow
def test_weights_are_kept(tmp_path, capsys):
    data, index = labels(tmp_path, 400, 3), str(tmp_path / "boxes.index")
    job = ["-n", "3", "--gen", "50"]
    right = answered(capsys, "anchors", data, "--balance", "class", *job)
    answered(capsys, "index", data, "--balance", "class", "-o", index)
    assert answered(capsys, "anchors", index, *job)["anchors"] == right["anchors"]
    assert answered(capsys, "anchors", index, "--balance", "class", *job)["anchors"] == right["anchors"]
    assert "--balance = image: " in failed(capsys, "anchors", index, "--balance", "image")


@pytest.fixture
def index(tmp_path, capsys):
    folder = str(tmp_path / "boxes.index")
    answered(capsys, "index", labels(tmp_path, 400, 1), "--img-size", "416", "-o", folder)
    return folder


REFUSED = {
    "size": (["--img-size", "640"], "--img-size = 640x640: {} was built for 416x416"),
    "fit": (["--fit", "stretch"], "--fit = stretch: {} was built for letterbox"),
    "split": (["--split", "val"], "--split = val: {} was built with --split train"),
    "least": (["--min-size", "0"], "--min-size = 0: {} was built with --min-size 2"),
    "balance": (["--balance", "class"], "--balance = class: {} was built without weights"),
    "reading": (["--unit", "relative"], "--unit: {} is an index; this was decided when it was built"),
    "holdout": (["--holdout", "0.2"], "--holdout: {} is an index, which does not know the images of its boxes"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_other_settings_are_refused_by_name(name, index, capsys):
    words, message = REFUSED[name]
    assert failed(capsys, "anchors", index, *words) == "fastanchor: " + message.format(index)
    agreeing = ["--img-size", "416", "--fit", "letterbox", "--split", "train", "--min-size", "2"]
    assert main(["anchors", index, *agreeing, "-n", "2", "--gen", "0"]) == 0


def test_where_an_index_cannot_stand(index, tmp_path, capsys):
    other = labels(tmp_path, 20, 2)
    assert "is an index, which must be the only DATA" in failed(capsys, "anchors", index, other)
    assert "only anchors, check, sweep and index read it" in failed(capsys, "stats", index)
    assert "exists already; --force replaces it" in failed(capsys, "index", other, "-o", index)
    assert "is not an index; name another folder" in failed(capsys, "index", other, "-o", str(tmp_path))
    message = failed(capsys, "index", index, other, "--img-size", "320", "-o", str(tmp_path / "new"))
    assert "--img-size = 320x320" in message
    answered(capsys, "index", index, other, "-o", index, "--force")
    (tmp_path / "boxes.index" / "w0.npy").write_bytes(b"")
    assert "w0.npy has 0 bytes, expected" in failed(capsys, "anchors", index)


# ---- piece by piece


@pytest.fixture(params=["npy", "parquet", "two files"])
def files(request, tmp_path):
    """Files of nothing but float32 sides, some of them not valid and some too small."""
    sides = SIDES.astype(np.float32)
    sides[5], sides[50], sides[500], sides[501] = (np.nan, 4), (0, 4), (1, 1), (-3, 2)
    if request.param == "parquet":
        arrow = pytest.importorskip("pyarrow")
        parquet = pytest.importorskip("pyarrow.parquet")
        table = arrow.table({"width": sides[:, 0], "height": sides[:, 1]})
        parquet.write_table(table, tmp_path / "a.parquet", row_group_size=700)
        return [str(tmp_path / "a.parquet")]
    parts = [sides] if request.param == "npy" else [sides[:1300], sides[1300:]]
    for i, part in enumerate(parts):
        np.save(tmp_path / f"{i}.npy", part)
    return [str(tmp_path / f"{i}.npy") for i in range(len(parts))]


@pytest.mark.parametrize("memory", ["1k", "3MB"])
def test_files_that_do_not_fit_into_memory_give_the_same_answer(files, memory, capsys, monkeypatch):
    monkeypatch.setattr("fastanchor.cli._batched.PLAIN", 1000)
    monkeypatch.setattr("fastanchor.engine._batches.PIECE", 900)
    take, most = fastanchor.BoxIndex.take, []
    monkeypatch.setattr("fastanchor.BoxIndex.take", lambda self, rows: [most.append(len(rows)), take(self, rows)][1])
    job = ["-n", "3", "--gen", "50"]
    right = answered(capsys, "anchors", *files, *job)
    found = answered(capsys, "anchors", *files, *job, "--memory", memory)
    assert found["engine"] == "index"
    assert max(most) < len(SIDES) // 2  # never all boxes
    alike(found, right)
    np.testing.assert_allclose(found["read"]["mean_box"], right["read"]["mean_box"], rtol=1e-9)


def test_files_that_do_not_fit_into_memory_are_kept_in_a_folder(files, tmp_path, capsys, monkeypatch):
    monkeypatch.setattr("fastanchor.cli._batched.PLAIN", 1000)
    monkeypatch.setattr("fastanchor.engine._batches.PIECE", 900)
    job, usual, large = ["-n", "3", "--gen", "50"], str(tmp_path / "usual"), str(tmp_path / "large")
    read = {name: answered(capsys, "index", *files, "-o", name, *more) for name, more in
            ((usual, []), (large, ["--memory", "1k"]))}  # fmt: skip
    for name in ("boxes", "settings", "skipped", "n_small", "n_filtered"):
        assert read[large][name] == read[usual][name]
    alike(answered(capsys, "anchors", large, *job), answered(capsys, "anchors", usual, *job))
    one, other = (fastanchor.BoxIndex.open(name, verify=True) for name in (large, usual))
    rows = np.arange(len(one))
    np.testing.assert_array_equal(one.take(rows), other.take(rows))
    both, again = str(tmp_path / "both"), str(tmp_path / "again")
    assert answered(capsys, "index", usual, *files, "--memory", "1k", "-o", both)["boxes"] == 2 * len(one)
    assert answered(capsys, "index", usual, *files, "-o", again)["boxes"] == 2 * len(one)
    alike(answered(capsys, "anchors", both, *job), answered(capsys, "anchors", again, *job))
    assert "exists already; --force replaces it" in failed(capsys, "index", *files, "--memory", "1k", "-o", large)
    answered(capsys, "index", *files, "--memory", "1k", "-o", large, "--force")
    assert not list(tmp_path.glob(".fastanchor-*"))


def test_rows_of_files_are_those_of_the_array(tmp_path):
    np.save(tmp_path / "a.npy", SIDES)
    rows = _large.rows_of_file(str(tmp_path / "a.npy"))
    some = np.array([5, 5, 3999, 0])
    assert len(rows) == len(SIDES)
    np.testing.assert_array_equal(rows[some], SIDES[some])
    np.testing.assert_array_equal(rows[90:95], SIDES[90:95])
    with (tmp_path / "a.npy").open("r+b") as file:
        file.truncate(1000)
    with pytest.raises(fastanchor.DataError, match=r"a\.npy: is truncated, expected 4,000 boxes"):
        _large.rows_of_file(str(tmp_path / "a.npy"))


def test_files_with_more_than_boxes_are_read_as_usual(tmp_path, capsys):
    data = labels(tmp_path, 100, 1)
    assert _large.rows_of_file(data) is None
    assert answered(capsys, "anchors", data, "-n", "2", "--gen", "0", "--memory", "1k")["boxes"] > 90
    message = failed(capsys, "anchors", data, "--memory", "much")
    assert "--memory = 'much': must be a number of bytes, as in 4GB or 500MB" in message
