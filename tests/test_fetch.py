"""Reading many small files, and sizes of images kept for the next time."""

import errno
import json
import os
import threading

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError, _reading
from fastanchor.cli import main
from fastanchor.datasets import _fetch, _sizes

ROW = "0 0.5 0.5 0.25 0.5\n"


def files(folder, n, size=10):
    for i in range(n):
        (folder / f"{i:05}.txt").write_bytes(b"%d:" % i + b"x" * size)
    return [str(path) for path in sorted(folder.iterdir())]


@pytest.fixture(params=["memory", "disk"])
def speed(request, tune):
    """Both ways: the one for files from memory and the one for a disk."""
    tune(cold=float("inf") if request.param == "memory" else 0.0)
    return request.param


@pytest.mark.parametrize("n", [0, 1, 15, 16, 15 + 128, 15 + 129, 15 + 6 * 128, 2048, 2 * 2048 + 77])
def test_contents_come_in_order(tmp_path, speed, n):
    names = files(tmp_path, n)
    found = list(_fetch.contents(names))
    assert found == [b"%d:xxxxxxxxxx" % i for i in range(n)]


@pytest.mark.parametrize("size", [_fetch.BUFFER - 2, _fetch.BUFFER - 1, _fetch.BUFFER, 5 * _fetch.BUFFER])
def test_large_files_come_whole(tmp_path, size):
    (name,) = files(tmp_path, 1, size)
    assert list(_fetch.contents([name])) == [b"0:" + b"x" * size]


def test_what_cannot_be_read_stands_in_its_place(tmp_path, speed):
    names = files(tmp_path, 100)
    (tmp_path / "00005.txt").unlink()
    (tmp_path / "00070.txt").unlink()
    (tmp_path / "00080.txt").write_bytes(b"x" * (_fetch.BUFFER + 1))
    found = list(_fetch.contents(names, bound=_reading.Bound(100, "test files")))
    assert isinstance(found[5], FileNotFoundError)
    assert isinstance(found[70], FileNotFoundError)
    assert found[80].errno == errno.EFBIG
    assert [i for i, one in enumerate(found) if not isinstance(one, bytes)] == [5, 70, 80]


def test_it_reads_ahead_only_while_files_are_slow(tmp_path, monkeypatch):
    elsewhere, moved = [], []
    slow = True

    def call(file):
        elsewhere.append(threading.current_thread() is not threading.main_thread())
        return file

    clock = iter(range(10**6))
    monkeypatch.setattr(_fetch.time, "perf_counter", lambda: next(clock) if slow else 0.0)
    names = [str(tmp_path / str(i)) for i in range(3 * _fetch.BLOCK)]  # nothing is there: the advice is only advice
    results = _fetch.each(call, names, 1e-3, moved.append)
    first = [next(results) for _ in range(_fetch.BLOCK)]
    slow = False
    assert first + list(results) == names
    assert elsewhere.count(True) == _fetch.BLOCK - _fetch.LOOKED_AT
    assert moved == [_fetch.BLOCK] * 3


def test_without_advice_to_the_system(tmp_path, monkeypatch):
    monkeypatch.setattr(_fetch, "COLD", 0.0)
    monkeypatch.delattr(os, "posix_fadvise", raising=False)  # macOS, Windows
    assert len(list(_fetch.contents(files(tmp_path, 300)))) == 300


def test_an_error_ends_the_threads(speed):
    def call(item):
        if item == "900":
            raise RuntimeError("the caller's own")
        return item

    names = [str(i) for i in range(5000)]
    with pytest.raises(RuntimeError, match="own"):
        list(_fetch.each(call, names, _fetch.COLD, lambda n: None))
    results = _fetch.each(call, names[:800], _fetch.COLD, lambda n: None)
    assert [next(results) for _ in range(50)] == names[:50]
    results.close()
    assert not [t for t in threading.enumerate() if t.name.startswith("ThreadPoolExecutor")]


def test_readers_give_the_same_either_way(tmp_path, speed):
    labels = tmp_path / "labels"
    labels.mkdir()
    for i in range(1500):
        (labels / f"{i:04}.txt").write_text(f"{i % 3} 0.5 0.5 {(i + 1) / 2000} 0.25\n" * (i % 7 > 0))
    boxes = fastanchor.read(tmp_path, source_size=(2000, 100))
    kept = [i for i in range(1500) if i % 7]
    np.testing.assert_allclose(boxes.wh[:, 0], np.array(kept) + 1)
    assert boxes.image_index.tolist() == kept


# --- sizes of images


