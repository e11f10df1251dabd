"""Anchors and configurations of each library, against what the libraries return."""

import numpy as np
import pytest

from fastanchor import DataError, detectors
from fastanchor._network import NetworkBoxes
from fastanchor.cli import main
from fastanchor.detectors import (
    GRIDS,
    PAIRS,
    Content,
    Values,
    efficientdet,
    keras_retinanet,
    mmdetection_ssd,
    paddle,
    tao,
    tao_ssd,
    tensorflow,
    tensorflow_ssd,
    torchvision_ssd,
    yolact,
)
from fastanchor.detectors._literals import UNKNOWN, evaluated
from fastanchor.export import FORMATS, Input
from fastanchor.metrics import mean_iou

# sizes and ratios of a level, and (w, h) of its anchors in the order of the library
SIDES = [
    (tensorflow.sides, [64, 128], [0.5, 1, 2], [[45.2548332, 90.5096664], [90.5096664, 181.0193329], [64, 64],
                                                [128, 128], [90.5096664, 45.2548332], [181.0193329, 90.5096664]]),
    (efficientdet.sides, [32, 40.3174744], [1, 2, 0.5], [[32, 32], [45.2548332, 22.6274166], [22.6274166, 45.2548332],
                                                         [40.3174744, 40.3174744], [57.0175171, 28.5087585],
                                                         [28.5087585, 57.0175171]]),
    (keras_retinanet.sides, [16 * 0.4, 16 * 0.64], [0.333, 3], [[11.090672, 3.6931938], [17.7450745, 5.9091099],
                                                                [3.6950418, 11.0851254], [5.9120666, 17.7361998]]),
    (yolact.sides, [24], [1, 0.5, 2], [[24, 24], [16.9705627, 33.9411255], [33.9411255, 16.9705627]]),
    (paddle.sides, [17.5, 23], [0.37, 2.7], [[28.7698231, 10.6448345], [10.6501608, 28.755434],
                                             [37.8117676, 13.9903536], [13.9973545, 37.7928581]]),
    (tao.sides, [20, 50], [0.4, 3], [[12.6491108, 31.622776], [34.6410141, 11.5470047], [31.622776, 79.0569458],
                                     [86.6025391, 28.8675137]]),
    (torchvision_ssd.sides, [0.1, 0.45], [2], [[0.1, 0.1], [0.212132, 0.212132], [0.1414214, 0.0707107],
                                               [0.0707107, 0.1414214]]),
    (mmdetection_ssd.sides, [61, 130], [1.5, 4], [[61, 61], [89.0505524, 89.0505524], [74.7094345, 49.8062916],
                                                  [49.8062897, 74.7094421], [122, 30.5], [30.5, 122]]),
    (tensorflow_ssd.ssd_sides, [0.35, 0.5], [1, 2, 0.5], [[0.35, 0.35], [0.4949747, 0.2474874], [0.2474874, 0.4949747],
                                                      [0.41833, 0.41833]]),
    (tao_ssd.ssd_sides, [0.1, 0.24166667], [1, 2, 0.5, 0.33], [[0.1, 0.1], [0.155456319, 0.155456319],
                                                           [0.141421356, 0.0707106783], [0.0707106783, 0.141421356],
                                                           [0.057445626, 0.174077656]]),
]  # fmt: skip


@pytest.mark.parametrize(("sides", "sizes", "ratios", "expected"), SIDES)
def test_anchors_of_the_libraries(sides, sizes, ratios, expected):
    np.testing.assert_allclose(sides(sizes, ratios), expected, rtol=1e-6)


