"""Write the tables of ``bench/results`` between the markers of the README and of ``docs``, and draw the pictures.

``python bench/render.py`` rewrites the files; ``--check`` only reports whether they are up to date; ``--pictures`` also
draws ``docs/images/whole-job.svg`` and ``stages.svg``, with matplotlib.
"""

import json
import sys
from functools import partial
from pathlib import Path
from statistics import median

from fastanchor import bench
from fastanchor._table import Table
from fastanchor.bench import _picture, _report
from fastanchor.distributed._lloyd import AROUND, LEAST, MOST
from fastanchor.engine._layout import side_for

ROOT = Path(__file__).resolve().parent.parent
ROOM = 16e9  # bytes of memory of a worker
UNSORTED = 24  # bytes per box of the arrays that are sorted, and of reading
CLOSE = 1e-4  # a difference of scores that is none
IMAGES = ROOT / "docs" / "images"


def load(name):
    return json.loads((ROOT / "bench" / "results" / f"{name}.json").read_text(encoding="utf-8"))


def table(head, rows, *, left=1):
    """Return a table in Markdown; so many columns are aligned left."""
    return Table(head, rows, align="l" * left + "r").markdown()


def seconds(value):
    if value < 0.1:
        return f"{1e3 * value:.0f} ms"
    return f"{value:,.{2 if value < 10 else 1 if value < 100 else 0}f} s"


def whole_job():
    """Render the time of the whole job by each contender; a dash where it was not run."""
    content = load("whole_job")
    lines = {name: {n: time for n, time, _ in points} for name, points in content["lines"].items()}
    sizes = sorted({n for points in lines.values() for n in points})
    rows = [[f"{n:,}", *(seconds(points[n]) if n in points else "-" for points in lines.values())] for n in sizes]
    where = f"{bench.line(content['machine'])}. `python bench/whole_job.py`"
    about = "Box sizes to 9 anchors, k-means and 1,000 generations; one thread, processor time."
    return [about, where, "", table(["boxes", *lines], rows, left=0)]


def stages():
    """Render the stages at a million boxes, and how each contender's time grows with their number."""
    content = load("stages")
    rows = [bench.Row.of(row) for row in content["rows"]]
    grown = [found.rows for found in _report.growth(rows) if "boxes" in found.title]
    exponents = {(stage, name): e for found in grown for stage, name, e in found}
    shown, before = [], ""
    for row in (row for row in rows if row.n == 1_000_000 or row.stage == "reading"):
        cells = _report.cells(row)
        exponent = exponents.get((row.stage, row.contender), "")
        shown.append([row.stage if row.stage != before else "", *cells[:6], exponent, *cells[6:]])
        before = row.stage
    head = ["stage", *_report.HEAD[:6], "growth e", *_report.HEAD[6:]]
    filled = [i for i in range(len(head)) if any(row[i] for row in shown)]
    head, *shown = ([row[i] for i in filled] for row in (head, *shown))
    where = f"1,000,000 boxes, {content['k'][0]} centres. {bench.line(content['machine'])}."
    return [where, "", table(head, shown, left=2)]


def growth():
    content = load("growth")
    rows = []
    for row in content["rows"]:
        dense = seconds(row["dense"]) if row.get("dense_measured") else "not run"
        ours = f"{seconds(row['ours'])} ({row['engine']})"
        rows.append([f"{row['n']:,}", ours, dense, str(row["updates"]), f"{row['fitness']:.5f}"])
    head = ["boxes", "fastanchor", "its dense kernels alone", "updates of k-means", "fitness reached"]
    where = f"{content['k']} anchors. {bench.line(content['machine'])}. `python bench/index.py --huge`"
    about = "A whole `auto_anchor`: k-means and 1,000 generations. Where both ran, the anchors are the same."
    return [about, where, "", table(head, rows, left=0)]


