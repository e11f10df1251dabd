"""The exports of Labelbox, SuperAnnotate, FiftyOne, VGG Image Annotator (CSV), VoTT (CSV), Supervisely and BDD100K."""

import base64
import csv
import io
import itertools
import json
import zlib

import pytest

import fastanchor
from fastanchor import DataError, datasets
from fastanchor.datasets import _foreign
from fastanchor.datasets._recognise import ENDINGS

from labels import FORMATS, IMAGES, png, put

SIZE = (200, 100)
BOX = {"top": 2, "left": 1, "height": 40, "width": 30}
POLYGON = [{"x": 5, "y": 5}, {"x": 25, "y": 6}, {"x": 10, "y": 15}]
EXPECTED = [[1, 2, 31, 42], [5, 5, 25, 15]]


def corners(boxes):
    return [[x, y, x + w, y + h] for (x, y), (w, h) in zip(boxes.xy.tolist(), boxes.wh.tolist(), strict=True)]


def exported(*objects, name="a.jpg", labels=1):
    label = {"label_kind": "Default", "annotations": {"objects": list(objects), "classifications": []}}
    return {"data_row": {"id": "1", "external_id": name, "row_data": "https://x.org/1"},
            "media_attributes": {"width": 200, "height": 100},
            "projects": {"p": {"labels": [label] * labels}}}  # fmt: skip


NEWER = (
    {"name": "cat", "annotation_kind": "ImageBoundingBox", "bounding_box": BOX},
    {"name": "dog", "annotation_kind": "ImagePolygon", "polygon": POLYGON},
    {"name": "dog", "annotation_kind": "ImagePoint", "point": {"x": 1, "y": 2}},
    {"name": "dog", "annotation_kind": "ImagePolyline", "line": POLYGON},
    {"name": "dog", "annotation_kind": "ImageSegmentationMask", "mask": {"url": "https://x.org"}},
)
OLDER = (
    {"title": "cat", "value": "cat_1", "bbox": BOX},
    {"title": "dog", "value": "dog", "polygon": POLYGON},
    {"title": "dog", "value": "dog", "point": {"x": 1, "y": 2}},
    {"title": "dog", "value": "dog", "line": POLYGON},
    {"title": "dog", "value": "dog", "instanceURI": "https://x.org"},
)


def older(label):
    return {"ID": "1", "Labeled Data": "https://x.org/a.jpg", "Label": label, "External ID": "a.jpg"}


SINGLE = [{"uuid": "1", "dataRow": {"globalKey": "a.jpg"}, **one} for one in OLDER]
for one in SINGLE:
    one["name"] = one.pop("title")
LABELBOX = {
    "lines": ("e.ndjson", "".join(f"{json.dumps(one)}\n\n" for one in (exported(*NEWER), exported(name="b.jpg")))),
    "lines in JSON": ("e.json", "".join(f"{json.dumps(one)}\n" for one in (exported(*NEWER), exported(name="b.jpg")))),
    "a list": ("e.json", json.dumps([exported(*NEWER), exported(name="b.jpg")], indent=1)),
    "older": ("e.json", json.dumps([older({"objects": OLDER, "classifications": []}), older({"objects": []})])),
    "older, one image": ("e.json", json.dumps(older({"objects": OLDER}))),
    "annotations": ("e.ndjson", "".join(f"{json.dumps(one)}\n" for one in SINGLE)),
}


@pytest.mark.parametrize(("file", "text"), LABELBOX.values(), ids=LABELBOX)
def test_labelbox(tmp_path, file, text):
    path = put(tmp_path / file, text)
    assert datasets.detect(tmp_path) == datasets.detect(path) == "labelbox"
    size = SIZE if "data_row" not in text else None
    boxes = fastanchor.read(path, source_size=size, strict=True)
    assert (corners(boxes), boxes.class_names) == (EXPECTED, ("cat", "dog"))
    assert boxes.image_wh.tolist() == [[200, 100]] * (1 if "uuid" in text or text[:5] == '{"ID"' else 2)
    assert boxes.skipped == {f"{what}, which is not a box": 1 for what in ("point", "line", "mask")}
    assert next(iter(datasets.iter_images(path, source_size=size))).name in ("a", "e")


