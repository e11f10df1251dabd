"""The main job on real annotations, against a plain NumPy run of the same recipe."""

import numpy as np
import pytest

import fastanchor

import naive

# recipe: seed 0, 416 px, 9 anchors, thr 0.25, 1000 generations, IoU and median; figures of this package's own plain run
SETS = {"neu_det": (1770, 4126, {}), "bccd": (364, 4886, {"box with zero width or height": 2})}


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:the boxes belong to several splits")  # all of them are wanted here
@pytest.mark.parametrize("name", SETS)
def test_the_search_reaches_what_the_plain_recipe_reaches(data, backend, name):
    images, boxes, skipped = SETS[name]
    read = fastanchor.read(data / name)
    summary = read.summary()
    assert (summary.images, summary.boxes, dict(summary.skipped)) == (images, boxes, skipped)
    got = fastanchor.auto_anchor(read, img_size=416, n=9, rng=0, progress=False)
    assert np.isfinite(got.anchors).all()

    wh = read.wh * (416 / read.image_wh.max(1))[read.image_index][:, None]
    wh = wh[(wh >= 2).any(1)]
    rng = np.random.default_rng(0)
    centers, _, _ = naive.fittest(wh, 9, rng)
    anchors, fitness, accepted = naive.evolve(centers, wh, 0.25, 1000, rng)
    np.testing.assert_array_equal(got.kmeans.centers, centers)
    np.testing.assert_array_equal(got.anchors, anchors[np.argsort(anchors.prod(1), kind="stable")])
    assert got.evolve.accepted == accepted
    np.testing.assert_allclose(got.fitness, fitness, rtol=1e-12)
    assert got.bpr == naive.fitness_fast(anchors, wh, 0.25)[1]
