"""A cluster of worker processes has the bits of one process, whatever happens to the workers."""

import json
import logging
import os
import signal

import numpy as np
import pytest

import fastanchor
from fastanchor import ClusterError, DataError, kernels
from fastanchor.cli import main

distributed = pytest.importorskip("distributed")
pa = pytest.importorskip("pyarrow")

from fastanchor.distributed import ClusterIndex, _cluster, _crew  # noqa: E402  after Dask is known to be there
from test_shards import dealt, everything, start  # noqa: E402

pytestmark = pytest.mark.skipif(not kernels.installed(), reason="the index needs numba")


@pytest.fixture(scope="module")
def cluster():
    """Three worker processes with a thread each, and a client that is not the default."""
    boxes = BOXES[(BOXES >= 2).any(axis=1)]
    job(boxes)  # kernels are compiled here once, or each of the workers would do so
    job(dealt(boxes, 3))
    fastanchor.kmeans(dealt(boxes, 3), 3, rng=0)
    everything(dealt(boxes, 3), start(boxes, 7))
    made = distributed.LocalCluster(
        n_workers=3, threads_per_worker=1, memory_limit="1.5GB", dashboard_address="127.0.0.1:0", silence_logs=50
    )
    with made, distributed.Client(made, set_as_default=False) as client:
        yield client


def drawn(n, seed=0):
    return np.exp(np.random.default_rng(seed).normal([3.8, 3.7], 1, (n, 2))).clip(1, 640)


def parquet(folder, boxes, files):
    import pyarrow.parquet as pq

    folder.mkdir()
    for i, some in enumerate(np.array_split(boxes, files)):
        pq.write_table(pa.table({"width": some[:, 0], "height": some[:, 1]}), folder / f"part-{i:02}.parquet")
    return folder


BOXES = drawn(3000)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return parquet(tmp_path_factory.mktemp("boxes") / "set", BOXES, 7)


def anchors(boxes, **options):
    return fastanchor.auto_anchor(boxes, n=5, gen=40, rng=0, max_iter=12, **options)


def same(found, right):
    np.testing.assert_array_equal(found.anchors, right.anchors)
    assert (found.boxes, found.n_small, found.n_filtered) == (right.boxes, right.n_small, right.n_filtered)
    assert (found.fit, found.img_size, found.bpr) == (right.fit, right.img_size, right.bpr)
    assert found.evolve.accepted == right.evolve.accepted
    np.testing.assert_allclose(found.fitness, right.fitness, rtol=1e-12)
    np.testing.assert_array_equal(found.kmeans.labels, right.kmeans.labels)


@pytest.mark.filterwarnings("ignore::fastanchor.SmallBoxWarning")
def test_a_folder_of_parquet_gives_the_anchors_of_one_process(cluster, folder):
    right = anchors(fastanchor.read(folder))
    with ClusterIndex(folder, cluster) as index:
        assert len(index.shards) == 3
        assert [len(place.source.paths) for place in index.shards] == [2, 3, 2]
        same(anchors(index.network), right)
        assert index.traffic.lost == 0


def test_every_question_has_the_same_answer(cluster, folder):
    boxes = BOXES[(BOXES >= 2).any(axis=1)]
    dense = fastanchor.engine.choose(boxes, name="dense")
    with ClusterIndex(folder, cluster) as index:
        assert str(everything(index, start(boxes, 7))) == str(everything(dense, start(boxes, 7)))


@pytest.mark.filterwarnings("ignore::fastanchor.SmallBoxWarning")
@pytest.mark.slow
def test_labels_are_scaled_where_they_are_read(cluster, tmp_path):
    head = "width,height,image,image_width,image_height\n"
    for name, seed in (("b", 1), ("a", 2), ("c", 3), ("d", 4)):
        rows = [f"{w:.3f},{h:.3f},{name}{i % 9},{1000 + i % 9},800\n" for i, (w, h) in enumerate(drawn(200, seed))]
        (tmp_path / f"{name}.csv").write_text(head + "".join(rows))
    paths = [tmp_path / f"{name}.csv" for name in "badc"]
    with ClusterIndex(paths, cluster, img_size=(416, 320), columns=("width", "height")) as index:
        right = anchors(fastanchor.read(paths, columns=("width", "height")), img_size=(416, 320))
        same(anchors(index.network, img_size=(416, 320)), right)
        assert right.img_size == (416, 320)
        assert right.n_filtered > 0


