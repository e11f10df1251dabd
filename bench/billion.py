"""Anchors of a billion boxes: writes Parquet or .npy files of float32 sides, and runs `fastanchor anchors` on them.

    python bench/billion.py --boxes 1e9 --folder /tmp/billion --memory 12GB --fresh
    python bench/billion.py --boxes 1e9 --folder /tmp/billion --memory 4GB

Sides are log-normal, from 2 to 640 pixels, multiples of 1/16 pixel. The time of the command, its memory and the load of
the machine go to bench/results/billion.json. Memory is of the process itself (RssAnon of Linux): pages of mapped files
belong to the system.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import numpy as np

from fastanchor import bench

PIECES, GROUP = 10, 1 << 20
RESULTS = Path(__file__).parent / "results" / "billion.json"


def quantiles(center: float) -> np.ndarray:
    """Return 65,536 equally likely sides, float32."""
    from statistics import NormalDist

    at = (np.arange(1 << 16) + 0.5) / (1 << 16)
    normal = np.array([NormalDist().inv_cdf(one) for one in at])
    return (np.round(np.exp(normal + center).clip(2, 640) * 16) / 16).astype(np.float32)


def write(folder: Path, boxes: int, kind: str) -> list[Path]:
    """Write the pieces that are missing; return all."""
    folder.mkdir(parents=True, exist_ok=True)
    tables = [np.unique(quantiles(center), return_inverse=True) for center in (3.8, 3.7)]
    found = []
    for piece in range(PIECES):
        path = folder / f"{boxes:.0e}-{piece}.{kind}"
        found.append(path)
        if path.exists():
            continue
        part = path.with_suffix(".part")
        rng, count = np.random.default_rng([boxes, piece]), boxes // PIECES
        (write_numpy if kind == "npy" else write_parquet)(part, count, tables, rng)
        part.rename(path)
    return found


def drawn(count: int, tables: list, rng: np.random.Generator):
    """Yield the numbers of drawn sides, group by group: widths and heights."""
    for first in range(0, count, GROUP):
        size = min(GROUP, count - first)
        yield [numbers[rng.integers(0, 1 << 16, size, dtype=np.uint16)].astype(np.int32) for _, numbers in tables]


def write_numpy(path: Path, count: int, tables: list, rng: np.random.Generator) -> None:
    """Write a .npy file."""
    with path.open("wb") as out:
        header = {"descr": "<f4", "fortran_order": False, "shape": (count, 2)}
        np.lib.format.write_array_header_1_0(out, header)
        for columns in drawn(count, tables, rng):
            sides = [values[own] for (values, _), own in zip(tables, columns, strict=True)]
            np.column_stack(sides).tofile(out)


def write_parquet(path: Path, count: int, tables: list, rng: np.random.Generator) -> None:
    """Write a Parquet file."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    schema = pa.schema([(name, pa.float32()) for name in ("width", "height")])
    with pq.ParquetWriter(path, schema, compression="none", dictionary_pagesize_limit=1 << 20) as out:
        for columns in drawn(count, tables, rng):
            sides = [pa.array(values[own]) for (values, _), own in zip(tables, columns, strict=True)]
            out.write_table(pa.table(sides, schema=schema), row_group_size=GROUP)


def memory_of(process: int) -> dict[str, float]:
    """Return the memory of a process in GB: its own, and with the pages of files that it maps."""
    try:
        lines = Path(f"/proc/{process}/status").read_text().splitlines()
    except OSError:
        return {}
    fields = {line.split(":")[0]: line.split() for line in lines}
    return {name: int(fields[name][1]) * 1024 / 1e9 for name in ("RssAnon", "VmHWM") if name in fields}


def run(paths: list[Path], memory: str | None) -> dict:
    """Run the command; return what it answered, its time and its memory."""
    command = [sys.executable, "-m", "fastanchor", "anchors", *map(str, paths), "--json", "--quiet"]
    command += ["--memory", memory] if memory else []
    before, loads, own, most = time.perf_counter(), [], 0.0, 0.0
    with subprocess.Popen(command, stdout=subprocess.PIPE) as process:
        while process.poll() is None:
            held = memory_of(process.pid)
            own, most = max(own, held.get("RssAnon", 0.0)), max(most, held.get("VmHWM", 0.0))
            loads.append(os.getloadavg()[0])
            time.sleep(0.2)
        wall = time.perf_counter() - before
        if process.returncode:
            raise SystemExit(f"the command ended with {process.returncode}")
        answer = json.load(process.stdout)
    spent = os.times()
    return {
        "seconds": round(wall, 1),
        "cpu_seconds": round(spent.children_user + spent.children_system, 1),
        "own_memory_gb": round(own, 2),
        "with_mapped_files_gb": round(most, 2),
        "load": round(float(np.median(loads)), 1),
        "fitness": answer["fitness"],
        "anchors": answer["anchors"],
        "boxes": answer["boxes"],
    }


def main() -> None:
    """Write the boxes, run the command, and keep the figures."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--boxes", type=lambda text: int(float(text)), default=10**9)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--kind", choices=("parquet", "npy"), default="parquet")
    parser.add_argument("--memory")
    parser.add_argument("--fresh", action="store_true", help="forget the figures of earlier runs")
    arguments = parser.parse_args()
    start = time.perf_counter()
    paths = write(arguments.folder, arguments.boxes, arguments.kind)
    print(f"written in {time.perf_counter() - start:.0f} s: {sum(path.stat().st_size for path in paths) / 1e9:.2f} GB")
    found = {"input": arguments.kind, "memory": arguments.memory, **run(paths, arguments.memory)}
    found["input_gb"] = round(sum(path.stat().st_size for path in paths) / 1e9, 2)
    print(json.dumps(found, indent=1))
    rows = json.loads(RESULTS.read_text())["runs"] if RESULTS.exists() and not arguments.fresh else []
    same = ("boxes", "input", "memory")
    rows = [row for row in rows if any(row[name] != found[name] for name in same)] + [found]
    rows.sort(key=lambda row: (row["boxes"], row["memory"] or ""))
    content = {"machine": bench.machine(), "runs": rows}
    RESULTS.write_text(json.dumps(content, indent=1) + "\n")


if __name__ == "__main__":
    main()
