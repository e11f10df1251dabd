"""Write the tables of ``bench/results`` into the README, between its markers.

``python bench/render.py`` rewrites the README; ``python bench/render.py --check`` only tells whether it is up to date.
"""

import json
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
README = ROOT / "README.md"


def load(name):
    return json.loads((ROOT / "bench" / "results" / f"{name}.json").read_text(encoding="utf-8"))


def machine(content):
    facts = dict(content["machine"])
    processor = facts.pop("processor")
    rest = ", ".join(f"{name} {value}" for name, value in facts.items() if name not in ("system", "cores"))
    cores = f", {facts['cores']} cores" if "cores" in facts else ""
    return f"{processor}{cores}; {rest}"


def stages():
    content = load("stages")
    lines = [
        f"{content['n']:,} boxes, {content['k']} centres. {machine(content)}. `fastanchor bench --n {content['n']}`",
        "",
        "| stage | who | ns a box | times as fast | answer |",
        "|---|---|--:|--:|---|",
    ]
    stage, referent = "", 0.0
    for row in content["rows"]:
        each = row["seconds"] / row["boxes"] * 1e9
        name = row["stage"] if row["stage"] != stage else ""
        referent = each if name else referent
        stage = row["stage"]
        on = "" if row["boxes"] == content["n"] else f" (on {row['boxes']:,})"
        lines.append(f"| {name} | {row['contender']} | {each:,.1f} | {referent / each:.1f} | {row['checked']}{on} |")
    return "\n".join(lines)


def kernels():
    content = load("kernels")
    lines = [
        f"{content['n']:,} boxes, {content['k']} centres, one thread, float64, warm. `python bench/kernels.py`",
        "",
        "| kernel | two loops under `@njit`, ns a box | ours, ns a box | ratio |",
        "|---|--:|--:|--:|",
    ]
    rows = "| {stage} | {obvious:.1f} | {fastanchor:.1f} | {ratio:.1f} |"
    lines += [rows.format(**row) for row in content["rows"]]
    return "\n".join(lines)


def compat():
    content = load("compat")
    lines = [
        f"{machine(content)}. `python bench/compat.py`",
        "",
        "| job | boxes | plain restatement of the original, s | ours, s | times as fast |",
        "|---|--:|--:|--:|--:|",
    ]
    for row in content["speed"]:
        plain = f"{row['plain']} {row['plain_seconds']:,.1f} (timed: {row['extrapolated']})"
        lines.append(f"| {row['job']} | {row['n']:,} | {plain} | {row['seconds']:.2f} | {row['ratio']:.0f} |")
    far = max(row["largest_difference"] for row in content["golden"])
    lines += [
        "",
        f"The {len(content['golden'])} runs of the original programs on record: largest difference {far:.4f} px.",
    ]
    return "\n".join(lines)


TABLES = {"stages": stages, "kernels": kernels}


def rendered(text):
    for name, table in TABLES.items():
        begin, end = f"<!-- {name} -->\n", f"\n<!-- /{name} -->"
        head, rest = text.split(begin)
        text = head + begin + table() + end + rest.split(end)[1]
    return text


def main():
    text = README.read_text(encoding="utf-8")
    new = rendered(text)
    if "--check" in sys.argv[1:]:
        return int(new != text)
    README.write_text(new, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
