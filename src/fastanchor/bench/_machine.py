"""What a time depends on: processor, versions, and what else the machine was doing."""

from __future__ import annotations

import contextlib
import importlib.metadata
import importlib.util
import os
import platform
import re
import statistics
from collections.abc import Iterable
from pathlib import Path
from typing import Any

from fastanchor._version import __version__
from fastanchor.engine._threads import thread_count

__all__ = ["line", "machine", "processor", "state", "ticks"]

DISTRIBUTIONS = {"sklearn": "scikit-learn", "sklearnex": "scikit-learn-intelex", "faiss": "faiss-cpu"}


def machine(packages: Iterable[str] = ()) -> dict[str, Any]:
    """Return processor, cores, system, and the versions of fastanchor, Python, NumPy, numba and other `packages`."""
    versions = {}
    for module in ("numpy", "numba", *packages):
        name = DISTRIBUTIONS.get(module, module)
        if importlib.util.find_spec(module) is not None:
            with contextlib.suppress(importlib.metadata.PackageNotFoundError):
                versions[name] = importlib.metadata.version(name)
    return {
        "processor": processor(),
        "cores": thread_count(None),
        "system": platform.system(),
        "python": platform.python_version(),
        "fastanchor": __version__,
        **versions,
    }


def processor() -> str:
    """Return the name of the processor as far as the system reports it."""
    named = _lines("/proc/cpuinfo", "model name")
    return named[0] if named else platform.processor() or platform.machine()


def ticks() -> tuple[int, int] | None:
    """Return all ticks of the processors so far and those that the hypervisor took; None without ``/proc/stat``."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        fields = [int(word) for word in Path("/proc/stat").read_text(encoding="ascii").split("\n")[0].split()[1:9]]
        return sum(fields), fields[7]
    return None


def state(since: tuple[int, int] | None = None) -> dict[str, float]:
    """Return the load of the last minute, the frequency in MHz, and the share of time stolen `since` some ticks."""
    facts: dict[str, float] = {}
    with contextlib.suppress(AttributeError, OSError):
        facts["load"] = round(os.getloadavg()[0], 2)
    speeds = [float(value) for value in _lines("/proc/cpuinfo", "cpu MHz")]
    if speeds:
        facts["MHz"] = round(statistics.mean(speeds))
    now = ticks()
    if now is not None and since is not None and now[0] > since[0]:
        facts["steal"] = round((now[1] - since[1]) / (now[0] - since[0]), 4)
    return facts


def line(facts: dict[str, Any]) -> str:
    """Return processor, versions and, where it was kept, the state of a machine as one line."""
    rest = {name: value for name, value in facts.items() if name not in ("processor", "cores", "system", "state")}
    words = [str(facts.get("processor", "")), f"{facts['cores']} cores" if "cores" in facts else ""]
    now = facts.get("state", {})
    words += [f"load {now['load']:.1f}" if "load" in now else "", f"{now['MHz']:,} MHz" if "MHz" in now else ""]
    words += [f"{now['steal']:.1%} stolen" if "steal" in now else ""]
    return ", ".join(filter(None, words)) + "; " + ", ".join(f"{name} {value}" for name, value in rest.items())


def _lines(file: str, field: str) -> list[str]:
    """Return the values of a field in a file of ``name : value`` lines; none if there is no such file."""
    with contextlib.suppress(OSError):
        return re.findall(rf"^{field}\s*:\s*(.+)$", Path(file).read_text(encoding="utf-8"), re.MULTILINE)
    return []
