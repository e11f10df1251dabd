"""The COCO reader: both ways of decoding, every kind of bad entry, real files."""

import io
import json

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError
from fastanchor.cli import main
from fastanchor.datasets import _coco_json, detect, iter_images

IMAGES = [{"id": 1, "width": 100, "height": 80, "file_name": "a.jpg"}, {"id": 2, "width": 50, "height": 40}]
CATEGORIES = [{"id": 3, "name": "cat"}, {"id": 9, "name": "ant"}]


def annotation(bbox, image_id=1, category_id=3, **more):
    return {"id": 0, "image_id": image_id, "category_id": category_id, "bbox": bbox, **more}


def content(*annotations, **more):
    return {"images": IMAGES, "annotations": list(annotations), "categories": CATEGORIES, **more}


@pytest.fixture(params=["typed", "loose"])
def way(request, monkeypatch):
    """Read with msgspec, or without it."""
    if request.param == "typed":
        pytest.importorskip("msgspec")
    else:
        monkeypatch.setattr(_coco_json, "_decoder", lambda: None)
    return request.param


def written(folder, what, encoding="utf-8"):
    file = folder / "instances.json"
    file.write_bytes((what if isinstance(what, str) else json.dumps(what)).encode(encoding))
    return file


def test_both_ways_read_a_file(tmp_path, way):
    file = written(
        tmp_path,
        content(
            annotation([1, 2, 30, 40.5]),
            annotation([0, 0, 5, 6], image_id=2, category_id=9, iscrowd=0, extra={"deep": [1, 2]}),
            annotation([-3, -2, 7, 8], category_id=77),
            info={"year": 2020},
        ),
    )
    assert detect(file) == "coco"
    boxes = fastanchor.read(file)
    assert boxes.wh.tolist() == [[30, 40.5], [5, 6], [7, 8]]
    assert boxes.image_index.tolist() == [0, 1, 0]
    assert boxes.image_wh.tolist() == [[100, 80], [50, 40]]
    assert [boxes.class_names[c] for c in boxes.class_index] == ["cat", "ant", "unnamed"]
    assert boxes.skipped == {}
    first, second = iter_images(file)
    assert (first.name, first.width, first.classes) == ("a", 100.0, ("cat", "unnamed"))
    assert first.boxes.tolist() == [[1, 2, 31, 42.5], [-3, -2, 4, 6]]
    assert second.boxes.tolist() == [[0, 0, 5, 6]]


UNREADABLE = "box with unreadable coordinates"
BAD = {
    "image not listed": (annotation([1, 1, 5, 5], image_id=8), "annotation of an image that is not listed"),
    "zero": (annotation([1, 1, 0, 5]), "box with zero width or height"),
    "negative": (annotation([1, 1, 5, -5]), "box with negative width or height"),
    "infinite": (annotation([1, 1, float("inf"), 5]), "box with non-finite coordinates"),
    "nan corner": (annotation([float("nan"), 1, 5, 5]), UNREADABLE),
    "beyond floats": (annotation([1, 1, 10**400, 5]), "box with non-finite coordinates"),
    "polygon beyond floats": (annotation(None, segmentation=[[0, 0, 10**400, 5, 5, 5]]), UNREADABLE),
    "endless id": (annotation([1, 1, 5, 5], image_id="9" * 5000), "annotation of an image that is not listed"),
    "nan": (annotation([1, 1, float("nan"), 5]), UNREADABLE),
    "short": (annotation([1, 1, 5]), UNREADABLE),
    "text": (annotation("1 1 5 5"), UNREADABLE),
    "a word": (annotation([1, "one", 5, 5]), UNREADABLE),
    "nulls": (annotation([None, 1, 5, 5]), UNREADABLE),
    "true": (annotation([True, 1, 5, 5]), UNREADABLE),
    "nested": (annotation([[1], 1, 5, 5]), UNREADABLE),
    "null": (annotation(None), "annotation without a bbox or polygons"),
    "rle": (annotation(None, segmentation={"counts": "x", "size": [1, 1]}), "annotation without a bbox or polygons"),
    "odd polygon": (annotation([], segmentation=[[1, 2, 3]]), UNREADABLE),
    "no object": (7, "annotation that is not an object"),
    "crowd": (annotation([1, 1, 5, 5], iscrowd=1), "box of a crowd"),
    "crowd as true": (annotation([1, 1, 5, 5], iscrowd=True), "box of a crowd"),
    "crowd as text": (annotation([1, 1, 5, 5], iscrowd="1"), "box of a crowd"),
    "ignored": (annotation([1, 1, 5, 5], ignore=1), "box marked to be ignored"),
    "ignored crowd": (annotation([1, 1, 5, 5], ignore=1, iscrowd=1), "box of a crowd"),
}


