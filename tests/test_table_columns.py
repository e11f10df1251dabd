"""What the columns of tables mean: the box, its image, and what is refused because it could be either."""

import io
import json
import re
import sys

import numpy as np
import pytest

import fastanchor
from fastanchor import Boxes, DataError
from fastanchor.cli import main
from fastanchor.datasets import detect, iter_images, reading, table

from labels import png


def put(path, text, encoding="utf-8"):
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(text.encode(encoding))
    return path


def run(capsys, *arguments):
    code = main([str(one) for one in arguments])
    captured = capsys.readouterr()
    return code, captured.out, captured.err


# --- the size of the image is not that of the box

# header and row of a box 30 x 40 at (10, 20) in an image 640 x 480
BOTH = {
    "wheat": ("image_id,width,height,bbox,source", 'a,640,480,"[10.0, 20.0, 30.0, 40.0]",usask'),
    "wheat, the text once more": ("image_id,width,height,bbox,x,y,w,h", 'a,640,480,"[1, 2, 3, 4]",10,20,30,40'),
    "tuple": ("image_id,w,h,bounding_box", 'a,640,480,"(10, 20, 30, 40)"'),
    "x y w h": ("filename,width,height,class,x,y,w,h", "a.jpg,640,480,c,10,20,30,40"),
    "bbox_width": ("filename,width,height,class,bbox_x,bbox_y,bbox_width,bbox_height", "a.jpg,640,480,c,10,20,30,40"),
    "x y bbox_width": ("filename,width,height,x,y,bbox_width,bbox_height", "a.jpg,640,480,10,20,30,40"),
    "GTSRB": ("Filename;Width;Height;Roi.X1;Roi.Y1;Roi.X2;Roi.Y2;ClassId", "a.png;640;480;10;20;40;60;7"),
    "x_min": ("filename,class,x_min,y_min,x_max,y_max,width,height", "a.jpg,c,10,20,40,60,640,480"),
    "xmin with the box's sides": ("filename,xmin,ymin,bbox_width,bbox_height,width,height", "a,10,20,30,40,640,480"),
    "x0": ("filename,x0,y0,x1,y1,width,height", "a.jpg,10,20,40,60,640,480"),
    "centre": ("filename,width,height,x_center,y_center,box_width,box_height", "a.jpg,640,480,25,40,30,40"),
    "makesense.ai": ("label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height",
                     "c,10,20,30,40,a.jpg,640,480"),
    "TensorFlow": ("filename,width,height,class,xmin,ymin,xmax,ymax", "a.jpg,640,480,c,10,20,40,60"),
    "ours": ("xmin,ymin,width,height,image,image_width,image_height,class", "10,20,30,40,0,640,480,c"),
}  # fmt: skip


@pytest.mark.parametrize(("header", "row"), BOTH.values(), ids=BOTH)
def test_the_more_specific_columns_are_the_box(tmp_path, header, row):
    boxes = fastanchor.read(put(tmp_path / "a.csv", f"{header}\n{row}\n"))
    assert boxes.wh.tolist() == [[30, 40]]
    assert boxes.xy.tolist() == [[10, 20]]
    assert boxes.image_wh.tolist() == [[640, 480]]
    assert boxes.skipped == {}


def test_sides_of_the_box_without_its_place(tmp_path):
    file = put(tmp_path / "a.csv", "filename,width,height,bbox_width,bbox_height\na,640,480,30,40\n")
    boxes = fastanchor.read(file)
    assert (boxes.wh.tolist(), boxes.image_wh.tolist(), boxes.xy) == ([[30, 40]], [[640, 480]], None)


@pytest.mark.parametrize(
    ("header", "row", "named"),
    [
        ("filename,width,height,x_max,y_max", "a.jpg,640,480,40,60", "'width' and 'height' beside 'x_max', 'y_max'"),
        ("filename,width,height,polygon", 'a.jpg,640,480,"1 2 3"', "beside 'polygon'"),
        ("filename,width,height,x1,y1,x2,y2,x3,y3,x4,y4", "a,640,480,1,2,3,4,5,6,7,8", "beside 'x1', 'y1', 'x2', 'y2'"),
        ("image,width,height,box_data", "a.jpg,640,480,q", "beside 'box_data'"),
    ],
)
def test_what_stays_unclear_is_refused(tmp_path, capsys, header, row, named):
    file = put(tmp_path / "a.csv", f"{header}\n{row}\n")
    with pytest.raises(DataError, match=f"may be the image's or the box's .*{named}.*; see columns"):
        fastanchor.read(file)
    code, out, err = run(capsys, "stats", file)
    assert (code, out) == (2, "")
    assert "give --columns" in err
    assert fastanchor.read(file, columns=("width", "height")).wh.tolist() == [[640, 480]]


def test_columns_of_ones_own(tmp_path):
    file = put(tmp_path / "a.csv", "file,width,height,a,b,c,d\nx.jpg,640,480,10,20,30,40\n")
    boxes = fastanchor.read(file, columns=("a", "b", "c", "d"))
    assert (boxes.wh.tolist(), boxes.image_wh.tolist()) == ([[20, 20]], [[640, 480]])
    boxes = fastanchor.read(file, columns=("a", "b", "c", "d"), form="xywh")
    assert (boxes.wh.tolist(), boxes.xy.tolist()) == ([[30, 40]], [[10, 20]])
    boxes = fastanchor.read(file, columns=("a", "b", "c", "d"), form="cxcywh")
    assert (boxes.wh.tolist(), boxes.xy.tolist()) == ([[30, 40]], [[-5, 0]])
    assert fastanchor.read(file, columns=("C", "d ")).wh.tolist() == [[30, 40]]