def test_labelbox_labels_that_do_not_count(tmp_path):
    first = {"cat": [{"geometry": POLYGON}], "is it night": "no"}  # of the first version
    put(tmp_path / "a.json", json.dumps([older("Skip"), older(first)]))
    put(tmp_path / "b.json", json.dumps([exported(NEWER[0], labels=3)]))
    boxes = fastanchor.read(tmp_path, source_size=SIZE, strict=True)
    assert corners(boxes) == [*EXPECTED[1:], *EXPECTED[:1]]
    assert boxes.skipped == {"image that was left out in Labelbox": 1, "further annotation of the same image": 2}
    assert [remark.text for remark in boxes.remarks] == [
        "2 further annotations of the same image are not read: one annotation of each image counts"
    ]


VIDEOS = {
    "export": {**exported(), "projects": {"p": {"labels": [{"annotations": {"frames": {"1": {"objects": {}}}}}]}}},
    "older export": older([{"frameNumber": 1, "objects": OLDER}]),
    "address": older({"frames": "https://x.org"}),
}


@pytest.mark.parametrize("video", VIDEOS.values(), ids=VIDEOS)
def test_labelbox_videos_are_counted(tmp_path, video):
    path = put(tmp_path / "e.json", json.dumps([video]))
    with pytest.raises(DataError, match=r"e\.json: nothing could be read; 1 x video, which is not read"):
        fastanchor.read(path, source_size=SIZE)
    image = older({"objects": OLDER}) if "Label" in video else exported(*NEWER)
    boxes = fastanchor.read(put(path, json.dumps([video, image])), source_size=SIZE)
    assert (len(boxes), len(boxes.image_wh)) == (2, 1)
    assert boxes.skipped["video, which is not read"] == 1


@pytest.mark.parametrize(
    ("line", "message"),
    [
        ('{"data_row": 3', r"e\.ndjson, line 3: not valid JSON \(column 15: Expecting ',' delimiter\)"),
        ('{"data_row": {}}', r"e\.ndjson: JSON file that is not Labelbox \(KeyError: 'Label'\)"),
        (json.dumps(exported({"bounding_box": {"top": 1}})), r"row 3, object 0: box with unreadable coordinates"),
    ],
)
def test_a_faulty_line_of_labelbox_is_named(tmp_path, line, message):
    path = put(tmp_path / "e.ndjson", f"{json.dumps(exported(*NEWER))}\n\n{line}\n")
    with pytest.raises(DataError, match=message):
        fastanchor.read(path, strict=True)


TURNED = {"x1": 40, "y1": 20, "x2": 60, "y2": 40, "x3": 40, "y3": 60, "x4": 20, "y4": 40}
INSTANCES = (
    {"type": "bbox", "className": "cat", "points": {"x1": 1, "x2": 31, "y1": 2, "y2": 42}},
    {"type": "polygon", "className": "dog", "points": [5, 5, 25, 6, 10, 15]},
    {"type": "rbbox", "className": "cat", "points": TURNED},
    {"type": "ellipse", "className": "cat", "cx": 50, "cy": 50, "rx": 20, "ry": 10, "angle": 90},
    {"type": "point", "className": "dog", "x": 1, "y": 2},
    {"type": "cuboid", "className": "dog", "points": {}},
)


@pytest.mark.parametrize("older", [False, True])
def test_superannotate(tmp_path, older):
    facts = {"name": "a.jpg", "width": 200, "height": 100}
    instances = [{"classId": 1, "probability": 100, **one} for one in INSTANCES]
    content = {"metadata": facts, "instances": instances, "tags": []}
    put(tmp_path / "classes" / "classes.json", json.dumps([{"id": 1, "name": "cat", "attribute_groups": []}]))
    if older:
        content = [*instances, {"type": "meta", "name": "imageAttributes", "width": 200, "height": 100}]
    put(tmp_path / ("a.jpg___objects.json" if older else "a.jpg.json"), json.dumps(content))
    assert datasets.detect(tmp_path) == "superannotate"
    boxes = fastanchor.read(tmp_path, strict=True)
    assert corners(boxes) == [*EXPECTED, [20, 20, 60, 60], pytest.approx([40, 30, 60, 70])]
    assert (boxes.image_wh.tolist(), boxes.class_names) == ([[200, 100]], ("cat", "dog"))
    assert boxes.skipped == {"point, which is not a box": 1, "cuboid, which is not a box": 1}
    assert boxes.files == ("a.jpg",)
    assert [remark.kind for remark in boxes.remarks] == ["turned boxes"]
    assert fastanchor.read(tmp_path, turned="skip", strict=True).skipped["turned box"] == 1


