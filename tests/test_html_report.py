"""The pictures, and the page that holds them: parsed, and opened in a browser where there is one."""

import base64
import dataclasses
import importlib.resources
import io
import re
import shutil
import subprocess
import sys
import warnings
from html.parser import HTMLParser

import numpy as np
import pytest

import fastanchor
from fastanchor import BackendError, Boxes, DataError, plot
from fastanchor._types import Remark
from fastanchor.cli import main
from fastanchor.cli._data import data_name
from fastanchor.html_report import make, page
from fastanchor.levels import by_level
from fastanchor.plot import panels

import zoo
from contract import write as labels

pytest.importorskip("matplotlib")

VOID = {"meta", "img"}


class Page(HTMLParser):
    """Text, pictures, tables and tags; and whether tags are closed in the order in which they were opened."""

    def __init__(self, text):
        super().__init__(convert_charrefs=True)
        self.open, self.tags, self.images, self.links, self.words = [], [], [], [], []
        self.feed(text)
        self.close()
        assert self.open == []

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        values = dict(attrs)
        self.links += [value for name, value in attrs if name in ("href", "src", "srcset", "data", "action")]
        if tag == "img":
            self.images.append(values)
        if tag not in VOID:
            self.open.append(tag)

    def handle_endtag(self, tag):
        assert self.open.pop() == tag

    def handle_data(self, data):
        if "style" not in self.open:
            self.words.append(data)

    @property
    def text(self):
        return " ".join(" ".join(self.words).split())


def made(**arguments):
    wh = zoo.lognormal(600).clip(3)
    boxes = Boxes(
        wh,
        image_index=np.arange(600) // 6,
        image_wh=np.full((100, 2), 640.0),
        class_index=np.arange(600) % 3,
        class_names=("cat & <b>dog</b>", "$x^2$", "ß" * 60),
        skipped={"box with <zero> width": 2},
    )
    return make(boxes, source="a <set> & more", gen=20, progress=False, **{"sweep_n": [1, 3], **arguments})


@pytest.fixture(scope="module")
def content():
    return made()


@pytest.fixture(scope="module")
def text(content):
    return page(content)


def test_page_is_whole(text):
    got = Page(text)
    assert text.startswith("<!DOCTYPE html>")
    assert "script" not in got.tags
    assert len(got.images) == 6
    for image in got.images:
        assert image["alt"]
        kind, data = image["src"].split(",", 1)
        assert kind == "data:image/png;base64"
        assert base64.b64decode(data, validate=True).startswith(b"\x89PNG")


def test_page_links_to_nothing(text):
    assert all(link.startswith("data:") for link in Page(text).links)
    without = re.sub(r"data:image/png;base64,[\w+/=]+", "", text)
    assert "://" not in without
    assert "url(" not in without
    assert "@import" not in without


def test_page_tells_the_numbers(content, text):
    words = Page(text).text
    result = content.result
    assert f"fitness {result.fitness:.4f}" in words
    assert f"{result.bpr:.4f}" in words
    for w, h in result.anchors.tolist():
        assert f"{w:.1f} {h:.1f}" in words
    for size in content.check.sizes:
        assert f"{size.name} {size.boxes:,}" in words
    assert " ".join(result.to_yolov5().split()) in words
    assert " ".join(result.to_mmdet().split()) in words
    for name in ("Darknet cfg", "PaddleDetection", "NVIDIA TAO"):
        assert f"{name} Left out: this detector stretches images, and these anchors are for letterbox;" in words
    assert "a <set> & more" in words
    assert "cat & <b>dog</b>" in words
    assert "Skipped while reading: 2 x box with <zero> width" in words


def test_page_explains_its_words(text):
    words = Page(text).text
    assert "A box matches an anchor when their ratio is above 0.25." in words
    for word in ("Best possible recall (BPR) The share", "Fitness The mean", "Mean IoU The mean", "Threshold (thr)"):
        assert word in words


def test_remarks_come_after_the_answer(text, content):
    words = Page(text).text
    assert words.index("Anchors by level") < words.index("The search") < words.index("Skipped while reading")
    assert "misread" not in words
    doubt = Remark("a", "a doubt", 1, doubt=True)
    shown = Page(page(dataclasses.replace(content, remarks=(doubt,)))).text
    assert shown.index("The labels may be misread; see Remarks.") < shown.index("Anchors by level")


