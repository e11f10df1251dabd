"""The exports of annotation tools: shapes other than plain boxes, versions, and files that only look like one."""

import json

import pytest

import fastanchor
from fastanchor import DataError, datasets

from labels import put


def corners(boxes):
    return [[x, y, x + w, y + h] for (x, y), (w, h) in zip(boxes.xy.tolist(), boxes.wh.tolist(), strict=True)]


IMAGE = '<image id="0" name="a.png" width="200" height="100">{}</image>'
TRACK = '<track id="0" label="car">{}</track><track id="1" label="bus">{}</track>'
FRAME = '<box frame="{}" outside="{}" keyframe="{}" xtl="{}" ytl="2" xbr="31" ybr="42"/>'
META = "<meta><task><original_size><width>200</width><height>100</height></original_size></task></meta>"


def cvat(tmp_path, body):
    return put(tmp_path / "annotations.xml", f"<annotations><version>1.1</version>{body}</annotations>")


def test_cvat_shapes(tmp_path):
    shapes = (
        '<box label="a" xtl="1" ytl="2" xbr="31" ybr="42"/>'
        '<box label="b" xtl="10" ytl="20" xbr="30" ybr="60" rotation="90"/>'
        '<polygon label="a" points="5,5;25,6;10,15"/>'
        '<ellipse label="a" cx="50" cy="50" rx="10" ry="20"/>'
        '<mask label="a" rle="1" left="3" top="4" width="5" height="6"/>'
        '<polyline label="a" points="1,1;2,2"/><points label="a" points="1,1"/><tag label="a"/>'
    )
    boxes = fastanchor.read(cvat(tmp_path, IMAGE.format(shapes)), strict=True)
    assert corners(boxes) == [[1, 2, 31, 42], [0, 30, 40, 50], [5, 5, 25, 15], [40, 30, 60, 70], [3, 4, 8, 10]]
    assert (boxes.class_names, boxes.image_wh.tolist()) == (("a", "b"), [[200, 100]])
    assert [remark.text for remark in boxes.remarks] == ["1 turned box is read as its upright extent; see turned"]
    assert len(fastanchor.read(tmp_path, turned="skip")) == 4
    assert boxes.skipped == {
        "polyline, which is not a box": 1, "points, which is not a box": 1, "tag, which is not a box": 1,
    }  # fmt: skip


def test_cvat_turned_by_45_degrees(tmp_path):
    shape = '<box label="b" xtl="40" ytl="40" xbr="60" ybr="60" rotation="45"/>'
    boxes = fastanchor.read(cvat(tmp_path, IMAGE.format(shape)))
    assert boxes.wh.tolist() == [pytest.approx([800**0.5, 800**0.5])]


def test_cvat_video(tmp_path):
    car = FRAME.format(0, 0, 1, 1) + FRAME.format(1, 0, 0, 2) + FRAME.format(2, 1, 1, 3)
    path = cvat(tmp_path, META + TRACK.format(car, FRAME.format(1, 0, 1, 4)))
    boxes = fastanchor.read(path, strict=True)
    assert boxes.wh.tolist() == [[30, 40], [29, 40], [27, 40]]
    assert (boxes.image_index.tolist(), boxes.image_wh.tolist()) == ([0, 1, 1], [[200, 100]] * 2)
    assert [image.classes for image in datasets.iter_images(path)] == [("car",), ("car", "bus")]


def test_cvat_video_without_a_size(tmp_path):
    path = cvat(tmp_path, TRACK.format(FRAME.format(0, 0, 1, 1), ""))
    with pytest.raises(DataError, match="image size missing"):
        fastanchor.read(path, strict=True)
    assert fastanchor.read(path, source_size=(200, 100)).wh.tolist() == [[30, 40]]


def via(*regions, **attributes):
    shapes = [{"shape_attributes": region, "region_attributes": attributes} for region in regions]
    return {"a.png1": {"filename": "a.png", "size": 1, "regions": shapes}}


SHAPES = (
    {"name": "rect", "x": 1, "y": 2, "width": 30, "height": 40},
    {"name": "polygon", "all_points_x": [5, 25, 10], "all_points_y": [5, 6, 15]},
    {"name": "circle", "cx": 50, "cy": 50, "r": 10},
    {"name": "ellipse", "cx": 50, "cy": 50, "rx": 10, "ry": 20},
    {"name": "polyline", "all_points_x": [1, 2], "all_points_y": [1, 2]},
    {"name": "point", "cx": 1, "cy": 1},
)


