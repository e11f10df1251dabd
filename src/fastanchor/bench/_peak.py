"""How much memory a contender takes, in this process: ``python -m fastanchor.bench._peak STAGE CONTENDER N K``."""

from __future__ import annotations

import json
import sys
from pathlib import Path

from fastanchor import bench
from fastanchor.bench._contest import CONTENDERS

STATUS, CLEAR = Path("/proc/self/status"), Path("/proc/self/clear_refs")


def highest() -> int | None:
    """Return the largest resident size so far, bytes; None where there is no /proc."""
    if not STATUS.exists():
        return None
    line = next((line for line in STATUS.read_text(encoding="ascii").splitlines() if line.startswith("VmHWM")), None)
    return None if line is None else int(line.split()[1]) * 1024


def main(stage: str, name: str, n: str, k: str) -> int:
    """Print the growth in bytes, as JSON."""
    one = next(c for c in CONTENDERS if c.stage == stage and c.name == name)
    case = bench.case(int(n), int(k))
    one.prepare(case.first(2000))()  # imports and compilation
    before = highest()
    one.prepare(case)()
    after = highest()
    print(json.dumps(None if before is None or after is None else after - before))  # noqa: T201  the answer
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
