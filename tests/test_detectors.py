"""Detectors whose anchors are sizes and ratios: the arithmetic of the libraries, the search, the texts."""

import ast
import json
import re
from dataclasses import replace

import numpy as np
import pytest
import yaml

import fastanchor
from fastanchor import DataError, detectors
from fastanchor.boxes import Boxes
from fastanchor.cli import main
from fastanchor.detectors import (
    GRIDS,
    Content,
    Grid,
    Ssd,
    Values,
    _fitted,
    _search,
    anchors_for,
    detectron2,
    torchvision,
)
from fastanchor.detectors._fitted import resized
from fastanchor.detectors._shapes import Form
from fastanchor.detectors._ssd import boxes_of_level
from fastanchor.export import Input

# what the libraries returned: sizes and ratios of a level, and (w, h) of its anchors in their order
TORCHVISION = [
    ([32], [0.5, 1, 2], [[46, 22], [32, 32], [22, 46]]),
    ([64, 80, 101], [1], [[64, 64], [80, 80], [100, 100]]),
    ([65.5], [0.37, 1, 2.7], [[108, 40], [66, 66], [40, 108]]),
    ([31, 33, 35, 37, 39, 41], [1], [[32, 32], [32, 32], [36, 36], [36, 36], [40, 40], [40, 40]]),  # half to even
    ([12, 20], [0.6, 1, 1.7], [[16, 10], [26, 16], [12, 12], [20, 20], [10, 16], [16, 26]]),  # ratio by ratio
    ([256, 322], [0.5], [[362, 182], [456, 228]]),
]
DETECTRON2 = [
    ([32], [0.5, 1, 2], [[45.2548332, 22.6274166], [32, 32], [22.6274166, 45.2548332]]),
    ([17.5, 23], [0.37, 2.7], [[28.7698231, 10.6448345], [10.6501608, 28.755434], [37.8117676, 13.9903536],
                               [13.9973545, 37.7928581]]),  # size by size
]  # fmt: skip


@pytest.mark.parametrize(("sizes", "ratios", "expected"), TORCHVISION)
def test_anchors_of_torchvision(sizes, ratios, expected):
    assert torchvision.sides(sizes, ratios).tolist() == expected


@pytest.mark.parametrize(("sizes", "ratios", "expected"), DETECTRON2)
def test_anchors_of_detectron2(sizes, ratios, expected):
    np.testing.assert_allclose(detectron2.sides(sizes, ratios), expected, rtol=1e-6)


MMDETECTION = [
    ("scales=[8], strides=[4, 8]", [32, 64]),
    ("scales=[2, 4], base_sizes=[5, 9], strides=[8, 16]", [10, 20, 18, 36]),
    ("octave_base_scale=4, scales_per_octave=2, strides=[8]", [32, 32 * 2**0.5]),
    ("octave_base_scale=4, scales_per_octave=1, scales=None, strides=[16]", [64]),
]


@pytest.mark.parametrize(("words", "squares"), MMDETECTION)
def test_python_of_mmdetection_is_read(words, squares, tmp_path):
    file = tmp_path / "config.py"
    file.write_text(
        f"model = dict(rpn_head=dict(anchor_generator=dict(type='AnchorGenerator', ratios=[1.0], {words})))"
    )
    np.testing.assert_allclose(detectors.read(file).anchors, np.repeat(squares, 2).reshape(-1, 2), rtol=1e-6)


# image (height, width), limits, and the resized (height, width) that torchvision made of it
SCALED = [
    ((480, 640), (800, 1333), (800, 1066)),
    ((500, 1000), (800, 1333), (666, 1333)),
    ((1080, 1920), (800, 1333), (749, 1333)),
    ((333, 777), (600, 1000), (428, 1000)),
    ((1333, 801), (800, 1333), (1331, 800)),
    ((64, 2000), (800, 1333), (42, 1333)),
]