def test_via_shapes(tmp_path):
    path = put(tmp_path / "via.json", json.dumps(via(*SHAPES, kind="cat")))
    boxes = fastanchor.read(path, source_size=(200, 100), strict=True)
    assert corners(boxes) == [[1, 2, 31, 42], [5, 5, 25, 15], [40, 40, 60, 60], [40, 30, 60, 70]]
    assert boxes.class_names == ("cat",)
    assert boxes.skipped == {"polyline, which is not a box": 1, "point, which is not a box": 1}


@pytest.mark.parametrize(
    ("attributes", "name"),
    [({}, "unnamed"), ({"colour": "red"}, "red"), ({"colour": "red", "Class": "cat"}, "cat"),
     ({"a": "1", "b": "2"}, "unnamed"),
     ({"type": {"dog": False, "cat": True}}, "cat")],
)  # fmt: skip
def test_via_class(tmp_path, attributes, name):
    path = put(tmp_path / "via.json", json.dumps(via(SHAPES[0], **attributes)))
    assert next(iter(datasets.iter_images(path, source_size=(200, 100)))).classes == (name,)


def test_via_project_and_first_version(tmp_path):
    image = via(SHAPES[0], name="cat")["a.png1"]
    image["regions"] = {"0": image["regions"][0]}
    project = {"_via_settings": {}, "_via_img_metadata": {"a.png1": image}, "_via_attributes": {}}
    path = put(tmp_path / "project.json", json.dumps(project))
    assert datasets.detect(tmp_path) == "via"
    assert fastanchor.read(path, source_size=(200, 100), strict=True).wh.tolist() == [[30, 40]]


def task(*results, cancelled=False, **further):
    return {"id": 1, "annotations": [{"result": list(results), "was_cancelled": cancelled}], **further}


def rectangle(x=10, y=20, width=30, height=40, rotation=0):
    value = {"x": x, "y": y, "width": width, "height": height, "rotation": rotation, "rectanglelabels": ["cat"]}
    return {"original_width": 200, "original_height": 100, "type": "rectanglelabels", "value": value}


def test_label_studio(tmp_path):
    turned = rectangle(50, 50, 10, 20, 90)  # 20 x 20 pixels about the corner (100, 50)
    choice = {"type": "choices", "value": {"choices": ["good"]}}
    first = task(rectangle(), turned, choice, data={"image": "/data/local-files/?d=some/a.png"})
    second = task(rectangle(), cancelled=True, data={"image": "s3://x/b.png"})
    second["annotations"] += [*task(rectangle(0, 0, 50, 50))["annotations"], *task()["annotations"]]
    path = put(tmp_path / "project.json", json.dumps([first, second]))
    boxes = fastanchor.read(path, strict=True)
    assert corners(boxes) == [pytest.approx(one) for one in ([20, 20, 80, 60], [80, 50, 100, 70], [0, 0, 100, 50])]
    assert boxes.skipped == {
        "choices, which is not a box": 1, "further annotation of the same image": 1,
    }  # fmt: skip
    assert [remark.text for remark in boxes.remarks] == [
        "1 turned box is read as its upright extent; see turned",
        "1 further annotation of the same image is not read: one annotation of each image counts",
    ]
    assert [image.name for image in datasets.iter_images(path)] == ["a", "b"]


def test_label_studio_counts_the_annotation_that_is_true(tmp_path):
    one = task(rectangle(), data={"image": "a.png"})
    one["annotations"] += [{**task(rectangle(0, 0, 50, 50))["annotations"][0], "ground_truth": True}]
    boxes = fastanchor.read(put(tmp_path / "project.json", json.dumps([one])))
    assert corners(boxes) == [[0, 0, 100, 50]]
    assert [remark.count for remark in boxes.remarks] == [1]


