"""Drop-in modules, one per training repository, and :func:`install`, which puts one in the place of the original.

========================== ==================================================================================
``compat.yolov5``          ``utils/autoanchor.py`` of YOLOv5 and YOLOv3
``compat.yolov7``          ``utils/autoanchor.py`` of YOLOv7
``compat.yolo_kmeans``     the tutorial script ``yolo_kmeans.py``
``compat.mmdet``           ``optimize_anchors.py`` of MMDetection and MMYOLO, over arrays
``compat.darknet``         ``darknet detector calc_anchors``
``compat.paddle``          ``anchor_cluster.py`` of PaddleDetection
``compat.lars76``          ``kmeans.py`` of kmeans-anchor-boxes
``compat.kmeans_scripts``  ``kmeans_for_anchors.py`` (bubbliiiing), keras-yolo3, Darknet's ``gen_anchors.py``
========================== ==================================================================================
"""

from __future__ import annotations

import functools
import importlib
import importlib.util
import os
import sys
from collections import Counter
from collections.abc import Callable, Sequence
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from types import ModuleType
from typing import Any

from fastanchor import _check
from fastanchor._errors import DataError
from fastanchor._types import PathLike
from fastanchor.compat import _script

__all__ = ["PATCHES", "SCRIPTS", "calls", "in_script", "install", "usage"]

# repository: module, and table of the functions that its script may define
SCRIPTS = {
    "mmdet": ("_mm", "MMDET"),
    "mmyolo": ("_mm", "MMYOLO"),
    "paddle": ("paddle", "SCRIPT"),
    "darknet": ("kmeans_scripts", "DARKNET"),
    "bubbliiiing": ("kmeans_scripts", "BUBBLIIIING"),
    "qqwweee": ("kmeans_scripts", "QQWWEEE"),
    "yolo_kmeans": ("yolo_kmeans", "SCRIPT"),
}
# repository: module that its scripts import the functions from, and ours
PATCHES = {
    "yolov3": ("utils.autoanchor", "yolov5"),
    "yolov5": ("utils.autoanchor", "yolov5"),
    "yolov7": ("utils.autoanchor", "yolov7"),
    "yolo_kmeans": ("yolo_kmeans", "yolo_kmeans"),
    "lars76": ("kmeans", "lars76"),
    **{name: ("__main__", module) for name, (module, _) in SCRIPTS.items() if name != "yolo_kmeans"},
}

_calls: dict[str, Counter[str]] = {name: Counter() for name in PATCHES}


def install(name: str) -> str:
    """Replace a training repository's functions by ours when their module is imported; return one line that says so.

    Call it before the repository's modules are imported. Other names of that module stay as they are. If it has been
    imported already, its functions are replaced there and wherever they were imported from it.

    Parameters
    ----------
    name : {"yolov3", "yolov5", "yolov7", "yolo_kmeans", "lars76"}
        The repository.

    Raises
    ------
    DataError
        If the name is another, or the functions are defined in a script: ``fastanchor run`` replaces those.

    Examples
    --------
    >>> install("yolov5")
    'utils.autoanchor: check_anchor_order, check_anchors, kmean_anchors are those of fastanchor.compat.yolov5'
    """
    _check.choice(name, "name", tuple(PATCHES))
    place, module = PATCHES[name]
    if place == "__main__":
        raise DataError(
            f"name: the functions of {name!r} are defined in the script that is run; "
            f"`fastanchor run --patch {name} SCRIPT` replaces them"
        )
    ours = importlib.import_module(f"{__name__}.{module}")
    functions = {key: _counted(getattr(ours, key), _calls[name], key) for key in ours.__all__}
    for finder in [f for f in sys.meta_path if isinstance(f, _Finder) and f.place == place]:
        sys.meta_path.remove(finder)
    sys.meta_path.insert(0, _Finder(place, functions))
    if place in sys.modules:
        _replace(sys.modules[place], functions)
    verb = "is that" if len(functions) == 1 else "are those"
    return f"{place}: {', '.join(functions)} {verb} of {ours.__name__}"


def in_script(name: str, script: PathLike) -> dict[str, Any]:
    """Return our functions, by name, for those that a script of this repository defines itself.

    Raises
    ------
    DataError
        If the script defines none of them, and they are not imported from a module either.
    """
    if name not in SCRIPTS:
        return {}
    module, table = SCRIPTS[name]
    functions: dict[str, Any] = getattr(importlib.import_module(f"{__name__}.{module}"), table)
    names = _script.defined(script, functions)
    if not names and PATCHES[name][0] == "__main__":
        raise DataError(f"{os.fspath(script)!s}: defines none of {', '.join(functions)}; --patch {name} replaces these")
    return {key: _counted(functions[key], _calls[name], key) for key in names}


def calls(name: str) -> dict[str, int]:
    """Return the number of calls of each function that :func:`install` or :func:`in_script` replaced."""
    _check.choice(name, "name", tuple(PATCHES))
    return dict(sorted(_calls[name].items()))


def usage(name: str) -> str:
    """Return one line on whether the functions that :func:`install` or :func:`in_script` replaced were called.

    Examples
    --------
    >>> usage("yolov7")
    'never used: this script does not import utils.autoanchor'
    """
    called = calls(name)
    place = PATCHES[name][0]
    if called:
        listed = ", ".join(f"{key} ({times} x)" for key, times in called.items())
        return f"{'the script' if place == '__main__' else place}: called {listed}"
    if place == "__main__":
        return "never used: this script defines functions that were replaced but calls none of them"
    if place in sys.modules:
        return f"never used: this script imports {place} but calls none of its functions for anchors"
    return f"never used: this script does not import {place}"


def _counted(function: Callable[..., Any], counter: Counter[str], name: str) -> Callable[..., Any]:
    """Return the function, counting its calls."""

    @functools.wraps(function)
    def counting(*arguments: Any, **named: Any) -> Any:
        counter[name] += 1
        return function(*arguments, **named)

    return counting


def _replace(module: ModuleType, functions: dict[str, Any]) -> None:
    """Replace the functions in `module`, and in every module that imported them from it."""
    old = {key: getattr(module, key, None) for key in functions}
    for other in list(sys.modules.values()):
        for key, value in old.items():
            if value is not None and getattr(other, "__dict__", {}).get(key) is value:
                setattr(other, key, functions[key])
    vars(module).update(functions)


class _Finder(MetaPathFinder):
    """Find the repository's own module, and let our functions replace its own when it is imported."""

    def __init__(self, place: str, functions: dict[str, Any]) -> None:
        self.place, self._functions = place, functions

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        """Return the spec of the module, its loader wrapped."""
        if fullname != self.place:
            return None
        for finder in sys.meta_path:
            spec = None if finder is self else finder.find_spec(fullname, path, target)
            if spec is not None:
                if spec.loader is not None:
                    spec.loader = _Loader(spec.loader, self._functions)
                return spec
        return None


class _Loader(Loader):
    """Run the repository's module, then put our functions into it."""

    def __init__(self, loader: Any, functions: dict[str, Any]) -> None:
        self._loader, self._functions = loader, functions

    def create_module(self, spec: ModuleSpec) -> ModuleType | None:
        """Return the module of the original loader."""
        made: ModuleType | None = self._loader.create_module(spec)
        return made

    def exec_module(self, module: ModuleType) -> None:
        """Run the module and put our functions into it."""
        self._loader.exec_module(module)
        vars(module).update(self._functions)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._loader, name)