# the number of anchors of each place, and some of the default anchors, as the libraries have them
DEFAULTS = [
    ("torchvision-mobilenet", [15] * 3, 0, [[46, 22], [90, 46], [182, 90]]),
    ("detectron2-c4", [15], 0, [[45.254834, 22.627417], [32, 32], [22.627417, 45.254834]]),
    ("zylo-efficientdet", [9] * 5, 0, [[32, 32], [45.254834, 22.627417]]),
    ("odtk-retinanet", [9] * 5, 0, [[32, 32], [22.627417, 45.254834]]),
    ("torchvision-ssd300", [4, 6, 6, 6, 4, 4], 0, [[21, 21], [30.740852, 30.740852], [29.698484, 14.849242]]),
    ("torchvision-ssd300", [4, 6, 6, 6, 4, 4], -1, [[300, 184.554865], [184.554865, 300]]),
    ("torchvision-ssdlite320", [6] * 6, 0, [[64, 64], [84.664042, 84.664042]]),
    ("mmdet-ssd", [4, 6, 6, 6, 4, 4], 1, [[45, 45], [66.7457809, 66.7457809], [63.6396103, 31.8198051]]),
    ("tf-frcnn", [12], 0, [[45.2548332, 90.5096664], [90.5096664, 181.0193329]]),
    ("tf-ssd", [6] * 6, 1, [[105, 105], [148.4924242, 74.2462099], [74.2462099, 148.4924242]]),
    ("tf-retinanet", [6] * 5, 0, [[32, 32], [45.2548332, 45.2548332], [45.2548332, 22.6274166]]),
    ("efficientdet", [9] * 5, 0, [[32, 32], [45.2548332, 22.6274166]]),
    ("keras-retinanet", [9] * 5, 0, [[45.2548332, 22.6274166], [57.0175171, 28.5087585]]),
    ("paddle-ssd", [4, 6, 6, 6, 4, 4], 0, [[30, 30], [42.4264069, 42.4264069], [42.4264069, 21.2132034]]),
    ("tao-ssd", [6] * 6, 0, [[30, 30], [46.6368956, 46.6368956], [42.4264069, 21.2132034]]),
    ("tao-retinanet", [9] * 5, 0, [[27.2, 27.2], [38.4666089, 19.2333044], [19.2333044, 38.4666089]]),
]


@pytest.mark.parametrize(("name", "counts", "level", "expected"), DEFAULTS)
def test_default_anchors(name, counts, level, expected):
    detector = GRIDS[name]
    parts = detector.form_at(detector.input()).anchors(detector.default)
    assert [len(part) for part in parts] == counts
    n = len(expected)
    np.testing.assert_allclose(parts[level][-n:] if level < 0 else parts[level][:n], expected, rtol=2e-6)


def test_parts_of_width_and_height():
    """torchvision's are parts of both sides of the input, those of TensorFlow and TAO of the shorter side."""
    values = Values(((0.1, 0.4),), ((2.0,),))
    wide = GRIDS["torchvision-ssd300"].form_at((480, 320)).changed(counts=(1,))
    np.testing.assert_allclose(wide.anchors(values)[0], [[48, 32], [96, 64], [67.8822556, 22.627418],
                                                         [33.9411287, 45.254837]], rtol=1e-6)  # fmt: skip
    for name in ("tf-ssd", "tao-ssd"):
        assert GRIDS[name].form_at((600, 300)).unit == (300.0, 300.0)


