"""Each format, read back by its own grammar; and files edited in place."""

import ast
import csv
import io
import json
import re
from pathlib import Path

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError, export
from fastanchor.export import FORMATS

YOLOV5, DARKNET = FORMATS["yolov5"], FORMATS["darknet"]
HERE = Path(__file__).resolve().parent / "data"
NINE = np.array(
    [[10.25, 13.5], [16, 30.26], [33, 23], [30.04, 61], [62, 45.5], [59, 119], [116.3, 90], [156, 198], [373.4, 326]]
)
UNEVEN = [(3, 4), (4, 3), (5, 2)]


def rounded(anchors, decimals):
    """Decimals as the formats keep them: halves go to even in the binary value, as in any printf."""
    return [[float(f"{v:.{decimals}f}") for v in pair] for pair in anchors.tolist()]


def by_level(anchors, counts):
    return [part.tolist() for part in np.split(np.array(anchors), np.cumsum(counts)[:-1])]


def yaml_levels(text):
    yaml = pytest.importorskip("yaml")
    return [np.reshape(row, (-1, 2)).tolist() for row in yaml.safe_load(text)["anchors"]]


def cfg(text):
    """Sections of a Darknet cfg as (name, {key: value}), by the rules of its parser: blanks out, # and ; comments."""
    sections = []
    for line in text.splitlines():
        line = re.sub(r"[\s]", "", re.split("[#;]", line)[0])
        if line.startswith("["):
            sections.append((line[1:-1], {}))
        elif line:
            key, value = line.split("=")
            assert key not in sections[-1][1]
            sections[-1][1][key] = value
    return sections


@pytest.mark.parametrize("name", ["yolov5", "yolov7"])
def test_yolov5(name):
    text = export.emit(NINE, name)
    assert yaml_levels(text) == by_level(rounded(NINE, 1), [3, 3, 3])
    assert [line.split("# ")[1] for line in text.splitlines()[1:]] == ["P3/8", "P4/16", "P5/32"]


def test_yolov5_tiny_and_p6():
    assert [line.split("# ")[1] for line in YOLOV5.write(NINE[:6]).splitlines()[1:]] == ["P4/16", "P5/32"]
    twelve = np.vstack([NINE, [[400, 400], [450, 450], [500, 500]]])
    assert YOLOV5.write(twelve).endswith("# P6/64")


@pytest.mark.parametrize("name", ["yolov5", "mmdet", "mmyolo"])
def test_formats_that_need_equal_levels_say_so(name):
    with pytest.raises(DataError, match=r"levels: got \[4, 3, 2\] anchors; .* needs the same number in each level"):
        export.emit(NINE, name, UNEVEN)


@pytest.mark.parametrize(
    ("name", "key", "order", "strides"),
    [("mmdet", "base_sizes", -1, [32, 16, 8]), ("mmyolo", "anchors", 1, [8, 16, 32])],
)
def test_mm(name, key, order, strides):
    tree = ast.parse(export.emit(NINE, name))
    values = {node.targets[0].id: ast.literal_eval(node.value) for node in tree.body}
    assert set(values) == {key, "strides"}
    assert [[list(pair) for pair in level] for level in values[key]] == by_level(rounded(NINE, 1), [3, 3, 3])[::order]
    assert all(isinstance(pair, tuple) for level in values[key] for pair in level)
    assert values["strides"] == strides


@pytest.mark.parametrize(
    ("parts", "masks"), [(None, [[6, 7, 8], [3, 4, 5], [0, 1, 2]]), (UNEVEN, [[7, 8], [4, 5, 6], [0, 1, 2, 3]])]
)
def test_paddle(parts, masks):
    yaml = pytest.importorskip("yaml")
    content = yaml.safe_load(FORMATS["paddle"].write(NINE, parts))
    assert content == {"anchors": rounded(NINE, 0), "anchor_masks": masks}
    assert all(isinstance(side, int) for pair in content["anchors"] for side in pair)  # its operators take no others


def test_tao():
    values = dict(re.findall(r'^(\w+): "(.*)"$', FORMATS["tao"].write(NINE), re.MULTILINE))
    assert list(values) == ["big_anchor_shape", "mid_anchor_shape", "small_anchor_shape"]
    shapes = [[list(pair) for pair in ast.literal_eval(value)] for value in values.values()]
    assert shapes == by_level(rounded(NINE, 2), [3, 3, 3])[::-1]
    assert "small" not in FORMATS["tao"].write(NINE[:6])
    with pytest.raises(DataError, match="levels: got 4, expected 2 to 3 for NVIDIA TAO"):
        FORMATS["tao"].write(NINE, [(3, 3), (4, 2), (5, 2), (6, 2)])


