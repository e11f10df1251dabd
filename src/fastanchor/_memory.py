"""The memory that is free on this machine."""

from __future__ import annotations

import os
import re
from pathlib import Path

__all__ = ["free"]

UNKNOWN = 8 << 30  # bytes


def free() -> int:
    """Return the memory that is free, in bytes; half of all memory where the system does not say.

    Examples
    --------
    >>> free() > 0
    True
    """
    try:
        text = Path("/proc/meminfo").read_text("ascii")
        return int(re.findall(r"MemAvailable:\s+(\d+)", text)[0]) * 1024
    except (OSError, IndexError):
        names = os.sysconf_names if hasattr(os, "sysconf_names") else {}
        if "SC_PHYS_PAGES" in names:
            return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE") // 2
        return UNKNOWN
