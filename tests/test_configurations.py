"""The grammar of files with anchors: what is written is read again, and what is edited changes in one place."""

import math
import re

import numpy as np
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from fastanchor import DataError, export
from fastanchor.export import FORMATS, Config, Dialect, Input
from fastanchor.export._dialect import Needs, from_words

import strategies

YOLOV5, DARKNET = FORMATS["yolov5"], FORMATS["darknet"]
FOUR = np.array([[10.0, 13], [16, 30], [33, 23], [60, 61]])


def by_area(sides):
    anchors = np.array(sides, float)
    return anchors[np.argsort(anchors.prod(1), kind="stable")]


def one_decimal(v):
    return float(f"{v:.1f}") if v >= 2 else float(f"{v:.4g}")


def four_digits(v):
    return float(f"{v:.{max(0, 3 - math.floor(math.log10(v)))}f}") if v < 1000 else float(round(v))


def darknet_side(anchors):
    fine = anchors.min() < 5 or anchors.max() < 32
    return four_digits if fine else lambda v: float(f"{v:.0f}")


# how each side of these formats is rounded; of other formats, which their own tests look at, to the pixel at worst
ROUNDED = {
    "yolov5": lambda anchors: one_decimal,
    "yolov7": lambda anchors: one_decimal,
    "mmdet": lambda anchors: one_decimal,
    "mmyolo": lambda anchors: one_decimal,
    "darknet": darknet_side,
    "paddle": lambda anchors: lambda v: float(round(v)),
    "tao": lambda anchors: lambda v: float(f"{v:.2f}") if v >= 2 else float(f"{v:.4g}"),
    "keras-yolo3": lambda anchors: one_decimal,
    "json": lambda anchors: lambda v: v,
    "csv": lambda anchors: lambda v: v,
}
LEVELS_UNWRITTEN = ("darknet", "keras-yolo3")  # or only in comments
NOTE_UNWRITTEN = ("csv", "keras-yolo3")  # which have no comments
SIDE = st.floats(1, 3000)


@pytest.mark.parametrize("name", list(FORMATS))
@strategies.examples(40)
@given(data=st.data())
def test_what_is_written_is_read_again(name, data):
    least, most = FORMATS[name].needs.levels
    levels = data.draw(st.sampled_from([one for one in [(5,), (4, 5), (3, 4, 5)] if least <= len(one) <= most]))
    each = data.draw(st.integers(1, 4))
    n = each * len(levels)
    anchors = by_area(data.draw(st.lists(st.tuples(SIDE, SIDE), min_size=n, max_size=n)))
    made_for = data.draw(st.sampled_from([None, Input("stretch", (416, 416)), Input("letterbox", (1280, 736))]))
    text = FORMATS[name].write(anchors, [(level, each) for level in levels], made_for)
    found = FORMATS[name].read(text)
    assert found.note == (None if name in NOTE_UNWRITTEN else made_for)
    assert found.n == n
    if name in ROUNDED and name not in LEVELS_UNWRITTEN:
        assert [level for level, _ in found.layout] == list(levels)
    got = found.anchors[[at for _, rows in found.layout for at in rows] or range(n)]
    if name in ROUNDED:
        side = ROUNDED[name](anchors)
        assert got.tolist() == [[side(w), side(h)] for w, h in anchors.tolist()]
    else:
        np.testing.assert_allclose(got, anchors, atol=0.5)


@pytest.mark.parametrize(
    ("sides", "right"),
    [
        ([[2.3125, 2.3125], [3.5, 4.25]], "2.312,2.312, 3.5,4.25"),  # cells of a 13 x 13 network
        ([[5.2, 6.6], [11.47, 9.81]], "5.2,6.6, 11.47,9.81"),
        ([[4.5, 60], [100.4, 90]], "4.5,60, 100.4,90"),
        ([[8.45, 9.07], [130.2, 137]], "8,9, 130,137"),
        ([[0.5, 40000], [1234.5, 5000.6]], "0.5,40000, 1234,5001"),
    ],
)
def test_small_sides_keep_their_decimals(sides, right):
    assert DARKNET.write(np.array(sides)) == f"anchors = {right}"


def test_paddle_has_whole_pixels_or_none():
    with pytest.raises(DataError, match=r"anchor 0.4 x 7: PaddleDetection takes whole pixels"):
        FORMATS["paddle"].write(np.array([[0.4, 7.0], [3, 9]]))