def test_keras_yolo3(tmp_path):
    """The file is one line, which its programs split at commas; they know the levels by the number of anchors."""
    text = export.emit(NINE, "keras-yolo3", made_for=export.Input("letterbox", (416, 416)))
    assert np.reshape([float(word) for word in text.split(",")], (-1, 2)).tolist() == rounded(NINE, 1)
    file = tmp_path / "yolo_anchors.txt"
    file.write_text(text + "\n")
    assert export.read(file).anchors.tolist() == rounded(NINE, 1)
    with pytest.raises(DataError, match="levels: got 4, expected 2 to 3 for keras-yolo3"):
        export.emit(NINE[:8], "keras-yolo3", [(level, 2) for level in (3, 4, 5, 6)])
    with pytest.raises(DataError, match="the anchors are for stretch, and keras-yolo3 has letterbox"):
        export.emit(NINE, "keras-yolo3", made_for=export.Input("stretch", (416, 416)))


@pytest.mark.parametrize("fmt", ["keras-yolo3", "darknet", "mmdet", "mmyolo", "paddle", "tao", "yolov5"])
def test_no_format_can_say_an_empty_level(fmt):
    with pytest.raises(DataError, match=r"level P4/16 would have no anchor|needs the same number in each level"):
        export.emit(NINE, fmt, [(3, 6), (4, 0), (5, 3)])


def test_darknet():
    text = DARKNET.write(NINE)
    values = np.array(text.removeprefix("anchors = ").split(","), float).reshape(-1, 2)
    np.testing.assert_array_equal(values, rounded(NINE, 0))
    masks = re.findall(r"stride (\d+): mask = ([\d,]+)", DARKNET.write(NINE, UNEVEN))
    assert masks == [("8", "0,1,2,3"), ("16", "4,5,6"), ("32", "7,8")]


def test_json_and_csv_keep_every_digit():
    anchors = NINE / 3
    content = json.loads(FORMATS["json"].write(anchors, UNEVEN))
    assert content["anchors"] == anchors.tolist()
    assert [(row["level"], row["stride"], row["anchors"]) for row in content["levels"]] == [
        (p, 2**p, part) for (p, _), part in zip(UNEVEN, by_level(anchors, [4, 3, 2]), strict=True)
    ]
    rows = list(csv.DictReader(io.StringIO(FORMATS["csv"].write(anchors, UNEVEN))))
    assert [[float(row["width"]), float(row["height"])] for row in rows] == anchors.tolist()
    assert [row["stride"] for row in rows] == ["8"] * 4 + ["16"] * 3 + ["32"] * 2


def test_result_has_a_method_for_each():
    result = fastanchor.auto_anchor(NINE.repeat(3, 0), n=9, gen=0, rng=0, init=NINE, progress=False)
    assert (result.fit, result.img_size, result.made_for) == (None, None, None)  # pixels already, of whatever input
    for name in ("yolov5", "darknet", "mmdet", "mmyolo", "paddle", "tao", "keras-yolo3", "json", "csv"):
        assert getattr(result, f"to_{name.replace('-', '_')}")() == export.emit(result.anchors, name)
    assert result.edited(HERE / "model.yaml") == export.edit(HERE / "model.yaml", result.anchors)


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("parts", [None, UNEVEN])
def test_cfg_edited(tmp_path, newline, parts):
    before = (HERE / "three_heads.cfg").read_text(encoding="utf-8")
    file = tmp_path / "a.cfg"
    file.write_bytes(before.replace("\n", newline).encode())
    after = export.edit(file, NINE, parts)
    assert after.count("\n") == after.count(newline) == before.count("\n") + 1
    old, new = cfg(before), cfg(after)
    assert [name for name, _ in old] == [name for name, _ in new]
    # by hand: the first head has stride 32, the second 16, the third 8
    masks = ["6,7,8", "3,4,5", "0,1,2"] if parts is None else ["7,8", "4,5,6", "0,1,2,3"]
    heads = [i for i, (name, _) in enumerate(new) if name == "yolo"]
    line = "10,14,16,30,33,23,30,61,62,46,59,119,116,90,156,198,373,326"
    for i, mask in zip(heads, masks, strict=True):
        assert new[i][1] == {**old[i][1], "mask": mask, "anchors": line, "num": "9"}
        assert new[i - 1][1] == {**old[i - 1][1], "filters": str(25 * len(mask.split(",")))}
    touched = {*heads, *(i - 1 for i in heads)}
    assert [s for i, s in enumerate(new) if i not in touched] == [s for i, s in enumerate(old) if i not in touched]
    # what stands around the values stays, byte for byte
    gone = [a for a in before.splitlines() if a not in after.splitlines()]
    assert all(re.match(r"(anchors|mask|num|filters)\b", a) for a in gone)
    assert "# (20 + 5) * 3" in after
    assert "; no mask: a line is added" in after