@pytest.mark.parametrize("kind", BAD)
def test_bad_annotations_are_counted_by_reason(tmp_path, way, kind):
    bad, reason = BAD[kind]
    file = written(tmp_path, content(annotation([0, 0, 9, 9]), bad, annotation([0, 0, 3, 4], image_id=2)))
    said = []
    boxes = fastanchor.read(file, report=said.append)
    assert boxes.wh.tolist() == [[9, 9], [3, 4]]
    ((found, count),) = boxes.skipped.items()
    assert reason in found
    assert count == 1
    if "crowd" not in kind and kind != "ignored":
        assert said[0].startswith(f"{file}, annotations[1]: {reason}")
        assert "annotations[1]" in said[0]
        with pytest.raises(DataError, match=r"annotations\[1\]"):
            fastanchor.read(file, strict=True)
    else:
        assert len(fastanchor.read(file, strict=True)) == 2


def test_no_crowd_in_words(tmp_path, way):
    annotations = [annotation([0, 0, 9, 9], iscrowd=word) for word in ("0", "false", "", None, False)]
    boxes = fastanchor.read(written(tmp_path, content(*annotations)))
    assert len(boxes) == 5
    assert boxes.skipped == {}


def test_crowds_are_kept_when_asked_for(tmp_path, way):
    file = written(tmp_path, content(annotation([0, 0, 9, 9], iscrowd=1)))
    assert len(fastanchor.read(file, crowd=True)) == 1
    with pytest.raises(DataError, match="nothing could be read; 1 x box of a crowd"):
        fastanchor.read(file)


def test_polygons_stand_in_for_a_missing_bbox(tmp_path, way):
    polygons = [[10, 20, 30, 20, 30, 25], [5, 22, 6, 40, 7, 22]]
    file = written(tmp_path, content({"image_id": 1, "category_id": 3, "segmentation": polygons}))
    assert fastanchor.read(file).wh.tolist() == [[25, 20]]


def test_ids_of_any_kind(tmp_path, way):
    images = [{"id": "x7", "width": 10, "height": 10}, {"id": 2**40, "width": 20, "height": 20},
              {"id": "12", "width": 30, "height": 30}, {"id": "x7", "width": 99, "height": 99}]  # fmt: skip
    given = [annotation([0, 0, 1, 1], "x7"), annotation([0, 0, 2, 2], 2**40), annotation([0, 0, 3, 3], 12)]
    # annotations before images
    file = written(tmp_path, {"annotations": given, "categories": CATEGORIES, "images": images})
    boxes = fastanchor.read(file)
    assert boxes.image_wh[boxes.image_index].tolist() == [[10, 10], [20, 20], [30, 30]]
    assert boxes.skipped == {"image id given twice": 1}


def test_the_very_id_comes_first(tmp_path):
    images = [
        {"id": "1", "width": 100, "height": 80},
        {"id": 1, "width": 200, "height": 160},
        {"id": 2, "width": 50, "height": 40},
    ]
    annotations = [annotation([0, 0, 9, 9], image_id=one) for one in ("1", 1, "2", 2, 1.0)]
    boxes = fastanchor.read(written(tmp_path, {"images": images, "annotations": annotations, "categories": []}))
    assert boxes.image_wh[boxes.image_index, 0].tolist() == [100, 200, 50, 50, 200]
    assert boxes.skipped == {}


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        (b"", "line 1: empty file"),
        (b" \n", "line 1: empty file"),
        (b"version https://git-lfs.github.com/spec/v1\n", "line 1: Git LFS pointer instead of JSON"),
        (b"<!DOCTYPE html><p>404", "line 1: HTML or XML page instead of JSON"),
        (b"PK\x03\x04" + bytes(30), "zip archive instead of JSON"),
        (b"\xff\xfe\xfd", "not valid JSON"),
    ],
)
def test_json_that_says_nothing_is_named(tmp_path, content, sentence):
    (tmp_path / "a.json").write_bytes(content)
    with pytest.raises(DataError, match=sentence):
        fastanchor.read(tmp_path / "a.json")