def detections(*labels, cls="Detections"):
    return {"_cls": cls, cls.lower(): [{"_cls": cls[:-1], **one} for one in labels]}


RELATIVE = {"label": "cat", "bounding_box": [0.005, 0.02, 0.15, 0.4]}
CLOSED = {"label": "dog", "closed": True, "points": [[[0.1, 0.2], [0.2, 0.4]], [[0.15, 0.1]]]}
SAMPLE = {"filepath": "data/a.jpg", "metadata": {"width": 200, "height": 100}, "tags": ["validation"]}


@pytest.mark.parametrize("field", ["ground_truth", "boxes"])
def test_fiftyone_samples(tmp_path, field):
    other = {"predictions": detections(RELATIVE, RELATIVE)} if field == "ground_truth" else {}
    path = put(tmp_path / "samples.json", json.dumps({"samples": [
        {**SAMPLE, field: detections(RELATIVE), **other},
        {**SAMPLE, "filepath": "data/b.jpg", field: detections(CLOSED, {"points": []}, cls="Polylines")},
        {**SAMPLE, "filepath": "data/c.jpg", field: None, "metadata": None},
    ]}))  # fmt: skip
    png(tmp_path / "data" / "c.jpg", (50, 60))
    boxes = fastanchor.read(path, strict=True)
    assert corners(boxes) == [pytest.approx(one) for one in ([1, 2, 31, 42], [20, 10, 40, 40])]
    assert (boxes.class_names, boxes.image_wh.tolist()) == (("cat", "dog"), [[200, 100], [200, 100], [50, 60]])
    assert boxes.skipped == {"polyline, which is not a box": 1}


def test_fiftyone_with_two_fields(tmp_path):
    sample = {**SAMPLE, "one": detections(RELATIVE), "two": detections(RELATIVE)}
    path = put(tmp_path / "samples.json", json.dumps({"samples": [sample]}))
    message = r"samples\.json: several fields with boxes, and none is called ground_truth \(one, two\)"
    with pytest.raises(DataError, match=message):
        fastanchor.read(path)


def test_fiftyone_labels(tmp_path):
    labels = {"a": [{**RELATIVE, "label": 1}, {**RELATIVE, "label": "bird"}, {**RELATIVE, "label": 7}], "b": None}
    path = put(tmp_path / "labels.json", json.dumps({"classes": ["dog", "cat"], "labels": labels}))
    for name in "ab":
        png(tmp_path / "data" / f"{name}.jpg", SIZE)
    assert datasets.detect(tmp_path) == "fiftyone"
    boxes = fastanchor.read(path, strict=True)
    assert (boxes.class_names, boxes.image_wh.tolist()) == (("7", "bird", "cat"), [[200, 100]] * 2)
    assert corners(boxes) == [pytest.approx([1, 2, 31, 42])] * 3


HEADER = ["filename", "file_size", "file_attributes", "region_count", "region_id", "region_shape_attributes",
          "region_attributes"]  # fmt: skip


def via_csv(path, *rows, header=HEADER):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([header, *rows])
    return put(path, text.getvalue())


def via_row(name, shape, attributes='{"class": "cat"}'):
    return [name, 1, "{}", 1, 0, shape if isinstance(shape, str) else json.dumps(shape), attributes]


@pytest.mark.parametrize("header", [HEADER, ["#filename", *HEADER[1:]]])
def test_via_csv(tmp_path, header):
    rect = {"name": "rect", "x": 1, "y": 2, "width": 30, "height": 40}
    path = via_csv(
        tmp_path / "via.csv", via_row("a.jpg", rect), via_row("b.jpg", {}, "{}"),
        via_row("a.jpg", {"name": "polygon", "all_points_x": [5, 25, 10], "all_points_y": [5, 6, 15]}),
        via_row("a.jpg", {"name": "point", "cx": 1, "cy": 2}), header=header,
    )  # fmt: skip
    assert datasets.detect(path) == datasets.detect(tmp_path) == "via"
    boxes = fastanchor.read(path, source_size=SIZE, strict=True)
    assert (corners(boxes), boxes.image_index.tolist(), boxes.files) == (EXPECTED, [0, 0], ("a.jpg", "b.jpg"))
    assert (boxes.class_names, boxes.skipped) == (("cat",), {"point, which is not a box": 1})