def test_cfg_edited_twice_is_the_same():
    once = DARKNET.splice((HERE / "three_heads.cfg").read_text(encoding="utf-8"), NINE)
    assert DARKNET.splice(once, NINE) == once
    np.testing.assert_array_equal(DARKNET.read(once).anchors, rounded(NINE, 0))


def test_cfg_with_six_anchors_and_four_classes():
    text = (HERE / "three_heads.cfg").read_text(encoding="utf-8").replace("classes=20", "classes=4")
    sections = cfg(DARKNET.splice(text, NINE[:6]))
    heads = [i for i, (name, _) in enumerate(sections) if name == "yolo"]
    assert [sections[i][1]["mask"] for i in heads] == ["4,5", "2,3", "0,1"]
    assert [sections[i - 1][1]["filters"] for i in heads] == ["18"] * 3
    assert [sections[i][1]["num"] for i in heads] == ["6"] * 3


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("", "must begin with a [net] section"),
        ("[net]\n[convolutional]\nfilters=3\n", "has no [yolo] section"),
        ("[net]\n[route]\nlayers=-1\n[yolo]\n", "line 2: [route] points to layer -1, which is not before it"),
        ("[net]\n[maxpool]\nstride=2\n[yolo]\n", "line 4: [yolo] has no [convolutional] section before it"),
        ("[net]\n[convolutional]\nstride=two\n[yolo]\n", "line 3: stride = 'two': must be a whole number"),
        ("[net]\n[convolutional]\nstride=3\n[yolo]\n", "line 4: [yolo] has stride 3; must be a power of 2"),
        (
            "[net]\n[convolutional]\n[yolo]\n[convolutional]\n[yolo]\n",
            "has several [yolo] sections of one stride: 1, 1",
        ),
        ("[net]\n[route]\n[yolo]\n", "line 2: section [route] has no layers="),
    ],
)
def test_cfg_that_cannot_be_edited(tmp_path, text, sentence):
    file = tmp_path / "bad.cfg"
    file.write_text(text, encoding="utf-8")
    with pytest.raises(DataError, match=re.escape(sentence)) as caught:
        export.edit(file, NINE)
    assert str(caught.value).startswith(str(file))


def small_cfg(*before, head="convolutional"):
    """A cfg with one head behind these sections, each a name and its keys."""
    sections = [("net", ""), *before, (head, "filters=18\n"), ("yolo", "mask=0\nanchors=1,2\nclasses=1\nnum=1\n")]
    return "".join(f"[{name}]\n{keys}" for name, keys in sections)


def levels_of(text):
    return [level for level, _ in DARKNET.read(text).layout]


@pytest.mark.parametrize("name", ["conv", "convolutional", "maxpool", "local_avgpool", "reorg", "reorg3d"])
def test_sections_that_shrink_the_image_by_either_name(name):
    text = small_cfg((name, "stride=16\n"))
    assert levels_of(text) == [4]
    assert levels_of(small_cfg((name, "stride=16\n"), ("upsample", "stride=2\n"))) == [3]


@pytest.mark.parametrize("head", ["conv", "convolutional"])
def test_the_convolution_before_a_head_by_either_name(head):
    sections = cfg(DARKNET.splice(small_cfg(("maxpool", "stride=32\n"), head=head), NINE[:2]))
    assert sections[-2] == (head, {"filters": "12"})
    assert sections[-1][1]["num"] == "2"


@pytest.mark.parametrize("layer", ["0", "-3", "0, 2", "-3,-1"])
def test_a_route_may_go_back_to_the_first_layer(layer):
    shrink = [("convolutional", f"stride={stride}\n") for stride in (8, 2, 2)]
    assert levels_of(small_cfg(*shrink)) == [5]
    assert levels_of(small_cfg(*shrink, ("route", f"layers={layer}\n"))) == [3]


