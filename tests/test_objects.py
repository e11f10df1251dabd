"""Objects of other libraries, recognised by what they offer: small stand-ins of the same shape."""

from collections.abc import Mapping
from types import SimpleNamespace

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError, datasets

from contract import expected, rows
from labels import CLASSES, IMAGES, png


def coco():
    boxes = [(number, *box) for number, (_, _, found) in enumerate(IMAGES) for box in found]
    return {
        "images": [{"id": number, "file_name": f"{name}.png", "width": size[0], "height": size[1]}
                   for number, (name, size, _) in enumerate(IMAGES)],
        "annotations": [{"id": number, "image_id": image, "category_id": CLASSES.index(kind), "iscrowd": 0,
                         "bbox": [x0, y0, x1 - x0, y1 - y0]}
                        for number, (image, kind, x0, y0, x1, y1) in enumerate(boxes)],
        "categories": [{"id": number, "name": kind} for number, kind in enumerate(CLASSES)],
    }  # fmt: skip


def detections(boxes, **others):
    """Return what supervision has for an image."""
    kinds = [CLASSES.index(kind) for kind, *_ in boxes]
    return SimpleNamespace(xyxy=np.array([corners for _, *corners in boxes], np.float32).reshape(-1, 4),
                           class_id=np.array(kinds, int), mask=None, confidence=None, data={}, **others)  # fmt: skip


def supervision(paths=None):
    images = {f"x/{name}.png": np.zeros((*size[::-1], 3)) for name, size, _ in IMAGES}
    found = {f"x/{name}.png": detections(boxes) for name, _, boxes in IMAGES}
    if paths is None:
        return SimpleNamespace(classes=list(CLASSES), annotations=found, _images_in_memory=images)
    return SimpleNamespace(classes=list(CLASSES), image_paths=[*images], _images_in_memory={},
                           annotations={f"{paths}/{name}": one for name, one in found.items()})  # fmt: skip


class Sample:
    """A sample of FiftyOne."""

    def __init__(self, name, size, boxes, tags=()):
        self.filepath = f"/data/{name}.png"
        width, height = size
        self._found = {"filepath": self.filepath, "tags": list(tags),
                       "metadata": {"_cls": "ImageMetadata", "width": width, "height": height},
                       "ground_truth": {"_cls": "Detections", "detections": [
                           {"_cls": "Detection", "label": kind, "bounding_box": [
                               x0 / width, y0 / height, (x1 - x0) / width, (y1 - y0) / height]}
                           for kind, x0, y0, x1, y1 in boxes]} if boxes else None}  # fmt: skip

    def to_dict(self):
        return self._found


class Samples:
    """A data set of FiftyOne."""

    def __init__(self, samples, **fields):
        self._samples, self._fields = samples, {"filepath": "", "ground_truth": "Detections", **fields}

    def get_field_schema(self):
        return {name: SimpleNamespace(document_type=type(kind, (), {}) if kind else None)
                for name, kind in self._fields.items()}  # fmt: skip

    def values(self, path):
        return [self._value(sample.to_dict(), *path.split(".")) for sample in self._samples]

    def _value(self, value, key, *further):
        found = value.get(key)
        if not further or found is None:
            return found
        return [one.get(further[0]) for one in found] if isinstance(found, list) else self._value(found, *further)


class Dataset:
    """A data set of Hugging Face, whose boxes are structs of lists."""

    def __init__(self, images, lists=False):
        self.arrow = pytest.importorskip("pyarrow")
        self._lists, self._images = lists, images
        columns = {
            "image": [{"bytes": b"never decoded", "path": f"{name}.png"} for name, _, _ in images],
            "width": [size[0] for _, size, _ in images], "height": [size[1] for _, size, _ in images],
            "objects": [self._objects(boxes) for _, _, boxes in images],
        }  # fmt: skip
        self._table = self.arrow.table(columns)
        names = '{"info": {"features": {"objects": {"category": {"names": ["c9", "c10"]}}}}}'
        self.features = SimpleNamespace(arrow_schema=self._table.schema.with_metadata({"huggingface": names}))
        self.column_names = [*columns]

    def _objects(self, boxes):
        found = [{"bbox": [float(x0), y0, x1 - x0, y1 - y0], "category": CLASSES.index(kind)}
                 for kind, x0, y0, x1, y1 in boxes]  # fmt: skip
        return found if self._lists else {key: [one[key] for one in found] for key in ("bbox", "category")}

    def __len__(self):
        return self._table.num_rows

    def select_columns(self, names):
        chosen = Dataset(self._images, self._lists)
        chosen._table = self._table.select(names)
        return chosen

    def with_format(self, kind):
        assert kind == "arrow"
        return self

    def __getitem__(self, rows):
        return self._table.slice(rows.start, rows.stop - rows.start)


OBJECTS = {
    "decoded COCO": coco,
    "pycocotools": lambda: SimpleNamespace(dataset=coco(), anns={}, imgs={}),
    "supervision": supervision,
    "FiftyOne": lambda: Samples([Sample(*image) for image in IMAGES]),
    "samples of FiftyOne": lambda: [Sample(*image) for image in IMAGES],
    "Dataset": lambda: Dataset(IMAGES),
    "Dataset of lists": lambda: Dataset(IMAGES, lists=True),
    "DatasetDict": lambda: {"train": Dataset(IMAGES[:1]), "test": Dataset(IMAGES[1:])},
}


