"""Results show themselves: a short repr, text, and HTML in notebooks."""

import html

import numpy as np
import pytest

import fastanchor

WH = np.array([[10.0, 20.0], [12.0, 11.0], [48.0, 66.0], [300.0, 300.0]])
RESULTS = {
    "kmeans": lambda: fastanchor.kmeans(WH, 2, rng=0),
    "evolve": lambda: fastanchor.evolve(WH, WH[:2], gen=5, rng=0),
    "auto_anchor": lambda: fastanchor.auto_anchor(WH, n=2, gen=5, rng=0),
    "objective": lambda: fastanchor.auto_anchor(WH, n=2, gen=5, rng=0, objective="iou"),
    "no search": lambda: fastanchor.auto_anchor(WH, n=2, gen=0, rng=0),
    "sweep": lambda: fastanchor.sweep(WH, [1, 2], rng=0),
    "check": lambda: fastanchor.check(WH, WH[:2]),
    "positives": lambda: fastanchor.positives(WH, "yolov5", [[[30, 30]]]),
    "boxes": lambda: fastanchor.Boxes(WH),
    "bound": lambda: pytest.importorskip("scipy") and fastanchor.bound(WH, 2),
}


@pytest.mark.parametrize("make", RESULTS.values(), ids=RESULTS)
def test_a_repr_is_one_line_without_arrays(make):
    result = make()
    assert repr(result).startswith(f"{type(result).__name__}(")
    assert "\n" not in repr(result)
    assert "array" not in repr(result)
    assert len(repr(result)) < 250


def test_a_repr_has_numbers_texts_and_shapes():
    shown = repr(fastanchor.check(WH, [[10, 10], [50, 60]]))
    assert shown.startswith("AnchorCheck(anchors=<2 x 2>, fitness=0.56061, bpr=0.75, ")
    assert shown.endswith("counts=<2>, boxes=4, thr=0.25)")


@pytest.mark.parametrize("name", [name for name in RESULTS if name != "boxes"])
def test_a_notebook_shows_the_text(name):
    result = RESULTS[name]()
    assert result._repr_html_() == f"<pre>{html.escape(result.to_text())}</pre>"


def test_a_notebook_shows_the_first_boxes_as_a_table():
    shown = RESULTS["boxes"]()._repr_html_()
    assert "<caption>Boxes(4 boxes)</caption>" in shown
    assert shown.count("<tr>") == 1 + 4


def test_html_is_escaped():
    boxes = fastanchor.Boxes(WH, class_index=[0] * 4, class_names=["<b>"], skipped={"<i>": 1})
    assert "<b>" not in boxes._repr_html_()
    assert "<i>" not in boxes._repr_html_()


@pytest.mark.parametrize("name", ["auto_anchor", "no search", "objective"])
def test_the_text_of_anchors(name):
    result = RESULTS[name]()
    text = result.to_text()
    before = result.kmeans_fitness
    scores = [(before.fitness, before.bpr, result.kmeans.mean_iou), (result.fitness, result.bpr, result.mean_iou)]
    for fitness, bpr, iou in scores[: 1 if name == "no search" else 2]:
        assert f"fitness {fitness:.5f}   BPR {bpr:.5f}   mean IoU {iou:.5f}" in text
    assert ("search    off" in text) == (name == "no search")
    assert ("computed for every box" in text) == (name == "objective")


def test_the_text_of_a_sweep_has_a_line_per_number():
    result = RESULTS["sweep"]()
    rows = [line.split() for line in result.to_text().splitlines()[1:3]]
    assert [int(row[0]) for row in rows] == [1, 2]
    assert [float(row[1]) for row in rows] == result.mean_iou.round(5).tolist()


@pytest.mark.parametrize(
    ("make", "content", "panels"),
    [("auto_anchor", [WH], 4), ("check", [WH], 3), ("sweep", [], 1)],
)
def test_a_result_draws_itself(make, content, panels):
    figure_type = pytest.importorskip("matplotlib.figure").Figure
    figure = RESULTS[make]().plot(*content)
    assert isinstance(figure, figure_type)
    assert len([axes for axes in figure.axes if axes.get_label() != "<colorbar>"]) == panels


def test_boxes_are_scaled_for_the_picture_as_they_were_for_the_job():
    pytest.importorskip("matplotlib")
    boxes = fastanchor.Boxes(WH, image_index=[0] * 4, image_wh=[[640, 480]])
    half = fastanchor.auto_anchor(boxes, img_size=320, n=2, gen=0, rng=0).plot(boxes)
    pixels = fastanchor.auto_anchor(WH / 2, n=2, gen=0, rng=0).plot(WH / 2)
    assert half.axes[0].get_xlim() == pixels.axes[0].get_xlim()