YAMLS = {
    "block": "anchors:\n  - [10,13, 16,30]  # P3/8\n  - [33,23, 60,61]  # P4/16\n",
    "block of blocks": "anchors:\n- - 10\n  - 13\n  - 16\n  - 30\n- - 33\n  - 23\n  - 60\n  - 61\n",
    "pairs": "anchors:\n  - [[10, 13], [16, 30]]\n  - [[33, 23], [60, 61]]\n",
    "flow": "anchors: [[10,13, 16,30], [33,23, 60,61]]\n",
    "flow over lines": "anchors: [\n  [10,13, 16,30],  # P3/8\n  [33,23, 60,61]   # P4/16\n]\n",
    "quoted key": "'anchors':\n  - [10,13, 16,30]\n  - [33,23, 60,61]\n",
    "quoted numbers": 'anchors: [["10", "13", "16", "30"], ["33", "23", "60", "61"]]\n',
    "texts": 'anchors: ["10,13, 16,30", "33,23, 60,61"]\n',
    "blank before the colon": "anchors : [[10,13,16,30],\n  [33,23,60,61]]\n",
    "decimals": "anchors:\n  - [1.0e+1,13.0, 16.,30]\n  - [33,23, 60,61]\n",
    "comments": "anchors:  # mine\n  # the small ones\n  - [10,13, 16,30]\n\n  - [33,23, 60,61]\n",
    "explicit key": "? anchors\n: [[10,13,16,30], [33,23,60,61]]\n",
}
BEFORE, AFTER = "# mine: anchors: 3\nnc: 80  # classes\nnames: ['a: b', \"anchors:\"]\n", "\n# end\nhead: [1, {a: b}]\n"


@pytest.mark.parametrize("name", YAMLS)
@pytest.mark.parametrize("newline", ["\n", "\r\n"])
@pytest.mark.parametrize("bom", ["", "\ufeff"])
def test_yaml_of_any_style(tmp_path, name, newline, bom):
    before, after = (text.replace("\n", newline) for text in (bom + BEFORE, AFTER))
    file = tmp_path / "m.yaml"
    file.write_bytes((before + YAMLS[name].replace("\n", newline) + after).encode())
    found = export.read(file)
    assert found.anchors.tolist() == FOUR.tolist()
    assert [rows for _, rows in found.layout] == [[0, 1], [2, 3]]
    assert found.classes == 80
    text = export.edit(file, FOUR + 1)
    assert text.startswith(before)
    assert text.endswith(after)
    assert text.count("\r\n") == (text.count("\n") if newline == "\r\n" else 0)
    old, new = yaml.safe_load(file.read_bytes()), yaml.safe_load(text)
    assert {**old, "anchors": [[11, 14, 17, 31], [34, 24, 61, 62]]} == new
    file.write_bytes(text.encode())
    assert export.edit(file, FOUR + 1) == text


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("{nc: 3, anchors: [[1,2], [3,4]], head: []}\n", "{nc: 3, anchors: FLOW, head: []}\n"),
        ('{"anchors":[[1,2],[3,4]]}', '{"anchors": FLOW}'),
        ("{nc: 3, anchors: [[1,2],  # a\n[3,4]], a: b}", "{nc: 3, anchors: FLOW, a: b}"),
        ("  nc: 3\n  anchors: [[1,2], [3,4]]\n", "  nc: 3\n  anchors:\n    - ROW1\n    - ROW2\n"),
        ("--- \nanchors: [[1,2], [3,4]]  # x", "--- \nanchors:\n  - ROW1\n  - ROW2"),
    ],
)
def test_yaml_in_braces_or_indented(text, right):
    rows = ("[10,13, 16,30]", "[33,23, 60,61]")
    right = right.replace("FLOW", f"[{rows[0]}, {rows[1]}]")
    right = right.replace("ROW1", f"{rows[0]}  # P4/16").replace("ROW2", f"{rows[1]}  # P5/32")
    assert YOLOV5.splice(text, FOUR) == right


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("a: &a [[1,2]]\nanchors: *a\n", "has an alias"),
        ("anchors:\n  - &a [1,2]\n  - *a\n", "has an alias"),
        ("anchors: &a [[1,2]]\nb: *a\n", "has a tag or an anchor of YAML"),
        ("anchors: !!seq [[1,2]]\n", "has a tag or an anchor of YAML"),
        ("anchors: [[1,2]]\nanchors: [[1,2]]\n", "got 2 blocks 'anchors:'"),
        ("anchors: [[1,2], [3,4]]\nanchor_masks: [[1], [0]]\n", "it is for PaddleDetection"),
        ("YOLOv3Head:\n  anchors: [[1,2]]\n", "got 0 blocks 'anchors:'"),
        ("anchors: [[1,2]\n", "not valid YAML (line 2: "),
        ("a: 1\n--- \nanchors: [[1,2]]\n", "not valid YAML (line 2: "),
        ("anchors: {a: 1}\n", "not a list of widths and heights"),
        ("anchors: []\n", "anchors: must have at least one (width, height), got none"),
        ("[" * 100_000, "nested too deeply"),
    ],
)
def test_yaml_that_is_not_edited(text, sentence):
    with pytest.raises(DataError, match=re.escape(sentence)):
        YOLOV5.splice(text, FOUR)