def test_via_csv_with_faults(tmp_path):
    rect = {"name": "rect", "x": 1, "y": 2, "width": 30}
    path = via_csv(tmp_path / "via.csv", via_row("a.jpg", {"cx": 5, "cy": 5, "r": 2}), via_row("a.jpg", "{name"),
                   via_row("a.jpg", rect))  # fmt: skip
    said = []
    assert len(fastanchor.read(path, source_size=SIZE, report=said.append)) == 1
    assert said[0].startswith(f"{path}, line 3: cell that cannot be read (Expecting property name")
    assert said[1] == f"{path}, line 4: box with unreadable coordinates (?, ?, ?, ?)"
    put(path, "filename,x\na.jpg,1\n")
    with pytest.raises(
        DataError, match=r"via\.csv, line 1: table that is not of VGG Image Annotator \(expected the col"
    ):
        fastanchor.read(path, format="via")


def test_via_csv_beside_json_is_not_added_up(tmp_path):
    rect = {"name": "rect", "x": 1, "y": 2, "width": 30, "height": 40}
    via_csv(tmp_path / "via.csv", via_row("a.jpg", rect))
    region = {"shape_attributes": rect, "region_attributes": {}}
    put(tmp_path / "via.json", json.dumps({"a.jpg1": {"filename": "a.jpg", "regions": [region]}}))
    boxes = fastanchor.read(tmp_path, source_size=SIZE, strict=True)
    assert len(boxes) == 1
    assert [remark.text for remark in boxes.remarks] == [
        f"not read: 1 CSV file of VGG Image Annotator ({tmp_path / 'via.csv'}), beside JSON files"
    ]


ATTRIBUTES = {
    "1": {"aname": "class", "type": 4, "options": {"0": "cat", "1": "dog"}},
    "2": {"aname": "note", "options": {}},
}
THREE = """# Exported using VGG Image Annotator (http://www.robots.ox.ac.uk/~vgg/software/via)
# Notes:
# - spatial_coordinates of [2,10,20,50,80] denotes a rectangle (shape_id=2) of size 50x80 placed at (10,20)
# SHAPE_ID = {"POINT":1,"RECTANGLE":2}
# ATTRIBUTE = ATTRIBUTES
# CSV_HEADER = metadata_id,file_list,flags,temporal_coordinates,spatial_coordinates,metadata
"""
VIDEO = ("v.mp4", [4.633])
SHAPES = (  # name, time, shape, attributes; then the box, or why there is none
    ("a.jpg", [], [2, 1, 2, 30, 40], {"1": "0", "2": "x"}, [1, 2, 31, 42]),
    ("a.jpg", [], [7, 5, 5, 25, 6, 10, 15], {"1": "1,0"}, [5, 5, 25, 15]),
    (*VIDEO, [3, 50, 40, 10], {"1": "bird"}, [40, 30, 60, 50]),
    (*VIDEO, [4, 50, 40, 20, 10], {}, [30, 30, 70, 50]),
    ("v.mp4", [5], [8, 5, 20, 15, 10, 25, 22, 17, 30], {"1": "0"}, [5, 10, 25, 30]),
    ("a.jpg", [], [1, 5, 6], {}, "point, which is not a box"),
    ("a.jpg", [], [6, 5, 6, 7, 8], {}, "polyline, which is not a box"),
    ("b.jpg", [], [], {"2": "no shape"}, ""),
    ("v.mp4", [1.5, 2.5], [], {"2": "a span"}, ""),
)
CHOSEN = ["cat", "dog", "bird", "unnamed", "cat"]


def csv_of_three(*rows, attributes=ATTRIBUTES):
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows(
        [f"1_{i}", *(one if isinstance(one, str) else json.dumps(one) for one in ([name], 0, time, shape, values))]
        for i, (name, time, shape, values) in enumerate(rows)
    )
    return THREE.replace("ATTRIBUTES", json.dumps(attributes)) + text.getvalue()