@pytest.mark.parametrize(("form", "wh"), [(None, [30, 40]), ("xywh", [30, 40]), ("xyxy", [20, 20])])
def test_bbox_in_another_form(tmp_path, form, wh):
    file = put(tmp_path / "a.csv", 'image_id,width,height,bbox\na,640,480,"[10, 20, 30, 40]"\n')
    assert fastanchor.read(file, form=form).wh.tolist() == [wh]


@pytest.mark.parametrize("odd", ["", "b\n"])
@pytest.mark.parametrize("arrow", [True, False])
def test_bbox_without_sizes(tmp_path, monkeypatch, odd, arrow):
    if arrow:
        pytest.importorskip("pyarrow")
    else:
        monkeypatch.delitem(sys.modules, "pyarrow", raising=False)
    file = put(tmp_path / "a.csv", f'image_id,bbox\na,"[10, 20, 30, 40]"\n{odd}')
    boxes = fastanchor.read(file, source_size=(90, 80))
    assert (boxes.wh.tolist(), boxes.xy.tolist()) == ([[30, 40]], [[10, 20]])
    assert sum(boxes.skipped.values()) == len(odd) // 2


def test_bbox_that_cannot_be_read(tmp_path):
    rows = ['a,9,9,"[1, 2, 3, 4]"', 'a,9,9,"[1, 2, 3]"', "a,9,9,none", "b,9,9,", 'c,9,9,"[1, 2, -3, 4]"']
    said = []
    boxes = fastanchor.read(
        put(tmp_path / "a.csv", "image_id,width,height,bbox\n" + "\n".join(rows)), report=said.append
    )
    assert boxes.wh.tolist() == [[3, 4]]
    assert boxes.files == ("a", "b", "c")  # b is an image without a box
    assert boxes.skipped == {"box with unreadable coordinates": 2, "box with negative width or height": 1}
    assert "a.csv, line 3: box with unreadable coordinates" in said[0]


@pytest.mark.parametrize(
    ("header", "row"),
    [
        ("filename,cell_type,xmin,xmax,ymin,ymax", "a.jpg,c,10,40,20,60"),
        (
            "label_name,bbox_x,bbox_y,bbox_width,bbox_height,image_name,image_width,image_height",
            "c,10,20,30,40,a.jpg,64,48",
        ),
        ("path,class_name,left,top,right,bottom", "a.jpg,c,10,20,40,60"),
        ("img_path,category,xtl,ytl,xbr,ybr", "a.jpg,c,10,20,40,60"),
    ],
)
def test_names_of_images_and_classes(tmp_path, header, row):
    boxes = fastanchor.read(put(tmp_path / "a.csv", f"{header}\n{row}\n"), source_size=(64, 48))
    assert (boxes.wh.tolist(), boxes.class_names, boxes.files) == ([[30, 40]], ("c",), ("a.jpg",))


# --- sizes of images

CORNERS = "filename,class,xmin,ymin,xmax,ymax\n"
TWO = "a.png,c,10,20,40,60\nb.png,c,0,0,50,30\na.png,c,0,0,10,10\n"


def test_sizes_come_from_the_images_beside(tmp_path, capsys):
    file = put(tmp_path / "set" / "a.csv", CORNERS + TWO)
    boxes = fastanchor.read(file)
    assert (boxes.image_wh, boxes.files) == (None, ("a.png", "b.png"))
    assert [(one.kind, one.doubt) for one in boxes.remarks] == [("unknown image sizes", True)]
    assert "not scaled to the network input; see source_size" in boxes.remarks[0].text
    with pytest.raises(DataError, match="not scaled"):
        fastanchor.read(file, strict=True)
    code, out, _ = run(capsys, "stats", file, "--json", "--quiet")
    assert (code, json.loads(out)["images"]) == (0, 2)
    by_hand = fastanchor.read(file, source_size=(100, 80))
    assert by_hand.image_wh.tolist() == [[100, 80]] * 2
    png(tmp_path / "set" / "a.png", (200, 100))
    png(tmp_path / "set" / "b.png", (320, 240))
    boxes = fastanchor.read(file)
    assert boxes.image_wh.tolist() == [[200, 100], [320, 240]]
    assert boxes.remarks == ()
    (tmp_path / "images").mkdir()
    for name in ("a.png", "b.png"):
        (tmp_path / "set" / name).rename(tmp_path / "images" / name)
    assert fastanchor.read(file).image_wh.tolist() == [[200, 100], [320, 240]]
    anchors = {
        fastanchor.auto_anchor(fastanchor.read(file), n=2, gen=0, img_size=n).anchors.tobytes() for n in (320, 640)
    }
    assert len(anchors) == 2


