"""Every detector has a page with its pictures, and every picture is drawn by a script."""

import ast
import re

import pytest

from fastanchor.detectors import GRIDS, MATCHED, NAMES

from pages import PAGES, ROOT

DOCS = ROOT / "docs"
TEXTS = {page.stem: page.read_text(encoding="utf-8") for page in (DOCS / "detectors").glob("*.md")}
RENDERED = {"whole-job.svg", "stages.svg"}  # by bench/render.py
BY_HAND = {"corners.svg"}


def constants():
    """Return the dictionaries of the script, whose imports may be missing: keys, and values if they are constant."""
    tree = ast.parse((ROOT / "bench" / "pictures.py").read_text(encoding="utf-8"))
    for node in tree.body:
        if isinstance(node, ast.Assign) and isinstance(node.value, ast.Dict):
            values = {key.value: value for key, value in zip(node.value.keys, node.value.values, strict=True)}
            yield node.targets[0].id, {key: getattr(value, "value", None) for key, value in values.items()}


DRAWN = dict(constants())
RECALLS = [page for page, name in DRAWN["GRIDS"].items() if name in MATCHED]  # whose rules are known in full


def images(text):
    """Return the pictures of a page: alternative text and name."""
    return {path.rpartition("/")[2]: alt for alt, path in re.findall(r"!\[([^\]]*)\]\(([^)\s]+)\)", text)}


@pytest.mark.parametrize("name", NAMES)
def test_every_detector_is_on_a_page_of_its_own_library(name):
    code = re.compile(rf"`{re.escape(name)}`|--(?:for|emit) {re.escape(name)}(?![\w-])")
    pages = [page for page, text in TEXTS.items() if page != "index" and code.search(text)]
    assert pages, f"no page of docs/detectors names {name}; write `{name}` or --for {name} into that of its library"


@pytest.mark.parametrize("page", [*DRAWN["GRIDS"], *DRAWN["PAIRS"]])
def test_every_page_has_its_pictures(page):
    shown = images(TEXTS[page])
    assert {f"levels-{page}.png"} <= shown.keys()
    if page in DRAWN["GRIDS"]:
        name = DRAWN["GRIDS"][page]
        assert name in GRIDS
    if page in RECALLS:
        assert f"recall-{page}.png" in shown
        assert f"<!-- matched_{page} -->" in TEXTS[page]
        assert f"fastanchor check DATA --for {name} --anchors" in TEXTS[page]
    for path, alt in shown.items():
        assert len(alt) > 60, path
        assert not re.search(r"\d", alt), f"{path}: a figure in its alternative text would go stale"


def test_pages_without_sizes_and_ratios_are_known():
    assert {*DRAWN["GRIDS"], *DRAWN["PAIRS"], "mmyolo"} == set(TEXTS) - {"index", "other"}
    assert "levels-yolov5.png" in images(TEXTS["mmyolo"])  # the anchors are the same


def test_every_picture_is_drawn_by_a_script_and_shown_on_a_page():
    names = {path.name for path in (DOCS / "images").iterdir()}
    pages = [f"levels-{page}.png" for page in (*DRAWN["GRIDS"], *DRAWN["PAIRS"])]
    pages += [f"recall-{page}.png" for page in RECALLS]
    assert names == {*pages, *(f"{name}.png" for name in DRAWN["OTHERS"]), *RENDERED, *BY_HAND}
    pages = [page for page in PAGES if DOCS in page.parents]
    assert names <= {name for page in pages for name in images(page.read_text("utf-8"))}
