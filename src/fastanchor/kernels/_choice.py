"""Which backend does a job soonest, where none is chosen by hand.

Compiled kernels are faster, but numba takes a third of a second to import, its kernels as long again to load, and
seconds to compile, once for a machine. A job that NumPy has done by then is done by NumPy. The answers are the same.

Waits are paid once in a process, so what NumPy has cost more so far counts too: a long series of small jobs does not
take much more than twice as long as it had to.

Numbers are processor seconds, measured by bench/first_second.py --model.
"""

from __future__ import annotations

import functools
import os
import platform
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

from fastanchor._later import Later
from fastanchor._reading import Bound, opened

if TYPE_CHECKING:
    import hashlib
    import pathlib
else:
    hashlib, pathlib = Later("hashlib"), Later("pathlib")

__all__ = [
    "CODE", "EVERYTHING", "ONCE", "USUAL", "Verdict", "Work", "cached", "judge", "kept", "least", "stamps", "tag",
    "worth",
]  # fmt: skip

# nanoseconds for a pair of a box and a centre, and microseconds for a call
UPDATE = {"numpy": (5.0, 110.0), "numba": (2.5, 50.0)}
GENERATION = {"numpy": (1.4, 80.0), "numba": (0.7, 25.0)}
# of an index: nanoseconds for each box to build it, and microseconds for any call
INDEX = (30.0, 450.0)
LOOK = {"numpy": (7.0, 75.0), "numba": (1.0, 15.0)}

IMPORT, LOAD = 0.23, 0.3  # numba, and with its first kernel the tables of its types
# a kernel that stands for all that are compiled with it, and the time this takes
COMPILE = {
    ("_numba", "assign_iou"): 1.2,
    ("_numba", "fitness"): 1.3,
    ("_settle", "settle"): 7.0,
    ("_scan", "scan"): 4.0,
    ("_bands", "scan"): 5.0,
    ("_matching", "match"): 3.0,
    ("_matching_given", "match"): 6.0,
}
SHARE = 0.5  # of that which a job must be worth: compiled code is kept for those to come
CODE = Bound(64 << 20, "files of compiled code")  # a hundred times what the largest kernel needs
HEAD = 4096  # bytes of the machine's description: its first processor


class Work(NamedTuple):
    """What a job does with each box.

    Attributes
    ----------
    centers : int, default 9
        Centres or anchors that a box is compared with each time.
    updates : int
        Of k-means.
    trials, seen : int
        More updates, that look at no more than so many boxes.
    generations : int
        Of the genetic search.
    looks : int
        At every box, for anything else.
    """

    centers: int = 9
    updates: int = 0
    trials: int = 0
    seen: int = 0
    generations: int = 0
    looks: int = 0

    def seconds(self, n: int, backend: str, indexed: bool = False) -> float:
        """Return how long it takes with ready kernels."""
        if indexed:
            once = self._replace(updates=0, generations=0, looks=0).seconds(n, backend)
            calls = min(self.updates + self.generations + self.looks, FOREVER)
            return once + INDEX[0] * n * 1e-9 + INDEX[1] * calls * 1e-6
        nano, micro = 0.0, 0.0
        for (pair, call), times, boxes in (
            (UPDATE[backend], self.updates, n),
            (UPDATE[backend], self.trials, min(n, self.seen)),
            (GENERATION[backend], self.generations, n),
            (LOOK[backend], self.looks, n),
        ):
            rounds = min(times, FOREVER)
            nano += pair * rounds * boxes * self.centers
            micro += call * rounds
        return nano * 1e-9 + micro * 1e-6

    def kernels(self, indexed: bool) -> Iterator[tuple[str, str]]:
        """Yield the kernels that stand for those it needs."""
        if self.updates or self.trials or self.looks:
            yield "_numba", "assign_iou"
            if indexed:
                yield "_settle", "settle"
        if self.generations:
            yield "_numba", "fitness"
            if indexed:
                yield "_scan", "scan"


FOREVER = 1 << 60  # of any kind of work: an int may be too large for a float
EVERYTHING = Work(updates=1, trials=1, generations=1)  # stands for work that is not known
USUAL = 60  # updates of a run of k-means, as a rule
ONCE = Work(looks=1)  # a question that is answered by one look at the boxes


class Verdict(NamedTuple):
    """A backend, and why: seconds on NumPy, on numba, and until its kernels are ready."""

    backend: str
    numpy: float
    numba: float
    wait: float
    compiles: bool


_spent = [0.0]  # seconds that NumPy has taken more than numba in this process