def index():
    content = load("index")
    at, before, room = content["at"], content["tenth"], content["memory"]
    obvious = "`prange` over boxes, `np.median` per cluster"
    rows = []
    average = [("the same, on average over whole runs", at.get("update_in_run"), obvious, at["update_obvious"])]
    for what, ours, name, rival in (
        ("one k-means update (IoU, median)", at["update"], obvious, at["update_obvious"]),
        ("", at["update"], "NumPy in chunks", at["update_plain"]),
        *(average if "update_in_run" in at else []),  # since late updates look only at boxes that may have moved
        ("one generation of 1000", at["generation"], "one pass of our dense kernel", at["dense_fitness"]),
        ("building the index", at["build"], "one k-means update of NumPy", at["update_plain"]),
    ):
        rows.append([what, f"{1e3 * ours:,.2f} ms", f"{1e3 * rival:,.1f} ms ({name})", f"{rival / ours:,.1f}"])
    return [
        f"{at['n']:,} boxes, {content['k']} centres, {at['threads']} threads, warm. `python bench/index.py`",
        "",
        table(["what", "the index", "against", "ratio"], rows),
        "",
        f"With ten times the boxes ({before['n']:,} to {at['n']:,}) an update takes",
        f"{at['update'] / before['update']:.1f} times as long, a generation "
        f"{at['generation'] / before['generation']:.1f} times.",
        f"The index keeps {room['nbytes'] / room['n']:.0f} bytes per box; while it is built the process grows by "
        f"{room['peak'] / room['n']:.0f} at most.",
    ]


def best():
    """Render what the searches reach, and in what time."""
    content = load("best")
    rows = []
    for row in content["rows"]:
        cells = [row["data"], f"{row['boxes']:,}"]
        for way in ("recipe", "long", "refine", "global"):
            least, most = f"{row[way]['least']:.5f}", f"{row[way]['most']:.5f}"
            cells.append(least if least == most else f"{least} to {most}")
        cells.append("-" if row["cma"] is None else f"{row['cma']:.5f}")
        rows.append(cells + [seconds(row[way]["seconds"]) for way in ("recipe", "long", "refine", "global")])
    head = ["data", "boxes", "recipe", "10,000 generations", "refine", "global", "CMA-ES",
            "recipe takes", "10,000 take", "refine takes", "global takes"]  # fmt: skip
    where = f"{bench.line(content['machine'])}. Processor time. `python bench/best.py --cma DATA ...`"
    every = content["rows"]
    above = [sum(row["global"]["least"] >= row[way]["most"] for row in every) for way in ("recipe", "long")]
    spread = max(row["global"]["most"] - row["global"]["least"] for row in every)
    times = [row["global"]["seconds"] / row["recipe"]["seconds"] for row in every]
    return [
        where, "", table(head, rows), "",
        f"* Of {len(every)} rows, the least that `global` reaches is above the most that the recipe reaches in "
        f"{above[0]}, and above 10,000 generations in {above[1]}.",
        f"* Seeds of `global` differ by {spread:.5f} at most.",
        f"* `global` takes {min(times):.1f} to {max(times):.1f} times as long as the recipe.",
    ]  # fmt: skip


def evolution():
    """Render what the search for sizes and ratios reaches beside differential evolution."""
    content = load("against_evolution")
    rows, lead = [], {}
    for row in content["rows"]:
        if not row["evolution"]:
            continue
        cells, ways = [], (row["ours"], row["evolution"])
        for scores in ([run["score"] for run in way] for way in ways):
            least, most = f"{min(scores):.5f}", f"{max(scores):.5f}"
            cells.append(least if least == most else f"{least} to {most}")
        least, most = min(run["score"] for run in row["ours"]), max(run["score"] for run in row["evolution"])
        lead[row["data"], row["detector"]] = least - most
        calls = [f"{median(run['evaluations'] for run in way):,.0f}" for way in ways]
        times = [seconds(median(run["seconds"] for run in way)) for way in ways]
        rows.append([row["data"], row["detector"], f"{row['boxes']:,}", str(row["parameters"]), *cells,
                     f"{round(least - most, 5) + 0.0:+.5f}", *calls, *times])  # fmt: skip
    head = ["data", "detector", "boxes", "parameters", "the search", "evolution", "lead", "evaluations", "of evolution",
            "the search takes", "evolution takes"]  # fmt: skip
    where = f"{bench.line(content['machine'])}. Processor time. `python bench/against_evolution.py DATA ...`"
    least, at = min((value, f"{data}, {detector}") for (data, detector), value in lead.items())
    above, below = (sum(sign * value > CLOSE for value in lead.values()) for sign in (1, -1))
    large = content["large"]
    each = ", ".join(f"{row['detector']} {seconds(row['seconds'])}" for row in large)
    return [
        where, "", table(head, rows, left=2), "",
        f"* Of {len(lead)} rows, the worst seed of the search is above the best of evolution by more than {CLOSE:.4f} "
        f"in {above}, below it by more in {below}, and as good in the rest. The smallest lead is {least:+.5f} ({at}).",
        f"* A whole call with {large[0]['boxes']:,} synthetic boxes takes: {each}.",
    ]  # fmt: skip