@pytest.mark.parametrize("name", OBJECTS)
def test_every_kind_of_object(name, monkeypatch):
    monkeypatch.setattr("fastanchor.datasets._object_tables.GROUP", 2)
    value = OBJECTS[name]()
    boxes = fastanchor.read(value, strict=True)
    assert rows(boxes) == expected("coco")
    assert boxes.xy.tolist() == [[x0, y0] for _, _, found in IMAGES for _, x0, y0, _, _ in found]
    assert boxes.class_names == CLASSES
    assert [file.rpartition("/")[2] for file in boxes.files] == ["1.png", "9.png", "10.png"]
    found = list(datasets.iter_images(value))
    assert [(image.name, len(image.boxes)) for image in found] == [("1", 2), ("9", 1), ("10", 1)]
    assert rows(fastanchor.read([value, value])) == sorted(2 * expected("coco"))


EMPTY = [*IMAGES, ("11", (32, 16), [])]
WITHOUT = {
    "FiftyOne": lambda: Samples([Sample(*image) for image in EMPTY]),
    "sample": lambda: [Sample(*image) for image in EMPTY],
    "Dataset": lambda: Dataset(EMPTY),
}


@pytest.mark.parametrize("name", WITHOUT)
def test_images_without_boxes(name):
    boxes = fastanchor.read(WITHOUT[name](), strict=True)
    assert (len(boxes), boxes.image_wh[3].tolist()) == (4, [32, 16])


def test_splits():
    boxes = fastanchor.read(OBJECTS["DatasetDict"](), split="test")
    assert (rows(boxes), boxes.split) == (expected("coco", IMAGES[1:]), ("test", "test"))
    tagged = Samples(
        [Sample(*image, tags=["mine", tag]) for image, tag in zip(IMAGES, ("train", "Val", ""), strict=True)]
    )
    assert rows(fastanchor.read(tagged, split="val")) == expected("coco", IMAGES[1:2])
    with pytest.raises(DataError, match="must be 'all' or one of 'train', 'val', in Samples object"):
        fastanchor.read(tagged, split="test")


def test_boxes_of_a_single_image():
    value = detections(IMAGES[0][2])
    boxes = fastanchor.read(value)
    assert (boxes.wh.tolist(), boxes.image_wh) == ([[64, 64], [128, 64]], None)
    assert rows(fastanchor.read(value, source_size=(256, 128))) == [
        ([256, 128], [64, 64], "1"), ([256, 128], [128, 64], "0")
    ]  # fmt: skip
    value.data = {"class_name": np.array(["c10", "c9"])}
    assert rows(fastanchor.read(value, source_size=(256, 128))) == expected("coco", IMAGES[:1])
    value.class_id, value.data = None, {}
    assert fastanchor.read(value).class_names == ("unnamed",)


def test_sizes_come_from_the_images(tmp_path):
    for name, size, _ in IMAGES:
        png(tmp_path / "x" / f"{name}.png", size)
    assert rows(fastanchor.read(supervision(tmp_path), strict=True)) == expected("coco")
    with pytest.raises(DataError, match=r"DatasetX object: nothing could be read; .*image size missing"):
        fastanchor.read(type("DatasetX", (), vars(supervision("nowhere")))())


def test_faults_are_named():
    content, said = coco(), []
    content["annotations"][1]["bbox"][2] = 0
    boxes = fastanchor.read(SimpleNamespace(dataset=content), report=said.append)
    assert (len(boxes), boxes.skipped) == (3, {"box with zero width or height": 1})
    assert said[0].startswith("SimpleNamespace object, annotations[1]: box with zero width or height (0, 0, 0, 64)")
    with pytest.raises(DataError, match="SimpleNamespace object, annotations"):
        fastanchor.read(SimpleNamespace(dataset=content), strict=True)
    with pytest.raises(DataError, match="Samples object: several fields with boxes, and none is called ground_truth"):
        fastanchor.read(Samples([Sample(*IMAGES[0])], ground_truth="", a="Detections", b="Detections"))
    with pytest.raises(DataError, match=r"Samples object: no field with boxes .expected Detections or Polylines; got "):
        fastanchor.read(Samples([Sample(*IMAGES[0])], ground_truth=""))


@pytest.mark.parametrize("value", [object(), {}, {"a": 1}, SimpleNamespace(dataset=3), 7, None, [object()]])
def test_other_objects_are_refused(value):
    with pytest.raises(DataError, match=r"path = .*: must be the path of a file or folder"):
        fastanchor.read(value)


def test_options_that_objects_do_not_have():
    with pytest.raises(DataError, match=r"format = 'coco' for dict object: must be auto$"):
        fastanchor.read(coco(), format="coco")
    with pytest.raises(DataError, match=r"columns = .*: not supported for coco"):
        fastanchor.read(coco(), columns=("w", "h"))
    assert fastanchor.read(Dataset(IMAGES), form="xyxy", unit="pixels").wh.tolist()[0] == [32, 48]


def test_a_mapping_is_enough():
    class Own(Mapping):
        def __init__(self, content):
            self.content = content

        def __getitem__(self, key):
            return self.content[key]

        def __iter__(self):
            return iter(self.content)

        def __len__(self):
            return len(self.content)

    assert rows(fastanchor.read(Own(coco()))) == expected("coco")