def test_examples_are_drawn_with_their_anchors(tmp_path, capsys):
    image = pytest.importorskip("PIL.Image")
    place = labels("voc", tmp_path / "set")
    out = tmp_path / "page.html"
    arguments = ["report", str(place), "-o", str(out), "-n", "2", "--gen", "0", "--sweep", "none", "--img-size", "64"]
    assert main([*arguments, "--quiet"]) == 0
    pictures = re.findall(r'src="data:image/jpeg;base64,([^"]+)"', out.read_text())
    sizes = []
    for picture in pictures:
        with image.open(io.BytesIO(base64.b64decode(picture))) as one:
            sizes.append(one.size)
    # the images of 64 x 64, 128 x 256 and 256 x 128 pixels, each within 400 x 300
    assert sorted(sizes) == [(150, 300), (300, 300), (400, 200)]
    assert "9: 128 x 256, 1 box" in Page(out.read_text()).text


def test_the_page_is_made_for_phones_and_for_the_dark(text):
    assert '<meta name="viewport" content="width=device-width, initial-scale=1">' in text
    assert "prefers-color-scheme: dark" in text
    assert text.count('<div class="table"><table>') == text.count("<table>") > 5


def test_the_template_is_part_of_the_package():
    assert importlib.resources.files("fastanchor").joinpath("html_report.html").is_file()


@pytest.mark.parametrize(
    ("path", "name"),
    [("/home/me/neu_det", "neu_det"), ("/home/me/coco128/data.yaml", "coco128/data.yaml"), ("-", "standard input"),
     ("/boxes.csv", "boxes.csv")],
)  # fmt: skip
def test_a_data_set_is_named_without_its_place(path, name):
    assert data_name(path) == name


def test_page_without_curve_classes_or_equal_levels():
    wh = zoo.lognormal(300)
    with pytest.warns(fastanchor.SmallBoxWarning):
        small = make(
            Boxes(wh),
            source="x",
            n=4,
            gen=0,
            sweep_n=[],
            choose_levels=lambda _: [(3, 3), (4, 0), (5, 1)],
            progress=False,
        )
    got = Page(page(small))
    assert "5 boxes have a side < 3 pixels" in got.text
    assert len(got.images) == 4
    assert "P4/16: no anchor" in got.text
    assert "level P4/16 would have no anchor" in got.text
    assert "How many anchors" not in got.text


@pytest.mark.parametrize("seed", [0, 3])
@pytest.mark.parametrize("n", [2, 5])
def test_the_curve_never_passes_the_anchors_of_the_same_number(seed, n):
    made = make(Boxes(zoo.lognormal(500).clip(3)), source="x", n=n, gen=10, seed=seed, sweep_n=[2, 5], progress=False)
    on_curve = made.sweep.fitness[made.sweep.n.tolist().index(n)]
    assert on_curve == made.result.kmeans_fitness.fitness
    assert made.result.fitness >= on_curve


def test_default_curve_goes_as_far_as_there_are_boxes():
    boxes = Boxes([[10, 10], [20, 20], [30, 30], [30, 30]])
    assert make(boxes, source="x", n=2, gen=0, progress=False).sweep.n.tolist() == [1, 2, 3]


@pytest.mark.slow
@pytest.mark.parametrize("place", ["neu_det", "bccd"])
def test_page_of_real_boxes(data, place):
    boxes = fastanchor.read(data / place, split="auto")
    got = Page(page(make(boxes, source=place, gen=5, sweep_n=[1, 2], progress=False)))
    assert len(got.images) == 6
    for name, count in boxes.summary().per_class.items():
        assert f"{name} {count:,}" in got.text


@pytest.fixture(scope="module")
def browser():
    names = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        pytest.skip(f"no browser found: none of {', '.join(names)}")
    return found


@pytest.mark.slow
@pytest.mark.parametrize("width", [390, 1280])
def test_page_in_a_browser(browser, tmp_path, text, width):
    """The browser decodes every picture: a script beside the page, not in it, writes down what it sees."""
    probe = (
        "<script>window.onload = () => {"
        "const broken = [...document.images].filter(i => !i.complete || i.naturalWidth < 300).length;"
        "document.title = `pictures ${document.images.length} broken ${broken} wide "
        "${document.documentElement.scrollWidth} of ${innerWidth}`"
        "}</script></body>"
    )
    file = tmp_path / "page.html"
    file.write_text(text.replace("</body>", probe), encoding="utf-8")
    command = [browser, "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
               f"--user-data-dir={tmp_path / 'profile'}", f"--window-size={width},800", "--virtual-time-budget=10000",
               "--dump-dom", file.as_uri()]  # fmt: skip
    try:
        done = subprocess.run(command, capture_output=True, text=True, encoding="utf-8", timeout=120, check=False)
    except (subprocess.TimeoutExpired, OSError) as error:
        pytest.skip(f"{browser} does not run here: {error}")
    if done.returncode != 0 or "<html" not in done.stdout:
        pytest.skip(f"{browser} does not run here: {done.stderr[-300:]}")
    seen = re.search(r"<title>pictures (\d+) broken (\d+) wide (\d+) of (\d+)</title>", done.stdout)
    assert seen, done.stdout[:300]
    assert (seen[1], seen[2]) == ("6", "0")
    assert int(seen[3]) <= int(seen[4])  # nothing runs off the side
    words = re.sub(r"<[^>]*>", " ", done.stdout)
    assert "Anchors by level" in words
    assert "cat &amp; &lt;b&gt;dog" in words