def pictured(folder, *sizes):
    Image = pytest.importorskip("PIL.Image")
    (folder / "labels").mkdir()
    for i, size in enumerate(sizes):
        Image.new("L", size).save(folder / f"labels/{i}.png")
        (folder / f"labels/{i}.txt").write_text(ROW)
    return folder


def test_sizes_are_kept_for_the_next_time(tmp_path, monkeypatch, capsys, speed):
    data = pictured(tmp_path / "data" if (tmp_path / "data").mkdir() is None else None, (40, 20), (80, 60))
    cache = tmp_path / "kept" / "sizes.json"
    first = fastanchor.read(data, size_cache=cache)
    assert first.image_wh.tolist() == [[40, 20], [80, 60]]
    opened = []
    real = _sizes.image_size
    monkeypatch.setattr(_sizes, "image_size", lambda path, **k: opened.append(path.name) or real(path, **k))
    assert fastanchor.read(data, size_cache=cache).image_wh.tolist() == [[40, 20], [80, 60]]
    assert opened == []
    # a changed image is read anew, one that is gone is not made up
    pytest.importorskip("PIL.Image").new("L", (100, 10)).save(data / "labels/1.png")
    os.utime(data / "labels/1.png", ns=(5, 5))
    (data / "labels/0.png").unlink()
    again = fastanchor.read(data, size_cache=cache)
    assert again.image_wh.tolist() == [[100, 10]]
    assert again.skipped == {"image size missing": 1, "box of an image without a size": 1}
    assert opened == ["1.png"]
    assert sorted(path.name for path in data.rglob("*")) == ["0.txt", "1.png", "1.txt", "labels"]
    assert main(["stats", str(data), "--size-cache", str(cache), "--json", "--quiet"]) == 0
    assert json.loads(capsys.readouterr().out)["mean_image"] == [100, 10]


@pytest.mark.parametrize("content", ["", "[]", "{}", '{"fastanchor image sizes": 2, "images": {}}', "x: y", "\0\xff"])
def test_another_file_is_not_overwritten(tmp_path, content):
    data = pictured(tmp_path, (40, 20))
    cache = tmp_path / "mine.json"
    cache.write_text(content, encoding="latin-1")
    with pytest.raises(DataError, match=r"mine\.json: not a file of image sizes"):
        fastanchor.read(data, size_cache=cache)
    assert cache.read_text(encoding="latin-1") == content


def test_damaged_entries_are_read_anew(tmp_path):
    data = pictured(tmp_path, (40, 20))
    cache = tmp_path / "sizes.json"
    fastanchor.read(data, size_cache=cache)
    content = json.loads(cache.read_text())
    (name,) = content["images"]
    content["images"][name][2:] = ["4", None]
    cache.write_text(json.dumps(content))
    assert fastanchor.read(data, size_cache=cache).image_wh.tolist() == [[40, 20]]


def test_a_cache_of_sizes_without_images_is_remarked(tmp_path):
    (tmp_path / "a.csv").write_text("w,h\n1,2\n")
    boxes = fastanchor.read(tmp_path / "a.csv", size_cache=tmp_path / "c")
    assert "size_cache had no effect on these labels" in [remark.text for remark in boxes.remarks]
    assert not (tmp_path / "c").exists()


def test_every_reader_of_images_keeps_sizes(tmp_path):
    Image = pytest.importorskip("PIL.Image")
    Image.new("L", (50, 40)).save(tmp_path / "a.png")
    (tmp_path / "list.txt").write_text("a.png 1,2,11,22,0\n")
    (tmp_path / "oi.csv").write_text("ImageID,XMin,XMax,YMin,YMax\na,0,0.2,0,0.5\n")
    image = {"id": 1, "file_name": "a.png"}
    annotation = {"image_id": 1, "category_id": 1, "bbox": [0, 0, 10, 20]}
    content = {"images": [image], "annotations": [annotation], "categories": [{"id": 1, "name": "c"}]}
    (tmp_path / "coco.json").write_text(json.dumps(content))
    (tmp_path / "label_2").mkdir()
    (tmp_path / "label_2/a.txt").write_text("Car 0 0 0 1 2 11 22 1 1 1 1 1 1 1\n")
    Image.new("L", (50, 40)).save(tmp_path / "label_2/a.png")
    for name in ("list.txt", "oi.csv", "coco.json", "label_2"):
        cache = tmp_path / f"{name}.sizes"
        boxes = fastanchor.read(tmp_path / name, size_cache=cache)
        assert boxes.wh.tolist() == [[10, 20]], name
        assert boxes.image_wh.tolist() == [[50, 40]], name
        assert len(json.loads(cache.read_text())["images"]) == 1, name
