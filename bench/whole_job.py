"""Draw the time of the whole job against the number of boxes, from bench/results/growth.json.

``python bench/whole_job.py`` writes docs/images/whole-job.svg; matplotlib is needed.
"""

import json
from pathlib import Path

import matplotlib
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parent.parent
LINES = {
    "plain": ("NumPy in chunks", "0.55", 1.5),
    "dense": ("fastanchor,\nwithout the index", "0.35", 1.5),
    "ours": ("fastanchor", "#1d4ed8", 3.0),
}
MEASURED = {"ours": True, "plain": False}  # of `dense` each row says it


def main():
    rows = json.loads((ROOT / "bench" / "results" / "growth.json").read_text(encoding="utf-8"))["rows"]
    matplotlib.rcParams["svg.hashsalt"] = "fastanchor"  # the same file in every run
    figure = Figure(figsize=(7.2, 4.2), layout="constrained")
    axes = figure.add_subplot()
    for key, (name, colour, width) in LINES.items():
        measured = [MEASURED.get(key, row.get("dense_measured", True)) for row in rows]
        points = [(row["n"], row[key], known) for row, known in zip(rows, measured, strict=True) if key in row]
        whole = [point for point in points if point[2]]
        rest = points[max(len(whole) - 1, 0) :]
        for part, style in ((whole, "-"), (rest, ":")):
            axes.plot([n for n, *_ in part], [s for _, s, _ in part], style, color=colour, linewidth=width)
        n, seconds, _ = points[-1]
        axes.annotate(name, (n, seconds), (8, 0), textcoords="offset points", va="center", color=colour)
    axes.set(xscale="log", yscale="log", xlabel="boxes", ylabel="seconds, dotted: extrapolated", xlim=(8e3, 2e9))
    axes.set_xticks([row["n"] for row in rows])
    axes.spines[["top", "right"]].set_visible(False)
    axes.grid(color="0.9")
    figure.savefig(ROOT / "docs" / "images" / "whole-job.svg", metadata={"Date": None})


if __name__ == "__main__":
    main()
