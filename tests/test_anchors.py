"""The whole job from boxes to anchors, and the text it gives."""

import dataclasses
import json

import numpy as np
import pytest

import fastanchor
from fastanchor import Boxes, DataError, SmallBoxWarning, export

import naive
import zoo


def auto(boxes, **options):
    return fastanchor.auto_anchor(boxes, progress=False, **options)


def test_is_the_recipe_step_by_step(backend):
    wh = zoo.lognormal(300).clip(3)
    got = auto(wh, n=6, gen=60, rng=4)
    rng = np.random.default_rng(4)
    centers, n_iter, stop = naive.fittest(wh, 6, rng)
    anchors, fitness, accepted = naive.evolve(centers, wh, 0.25, 60, rng)
    np.testing.assert_array_equal(got.kmeans.centers, centers)
    np.testing.assert_array_equal(got.anchors, anchors[np.argsort(anchors.prod(1))])
    assert (got.kmeans.n_iter, got.kmeans.stop, got.evolve.accepted) == (n_iter, stop, accepted)
    np.testing.assert_allclose(got.fitness, fitness, rtol=1e-12)
    np.testing.assert_allclose(got.mean_iou, (1 - naive.nearest_fast(wh, anchors, "iou")[1]).mean(), rtol=1e-12)
    assert got.backend == backend
    assert got.engine == "dense"


@pytest.mark.parametrize(
    "options",
    [
        {"metric": "euclidean"},
        {"update": "mean"},
        {"metric": "euclidean", "update": "mean"},
        {"max_iter": 2},
        {"tol": 1e-2},
    ],
)
def test_options_of_kmeans_are_handed_on(options):
    wh = zoo.lognormal(600).clip(3)
    start = wh[:6].copy()
    got = auto(wh, n=6, gen=0, init=start, **options)
    right = fastanchor.kmeans(wh, 6, init=start, progress=False, **options)
    plain = fastanchor.kmeans(wh, 6, init=start, progress=False)
    np.testing.assert_array_equal(got.kmeans.centers, right.centers)
    assert (got.kmeans.n_iter, got.kmeans.stop) == (right.n_iter, right.stop)
    assert not np.array_equal(right.centers, plain.centers)


def test_options_of_the_search_are_handed_on():
    wh = zoo.lognormal(600).clip(3)
    start = wh[:6].copy()
    got = auto(wh, n=6, gen=50, thr=0.5, init=start, rng=3)
    right = fastanchor.evolve(wh, got.kmeans.centers, gen=50, thr=0.5, rng=3, progress=False)
    np.testing.assert_array_equal(np.sort(got.anchors, axis=0), np.sort(right.anchors, axis=0))
    np.testing.assert_array_equal(got.evolve.history, right.history)
    assert (got.fitness, got.bpr) == (right.fitness, right.bpr)
    assert got.kmeans_fitness == fastanchor.anchor_fitness(wh, got.kmeans.centers, 0.5)


@pytest.mark.parametrize(("name", "value"), [("gen", -1), ("gen", 2.5), ("gen", None), ("thr", 4), ("min_size", -1)])
def test_options_of_the_search_are_checked_before_anything_is_done(name, value):
    def none(**_):
        raise AssertionError("work has begun")

    with pytest.raises(DataError, match=f"^{name} = {value}: must be"):
        fastanchor.auto_anchor(zoo.lognormal(40).clip(3), **{name: value}, progress=none)


def test_scales_filters_and_counts_small_boxes():
    wh = [[100, 50], [4, 3], [3, 400], [60, 60], [200, 300]]
    boxes = Boxes(wh, image_index=[0, 0, 1, 1, 1], image_wh=[[1000, 500], [400, 800]])
    with pytest.warns(SmallBoxWarning, match="2 of 5 boxes have a side < 3 pixels"):
        got = auto(boxes, img_size=400, n=1, gen=0)
    # factors 0.4 and 0.5; (1.6, 1.2) has no side of 2 and is left out, (1.5, 200) has one
    assert (got.boxes, got.n_small, got.n_filtered) == (4, 2, 1)
    np.testing.assert_array_equal(got.anchors, [[(30 + 40) / 2, (30 + 150) / 2]])


def test_rectangular_input_letterboxed_and_stretched():
    boxes = Boxes([[100, 100]], image_index=[0], image_wh=[[1000, 500]])
    np.testing.assert_allclose(auto(boxes, img_size=(400, 400), n=1, gen=0).anchors, [[40, 40]])
    np.testing.assert_allclose(auto(boxes, img_size=(400, 100), n=1, gen=0).anchors, [[20, 20]])
    np.testing.assert_allclose(auto(boxes, img_size=(400, 100), n=1, gen=0, fit="stretch").anchors, [[40, 20]])


def test_boxes_without_images_count_as_network_pixels():
    wh = zoo.lognormal(50).clip(3)
    np.testing.assert_array_equal(auto(Boxes(wh), n=3, gen=5, rng=0).anchors, auto(wh, n=3, gen=5, rng=0).anchors)