WEIGHTS = {
    "whole": lambda rng, n: rng.integers(0, 5, n),
    "of many bits": lambda rng, n: rng.integers(1, 2**40, n),
    "fractions": lambda rng, n: rng.random(n).round(6),
}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::fastanchor.SmallBoxWarning")
@pytest.mark.parametrize("kind", WEIGHTS)
def test_boxes_count_as_often_as_their_weights_say(cluster, tmp_path, kind):
    rng, paths = np.random.default_rng(3), []
    for i, some in enumerate(np.array_split(drawn(900), 4)):
        paths.append(tmp_path / f"{i}.csv")
        rows = zip(some.round(3).tolist(), WEIGHTS[kind](rng, len(some)).tolist(), strict=True)
        lines = ["width,height,box_weight", *(f"{w},{h},{weight}" for (w, h), weight in rows)]
        paths[-1].write_text("\n".join(lines) + "\n")
    right = fastanchor.read(paths)
    with ClusterIndex(paths, cluster) as index:
        found, one = anchors(index.network), anchors(right)
        np.testing.assert_array_equal(found.anchors, one.anchors)
        assert (found.boxes, found.bpr, found.evolve.accepted) == (one.boxes, one.bpr, one.evolve.accepted)
        np.testing.assert_allclose([found.n_small, found.n_filtered], [one.n_small, one.n_filtered], rtol=1e-6)
        keep = (right.wh >= 2).any(axis=1)
        dense = fastanchor.engine.choose(right.wh[keep], name="dense", weights=right.weights[keep])
        centers = start(right.wh[keep], 7)
        assert str(everything(index, centers)) == str(everything(dense, centers))


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::fastanchor.SmallBoxWarning")
def test_another_objective_has_the_same_anchors(cluster, folder):
    with ClusterIndex(folder, cluster) as index:
        found = anchors(index.network, objective="iou")
    np.testing.assert_array_equal(found.anchors, anchors(fastanchor.read(folder), objective="iou").anchors)


@pytest.mark.parametrize("kind", ["array", "frame"])
def test_dask_collections_are_read_piece_by_piece(cluster, kind):
    if kind == "array":
        data = pytest.importorskip("dask.array").from_array(BOXES, chunks=(400, 1))
    else:
        pandas = pytest.importorskip("pandas")
        frame = pytest.importorskip("dask.dataframe")
        data = frame.from_pandas(pandas.DataFrame(BOXES, columns=["w", "h"]), npartitions=5)
    with ClusterIndex(data, cluster) as index:
        rows = np.arange(len(index))
        np.testing.assert_array_equal(index.take(rows), BOXES[(BOXES >= 2).any(axis=1)])
        assert len(index.shards) == 3


def test_more_workers_than_files_and_files_without_boxes(cluster, tmp_path):
    (tmp_path / "a.csv").write_text("width,height\n")
    (tmp_path / "b.csv").write_text("width,height\n1,1.5\n20,30\n")
    with ClusterIndex([tmp_path / "b.csv"], cluster) as index:
        assert (len(index.shards), len(index), index.network.n_filtered) == (1, 1, 1)
    with pytest.raises(DataError, match="none of 2 has a side >= min_size = 40"):
        ClusterIndex([tmp_path / "b.csv"], cluster, min_size=40)


def test_records_of_dask_are_silent_on_demand():
    log = logging.getLogger("distributed.client")
    before = log.level
    log.setLevel(logging.WARNING)  # its own, as Dask's configuration has it
    with _cluster._quiet():
        assert not log.isEnabledFor(logging.ERROR)
    assert log.level == logging.WARNING
    log.setLevel(before)


# ---- faults


def killing(monkeypatch, question, nth=1, how=signal.SIGKILL):
    """Let a worker be killed right after it was sent a question: the nth one, or every one from then on if `nth` is 0.

    Return the numbers of the processes that were.
    """
    send, answer, pids, seen, killed = _cluster.DaskLink.send, _crew.Crew.start, {}, [], []

    def start(crew):
        found = answer(crew)
        pids.update(zip(map(crew.link.where, [place.actor for place in crew.places]), found, strict=True))
        return found

    def sending(link, actor, data):
        sent = send(link, actor, data)
        if question.encode() in data:
            seen.append(link.where(actor))
            if len(seen) == nth or not nth:
                pid = pids[seen[-1]].process if seen[-1] in pids else process(link, seen[-1])
                if pid is not None and pid not in killed:  # the worker of several parts dies once
                    os.kill(pid, how)
                    killed.append(pid)
        return sent

    monkeypatch.setattr(_crew.Crew, "start", start)
    monkeypatch.setattr(_cluster.DaskLink, "send", sending)
    return killed