@pytest.mark.parametrize("command", [["stats"], ["anchors", "--gen", 5, "--n", 1], ["check", "--anchors", "30,40"]])
def test_images_without_sizes_are_counted(tmp_path, capsys, command):
    file = put(tmp_path / "a.csv", CORNERS + TWO)
    code, out, _ = run(capsys, command[0], file, *command[1:])
    assert code == 0
    assert "a.csv: 3 boxes on 2 images, without the sizes of their images\n" in out
    assert run(capsys, "convert", file, "-o", tmp_path / "b.csv")[0] == 0
    boxes = fastanchor.read(tmp_path / "b.csv")
    assert (boxes.files, boxes.image_index.tolist(), boxes.image_wh) == (("a.png", "b.png"), [0, 1, 0], None)


def test_a_size_of_zero_is_none(tmp_path):
    rows = "a.png,0,0,c,0,0,3,4\nb.png,9,8,c,0,0,5,6\nb.png,0,8,c,0,0,1,2\n"
    file = put(tmp_path / "a.csv", "filename,width,height,class,xmin,ymin,xmax,ymax\n" + rows)
    boxes = fastanchor.read(file)
    assert (boxes.wh.tolist(), boxes.image_wh.tolist()) == ([[5, 6], [1, 2]], [[9, 8]])
    assert boxes.skipped == {"image size missing": 1, "box of an image without a size": 1}
    assert fastanchor.read(file, source_size=(7, 7)).image_wh.tolist() == [[7, 7], [9, 8]]
    png(tmp_path / "a.png", (50, 40))
    assert fastanchor.read(file).image_wh.tolist() == [[50, 40], [9, 8]]


@pytest.mark.parametrize("unit", [None, "relative"])
def test_relative_beside_sizes_in_pixels(tmp_path, unit):
    text = "filename,width,height,class,xmin,ymin,xmax,ymax\na.jpg,1000,500,c,0.1,0.1,0.2,0.3\n"
    boxes = fastanchor.read(put(tmp_path / "a.csv", text), unit=unit)
    np.testing.assert_allclose(boxes.wh, [[100, 100]])
    np.testing.assert_allclose(boxes.xy, [[100, 50]])
    assert [one.kind for one in boxes.remarks] == ["relative coordinates"] * (unit is None)
    pixels = fastanchor.read(tmp_path / "a.csv", unit="pixels")
    np.testing.assert_allclose(pixels.wh, [[0.1, 0.2]])
    assert [(one.kind, one.doubt) for one in pixels.remarks] == [("unit of the coordinates", True)]