@pytest.mark.parametrize(("image", "limits", "expected"), SCALED)
def test_images_are_resized_as_torchvision_does(image, limits, expected):
    boxes = Boxes([image[::-1]], [0], [image[::-1]])  # a box as large as the image
    ready = resized(boxes, GRIDS["torchvision-fasterrcnn"], limits, None, 0.0)
    assert ready.wh.tolist() == [pytest.approx(expected[::-1])]
    assert (ready.fit, ready.img_size) == ("shortest", limits)
    factor = min(limits[0] / min(image), limits[1] / max(image))
    np.testing.assert_allclose(boxes.scaled(limits, fit="shortest"), [np.array(image[::-1]) * factor])


def test_limits_of_the_sides_rise():
    with pytest.raises(DataError, match="img_size: got 1333x800 for fit 'shortest', expected limits of the shorter"):
        fastanchor.auto_anchor(fastanchor.datasets.sample(), img_size=(1333, 800), fit="shortest")


FORMS = [
    Grid(detectron2.sides),
    Grid(detectron2.sides, sizes=3, ratios=2),
    Grid(detectron2.sides, sizes=3, octaves=True),
    Grid(detectron2.sides, sizes=2, same_sizes=True, levels=3),
    Grid(detectron2.sides, sizes=2, octaves=True, strides=(8.0, 16, 32, 64, 128)),
    Grid(detectron2.sides, own_ratios=True, levels=2),
    Grid(detectron2.sides, symmetric=True, levels=2),
    Grid(detectron2.sides, symmetric=True, ratios=4, own_ratios=True, levels=2),
    Grid(detectron2.sides, fixed_ratios=((0.5, 1.0, 2.0),) * 5),
    Grid(detectron2.sides, fixed_sizes=((8.0,), (32.0,)), levels=2),
    Grid(lambda sizes, ratios: detectron2.sides(sizes, 1 / np.array(ratios)), tall=False),
    Grid(detectron2.sides, unit=(3.0, 2.0), levels=1),
    Ssd(boxes_of_level(mirrored=True), tall=False),
    Ssd(boxes_of_level(mirrored=True), counts=(2, 1), own_ratios=True, unit=(3.0, 2.0), clipped=True, tall=False),
    Ssd(boxes_of_level(mirrored=True), counts=(1, 1), fixed_sizes=((8.0, 20.0), (20.0, 30.0)), tall=False),
    Ssd(boxes_of_level(mirrored=False, last=True), counts=(2, 2), mirrored=False, listed=True, end=99.0, tall=False),
    Ssd(boxes_of_level(mirrored=False), counts=(4,), mirrored=False, listed=True, symmetric=True, tall=False),
    Ssd(boxes_of_level(mirrored=True), counts=(1, 2), fixed_ratios=((2.0,), (2.0, 3.0)), tall=False),
]


def test_a_form_says_all_that_the_search_needs():
    with pytest.raises(TypeError, match="abstract"):
        Form()


@pytest.mark.parametrize("form", FORMS)
def test_anchors_are_those_of_the_parameters(form):
    """The linear map that the search uses, and the values of the text, give the same anchors."""
    linear = form.linear
    rng = np.random.default_rng(0)
    for _ in range(5):
        parameters = np.where(linear.ratio, rng.normal(0, 0.5, len(linear.ratio)), rng.uniform(2, 6, len(linear.ratio)))
        if linear.rises.any():
            assert not (linear.rises & linear.ratio).any()
            parameters[~linear.ratio] = np.sort(parameters[~linear.ratio])
        expected = form.snap(np.exp(linear.matrix @ parameters + linear.offset))
        got = np.concatenate(form.anchors(form.values(parameters)))
        assert len(got) == len(expected)
        near = np.abs(np.log(got)[:, None] - np.log(expected)).max(axis=2)
        assert max(near.min(axis=0).max(), near.min(axis=1).max()) < 3e-3