def process(link, worker):
    return link._client.run(os.getpid, workers=[worker], on_error="ignore").get(worker)


def job(boxes):
    """Return what a build, updates and a search have found."""
    run = fastanchor.kmeans(boxes, 4, rng=0, max_iter=6)
    found = fastanchor.evolve(boxes, run.centers, gen=40, rng=0)
    return run.centers.tolist(), run.counts.tolist(), found.anchors.tolist(), found.accepted


# a build, an update and a search; others of each only where time does not matter
KILLED_AT = [("survey", 1), *(pytest.param(*at, marks=pytest.mark.slow) for at in [
    ("read", 1), ("build", 2), ("step", 1), ("step", 9), ("ranks", 2), ("judged", 1), ("judged", 3), ("nearest", 1)
])]  # fmt: skip


@pytest.mark.parametrize(("question", "nth"), KILLED_AT)
def test_a_killed_worker_changes_nothing(monkeypatch, cluster, folder, question, nth):
    right = job(BOXES[(BOXES >= 2).any(axis=1)])
    with monkeypatch.context() as patch:
        killed = killing(patch, question, nth)
        with ClusterIndex(folder, cluster) as index:
            assert job(index) == right
            assert index.traffic.lost >= 1
    assert len(killed) == 1
    cluster.wait_for_workers(3, timeout=60)


@pytest.mark.slow
def test_a_part_that_kills_every_worker_is_named(monkeypatch, folder):
    made = distributed.LocalCluster(
        n_workers=3, threads_per_worker=1, memory_limit="1.5GB", dashboard_address="127.0.0.1:0", silence_logs=50
    )
    with made, distributed.Client(made, set_as_default=False) as client:  # its workers may not all come back
        killed = killing(monkeypatch, "survey", 0)
        with pytest.raises(ClusterError, match=r"part \d of 3 \(.*part-0.*\): its worker was lost 4 times in a row"):
            ClusterIndex(folder, client)
        assert len(killed) >= 3


@pytest.mark.slow
def test_a_frozen_worker_is_an_error_at_the_deadline(monkeypatch, cluster, folder):
    with monkeypatch.context() as patch:
        killed = killing(patch, "survey", how=signal.SIGSTOP)
        try:
            with pytest.raises(ClusterError, match=r"worker tcp://.*: no answer within timeout = 3 seconds"):
                ClusterIndex(folder, cluster, timeout=3)
        finally:
            for pid in killed:
                os.kill(pid, signal.SIGCONT)


@pytest.mark.slow
def test_a_scheduler_that_dies_is_one_sentence(folder):
    made = distributed.LocalCluster(
        n_workers=1, threads_per_worker=1, memory_limit="1.5GB", dashboard_address="127.0.0.1:0", silence_logs=50
    )
    with made, distributed.Client(made, set_as_default=False) as client:
        index = ClusterIndex(folder, client)
        made.sync(made.scheduler.close)
        with pytest.raises(ClusterError, match=r"scheduler tcp://.*: the connection is lost"):
            fastanchor.kmeans(index, 3, rng=0)
        index.close()


def test_another_version_is_refused(monkeypatch, cluster, folder):
    mine = fastanchor.__version__
    monkeypatch.setattr(_cluster, "__version__", "9.9")
    with pytest.raises(ClusterError, match=rf"worker tcp://.*: has fastanchor {mine}, but this process has 9\.9"):
        ClusterIndex(folder, cluster)


def test_errors_of_workers_are_those_of_one_process(cluster, tmp_path):
    (tmp_path / "a.csv").write_text("width,height\n20,30\n")
    (tmp_path / "b.csv").write_text("apples,pears\n1,2\n")
    with pytest.raises(DataError, match=r"b\.csv"):
        ClusterIndex([tmp_path / "a.csv", tmp_path / "b.csv"], cluster)
    (tmp_path / "b.csv").write_text("width,height,image,box_weight\n20,30,a,2\n9,9,a,1\n")
    with pytest.raises(DataError, match="some paths have weights and others have none"):
        ClusterIndex([tmp_path / "a.csv", tmp_path / "b.csv"], cluster)