@pytest.mark.slow
@pytest.mark.parametrize("ending", ["png", "svg", "pdf"])
def test_pictures_are_written(tmp_path, content, ending):
    magic = {"png": b"\x89PNG", "svg": b"<?xml", "pdf": b"%PDF"}[ending]
    plot.save(plot.anchors(content.result, content.boxes), tmp_path / f"a.{ending}")
    plot.save(plot.anchors(content.check, content.boxes, content.levels), tmp_path / f"b.{ending}")
    plot.save(plot.swept(content.sweep), tmp_path / f"c.{ending}")
    for name in "abc":
        assert (tmp_path / f"{name}.{ending}").read_bytes().startswith(magic)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["one box", "all equal", "thin", "exact ties: powers of two", "relative to the image"])
def test_pictures_of_hard_boxes(tmp_path, name):
    wh = zoo.BOXES[name]
    found = fastanchor.check(wh, wh[:1])
    levels = by_level(found.anchors, [(3, 0), (4, 1), (5, 0)], found.counts)
    plot.save(plot.anchors(found, wh, levels), tmp_path / "a.png")
    assert (tmp_path / "a.png").stat().st_size > 5000


@pytest.mark.slow
def test_a_picture_of_many_boxes_is_no_larger(tmp_path):
    sizes = []
    for n in (1000, 300_000):
        wh = zoo.lognormal(n)
        found = fastanchor.check(wh, wh[:9])
        plot.save(plot.anchors(found, wh), tmp_path / f"{n}.svg")
        sizes.append((tmp_path / f"{n}.svg").stat().st_size)
    assert sizes[1] < 3 * sizes[0]


def test_many_classes_share_a_bar():
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    panels.classes(axes, {f"c{i}": 100 - i for i in range(50)})
    labels = [text.get_text() for text in axes.get_yticklabels()]
    assert len(labels) == panels.MOST
    assert labels[0] == "21 other classes"
    assert labels[-1] == "c0"

    assert len({bar.get_facecolor() for bar in axes.patches[1:]}) == 1
    assert axes.patches[0].get_facecolor() != axes.patches[1].get_facecolor()  # it is not a class


def test_levels_are_drawn_on_one_scale():
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    sizes = np.array([[10.0, 13], [16, 30], [373, 326]])
    panels.levels(axes, by_level(sizes, [(3, 2), (4, 0), (5, 1)]))
    small, none, large = axes.child_axes
    assert small.get_xlim() == none.get_xlim() == large.get_xlim() == large.get_ylim()
    assert large.get_xlim()[1] > 373 / 2
    assert [frame.get_xlabel() for frame in (small, none, large)] == ["1: 10 x 13\n2: 16 x 30", "", "3: 373 x 326"]
    assert [text.get_text() for text in small.texts] == []  # a number would hide the anchor
    assert [text.get_text() for text in none.texts + large.texts] == ["no anchor", "3"]


def test_a_small_gain_of_the_search_looks_small(content):
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    panels.history(axes, content.result)
    low, high = axes.get_ylim()
    first, last = content.result.evolve.history[[0, -1]]
    assert last - first < 0.05
    assert high - low == pytest.approx(1.2 * panels.LEAST_GAIN)
    assert axes.get_title().startswith(f"the search adds {last - first:.4f} ({(last - first) / first:.2%})")


def test_the_bar_of_a_density_has_plain_numbers():
    figure = plot.panel(4, 4, panels.ratios, np.repeat(zoo.lognormal(300), 40, axis=0), zoo.lognormal(3), 0.25)
    labels = [text.get_text() for text in figure.axes[1].get_yticklabels()]
    assert labels[:4] == ["1", "2", "5", "10"]


def test_a_title_is_no_formula(content):
    figure = plot.anchors(content.result, content.boxes, title="a$b$\n: 640 x 640")
    assert figure.get_suptitle() == "a\\$b\\$\\n: 640 x 640"


