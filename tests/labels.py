"""The same images written in every format that can hold them: small, by hand, without data of anyone else.

An image is ``(name, (width, height), [(class, x0, y0, x1, y1), ...])``, pixels. A writer puts the labels of some images
into a folder, with the pictures if wanted, and returns the path to read. Boxes are written as they are given, so that a
test can plant a wrong one. ``parts`` maps the names of splits to names of images, for the formats that have such lists.
Sides of images that are powers of two keep relative coordinates exact.
"""

import csv
import json
import struct
import zlib
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

Image = tuple[str, tuple[int, int], Sequence[tuple[str, float, float, float, float]]]
Parts = Mapping[str, Sequence[str]]

CLASSES = ("c9", "c10")
# in natural order 9 comes before 10, in that of letters behind it; "c10" is met before "c9"
IMAGES: list[Image] = [
    ("1", (256, 128), [("c10", 32, 16, 96, 80), ("c9", 0, 0, 128, 64)]),
    ("9", (128, 256), [("c9", 16, 32, 48, 160)]),
    ("10", (64, 64), [("c10", 8, 8, 40, 24)]),
]


def png(path: Path, size: tuple[int, int]) -> None:
    """Write a black picture."""

    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    head = struct.pack(">IIBBBBB", *size, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes((size[0] + 1) * size[1]))
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", head) + chunk(b"IDAT", rows) + chunk(b"IEND", b""))


def draw(folder: Path, images: Sequence[Image], wanted: bool) -> None:
    for name, size, _ in images if wanted else ():
        png(folder / f"{name}.png", size)


def put(path: Path, text: str) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8")
    return path


