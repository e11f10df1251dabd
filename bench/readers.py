"""Readers beside the obvious way of each ecosystem, on files in the page cache; answers are compared first.

Where the system lets pages be dropped, the readers of many small files are also timed on a cold cache, beside one
thread that reads file after file.

Run ``python bench/readers.py`` with msgspec, pyarrow and Pillow installed (pycocotools and globox join where they are);
it makes its data in a temporary folder, prints a table and writes ``bench/results/readers.json``.
"""

import contextlib
import csv
import io
import json
import os
import tempfile
import time
import xml.etree.ElementTree as ET
from pathlib import Path
from unittest import mock

import numpy as np

import fastanchor
from fastanchor import Boxes, bench
from fastanchor.datasets import _fetch, table

RESULTS = Path(__file__).parent / "results"
VOC, YOLO, COCO, ROWS, OPEN = 10_000, 20_000, 400_000, 20_000_000, 500_000
ROUNDS, COLD_ROUNDS = (7, 63), (7, 15)


def drop(files):
    """Drop files from the page cache."""
    for file in files:
        fd = os.open(file, os.O_RDONLY)
        os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_DONTNEED)
        os.close(fd)


def measured(what, unit, amount, rival, ratio):
    """Print a row of the table and return it."""
    theirs, ours = amount / ratio.reference, amount / ratio.contender
    print(f"{what:<26}{ours:>14,.0f} {unit}/s{theirs:>14,.0f} {rival:<26} {ratio}", flush=True)
    row = {"what": what, "unit": unit, "amount": amount, "rival": rival, "theirs": theirs, "ours": ours}
    measured = {"interval": [ratio.low, ratio.high], "rounds": ratio.rounds, "processor": ratio.processor}
    return {**row, "ratio": ratio.median, **measured}


def cold_row(what, files, read):
    """Compare our reader on a cold cache with itself reading one file after the other."""
    theirs = {"bytes": lambda: [Path(file).read_bytes() for file in files]}
    ours = {"bytes": lambda: list(_fetch.contents(files)), "boxes": read}

    def one_by_one():
        with mock.patch.object(_fetch, "COLD", float("inf")):
            return read()

    theirs["boxes"] = one_by_one
    rows = []
    os.sync()  # pages not yet written cannot be dropped
    for part in ("bytes", "boxes"):
        expected, found = theirs[part](), ours[part]()
        assert len(found) == len(expected)
        assert found == expected if part == "bytes" else np.array_equal(found, expected)
        ratio = bench.paired(
            theirs[part], ours[part], rounds=COLD_ROUNDS, width=0.1, clock=time.perf_counter, before=lambda: drop(files)
        )
        rows.append(measured(f"{what}, cold, {part}", "files", len(files), "one thread", ratio))
    return rows


def tree(folder):
    sizes = []
    for file in sorted(folder.glob("*.xml")):
        for box in ET.parse(file).getroot().iter("bndbox"):
            x0, y0, x1, y1 = (float(box.find(side).text) for side in ("xmin", "ymin", "xmax", "ymax"))
            sizes.append((x1 - x0, y1 - y0))
    return np.array(sizes)


def loadtxt(folder):
    parts = [np.loadtxt(file, ndmin=2)[:, 3:5] for file in sorted(folder.glob("*.txt"))]
    return np.concatenate(parts) * 640


def loads(file):
    content = json.loads(file.read_bytes())
    return np.array([a["bbox"][2:] for a in content["annotations"]])


def pycocotools(file):
    from pycocotools.coco import COCO as Theirs

    with contextlib.redirect_stdout(io.StringIO()):
        content = Theirs(file)
    return np.array([content.anns[i]["bbox"][2:] for i in sorted(content.anns)])


def globox(read, place):
    """Return the sizes of what a reader of globox returns, image by image in the order of names."""
    found = read(place)
    return np.array([(box.width, box.height) for name in sorted(found.image_ids) for box in found[name].boxes])


def globox_row(what, unit, amount, reader, place, ours, expected):
    """Return the row that compares with globox, as a list; an empty one where it is not installed."""
    try:
        from globox import AnnotationSet
    except ImportError:
        return []
    read = getattr(AnnotationSet, reader)
    return [row(what, unit, amount, "globox", lambda: globox(read, place), ours, expected)]


def row(what, unit, amount, rival, theirs, ours, expected):
    """Compare the answers, then the times; `amount` units of work."""
    np.testing.assert_allclose(theirs(), expected, rtol=1e-6)
    np.testing.assert_allclose(ours(), expected, rtol=1e-6)
    return measured(what, unit, amount, rival, bench.paired(theirs, ours, rounds=ROUNDS, width=0.1))


def yolo(folder):
    rng = np.random.default_rng(0)
    labels = folder / "labels"
    labels.mkdir()
    for i in range(YOLO):
        lines = [
            f"{c:.0f} {x:.6f} {y:.6f} {w:.6f} {h:.6f}"
            for c, x, y, w, h in rng.uniform(0.2, 0.4, (3, 5)) * [8, 1, 1, 1, 1]
        ]
        (labels / f"{i:06}.txt").write_text("\n".join(lines) + "\n", encoding="ascii")
    (folder / "data.yaml").write_text("train: labels\nnames: [a, b, c, d]\n", encoding="ascii")
    expected = loadtxt(labels)
    ours = lambda: fastanchor.read(folder, source_size=(640, 640), progress=False).wh  # noqa: E731
    return row("YOLO labels", "files", YOLO, "np.loadtxt a file", lambda: loadtxt(labels), ours, expected)