def test_one_box_in_pixels_makes_all_of_them_pixels(tmp_path):
    text = "filename,width,height,xmin,ymin,xmax,ymax\na,1000,500,0.1,0.1,0.2,0.3\nb,1000,500,0,0,1.5,1\n"
    assert fastanchor.read(put(tmp_path / "a.csv", text)).wh.tolist()[1] == [1.5, 1]


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_relative_without_sizes_is_remembered(tmp_path, capsys, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    file = put(tmp_path / "a.csv", CORNERS + "a,c,0.1,0.1,0.6,0.35\nb,c,0,0,0.9,1\n")
    first = fastanchor.read(file)
    assert run(capsys, "convert", file, "-o", tmp_path / f"b.{ending}", "--quiet")[0] == 0
    second = fastanchor.read(tmp_path / f"b.{ending}")
    for boxes in (first, second):
        assert boxes.image_wh.tolist() == [[1, 1], [1, 1]]
        assert ("unknown image sizes", True) in [(one.kind, one.doubt) for one in boxes.remarks]
    assert np.array_equal(first.wh, second.wh)


def test_a_table_of_sizes_beside(tmp_path):
    file = put(tmp_path / "boxes.csv", CORNERS + TWO)
    put(tmp_path / "image_sizes.csv", "filename,width,height\na.png,200,100\nb,320,240\n")
    assert fastanchor.read(file).image_wh.tolist() == [[200, 100], [320, 240]]
    assert fastanchor.read(tmp_path).image_wh.tolist() == [[200, 100], [320, 240]]


# --- folders, splits, and tables without a header


def test_roboflow_csv_at_its_root(tmp_path):
    header = "filename,width,height,class,xmin,ymin,xmax,ymax\n"
    for part, side in (("train", 3), ("valid", 4), ("test", 5)):
        put(tmp_path / part / "_annotations.csv", f"{header}{part}.jpg,90,80,c,0,0,{side},{side}\n")
    assert detect(tmp_path) == "table"
    boxes = fastanchor.read(tmp_path)
    assert sorted(zip(boxes.files, boxes.split, boxes.wh[:, 0].tolist(), strict=True)) == [
        ("test.jpg", "test", 5), ("train.jpg", "train", 3), ("valid.jpg", "val", 4)
    ]  # fmt: skip
    assert fastanchor.read(tmp_path, split="val+test").wh[:, 0].tolist() in ([4, 5], [5, 4])
    assert fastanchor.read(tmp_path, split="auto").files == ("train.jpg",)
    with pytest.raises(DataError, match="split = 'dev': must be 'all' or one of 'train', 'val', 'test'"):
        fastanchor.read(tmp_path, split="dev")


def test_one_of_several_tables_that_cannot_be_read(tmp_path):
    put(tmp_path / "a.csv", "width,height\n3,4\n")
    put(tmp_path / "b.csv", "width,height\n\n9,\x00\n")
    put(tmp_path / "c.csv", "x1,y1,x2,y2\n0,0,5,6\n")  # boxes with places: the others could be tables of images
    assert fastanchor.read(tmp_path).wh.tolist() == [[5, 6]]
    (tmp_path / "c.csv").unlink()
    boxes = fastanchor.read(tmp_path)
    assert boxes.wh.tolist() == [[3, 4]]
    assert sum(boxes.skipped.values()) == 1


def test_tables_of_several_kinds_are_one(tmp_path):
    put(tmp_path / "a.csv", "file,x1,y1,x2,y2,class\na,1,1,4,5,c\n")
    put(tmp_path / "b.csv", "file,x,y,w,h,class\nb,1,1,5,6,d\n")
    boxes = fastanchor.read(tmp_path)
    assert (boxes.wh.tolist(), boxes.files, boxes.class_names) == ([[3, 4], [5, 6]], ("a", "b"), ("c", "d"))


@pytest.mark.parametrize("first", ["img/a.jpg,10,20,40,60,cat", "img/b.jpg,,,,,"])
def test_keras_retinanet(tmp_path, first):
    rows = [first, "img/a.jpg,0,0,5,6,dog", "img/c.jpg,,,,,"]
    boxes = fastanchor.read(put(tmp_path / "train.csv", "\n".join(rows)), source_size=(90, 80))
    assert boxes.wh.tolist()[-1] == [5, 6]
    assert len(boxes) == (2 if "cat" in first else 1)
    assert "img/c.jpg" in boxes.files
    assert len(boxes.image_wh) == len(boxes.files) == (2 if "cat" in first else 3)
    assert boxes.skipped == {}


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be"])
def test_utf_16(tmp_path, encoding):
    text = "filename;width;height;class;xmin;ymin;xmax;ymax\né.jpg;90;80;ü;1;2;4;6\n"
    file = put(tmp_path / "a.csv", ("" if encoding == "utf-16" else "\ufeff") + text, encoding)
    boxes = fastanchor.read(file)
    assert (boxes.wh.tolist(), boxes.class_names, boxes.files) == ([[3, 4]], ("ü",), ("é.jpg",))


def test_open_images_with_annotations(tmp_path):
    header = "ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax\n"
    for part in ("train", "validation"):
        put(tmp_path / "annotations" / f"{part}-annotations-bbox.csv", f"{header}{part[0]},x,c,1,0.1,0.6,0,0.5\n")
    png(tmp_path / "train" / "t.png", (200, 100))
    png(tmp_path / "validation" / "v.png", (100, 50))
    assert detect(tmp_path) == "openimages"
    boxes = fastanchor.read(tmp_path)
    np.testing.assert_allclose(boxes.wh, [[100, 50], [50, 25]])
    assert boxes.split == ("train", "val")
    assert fastanchor.read(tmp_path, split="train").files == ("t",)


# --- what is no table


@pytest.mark.parametrize("text", ['{"a": 1}', "[1, 2]", "<html></html>", "\ufeff {}"])
def test_standard_input_that_is_no_table(monkeypatch, text):
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    with pytest.raises(DataError, match=r"-: (?!.*columns).*(JSON|HTML)"):
        fastanchor.read("-")


# --- Parquet as Hugging Face has it

OBJECTS = [
    {"bbox": [[10, 20, 30, 40], [0, 0, 5, 6]], "category": [1, 0]},
    {"bbox": [], "category": []},
    {"bbox": [[1, 1, 7, 8]], "category": [1]},
]


@pytest.fixture
def parquet(tmp_path):
    arrow, module = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")

    def write(columns, metadata=None, name="train-00000-of-00001.parquet"):
        made = arrow.table(columns)
        module.write_table(made.replace_schema_metadata(metadata), tmp_path / name, row_group_size=2)
        return tmp_path / name

    return write


HUGGING = {"image_id": [7, 8, 9], "width": [640, 64, 90], "height": [480, 48, 80]}
LISTS = {
    "struct of lists": {**HUGGING, "objects": OBJECTS},
    "list of structs": {**HUGGING, "objects": [[{"bbox": b, "category": c} for b, c in zip(*o.values(), strict=True)]
                                               for o in OBJECTS]},
    "lists": {"file_name": ["7", "8", "9"], "width": [640, 64, 90], "height": [480, 48, 80],
              "bbox": [o["bbox"] for o in OBJECTS], "label": [o["category"] for o in OBJECTS]},
    "a list for each side": {**HUGGING, "label": [9, 9, 9], "objects": [
        {"label": o["category"], **{name: [box[i] for box in o["bbox"]] for i, name in enumerate(("x", "y", "w", "h"))}}
        for o in OBJECTS]},
    "a list for each side, called as those of the image": {**HUGGING, "objects": [
        [{"width": w, "height": h, "x": x, "y": y, "label": label}
         for (x, y, w, h), label in zip(*o.values(), strict=True)] for o in OBJECTS]},
    "with an image": {**HUGGING, "objects": OBJECTS, "image": [{"bytes": b"x", "path": f"{i}"} for i in (7, 8, 9)]},
}  # fmt: skip


@pytest.mark.parametrize("columns", LISTS.values(), ids=LISTS)
def test_boxes_in_lists(parquet, columns):
    boxes = fastanchor.read(parquet(columns))
    assert boxes.wh.tolist() == [[30, 40], [5, 6], [7, 8]]
    assert boxes.xy.tolist() == [[10, 20], [0, 0], [1, 1]]
    assert boxes.image_wh.tolist() == [[640, 480], [64, 48], [90, 80]]
    assert boxes.image_index.tolist() == [0, 0, 2]
    assert boxes.files == ("7", "8", "9")
    assert [boxes.class_names[i] for i in boxes.class_index] == ["1", "0", "1"]


def test_names_of_classes_in_the_schema(parquet):
    feature = {"bbox": {}, "category": {"names": ["ant", "bee", "cat"], "_type": "ClassLabel"}}
    known = {"info": {"features": {"objects": {"feature": feature, "_type": "Sequence"}}}}
    boxes = fastanchor.read(parquet(LISTS["struct of lists"], {"huggingface": json.dumps(known)}))
    assert boxes.class_names == ("ant", "bee", "cat")
    assert boxes.class_index.tolist() == [1, 0, 1]


def test_lists_that_are_no_boxes(parquet):
    objects = [{"bbox": [[1, 2, 3, 4], [1, 2, 3], None]}, {"bbox": None}, {"bbox": [[5, 6, 7, 0]]}]
    said = []
    file = parquet({**HUGGING, "objects": objects})
    boxes = fastanchor.read(file, report=said.append)
    assert boxes.wh.tolist() == [[3, 4]]
    assert boxes.skipped == {"box with unreadable coordinates": 2, "box with zero width or height": 1}
    file = parquet({**HUGGING, "objects": [{"bbox": [[1, 2, 3, 4]], "category": [1, 2]}] * 3})
    with pytest.raises(DataError, match="lists of different lengths in a row"):
        fastanchor.read(file)


@pytest.mark.parametrize("name", ["struct of lists", "list of structs"])
def test_corners_in_lists(parquet, name):
    """The schema does not say what the numbers are; corners read as sides reach beyond the image, which is a doubt."""
    corners = [[(10, 20, 40, 60)] * 5, [], [(1, 1, 8, 9)]]
    objects = [{"bbox": own, "category": [0] * len(own)} for own in corners]
    if name == "list of structs":
        objects = [[{"bbox": box, "category": 0} for box in one["bbox"]] for one in objects]
    file = parquet({"image_id": [7, 8, 9], "width": [45, 64, 8], "height": [64, 48, 9], "objects": objects})
    assert fastanchor.read(file, form="xyxy", strict=True).wh.tolist() == [[30, 40]] * 5 + [[7, 8]]
    (doubt,) = (remark for remark in fastanchor.read(file).remarks if remark.doubt)
    assert doubt.text.startswith("6 boxes beyond their images")


def test_a_box_a_row(parquet):
    rows = {"image_id": ["a", "a", "b"], "width": [64, 64, 90], "height": [48, 48, 80]}
    wanted = [[3, 4], [7, 8], [5, 6]]
    for bbox in ([[1.0, 2, 3, 4], [0, 0, 7, 8], [0, 0, 5, 6]], ["[1, 2, 3, 4]", "0 0 7 8", "0,0,5,6"]):
        boxes = fastanchor.read(parquet({**rows, "bbox": bbox}))
        assert boxes.wh.tolist() == wanted
        assert boxes.image_index.tolist() == [0, 0, 1]
        assert boxes.image_wh.tolist() == [[64, 48], [90, 80]]


def test_a_folder_of_parquet(tmp_path, parquet):
    for part in ("train", "test"):
        parquet(LISTS["struct of lists"], name=f"{part}-00000-of-00001.parquet")
    assert detect(tmp_path) == "table"
    assert len(fastanchor.read(tmp_path)) == 6
    assert fastanchor.read(tmp_path, split="test").split == ("test",) * 3


def test_images_without_boxes_are_no_table(parquet):
    file = parquet({"image": [{"bytes": b"x", "path": "a"}], "label": [1]})
    with pytest.raises(DataError, match=r"no columns of boxes \(expected width and height.*; got 'image', 'label'"):
        fastanchor.read(file)


# --- out and back


@pytest.mark.parametrize("ending", ["csv", "parquet"])
@pytest.mark.parametrize("sized", [True, False])
def test_every_column_comes_back(tmp_path, ending, sized):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    rng = np.random.default_rng(3)
    boxes = Boxes(
        rng.uniform(1, 90, (50, 2)),
        image_index=rng.integers(0, 6, 50),  # the last two have no box
        image_wh=rng.integers(200, 900, (8, 2)) if sized else None,
        class_index=np.arange(50) % 3,
        class_names=("ant", "bee", "cat, grey"),
        xy=rng.uniform(-5, 90, (50, 2)),
        split=("train", "val", "", "val") * 2,
        files=tuple(f"x/{i} é.jpg" for i in range(7, -1, -1)),
    )
    table.write(boxes, tmp_path / f"a.{ending}")
    again = fastanchor.read(tmp_path / f"a.{ending}")
    for name in ("wh", "xy", "image_index", "image_wh", "class_index"):
        np.testing.assert_array_equal(getattr(again, name), getattr(boxes, name), err_msg=name)
    assert (again.files, again.split, again.class_names) == (boxes.files, boxes.split, boxes.class_names)
    part = fastanchor.read(tmp_path / f"a.{ending}", split="val")
    assert (set(part.split), len(part.files)) == ({"val"}, 4)
    with pytest.raises(DataError, match="split = 'test': must be 'all' or one of 'train', 'val'"):
        fastanchor.read(tmp_path / f"a.{ending}", split="test")
    without = fastanchor.read(tmp_path / f"a.{ending}", places=False)
    assert without.xy is None
    np.testing.assert_array_equal(without.wh, boxes.wh)
    if sized:
        (one, *_), all_of = iter_images(tmp_path / f"a.{ending}", limit=1), iter_images(tmp_path / f"a.{ending}")
        assert one.boxes.tolist() == np.hstack([boxes.xy, boxes.xy + boxes.wh])[boxes.image_index == 0].tolist()
        assert sum(len(image.boxes) for image in all_of) == 50


@pytest.mark.parametrize("form", ["csv", "parquet"])
def test_rows_are_named_where_they_stand(tmp_path, form):
    rows = [(1, 1, 4, 5), (3, 3, 3, 9), (0, 0, 5, 6), (9, 9, 2, 11)]
    file = tmp_path / f"a.{form}"
    if form == "csv":
        put(file, "image,x1,y1,x2,y2\n" + "".join(f"{i % 2},{','.join(map(str, row))}\n" for i, row in enumerate(rows)))
    else:
        arrow, module = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        columns = dict(zip(("x1", "y1", "x2", "y2"), map(list, zip(*rows, strict=True)), strict=True))
        module.write_table(arrow.table({"image": [0, 1, 0, 1], **columns}), file)
    said = []
    fastanchor.read(file, source_size=(90, 90), report=said.append)
    places = sorted(re.search("(line|row) ([0-9]+)", one)[0] for one in said if "box with" in one)
    assert places == (["line 3", "line 5"] if form == "csv" else ["row 1", "row 3"])


# --- tables without a header

PLACES = [(10, 20, 40, 60), (5, 6, 25, 36), (0, 0, 50, 40)]
NO_HEADER = {
    "keras-retinanet": ("{i}.jpg,{},{},{},{},cat", {}),
    "keras-retinanet without a class": ("images/{i}.png,{},{},{},{}", {}),
    "blank lines": ("\n\n{i}.jpg,{},{},{},{},cat\n", {}),
    "numbers and a class, by position": ("{i},{},{},{},{},cat", {"columns": ["1", "2", "3", "4"]}),
    "class first, by position": ("cat,{},{},{},{},{i}.jpg", {"columns": ["1", "2", "3", "4"]}),
    "seven columns, by position": ("x,{i}.jpg,cat,{},{},{},{}", {"columns": ["3", "4", "5", "6"]}),
}


@pytest.mark.parametrize(("line", "options"), NO_HEADER.values(), ids=NO_HEADER)
def test_the_first_row_of_a_table_without_a_header_counts(tmp_path, line, options):
    rows = [line.format(*box, i=i) for i, box in enumerate(PLACES)]
    boxes = fastanchor.read(put(tmp_path / "a.csv", "\n".join(rows)), **options)
    assert boxes.wh.tolist() == [[30, 40], [20, 30], [50, 40]]
    assert boxes.skipped == {}


@pytest.mark.parametrize("line", ["0,a.jpg,10,20,30,40,cat,7", "cat,10,20,30,40,a.jpg"])
def test_a_first_row_of_numbers_is_not_called_a_header(tmp_path, line):
    rule = rf"got {line.count(',') + 1} columns without names; see columns"
    with pytest.raises(DataError, match=rule):
        fastanchor.read(put(tmp_path / "a.csv", f"{line}\n{line}\n"))


BARE = "a.jpg,10,20,40,60,cat\na.jpg,0,0,5,6,dog\nb.jpg,,,,,\n"


def test_rows_prove_the_columns_of_a_table_without_a_header(tmp_path):
    boxes = fastanchor.read(put(tmp_path / "a.csv", BARE))
    assert boxes.wh.tolist() == [[30, 40], [5, 6]]
    assert (boxes.files, boxes.class_names, boxes.skipped) == (("a.jpg", "b.jpg"), ("cat", "dog"), {})
    (remark,) = (one for one in boxes.remarks if one.kind == "table without a header")
    assert "a.csv has no header, so it is read as image, x1, y1, x2, y2, class" in remark.text
    assert not remark.doubt


NOT_CORNERS = ["c.jpg,30,30,20,50,cat", "c.jpg,30,30,50,20,cat", "c.jpg,30,30,30,50,cat", "c.jpg,30,30,inf,20,cat"]


@pytest.mark.parametrize("row", NOT_CORNERS)
@pytest.mark.parametrize("tail", ["", "b.jpg,broken,1,2,3,cat\n"])
def test_one_row_that_is_not_corners_leaves_a_table_without_a_header_unread(tmp_path, row, tail):
    file = put(tmp_path / "a.csv", f"{BARE}{row}\n{tail}")
    numbers = row.split(",", 1)[1].rpartition(",")[0].replace(",", ", ")
    rule = (
        rf"a\.csv, line 4: no header, and numbers that may be corners, or .*\({numbers}; expected x2 > x1 and y2 > y1"
    )
    with pytest.raises(DataError, match=rule):
        fastanchor.read(file)
    assert fastanchor.read(file, form="xywh").wh.tolist()[:2] == [[40, 60], [5, 6]]
    assert fastanchor.read(file, form="xyxy").wh.tolist() == [[30, 40], [5, 6]]


@pytest.mark.parametrize("content", ["a.jpg,,,,,\nb.jpg,,,,,\n", "a.jpg,,,,,\nb.jpg,x,,,,cat\n"])
def test_no_row_proves_the_columns(tmp_path, content):
    with pytest.raises(DataError, match=r"a\.csv: no header, and .* \(no row has a box; expected x2 > x1"):
        fastanchor.read(put(tmp_path / "a.csv", content))


def test_names_of_classes_beside_a_table_without_a_header(tmp_path):
    put(tmp_path / "train" / "_annotations.csv", BARE)
    put(tmp_path / "valid" / "_annotations.csv", BARE.replace("cat", "cow"))
    for part in ("train", "valid"):
        put(tmp_path / part / "_classes.csv", "cat,0\ndog,1\n")
    boxes = fastanchor.read(tmp_path)
    assert (len(boxes), boxes.class_names, boxes.skipped) == (4, ("cat", "cow", "dog"), {})
    assert len(fastanchor.read(tmp_path, split="val")) == 2


AUTOML = {
    "two corners": "{0},gs://b/{1}.jpg,cat,0.1,0.2,,,0.4,0.6,,",
    "four corners": "{0},b/{1}.jpg,cat,0.1,0.2,0.4,0.2,0.4,0.6,0.1,0.6",
    "rounded": "{0},{1}.png,cat,0.70000005,0.6,,,1.0000005,1.0,,",
}


@pytest.mark.parametrize("line", AUTOML.values(), ids=AUTOML)
def test_google_automl(tmp_path, line):
    rows = [line.format(part, i) for i, part in enumerate(["TRAIN", "TRAIN", "VALIDATION", "TEST", "UNASSIGNED"])]
    file = put(tmp_path / "a.csv", "\n".join([*rows, "TRAIN,gs://b/9.jpg,,,,,,,,,"]))
    boxes = fastanchor.read(file, source_size=(200, 100))
    np.testing.assert_allclose(boxes.wh, [[60, 40]] * 5, rtol=1e-5)
    assert (len(boxes.image_wh), boxes.class_names, boxes.skipped) == (6, ("cat",), {})
    assert boxes.split == ("TRAIN", "TRAIN", "VALIDATION", "TEST", "UNASSIGNED", "TRAIN")
    for split, count in {"train": 2, "val": 1, "TEST": 1, "train+validation": 3, "auto": 2}.items():
        assert len(fastanchor.read(file, source_size=200, split=split)) == count
    with pytest.raises(DataError, match="must be 'all' or one of 'TRAIN', 'VALIDATION', 'TEST', 'UNASSIGNED'"):
        fastanchor.read(file, source_size=200, split="trained")


@pytest.mark.parametrize("header", ["filename,xmin,ymin,xmax,ymax", "filename,x,y,w,h"])
def test_images_of_unknown_size_are_not_drawn(tmp_path, capsys, header):
    file = put(tmp_path / "a.csv", f"{header}\na.jpg,1,2,30,40\n")
    with pytest.raises(DataError, match=r"a\.csv: the sizes of the images are unknown, so boxes cannot be drawn; see"):
        iter_images(file)
    code, out, err = run(capsys, "show", file, "-o", tmp_path / "out")
    assert (code, out) == (2, "")
    assert err.endswith("so boxes cannot be drawn; give --source-size WxH or --images DIR\n")
    assert [image.width for image in iter_images(file, source_size=(64, 48))] == [64]


def test_parts_of_a_table_stand_in_the_usual_order(tmp_path):
    rows = [f"a{i}.jpg,{part},1,2,30,40" for i, part in enumerate(["test", "x", "val", "train", "a", "test"])]
    file = put(tmp_path / "a.csv", "\n".join(["filename,split,xmin,ymin,xmax,ymax", *rows]))
    assert reading(file).splits == ("train", "val", "test", "x", "a")


def written(path, header, rows, kind):
    """Write a table of texts and whole numbers as CSV, TSV or Parquet."""
    file = path / f"a.{kind}"
    if kind == "parquet":
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        columns = zip(*rows, strict=True)
        parquet.write_table(arrow.table(dict(zip(header, map(list, columns), strict=True))), file)
        return file
    mark = "\t" if kind == "tsv" else ","
    return put(file, "\n".join(mark.join(map(str, row)) for row in (header, *rows)) + "\n")


UNCLEAR = {
    "another column": (("filename", "width", "height", "foo"), [("a.jpg", 640, 480, 1), ("b.jpg", 320, 200, 2)]),
    "nothing else": (("image", "width", "height"), [("a.jpg", 640, 480)]),
    "numbers of images": (("image_id", "w", "h"), [(7, 640, 480), (9, 320, 200)]),
    "the same size again": (("path", "Width", "Height"), [("x/a.jpg", 640, 480), ("x/a.jpg", 640, 480)]),
    "split": (("file_name", "width", "height", "split"), [("a.jpg", 640, 480, "train")]),
}
PLAIN = {
    "sides alone": (("width", "height"), [(640, 480)]),
    "classes": (("class", "width", "height"), [("cat", 640, 480)]),
    "class and image": (("filename", "width", "height", "class"), [("a.jpg", 640, 480, "cat")]),
    "several sizes of an image": (("filename", "width", "height"), [("a.jpg", 640, 480), ("a.jpg", 64, 48)]),
    "sides of the image too": (("filename", "width", "height", "image_width", "image_height"), [("a", 64, 48, 99, 99)]),
    "sides of a box": (("filename", "box_width", "box_height"), [("a.jpg", 640, 480)]),
    "weight": (("filename", "width", "height", "box_weight"), [("a.jpg", 640, 480, 2)]),
}


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
@pytest.mark.parametrize(("header", "rows"), UNCLEAR.values(), ids=UNCLEAR)
def test_sides_beside_an_image_alone_are_refused(tmp_path, header, rows, kind):
    file = written(tmp_path, header, rows, kind)
    named = f"'{header[1]}' and '{header[2]}' beside '{header[0]}'; see columns"
    with pytest.raises(DataError, match=rf"may be the image's or the box's \({named}\)"):
        fastanchor.read(file)
    sides = [list(row[1:3]) for row in rows]
    assert fastanchor.read(file, columns=header[1:3]).wh.tolist() == sides


@pytest.mark.parametrize("kind", ["csv", "tsv", "parquet"])
@pytest.mark.parametrize(("header", "rows"), PLAIN.values(), ids=PLAIN)
def test_sides_that_can_only_be_those_of_boxes_are_read(tmp_path, header, rows, kind):
    at = [key in ("width", "box_width") for key in header].index(True)
    boxes = fastanchor.read(written(tmp_path, header, rows, kind))
    assert boxes.wh.tolist() == [list(row[at : at + 2]) for row in rows]


@pytest.mark.parametrize("label", [False, True])
@pytest.mark.parametrize(("size", "whose"), [((640, 480), "image"), ((480, 640), "image"), ((700, 500), "box")])
def test_images_say_whose_sides_a_table_holds(tmp_path, size, whose, label):
    png(tmp_path / "images" / "a.png", size)
    header = ("filename", "width", "height", *["class"] * label)
    file = written(tmp_path, header, [("a.png", 640, 480, *["cat"] * label)], "csv")
    if whose == "box":
        assert fastanchor.read(file).wh.tolist() == [[640, 480]]
        return
    with pytest.raises(DataError, match="may be the image's or the box's"):
        fastanchor.read(file)


@pytest.mark.parametrize("ending", ["csv", "parquet"])
def test_a_table_of_sides_and_images_is_written_so_that_it_can_be_read(tmp_path, ending):
    if ending == "parquet":
        pytest.importorskip("pyarrow")
    boxes = Boxes([[64, 48], [30, 20]], [0, 1], files=["a.jpg", "b.jpg"])
    table.write(boxes, tmp_path / f"a.{ending}")
    again = fastanchor.read(tmp_path / f"a.{ending}")
    assert (again.wh.tolist(), again.files) == (boxes.wh.tolist(), boxes.files)


# --- the progress bar of a large table


@pytest.mark.parametrize("kind", ["plain", "row by row", "parquet"])
def test_the_bar_of_a_table_moves_while_it_is_read(tmp_path, monkeypatch, kind):
    arrow, plain = pytest.importorskip("pyarrow"), kind == "plain"
    from pyarrow import parquet

    from fastanchor.datasets import _arrow, _csv

    class Bar(list):
        def __init__(self, *, total, desc, unit):
            self.total, self.text = total, ""
            made.append(self)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def update(self, size):
            self.append(size)

        def set_postfix_str(self, text, refresh):
            self.text = text

    made = []
    monkeypatch.setattr(_csv, "SMALL", 0)
    monkeypatch.setattr(_csv, "HEAD", 0)
    monkeypatch.setattr(_csv, "OFTEN", 50)
    monkeypatch.setattr(_arrow, "BLOCK", 10_000 if plain else 1 << 20)
    rows = [f"{i}.jpg,640,480,10,20,30,40" for i in range(2000)]
    text = "\n".join(["filename,image_width,image_height,x,y,w,h", *rows, *([] if plain else ["a,few,cells"]), ""])
    file, side = put(tmp_path / "a.csv", text), [10.0] * 2000
    if kind == "parquet":
        file = tmp_path / "a.parquet"
        columns = dict.fromkeys(("image_width", "image_height", "x", "y", "w", "h"), side)
        parquet.write_table(
            arrow.table({"file": [f"{i}.jpg" for i in range(2000)], **columns}), file, row_group_size=300
        )
    boxes = fastanchor.read(file, progress=Bar)
    (bar,) = made
    assert (len(boxes), sum(bar), bar.total) == (2000, file.stat().st_size, file.stat().st_size)
    assert len(bar) >= 5
    assert bar.text.startswith("2,000 images, ")
