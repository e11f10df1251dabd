"""Write the tables of ``bench/results`` into the README and the documentation, between their markers.

``python bench/render.py`` rewrites these pages; ``python bench/render.py --check`` only tests that they are up to date.
"""

import dataclasses
import json
import sys
from pathlib import Path

from fastanchor import bench
from fastanchor._table import Table
from fastanchor.bench import _report

FIELDS = [field.name for field in dataclasses.fields(bench.Row)]
ROOT = Path(__file__).resolve().parent.parent


def load(name):
    return json.loads((ROOT / "bench" / "results" / f"{name}.json").read_text(encoding="utf-8"))


def machine(content):
    facts = dict(content["machine"])
    processor = facts.pop("processor")
    rest = ", ".join(f"{name} {value}" for name, value in facts.items() if name not in ("system", "cores"))
    cores = f", {facts['cores']} cores" if "cores" in facts else ""
    return f"{processor}{cores}; {rest}"


def stages():
    """Render the stages at a million boxes, and how each contender's time grows with their number."""
    content = load("stages")
    rows = [bench.Row(**{name: row[name] for name in FIELDS}) for row in content["rows"]]
    exponents = {cells[:2]: cells[2] for title, found in _report.growth(rows) if "boxes" in title for cells in found}
    head = ("stage", "who", "time", "times as fast", "first call", "memory", "growth e", "reached", "answer")
    lines = []
    shown = [row for row in rows if row.n == 1_000_000 or row.stage == "reading"]
    for title, found in _report.tables(shown):
        stage = name = title.partition(":")[0]
        for who, time, _, times, first, memory, reached, answer in found:
            lines.append((stage, who, time, times, first, memory, exponents.get((name, who), ""), reached, answer))
            stage = ""
    table = Table(head, lines, align="llrrrrrll").markdown()
    return f"1,000,000 boxes, {content['k'][0]} centres. {machine(content)}.\n\n{table}"


def seconds(value, measured=True):
    digits = 2 if value < 10 else 1 if value < 100 else 0
    return f"{value:,.{digits}f} s" + ("" if measured else " *")


def growth():
    content = load("growth")
    lines = [
        "A whole `auto_anchor`: k-means (IoU, median) and 1000 generations.",
        f"{content['k']} anchors. {machine(content)}.",
        "`python bench/index.py --huge`",
        "",
    ]
    head = (
        "boxes",
        "fastanchor",
        "its dense kernels alone",
        "NumPy in chunks",
        "updates of k-means",
        "fitness reached",
    )
    rows = []
    for row in content["rows"]:
        dense = seconds(row["dense"], row["dense_measured"]) if "dense" in row else "not run"
        plain = seconds(row["plain"], measured=False) if "plain" in row else "not run"
        ours = f"{seconds(row['ours'])} ({row['engine']})"
        rows.append((f"{row['n']:,}", ours, dense, plain, str(row["updates"]), f"{row['fitness']:.5f}"))
    lines.append(Table(head, rows, align="r").markdown())
    lines += [
        "",
        "\\* added up from one update and one evaluation, for NumPy on at most a million boxes. Where two of them ran",
    ]
    lines += ["whole, their anchors were compared: they are the same."]
    return "\n".join(lines)


def index():
    content = load("index")
    at, before, room = content["at"], content["tenth"], content["memory"]
    milli = 1000.0
    lines = [
        f"{at['n']:,} boxes, {content['k']} centres, {at['threads']} threads, warm. `python bench/index.py`",
        "",
    ]
    head, rows = ("what", "the index", "against", "ratio"), []
    for what, ours, name, rival in (
        (
            "one k-means update (IoU, median)",
            at["update"],
            "`prange` over boxes, `np.median` per cluster",
            at["update_obvious"],
        ),
        ("", at["update"], "NumPy in chunks", at["update_plain"]),
        ("one generation of 1000", at["generation"], "one pass of our dense kernel", at["dense_fitness"]),
        ("building the index", at["build"], "one k-means update of NumPy", at["update_plain"]),
    ):
        rows.append((what, f"{ours * milli:,.2f} ms", f"{rival * milli:,.1f} ms ({name})", f"{rival / ours:,.1f}"))
    lines.append(Table(head, rows).markdown())
    lines += [
        "",
        f"With ten times the boxes ({before['n']:,} to {at['n']:,}) an update takes",
        f"{at['update'] / before['update']:.1f} times as long, a generation "
        f"{at['generation'] / before['generation']:.1f} times.",
        f"The index keeps {room['nbytes'] / room['n']:.0f} bytes a box; while it is built the process grows by "
        f"{room['peak'] / room['n']:.0f} at most.",
    ]
    return "\n".join(lines)