def limits():
    """Render the limits of several numbers of anchors."""
    rows = [
        [row["data"], f"{row['boxes']:,}", str(one["n"]),
         f"{one['score']:.5f}", f"{one['bound']:.5f}", f"{one['gap']:.2%}",
         seconds(one["seconds"])]
        for row in load("best")["rows"]
        for one in row["limits"]
    ]  # fmt: skip
    return [table(["data", "boxes", "anchors", "reached", "limit", "gap", "takes"], rows)]


def study():
    """Render what anchors reach on images that they were not chosen on."""
    content = load("study")
    rows = []
    for row in content["rows"]:
        own = row["sizes"]["all"]
        cells = [row["data"], f"{row['images']:,}", f"{own['boxes']:,}"]
        cells += [f"{way['fitness'][0]:.4f}" for way in own["ways"].values()] + [f"{row['limit']:.4f}"]
        for name in ("recipe ahead", "global ahead"):
            value, low, high = row[name]
            cells.append(f"{value:+.4f} ({low:+.4f} to {high:+.4f})")
        rows.append(cells)
    head = ["data", "images", "boxes", "default", "recipe", "global", "limit", "recipe - default", "global - recipe"]
    where = f"{content['anchors']} anchors. {bench.line(content['machine'])}. `python bench/study.py DATA ...`"
    said = [_count(content["rows"], *pair) for pair in (("recipe", "default anchors"), ("global", "recipe"))]
    return [where, "", table(head, rows), "", *said]


def trained():
    """Render what detectors train on, on images that the anchors were not chosen on."""
    content = load("study_detectors")
    rows, behind, ways = [], [], ("default", "iou", "placed")
    for row in content["rows"]:
        own = row["sizes"]["all"]
        matched, iou, positives = own["matched"], own["iou"], own["positives"]
        value, low, high = matched["ahead of default"]
        rows.append([
            row["data"], row["detector"], f"{own['boxes']:,}", *(f"{matched[way]:.1%}" for way in ways),
            f"{value:+.1%} ({low:+.1%} to {high:+.1%})", *(f"{iou[way]:.3f}" for way in ways),
            *(f"{positives[way]:.1f}" for way in ("default", "placed")),
        ])  # fmt: skip
        behind += [
            f"{row['data']}, {row['detector']}, {size} ({one['matched']['ahead of default'][0]:+.1%})"
            for size, one in row["sizes"].items()
            if one is not None and one["matched"]["ahead of default"][2] < 0.0
        ]
    head = ["data", "detector", "boxes", *(f"matched, {way}" for way in ways), "placed - default",
            *(f"IoU, {way}" for way in ways), "positives, default", "positives, placed"]  # fmt: skip
    where = f"{bench.line(content['machine'])}. `python bench/study_detectors.py DATA ...`"
    fewer = f"* Fewer matched boxes than with the default anchors, beyond noise: {'; '.join(behind) or 'none'}."
    return [where, "", table(head, rows, left=2), "", fewer]


def _count(rows, way, other):
    """Return a sentence about the sets on which a way is ahead of another one, or behind, beyond noise."""
    found = [row[f"{way} ahead"] for row in rows]
    ahead, behind = [value for value, low, _ in found if low > 0.0], [value for value, _, high in found if high < 0.0]
    by = f", by {min(ahead):.4f} to {max(ahead):.4f}" if ahead else ""
    return (
        f"* Of {len(found)} sets, `{way}` is ahead of the {other} beyond noise on {len(ahead)}{by}, and behind on "
        f"{len(behind)}; on the other {len(found) - len(ahead) - len(behind)} the interval contains 0."
    )