def test_a_scheduler_that_is_not_there_is_one_sentence(capsys, folder, monkeypatch):
    monkeypatch.setattr(_cluster, "CONNECT", 1.0)
    assert main(["anchors", str(folder), "--dask", "tcp://127.0.0.1:9", "--quiet"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("fastanchor: scheduler tcp://127.0.0.1:9: cannot be reached")
    assert len(err.splitlines()) == 1


def test_a_client_of_the_caller_stays_as_it_is(cluster, folder):
    mine = cluster.submit(sum, [1, 2])
    workers = set(cluster.scheduler_info()["workers"])
    with ClusterIndex(folder, cluster) as index:
        assert len(index) > 0
    assert mine.result() == 3
    assert set(cluster.futures) == {mine.key}
    assert set(cluster.scheduler_info()["workers"]) == workers
    assert cluster.status == "running"


# ---- what is sent


@pytest.mark.slow
def test_a_million_boxes_in_few_trips_whose_size_does_not_depend_on_their_number(cluster, tmp_path):
    sizes = []
    for n in (500_000, 1_000_000):
        boxes = drawn(n, seed=5).clip(3, 640)
        right = fastanchor.auto_anchor(boxes, n=9, rng=0)
        with ClusterIndex(parquet(tmp_path / str(n), boxes, 6), cluster) as index:
            traffic = index.traffic
            before = traffic.trips
            run = fastanchor.kmeans(index, 9, init=right.kmeans.centers * 1.1)
            assert traffic.trips - before <= 2 * run.n_iter + 5
            before, received = traffic.trips, traffic.received
            found = fastanchor.evolve(index, run.centers, rng=0)
            assert traffic.trips - before <= found.accepted + 25
            assert (traffic.received - received) / (traffic.trips - before) < 10_000
            result = fastanchor.auto_anchor(index.network, n=9, rng=0)
            np.testing.assert_array_equal(result.anchors, right.anchors)
            assert result.kmeans.n_iter == right.kmeans.n_iter
            sizes.append(traffic.largest)
    assert max(sizes) < 600_000  # bytes; the sample of boxes on which starts are tried is the largest
    assert sizes[1] < 1.5 * sizes[0]


def test_runs_are_forgotten(cluster, folder):
    with ClusterIndex(folder, cluster) as index:
        for _ in range(3):
            fastanchor.kmeans(index, 3, rng=0)
        index.below(2)
        assert all(not place.runs for place in index.shards)


def test_only_what_matters_is_repeated():
    def call(name):
        return ("answer", 1, 1, _Named(name), (), ())

    calls = [call("lloyd")]
    for _ in range(4):
        for name in ("step", "ranks", "ranks"):
            _crew._remember(calls, call(name))
    assert [one[3].name for one in calls] == ["lloyd", *["step", "ranks", "ranks"] * 2]
    calls = [call("spreading")]
    for _ in range(4):
        _crew._remember(calls, call("farthest"))
    assert len(calls) == 5


class _Named:
    def __init__(self, name):
        self.name = name


# ---- the command line


@pytest.mark.slow
def test_local_workers_of_the_command_line(capsys, folder):
    assert main(["anchors", str(folder), "-n", "3", "--gen", "20", "--json"]) == 0
    right = capsys.readouterr().out
    assert main(["anchors", str(folder), "-n", "3", "--gen", "20", "--json", "--dask", "local", "--workers", "2"]) == 0
    out, err = capsys.readouterr()
    mine, theirs = json.loads(out), json.loads(right)
    for key in ("anchors", "boxes", "n_small", "n_filtered", "skipped", "levels"):
        assert mine[key] == theirs[key], key
    assert mine["read"].pop("mean_box") == pytest.approx(theirs["read"].pop("mean_box"))
    assert mine["read"] == theirs["read"]
    assert "2 workers" in err
    assert "dashboard: http://127.0.0.1:" in err


REFUSED = {
    "--workers": (["--workers", "2"], "only with --dask local"),
    "--plot": (["--dask", "local", "--plot", "x.png"], "not supported with --dask"),
    "--certify": (["--dask", "local", "--certify"], "not supported with --dask"),
    "--method": (["--dask", "local", "--method", "global"], "not supported with --dask"),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_a_cluster_cannot_do_is_said_before_anything_starts(capsys, folder, name):
    words, rule = REFUSED[name]
    assert main(["anchors", str(folder), *words]) == 2
    assert capsys.readouterr().err == f"fastanchor: {name}: {rule}\n"