def compat():
    content = load("compat")
    head = ("job", "boxes", "plain restatement of the original, s", "ours, s", "times as fast")
    rows = []
    for row in content["speed"]:
        plain = f"{row['plain']} {row['plain_seconds']:,.1f} (timed: {row['extrapolated']})"
        rows.append((row["job"], f"{row['n']:,}", plain, f"{row['seconds']:.2f}", f"{row['ratio']:.0f}"))
    lines = [f"{machine(content)}. `python bench/compat.py`", "", Table(head, rows).markdown()]
    far = max(row["largest_difference"] for row in content["golden"])
    lines += [
        "",
        f"The {len(content['golden'])} runs of the original programs on record: largest difference {far:.4f} px.",
    ]
    return "\n".join(lines)


def readers():
    content = load("readers")
    head = ("format", "fastanchor reads", "the obvious reader", "times as fast")
    rows = []
    for row in content["rows"]:
        ours, theirs = (f"{row[side]:,.0f} {row['unit']}/s" for side in ("ours", "theirs"))
        rows.append((row["what"], ours, f"{theirs} ({row['rival']})", f"{row['ratio']:.1f}"))
    return f"{machine(content)}. `python bench/readers.py`\n\n{Table(head, rows).markdown()}"


def waits():
    head = ("labels", "first run on a machine (kernels are compiled, then cached)", "later runs")
    waits = load("compat")["waits"]
    rows = [(f"{row['n']:,}", f"{row['first']:.1f} s", f"{row['later']:.2f} s") for row in waits]
    return Table(head, rows, align="r").markdown()


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
        rows.append(tuple(cells))
    table = Table(head, rows, align="lrrrrrrr").markdown()
    return f"Processor seconds of the whole command. {machine(content)}.\n\n{table}"


def first_use():
    content = load("first_use")
    head = ("on the sample's 20,000 boxes", "first call ever, ms", "first call of a process, ms", "later calls, ms")
    rows = []
    for stage, times in content["stages"].items():
        cells = [f"{1000.0 * value:,.1f}" if value >= 1e-3 else f"{1000.0 * value:.2f}" for value in times]
        rows.append((stage, *[*cells, "-"][:3]))
    return Table(head, rows).markdown()


def headline():
    """Say what the whole job takes, as far as it was run."""
    content = load("growth")
    took = {row["n"]: row["ours"] for row in content["rows"]}
    times = [f"{seconds(took[n])} for {n:,} boxes" for n in (100_000, 1_000_000, 100_000_000)]
    processor, cores = (content["machine"][fact] for fact in ("processor", "cores"))
    return (
        f"The whole job, k-means and 1,000 generations of the search for {content['k']} anchors, takes "
        f"**{times[0]}, {times[1]} and {times[2]}** ({processor}, {cores} cores)."
    )


PAGES = {
    "README.md": (headline,),
    "docs/benchmarks.md": (growth, index, readers, first_second, first_use, compat, stages),
    "docs/training.md": (waits,),
}


def rendered(text, tables):
    for table in tables:
        begin, end = f"<!-- {table.__name__} -->\n", f"\n<!-- /{table.__name__} -->"
        head, rest = text.split(begin)
        text = head + begin + table() + end + rest.split(end.lstrip("\n"))[1]
    return text


def main():
    old = {ROOT / name: (ROOT / name).read_text(encoding="utf-8") for name in PAGES}
    new = {ROOT / name: rendered(old[ROOT / name], tables) for name, tables in PAGES.items()}
    if "--check" in sys.argv[1:]:
        return int(new != old)
    for page, text in new.items():
        page.write_text(text, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