def unmatched():
    """Render the share of boxes that match no anchor, on such images, by class of size."""
    rows = []
    for row in load("study")["rows"]:
        for size, own in row["sizes"].items():
            if own is None:
                continue
            name = row["data"] if size == "all" else ""
            cells = [name, size, f"{own['boxes']:,}"]
            for way in own["ways"].values():
                value, low, high = (abs(share) for share in way["unmatched"])
                cells.append("none" if high == 0.0 else f"{value:.2%} ({low:.2%} to {high:.2%})")
            rows.append(cells)
    said = [
        f"* {what} than with the default anchors, intervals apart: {_apart(sign) or 'nowhere'}."
        for what, sign in (("More boxes without a match", 1), ("Fewer", -1))
    ]
    return [table(["data", "size", "boxes", "default", "recipe", "global"], rows, left=2), "", *said]


def _apart(sign):
    """Return the sets and sizes in which a way leaves more (1) or fewer (-1) boxes unmatched than the default ones."""
    found = []
    for row in load("study")["rows"]:
        for size, own in row["sizes"].items():
            ways = {} if own is None else {name: way["unmatched"] for name, way in own["ways"].items()}
            for name in ("recipe", "global"):
                if not ways:
                    continue
                (_, low, high), (_, least, most) = ways[name], ways["default"]
                if (low > most) if sign > 0 else (high < least):
                    found.append(f"{row['data']}, {size} (`{name}`)")
    return "; ".join(found)


def cluster():
    """Render what a step of k-means and a search cost on a cluster."""
    content = load("cluster")
    rows = []
    for row in content["rows"]:
        for title, count, unit in (("k-means", "updates", "update"), ("search", "accepted", "search")):
            cost = row["update" if title == "k-means" else "search"]
            times = cost[count] if unit == "update" else 1
            each = [cost[name] / times for name in ("workers", "driver")]
            sent = (cost["sent"] + cost["received"]) / cost["trips"] / row["parts"]
            about = f"{cost['trips']} trips for {cost[count]} {count if count == 'updates' else 'accepted mutants'}"
            rows.append([str(row["workers"]), title, about, f"{sent / 1e3:,.1f} kB", *map(seconds, each)])
    head = ["workers", "job", "trips", "a trip, per part", "workers, in all", "driver"]
    where = f"{bench.line(content['machine'])}. `python bench/cluster.py`"
    about = f"{content['n']:,} boxes, {content['k']} anchors. Processor time per update, and per whole search of "
    return [f"{about}{content['gen']:,} generations. {where}", "", table(head, rows, left=3)]


