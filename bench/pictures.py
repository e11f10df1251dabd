"""Draw the pictures of the documentation that show a data set, and keep the figures that stand below them.

``python bench/pictures.py DATA [NAME ...]`` draws all pictures of ``docs/images`` but those of ``bench/render.py`` and
``corners.svg``, or those named, as in ``sweep`` and ``torchvision``. DATA is a folder with the sets ``bccd``,
``raccoon`` and ``taco``. Nearly all are pictures that a command draws with ``--plot``. The share of boxes that match
with the anchors of a detector, beside its default ones, goes to ``results/pictures.json``, for ``bench/render.py``.
"""

import contextlib
import io
import json
import re
import sys
import tempfile
from functools import partial
from pathlib import Path

import numpy as np
from PIL import Image

import fastanchor
import grid
from fastanchor import cli, detectors, plot
from fastanchor.levels import Level

ROOT = Path(__file__).resolve().parent.parent
IMAGES = ROOT / "docs" / "images"
PAGES = ROOT / "docs" / "detectors"
RESULTS = ROOT / "bench" / "results" / "pictures.json"
COLOURS = 96  # of a PNG, which then takes a third of the room
TACO = "taco/annotations.json"

# the pages whose detectors have sizes and ratios, with the detector that is drawn
GRIDS = {
    "torchvision": "torchvision-fasterrcnn",
    "detectron2": "detectron2-rpn",
    "mmdetection": "mmdet-faster-rcnn",
    "tensorflow": "tf-ssd",
    "efficientdet": "efficientdet",
    "keras-retinanet": "keras-retinanet",
    "odtk": "odtk-retinanet",
    "yolact": "yolact",
    "paddledetection": "paddle-frcnn",
    "tao": "tao-ssd",
}
# pages about pairs: the detector, and the title of the block of the page that has the published anchors
PAIRS = {
    "yolov5": ("yolov5", "yolov5s.yaml"),
    "yolov7": ("yolov7", "yolov7.yaml"),
    "darknet": ("yolov4-tiny", "tiny.cfg"),
}


def run(*words):
    """Run a command and return its answer."""
    words, out = [*map(str, words), "--quiet", "--json"], io.StringIO()
    with contextlib.redirect_stdout(out):
        code = cli.main(words)
    if code:
        raise SystemExit(f"fastanchor {' '.join(words)}: exit code {code}")
    return json.loads(out.getvalue())


def shrunk(path):
    """Write a PNG anew, with few colours."""
    with Image.open(path) as image:
        few = image.convert("RGB").quantize(COLOURS, dither=Image.Dither.NONE)
    few.save(path, optimize=True)
    print(path.relative_to(ROOT))


def drawn(name, *words):
    """Draw the picture of a command, and return its answer."""
    path = IMAGES / f"{name}.png"
    found = run(*words, "--plot", path, "--force")
    shrunk(path)
    return found


@contextlib.contextmanager
def configuration(name, text):
    """Write a file into an empty folder."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_text(text, encoding="utf-8")
        yield path


def of_grid(page, data):
    """Draw the pictures of a page about sizes and ratios."""
    name = GRIDS[page]
    ending = detectors.GRIDS[name].dialect.needs.endings[0]
    found = drawn(f"levels-{page}", "anchors", data / TACO, "--for", name)
    if name not in detectors.MATCHED:
        return
    with configuration(f"anchors{ending}", found["text"]) as file:
        scored = drawn(f"recall-{page}", "check", data / TACO, "--for", name, "--anchors", file)
    kept = json.loads(RESULTS.read_text(encoding="utf-8")) if RESULTS.exists() else {}
    kept[page] = {
        "detector": name,
        "ending": ending,
        "objective": found["objective"],
        "above": detectors.GRIDS[name].matching.above,
        "boxes": found["boxes"],
        "images": scored["read"]["images"],
        "sizes": {one["name"]: one["boxes"] for one in scored["positives"]["sizes"]},
        "against_default": scored["positives"]["against_default"],
    }
    RESULTS.write_text(json.dumps({at: kept[at] for at in GRIDS if at in kept}, indent=1) + "\n", encoding="utf-8")


def of_pairs(page, data):
    """Draw the anchors of a YOLO by level, beside those that it is published with."""
    name, title = PAIRS[page]
    text = (PAGES / f"{page}.md").read_text(encoding="utf-8")
    (block,) = re.findall(rf'^```\w+ title="{re.escape(title)}"\n(.*?)^```', text, re.S | re.M)
    found = run("anchors", data / TACO, "--for", name)
    size, fit = found["img_size"], found["fit"]
    with configuration(title, block) as file:
        usual = run("check", data / TACO, "--anchors", file, "--img-size", *size, "--fit", fit)
    sets = {
        of: [Level(row["level"], row["stride"], np.array(row["anchors"])) for row in answer["levels"]]
        for of, answer in (("these anchors", found), ("the published anchors", usual))
    }
    wh = fastanchor.read(data / TACO, progress=False).scaled(size, fit=fit)
    title = f"{TACO}: {size[0]} x {size[1]} pixels, {fit}"
    plot.save(plot.on_levels(wh, sets, title), IMAGES / f"levels-{page}.png")
    shrunk(IMAGES / f"levels-{page}.png")


def recall(data):
    """Draw the recall of a detector's anchors on sizes that hardly differ."""
    with configuration("anchors.yaml", run("anchors", data / "bccd", "--for", "detectron2-rpn")["text"]) as file:
        drawn("recall", "check", data / "bccd", "--for", "detectron2-rpn", "--anchors", file)


def settled(data):
    """Draw how the index answers."""
    grid.main(data / "bccd", IMAGES / "grid.png")


def peaks(data):
    """Draw where anchors of a better set could be."""
    found = fastanchor.bound(fastanchor.read(data / "raccoon", progress=False), 9)
    plot.save(found.plot(), IMAGES / "peaks.png")
    shrunk(IMAGES / "peaks.png")


OTHERS = {
    "anchors": lambda data: drawn("anchors", "anchors", data / "bccd", "--split", "all", "--img-size", 416),
    "sweep": lambda data: drawn("sweep", "sweep", data / "raccoon", "--n", "1-12", "--certify"),
    "recall": recall,
    "grid": settled,
    "peaks": peaks,
}
PICTURES = OTHERS | {page: partial(of_grid, page) for page in GRIDS} | {page: partial(of_pairs, page) for page in PAIRS}


def main(data, *names):
    unknown = [name for name in names if name not in PICTURES]
    if unknown:
        raise SystemExit(f"{unknown[0]}: no such picture; expected one of {', '.join(PICTURES)}")
    for name in names or PICTURES:
        PICTURES[name](Path(data))


if __name__ == "__main__":
    main(*sys.argv[1:])