TF = "anchor_generator { %s }"
PADDLE = "SSDHead:\n  anchor_generator:\n    aspect_ratios: %s\n    min_sizes: %s\n    max_sizes: %s\n"
C4 = "ANCHOR_GENERATOR:\n  SIZES: [[8]]\n  ASPECT_RATIOS: [[1]]\nRPN:\n  IN_FEATURES: "
LAZY = "L(DefaultAnchorGenerator)(sizes=[[32], [64]], aspect_ratios=[1.0], strides=[4, 8], offset=0.0)"
READ = [
    ("m.py", "AnchorGenerator(tuple((x, int(x * 2 ** (1.0 / 3))) for x in [32]), ((1.0,),))", [[32, 32], [40, 40]]),
    ("m.py", "def f(s=((8,), (16,))):\n    return AnchorGenerator(s, ((1.0,),) * len(s))", [[8, 8], [16, 16]]),
    ("m.py", "DefaultBoxGenerator([[4] for _ in range(1)], scales=[.1, .4])", [[30, 30], [60, 60], [60, 15], [15, 60]]),
    ("m.py", "c = {'pred_scales': [[i * 2 ** j for j in range(2)] for i in [24]], 'pred_aspect_ratios': [[[1]]]}",
     [[24, 24], [48, 48]]),
    ("m.yaml", 'ANCHOR_GENERATOR:\n  SIZES: !!python/object/apply:eval ["[[x] for x in [8, 9]]"]\n'
               "  ASPECT_RATIOS: [[1.0]]", [[8, 8], [9, 9]]),
    ("m.yaml", C4 + "[p3, p4]", [[8, 8], [8, 8]]),
    ("m.yaml", C4 + "[res4]", [[8, 8]]),
    ("m.py", "cfg.MODEL.ANCHOR_GENERATOR.SIZES = [[8]]\ncfg.MODEL.ANCHOR_GENERATOR.ASPECT_RATIOS = [[1.0, 4]]",
     [[8, 8], [4, 16]]),
    ("m.py", f"model = L(GeneralizedRCNN)(proposal_generator=L(RPN)(anchor_generator={LAZY}))", [[32, 32], [64, 64]]),
    ("m.py", f"model = {LAZY}\nmodel.anchor_generator.sizes = [[8], [16]]", [[8, 8], [16, 16]]),
    ("m.py", "class Model:\n    def __init__(self, ratios=[4.0], scales=[4], anchor_ious=[0.4, 0.5]): pass",
     [[16 * 2**k, 64 * 2**k] for k in range(5)]),
    ("m.txt", "ssd_config { scales: '[0.1, 0.4]' aspect_ratios_global: '[1.0/4.0, 4.0]' }", [[15, 60], [60, 15]]),
    ("m.txt", "ssd_config { scales: '[0.1, 0.4]' aspect_ratios: '[[1.0/4.0]]' }", [[15, 60]]),
    ("m.txt", "ssd_config { scales: '[0.1, 0.4]' aspect_ratios_global: '[4.0]' two_boxes_for_ar1: true }", [[60, 15]]),
    ("m.txt", "retinanet_config { scales: '[0.05, 0.2]' aspect_ratios_global: '[1.0]' n_anchor_levels: 2 "
              "two_boxes_for_ar1: true }", [[27.2, 27.2], [54.4, 54.4], [38.466609, 38.466609],
                                            [76.933218, 76.933218]]),
    ("m.yml", "anchors_scales: '[2 ** 1]'\nanchors_ratios: '[(1.4, 0.7)]'", [[89.6 * 2**k, 44.8 * 2**k]
                                                                             for k in range(5)]),
    ("m.yaml", "anchor_scale: 2\nmax_level: 3\nnum_scales: 1\naspect_ratios: '[4.0]'", [[32, 8]]),
    ("m.py", "DefaultBoxGenerator([[4]], scales=[0.9, 1.1], clip=False)", [[270, 270], [298.4962, 298.4962],
                                                                            [540, 135], [135, 540]]),
    ("m.py", "DefaultBoxGenerator([[2], [2]], 0.1, 0.8)", [[30, 30], [84.852814, 84.852814], [42.426407, 21.213203],
                                                           [21.213203, 42.426407], [240, 240], [268.328157, 268.328157],
                                                           [300, 169.705627], [169.705627, 300]]),
    ("m.py", "# fastanchor: stretch, 480 x 320 pixels\nDefaultBoxGenerator([[4]], scales=[0.1, 0.4])",
     [[48, 32], [96, 64], [96, 16], [24, 64]]),
    ("m.py", "dict(type='SSDAnchorGenerator', scale_major=False, strides=[8], ratios=[[2.5]], min_sizes=[22], "
             "max_sizes=[45])", [[22, 22], [31.4642649, 31.4642649], [34.7850533, 13.914021], [13.914021, 34.7850533]]),
    ("m.py", "c = x.copy({'pred_scales': [[24]], 'pred_aspect_ratios': [[[1, 1 / 2]]]})", [[24, 24],
                                                                                       [16.9705627, 16.9705627]]),
    ("m.py", "c = x.copy({'pred_scales': [[24]] * 1, 'pred_aspect_ratios': [[[2]]], 'use_square_anchors': False, "
             "'preapply_sqrt': True})", [[48, 12]]),
    ("m.config", TF % "grid_anchor_generator { scales: [0.3, 1.1] aspect_ratios: .4 aspect_ratios: 2.5 height: 128 "
                      "width: 64 }", [[12.1431465, 60.7157307], [44.5248718, 222.6243591], [30.3578653, 24.286293],
                                      [111.3121796, 89.049736]]),
    ("m.config", TF % "multiscale_anchor_generator { max_level: 3 anchor_scale: 3 scales_per_octave: 1 # no\n"
                      "aspect_ratios: [1, 3] }", [[24, 24], [41.5692177, 13.8564067]]),
    ("m.config", TF % "flexible_grid_anchor_generator { anchor_grid { base_sizes: [12, 20] aspect_ratios: [1, .5] "
                      "width_stride: 8 } }", [[12, 12], [14.1421356, 28.2842712]]),
    ("m.config", "image_resizer { fixed_shape_resizer { height: 320 width: 640 } }" + TF % "ssd_anchor_generator { "
                 "num_layers: 1 scales: .07 aspect_ratios: [1, 2.5, .4] interpolated_scale_aspect_ratio: 0.0 "
                 "reduce_boxes_in_lowest_layer: false }", [[22.4, 22.4], [35.4175115, 14.1670033],
                                                           [14.1670033, 35.4175103]]),
    ("m.config", TF % "ssd_anchor_generator { num_layers: 1 scales: 0.2 aspect_ratios: 1 }",
     [[30, 30], [84.8528177, 42.4264077], [42.4264077, 84.8528177]]),
    ("m.yaml", "anchor_scale: [2]\nmax_level: 3\nnum_scales: 2\naspect_ratios: [[0.7, 1.4]]", [[11.2, 22.4],
                                                                                          [15.8391917, 31.6783829]]),
    ("m.yaml", "anchor_scale: 3.0\nmax_level: 3\nnum_scales: 1\naspect_ratios: [1.0]\nimage_size: 640x384", [[24, 24]]),
    ("m.ini", "[other]\na = 1\n[anchor_parameters]\nsizes = 16\nstrides = 8\nratios = 0.25\nscales = 1 2", [[32, 8],
                                                                                                     [64, 16]]),
    ("m.yml", "RetinaHead:\n  anchor_generator:\n    octave_base_scale: 4\n    scales_per_octave: 2\n"
              "    aspect_ratios: [1.0]\n    strides: [8.0]", [[32, 32], [45.2548332, 45.2548332]]),
    ("m.yml", "SSDHead:\n  anchor_generator:\n    aspect_ratios: [[2.]]\n    min_sizes: [60.0]\n    max_sizes: [111.0]",
     [[60, 60], [84.8528132, 42.4264066], [42.4264066, 84.8528132], [81.6088244, 81.6088244]]),
    ("m.yml", PADDLE % ("[[4.], [4.]]", "[60.0, 105.0]", "[[], 150.0]"), [[60, 60], [120, 30], [30, 120], [105, 105],
        [210, 52.5], [52.5, 210], [125.499, 125.499]]),
    ("m.yml", PADDLE % ("[[1.], [1.], [1.]]", "[]", "[]") + "    min_ratio: 20\n    max_ratio: 90\n    base_size: 320",
     [[32, 32], [45.2548332, 45.2548332], [64, 64], [135.7645, 135.7645], [288, 288], [384, 384]]),
    ("m.yml", PADDLE % ("[[4.]]", "[60.0]", "[60.0]") + "    flip: false\n    min_max_aspect_ratios_order: true\n",
     [[60, 60], [60, 60], [120, 30]]),
    ("m.txt", "retinanet_config { scales: '[0.05, 0.2]' aspect_ratios_global: '[1.0]' n_anchor_levels: 2 }",
     [[27.2, 27.2], [38.466609, 38.466609]]),
    ("m.txt", 'ssd_config { scales: "[0.1, 0.4]" aspect_ratios: "[[1.0, 2.0]]" two_boxes_for_ar1: True }',
     [[30, 30], [60, 60], [42.426407, 21.213203]]),
]  # fmt: skip


