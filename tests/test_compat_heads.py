"""Detection layers of every generation: what the loss reads and what inference reads are the same anchors."""

import random
from types import SimpleNamespace

import numpy as np
import pytest

from fastanchor import DataError
from fastanchor.compat import _autoanchor, yolov5, yolov7

MODULES = {"yolov5": yolov5, "yolov7": yolov7}
STRIDES = {"ascending": [8.0, 16.0, 32.0], "descending": [32.0, 16.0, 8.0]}
GENERATIONS = ["anchors only", "buffer", "list", "filled list"]
FITTING = np.array([[41.3, 30.7], [60.1, 150.9], [150.3, 60.7], [140.1, 170.3], [320.7, 160.9], [290.3, 310.1]])
POOR = np.array([[[1.0, 2.0], [2.0, 1.0]], [[2.0, 3.0], [3.0, 2.0]], [[3.0, 4.0], [4.0, 3.0]]])


def build(tensor, generation, stride, pixels=POOR, divided=True):
    """Build a layer whose anchors are these pixels, smallest first, on the layer of the smallest stride."""
    stride = np.array(stride)
    pixels = pixels[:: 1 if stride[0] < stride[-1] else -1]
    anchors = pixels / stride[:, None, None] if divided else pixels
    layer = SimpleNamespace(anchors=tensor(anchors), stride=tensor(stride))
    if generation == "buffer":
        layer.anchor_grid = tensor(pixels.reshape(3, 1, 2, 1, 1, 2))
    elif generation == "list":
        layer.anchor_grid = [tensor([0.0])] * 3
    elif generation == "filled list":  # after inference on an image, each a view that repeats one cell
        layer.anchor_grid = []
        for i, cells in enumerate([8, 4, 2]):
            one, shape = tensor(pixels[i].reshape(1, 2, 1, 1, 2)), (1, 2, cells, cells, 2)
            layer.anchor_grid.append(one.expand(shape) if hasattr(one, "expand") else np.broadcast_to(one, shape))
    return layer


def numbers(values):
    return np.array(values.tolist())


def inference(layer):
    """What inference multiplies its outputs by, (layers, anchors, 2): in every cell the same."""
    grid = getattr(layer, "anchor_grid", None)
    if grid is None or (isinstance(grid, list) and grid[0].ndim != 5):
        return numbers(layer.anchors) * numbers(layer.stride)[:, None, None]
    if isinstance(grid, list):
        cells = [numbers(entry) for entry in grid]
        assert all((c == c[:, :, :1, :1]).all() for c in cells)
        return np.stack([c[0, :, 0, 0] for c in cells])
    return numbers(grid).reshape(layer.anchors.shape)


def labels(n=300):
    wh = np.random.default_rng(5).uniform(0.02, 0.6, (n, 2))
    return SimpleNamespace(labels=[np.column_stack([np.zeros((n, 3)), wh])], shapes=np.array([[640, 640]]))


@pytest.fixture
def fitting(monkeypatch):
    """Let the search find these anchors."""
    monkeypatch.setattr(_autoanchor, "kmean", lambda *arguments: FITTING)


def held(layer):
    """Everything a layer holds, to tell whether anything was changed."""
    grid = getattr(layer, "anchor_grid", None)
    parts = [layer.anchors, *(grid if isinstance(grid, list) else [grid])]
    return [part.tolist() if hasattr(part, "tolist") else part for part in parts]


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("strides", STRIDES)
def test_new_anchors_reach_the_loss_and_inference(name, generation, strides, tensor, fitting):
    layer = build(tensor, generation, STRIDES[strides])
    kept, grid = layer.anchors, getattr(layer, "anchor_grid", None)
    MODULES[name].check_anchors(labels(), SimpleNamespace(model=[layer]))
    wanted = FITTING.astype(np.float32).reshape(3, 2, 2)[:: 1 if strides == "ascending" else -1]
    np.testing.assert_array_equal(inference(layer), wanted)
    np.testing.assert_array_equal(numbers(layer.anchors), wanted / np.array(STRIDES[strides])[:, None, None])
    assert layer.anchors is kept
    assert layer.anchors.dtype == tensor([1.0]).dtype
    assert getattr(layer, "anchor_grid", None) is grid