def test_values_rise_and_have_few_digits():
    values = Grid(detectron2.sides, levels=2, sizes=2).values(np.log([300.123, 20.5678, 7.0, 90.0, 2.0, 1.0, 0.5]))
    assert values == Values(((7.0, 20.57), (90.0, 300.1)), ((0.5, 1.0, 2.0),) * 2)
    own = Grid(detectron2.sides, levels=2, own_ratios=True, ratios=1).values(np.log([30.0, 20.0, 3.0, 2.0]))
    assert own == Values(((20.0,), (30.0,)), ((2.0,), (3.0,)))  # ratios stay with their level


@pytest.fixture(autouse=True)
def soon(monkeypatch):
    """The search tries less than usual: these tests are about what is done with its outcome."""
    for name, value in {
        "STARTS": 2,
        "HOPS": 2,
        "KEPT": 1,
        "SHAKES": 4,
        "WINDOWS": (0.15, 0.04),
        "STEPS": (0.002,),
    }.items():
        monkeypatch.setattr(_search, name, value)


@pytest.fixture(scope="module")
def boxes():
    rng = np.random.default_rng(3)
    wh = np.exp(rng.normal([3.6, 3.9], [0.8, 0.6], (400, 2))).clip(4, 400)
    return Boxes(wh, np.zeros(400, int), [[500, 400]], np.zeros(400, int), ["one", "two"])


def read_back(found, tmp_path):
    """Check that the text says the anchors that were scored."""
    detector = GRIDS[found.detector]
    ending = detector.dialect.needs.endings[0]
    file = tmp_path / f"model{ending}"
    file.write_text(found.text, encoding="utf-8")
    config = detectors.read(file)
    np.testing.assert_array_equal(config.anchors, found.anchors)
    assert [level for level, _ in config.layout] == [level.level for level in found.levels]
    assert config.strides == tuple(detector.strides)
    assert config.note == (found.fit, found.img_size)
    assert (config.fit, config.img_size or found.img_size) == (found.fit, found.img_size)
    if ending in (".py", ".yaml"):
        (ast.parse if ending == ".py" else yaml.safe_load)(found.text)


@pytest.mark.parametrize("name", GRIDS)
def test_found_for_a_detector(name, boxes, tmp_path):
    found = anchors_for(boxes, name, objective="iou")
    detector = GRIDS[name]
    assert found.score > found.default_score
    form = detector.form_at(detector.input())
    np.testing.assert_array_equal(found.anchors, np.concatenate(form.anchors(Values(found.sizes, found.ratios))))
    ready = resized(boxes, detector, None, None, 2.0)
    assert found.score == pytest.approx(fastanchor.mean_iou(ready.wh, found.anchors), abs=1e-12)
    assert found.check.mean_iou == pytest.approx(found.score, abs=1e-12)
    assert sum(level.share for level in found.levels) == pytest.approx(1)
    assert [level.stride for level in found.levels] == list(detector.strides)
    json.dumps(found.to_dict())
    read_back(found, tmp_path)


OTHERS = [
    ("torchvision-fasterrcnn", {"sizes": 2}),
    ("torchvision-retinanet", {"own_ratios": True}),
    ("torchvision-ssd300", {"ratios": [[2], [2, 3], [2], [2], [3], [3]], "img_size": (320, 480)}),
    ("torchvision-ssd300", {"sizes": [0.05, 0.1, 0.2, 0.3, 0.5, 0.7, 0.9]}),
    ("torchvision-ssdlite320", {"ratios": 1, "own_ratios": True}),
    ("detectron2-rpn", {"ratios": [0.25, 0.5, 1, 2]}),
    ("mmdet-retinanet", {"sizes": 2}),
    ("mmdet-ssd", {"ratios": 3}),
    ("tf-frcnn", {"sizes": [16, 32, 64, 128, 256]}),
    ("tf-ssd", {"symmetric": True, "img_size": (320, 480)}),
    ("tf-retinanet", {"sizes": 1}),
    ("efficientdet", {"sizes": [16, 32, 64, 128, 256]}),
    ("keras-retinanet", {"sizes": [16, 32, 64, 120, 250]}),
    ("yolact", {"own_ratios": True, "sizes": 2}),
    ("paddle-frcnn", {"own_ratios": True}),
    ("tao-ssd", {"own_ratios": True}),
]