def test_images_without_a_size(tmp_path, way):
    images = [
        {"id": 1, "file_name": "no.jpg"},
        {"id": 2, "width": 0, "height": 7},
        *({"id": 3, "width": 9, "height": 9},),
    ]
    given = [annotation([0, 0, i, i], i) for i in (1, 2, 3)]
    file = written(tmp_path, {"images": images, "annotations": given})
    boxes = fastanchor.read(file)
    assert boxes.wh.tolist() == [[3, 3]]
    assert boxes.skipped == {"image size missing": 2, "box of an image without a size": 2}
    sized = fastanchor.read(file, source_size=(64, 48))
    assert sized.image_wh.tolist() == [[64, 48], [64, 48], [9, 9]]
    pillow = pytest.importorskip("PIL.Image")
    pillow.new("L", (33, 22)).save(tmp_path / "no.jpg")
    assert fastanchor.read(file).image_wh.tolist() == [[33, 22], [9, 9]]


def test_an_image_without_a_size_and_without_annotations_is_counted_once(tmp_path, way):
    images = [{"id": 1, "width": 9, "height": 9}, {"id": 2, "file_name": "no.jpg"}]
    boxes = fastanchor.read(written(tmp_path, {"images": images, "annotations": [annotation([0, 0, 3, 4])]}))
    assert boxes.wh.tolist() == [[3, 4]]
    assert boxes.skipped == {"image size missing": 1}


def test_boxes_of_an_image_keep_the_order_of_the_file(tmp_path, way):
    images = [{"id": i, "width": 100, "height": 100} for i in (1, 2, 3)]
    given = [annotation([i, 0, 1 + i, 1], image_id=(1, 2, 3)[i % 3]) for i in range(60)]
    found = list(iter_images(written(tmp_path, {"images": images, "annotations": given, "categories": CATEGORIES})))
    assert [image.boxes[:, 0].tolist() for image in found] == [list(range(i, 60, 3)) for i in range(3)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[]", r"JSON file that is not COCO \(a list\)"),
        ('[{"image_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]', r"not COCO \(a list of detection results\)"),
        ('{"images": []}', r"not COCO \(keys images\)"),
        ('{"annotations": {}, "images": []}', r"JSON file that is not COCO"),
        ("{}", r"not COCO \(no keys\)"),
        ("7", r"JSON file that is not COCO"),
        ('{"annotations": [,]}', "line 1: not valid JSON"),
        ('{"annotations":\n[', "line 2: not valid JSON"),
        ("<html>\n<body>annotations", "line 1: HTML or XML page instead of JSON"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "Git LFS pointer instead of JSON"),
        ('{"images": [], "annotations": []}', "nothing could be read; no image is listed"),
        ('{"annotations": [{"image_id": 1, "bbox": [1, 2, 3, 4]}]}', "COCO file without images"),
        ('{"annotations": ' + "[" * 100_000, "JSON nested too deeply"),
        ('{"annotations": [' + "9" * 5000 + "]}", "annotation that is not an object|number of thousands of digits"),
    ],
)
def test_files_that_are_no_coco(tmp_path, way, text, sentence):
    with pytest.raises(DataError, match=sentence) as caught:
        fastanchor.read(written(tmp_path, text), format="coco")
    assert "instances.json" in str(caught.value)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16"])
def test_encodings(tmp_path, way, encoding):
    file = written(tmp_path, content(annotation([0, 0, 3, 4])), encoding)
    assert len(fastanchor.read(file, format="coco")) == 1


def test_a_folder_holds_the_parts(tmp_path, way):
    (tmp_path / "annotations").mkdir()
    for part, side in (("train", 5), ("val", 7)):
        file = tmp_path / "annotations" / f"instances_{part}.json"
        file.write_text(json.dumps(content(annotation([0, 0, side, side]))))
    (tmp_path / "annotations" / "other.json").write_text("{}")
    assert detect(tmp_path) == "coco"
    both = fastanchor.read(tmp_path)
    assert both.wh.tolist() == [[5, 5], [7, 7]]
    assert both.image_index.tolist() == [0, 2]
    assert fastanchor.read(tmp_path, split="val").wh.tolist() == [[7, 7]]
    assert both.split == ("train", "train", "val", "val")
    assert fastanchor.read(tmp_path, split="auto").wh.tolist() == [[5, 5]]
    with pytest.raises(DataError, match="split = 'test': must be 'all' or one of 'train', 'val', in "):
        fastanchor.read(tmp_path, split="test")


