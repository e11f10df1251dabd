"""Which modules can be imported where numba is not installed."""

from pathlib import Path


def compiled(path: Path) -> bool:
    """Return whether a module holds compiled kernels."""
    return "from fastanchor.kernels._jit import" in path.read_text("utf-8") or path.name == "_jit.py"