@pytest.mark.parametrize(("name", "more"), OTHERS)
def test_text_is_read_back(name, more, boxes, tmp_path):
    read_back(anchors_for(boxes, name, **more), tmp_path)


@pytest.mark.parametrize("name", ["torchvision-retinanet", "torchvision-ssd300"])  # a grid, and an SSD
def test_a_search_has_the_same_outcome_again(name, boxes):
    assert anchors_for(boxes, name).to_dict() == anchors_for(boxes, name).to_dict()


def run(capsys, *arguments):
    code = main([str(one) for one in arguments])
    return code, *capsys.readouterr()


# a detector, an argument, its value in Python and on the command line, and what is wrong with it
REFUSED = [
    ("mmdet-faster-rcnn", "own_ratios", True, None, ": MMDetection has one list of ratios, for all levels"),
    ("mmdet-retinanet", "sizes", [[8.0, 9.0], [16.0, 20.0], [32.0, 40.0], [64.0, 80.0], [128.0, 150.0]],
     "8,9 16,20 32,40 64,80 128,150", ": MMDetection has one size for each level, times the parts of an octave"),
    ("tf-retinanet", "sizes", [8.0, 16.0, 32.0, 64.0, 129.0], "8,16,32,64,129",
     ": TensorFlow's multiscale_anchor_generator has one anchor_scale, for all levels"),
    ("paddle-retinanet", "sizes", [8.0, 16.0, 32.0, 64.0, 129.0], "8,16,32,64,129",
     ": PaddleDetection has one octave_base_scale"),
    ("keras-retinanet", "sizes", [8.5, 16.0, 32.0, 64.0, 128.0], "8.5,16,32,64,128",
     ": keras-retinanet takes whole numbers"),
    ("mmdet-ssd", "sizes", 2, "2", " = 2: must be a list"),
    ("mmdet-ssd", "sizes", [8.0, 16.0], "8,16", ": got [8.0, 16.0], expected 7 numbers"),
    ("detectron2-rpn", "sizes", 0, "0", " = 0: must be at least 1"),
    ("detectron2-rpn", "sizes", [8.0, 16.0], "8,16", ": got lists for 2 levels, expected 5"),
    ("detectron2-rpn", "sizes", [[8.0], [16.0], [32.0, 40.0], [64.0], [128.0]], "8 16 32,40 64 128",
     ": got [1, 1, 2, 1, 1] on the levels, expected the same number on each"),
    ("detectron2-rpn", "ratios", [0.5, -1.0], "0.5,-1", " = -1.0: must be a number above 0"),
    ("torchvision-fasterrcnn", "sizes", [0.5, 8.0, 16.0, 32.0, 64.0], "0.5,8,16,32,64",
     ": so small that an anchor of level 0 has no area"),
    ("detectron2-rpn", "img_size", (1333, 800), "1333x800", ": got 1333x800 for fit 'shortest'"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "argument", "value", "word", "wrong"), REFUSED)
def test_what_a_detector_cannot_have(name, argument, value, word, wrong, boxes, capsys, monkeypatch):
    """The sentence begins with the argument, on the command line with its option, and comes before the search."""
    if "no area" not in wrong:  # which depends on the ratios that are found
        monkeypatch.setattr(_fitted, "best", None)
    with pytest.raises(DataError, match=f"^{re.escape(argument + wrong)}"):
        anchors_for(boxes, name, **{argument: value})
    option = f"--{argument.replace('_', '-')}"
    code, _, err = run(capsys, "anchors", "--for", name, option, *([word] if word else []), "-q")
    assert code == 2
    assert err.startswith(f"fastanchor: {option}{wrong}")


def test_head_of_torchvision_follows_the_count(boxes):
    text = anchors_for(boxes, "torchvision-fasterrcnn", sizes=2).text
    assert "model.rpn.head = RPNHead(" in text
    assert "import AnchorGenerator, RPNHead" in text
    assert "num_classes=3" in text  # two, and the background
    assert "RPNHead" not in anchors_for(boxes, "torchvision-fasterrcnn").text