def test_label_studio_results_about_one_region_are_one_box(tmp_path):
    sides = {"x": 10, "y": 20, "width": 30, "height": 40, "rotation": 0}
    facts = {"id": "r", "original_width": 200, "original_height": 100}
    several = [
        {**facts, "type": kind, "value": {**sides, **more}}
        for kind, more in (("rectangle", {}), ("labels", {"labels": ["cat"]}), ("textarea", {"text": ["x"]}))
    ]
    path = tmp_path / "project.json"
    for order in (several, several[::-1]):
        put(path, json.dumps([task(*order, rectangle(), data={"image": "a.png"})]))
        boxes = fastanchor.read(path, strict=True)
        assert (corners(boxes), boxes.class_names, boxes.skipped) == ([[20, 20, 80, 60]] * 2, ("cat",), {})


def test_label_studio_shapes(tmp_path):
    def result(kind, **value):
        return {"original_width": 200, "original_height": 100, "type": kind, "value": {**value, kind: ["cat"]}}

    ellipse = {"x": 50, "y": 50, "radiusX": 10, "radiusY": 30}
    some = [
        result("polygonlabels", points=[[5, 10], [20, 10], [10, 30]], closed=True),
        result("ellipselabels", **ellipse, rotation=0),
        result("ellipselabels", **ellipse, rotation=90),
        result("keypointlabels", x=5, y=5, width=1),
        result("brushlabels", format="rle", rle=[1, 2]),
    ]
    path = put(tmp_path / "project.json", json.dumps([task(*some, data={"image": "a.png"})]))
    boxes = fastanchor.read(path, strict=True)
    expected = [[10, 10, 40, 30], [80, 20, 120, 80], [70, 30, 130, 70]]
    assert corners(boxes) == [pytest.approx(one) for one in expected]
    assert boxes.skipped == {f"{kind}labels, which is not a box": 1 for kind in ("keypoint", "brush")}


def test_label_studio_minimal(tmp_path):
    value = rectangle()["value"]
    one = {"id": 1, "image": "/data/upload/a.png", "label": [{**value, "original_width": 200, "original_height": 100}]}
    path = put(tmp_path / "min.json", json.dumps([one]))
    assert datasets.detect(path) == "labelstudio"
    assert fastanchor.read(path, strict=True).wh.tolist() == [[60, 40]]


def test_bdd100k_older_version(tmp_path):
    label = {"category": "car", "box2d": {"x1": 1, "y1": 2, "x2": 31, "y2": 42}}
    lane = {"category": "lane/single white", "poly2d": [[1, 2, "L"]]}
    content = {"name": "a", "frames": [{"timestamp": 1, "objects": [label, lane]}], "attributes": {}}
    put(tmp_path / "a.json", json.dumps(content))
    put(tmp_path / "b.json", json.dumps([{"name": "b.jpg", "labels": None}, {"name": "c.jpg", "labels": [label]}]))
    boxes = fastanchor.read(tmp_path, source_size=(1280, 720), strict=True)
    assert (boxes.wh.tolist(), len(boxes.image_wh)) == ([[30, 40]] * 2, 3)
    assert boxes.skipped == {"label without a box2d": 1}


def test_supervisely_shapes(tmp_path):
    points = {"rectangle": [[31, 42], [1, 2]], "polygon": [[5, 5], [25, 6], [10, 15]], "line": [[1, 1], [2, 2]]}
    objects = [{"classTitle": "cat", "geometryType": kind, "points": {"exterior": some, "interior": []}}
               for kind, some in points.items()]  # fmt: skip
    content = {"description": "", "tags": [], "size": {"height": 100, "width": 200}, "objects": objects}
    put(tmp_path / "ds" / "ann" / "a.jpg.json", json.dumps(content))
    put(tmp_path / "meta.json", json.dumps({"classes": [], "tags": []}))
    boxes = fastanchor.read(tmp_path, strict=True)
    assert corners(boxes) == [[1, 2, 31, 42], [5, 5, 25, 15]]
    assert boxes.skipped == {"line, which is not a box": 1}


def test_vott_asset(tmp_path):
    region = {"type": "RECTANGLE", "tags": ["cat"], "boundingBox": {"left": 1, "top": 2, "width": 30, "height": 40}}
    content = {"asset": {"name": "a.png", "size": {"width": 200, "height": 100}}, "regions": [region], "version": "2"}
    put(tmp_path / "0-asset.json", json.dumps(content))
    assert datasets.detect(tmp_path) == "vott"
    assert corners(fastanchor.read(tmp_path, strict=True)) == [[1, 2, 31, 42]]