@pytest.mark.parametrize(("words", "size"), [
    ("fasterrcnn_resnet50_fpn(min_size=600, max_size=1000)", (600, 1000)),
    ("RetinaNet(backbone, 3, max_size=640, min_size=640)", (640, 640)),
    ("FasterRCNN(backbone, min_size=f())", None),
    ("maskrcnn_resnet50_fpn(min_size=1000, max_size=600)", None),
])  # fmt: skip
def test_the_network_input_of_torchvision_is_that_of_the_model(words, size, tmp_path):
    (tmp_path / "model.py").write_text(f"g = AnchorGenerator(((32,),), ((1.0,),))\nmodel = {words}")
    found = detectors.read(tmp_path / "model.py")
    assert (found.img_size, found.fit, found.doubts) == (size, "shortest", ())


@pytest.mark.parametrize(("text", "side"), [
    ("a = {'max_size': 300}\nb = x.copy({'max_size': 416, 'backbone': y.copy({'pred_scales': [[24]]})})", 416),
    ("a = {'max_size': 300}\nb = {'pred_scales': [[24]]}", 550),
    ("b = {'pred_scales': [[24]], 'max_size': f()}\na = {'max_size': 300}", 550),
    ("# fastanchor: stretch, 700 x 700 pixels\nb = {'pred_scales': [[24]], 'max_size': 416}", 700),
])  # fmt: skip
def test_the_network_input_of_yolact_is_that_of_the_anchors(text, side, tmp_path):
    (tmp_path / "config.py").write_text(text)
    assert detectors.read(tmp_path / "config.py").img_size == (side, side)