def test_parts_that_stay(boxes):
    fixed = anchors_for(boxes, "detectron2-rpn", sizes=[16, 32, 64, 128, 256])
    assert fixed.sizes == ((16.0,), (32.0,), (64.0,), (128.0,), (256.0,))
    both = anchors_for(boxes, "detectron2-rpn", sizes=[16, 32, 64, 128, 256], ratios=[1.0])
    assert len(both.anchors) == 5
    mirrored = anchors_for(boxes, "detectron2-rpn", symmetric=True)
    assert mirrored.ratios[0][1] == 1.0
    assert mirrored.ratios[0][0] * mirrored.ratios[0][2] == pytest.approx(1, rel=1e-3)
    own = anchors_for(boxes, "detectron2-rpn", own_ratios=True)
    assert own.score > anchors_for(boxes, "detectron2-rpn").score > mirrored.score


def test_larger_freedom_is_not_worse_than_a_grid_of_values(boxes):
    """Every pair of sizes and ratio of a fine grid, by brute force."""
    wh = resized(boxes, GRIDS["detectron2-rpn"], None, None, 2.0).wh
    form = Grid(detectron2.sides, levels=2, ratios=1)

    detector = replace(
        GRIDS["detectron2-rpn"], form=form, strides=(4, 8), default=Values(((32.0,), (64.0,)), ((1.0,),) * 2)
    )

    found = anchors_for(boxes, detector, objective="iou")
    steps = np.exp(np.linspace(np.log(10), np.log(600), 60))
    best = max(
        fastanchor.mean_iou(wh, np.concatenate([detectron2.sides([a, b], [ratio])]))
        for i, a in enumerate(steps)
        for b in steps[i:]
        for ratio in (0.5, 0.7, 0.9, 1.1, 1.3, 1.5, 1.8)
    )
    assert found.score >= best


def test_ratios_that_are_given_are_not_found(boxes):
    with pytest.raises(DataError, match=r"^ratios: are given, so they can be neither symmetric nor found"):
        anchors_for(boxes, "detectron2-rpn", ratios=[0.5, 1], symmetric=True)


NAMED = [
    (anchors_for, "torchvison-retinanet", "is unknown; did you mean 'torchvision-retinanet', 'torchvision-mobilen"),
    (
        anchors_for,
        "faster-rcnn",
        "is unknown; did you mean 'mmdet-faster-rcnn'? `fastanchor detectors` lists all names",
    ),
    (anchors_for, "retina-net", "is unknown; did you mean 'tf-retinanet', 'tao-retinanet' or 'odtk-r"),
    (anchors_for, "yolact2", "is unknown; `fastanchor detectors` lists all names"),
    (anchors_for, "yolov5", "takes any pairs (width, height); see auto_anchor"),
    (fastanchor.positives, "yolov8", "is unknown; `fastanchor detectors` lists all names"),
    (fastanchor.positives, "tao-yolov4", "is a detector whose rule is not known in full"),
]


@pytest.mark.parametrize(("use", "name", "wrong"), NAMED)
def test_names_that_are_no_detectors_in_python(use, name, wrong, boxes):
    with pytest.raises(DataError, match=f"^{re.escape(f'detector = {name!r}: {wrong}')}"):
        use(boxes, name)
    with pytest.raises(fastanchor.WrongTypeError, match=r"^detector = 7: must be a name that `fastanchor detectors` l"):
        use(boxes, 7)


PYTHON = [
    ("g = AnchorGenerator(sizes=((8,), (16,)), aspect_ratios=((1.0,),) * 2)", [[8, 8], [16, 16]]),
    ("s = ((8,), (16,))\nAnchorGenerator(s, ((1.0,),) * len(s))", [[8, 8], [16, 16]]),
    ("x.AnchorGenerator((8, 16), (1.0,))", [[8, 8], [16, 16]]),
    ("AnchorGenerator()", [[182, 90], [362, 182], [724, 362], [128, 128], [256, 256], [512, 512], [90, 182], [182, 362],
                           [362, 724]]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "expected"), PYTHON)