@pytest.mark.parametrize(
    "text",
    [
        "nc: 80\nscales:\n  n: [0.33, 0.25, 1024]\nhead:\n  - [[15, 18, 21], 1, Detect, [nc]]  # Detect(P3, P4, P5)\n",
        "nc: 80\nanchors: 3\nhead:\n  [\n   [[31, 34, 37, 16, 19, 22], 1, DualDDetect, [nc]],  # no anchors\n  ]\n",
        "nc: 80\nhead:\n  - [[21, 24, 27], 1, RTDETRDecoder, [nc]]\n",
    ],
    ids=["v8", "v9", "rtdetr"],
)
def test_a_model_without_anchors_is_named_so(text, tmp_path):
    file = tmp_path / "model.yaml"
    file.write_text(text)
    for use in (
        lambda: export.read(file),
        lambda: export.edit(file, FOUR),
        lambda: YOLOV5.splice(text, FOUR),
    ):
        with pytest.raises(DataError, match=r"this detector has no anchors$"):
            use()


def bomb(key):
    rows = ["a0: &a0 [1, 2]"]
    rows += [f"a{i}: &a{i} [{', '.join([f'*a{i - 1}'] * 9)}]" for i in range(1, 13)]
    return "\n".join([*rows, f"{key}: *a12", ""])


@pytest.mark.parametrize("key", ["anchors", "anchor_masks"])
def test_aliases_that_multiply_are_refused(tmp_path, key):
    """9 ** 12 numbers in 13 lines: followed, they would take weeks."""
    file = tmp_path / "m.yaml"
    file.write_text(bomb(key) + ("anchors: [[1, 2]]\n" if key != "anchors" else ""), encoding="utf-8")
    with pytest.raises(DataError, match="more than 10,000 values"):
        export.read(file)
    file.write_text(bomb("other") + "anchors: [[1, 2]]\n", encoding="utf-8")
    assert export.read(file).anchors.tolist() == [[1, 2]]  # nobody follows the others
    file.write_text("anchors: &a [*a]\n", encoding="utf-8")
    with pytest.raises(DataError, match="more than 10,000 values"):
        export.read(file)


@pytest.mark.parametrize("ending", ["yaml", "cfg", "py", "txt"])
def test_endless_files_are_refused(tmp_path, ending):
    file = tmp_path / f"m.{ending}"
    with file.open("wb") as stream:
        stream.truncate((16 << 20) + 1)
    with pytest.raises(
        DataError, match=rf"m.{ending}: cannot be read \(larger than 16 MB, the limit for YAML, cfg and name files\)"
    ):
        export.read(file)


@pytest.mark.parametrize("ending", ["yaml", "cfg", "py", "txt", "csv", "json"])
def test_blank_lines_take_no_time(tmp_path, ending):
    """Text for which a search that starts again at every line would take minutes."""
    file = tmp_path / f"m.{ending}"
    file.write_text("anchors:" + "\n" * 200_000 + " " * 200_000, encoding="utf-8")
    with pytest.raises(DataError):
        export.read(file)