def judge(work: Work, n: int, indexed: bool = False, *, take: bool = True) -> Verdict:
    """Return which backend does the work with n boxes soonest; with `take` it is taken, and what it costs counted."""
    slow, fast = work.seconds(n, "numpy"), work.seconds(n, "numba", indexed)
    missing = [one for one in work.kernels(indexed) if not _ready(*one)]
    load, compiling = 0.0, sum(COMPILE[one] for one in missing if not cached(*one))
    if missing and not any(_ready(*one) for one in COMPILE):
        load = LOAD if _imported() else LOAD + IMPORT
    backend = "numpy" if slow - fast + _spent[0] < load + SHARE * compiling else "numba"
    if take and backend == "numpy":
        _spent[0] += slow - fast
    return Verdict(backend, slow, fast, load + compiling, compiling > 0.0)


def worth(module: str, kernel: str, spent: float) -> bool:
    """Return whether to use a kernel that only saves time, when a process spent so many seconds for want of it.

    Whether it was kept from another process is looked up if the process has spent nothing yet.
    """
    if _ready(module, kernel) or spent > SHARE * COMPILE[module, kernel]:
        return True
    return spent == 0.0 and cached(module, kernel)


def kept(work: Work, indexed: bool = False) -> bool:
    """Return whether the kernels of some work are compiled already, in this process or another."""
    return all(_ready(*one) or cached(*one) for one in work.kernels(indexed))


def least(work: Work, top: int) -> int:
    """Return from how many boxes on numba does the work soonest; at most `top`."""
    low, high = 0, top
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if judge(work, middle, take=False).backend == "numba" else (middle + 1, high)
    return low


def _ready(module: str, kernel: str) -> bool:
    """Return whether a kernel was used in this process."""
    found = getattr(sys.modules.get(f"fastanchor.kernels.{module}"), kernel, None)
    # NUMBA_DISABLE_JIT leaves functions as they are
    return found is not None and bool(getattr(found, "signatures", True))


def _imported() -> bool:
    return "numba" in sys.modules


def cached(module: str, kernel: str) -> bool:
    """Return whether a kernel was compiled for this machine and these versions, and kept."""
    mine, start = tag(), 2 * len(tag())
    for folder in _folders():
        for path in folder.glob(f"{module}.{kernel}-*.py{sys.version_info[0]}{sys.version_info[1]}*.nbc"):
            try:
                with opened(path, CODE) as file:
                    head = file.read(start + len(mine))
            except OSError:
                continue
            if head[start:] == mine:
                return True
    return False


def _folders() -> Iterator[pathlib.Path]:
    """Yield where numba may keep compiled code of this package; it looks in this order."""
    here = pathlib.Path(__file__).resolve().parent
    name = f"{here.name}_{hashlib.sha1(str(here).encode()).hexdigest()}"  # as numba does
    given, home = os.environ.get("NUMBA_CACHE_DIR"), os.environ.get("XDG_CACHE_HOME")
    if given:
        yield pathlib.Path(given) / name
        return
    yield here / "__pycache__"
    if sys.platform == "win32":
        yield pathlib.Path(os.environ.get("LOCALAPPDATA", "")) / "numba" / "Cache" / name
    elif sys.platform == "darwin":
        yield pathlib.Path("~/Library/Caches/numba").expanduser() / name
    else:
        yield (pathlib.Path(home) if home else pathlib.Path("~/.cache").expanduser()) / "numba" / name


@functools.cache
def tag() -> bytes:
    """Return a digest of what compiled code depends on, as far as it is known without numba: 32 bytes."""
    here = pathlib.Path(__file__).parent
    what = [sys.version, platform.machine(), _processor(), stamps(here)]
    from importlib.util import find_spec

    spec = find_spec("numba")
    if spec is not None and spec.origin is not None:
        site = pathlib.Path(spec.origin).parent.parent
        what += [sorted(path.name for name in ("numba", "llvmlite") for path in site.glob(f"{name}-*-info"))]
    return hashlib.sha256(repr(what).encode()).digest()


def stamps(folder: pathlib.Path) -> list[tuple[str, int, int]]:
    """Return names, times and sizes of a folder's modules: kernels take functions and constants from each other."""
    there = [(path.name, path.stat()) for path in sorted(folder.glob("*.py"))]
    return [(name, status.st_mtime_ns, status.st_size) for name, status in there]


def _processor() -> str:
    """Return the name and the instructions of the first processor, where the system tells them."""
    try:
        with pathlib.Path("/proc/cpuinfo").open(encoding="utf-8", errors="replace") as file:
            lines = file.read(HEAD).splitlines()
    except OSError:
        return os.environ.get("PROCESSOR_IDENTIFIER", "")
    return "\n".join(line for line in lines if line.split("\t")[0] in ("model name", "flags", "Features", "CPU part"))