@pytest.mark.parametrize(
    ("options", "sentence"),
    [
        ({"img_size": 0}, "img_size = 0: must be at least 1"),
        ({"img_size": (1, 2, 3)}, "img_size = (1, 2, 3)"),
        ({"img_size": 41.5}, "img_size = 41.5"),
        ({"img_size": "640"}, "img_size = '640'"),
        ({"fit": "crop"}, "fit = 'crop'"),
        ({"n": 0}, "n = 0"),
        ({"min_size": 1e6}, "boxes: none of 40 has a side >= min_size"),
        ({"n": 41}, "boxes: only 40 distinct sizes, too few for n = 41; give a smaller n"),
    ],
)
def test_bad_arguments_are_refused(options, sentence):
    with pytest.raises(DataError) as caught:
        auto(zoo.lognormal(40).clip(3), **options)
    assert str(caught.value).startswith(sentence)


def test_empty_data_set_is_refused():
    with pytest.raises(DataError, match="holds no box"):
        auto(Boxes([], image_index=[], image_wh=[[10, 10]]))


def test_texts_hold_the_anchors():
    result = auto(zoo.lognormal(300).clip(3), n=9, gen=20, rng=0)
    lines = result.to_yolov5().splitlines()
    assert [line.split("#")[1].strip() for line in lines[1:]] == ["P3/8", "P4/16", "P5/32"]
    numbers = np.array([json.loads(line.split("#")[0].strip("- ")) for line in lines[1:]]).reshape(9, 2)
    np.testing.assert_allclose(numbers, result.anchors, atol=0.051)
    numbers = np.fromstring(result.to_darknet().removeprefix("anchors = "), sep=",").reshape(9, 2)
    np.testing.assert_allclose(numbers, result.anchors, atol=0.501)
    assert json.loads(json.dumps(result.to_dict(), allow_nan=False))["anchors"] == result.anchors.tolist()


@pytest.mark.parametrize("name", ["yolov5", "darknet", "mmdet", "mmyolo", "paddle", "tao", "json", "csv"])
def test_texts_get_the_levels_and_what_the_anchors_are_for(name):
    needs = export.FORMATS[name].needs
    fit = "stretch" if needs.fit == "letterbox" else "letterbox"  # what the detector does not do unless told so
    boxes = Boxes(zoo.lognormal(300).clip(3), np.zeros(300, int), [[640, 384]])
    result = auto(boxes, n=6, gen=0, rng=0, img_size=(640, 384), fit=fit)
    parts = [(3, 2), (4, 2), (5, 2)]
    options = {} if needs.any_fit else {"fit": fit}
    write = getattr(result, f"to_{name}")
    text = write(parts, **options)
    assert text == export.emit(result.anchors, name, parts, made_for=export.Input(fit, (640, 384)), **options)
    assert text != write(**options)
    if name != "csv":  # which has no place for it
        assert text != export.emit(result.anchors, name, parts)
    if not needs.any_fit:
        with pytest.raises(DataError, match=f"^fit: the anchors are for {fit}"):
            write(parts)


@pytest.mark.parametrize("fit", ["letterbox", "stretch"])
def test_an_edited_file_gets_the_levels_and_what_the_anchors_are_for(tmp_path, fit):
    file = tmp_path / "net.yaml"
    file.write_text("nc: 3\nanchors:\n  - [1,2, 3,4, 5,6]\n  - [7,8, 9,10, 11,12]\n")
    boxes = Boxes(zoo.lognormal(300).clip(3), np.zeros(300, int), [[640, 384]])
    result = auto(boxes, n=6, gen=0, rng=0, img_size=(640, 384), fit=fit)
    text = result.edited(file, [(4, 3), (5, 3)], fit=fit)
    assert [line.count(",") + 1 for line in text.splitlines() if "[" in line] == [6, 6]
    assert f"# fastanchor: {fit}, 640 x 384 pixels" in text
    with pytest.raises(DataError, match="levels"):
        result.edited(file, [(3, 2), (4, 2), (5, 2)], fit=fit)
    if fit == "stretch":
        with pytest.raises(DataError, match=": fit: the anchors are for stretch"):
            result.edited(file)


def test_the_dictionary_holds_the_result_under_the_names_of_its_fields():
    result = auto(zoo.lognormal(300).clip(3), n=4, gen=20, rng=0)
    found = result.to_dict()
    fields = {field.name for field in dataclasses.fields(result) if not field.name.startswith("_")}
    assert set(found) == fields - {"kmeans_fitness"}
    for name in fields - {"anchors", "kmeans", "kmeans_fitness", "evolve"}:
        assert found[name] == getattr(result, name)
    clusters = result.kmeans
    assert found["kmeans"] == {
        "anchors": sorted(clusters.centers.tolist(), key=lambda pair: pair[0] * pair[1]),
        "fitness": result.kmeans_fitness.fitness,
        "bpr": result.kmeans_fitness.bpr,
        "mean_iou": clusters.mean_iou,
        "n_iter": clusters.n_iter,
        "stop": clusters.stop,
    }
    search = result.evolve
    assert found["evolve"] == {
        "accepted": search.accepted,
        "ended": "done",
        "generations": 20,
        "objective": "ratio",
        "score": search.history[-1],
        "engine": result.engine,
    }


@pytest.mark.parametrize("n", [1, 2, 3, 4, 5, 6, 7, 9, 10, 12, 15, 30])
def test_every_anchor_has_a_level(n):
    result = auto(zoo.lognormal(300).clip(3), n=n, gen=0, rng=0)
    assert len(result.to_yolov5().replace(",", " ").split("]")) > 1
    values = [v for line in result.to_yolov5().splitlines()[1:] for v in json.loads(line.split("#")[0].strip("- "))]
    assert len(values) == 2 * n