FILLER = [{"id": i, "width": 100, "height": 80, "file_name": f"{i:060}.jpg"} for i in range(1, 1500)]

# what a large file begins with -> the file
LARGE = {
    "images": {"images": FILLER, "annotations": [annotation([0, 0, 3, 4])], "categories": CATEGORIES},
    "annotations": {"annotations": [{"note": "x" * 70_000, **annotation([0, 0, 3, 4])}], "images": IMAGES},
    "categories": {
        "categories": [*CATEGORIES, {"id": 5, "name": "x" * 70_000}],
        "images": IMAGES,
        "annotations": [annotation([0, 0, 3, 4])],
    },
    "info": {"info": {"about": "x" * 70_000}, **content(annotation([0, 0, 3, 4]))},
}


@pytest.mark.parametrize("first", LARGE)
def test_a_large_file_in_a_folder_is_known_by_its_beginning(tmp_path, way, first):
    file = written(tmp_path, LARGE[first])
    assert file.read_bytes().index(b'"annotations"') > 1 << 16 or first == "annotations"
    (tmp_path / "notes.json").write_text(json.dumps({"text": "x" * 70_000}))
    assert detect(tmp_path) == "coco"
    boxes = fastanchor.read(tmp_path)
    assert boxes.wh.tolist() == [[3, 4]]
    assert len(boxes.image_wh) == len(LARGE[first]["images"])