def plan():
    """Render what ten billion and a trillion boxes need, from what was measured at a million."""
    content, whole = load("cluster"), load("index")["at"]
    one, *_, last = content["rows"]
    tables = (last["nbytes"] - one["nbytes"]) / (last["parts"] - one["parts"])  # of one part
    box, trips = (one["nbytes"] - tables) / content["n"], sum(last[job]["trips"] for job in ("update", "search"))
    many = content["simulated"]
    driver = many["update"]["driver"] / many["update"]["trips"] / many["parts"]
    build = whole["build"] * whole["threads"] / whole["n"]
    rows = []
    for n in (10**10, 10**12):
        own = tables * (side_for(n) / side_for(content["n"])) ** 2
        each = min(int((ROOM - own) / (box + UNSORTED)) // 10**7 * 10**7, 2**31 - 1)
        parts = -(-n // each)
        near = min(max(AROUND // parts, LEAST), MOST)
        answer = 2 * content["k"] * 8 * (side_for(n) / 16 + 3 * near)
        rows.append([f"{n:,}", f"{parts:,}", f"{each:,}", seconds(build * each), f"{answer * parts / 1e6:,.0f} MB",
                     seconds(driver * parts), str(trips), seconds(driver * parts * trips)])  # fmt: skip
    head = ["boxes", "workers of 16 GB", "boxes each", "sorting, one thread", "answers of a trip", "driver per trip",
            "trips", "driver in all"]  # fmt: skip
    about = f"A part keeps {box:.0f} bytes per box, and {UNSORTED} more while it is built. Its tables take"
    sizes = [tables * (side_for(n) / side_for(content["n"])) ** 2 for n in (10**8, 10**9)]
    grown = f"{tables / 1e6:.0f} MB at {content['n']:,} boxes in all, {sizes[0] / 1e9:.1f} GB at 100,000,000 and"
    return [about, f"{grown} {sizes[1] / 1e9:.1f} GB from about 500,000,000 on.", "", table(head, rows, left=0)]


def compat():
    content = load("compat")
    rows = []
    for row in content["speed"]:
        ratio = bench.Ratio(**row["ratio"])
        off = f"{row['largest_difference']:.4f} px"
        times = [seconds(ratio.reference), seconds(ratio.contender), *_report.ratio(ratio)]
        rows.append([f"{row['n']:,}", *times, off])
    head = ["boxes", "YOLOv5's own `kmean_anchors`", "ours", "times as fast", "interval", "largest difference"]
    far = max(row["largest_difference"] for row in content["golden"])
    kind = " Processor time." if any(row["ratio"]["processor"] for row in content["speed"]) else ""
    where = f"{bench.line(content['machine'])}.{kind} `python bench/compat.py --yolov5 CHECKOUT`"
    return [
        *([where, "", table(head, rows, left=0), ""] if rows else []),
        f"The {len(content['golden'])} runs of the original programs on record: largest difference {far:.4f} px.",
    ]


def readers():
    content = load("readers")
    rows = []
    for row in content["rows"]:
        ours, theirs = (f"{row[side]:,.0f} {row['unit']}/s" for side in ("ours", "theirs"))
        low, high = row["interval"]
        found = bench.Ratio(row["ratio"], low, high, row.get("rounds", 7), 0.0, 0.0)
        rows.append([row["what"], ours, f"{theirs} ({row['rival']})", *_report.ratio(found)])
    head = ["format", "fastanchor reads", "the obvious reader", "times as fast", "interval"]
    return [f"{bench.line(content['machine'])}. `python bench/readers.py`", "", table(head, rows)]


def waits():
    head = ["labels", "first run on a machine (kernels are compiled, then cached)", "later runs"]
    rows = [[f"{row['n']:,}", f"{row['first']:.1f} s", f"{row['later']:.2f} s"] for row in load("compat")["waits"]]
    return [table(head, rows, left=0)]


def first_second():
    content = load("first_second")
    head = ("`fastanchor anchors` on", "boxes", "`import numpy`", "empty cache: as chosen", "numba",
            "warm cache: as chosen", "numba", "NumPy")  # fmt: skip
    shown = (("by itself", "empty"), ("numba", "empty"), ("by itself", "warm"), ("numba", "warm"), ("NumPy", "warm"))
    rows = []
    for row in content["rows"]:
        ways = {(cell["way"], cell["cache"]): cell for cell in row["ways"]}
        cells = [row["data"], f"{row['boxes']:,}", f"{row['numpy']['cpu']:.2f}"]
        for way in shown:
            name = {"numba": " (numba)", "numpy": " (NumPy)"}[ways[way]["backend"]] if way[0] == "by itself" else ""
            cells.append(f"{ways[way]['cpu']:.2f}{name}")
        rows.append(cells)
    imported = content["import"]
    times = [f"{imported[name]['cpu']:.3f} s" for name in ("fastanchor", "numpy")]
    return [
        f"Processor seconds of the whole command. {bench.line(content['machine'])}.",
        "",
        table(head, rows),
        "",
        f"`import fastanchor` and the first mention of `auto_anchor` take {times[0]}, `import numpy` {times[1]}: "
        f"{imported['ratio']:.2f} times as long, Python's own start included.",
    ]


def first_use():
    content = load("first_use")
    rows = []
    for stage, times in content["stages"].items():
        cells = [f"{1e3 * value:,.1f}" if value >= 1e-3 else f"{1e3 * value:.2f}" for value in times]
        rows.append([stage, *[*cells, "-"][:3]])
    head = "on the sample's 20,000 boxes", "first call ever, ms", "first call of a process, ms", "later calls, ms"
    return [table(head, rows)]


def billion():
    """Render whole commands on files of many boxes; nothing before the first run."""
    try:
        content = load("billion")
    except FileNotFoundError:
        return []
    rows = []
    for row in content["runs"]:
        cells = [
            f"{row['boxes']:,}",
            row["memory"] or "half of what is free",
            f"{row['input_gb']:.2f} GB {row['input']}",
        ]
        cells += [seconds(row["cpu_seconds"]), f"{seconds(row['seconds'])} at load {row['load']:.1f}"]
        rows.append([*cells, f"{row['own_memory_gb']:.1f} GB", f"{row['fitness']:.5f}"])
    head = ["boxes", "`--memory`", "files", "processor time", "time", "memory", "fitness"]
    where = f"{bench.line(content['machine'])}. `python bench/billion.py`"
    return [where, "", table(head, rows, left=0)]


def most():
    """Render the time and the memory of the most boxes in files that were run; nothing before the first run."""
    try:
        runs = load("billion")["runs"]
    except FileNotFoundError:
        return []
    top = max(row["boxes"] for row in runs)
    same = [row for row in runs if row["boxes"] == top]
    time, memory = (max(row[name] for row in same) for name in ("seconds", "own_memory_gb"))
    link = "[larger than memory](docs/large.md#a-billion-boxes)"
    return [f"{top:,} boxes in files take at most **{seconds(time)} and {memory:.1f} GB of memory**: {link}."]


def headline():
    """Render the time of the whole job, as far as it was run."""
    content = load("growth")
    took = {row["n"]: row["ours"] for row in content["rows"]}
    times = [f"{seconds(took[n])} for {n:,} boxes" for n in (100_000, 1_000_000, 100_000_000)]
    processor, cores = (content["machine"][fact] for fact in ("processor", "cores"))
    return [
        f"The whole job, k-means and 1,000 generations of the search for {content['k']} anchors, takes "
        f"**{times[0]}, {times[1]} and {times[2]}** ({processor}, {cores} cores)."
    ]


def matched(page):
    """Render what the anchors in the pictures of a detector's page match, beside its default ones."""
    content = load("pictures")[page]
    sizes = {"all": content["boxes"], **content["sizes"]}
    rows = [
        [one["name"], f"{sizes[one['name']]:,}", f"{one['matched']:.1%}", f"{one['default']:.1%}",
         f"{one['difference']:+.1%}", f"{one['low']:+.1%}\N{NO-BREAK SPACE}to\N{NO-BREAK SPACE}{one['high']:+.1%}"]
        for one in content["against_default"]
    ]  # fmt: skip
    head = ["size", "boxes", "these anchors", "default anchors", "difference", "95 % interval"]
    about = (
        f"Share of the boxes that have an anchor with an IoU of at least {content['above']:g} where the detector "
        f"places it; {content['boxes']:,} boxes on {content['images']:,} images."
    )
    return [about, "", table(head, rows)]


TABLES = {
    one.__name__: one
    for one in (
        headline,
        most,
        whole_job,
        growth,
        index,
        best,
        billion,
        limits,
        evolution,
        cluster,
        plan,
        study,
        unmatched,
        trained,
        readers,
        first_second,
        first_use,
        compat,
        waits,
        stages,
    )
} | {f"matched_{page}": partial(matched, page) for page in load("pictures")}


def rendered(text):
    """Return a page with its tables written anew; tables without markers stay out."""
    for name, lines in TABLES.items():
        begin, end = f"<!-- {name} -->\n", f"<!-- /{name} -->"
        if begin in text:
            head, rest = text.split(begin)
            text = head + begin + "\n".join(lines()) + "\n" + end + rest.split(end)[1]
    return text


def pictures():
    IMAGES.mkdir(parents=True, exist_ok=True)
    content = load("whole_job")
    lines = [
        _picture.Line(name, [point[:2] for point in points], name == "fastanchor")
        for name, points in content["lines"].items()
    ]
    facts = content["machine"]
    caption = (
        f"{facts['processor']}, one thread, processor time. Dotted: not run, in proportion.\n"
        "Data and script: bench/results/whole_job.json, bench/whole_job.py"
    )
    rows = [bench.Row.of(row) for row in load("stages")["rows"]]
    for name, figure in (("whole-job", _picture.whole_job(lines, caption)), ("stages", _picture.sheet(rows))):
        (IMAGES / f"{name}.svg").write_text(_picture.svg(figure), encoding="utf-8")


def main():
    pages = {page: page.read_text(encoding="utf-8") for page in (ROOT / "README.md", *ROOT.glob("docs/**/*.md"))}
    new = {page: rendered(text) for page, text in pages.items()}
    if "--check" in sys.argv[1:]:
        return int(new != pages)
    for page, text in new.items():
        if text != pages[page]:
            page.write_text(text, encoding="utf-8")
    if "--pictures" in sys.argv[1:]:
        pictures()
    return 0


if __name__ == "__main__":
    sys.exit(main())