@pytest.mark.parametrize(
    ("name", "text", "anchors", "layout"),
    [
        ("yolo_anchors.txt", "10,13,  16,30,  33,23,  60,61", FOUR, []),
        ("anchors.txt", "\ufeff10,13\r\n16,30\r\n33,23\r\n60,61\r\n", FOUR, []),
        ("bom.cfg", "\ufeff[net]\nwidth=64\nheight=64\n[conv]\nstride=32\n[yolo]\nmask=1,0\nanchors=1,2,3,4\nnum=2",
         [[1, 2], [3, 4]], [(5, [1, 0])]),
        ("line.cfg", "anchors = 10,13, 16,30, 33,23, 60,61\n", FOUR, []),
        ("v2.cfg", "[net]\n[conv]\nstride=16\n[region]\nanchors = 0.625,0.8125, 1.0,1.875, 2.0625,1.4375, 3.75,3.8125\n"
         "num=4\n", FOUR, [(4, [0, 1, 2, 3])]),
        ("yolov3.py", "model = dict(bbox_head=dict(anchor_generator=dict(type='YOLOAnchorGenerator', base_sizes=[\n"
         "  [(33, 23), (60, 61)], [(10, 13), (16, 30)]], strides=[32, 16])))", [[33, 23], [60, 61], [10, 13], [16, 30]],
         [(4, [2, 3]), (5, [0, 1])]),
        ("yolov5.py", "_base_ = 'x\\d.py'\nanchors = [[(10, 13), (16, 30)], [(33, 23), (60, 61)]]\n"
         "model = dict(bbox_head=dict(prior_generator=dict(base_sizes=anchors)))", FOUR, [(4, [0, 1]), (5, [2, 3])]),
        ("head.yml", "YOLOv3Head:\n  anchors: [[10, 13], [16, 30], [33, 23], [60, 61]]\n"
         "  anchor_masks: [[2, 3], [0, 1]]\n"
         "TrainReader:\n  - Gt2YoloTarget: {anchors: [[10,13],[16,30],[33,23],[60,61]]}\n", FOUR,
         [(4, [0, 1]), (5, [2, 3])]),
        ("spec.txt", 'yolov4_config {\n  big_anchor_shape: "[(33, 23), (60.0, 61.00)]"\n'
         '  mid_anchor_shape: "[(10,13),(16,30)]"  # mine\n}\n', [[33, 23], [60, 61], [10, 13], [16, 30]],
         [(4, [2, 3]), (5, [0, 1])]),
        ("a.csv", "width,height\n10,13\n16,30\n33,23\n60,61\n", FOUR, []),
    ],
)  # fmt: skip
def test_files_with_anchors(tmp_path, name, text, anchors, layout):
    file = tmp_path / name
    file.write_bytes(text.encode())
    found = export.read(str(file))
    assert found.anchors.tolist() == np.array(anchors, float).tolist()
    assert found.layout == layout


@pytest.mark.parametrize(
    ("text", "right"),
    [
        ("10,13 16,30", [[10, 13], [16, 30]]),
        (["10,13,", "16, 30"], [[10, 13], [16, 30]]),
        ("1.5e1 .5", [[15, 0.5]]),
        ("3.,1.e1", [[3, 10]]),
    ],
)
def test_anchors_from_numbers(text, right):
    assert export.read(text).anchors.tolist() == right