@pytest.mark.parametrize("layer", ["-4", "3", "4", "x"])
def test_a_route_to_a_layer_that_is_not_before_it_is_refused(layer):
    shrink = [("convolutional", f"stride={stride}\n") for stride in (8, 2, 2)]
    with pytest.raises(DataError, match=r"line 8: \[route\] points to layer .*, which is not before it"):
        DARKNET.splice(small_cfg(*shrink, ("route", f"layers={layer}\n")), NINE)


@pytest.mark.parametrize(
    ("down", "up", "stride"), [(25, 3, "8.33333"), (32, 3, "10.6667"), (5, 2, "2.5"), (1, 2, "0.5")]
)
def test_a_head_whose_stride_is_no_whole_number_is_refused(down, up, stride):
    text = small_cfg(("convolutional", f"stride={down}\n"), ("upsample", f"stride={up}\n"))
    with pytest.raises(DataError, match=rf"\[yolo\] has stride {stride}; must be a power of 2"):
        DARKNET.splice(text, NINE)


def test_cfg_of_other_levels():
    text = (HERE / "three_heads.cfg").read_text(encoding="utf-8")
    with pytest.raises(DataError, match=r"sections are of levels P3/8, P4/16, P5/32, not P4/16, P5/32"):
        DARKNET.splice(text, NINE, [(4, 5), (5, 4)])
    with pytest.raises(DataError, match="level P4/16 would have no anchor"):
        DARKNET.splice(text, NINE, [(3, 5), (4, 0), (5, 4)])


@pytest.mark.parametrize("newline", ["\n", "\r\n"])
def test_yaml_edited(tmp_path, newline):
    yaml = pytest.importorskip("yaml")
    before = (HERE / "model.yaml").read_text(encoding="utf-8").replace("\n", newline)
    file = tmp_path / "m.yml"
    file.write_bytes(before.encode())
    after = export.edit(file, NINE)
    assert yaml_levels(after) == by_level(rounded(NINE, 1), [3, 3, 3])
    old, new = yaml.safe_load(before), yaml.safe_load(after)
    assert {**old, "anchors": new["anchors"]} == new
    a, b = before.split(newline), after.split(newline)
    assert a[:4] + a[7:] == b[:4] + b[7:]


@pytest.mark.parametrize(
    "block",
    [
        "anchors: [[1,2],[3,4],[5,6]]",
        "anchors: [\n  [1,2],\n  [3,4],  # x\n  [5,6]\n]",
        "anchors:\n- [1,2]\n- [3,4]\n- [5,6]",
    ],
)
@pytest.mark.parametrize("rest", ["", "\n", "\n\n# about the head\nhead: []\n"])
def test_yaml_blocks_of_other_shapes(block, rest):
    after = YOLOV5.splice("nc: 3\n" + block + rest, NINE)
    assert after == "nc: 3\n" + YOLOV5.write(NINE) + rest


def test_a_yaml_that_tells_no_levels_needs_them():
    with pytest.raises(DataError, match="neither the block nor a layer that takes the anchors names the levels"):
        YOLOV5.splice("anchors: 3\nhead: []\n", NINE)
    after = YOLOV5.splice("anchors: 3\nhead: []\n", NINE, [(3, 3), (4, 3), (5, 3)])
    assert after == YOLOV5.write(NINE) + "\nhead: []\n"


@pytest.mark.parametrize("name", ["IKeypoint", "IAuxDetect", "MyHead"])
def test_the_layer_that_is_given_the_anchors_tells_how_many_levels(name):
    text = (
        f"nc: 1\nanchors: 3\nhead:\n  [[-1, 1, Conv, [512]],\n   [[17, 20, 23, 26], 1, {name}, [nc, anchors]],\n  ]\n"
    )
    found = YOLOV5.read(text)
    assert ([level for level, _ in found.layout], found.n) == ([3, 4, 5, 6], 12)
    with pytest.raises(DataError, match="needs the same number in each level"):
        YOLOV5.splice(text, NINE)


def test_a_falling_block_stays_falling():
    text = "anchors:\n  - [5,6]  # P5/32\n  - [3,4]  # P4/16\n  - [1,2]  # P3/8\nhead: []\n"
    rows = YOLOV5.splice(text, NINE).splitlines()[1:4]
    assert [row.split("# ")[1] for row in rows] == ["P5/32", "P4/16", "P3/8"]
    assert rows[::-1] == YOLOV5.write(NINE).splitlines()[1:]
    assert YOLOV5.read(text).layout == [(3, [2]), (4, [1]), (5, [0])]