def coco(folder):
    rng = np.random.default_rng(0)
    images = [{"id": i, "width": 640, "height": 480, "file_name": f"{i:012}.jpg"} for i in range(COCO // 8)]
    bbox = rng.uniform(5, 300, (COCO, 4)).round(2).tolist()
    polygon = rng.uniform(5, 300, 20).round(2).tolist()
    fixed = {"segmentation": [polygon], "area": 9.5, "iscrowd": 0}
    annotations = [{"id": i, "image_id": i // 8, "category_id": i % 80, "bbox": b, **fixed} for i, b in enumerate(bbox)]
    categories = [{"id": i, "name": f"class {i}"} for i in range(80)]
    file = folder / "instances.json"
    file.write_text(json.dumps({"images": images, "annotations": annotations, "categories": categories}))
    del annotations
    size, expected = file.stat().st_size / 1e6, np.array(bbox)[:, 2:]
    ours = lambda: fastanchor.read(file, progress=False).wh  # noqa: E731
    rows = [row("COCO JSON", "MB", size, "json.loads", lambda: loads(file), ours, expected)]
    with contextlib.suppress(ImportError):
        rows.append(row("COCO JSON", "MB", size, "pycocotools", lambda: pycocotools(file), ours, expected))
    return rows + globox_row("COCO JSON", "MB", size, "from_coco", file, ours, expected)


def tables(folder):
    wh = bench.boxes(ROWS)
    table.write(Boxes(wh), folder / "boxes.parquet")
    np.savetxt(folder / "some.csv", wh[: ROWS // 100], delimiter=",", header="width,height", comments="", fmt="%.6f")
    some = np.loadtxt(folder / "some.csv", delimiter=",", skiprows=1)
    import pyarrow.parquet as parquet

    def theirs():
        content = parquet.read_table(folder / "boxes.parquet")
        return np.column_stack([content.column(name).to_numpy() for name in ("width", "height")])

    def read(name):
        return lambda: fastanchor.read(folder / name, progress=False).wh

    return [
        row("Parquet", "boxes", ROWS, "pyarrow and column_stack", theirs, read("boxes.parquet"), wh),
        row("CSV", "boxes", len(some), "np.loadtxt",
            lambda: np.loadtxt(folder / "some.csv", delimiter=",", skiprows=1), read("some.csv"), some),
    ]  # fmt: skip


def open_images(folder):
    rng = np.random.default_rng(0)
    low = rng.uniform(0, 0.5, (OPEN, 2)).round(6)
    high = (low + rng.uniform(0.01, 0.5, (OPEN, 2))).round(6)
    file = folder / "train.csv"
    with file.open("w", encoding="ascii") as out:
        out.write("ImageID,Source,LabelName,Confidence,XMin,XMax,YMin,YMax,IsOccluded,IsTruncated,IsGroupOf\n")
        for i, (x0, y0, x1, y1) in enumerate(np.hstack([low, high]).tolist()):
            out.write(f"{i // 8:016x},xclick,/m/0{i % 600:04d},1,{x0},{x1},{y0},{y1},0,0,0\n")

    def theirs():
        with file.open(encoding="utf-8", newline="") as opened:
            rows = csv.DictReader(opened)
            sides = [(float(r["XMax"]) - float(r["XMin"]), float(r["YMax"]) - float(r["YMin"])) for r in rows]
        return np.array(sides) * 640

    ours = lambda: fastanchor.read(file, source_size=(640, 640), progress=False).wh  # noqa: E731
    return row("Open Images CSV", "rows", OPEN, "csv.DictReader", theirs, ours, (high - low) * 640)


def main():
    rows, began = [], bench.ticks()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        for part in ("voc", "yolo", "coco", "tables", "openimages"):
            (folder / part).mkdir()
        bench.labels(folder / "voc", VOC)
        ours = lambda: fastanchor.read(folder / "voc", progress=False).wh  # noqa: E731
        theirs = lambda: tree(folder / "voc")  # noqa: E731
        rows.append(row("Pascal VOC", "files", VOC, "ElementTree loop", theirs, ours, theirs()))
        rows += globox_row("Pascal VOC", "files", VOC, "from_pascal_voc", folder / "voc", ours, theirs())
        rows.append(yolo(folder / "yolo"))
        if hasattr(os, "posix_fadvise"):
            rows += cold_row("Pascal VOC", sorted(map(str, (folder / "voc").rglob("*.xml"))), ours)
            labels = lambda: fastanchor.read(folder / "yolo", source_size=(640, 640), progress=False).wh  # noqa: E731
            rows += cold_row("YOLO labels", sorted(map(str, (folder / "yolo").rglob("*.txt"))), labels)
        rows += coco(folder / "coco")
        rows += tables(folder / "tables")
        rows.append(open_images(folder / "openimages"))
    RESULTS.mkdir(exist_ok=True)
    facts = {**bench.machine(["msgspec", "pyarrow", "PIL", "pycocotools", "globox"]), "state": bench.state(began)}
    content = {"machine": facts, "rows": rows}
    (RESULTS / "readers.json").write_text(json.dumps(content, indent=2) + "\n", encoding="utf-8")


if __name__ == "__main__":
    main()