@pytest.mark.parametrize(
    ("name", "text", "sentence"),
    [
        ("", "10,13 16", "anchors: got 3 numbers; widths and heights come in pairs"),
        ("", "10,x", "anchors: 'x' is not a number; write widths and heights as in 10,13 16,30"),
        ("", "", "anchors: no numbers found; write widths and heights as in 10,13 16,30"),
        ("", " , ", "anchors: no numbers found"),
        ("a.txt", "", "a.txt: anchors: no numbers found"),
        ("a.txt", "# none\n\n", "a.txt: anchors: no numbers found"),
        ("a.cfg", "[net]\n[conv]\n[yolo]\nanchors=\n", "a.cfg: anchors: no numbers found"),
        ("", "10,0", "anchors[0] = (10.0, 0.0): widths and heights must be finite and > 0"),
        ("", "none.yaml", "none.yaml: cannot be read"),
        ("", "model.toml", "model.toml: must end in .yaml, .yml, .cfg, .py, .txt, .json"),
        ("a.yaml", "nc: 3\n", "got 0 blocks 'anchors:', expected one"),
        ("a.yaml", "anchors: 3.5\n", "anchors: 3.5: not a list of widths and heights"),
        ("a.yaml", "anchors:\n  - [1,2,3]\n", "anchors: got 3 numbers; widths and heights come in pairs"),
        ("a.cfg", "[net]\n", "has no anchors="),
        ("a.cfg", "anchors=1,2\nanchors=1,3\n[yolo]\nanchors=4,5\n", "has sections with different anchors="),
        (
            "a.cfg",
            "[net]\n[conv]\n[region]\nanchors=1,2\nnum=3\n",
            "line 5: num = 3: must be the number of anchors, at most 1",
        ),
        (
            "a.cfg",
            "[net]\n[conv]\n[region]\nanchors=1,2,3,4,5,6\nnum=5\n",
            "line 5: num = 5: must be the number of anchors, at most 3",
        ),
        (
            "a.cfg",
            "[net]\n[conv]\n[yolo]\nnum=2\nanchors=1,2\n",
            "line 4: num = 2: must be the number of anchors, at most 1",
        ),
        (
            "a.cfg",
            "[net]\n[conv]\n[yolo]\nanchors=1,2\nnum=999999999\n",
            "num = 999999999: must be the number of anchors, at most 1",
        ),
        ("a.cfg", "[net]\n[conv]\n[yolo]\nmask=1\nanchors=1,2\n", "mask: points to anchor 1, but there are 1"),
        ("a.cfg", "[net]\nwidth=64\n[conv]\n[yolo]\nanchors=1,2\n", "line 2: [net] has width= and no height=;"),
        ("a.cfg", "[network]\nheight=64\nanchors=1,2\n", "line 2: [network] has height= and no width=;"),
        ("a.cfg", "[net]\nletter_box=yes\n[conv]\n[yolo]\nanchors=1,2\n", "letter_box = 'yes': must be a whole number"),
        ("a.json", "[1]", "not a JSON object with a key 'anchors'"),
        ("a.json", "{", "not valid JSON"),
        ("a.csv", "w,h\n1,2\n", "must have a line with the columns width, height"),
        ("a.csv", "width,height\n1,x\n", "line 2: height = 'x': must be a number"),
        ("a.csv", "width,height\n1,2\n\n1\n", "line 4: has no height"),
        ("a.csv", "level,height,width\n4,1,\n", "line 2: has no width"),
        ("a.csv", "width,height\n1 2,3\n", "line 2: width = '1 2': must be a number"),
        ("a.py", "def f(:\n", "not valid Python (line 1: "),
        ("a.py", "x = " + "(" * 5000, "not valid Python"),
        ("a.py", "base_sizes = [18, 40]\n", "base_sizes: not a list of levels with their pairs"),
        ("a.py", "anchors = f()\n", "has no base_sizes = [[(w, h), ...], ...] and no anchors like it"),
        (
            "a.py",
            "a = dict(base_sizes=[[(1, 2)]])\nb = dict(base_sizes=[[(1, 3)]])\n",
            "has different lists of anchors",
        ),
        ("a.txt", "mine: 1,2", "anchors: 'mine:' is not a number"),
        ("a.yml", "a: {anchors: [[1,2]], anchor_masks: [[1]]}\n", "mask: points to anchor 1, but there are 1"),
        ("a.yml", "a: {anchors: [[1,2]], anchor_masks: [[x]]}\n", "anchor_masks: must be lists of whole numbers"),
    ],
)
def test_files_without_anchors(tmp_path, name, text, sentence):
    if name:
        file = tmp_path / name
        file.write_text(text, encoding="utf-8")
        text = str(file)
    with pytest.raises(DataError, match=re.escape(sentence)) as caught:
        export.read(text)
    assert str(caught.value).startswith(text if name else "")
    assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    ("lines", "size", "fit"),
    [
        (["img_scale = (640, 384)  # width, height"], (640, 384), None),
        (["a = [dict(type='Resize', scale=(608, 608), keep_ratio=True)]"], (608, 608), "letterbox"),
        (["a = [dict(type='Resize', scale=(320, 320), keep_ratio=False)]"], (320, 320), "stretch"),
        (["a = [{'type': 'Resize', 'scale': (1333, 800), 'keep_ratio': True}]"], None, "letterbox"),
        (["input_size = (9, 9)", "a = dict(type='Resize', scale=input_size, keep_ratio=True)"], (9, 9), "letterbox"),
        (["a = [dict(type='Resize', scale=(1, 1)), dict(type='Resize', scale=(2, 2), keep_ratio=True)]"], None, None),
        ([], None, None),
    ],
)  # fmt: skip
def test_the_input_that_a_python_configuration_says(lines, size, fit):
    found = FORMATS["mmdet"].read("\n".join([*lines, "base_sizes = [[(1, 2)]]", "num_classes = 7"]))
    assert (found.img_size, found.fit, found.classes) == (size, fit, 7)