@pytest.mark.parametrize(("name", "text", "expected"), READ)
def test_configurations_are_read(name, text, expected, tmp_path):
    (tmp_path / name).write_text(text)
    found = detectors.read(tmp_path / name)
    np.testing.assert_allclose(found.anchors, expected, rtol=2e-6)
    assert found.ratio.split(" / ") in (["height", "width"], ["width", "height"])


UNREADABLE = [
    ("m.yml", "anchors_ratios: '[(1, 2, 3)]'", "anchors_ratios: expected numbers, or pairs of multipliers of width"),
    (
        "m.py",
        "AnchorGenerator(((8,), (16,)), ((1.0, 2.0),))",
        "aspect_ratios: got a tuple for 1 level, expected 2: torch",
    ),
    ("m.py", "c = {'pred_scales': [[1]], 'use_pixel_scales': False}", "use_pixel_scales: expected True; otherwise"),
    ("m.py", "f.anchor_generator.sizes = g()", "sizes: got a computed value, expected a list"),
    ("m.py", "a.ANCHOR_GENERATOR.SIZES = 3\ndel a", "sizes: got 3, expected a list"),
    ("m.py", "Model(3, scales=[1])", r"has no Model\(ratios=..., scales=...\)"),
    ("m.txt", "ssd_config { scales: '[0.1, 0.4]' aspect_ratios: '[[f(1)]]' }", "aspect_ratios: got a computed value"),
    ("m.py", "DefaultBoxGenerator([[2], [2]], scales=[0.1, 0.2])", r"scales: got 2, expected 3, one more than levels"),
    ("m.py", "DefaultBoxGenerator(f())", "aspect_ratios: got"),
    ("m.py", "dict(type='SSDAnchorGenerator', ratios=[[2]], strides=[8])", "scale_major: expected False"),
    (
        "m.py",
        "dict(type='SSDAnchorGenerator', scale_major=False, ratios=[[2]], strides=[8], input_size=320)",
        "has no si",
    ),
    ("m.py", "{'pred_scales': [[i] for i in x]}", "has no pred_scales that are numbers"),
    ("m.config", "ssd_anchor_generator { b: 1", "the text ends within a block"),
    ("m.config", "grid_anchor_generator: {]", r"line 1: got '\]', expected a name"),
    ("m.config", "grid_anchor_generator: !", "line 1: got '!', expected a name, a number or a bracket"),
    ("m.config", "\nssd_anchor_generator: }", "line 2: got '}', expected a value"),
    ("m.config", "model { }", "not recognised; expected anchors for TensorFlow's Faster R-CNN and RetinaNet or Tens"),
    ("m.config", "# grid_anchor_generator", "has no grid_, multiscale_ or flexible_grid_anchor_generator"),
    ("m.config", "# ssd_anchor_generator", "has no ssd_anchor_generator"),
    ("m.config", "grid_anchor_generator { scales: x aspect_ratios: 1 }", "scales: got 'x', expected numbers"),
    ("m.ini", "[a]\nsizes = 3", "not recognised; expected anchors for keras-retinanet"),
    (
        "m.ini",
        "[anchor_parameters]\nsizes = 16\nstrides = 8\nratios = a\nscales = 1",
        "ratios: expected numbers above 0",
    ),
    ("m.ini", "sizes\n[anchor_parameters]", "not valid INI"),
    (
        "m.yaml",
        "anchor_scale: 4\naspect_ratios: [[1.4, 0.7, 3]]",
        "aspect_ratios: expected numbers, or pairs of multip",
    ),
    ("m.yml", "RPNHead:\n  anchor_generator: 3", "has no anchor_generator with anchor_sizes or octave_bas"),
    ("m.txt", "ssd_config { scales: '[0.1]' aspect_ratios_global: '[1]' }", "scales: expected a list, one longer"),
]