@pytest.mark.parametrize(("generation", "first"), [("anchors only", False), ("list", False), ("buffer", True)])
def test_a_model_of_the_first_generation_is_searched_as_its_release_did(generation, first, tensor):
    ours, theirs = (build(tensor, generation, STRIDES["ascending"]) for _ in range(2))
    for module, layer in ((yolov5, ours), (yolov7, theirs)):
        np.random.seed(3)
        random.seed(3)
        module.check_anchors(labels(), SimpleNamespace(model=[layer]))
    assert (held(ours) == held(theirs)) == first


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("generation", GENERATIONS)
@pytest.mark.parametrize("strides", STRIDES)
@pytest.mark.parametrize("divided", [False, True], ids=["pixels", "strides"])
def test_layers_against_the_strides_are_turned_in_both_places(name, generation, strides, divided, tensor):
    pixels = np.array([[[9.0, 9.0], [5.0, 6.0]], [[40.0, 44.0], [30.0, 70.0]], [[300.0, 280.0], [260.0, 500.0]]])
    ratio = np.array(STRIDES[strides])[:, None, None] if divided else 1.0
    right = pixels[:: 1 if strides == "ascending" else -1]
    wrong = build(tensor, generation, STRIDES[strides], pixels[::-1], divided=divided)
    apart = generation in ("buffer", "filled list")  # otherwise nothing tells the unit: anchors change places
    expected = right / ratio if apart else numbers(wrong.anchors)[::-1]
    for _ in range(2):  # the second time they are in order
        MODULES[name].check_anchor_order(wrong)
        np.testing.assert_allclose(numbers(wrong.anchors), expected, rtol=1e-6)
        if apart:
            np.testing.assert_array_equal(inference(wrong), right)


def spoil(layer, what, tensor):
    """Make a layer's parts not fit each other."""
    if what == "two strides":
        layer.stride = tensor([8.0, 16.0])
    elif what == "stride 0":
        layer.stride = tensor([8.0, 16.0, 0.0])
    elif what == "flat anchors":
        layer.anchors = tensor(POOR.reshape(6, 2))
    elif what == "small buffer":
        layer.anchor_grid = tensor(np.ones((3, 1, 1, 1, 1, 2)))
    elif what == "short list":
        layer.anchor_grid = [tensor([0.0])] * 2
    elif what == "half filled":
        layer.anchor_grid = [tensor([0.0]), tensor([0.0]), tensor(np.ones((1, 2, 4, 4, 2)))]
    else:
        layer.anchor_grid = "none"


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize(
    ("what", "sentence"),
    [
        ("two strides", r"stride: got \[8.0, 16.0\], expected a number > 0 for each of 3 levels"),
        ("stride 0", r"stride: got \[8.0, 16.0, 0.0\]"),
        ("flat anchors", r"anchors: got shape \(6, 2\), expected \(levels, anchors, 2\)"),
        ("small buffer", r"anchor_grid: got shape \(3, 1, 1, 1, 1, 2\), expected \(3, 2, 2\) as of anchors"),
        ("short list", "anchor_grid: expected a tensor or a list of 3, got list"),
        ("half filled", r"anchor_grid: expected 3 tensors of shape \(1, 2, rows, columns, 2\), got shapes \(1,\), "),
        ("text", "anchor_grid: expected a tensor or a list of 3, got str"),
    ],
)
def test_a_layer_whose_parts_do_not_fit_is_refused_unchanged(name, what, sentence, tensor, capsys):
    layer = build(tensor, "anchors only", STRIDES["ascending"])
    spoil(layer, what, tensor)
    before = held(layer)
    with pytest.raises(DataError, match=sentence):
        MODULES[name].check_anchor_order(layer)
    MODULES[name].check_anchors(labels(), SimpleNamespace(model=[layer]))
    captured = capsys.readouterr()
    assert "proceeding with original anchors" in captured.out + captured.err
    assert held(layer) == before


@pytest.mark.parametrize("name", MODULES)
@pytest.mark.parametrize("generation", ["buffer", "filled list"])
def test_two_places_that_disagree_are_named_and_mended_only_by_new_anchors(name, generation, tensor, fitting, capsys):
    good = np.array([[[20.0, 20.0], [30.0, 90.0]], [[90.0, 30.0], [90.0, 90.0]], [[240.0, 90.0], [200.0, 240.0]]])
    layer = build(tensor, generation, STRIDES["ascending"], good)
    layer.anchors[...] = layer.anchors * 2
    before = held(layer)
    MODULES[name].check_anchors(labels(), SimpleNamespace(model=[layer]))
    captured = capsys.readouterr()
    assert "inference reads anchor_grid, which is not anchors * stride" in captured.out + captured.err
    assert held(layer) == before
    backwards = build(tensor, generation, STRIDES["ascending"], good[::-1])
    backwards.anchors[...] = backwards.anchors * 2
    before = held(backwards)
    with pytest.raises(DataError, match="anchor_grid: got neither anchors nor anchors"):
        MODULES[name].check_anchor_order(backwards)
    assert held(backwards) == before
    poor = build(tensor, generation, STRIDES["ascending"])
    poor.anchors[...] = poor.anchors * 2
    MODULES[name].check_anchors(labels(), SimpleNamespace(model=[poor]))
    np.testing.assert_array_equal(inference(poor), numbers(poor.anchors) * numbers(poor.stride)[:, None, None])
