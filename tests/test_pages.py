"""Pages of an index in a folder are requested before they are needed."""

import mmap
import threading

import numpy as np
import pytest

from fastanchor import BoxIndex, kernels
from fastanchor.engine import _pages
from fastanchor.engine._assignment import Assignment
from test_shards import everything, start

import zoo

pytestmark = [
    pytest.mark.skipif(not kernels.installed(), reason="the index needs numba"),
    pytest.mark.skipif(not hasattr(_pages.os, "posix_fadvise"), reason="no requests on this system"),
]

BOXES = zoo.lognormal(20_000).clip(3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    BoxIndex(BOXES).save(tmp_path_factory.mktemp("pages") / "boxes")
    return tmp_path_factory.getbasetemp() / "pages0" / "boxes"


class Map:
    """A map that notes which bytes are requested."""

    def __init__(self, size):
        self.size, self.calls = size, []

    def __len__(self):
        return self.size

    def madvise(self, option, start, length):
        assert (option, start % mmap.PAGESIZE) == (mmap.MADV_WILLNEED, 0)
        assert start + length <= self.size
        self.calls.append((start, start + length))


def opened(folder, monkeypatch):
    """An index whose maps note requests, as if there were no memory for all of it."""
    monkeypatch.setattr(_pages, "free", lambda: 0)
    index = BoxIndex.open(folder)
    pages = index.shards[0].grid.pages
    for column in pages._columns:
        column._map = Map(len(column._map))
    return index, pages


def test_open_leaves_are_requested_once_until_pages_are_missing(folder, monkeypatch):
    index, pages = opened(folder, monkeypatch)
    shard, centers, missing = index.shards[0], start(BOXES, 5), [0]
    monkeypatch.setattr(_pages, "faults", lambda: missing[0])
    found = Assignment(shard.work, centers, "iou", patient=True)
    found.request()
    assert len(pages._columns) == 2
    labels = found.painted().cells
    cells = np.repeat(labels, np.diff(shard.grid.offsets))
    for column in pages._columns:
        asked = np.zeros(len(column._map), bool)
        for lo, hi in column._map.calls:
            assert not asked[lo:hi].any()  # each page once
            asked[lo:hi] = True
        bytes_of = column._start + np.flatnonzero(cells < 0) * 8
        assert asked[bytes_of].all()
        assert asked[bytes_of + 7].all()
    calls = [list(column._map.calls) for column in pages._columns]
    found.request()
    missing[0] = _pages.FAULTS
    found.request()
    assert [column._map.calls for column in pages._columns] == calls
    missing[0] += _pages.FAULTS + 1
    found.request()
    assert [column._map.calls for column in pages._columns] == [2 * one for one in calls]


def test_requests_change_no_answer(folder, monkeypatch, tune):
    tune(patience=1e9)
    index, pages = opened(folder, monkeypatch)
    centers = start(BOXES, 7)
    assert str(everything(index, centers)) == str(everything(BoxIndex(BOXES), centers))
    assert index.profile(centers, 0.25, [1e3]).past == BoxIndex(BOXES).profile(centers, 0.25, [1e3]).past
    assert all(column._map.calls for column in pages._columns)


def test_whole_files_are_read_where_memory_is_free(folder, monkeypatch):
    read, done = [], threading.Event()
    monkeypatch.setattr(_pages, "read_ahead", lambda names: [read.extend(names), done.set()])
    index = BoxIndex.open(folder)
    assert not read  # not before there is a question
    index.lloyd("iou", "median").step(start(BOXES, 3))
    assert done.wait(10)
    assert sorted(name.name for name in read) == ["h0.npy", "w0.npy"]
    index.fitness(start(BOXES, 3), 0.25)
    assert len(read) == 2
    assert not BoxIndex(BOXES[:100]).shards[0].grid.pages  # in memory


def test_reading_ahead_survives_a_folder_that_is_gone(tmp_path):
    (tmp_path / "a").write_bytes(b"abc")
    _pages.read_ahead([str(tmp_path / "missing"), tmp_path / "a"])