@pytest.mark.slow
def test_a_yaml_with_too_many_values_is_refused():
    with pytest.raises(DataError, match="more than 100,000 values; a detector's configuration has fewer"):
        YOLOV5.read("anchors: [[1, 2]]\nhead: [" + "1," * 100_001 + "]")


def test_a_region_head_is_edited_in_cells():
    cfg = (
        "[net]\nwidth=416\nheight=416\n[convolutional]\nstride=32\nfilters=425\n"
        "[region]\nanchors =  0.57273, 0.677385, 9.77052, 9.16828\nclasses=80\ncoords=4\nnum=2\n"
    )
    after = DARKNET.splice(cfg, np.array([[18.5, 21.7], [63.1, 70], [312.66, 293.4]]))
    expected = cfg.replace("0.57273, 0.677385, 9.77052, 9.16828", "0.5781,0.6781, 1.972,2.188, 9.771,9.169")
    assert after == expected.replace("filters=425", "filters=255").replace("num=2", "num=3")
    found = DARKNET.read(after)
    assert found.anchors.tolist() == [[0.5781 * 32, 0.6781 * 32], [1.972 * 32, 2.188 * 32], [9.771 * 32, 9.169 * 32]]
    assert found.layout == [(5, [0, 1, 2])]


def test_anchors_that_look_like_cells_are_remarked(tmp_path):
    file = tmp_path / "yolo_anchors.txt"
    file.write_text("0.57273, 0.677385, 1.87446, 2.06253, 9.77052, 9.16828")
    assert "if they are in cells" in export.read(file).why


def line_format(key):
    """A dialect of its own ending, whose files have one line ``key = w h w h ...``."""
    written = re.compile(rf"(?m)^{key} = (.*)$")

    def write(content):
        return "\n".join([*content.note, f"{key} = {' '.join(map(repr, content.anchors.ravel().tolist()))}"])

    def read(text):
        return Config(from_words(written.search(text)[1]), [])

    def splice(text, anchors, levels, made_for):
        return written.sub(write(dialect.content(anchors, levels, made_for)), text)

    dialect = Dialect(Needs(f"board {key}", endings=(".board",), mark=written.pattern), write, read, splice)
    return dialect


@pytest.mark.parametrize("keys", [["one"], ["one", "two"]])
def test_an_added_format_is_read_and_edited(tmp_path, monkeypatch, keys):
    for key in keys:
        monkeypatch.setitem(FORMATS, key, line_format(key))
    file = tmp_path / "m.board"
    for key in keys:
        file.write_text(f"; mine\n{key} = 1 2 3 4\n; end\n")
        assert export.read(file).anchors.tolist() == [[1, 2], [3, 4]]
        assert export.read_edited(file).n == 2
        assert export.edit(file, FOUR) == f"; mine\n{key} = 10.0 13.0 16.0 30.0 33.0 23.0 60.0 61.0\n; end\n"
    names = " or ".join(f"board {key}" for key in keys)
    file.write_text("three = 1 2\n")
    for use in (export.read, export.read_edited, lambda file: export.edit(file, FOUR)):
        with pytest.raises(DataError, match=f"m.board: not recognised; expected anchors for {names}$"):
            use(file)


@pytest.mark.parametrize(("levels", "expected"), [((1, 1), "expected 1 for"), ((2, 3), "expected 2 to 3 for")])
def test_a_number_of_levels_that_a_detector_has_not(levels, expected):
    dialect = Dialect(Needs("a board", levels=levels), lambda content: "", lambda text: Config(FOUR, []))
    with pytest.raises(DataError, match=f"^levels: got 4, {expected} a board$"):
        dialect.content(FOUR, [(2, 1), (3, 1), (4, 1), (5, 1)], None)