@pytest.mark.parametrize(("name", "text", "message"), UNREADABLE)
def test_configurations_that_cannot_be_read(name, text, message, tmp_path):
    (tmp_path / name).write_text(text)
    with pytest.raises(DataError, match=message):
        detectors.read(tmp_path / name)


DOUBTS = [
    (
        "g = AnchorGenerator(((32,), (64,)), ((1.0,),) * 2)\nfasterrcnn_resnet50_fpn_v2(anchor_generator=g)",
        [[32, 32]],
        "fasterrcnn_resnet50_fpn_v2 ignores anchor_generator=; set model.rpn.anchor_generator after building it",
    ),
    (
        "g = AnchorGenerator(((32,), (64,)), ((1.0,),) * 2)\nretinanet_resnet50_fpn(rpn_anchor_generator=g)",
        [[32, 32]],
        "retinanet_resnet50_fpn ignores rpn_anchor_generator=; set model.anchor_generator after building it",
    ),
    (
        "g = AnchorGenerator(((32,), (64,)), ((1.0,),) * 2)\nmaskrcnn_resnet50_fpn(rpn_anchor_generator=g)",
        [[32, 32]],
        None,
    ),
    ("AnchorGenerator(((8, 16), (32,)), ((1.0,),) * 2)", [[32, 32]], r"levels have [2, 1] anchors of each place"),
    ("AnchorGenerator(((31,), (64,)), ((1.0, 1.01),) * 2)", [[32, 32]], "1 anchor is equal to others of the same"),
    ("DefaultBoxGenerator([[1, 2]], scales=[0.1, 0.3])", [[30, 30]], "2 anchors are equal to others of the same"),
    (
        "AnchorGenerator(((16,), (32,)), ((0.25,), (0.25,)))",
        [[8, 32]],
        "ratios look reversed: a ratio is height / width",
    ),
    ("AnchorGenerator(((16,), (32,)), ((0.25, 4.0),) * 2)", [[8, 32]], None),
    ("mobilenet = 1\nAnchorGenerator(((32,),) * 3, ((1.0,),) * 3)", [[32, 32]], "2 levels have stride 32"),
    ("AnchorGenerator(((32,), (64,), (16,), (128,), (256,)), ((1.0,),) * 5)", [[32, 32]], "stride 16 are smaller than"),
    ("AnchorGenerator(((96,), (100,), (128,), (256,), (300,)), ((1.0,),) * 5)", [[96, 96]], "24 strides: too large"),
    ("AnchorGenerator(((32,), (64,), (128,), (256,), (512,)), ((0.5, 1.0, 2.0),) * 5)", [[32, 32]], None),
]


