"""Draw how the box index answers one k-means step: the blocks it settles at once and the cells it has to look into.

``python bench/grid.py DATA OUT.png`` with matplotlib installed; docs/how.md shows the BCCD blood-cell boxes.
"""

import sys

import numpy as np
from matplotlib.figure import Figure
from matplotlib.patches import Rectangle
from matplotlib.patheffects import withStroke

import fastanchor
from fastanchor.engine._assignment import Assignment
from fastanchor.engine._layout import layout, sampled
from fastanchor.engine.index import BoxIndex
from fastanchor.kernels._tables import Leaves

K, SIZE, SIDE = 5, 416, 256
COLOURS = ["#d9e8f5", "#fbe3c8", "#dcefd5", "#f4d9e4", "#e5def0"]
OPEN = "#333333"


def leaves_of(index, centers):
    """Return (x0, x1, y0, y1, label or -1, boxes) of each leaf, edges in pixels."""
    (shard,) = index.shards
    answer, grid = Assignment(shard.work, centers, "iou"), shard.grid.tables
    nx, ny = shard.grid.nx, shard.grid.ny
    out = []
    leaves = Leaves.joined(answer.leaves)
    columns = (leaves.x, leaves.y, leaves.level, leaves.label, leaves.boxes)
    for x, y, level, label, boxes in zip(*(column.tolist() for column in columns), strict=True):
        x0, x1 = x << level, min((x + 1) << level, nx)
        y0, y1 = y << level, min((y + 1) << level, ny)
        count = grid.table[x1, y1] - grid.table[x0, y1] - grid.table[x1, y0] + grid.table[x0, y0]
        assert label < 0 or count == boxes
        out.append((grid.edge_w[x0], grid.edge_w[x1], grid.edge_h[y0], grid.edge_h[y1], label, int(count)))
    return out


def main(data, out):
    wh = fastanchor.read(data, progress=False).scaled(SIZE)
    index = BoxIndex(wh, _where=layout(sampled(wh), SIDE))
    centers = fastanchor.kmeans(index, K, rng=2, max_iter=30, progress=False).centers
    leaves = leaves_of(index, centers)
    settled = [leaf for leaf in leaves if leaf[4] >= 0]
    opened = [leaf for leaf in leaves if leaf[4] < 0]
    looked = sum(leaf[5] for leaf in opened)
    assert sum(leaf[5] for leaf in leaves) == len(wh)

    figure = Figure(figsize=(11, 6.4), layout="constrained")
    left, right = figure.subplots(1, 2, sharex=True, sharey=True)
    for axes in (left, right):
        axes.set(xscale="log", yscale="log", aspect="equal", xlabel=f"width, pixels at {SIZE}")
        low, high = np.quantile(wh, [0.003, 1.0])
        axes.set(xlim=(low, high * 1.05), ylim=(low, high * 1.05))
        ticks = [t for t in (10, 20, 50, 100, 200, 400) if low <= t <= high]
        for axis in (axes.xaxis, axes.yaxis):
            axis.set_ticks(ticks, labels=[str(t) for t in ticks])
            axis.set_ticks([], minor=True)
    left.set_ylabel(f"height, pixels at {SIZE}")
    jitter = np.random.default_rng(0).uniform(-0.5, 0.5, wh.shape)  # whole pixels would print on top of one another
    left.plot(*(wh + jitter).T, ".", color="black", markersize=1.2, alpha=0.5)
    left.set_title(f"What k-means sees: {len(wh):,} boxes, {K} centres")
    for x0, x1, y0, y1, label, _ in leaves:
        face = OPEN if label < 0 else COLOURS[label]
        right.add_patch(Rectangle((x0, y0), x1 - x0, y1 - y0, facecolor=face, edgecolor="white", linewidth=0.4))
    right.set_title(
        f"What the index looks at:\n{len(settled)} settled blocks, {len(wh) - looked:,} boxes counted from tables;\n"
        f"{len(opened)} open cells (dark), {looked} boxes looked at",
        fontsize="medium",
    )
    for axes in (left, right):
        axes.plot(*centers.T, "o", color="#b2182b", markeredgecolor="white", markersize=9)
        for j, centre in enumerate(centers.tolist(), start=1):
            axes.annotate(str(j), centre, xytext=(7, 6), textcoords="offset points", color="#b2182b", weight="bold",
                          path_effects=[withStroke(linewidth=3, foreground="white")])  # fmt: skip
    figure.savefig(out, dpi=110)
    print(f"{out}: {len(settled)} settled blocks, {len(opened)} open cells with {looked} of {len(wh)} boxes")


if __name__ == "__main__":
    main(*sys.argv[1:])