def test_the_page_compares_with_the_anchors_of_coco(content, text):
    coco = fastanchor.export.read("10,13 16,30 33,23 30,61 62,45 59,119 116,90 156,198 373,326").anchors
    right = fastanchor.check(content.boxes, coco)
    assert f"<td>{right.fitness:.5f}</td><td>" in text
    assert made(n=6, sweep_n=[]).usual is None  # another number of anchors


def test_regions_are_those_of_the_best_anchor():
    from matplotlib.figure import Figure

    axes = Figure().subplots()
    wh = zoo.lognormal(500)
    panels.sizes(axes, wh, np.array([[20.0, 20.0], [80.0, 80.0]]), "two")
    # the border between two squares lies where both ratios are equal: at their geometric mean, along a diagonal
    borders = np.vstack([path.vertices for shape in axes.collections for path in shape.get_paths()
                         if shape.get_array() is not None and np.size(shape.get_array()) <= 1])  # fmt: skip
    close = borders[np.abs(np.log(borders[:, 0] / borders[:, 1])) < 0.02]
    np.testing.assert_allclose(close, 40.0, rtol=0.05)


@pytest.mark.slow
def test_no_window_and_no_pyplot(tmp_path):
    code = (
        "import sys, numpy as np, fastanchor\n"
        "from fastanchor import plot\n"
        "from fastanchor.levels import by_level\n"
        "wh = np.random.default_rng(0).uniform(5, 50, (50, 2))\n"
        "found = fastanchor.check(wh, wh[:1])\n"
        f"plot.save(plot.anchors(found, wh, by_level(found.anchors, [(5, 1)])), {str(tmp_path / 'x.png')!r})\n"
        "print('matplotlib.pyplot' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def test_without_matplotlib(monkeypatch, tmp_path, content):
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda _: None)
    with pytest.raises(BackendError, match=r"matplotlib is not installed; pip install 'fastanchor\[plot\]'"):
        plot.save(plot.swept(content.sweep), tmp_path / "x.png")
    with pytest.raises(BackendError, match="matplotlib is not installed"):
        page(content)


def test_endings(tmp_path, content):
    with pytest.raises(DataError, match=r"must end in .png, .svg or .pdf"):
        plot.save(plot.swept(content.sweep), tmp_path / "x.gif")


def test_letters_that_the_font_has_not_are_no_warning(tmp_path):
    figure = plot.per_class({"日本語": 3, "cat": 2, "a$b": 1})
    plot.save(figure, tmp_path / "classes.png")
    assert plot.png(figure).startswith(b"\x89PNG")


@pytest.mark.slow
@pytest.mark.parametrize("boxes", [[[40, 40]] * 2, [[0.3, 0.3]] * 30, [[5, 500]], [[10, 10], [1000, 10]]])
def test_few_sizes_can_be_drawn(tmp_path, boxes):
    wh = np.array(boxes, float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", fastanchor.SmallBoxWarning)
        result = fastanchor.auto_anchor(wh, n=1, gen=5, min_size=0.0, rng=0, progress=False)
    plot.save(plot.anchors(result, wh), tmp_path / "few.png")
    assert (tmp_path / "few.png").stat().st_size > 10_000


def test_a_number_goes_where_no_other_anchor_is():
    usual = np.array(panels.label_places(np.array([[0.0, 0.0]]), 1.0)[0])
    assert usual.tolist() == pytest.approx([panels.AWAY * 0.5**0.5] * 2)
    crowded = np.array([[0.0, 0.0], usual / panels.WIDTH])  # the second stands where the first one's number would
    first, second = np.array(panels.label_places(crowded, 1.0))
    assert np.hypot(*(first - usual)) > panels.AWAY
    assert np.hypot(*(usual + second)) > panels.AWAY


def test_remarks_of_little_weight_are_notes(content):
    remarks = (Remark("a", "just a note", 1), Remark("b", "a serious doubt", 1, doubt=True))
    shown = page(dataclasses.replace(content, remarks=remarks))
    assert '<p class="note">just a note</p>' in shown
    assert '<p class="warning">a serious doubt</p>' in shown
    assert shown.index("a serious doubt") < shown.index("just a note")


@pytest.mark.parametrize(
    "reading",
    [
        *(pytest.param(reading, marks=pytest.mark.slow) for reading in ({}, {"format": "voc"})),
        {"format": "coco", "split": "train; left out: <val>"},
    ],
)
def test_page_says_how_the_labels_were_read(content, reading):
    rows = Page(page(dataclasses.replace(content, reading=reading))).text
    assert "what value " + "".join(f"{name} {value} " for name, value in reading.items()) + "images" in rows