@pytest.mark.parametrize(("text", "boxes", "expected"), DOUBTS)
def test_doubts_about_a_configuration(text, boxes, expected, tmp_path):
    (tmp_path / "m.py").write_text(text)
    config = detectors.read(tmp_path / "m.py")
    wh = np.array(boxes, dtype=float)
    found = detectors.doubts(config, NetworkBoxes(wh, None, 0, 0), mean_iou(wh, config.anchors))
    assert len(found) == (0 if expected is None else 1)
    assert expected is None or expected in found[0]


EXPRESSIONS = [
    ("[[x, x * 2 ** (1 / 2)] for x in [4, 9]]", ((4, 4 * 2**0.5), (9, 9 * 2**0.5))),
    ("[a + b for a in (1, 2) for b in [10]] + [-3]", (11, 12, -3)),
    ("tuple(range(2, 5)) + ((0.5,),) * 2", (2, 3, 4, (0.5,), (0.5,))),
    ("[round(7 / 3, 1), 7 // 2, 7 % 4, np.sqrt(4), float(3), len([1, 2])]", (2.3, 3, 3, 2.0, 3.0, 2)),
    ("open('x')", UNKNOWN),
    ("[x for x in [1] if x]", UNKNOWN),
    ("[a for a, b in [(1, 2)]]", UNKNOWN),
    ("9 ** 9 ** 9", UNKNOWN),
    ("[0] * 10 ** 8", UNKNOWN),
    ("[[0 for a in range(999)] for b in range(999)]", UNKNOWN),
    ("1 / 0", UNKNOWN),
    ("x", UNKNOWN),
    ("(" * 300 + ")" * 300, UNKNOWN),
]


@pytest.mark.parametrize(("text", "expected"), EXPRESSIONS)
def test_expressions_of_literals_are_computed_and_others_are_not(text, expected):
    assert evaluated(text) == expected


def test_default_anchors_raise_no_doubt_about_levels():
    for name, detector in GRIDS.items():
        parts = detector.form_at(detector.input()).anchors(detector.default)
        config = detectors._reading.config_of(parts, detector.strides)
        square = NetworkBoxes(np.array([[50.0, 50.0]]), None, 0, 0)
        found = detectors.doubts(config, square, 1.0)
        assert ["levels have stride" in one for one in found] == ["mobilenet" in name] * len(found), (name, found)


def written(name, values, tmp_path):
    """Return the configuration of a detector with these values, read from its text."""
    detector = GRIDS[name]
    file = tmp_path / f"model{detector.dialect.needs.endings[0]}"
    file.write_text(detector.text(Content(values, Input(*detector.resize[:2]), 3, detector.resize.img_size)))
    return detectors.read(file)


def doubts_of(config, wh):
    return detectors.doubts(config, NetworkBoxes(wh, None, 0, 0), mean_iou(wh, config.anchors))


@pytest.mark.parametrize("name", [name for name, one in GRIDS.items() if not getattr(one.form, "mirrored", False)])
def test_reversed_ratios_are_a_doubt_for_every_library(name, tmp_path):
    detector = GRIDS[name]
    ratios = ((1.0, 4.0) if getattr(detector.form, "listed", False) else (4.0,),) * len(detector.default.ratios)
    config = written(name, detector.default._replace(ratios=ratios), tmp_path)
    turned = np.ascontiguousarray(config.anchors[:, ::-1])
    assert any(
        one.startswith(f"ratios look reversed: a ratio is {config.ratio} here") for one in doubts_of(config, turned)
    )
    assert not any("reversed" in one for one in doubts_of(config, config.anchors))