BOXES_TAKEN_FOR_ANCHORS = {
    "convert": ("a.csv", "xmin,ymin,width,height,image\n1,2,3,4,a.jpg\n", "a table of boxes, not of anchors (1 row)"),
    "no places": ("a.csv", "width,height,image_id\n3,4,1\n5,6,2\n", "a table of boxes, not of anchors (2 rows)"),
    "classes": ("a.csv", "Class Name,width,height\ncat,3,4\n", "a table of boxes, not of anchors (1 row)"),
    "centres": ("a.csv", "bbox_x_center,width,height\n3,4,5\n", "a table of boxes, not of anchors (1 row)"),
    "many rows": ("a.csv", "width,height\n" + "3,4\n" * 1234, "a table of boxes, not of anchors (1,234 rows)"),
    "many lines": ("a.txt", "3 4\n" * 101, "a table of boxes, not of anchors (101 lines)"),
    "label file": ("a.txt", "0 0.5 0.5 0.2 0.3\n1 0.5 0.5 0.1 0.1\n", "a YOLO label file"),
    "one label": ("a.txt", "3 0.5 0.5 0.2 0.3\n", "a YOLO label file"),
    "scores": ("a.txt", "1 0.5 0.5 0.2 0.3 0.9\n2 0.5 0.5 0.2 0.3 0.8\n", "a YOLO label file"),
    "polygon": ("a.txt", "1 0.5 0.5 0.2 0.3 0.9 0.8\n", "a YOLO label file"),
    "JSON of boxes": ("a.json", '[{"bbox": [1, 2, 3, 4]}]', "a list of boxes, not of anchors (1 box)"),
    "JSON of corners": ("a.json", "[[1, 2, 3, 4], [1, 2, 3, 4]]", "a list of boxes, not of anchors (2 boxes)"),
    "COCO": ("a.json", '{"images": [], "annotations": [{"id": 1}]}', "a list of boxes, not of anchors (1 box)"),
}


@pytest.mark.parametrize(("name", "text", "sentence"), BOXES_TAKEN_FOR_ANCHORS.values(), ids=BOXES_TAKEN_FOR_ANCHORS)
def test_boxes_are_not_scored_as_anchors(tmp_path, name, text, sentence):
    file = tmp_path / name
    file.write_text(text)
    with pytest.raises(DataError) as caught:
        export.read(file)
    assert str(caught.value).startswith(f"{file}: is {sentence}")


@pytest.mark.parametrize(
    ("name", "text", "n"),
    [
        ("a.csv", "level,stride,width,height\n" + "4,16,3,4\n" * 200, 200),
        ("a.csv", "name,width,height\nsmall,3,4\n", 1),
        ("a.csv", "width,height\n" + "3,4\n" * 100, 100),
        ("a.txt", "3,4, " * 300, 300),
        ("a.txt", "1,1 0.5,0.5 0.2,0.2\n", 3),
        ("a.txt", "[[10,13],\n [16,30]]\n", 2),
        ("a.txt", "10x13\n16x30\n33x23\n", 3),
    ],
)
def test_files_of_anchors_stay_readable(tmp_path, name, text, n):
    (tmp_path / name).write_text(text)
    assert len(export.read(tmp_path / name).anchors) == n


@pytest.mark.parametrize(
    "text",
    [
        "10,13 16,30", "[10,13, 16,30]", "[[10,13],[16,30]]", "(10, 13), (16, 30)", "10x13,16x30", "10 x 13  16 x 30",
        "10X13 16X30", "10\N{MULTIPLICATION SIGN}13 16\N{MULTIPLICATION SIGN}30", "[[10.0, 13.], [1.6e1, 30.]]",
    ],
)  # fmt: skip
def test_anchors_are_typed_in_the_usual_ways(text):
    assert export.read(text).anchors.tolist() == [[10, 13], [16, 30]]
    assert all(map(export.is_numbers, text.split()))
    assert export.read(text.split()).anchors.tolist() == [[10, 13], [16, 30]]


@pytest.mark.parametrize("text", ["10x", "x10,13", "10x13x16,30", "10 y 13", "{10,13}", "[]"])
def test_anchors_are_not_guessed(text):
    with pytest.raises(DataError, match="anchors: "):
        export.read(text)
