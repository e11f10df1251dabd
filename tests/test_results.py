"""Results as objects: their arrays are read-only, labels are computed once, and copies and pickles are whole."""

import copy
import gc
import pickle
import threading
import weakref

import numpy as np
import pytest

import fastanchor
from fastanchor import kernels
from fastanchor._types import Computed
from fastanchor.compat import kmeans_scripts, lars76, mmdet, paddle, yolo_kmeans
from fastanchor.engine.dense import DenseEngine

import zoo

WH = zoo.lognormal(300) + 3.0
RESULTS = {
    "kmeans": lambda: fastanchor.kmeans(WH, 4, rng=0, progress=False),
    "kmeans, means": lambda: fastanchor.kmeans(WH, 4, update="mean", metric="euclidean", rng=0, progress=False),
    "kmeans, given": lambda: fastanchor.kmeans(WH, 4, init=WH[:4], max_iter=1, progress=False),
    "evolve": lambda: fastanchor.evolve(WH, WH[:3], gen=20, rng=0, progress=False),
    "evolve, nothing": lambda: fastanchor.evolve(WH, WH[:3], gen=0, progress=False),
    "auto_anchor": lambda: fastanchor.auto_anchor(WH, n=3, gen=20, rng=0, progress=False),
    "sweep": lambda: fastanchor.sweep(WH, [1, 3], rng=0, progress=False),
    "check": lambda: fastanchor.check(WH, WH[:3]),
}
COPIES = {
    "pickle": lambda result: pickle.loads(pickle.dumps(result)),
    "old pickle": lambda result: pickle.loads(pickle.dumps(result, 2)),
    "copy": copy.copy,
    "deepcopy": copy.deepcopy,
}


def fields(result):
    """Return every value of a result by the path to it."""
    found = {}
    for name, value in vars(result).items():
        if hasattr(value, "__dataclass_fields__"):
            found.update({f"{name}.{inner}": one for inner, one in fields(value).items()})
        elif type(value) is tuple and value and isinstance(value[0], np.ndarray):
            found.update({f"{name}[{i}]": one for i, one in enumerate(value)})
        elif not isinstance(value, Computed):
            found[name] = value
    if isinstance(result, fastanchor.KMeansResult):
        found.update({name: getattr(result, name) for name in ("counts", "mean_iou", "inertia", "labels")})
    if isinstance(result, fastanchor.AnchorResult):
        found.update({f"check.{name}": value for name, value in fields(result.check).items()})
    return found


def arrays(result):
    return {name: value for name, value in fields(result).items() if isinstance(value, np.ndarray)}


@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_arrays_are_read_only(make):
    for name, array in arrays(make()).items():
        with pytest.raises(ValueError, match="read-only"):
            array[:1] = array[:1]
        assert not array.flags.writeable, name


@pytest.mark.parametrize("duplicate", COPIES.values(), ids=COPIES)
@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_copies_and_pickles_are_whole(make, duplicate):
    result = make()
    other = duplicate(result)
    assert type(other) is type(result)
    right, got = fields(result), fields(other)
    assert got.keys() == right.keys()
    for name, value in right.items():
        if isinstance(value, np.ndarray):
            np.testing.assert_array_equal(got[name], value)
            assert got[name].dtype == value.dtype, name
            assert not got[name].flags.writeable, name
        else:
            assert got[name] == value, name


def test_arguments_stay_writeable():
    boxes, start = WH.copy(), WH[:3].copy()
    fastanchor.kmeans(boxes, 3, init=start, max_iter=1, progress=False)
    fastanchor.evolve(boxes, start, gen=0, progress=False)
    fastanchor.check(boxes, start)
    assert boxes.flags.writeable
    assert start.flags.writeable


@pytest.mark.parametrize("engine", ["dense", "index"])
def test_labels_and_counts_are_computed_once(engine, monkeypatch):
    if engine == "index" and kernels.current() != "numba":
        pytest.skip("the index needs numba")
    kind = DenseEngine if engine == "dense" else fastanchor.BoxIndex
    calls, looks = [], []
    labels, nearest = kind.labels, kind.nearest
    monkeypatch.setattr(kind, "labels", lambda *rest: calls.append(0) or labels(*rest))
    monkeypatch.setattr(kind, "nearest", lambda *rest: looks.append(0) or nearest(*rest))
    result = fastanchor.kmeans(WH, 4, rng=0, engine=engine, progress=False)
    assert not calls + looks  # nobody has asked for them
    threads = [threading.Thread(target=lambda: result.labels) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert result.labels is result.labels
    assert copy.deepcopy(result).labels is not result.labels
    np.testing.assert_array_equal(result.labels, fastanchor.assign(WH, result.centers))
    assert len(calls) == 1 + (engine == "dense")  # the one more is assign's
    assert result.counts.tolist() == np.bincount(result.labels, minlength=4).tolist()
    assert result.inertia == pytest.approx(len(WH) * (1.0 - result.mean_iou))
    assert len(looks) == 1


def test_a_result_lets_go_of_the_boxes_when_it_has_its_labels():
    engine = DenseEngine(WH)
    there = weakref.ref(engine)
    result = fastanchor.kmeans(engine, 4, rng=0, progress=False)
    del engine
    assert there() is not None
    assert len(result.labels) == len(WH)
    gc.collect()
    assert there() is None


STAND_INS = {
    "lars76.kmeans": lambda: [lars76.kmeans(WH, 3)],
    "yolo_kmeans.k_means": lambda: [yolo_kmeans.k_means(WH, 3)],
    "bubbliiiing": lambda: kmeans_scripts.bubbliiiing(WH, 3),
    "paddle.calc_anchors": lambda: [paddle.calc_anchors(WH, 3)],
    "mmdet.k_means": lambda: [mmdet.k_means(WH, 3, rng=0)],
    "mmdet.v5_k_means": lambda: [mmdet.v5_k_means(WH, 3, 5, rng=0)],
}


@pytest.mark.parametrize("call", STAND_INS.values(), ids=STAND_INS)
def test_stand_ins_return_arrays_that_scripts_may_change(call, capsys):
    for array in call():
        array *= 2