@pytest.mark.parametrize(
    ("block", "sentence"),
    [
        ("  - [1,2]  # P2/4\n  - [3,4]\n", "names 1 of the 2 levels of its anchors; name all of them, or none"),
        ("  - [1,2]  # P3/8\n  - [3,4]  # P3/8\n", "names its levels P3, P3; they must rise, or fall"),
        ("  - [1,2]  # P3\n  - [3,4]  # P5\n  - [5,6]  # P4\n", "names its levels P3, P5, P4; they must rise"),
    ],
)
def test_levels_named_in_part_or_twice(block, sentence):
    with pytest.raises(DataError, match=sentence):
        YOLOV5.splice("anchors:\n" + block, NINE[:6])


def test_gaussian_heads_and_strides_by_axis():
    cfg = (
        "[net]\n[convolutional]\nstride_x=32\nstride_y=32\nfilters=57\n"
        "[Gaussian_yolo]\nmask=0,1,2\nanchors=1,2, 3,4, 5,6\nclasses=10\nnum=3\n"
    )
    after = DARKNET.splice(cfg, NINE[:4])
    assert "filters=76\n" in after  # (10 + 9) * 4
    assert "mask=0,1,2,3\n" in after
    assert DARKNET.read(after).layout == [(5, [0, 1, 2, 3])]
    with pytest.raises(DataError, match=r"line 2: \[convolutional\] has stride_x = 32 and stride_y = 16"):
        DARKNET.splice(cfg.replace("stride_y=32", "stride_y=16"), NINE[:4])


def test_yaml_levels_are_those_of_the_file():
    text = "anchors:\n  - [1,2]  # P2/4\n  - [3,4]  # P3/8\n  - [5,6]  # P4/16\nhead: []\n"
    assert [line.split("# ")[1] for line in YOLOV5.splice(text, NINE).splitlines()[1:4]] == ["P2/4", "P3/8", "P4/16"]
    with pytest.raises(DataError, match="has 3 levels, not 2"):
        YOLOV5.splice(text, NINE[:8], [(4, 4), (5, 4)])
    with pytest.raises(DataError, match="got 0 blocks 'anchors:', expected one"):
        YOLOV5.splice("nc: 3\n", NINE)


def test_yaml_with_a_number_goes_by_the_last_layer():
    head = "head:\n  [[-1, 1, Conv, [9]],\n   [[21, 24], 1, Detect, [nc, anchors]],  # Detect(P2, P3)\n  ]\n"
    after = YOLOV5.splice("anchors: 3  # a level\n" + head, NINE[:4])
    assert after == "anchors:\n  - [10.2,13.5, 16,30.3]  # P2/4\n  - [33,23, 30,61]  # P3/8\n" + head
    with pytest.raises(DataError, match="has 2 levels, not 3"):
        YOLOV5.splice("anchors: 3\n" + head, NINE, [(3, 3), (4, 3), (5, 3)])


def test_cfg_of_a_tiny_network_with_a_wrong_mask():
    """Two heads, the second with the mask 1,2,3 that was copied for years: it ends up with its own three."""
    text = (HERE / "three_heads.cfg").read_text(encoding="utf-8")
    two = text[: text.index("[route]\nlayers = 1\n")].replace("mask = 3,4,5", "mask = 1,2,3")
    heads = [keys for name, keys in cfg(DARKNET.splice(two, NINE[:6])) if name == "yolo"]
    assert [keys["mask"] for keys in heads] == ["3,4,5", "0,1,2"]


def test_edit_names_the_file(tmp_path):
    with pytest.raises(DataError, match=r"model.txt: must end in .yaml, .yml or .cfg"):
        export.edit(tmp_path / "model.txt", NINE)
    with pytest.raises(DataError, match=r"none.cfg: cannot be read \(No such file"):
        export.edit(tmp_path / "none.cfg", NINE)
    (tmp_path / "binary.cfg").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(DataError, match=r"binary.cfg: is not UTF-8 text"):
        export.edit(tmp_path / "binary.cfg", NINE)


def test_unknown_format():
    with pytest.raises(DataError, match="format = 'yolo9': must be one of 'yolov5'"):
        export.emit(NINE, "yolo9")