def test_datumaro_shapes(tmp_path):
    shapes = [
        {"type": "polygon", "label_id": 0, "points": [5, 5, 25, 6, 10, 15]},
        {"type": "bbox", "label_id": 1, "bbox": [1, 2, 30, 40]},
        {"type": "ellipse", "label_id": 0, "points": [40, 30, 60, 70]},
        {"type": "bbox", "label_id": 1, "bbox": [50, 20, 20, 40], "attributes": {"rotation": 90.0, "occluded": False}},
        {"type": "bbox", "label_id": 1, "bbox": [1, 2, 30, 40], "attributes": {"rotation": 0.0}},
        {"type": "label", "label_id": 0},
    ]
    item = {"id": "train/a", "annotations": shapes, "image": {"path": "a.png", "size": [100, 200]}}
    content = {"info": {}, "categories": {"label": {"labels": [{"name": "cat"}, {"name": "dog"}]}}, "items": [item]}
    path = put(tmp_path / "default.json", json.dumps(content))
    boxes = fastanchor.read(path, strict=True)
    expected = [[5, 5, 25, 15], [1, 2, 31, 42], [40, 30, 60, 70], pytest.approx([40, 30, 80, 50]), [1, 2, 31, 42]]
    assert (corners(boxes), boxes.class_names) == (expected, ("cat", "dog"))
    assert boxes.skipped == {"label, which is not a box": 1}
    assert [remark.kind for remark in boxes.remarks] == ["turned boxes"]
    assert fastanchor.read(path, turned="skip").skipped["turned box"] == 1


BROKEN = {
    "via": ({"a.png1": {"filename": "a.png", "regions": 3}}, "VGG Image Annotator"),
    "createml": ([{"image": "a.png", "annotations": [{"coordinates": {}}]}, 7], "CreateML"),
    "labelstudio": ([{"id": 1, "data": {"image": "a.png"}, "annotations": [{}]}], "Label Studio"),
    "bdd100k": ([{"labels": [], "name": "a"}, {"labels": []}], "BDD100K"),
    "supervisely": ({"objects": [], "size": 5}, "Supervisely"),
    "vott": ({"asset": {"name": "a.png"}, "regions": []}, "VoTT"),
    "datumaro": ({"categories": {}, "items": [{"id": "a"}]}, "Datumaro"),
    "labelme": ({"shapes": [], "imagePath": "a.png"}, None),
    "labelbox": ([{"data_row": {"id": "a"}, "projects": {"p": {}}}], "Labelbox"),
    "superannotate": ({"metadata": {}, "instances": 3}, "SuperAnnotate"),
    "fiftyone": ({"classes": ["bounding_box"], "labels": {"a": [{"bounding_box": []}, 3]}}, "FiftyOne"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_another_structure_is_one_sentence(tmp_path, name):
    content, title = BROKEN[name]
    path = put(tmp_path / "labels.json", json.dumps(content))
    assert datasets.detect(path) == name
    with pytest.raises(DataError, match=f"JSON file that is not {title}" if title else "image size missing|no box"):
        fastanchor.read(path, source_size=None)


def test_cvat_of_another_root(tmp_path):
    path = put(tmp_path / "a.xml", "<dataset><image/></dataset>")
    with pytest.raises(DataError, match=r"not of CVAT \(root element <dataset>\)"):
        fastanchor.read(path, format="cvat")


def test_cvat_beside_voc(tmp_path):
    cvat(tmp_path, IMAGE.format('<box label="a" xtl="1" ytl="2" xbr="31" ybr="42"/>'))
    corners = "".join(f"<{k}>{v}</{k}>" for k, v in (("xmin", 1), ("ymin", 2), ("xmax", 6), ("ymax", 8)))
    size = "<size><width>200</width><height>100</height></size>"
    put(tmp_path / "a.xml", f"<annotation>{size}<object><name>a</name><bndbox>{corners}</bndbox></object></annotation>")
    with pytest.raises(DataError, match=r"could be voc or cvat; say which"):
        fastanchor.read(tmp_path)
    assert fastanchor.read(tmp_path, format="cvat").wh.tolist() == [[30, 40]]
    boxes = fastanchor.read(tmp_path, format="voc")
    assert (boxes.wh.tolist(), boxes.skipped) == ([[5, 6]], {"XML file that is not a Pascal VOC annotation": 1})