def project_of_three(*rows):
    names = [*dict.fromkeys(name for name, *_ in rows), "c.jpg"]
    return json.dumps({
        "project": {"pid": "x"}, "config": {}, "attribute": ATTRIBUTES,
        "file": {str(i): {"fname": name, "type": 2 if name[-1] == "g" else 4} for i, name in enumerate(names)},
        "metadata": {f"1_{i}": {"vid": str(names.index(name)), "flg": 0, "z": time, "xy": shape, "av": values}
                     for i, (name, time, shape, values) in enumerate(rows)},
        "view": {str(i): {"fid_list": [i]} for i in range(len(names))},
    })  # fmt: skip


@pytest.mark.parametrize("form", ["csv", "windows.csv", "json"])
def test_via_of_version_3(tmp_path, form):
    rows = [row[:4] for row in SHAPES]
    text = project_of_three(*rows) if form == "json" else csv_of_three(*rows)
    path = put(tmp_path / f"via.{form}", f"\ufeff{text}".replace("\n", "\r\n") if "win" in form else text)
    assert datasets.detect(path) == datasets.detect(tmp_path) == "via"
    boxes = fastanchor.read(path, source_size=SIZE, strict=True)
    assert corners(boxes) == [row[4] for row in SHAPES if isinstance(row[4], list)]
    assert [boxes.class_names[i] for i in boxes.class_index] == CHOSEN
    frames = ["v.mp4#t=4.633", "v.mp4#t=5"]
    assert sorted(boxes.files) == sorted(["a.jpg", "b.jpg", *(["c.jpg"] if form == "json" else []), *frames])
    assert boxes.skipped == {row[4]: 1 for row in SHAPES if row[4] and isinstance(row[4], str)}


GOOD = SHAPES[0][:4]
FAULTS = {
    "shape": ("a.jpg", [], [9, 1, 2, 3, 4, 5, 6], {}, "cell that cannot be read (shape of the kind 9)"),
    "kind": ("a.jpg", [], ["2", 1, 2, 3, 4], {}, "cell that cannot be read ("),
    "nothing": ("a.jpg", [], 7, {}, "cell that cannot be read ("),
    "huge": ("a.jpg", [], [2, 1, 2, 10**400, 4], {}, "box with unreadable coordinates (?, ?, ?, ?)"),
    "short": ("a.jpg", [], [2, 1, 2], {}, "box with unreadable coordinates (?, ?, ?, ?)"),
    "attributes": ("a.jpg", [], [2, 1, 2, 3, 4], 5, "cell that cannot be read ("),
}


@pytest.mark.parametrize("write", [csv_of_three, project_of_three])
@pytest.mark.parametrize("row", FAULTS.values(), ids=FAULTS)
def test_via_of_version_3_with_faults(tmp_path, row, write):
    said = []
    path = put(tmp_path / ("via.csv" if write is csv_of_three else "via.json"), write(GOOD, row[:4], GOOD))
    assert len(fastanchor.read(path, source_size=SIZE, report=said.append)) == 2
    places = ("line 8",) if write is csv_of_three else ("metadata 1_1", "image 0, regions[1]")
    assert any(said[0].startswith(f"{path}, {place}: {row[4]}") for place in places)


def test_via_of_version_3_with_a_faulty_header(tmp_path):
    path = put(tmp_path / "via.csv", csv_of_three(GOOD).replace('"aname"', "aname"))
    with pytest.raises(DataError, match=r"via\.csv: list of attributes that is not valid JSON \(Expecting property"):
        fastanchor.read(path)
    for lost in ("file_list", "temporal_coordinates", "# CSV_HEADER"):
        put(path, csv_of_three(GOOD).replace(lost, "# lost"))
        with pytest.raises(DataError, match=r"line 1: table that is not of VGG .* \(expected the columns file_list, "):
            fastanchor.read(path)
    shared = csv_of_three(GOOD, GOOD).replace('[""a.jpg""]', '[""a.jpg"", ""b.jpg""]', 1)
    boxes = fastanchor.read(put(path, shared), source_size=SIZE)
    assert (len(boxes), boxes.skipped) == (1, {"shape on several images at once, which is not read": 1})