@pytest.mark.parametrize("name", [name for name, one in GRIDS.items() if len(one.strides) > 1])
def test_sizes_that_do_not_fit_the_levels_are_a_doubt_for_every_library(name, tmp_path):
    sizes, ratios = GRIDS[name].default
    config = written(name, Values(tuple(tuple(size * 8.0 for size in row) for row in sizes), ratios), tmp_path)
    assert any("too large for the level" in one for one in doubts_of(config, config.anchors))


STRIDES = [
    ("m.py", "dict(type='AnchorGenerator', scales=[8], ratios=[1.0], strides=[8, 8])"),
    ("m.py", "L(DefaultAnchorGenerator)(sizes=[[64], [128]], aspect_ratios=[1.0], strides=[8, 8])"),
    ("m.ini", "[anchor_parameters]\nsizes = 64 128\nstrides = 8 8\nratios = 1\nscales = 1"),
    ("m.yml", "RPNHead:\n  anchor_generator:\n    anchor_sizes: [[64], [128]]\n    strides: [8, 8]"),
    ("m.yml", PADDLE % ("[[2.], [2.]]", "[60.0, 105.0]", "[105.0, 150.0]") + "    steps: [8, 8]\n"),
    ("m.config", TF % "flexible_grid_anchor_generator { anchor_grid { base_sizes: 64 aspect_ratios: 1 width_stride: 8 }"
                      "  anchor_grid { base_sizes: 128 aspect_ratios: 1 width_stride: 8 } }"),
]  # fmt: skip


@pytest.mark.parametrize(("name", "text"), STRIDES)
def test_levels_that_share_a_stride_are_a_doubt_for_every_library_that_names_strides(name, text, tmp_path):
    (tmp_path / name).write_text(text)
    config = detectors.read(tmp_path / name)
    assert any(one.startswith("2 levels have stride 8, so that") for one in doubts_of(config, config.anchors))


def test_models_with_pairs_set_their_network(capsys, tmp_path):
    assert {pairs.fmt for pairs in PAIRS.values()} < {*FORMATS}
    for name in ("yolov4-tiny", "yolov5-p6", "tao-yolov4", "paddle-ppyolo"):
        pairs = PAIRS[name]
        assert main(["anchors", "--emit", name, "--gen", "0", "-q"]) == 0
        text = capsys.readouterr().out
        assert "{} x {} pixels".format(*pairs.img_size) in text, name
    assert main(["anchors", "--emit", "yolov4-tiny", "--gen", "0", "--img-size", "320", "--n", "8", "-q"]) == 0
    text = capsys.readouterr().out
    assert "320 x 320 pixels" in text
    assert text.splitlines()[1].count(", ") == 7


def test_levels_of_other_strides_are_shown(capsys, tmp_path):
    (tmp_path / "boxes.csv").write_text(
        "width,height,image_width,image_height\n" + "30,40,400,300\n50,20,400,300\n" * 9
    )
    options = [
        "anchors",
        str(tmp_path / "boxes.csv"),
        "--emit",
        "torchvision-ssd300",
        *("--sizes", "0.05,0.12,0.25,0.4,0.6,0.8,1", "--ratios", "2 2,3 2,3 2,3 2 2"),
        "-q",
        "-o",
        str(tmp_path / "m.py"),
    ]
    assert main(options) == 0
    assert main(["check", str(tmp_path / "boxes.csv"), "--anchors", str(tmp_path / "m.py"), "-q"]) == 0
    out = capsys.readouterr().out
    assert "300 x 300 pixels, stretch" in out
    lines = out.splitlines()
    for table in [at for at, line in enumerate(lines) if line.startswith("level ")]:
        assert [line.split()[0] for line in lines[table + 1 : table + 7]] == ["P3", "P4", "P5", "P6", "100", "300"]