def test_python_of_torchvision_is_read(text, expected, tmp_path):
    file = tmp_path / "model.py"
    file.write_text(text)
    assert detectors.read(file).anchors.tolist() == expected


UNREADABLE = [
    ("m.py", "AnchorGenerator(sizes=f())", "sizes: got a computed value, expected a list of numbers for"),
    ("m.py", "AnchorGenerator(((8,), (16,)), ((1.0,),) * 3)", "aspect_ratios: got lists for 3 levels, expected 2"),
    ("m.py", "AnchorGenerator(((0.5,),))", "so small that an anchor of level 0 has no area"),
    ("m.py", "AnchorGenerator(", "not valid Python"),
    ("m.yaml", "ANCHOR_GENERATOR:\n  ASPECT_RATIOS: [[1.0]]", "ANCHOR_GENERATOR: has no SIZES"),
    ("m.yaml", "ANCHOR_GENERATOR:\n  SIZES: [[a]]", "SIZES = 'a': must be a number above 0"),
]


@pytest.mark.parametrize(("name", "text", "message"), UNREADABLE)
def test_configurations_that_cannot_be_read(name, text, message, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        detectors.read(tmp_path / name)


# of each library whose ending is its own
ELSEWHERE = ["torchvision-fasterrcnn", "torchvision-ssd300", "mmdet-retinanet", "mmdet-ssd", "detectron2-rpn", "tf-ssd",
             "tf-retinanet", "efficientdet", "keras-retinanet", "yolact", "paddle-frcnn", "paddle-ssd", "tao-frcnn",
             "tao-retinanet"]  # fmt: skip


@pytest.mark.parametrize("name", ELSEWHERE)
def test_configurations_are_known_by_their_content(name, tmp_path):
    detector = GRIDS[name]
    text = detector.text(Content(detector.default, Input(*detector.resize[:2]), 3, detector.resize.img_size))
    expected = np.concatenate(detector.form_at(detector.input()).anchors(detector.default))
    for ending in (".txt", ".conf", ".yaml", ".py"):
        file = tmp_path / f"model{ending}"
        file.write_text(text)
        np.testing.assert_allclose(detectors.read(file).anchors, expected, rtol=1e-6)


def test_contents_that_do_not_tell_the_detector(tmp_path):
    both = tmp_path / "both.conf"
    both.write_text("[anchor_parameters]\nanchor_box_config { }")
    with pytest.raises(DataError, match=r"may be for several .* apart: keras-retinanet \(.ini\), NVIDIA TAO's Faster"):
        detectors.read(both)
    (tmp_path / "none.conf").write_text("a = 1")
    with pytest.raises(DataError, match=r"none.conf: must end in .yaml"):
        detectors.read(tmp_path / "none.conf")
    (tmp_path / "none.txt").write_text("model = 1")
    with pytest.raises(DataError, match=r"needs its own ending, such as .yaml, .cfg or .py"):
        detectors.read(tmp_path / "none.txt")


def test_command_line(capsys, tmp_path):
    table = tmp_path / "boxes.csv"
    table.write_text(
        "width,height,image_width,image_height\n" + "".join(f"{9 + i},{7 + 2 * i},640,480\n" for i in range(40))
    )
    code, out, _ = run(capsys, "anchors", table, "--for", "torchvision-fasterrcnn", "-q")
    assert code == 0
    assert "input     shorter side 800 pixels, longer side at most 1333" in out
    assert "model.rpn.anchor_generator = anchor_generator" in out
    file = tmp_path / "model.py"
    options = ("--ratios", "0.5,1,2", "--img-size", "600x1000", "-q")
    code, out, _ = run(capsys, "anchors", table, "--emit", "torchvision-retinanet", *options, "-o", file)
    assert "ratios    0.5 1 2 (height / width)" in out
    code, out, _ = run(capsys, "anchors", table, "--emit", "torchvision-retinanet", *options)
    assert out == file.read_text()
    code, out, err = run(capsys, "check", table, "--anchors", file, "-q")
    assert (code, err) == (0, "")
    assert "input     shorter side 600 pixels, longer side at most 1000" in out
    _, out, _ = run(capsys, "anchors", table, "--for", "detectron2-rpn", "--json", "-q")
    assert json.loads(out)["text"].startswith("# fastanchor: shortest, 800 x 1333 pixels\nMODEL:")


def test_pairs_are_detectors_too(capsys):
    _, out, _ = run(capsys, "anchors", "--for", "tao", "--gen", 5, "-q")
    assert "big_anchor_shape" in out
    assert "Darknet" not in out
    assert "pixels, stretch" in out


def test_list_of_detectors(capsys):
    _, out, _ = run(capsys, "detectors")
    assert all(name in out for name in detectors.NAMES)
    _, out, _ = run(capsys, "detectors", "--json")
    assert [one["name"] for one in json.loads(out)["detectors"]] == list(detectors.NAMES)


WRONG = [
    (("--for", "detectron2-rpn", "--n", "6"), "--n: not used for detectron2-rpn, whose anchors are sizes and ratios"),
    (("--for", "yolov5", "--ratios", "3"), "--ratios: needs --for or --emit with a detector whose anchors are sizes"),
    (("--for", "yolov5", "--emit", "csv"), "--for and --emit: only one of them can be given"),
    (("--for", "detectron2-rpn", "--ratios", "a"), "--ratios = 'a': must be a number of them, or values as in"),
    (("--for", "detectron2-rpn", "-o", "x"), "--output: needs --emit in place of --for"),
]


@pytest.mark.parametrize(("options", "message"), WRONG)
def test_options_that_contradict(capsys, options, message):
    code, _, err = run(capsys, "anchors", *options)
    assert code == 2
    assert message in err


@pytest.mark.parametrize(
    ("sizes", "worse"),
    [("32,64,128,256,512", False), ("1200,1210,1220,1230,1240", True)],
    ids=["the defaults", "far too large"],
)
def test_fewer_matches_than_with_the_default_anchors_are_a_warning(capsys, tmp_path, sizes, worse):
    table = tmp_path / "boxes.csv"
    table.write_text("width,height\n" + "".join(f"{20 + 9 * i},{25 + 8 * i}\n" for i in range(40)))
    words = ("anchors", table, "--for", "torchvision-fasterrcnn", "--sizes", sizes, "--ratios", "0.5,1,2", "-q")
    code, out, _ = run(capsys, *words)
    assert code == 0
    assert "\nmatched   " in out
    assert ("these may train worse" in out) == worse
    assert ("too large for the level" in out) == worse
    content = json.loads(run(capsys, *words, "--json")[1])
    (whole, *_) = content["positives"]["against_default"]
    assert (whole["difference"] < 0.0) == worse
    assert any("these may train worse" in one for one in content["warnings"]) == worse


@pytest.mark.parametrize(
    ("command", "name", "sentence"),
    [
        ("check", "tao-yolov4", "--for = 'tao-yolov4': is a detector whose rule is not known in full"),
        ("check", "yolov8", "--for = 'yolov8': is unknown; `fastanchor detectors` lists all names"),
        ("anchors", "yolov8", "--for = 'yolov8': is unknown; `fastanchor detectors` lists all names"),
        (
            "anchors",
            "yolacd",
            "--for = 'yolacd': is unknown; did you mean 'yolact'? `fastanchor detectors` lists all n",
        ),
    ],
)
def test_names_that_are_no_detectors(capsys, command, name, sentence):
    code, _, err = run(capsys, command, "--for", name)
    assert code == 2
    assert err.startswith(f"fastanchor: {sentence}")
    assert err.endswith(f" (see fastanchor {command} --help)\n")