def test_vott_csv(tmp_path):
    path = put(tmp_path / "x-export.csv", '"image","xmin","ymin","xmax","ymax","label"\n"a.jpg",1,2,31,42,"cat"\n')
    boxes = fastanchor.read(path, source_size=SIZE, strict=True)
    assert (datasets.detect(path), corners(boxes), boxes.class_names) == ("table", EXPECTED[:1], ("cat",))


def test_supervisely_bitmaps(tmp_path):
    png(tmp_path / "mask.png", (30, 40))
    data = base64.b64encode(zlib.compress((tmp_path / "mask.png").read_bytes())).decode()
    good = {"geometryType": "bitmap", "classTitle": "cat", "bitmap": {"data": data, "origin": [1, 2]}}
    texts = [base64.b64encode(data).decode() for data in (zlib.compress(bytes(40)), b"PNG", b"")]
    faults = [{"data": "x"}, None, *({"data": text, "origin": [1, 2]} for text in texts)]
    objects = [good, *({**good, "bitmap": bitmap} for bitmap in faults)]
    put(tmp_path / "ann" / "a.jpg.json", json.dumps({"size": {"width": 200, "height": 100}, "objects": objects}))
    boxes = fastanchor.read(tmp_path)
    assert (corners(boxes), boxes.skipped) == (EXPECTED[:1], {"box with unreadable coordinates": len(faults)})


def test_bdd100k_of_scalabel(tmp_path):
    label = {"category": "car", "box2d": {"x1": 1, "y1": 2, "x2": 31, "y2": 42}}
    vertices = [{"vertices": [[5, 5], [25, 6]], "closed": True}, {"vertices": [[10, 15]], "closed": True},
                {"vertices": [[0, 0], [99, 99]], "closed": False}]  # fmt: skip
    polygon = {"category": "car", "box2d": None, "poly2d": vertices}
    frames = [{"name": "a.jpg", "size": {"width": 200, "height": 100}, "labels": [label, polygon, {"poly2d": []}]}]
    path = put(tmp_path / "det.json", json.dumps({"frames": frames, "config": {"categories": []}}))
    boxes = fastanchor.read(path, strict=True)
    assert (datasets.detect(path), corners(boxes), boxes.skipped) == (
        "bdd100k", EXPECTED, {"label without a box2d": 1},
    )  # fmt: skip


@pytest.mark.parametrize(("own", "inner", "kind"), [
    ({"annotations", "data", "id"}, {"coordinates", "result"}, "Label Studio"),
    ({"annotations", "image"}, {"coordinates"}, "CreateML"),
    ({"categories", "items", "annotations", "images"}, set(), "Datumaro"),
    ({"classes", "labels", "samples"}, {"bounding_box", "filepath"}, "FiftyOne"),
    ({"shapes", "objects", "size"}, set(), "Supervisely"),
    ({"objects", "size", "metadata", "instances"}, set(), "SuperAnnotate or Supervisely"),
])  # fmt: skip
def test_the_order_of_the_known_kinds_does_not_matter(monkeypatch, own, inner, kind):
    content = {**dict.fromkeys(own, 1), "zz": dict.fromkeys(inner, 1)}
    for turn in (1, -1):
        for name in ("_OBJECTS", "_LISTS"):
            monkeypatch.setattr(_foreign, name, getattr(_foreign, name)[::turn])
        listed = kind in ("Label Studio", "CreateML")
        for keys in itertools.islice(itertools.permutations(content), 24):
            text = json.dumps([{key: content[key] for key in keys}] if listed else {key: content[key] for key in keys})
            assert _foreign.json_kind(text.encode(), whole=True) == kind


JSON = [name for name, one in FORMATS.items() if ".json" in ENDINGS.get(name, ())]


@pytest.mark.parametrize("name", JSON)
def test_no_json_is_read_as_another_format(tmp_path, name):
    path = FORMATS[name].write(tmp_path, IMAGES)
    assert datasets.detect(tmp_path) == name
    for other in JSON:
        if other != name:
            with pytest.raises(DataError, match=r"JSON file that is not |expected a|holds no labels of|not valid JSON"):
                fastanchor.read(path, format=other, source_size=SIZE)
