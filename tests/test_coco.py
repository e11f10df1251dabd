"""The COCO reader: both ways of decoding, every kind of bad entry, real files."""

import json

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError
from fastanchor.datasets import _coco_json, coco, detect, iter_images

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


BAD = {
    "image not listed": (annotation([1, 1, 5, 5], image_id=8), "annotation of an image that is not listed"),
    "zero": (annotation([1, 1, 0, 5]), "box with zero width or height"),
    "negative": (annotation([1, 1, 5, -5]), "box with negative width or height"),
    "infinite": (annotation([1, 1, float("inf"), 5]), "box with non-finite coordinates"),
    "nan corner": (annotation([float("nan"), 1, 5, 5]), "box with non-finite coordinates"),
    "beyond floats": (annotation([1, 1, 10**400, 5]), "box with non-finite coordinates"),
    "polygon beyond floats": (annotation(None, segmentation=[[0, 0, 10**400, 5, 5, 5]]), "unreadable polygons"),
    "endless id": (annotation([1, 1, 5, 5], image_id="9" * 5000), "annotation of an image that is not listed"),
    "nan": (annotation([1, 1, float("nan"), 5]), "box with non-finite coordinates"),
    "short": (annotation([1, 1, 5]), "bbox that is not four numbers"),
    "text": (annotation("1 1 5 5"), "bbox that is not four numbers"),
    "nulls": (annotation([None, 1, 5, 5]), "bbox that is not four numbers"),
    "null": (annotation(None), "annotation without a bbox or polygons"),
    "rle": (annotation(None, segmentation={"counts": "x", "size": [1, 1]}), "annotation without a bbox or polygons"),
    "odd polygon": (annotation([], segmentation=[[1, 2, 3]]), "unreadable polygons"),
    "no object": (7, "annotation that is no object"),
    "crowd": (annotation([1, 1, 5, 5], iscrowd=1), "annotation of a crowd (iscrowd)"),
    "crowd as true": (annotation([1, 1, 5, 5], iscrowd=True), "annotation of a crowd (iscrowd)"),
    "crowd as text": (annotation([1, 1, 5, 5], iscrowd="1"), "annotation of a crowd (iscrowd)"),
    "ignored": (annotation([1, 1, 5, 5], ignore=1), "annotation marked ignore"),
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
    assert len(fastanchor.read(file)) == 0


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
    [(b"", "is no JSON"), (b"version https://git-lfs.github.com/spec/v1\n", "pointer of Git LFS")],
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
    assert boxes.skipped == {"image without a size": 2, "annotation of an image without a size": 2}
    sized = fastanchor.read(file, source_size=(64, 48))
    assert sized.image_wh.tolist() == [[64, 48], [64, 48], [9, 9]]
    pillow = pytest.importorskip("PIL.Image")
    pillow.new("L", (33, 22)).save(tmp_path / "no.jpg")
    assert fastanchor.read(file).image_wh.tolist() == [[33, 22], [9, 9]]


def test_an_image_without_a_size_and_without_annotations_is_counted_once(tmp_path, way):
    images = [{"id": 1, "width": 9, "height": 9}, {"id": 2, "file_name": "no.jpg"}]
    boxes = fastanchor.read(written(tmp_path, {"images": images, "annotations": [annotation([0, 0, 3, 4])]}))
    assert boxes.wh.tolist() == [[3, 4]]
    assert boxes.skipped == {"image without a size": 1}


def test_boxes_of_an_image_keep_the_order_of_the_file(tmp_path, way):
    images = [{"id": i, "width": 100, "height": 100} for i in (1, 2, 3)]
    given = [annotation([i, 0, 1 + i, 1], image_id=(1, 2, 3)[i % 3]) for i in range(60)]
    found = list(iter_images(written(tmp_path, {"images": images, "annotations": given, "categories": CATEGORIES})))
    assert [image.boxes[:, 0].tolist() for image in found] == [list(range(i, 60, 3)) for i in range(3)]


@pytest.mark.parametrize(
    ("text", "sentence"),
    [
        ("[]", "a COCO file is an object"),
        ('[{"image_id": 1, "bbox": [1, 2, 3, 4], "score": 0.5}]', "is a list, as detection results are"),
        ('{"images": []}', "no list of annotations"),
        ('{"annotations": [,]}', "line 1: is no JSON"),
        ("<html>\n<body>annotations", "is an HTML or XML page"),
        ("version https://git-lfs.github.com/spec/v1\noid sha256:0\nsize 9\n", "pointer of Git LFS"),
        ('{"images": [], "annotations": []}', "no image could be read"),
        ('{"annotations": ' + "[" * 100_000, "nested too deeply"),
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
    with pytest.raises(DataError, match="must be part of the name of one of instances_train"):
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
    with pytest.raises(DataError, match="is a list, as detection results are"):
        fastanchor.read(tmp_path)


@pytest.mark.parametrize("text", [{"text": "x" * 70_000}, {"text": "images"}, ["box"]])
def test_json_of_another_kind_in_a_folder_is_no_coco(tmp_path, text):
    written(tmp_path, text)
    with pytest.raises(DataError, match="no labels recognised here"):
        detect(tmp_path)


def test_many_bad_ones_are_counted_and_few_named(tmp_path, way):
    said = []
    boxes = fastanchor.read(
        written(tmp_path, content(*[annotation([0, 0, 0, 0])] * 1000, annotation([0, 0, 1, 1]))), report=said.append
    )
    assert boxes.skipped == {"box with zero width or height": 1000}
    assert len(said) == 5


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
    typed = coco.read(file)
    monkeypatch.setattr(_coco_json, "_decoder", lambda: None)
    loose = coco.read(file)
    assert np.array_equal(typed.wh, loose.wh)
    assert np.array_equal(typed.image_index, loose.image_index)
    assert np.array_equal(typed.class_index, loose.class_index)