def voc(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``Annotations/NAME.xml``, a box a line from line 4 on, and ``ImageSets/Main``."""
    for name, (width, height), boxes in images:
        lines = ["<annotation>", f"<filename>{name}.png</filename>",
                 f"<size><width>{width}</width><height>{height}</height><depth>3</depth></size>"]  # fmt: skip
        for kind, *corners in boxes:
            sides = "".join(f"<{k}>{v}</{k}>" for k, v in zip(("xmin", "ymin", "xmax", "ymax"), corners, strict=True))
            lines.append(f"<object><name>{kind}</name><difficult>0</difficult><bndbox>{sides}</bndbox></object>")
        put(folder / "Annotations" / f"{name}.xml", "\n".join([*lines, "</annotation>", ""]))
    for part, names in (parts or {}).items():
        put(folder / "ImageSets" / "Main" / f"{part}.txt", "".join(f"{name}\n" for name in names))
    draw(folder / "JPEGImages", images, pictures)
    return folder


def coco(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``annotations/instances_PART.json``, or one such file of all, and ``images``."""
    draw(folder / "images", images, pictures)
    for part, names in (parts or {"all": [name for name, _, _ in images]}).items():
        some = [image for image in images if image[0] in names]
        boxes = [(number, *box) for number, (_, _, found) in enumerate(some) for box in found]
        content = {
            "images": [{"id": number, "file_name": f"{name}.png", "width": size[0], "height": size[1]}
                       for number, (name, size, _) in enumerate(some)],
            "annotations": [{"id": number, "image_id": image, "category_id": CLASSES.index(kind), "iscrowd": 0,
                             "area": (x1 - x0) * (y1 - y0), "bbox": [x0, y0, x1 - x0, y1 - y0]}
                            for number, (image, kind, x0, y0, x1, y1) in enumerate(boxes)],
            "categories": [{"id": number, "name": kind} for number, kind in enumerate(CLASSES)],
        }  # fmt: skip
        file = put(folder / "annotations" / f"instances_{part}.json", json.dumps(content))
    return folder if parts else file


def relative(size: tuple[int, int], x0: float, y0: float, x1: float, y1: float) -> tuple[float, ...]:
    """Return centre and sides as shares of the image."""
    width, height = size
    return (x0 + x1) / 2 / width, (y0 + y1) / 2 / height, (x1 - x0) / width, (y1 - y0) / height


def yolo(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``labels/NAME.txt`` (``labels/PART/NAME.txt``), ``images`` and the ``data.yaml`` that is read."""
    lines = [f"{part}: images/{part}" for part in parts] if parts else ["train: images"]
    for part, names in (parts or {"": [name for name, _, _ in images]}).items():
        some = [image for image in images if image[0] in names]
        (folder / "images" / part).mkdir(parents=True, exist_ok=True)
        draw(folder / "images" / part, some, pictures)
        for name, size, boxes in some:
            rows = [(CLASSES.index(kind), *relative(size, *corners)) for kind, *corners in boxes]
            put(folder / "labels" / part / f"{name}.txt", "".join(" ".join(map(str, row)) + "\n" for row in rows))
    return put(folder / "data.yaml", "\n".join([*lines, f"names: [{', '.join(CLASSES)}]", ""]))


def cache(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``labels.cache`` as YOLOv5 keeps it, with the ``data.yaml`` that names the classes."""
    content: dict[str, object] = {"hash": "0", "results": (len(images), 0, 0, 0, len(images)), "msgs": []}
    for name, size, boxes in images:
        rows = [(CLASSES.index(kind), *relative(size, *corners)) for kind, *corners in boxes]
        content[f"images/{name}.png"] = [np.array(rows, np.float32).reshape(-1, 5), size, []]
    draw(folder / "images", images, pictures)
    put(folder / "data.yaml", f"train: images\nnames: [{', '.join(CLASSES)}]\n")
    with (folder / "labels.cache").open("wb") as file:
        np.save(file, np.array({**content, "version": 0.6}, dtype=object))
    return folder / "labels.cache"


def openimages(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``boxes.csv``; an image without boxes has no row."""
    rows = ["ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf"]
    for name, (width, height), boxes in images:
        for kind, x0, y0, x1, y1 in boxes:
            rows.append(f"{name},xclick,{kind},1,{x0 / width},{x1 / width},{y0 / height},{y1 / height},0,0,0")
    draw(folder, images, pictures)
    return put(folder / "boxes.csv", "\n".join([*rows, ""]))


def kitti(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``training/label_2/NAME.txt`` and ``training/image_2``."""
    for name, _, boxes in images:
        rows = [f"{kind} 0.00 0 -1.5 {' '.join(map(str, corners))} 1.6 1.7 3.6 -0.6 1.7 46.7 -1.5\n"
                for kind, *corners in boxes]  # fmt: skip
        put(folder / "training" / "label_2" / f"{name}.txt", "".join(rows))
    draw(folder / "training" / "image_2", images, pictures)
    return folder


def visdrone(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``annotations/NAME.txt``, whose classes are numbers, and ``images``."""
    for name, _, boxes in images:
        rows = [f"{x0},{y0},{x1 - x0},{y1 - y0},1,{kind.removeprefix('c')},0,0\n" for kind, x0, y0, x1, y1 in boxes]
        put(folder / "annotations" / f"{name}.txt", "".join(rows))
    draw(folder / "images", images, pictures)
    return folder


def widerface(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``wider_face_bbx_gt.txt``: of each image its name, a count, and the boxes, without classes."""
    lines = []
    for name, _, boxes in images:
        rows = [f"{x0} {y0} {x1 - x0} {y1 - y0} 0 0 0 0 0 0 " for _, x0, y0, x1, y1 in boxes]
        lines += [f"{name}.png", str(len(boxes)), *(rows or ["0 0 0 0 0 0 0 0 0 0 "])]
    draw(folder, images, pictures)
    return put(folder / "wider_face_bbx_gt.txt", "\n".join([*lines, ""]))


def mot(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``NAME/gt/gt.txt``, a sequence of one frame for each image, and ``NAME/seqinfo.ini``."""
    for name, (width, height), boxes in images:
        rows = [f"{name},{i + 1},{x0},{y0},{x1 - x0},{y1 - y0},1,{kind.removeprefix('c')},1\n"
                for i, (kind, x0, y0, x1, y1) in enumerate(boxes)]  # fmt: skip
        put(folder / name / "gt" / "gt.txt", "".join(rows))
        info = f"[Sequence]\nname={name}\nimDir=img1\nimWidth={width}\nimHeight={height}\nimExt=.png\n"
        put(folder / name / "seqinfo.ini", info)
        draw(folder / name / "img1", [(name, (width, height), boxes)], pictures)
    return folder


def dota(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``labelTxt/NAME.txt`` and ``images``."""
    for name, _, boxes in images:
        rows = [f"{x0} {y0} {x1} {y0} {x1} {y1} {x0} {y1} {kind} 0\n" for kind, x0, y0, x1, y1 in boxes]
        put(folder / "labelTxt" / f"{name}.txt", "".join(["imagesource:GoogleEarth\n", "gsd:0.15\n", *rows]))
    draw(folder / "images", images, pictures)
    return folder


def listed(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``train.txt`` in the dialect of keras-yolo3, whose classes are numbers."""
    lines = []
    for name, _, boxes in images:
        words = [",".join([*map(str, corners), kind.removeprefix("c")]) for kind, *corners in boxes]
        lines.append(" ".join([f"images/{name}.png", *words]))
    draw(folder / "images", images, pictures)
    return put(folder / "train.txt", "\n".join([*lines, ""]))


COLUMNS = ("filename", "width", "height", "class", "xmin", "ymin", "xmax", "ymax")


def rows_of(images: Sequence[Image]) -> list[tuple[object, ...]]:
    """Return the rows of a table; an image without boxes has one with nothing in it."""
    empty = ("", *[None] * 4)
    return [(f"{name}.png", *size, *box) for name, size, boxes in images for box in (boxes or [empty])]


def table(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``boxes.csv`` as TensorFlow's tutorials have it."""
    draw(folder, images, pictures)
    with (folder / "boxes.csv").open("w", encoding="utf-8", newline="") as file:
        csv.writer(file, lineterminator="\n").writerows([COLUMNS, *rows_of(images)])
    return folder / "boxes.csv"


def parquet(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write the same table as ``boxes.parquet``; needs pyarrow."""
    import pyarrow
    import pyarrow.parquet

    draw(folder, images, pictures)
    columns = [list(column) for column in zip(*rows_of(images), strict=True)]
    content = pyarrow.table(dict(zip(COLUMNS, columns, strict=True)))
    pyarrow.parquet.write_table(content, folder / "boxes.parquet")
    return folder / "boxes.parquet"


def crc32c(data: bytes) -> int:
    """Return the masked checksum of TFRecord files, a bit at a time."""
    crc = 0xFFFFFFFF
    for byte in data:
        crc ^= byte
        for _ in range(8):
            crc = (crc >> 1) ^ (0x82F63B78 & -(crc & 1))
    crc ^= 0xFFFFFFFF
    return (((crc >> 15) | (crc << 17)) + 0xA282EAD8) & 0xFFFFFFFF


def varint(value: int) -> bytes:
    value &= (1 << 64) - 1
    return bytes([value]) if value < 128 else bytes([value & 127 | 128]) + varint(value >> 7)


def message(*fields: tuple[int, bytes]) -> bytes:
    """Return a message of protocol buffers, all of whose fields have a length."""
    return b"".join(varint(number << 3 | 2) + varint(len(data)) + data for number, data in fields)


def example(**values: Sequence[object]) -> bytes:
    """Return a ``tf.train.Example``; names have "__" for "/"."""
    entries = []
    for name, own in values.items():
        if own and isinstance(own[0], bytes):
            feature = message((1, message(*((1, one) for one in own))))
        elif own and isinstance(own[0], float):
            feature = message((2, message((1, struct.pack(f"<{len(own)}f", *own)))))
        else:
            feature = message((3, message((1, b"".join(map(varint, own))))))
        entries.append((1, message((1, name.replace("__", "/").encode()), (2, feature))))
    return message((1, message(*entries)))


def record(data: bytes) -> bytes:
    head = struct.pack("<Q", len(data))
    return head + struct.pack("<I", crc32c(head)) + data + struct.pack("<I", crc32c(data))


def tfrecord(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``boxes.record`` as TensorFlow's Object Detection API reads it."""
    draw(folder, images, pictures)
    found = []
    for name, (width, height), boxes in images:
        sides = {
            f"image__object__bbox__{side}": [one[at] / (scale or 1) for one in boxes]
            for at, (side, scale) in enumerate(
                (("xmin", width), ("ymin", height), ("xmax", width), ("ymax", height)), 1
            )
        }
        kinds = [one[0].encode() for one in boxes]
        found.append(record(example(image__width=[width], image__height=[height], image__format=[b"png"],
                                    image__filename=[f"{name}.png".encode()], image__object__class__text=kinds,
                                    **sides)))  # fmt: skip
    folder.mkdir(exist_ok=True)
    (folder / "boxes.record").write_bytes(b"".join(found))
    return folder / "boxes.record"


def labelme(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``NAME.json``, a file an image."""
    for name, (width, height), boxes in images:
        shapes = [{"label": kind, "points": [[x0, y0], [x1, y1]], "group_id": None, "shape_type": "rectangle",
                   "flags": {}} for kind, x0, y0, x1, y1 in boxes]  # fmt: skip
        content = {"version": "5.5.0", "flags": {}, "shapes": shapes, "imagePath": f"{name}.png", "imageData": None,
                   "imageHeight": height, "imageWidth": width}  # fmt: skip
        put(folder / f"{name}.json", json.dumps(content, indent=2))
    draw(folder, images, pictures)
    return folder


def cvat(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``annotations.xml`` of images."""
    lines = ["<annotations>", "<version>1.1</version>"]
    for number, (name, (width, height), boxes) in enumerate(images):
        lines.append(f'<image id="{number}" name="{name}.png" width="{width}" height="{height}">')
        for kind, *corners in boxes:
            sides = " ".join(f'{k}="{v}"' for k, v in zip(("xtl", "ytl", "xbr", "ybr"), corners, strict=True))
            lines.append(f'<box label="{kind}" source="manual" occluded="0" {sides} z_order="0"/>')
        lines.append("</image>")
    draw(folder, images, pictures)
    return put(folder / "annotations.xml", "\n".join([*lines, "</annotations>", ""]))


def via(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``via.json``."""
    content = {
        f"{name}.png1": {"filename": f"{name}.png", "size": 1, "file_attributes": {}, "regions": [
            {"shape_attributes": {"name": "rect", "x": x0, "y": y0, "width": x1 - x0, "height": y1 - y0},
             "region_attributes": {"class": kind}} for kind, x0, y0, x1, y1 in boxes]}
        for name, _, boxes in images}  # fmt: skip
    draw(folder, images, pictures)
    return put(folder / "via.json", json.dumps(content))


def createml(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``_annotations.createml.json``."""
    content = [{"image": f"{name}.png", "annotations": [
        {"label": kind, "coordinates": {"x": (x0 + x1) / 2, "y": (y0 + y1) / 2, "width": x1 - x0, "height": y1 - y0}}
        for kind, x0, y0, x1, y1 in boxes]} for name, _, boxes in images]  # fmt: skip
    draw(folder, images, pictures)
    return put(folder / "_annotations.createml.json", json.dumps(content))


def labelstudio(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``project.json``; an image without boxes has no size."""
    content = [{"id": number, "data": {"image": f"/data/upload/1/{name}.png"}, "annotations": [{"id": 1, "result": [
        {"original_width": width, "original_height": height, "type": "rectanglelabels", "value": {
            "x": x0 / (width or 1) * 100, "y": y0 / (height or 1) * 100, "width": (x1 - x0) / (width or 1) * 100,
            "height": (y1 - y0) / (height or 1) * 100, "rotation": 0, "rectanglelabels": [kind]}}
        for kind, x0, y0, x1, y1 in boxes]}]}
        for number, (name, (width, height), boxes) in enumerate(images)]  # fmt: skip
    draw(folder, images, pictures)
    return put(folder / "project.json", json.dumps(content))


def bdd100k(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``det.json``, the newer version."""
    content = [{"name": f"{name}.png", "labels": [
        {"id": "1", "category": kind, "box2d": {"x1": x0, "y1": y0, "x2": x1, "y2": y1}}
        for kind, x0, y0, x1, y1 in boxes]} for name, _, boxes in images]  # fmt: skip
    draw(folder, images, pictures)
    return put(folder / "det.json", json.dumps(content))


def supervisely(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``ann/NAME.png.json``, a file an image, and ``img``."""
    for name, (width, height), boxes in images:
        objects = [{"classTitle": kind, "geometryType": "rectangle", "points": {
            "exterior": [[x0, y0], [x1, y1]], "interior": []}} for kind, x0, y0, x1, y1 in boxes]  # fmt: skip
        content = {"description": "", "tags": [], "size": {"height": height, "width": width}, "objects": objects}
        put(folder / "ann" / f"{name}.png.json", json.dumps(content))
    draw(folder / "img", images, pictures)
    return folder


def vott(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``x-export.json``."""
    assets = {name: {"asset": {"name": f"{name}.png", "size": {"width": width, "height": height}}, "regions": [
        {"id": "1", "type": "RECTANGLE", "tags": [kind], "boundingBox": {
            "left": x0, "top": y0, "width": x1 - x0, "height": y1 - y0}} for kind, x0, y0, x1, y1 in boxes]}
        for name, (width, height), boxes in images}  # fmt: skip
    draw(folder, images, pictures)
    return put(folder / "x-export.json", json.dumps({"name": "x", "assets": assets, "tags": []}))


def datumaro(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``annotations/default.json``."""
    labels = [{"name": kind, "parent": ""} for kind in CLASSES]
    items = [{"id": name, "annotations": [
        {"id": 0, "type": "bbox", "label_id": CLASSES.index(kind), "bbox": [x0, y0, x1 - x0, y1 - y0]}
        for kind, x0, y0, x1, y1 in boxes], "image": {"path": f"{name}.png", "size": [height, width]}}
        for name, (width, height), boxes in images]  # fmt: skip
    content = {"info": {}, "categories": {"label": {"labels": labels}}, "items": items}
    draw(folder / "images", images, pictures)
    return put(folder / "annotations" / "default.json", json.dumps(content))


def labelbox(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``export.ndjson``, an image in each line."""
    lines = [{"data_row": {"id": name, "external_id": f"{name}.png", "row_data": f"https://x.org/{name}"},
              "media_attributes": {"width": width, "height": height}, "projects": {"p": {"name": "x", "labels": [
                  {"label_kind": "Default", "id": "1", "annotations": {"objects": [
                      {"name": kind, "annotation_kind": "ImageBoundingBox", "bounding_box": {
                          "top": y0, "left": x0, "height": y1 - y0, "width": x1 - x0}}
                      for kind, x0, y0, x1, y1 in boxes], "classifications": []}}]}}}
             for name, (width, height), boxes in images]  # fmt: skip
    draw(folder, images, pictures)
    return put(folder / "export.ndjson", "".join(f"{json.dumps(line)}\n" for line in lines))


def superannotate(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``NAME.png.json``, a file for each image."""
    for name, (width, height), boxes in images:
        instances = [{"type": "bbox", "classId": 1, "className": kind, "probability": 100, "points": {
            "x1": x0, "x2": x1, "y1": y0, "y2": y1}, "attributes": []} for kind, x0, y0, x1, y1 in boxes]  # fmt: skip
        facts = {"name": f"{name}.png", "width": width, "height": height, "status": "Completed"}
        put(folder / f"{name}.png.json", json.dumps({"metadata": facts, "instances": instances, "tags": []}))
    draw(folder, images, pictures)
    return folder


def fiftyone(folder: Path, images: Sequence[Image], *, pictures: bool = False, parts: Parts | None = None) -> Path:
    """Write ``samples.json`` and ``data``."""
    samples = [{"filepath": f"data/{name}.png", "tags": [], "metadata": {"width": width, "height": height},
                "ground_truth": {"_cls": "Detections", "detections": [
                    {"_cls": "Detection", "label": kind, "bounding_box": [
                        x0 / (width or 1), y0 / (height or 1), (x1 - x0) / (width or 1), (y1 - y0) / (height or 1)]}
                    for kind, x0, y0, x1, y1 in boxes]}} for name, (width, height), boxes in images]  # fmt: skip
    draw(folder / "data", images, pictures)
    return put(folder / "samples.json", json.dumps({"samples": samples}))


@dataclass(frozen=True)
class Format:
    """A format: its name, its writer, what its labels tell, and where in them a box is.

    Attributes
    ----------
    reader : str
        What ``datasets.detect`` returns.
    write : callable
    place : callable
        Words that a sentence about a box holds: of images, the number of one, and the number of a box in it.
    file : str
        Pattern of the label file of one image, below the folder; empty where one file holds them all.
    sizes : bool
        Whether the labels tell how large images are.
    parts : bool
        Whether it has lists of splits.
    crowds : bool
        Whether it marks groups.
    columns : bool
        Whether it has columns with names of one's own.
    kinds : mapping
        How it names the classes, if not as they are.
    called : callable
        How it names an image that is not there.
    empty : bool
        Whether it can hold an image without boxes.
    """

    reader: str
    write: Callable[..., Path]
    place: Callable[[Sequence[Image], int, int], tuple[str, ...]]
    file: str = ""
    sizes: bool = True
    parts: bool = False
    crowds: bool = False
    columns: bool = False
    kinds: Mapping[str, str] = field(default_factory=dict)
    called: Callable[[str], str] = str
    empty: bool = True


def before(images: Sequence[Image], i: int) -> int:
    """Return the number of boxes before image i."""
    return sum(len(boxes) for _, _, boxes in images[:i])


NUMBERS = {"c9": "9", "c10": "10"}
FORMATS = {
    "voc": Format("voc", voc, lambda images, i, j: (f"{images[i][0]}.xml, line {4 + j}:",), "Annotations/{}.xml",
                  parts=True),
    "coco": Format("coco", coco, lambda images, i, j: (".json", f"annotations[{before(images, i) + j}]"), parts=True,
                   crowds=True),
    "yolo": Format("yolo", yolo, lambda images, i, j: (f"{images[i][0]}.txt, line {1 + j}:",), "labels/{}.txt",
                   sizes=False, parts=True),
    "labels.cache": Format("labels.cache", cache, lambda images, i, j: ("labels.cache", f"{images[i][0]}.png")),
    "openimages": Format("openimages", openimages,
                         lambda images, i, j: (f"boxes.csv, line {2 + before(images, i) + j}:",), sizes=False,
                         crowds=True, empty=False),
    "kitti": Format("kitti", kitti, lambda images, i, j: (f"{images[i][0]}.txt, line {1 + j}:",),
                    "training/label_2/{}.txt", sizes=False),
    "visdrone": Format("visdrone", visdrone, lambda images, i, j: (f"{images[i][0]}.txt, line {1 + j}:",),
                       "annotations/{}.txt", sizes=False, kinds={"c9": "bus", "c10": "motor"}),
    "widerface": Format("widerface", widerface,
                        lambda images, i, j: (f"bbx_gt.txt, line {2 * i + 3 + before(images, i) + j}:",), sizes=False,
                        kinds=dict.fromkeys(CLASSES, "face")),
    "mot": Format("mot", mot, lambda images, i, j: (f"{images[i][0]}/gt/gt.txt, line {1 + j}:",), "{}/gt/gt.txt",
                  kinds=NUMBERS, called=lambda name: name.zfill(6), empty=False),
    "dota": Format("dota", dota, lambda images, i, j: (f"{images[i][0]}.txt, line {3 + j}:",), "labelTxt/{}.txt",
                   sizes=False),
    "list": Format("list", listed, lambda images, i, j: (f"train.txt, line {1 + i}:",), sizes=False, kinds=NUMBERS),
    "table": Format("table", table, lambda images, i, j: (f"boxes.csv, line {2 + before(images, i) + j}:",),
                    columns=True),
    "parquet": Format("table", parquet, lambda images, i, j: ("boxes.parquet", str(before(images, i) + j)),
                      columns=True),
    "tfrecord": Format("tfrecord", tfrecord, lambda images, i, j: ("boxes.record", f"record {i}, object {j}"),
                       crowds=True),
    "labelme": Format("labelme", labelme, lambda images, i, j: (f"{images[i][0]}.json", f"shapes[{j}]"), "{}.json"),
    "cvat": Format("cvat", cvat, lambda images, i, j: ("annotations.xml", f"image {i}, shape {j}")),
    "via": Format("via", via, lambda images, i, j: ("via.json", f"image {i}, regions[{j}]"), sizes=False),
    "labelbox": Format("labelbox", labelbox, lambda images, i, j: (f"export.ndjson, row {i + 1}, object {j}:",)),
    "superannotate": Format("superannotate", superannotate,
                            lambda images, i, j: (f"{images[i][0]}.png.json, instances[{j}]:",), "{}.png.json"),
    "fiftyone": Format("fiftyone", fiftyone, lambda images, i, j: (f"samples.json, image {i}, label {j}:",)),
    "createml": Format("createml", createml, lambda images, i, j: (".json", f"[{i}].annotations[{j}]"), sizes=False),
    "labelstudio": Format("labelstudio", labelstudio, lambda images, i, j: (".json", f"task {i}, result[{j}]"),
                          empty=False),
    "bdd100k": Format("bdd100k", bdd100k, lambda images, i, j: ("det.json", f"frame {i}, labels[{j}]"), sizes=False),
    "supervisely": Format("supervisely", supervisely,
                          lambda images, i, j: (f"{images[i][0]}.png.json", f"objects[{j}]"), "ann/{}.png.json"),
    "vott": Format("vott", vott, lambda images, i, j: ("x-export.json", f"asset {i}, regions[{j}]")),
    "datumaro": Format("datumaro", datumaro, lambda images, i, j: ("default.json", f"items[{i}].annotations[{j}]")),
}  # fmt: skip