def test_a_large_list_of_results_in_a_folder_is_named(tmp_path):
    written(tmp_path, json.dumps([{"image_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}] * 2000))
    with pytest.raises(DataError, match=r"no labels recognised here; .*1 \.json \(a list of detection results\)"):
        fastanchor.read(tmp_path)


@pytest.mark.parametrize("text", [{"text": "x" * 70_000}, {"text": "images"}, ["box"]])
def test_json_of_another_kind_in_a_folder_is_no_coco(tmp_path, text):
    written(tmp_path, text)
    with pytest.raises(DataError, match="no labels recognised here"):
        detect(tmp_path)


def test_many_bad_ones_are_counted_and_few_named(tmp_path, way):
    said = []
    boxes = fastanchor.read(
        written(tmp_path, content(*[annotation([0, 0, 0, 0])] * 1000, annotation([0, 0, 7, 8]))), report=said.append
    )
    assert boxes.skipped == {"box with zero width or height": 1000}
    assert len(said) == 6
    assert said[5] == "99% of what was found is skipped; most often: box with zero width or height"


def test_real_files(data):
    for name in ("taco/annotations.json", "six_formats/coco_format_v1", "six_formats/coco_format_v2"):
        path = data / name
        file = path if path.is_file() else next(path.glob("*.json"))
        plain = json.loads(file.read_text())
        boxes = fastanchor.read(path)
        expected = np.array([a["bbox"][2:] for a in plain["annotations"]], dtype=float)
        assert np.array_equal(boxes.wh, expected)
        assert len(boxes.image_wh) == len(plain["images"])
        sizes = {image["id"]: (image["width"], image["height"]) for image in plain["images"]}
        assert [sizes[a["image_id"]] for a in plain["annotations"]] == list(
            map(tuple, boxes.image_wh[boxes.image_index].tolist())
        )
        names = {c["id"]: c["name"] for c in plain["categories"]}
        assert [names[a["category_id"]] for a in plain["annotations"]] == [
            boxes.class_names[c] for c in boxes.class_index
        ]


def test_both_ways_agree_on_real_files(data, monkeypatch):
    pytest.importorskip("msgspec")
    file = data / "taco" / "annotations.json"
    typed = fastanchor.read(file)
    monkeypatch.setattr(_coco_json, "_decoder", lambda: None)
    loose = fastanchor.read(file)
    assert np.array_equal(typed.wh, loose.wh)
    assert np.array_equal(typed.image_index, loose.image_index)
    assert np.array_equal(typed.class_index, loose.class_index)


def test_parts_are_words_and_no_letters(tmp_path, way):
    for name, side in (
        ("untrained", 1),
        ("my_train", 2),
        ("trainval2017", 3),
        ("instances_val2017", 4),
        ("contest", 5),
    ):
        (tmp_path / f"{name}.json").write_text(json.dumps(content(annotation([0, 0, side, side]))))
    sides = {split: fastanchor.read(tmp_path, split=split).wh[:, 0].tolist() for split in ("train", "trainval", "val")}
    assert sides == {"train": [2], "trainval": [3], "val": [4]}
    assert fastanchor.read(tmp_path, split="train+val").wh[:, 0].tolist() == [4, 2]
    with pytest.raises(DataError, match="split = 'test': must be 'all' or one of 'train', 'trainval', 'val', in "):
        fastanchor.read(tmp_path, split="test")
    assert len(fastanchor.read(tmp_path)) == 5


def test_roboflow(tmp_path, way):
    for part, side in (("train", 1), ("valid", 2), ("test", 3)):
        (tmp_path / part).mkdir()
        what = content(annotation([0, 0, side, side]), info={"year": "2024", "url": "https://example.org"})
        (tmp_path / part / "_annotations.coco.json").write_text(json.dumps(what))
    (tmp_path / "README.roboflow.txt").write_text("Exported with 12 images.\n")
    assert detect(tmp_path) == "coco"
    boxes = fastanchor.read(tmp_path)
    assert [boxes.split[i] for i in boxes.image_index] == ["test", "train", "val"]
    assert boxes.wh[:, 0].tolist() == [3, 1, 2]
    for split, side in (("train", 1), ("val", 2), ("valid", 2), ("auto", 1)):
        assert fastanchor.read(tmp_path, split=split).wh.tolist() == [[side, side]]


@pytest.mark.parametrize("place", ["one.json", "a/b/c/one.json", "annotations/train/one.json"])
def test_files_at_any_depth(tmp_path, place):
    file = tmp_path / place
    file.parent.mkdir(parents=True, exist_ok=True)
    file.write_text(json.dumps(content(annotation([0, 0, 3, 4]))))
    (tmp_path / "package.json").write_text('{"name": "x", "version": "1"}')
    assert fastanchor.read(tmp_path, strict=True).wh.tolist() == [[3, 4]]


def test_captions_and_key_points_are_no_second_set(tmp_path, way):
    for name in ("instances_val2017", "person_keypoints_val2017", "captions_val2017"):
        (tmp_path / f"{name}.json").write_text(json.dumps(content(annotation([0, 0, 3, 4]))))
    boxes = fastanchor.read(tmp_path, strict=True)
    assert boxes.wh.tolist() == [[3, 4]]
    assert boxes.skipped == {"file of captions or key points beside instances": 2}
    (tmp_path / "instances_val2017.json").unlink()
    assert len(fastanchor.read(tmp_path)) == 2
    assert len(fastanchor.read(tmp_path / "person_keypoints_val2017.json")) == 1


BROKEN = {
    "empty": (b"", "empty file"),
    "cut": (b'{"images": [{"id": 1}], "annotations": [', "not valid JSON"),
    "lfs": (b"version https://git-lfs.github.com/spec/v1\n", "Git LFS pointer instead of JSON (run: git lfs pull)"),
    "page": (b"<html>", "HTML or XML page instead of JSON"),
    "no list": (b'{"annotations": {"a": 1}, "images": []}', "JSON file that is not COCO"),
}


@pytest.mark.parametrize("kind", BROKEN)
def test_one_bad_file_of_several_is_skipped_and_counted(tmp_path, way, kind):
    bad, reason = BROKEN[kind]
    for part in ("train", "val"):
        (tmp_path / f"instances_{part}.json").write_text(json.dumps(content(*[annotation([0, 0, 3, 4])] * 9)))
    (tmp_path / "instances_test.json").write_bytes(bad)
    said = []
    boxes = fastanchor.read(tmp_path, report=said.append)
    assert (len(boxes), len(boxes.image_wh), boxes.skipped) == (18, 4, {reason: 1})
    assert said[0].startswith(str(tmp_path / "instances_test.json"))
    with pytest.raises(DataError, match="instances_test"):
        fastanchor.read(tmp_path, strict=True)
    with pytest.raises(DataError, match=r"^[^:]*instances_test\.json(, line \d)?: "):
        fastanchor.read(tmp_path / "instances_test.json", format="coco")


OTHERS = {
    "LabelMe": {"version": "5", "shapes": [{"label": "a", "points": []}], "imagePath": "a.jpg", "imageData": None},
    "CreateML": [{"image": "a.jpg", "annotations": [{"label": "a", "coordinates": {"x": 1, "y": 2}}]}],
    "VGG Image Annotator": {"a.jpg9": {"filename": "a.jpg", "size": 9, "regions": [{"shape_attributes": {}}]}},
    "BDD100K": [{"name": "a.jpg", "labels": [{"category": "car", "box2d": {"x1": 1}}]}],
    "Label Studio": [{"id": 1, "data": {"image": "a.jpg"}, "annotations": [{"result": []}]}],
    "a list of detection results": [{"image_id": 1, "category_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}],
    "Supervisely": {"description": "", "tags": [], "size": {"height": 1, "width": 1}, "objects": []},
    "VoTT": {"asset": {"id": "x"}, "regions": []},
    "Labelbox": [{"ID": "x", "Labeled Data": "https://x.org", "Label": {"objects": []}}],
    "SuperAnnotate": {"metadata": {"name": "a.jpg"}, "instances": []},
    "FiftyOne": {"classes": ["a"], "labels": {"a": [{"bounding_box": [0, 0, 1, 1]}]}},
    "GeoJSON": {"type": "FeatureCollection", "features": [{"geometry": None}]},
    "keys a, b": {"a": 1, "b": {"annotations": [], "images": []}},
    "a list": [1, 2, "annotations"],
    "no keys": {},
}
KNOWN = ("LabelMe", "CreateML", "VGG Image Annotator", "BDD100K", "Label Studio", "Supervisely", "VoTT", "Labelbox",
         "SuperAnnotate", "FiftyOne")  # fmt: skip


@pytest.mark.parametrize("size", ["small", "large"])
@pytest.mark.parametrize("what", OTHERS)
def test_json_of_another_kind_is_named(tmp_path, what, size):
    given = OTHERS[what]
    if size == "large":
        given = {**given, "zz": "{x" * 70_000} if isinstance(given, dict) else [*given, *given[:1] * 20_000]
        what = {"no keys": "keys zz", "keys a, b": "keys a, b, zz"}.get(what, what)
    file = written(tmp_path, given)
    with pytest.raises(DataError, match=rf"JSON file that is not COCO \({what}\)"):
        fastanchor.read(file, format="coco")
    if what in KNOWN:
        return
    with pytest.raises(DataError, match=rf"no labels recognised here; it is a \.json file \({what}\)"):
        fastanchor.read(file)
    with pytest.raises(DataError, match=rf"no labels recognised here; it holds 1 \.json \({what}\)"):
        fastanchor.read(tmp_path)


@pytest.mark.parametrize("what", [kind for kind in OTHERS if kind not in KNOWN])
def test_a_file_is_not_announced_before_it_is_looked_at(tmp_path, capsys, what):
    assert main(["stats", str(written(tmp_path, OTHERS[what]))]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert "read as" not in err
    assert f"it is a .json file ({what}); formats of .json files: bdd100k, " in err


def test_standard_input(monkeypatch, way):
    text = json.dumps(content(annotation([0, 0, 3, 4])))
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode())))
    assert fastanchor.read("-").wh.tolist() == [[3, 4]]
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(text.encode("utf-16"))))
    (one, _) = iter_images("-", format="coco")
    assert one.boxes.tolist() == [[0, 0, 3, 4]]


# --- corners in bbox


def corners(*boxes, **more):
    return content(*(annotation(list(b), area=(b[2] - b[0]) * (b[3] - b[1]), **more) for b in boxes))


CORNERS = [(10, 20, 40, 60), (50, 5, 90, 75), (30.5, 40.5, 61, 79), (0, 0, 20, 30)]
SIDES = [[30, 40], [40, 70], [30.5, 38.5], [20, 30]]


def test_corners_that_areas_prove_are_converted_with_a_remark(tmp_path, way):
    file = written(tmp_path, corners(*CORNERS))
    boxes = fastanchor.read(file)
    assert boxes.wh.tolist() == SIDES
    assert [remark.kind for remark in boxes.remarks] == ["corners in bbox", "one class"]
    assert iter_images(file).__next__().boxes.tolist() == [list(map(float, box)) for box in CORNERS]
    forced = fastanchor.read(file, form="xywh")
    assert forced.wh.tolist() == [list(map(float, box[2:])) for box in CORNERS]
    assert "areas that contradict the boxes" in [remark.kind for remark in forced.remarks if remark.doubt]


NOT_PROVEN = {
    "one area is of sides": content(*corners(*CORNERS[:3])["annotations"], annotation([30, 40, 61, 70], area=61 * 70)),
    "one area is missing": content(*corners(*CORNERS[:3])["annotations"], annotation([30, 40, 61, 79])),
    "one area is a word": content(*corners(*CORNERS[:3])["annotations"], annotation([30, 40, 61, 79], area="big")),
    "no areas": content(*(annotation(list(box)) for box in CORNERS)),
    "areas of polygons": content(*(annotation(list(box), area=100) for box in CORNERS)),
    "areas of sides": content(*(annotation(list(box), area=box[2] * box[3]) for box in CORNERS)),
}


@pytest.mark.parametrize("kind", NOT_PROVEN)
def test_what_is_not_proven_is_read_as_the_format_says(tmp_path, way, kind):
    given = NOT_PROVEN[kind]
    file = written(tmp_path, given)
    boxes = fastanchor.read(file)
    assert boxes.wh.tolist() == [one["bbox"][2:] for one in given["annotations"]]
    names = [remark.kind for remark in boxes.remarks]
    assert "corners in bbox" not in names
    doubts = "areas that contradict the boxes" in names
    assert doubts == (kind in ("one area is of sides", "one area is missing", "one area is a word") and (
        way == "loose" or kind != "one area is a word"))  # fmt: skip
    assert fastanchor.read(file, form="xyxy").wh.tolist() == [
        [b[2] - b[0], b[3] - b[1]] for b in (one["bbox"] for one in given["annotations"])
    ]


def test_corners_in_one_file_of_two_are_not_proven(tmp_path, way):
    (tmp_path / "train.json").write_text(json.dumps(corners(*CORNERS)))
    right = [annotation([40, 50, 20, 10], area=200)] * 3
    (tmp_path / "val.json").write_text(json.dumps(content(*right)))
    boxes = fastanchor.read(tmp_path)
    assert boxes.wh.tolist() == [*(list(map(float, box[2:])) for box in CORNERS), *[[20, 10]] * 3]
    assert "corners in bbox" not in [remark.kind for remark in boxes.remarks]
    assert "areas that contradict the boxes" in [remark.kind for remark in boxes.remarks]


def test_polygons_have_the_form_that_is_given(tmp_path, way):
    polygon = {"image_id": 1, "category_id": 3, "segmentation": [[10, 20, 30, 20, 30, 26]]}
    file = written(tmp_path, content(annotation([1, 2, 3, 4]), polygon))
    for form, first in (("xyxy", [2, 2]), ("xywh", [3, 4]), ("cxcywh", [3, 4])):
        assert fastanchor.read(file, form=form).wh.tolist() == [first, [20, 6]]
        (image, _) = iter_images(file, form=form)
        assert image.boxes[1].tolist() == [10, 20, 30, 26]


def test_relative_coordinates(tmp_path, way):
    file = written(tmp_path, content(*[annotation([0.25, 0.25, 0.5, 0.125])] * 5))
    boxes = fastanchor.read(file)
    assert boxes.wh.tolist() == [[50, 10]] * 5
    assert "relative coordinates" in [remark.kind for remark in boxes.remarks]
    assert fastanchor.read(file, unit="percent").wh.tolist() == [[0.5, 0.1]] * 5


@pytest.mark.parametrize(
    ("files", "names"),
    [
        (["a.jpg", "x/b.jpg"], ["a", "b"]),
        (["x/a.jpg", "y/a.jpg", "x/b.jpg"], ["x/a", "y/a", "b"]),
        (["x/y/a.b.jpg", "x\\z\\a.b.jpg"], ["x/y/a.b", "x/z/a.b"]),
        (["/home/me/x/a.jpg", "/home/me/y/a.jpg"], ["a", "a"]),
        (["C:\\x\\a.jpg", "../x/a.jpg", "https://x.org/a.jpg"], ["a", "a", "a"]),
    ],
)
def test_images_of_the_same_name_keep_their_folders(tmp_path, files, names):
    content = {
        "images": [{"id": i, "file_name": file, "width": 100, "height": 80} for i, file in enumerate(files)],
        "annotations": [{"id": i, "image_id": i, "category_id": 1, "bbox": [1, 2, 30, 40]} for i in range(len(files))],
        "categories": [{"id": 1, "name": "cat"}],
    }
    (tmp_path / "a.json").write_text(json.dumps(content))
    assert [image.name for image in fastanchor.datasets.iter_images(tmp_path / "a.json")] == names
