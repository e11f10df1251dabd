"""YAML by PyYAML, with time and memory bounded by the size of the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from fastanchor._errors import DataError
from fastanchor._reading import SETTINGS, text_of
from fastanchor.datasets._skips import shown

__all__ = ["load"]

REPEATED = 1_000_000  # nodes that aliases may repeat
DIGITS = 1000  # characters of a number or date; PyYAML takes quadratic time
_TEXTS = tuple(f"tag:yaml.org,2002:{name}" for name in ("str", "binary", "null", "bool", "merge", "value"))
# raised by PyYAML for values that do not match their tags
_UNFIT = (ArithmeticError, AttributeError, LookupError, RecursionError, TypeError, ValueError)


def load(path: Path) -> Any:
    """Return the contents of a YAML file, by the safe loader; None if it is empty."""
    import yaml

    text = text_of(path, SETTINGS)
    loader = None
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check(node, path)
        return loader.construct_document(node)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f", line {mark.line + 1}" if mark is not None else ""
        problem = getattr(error, "problem", None) or "unreadable"
        raise DataError(f"{shown(path)}{where}: not valid YAML ({problem})") from None
    except DataError:
        raise
    except _UNFIT as error:
        raise DataError(f"{shown(path)}: not valid YAML ({type(error).__name__})") from None
    finally:
        if loader is not None:
            loader.dispose()


def _check(root: Any, path: Path) -> None:
    """Raise DataError if aliases make the contents much larger than the file or endless, or a number is too long."""
    sizes: dict[int, int | None] = {}  # of the trees below nodes; None while in progress
    own = 0

    def size(node: Any) -> int:
        nonlocal own
        known = sizes.get(id(node), -1)
        if known is None:
            raise DataError(f"{shown(path)}, line {node.start_mark.line + 1}: the value contains itself, by an alias")
        if known >= 0:
            return known
        own += 1
        total = 1
        if isinstance(node.value, str):
            if len(node.value) > DIGITS and node.tag not in _TEXTS:
                where = f"{shown(path)}, line {node.start_mark.line + 1}"
                raise DataError(f"{where}: holds a number of {len(node.value):,} characters")
        else:
            sizes[id(node)] = None
            for child in node.value:
                total += sum(map(size, child)) if isinstance(child, tuple) else size(child)
        sizes[id(node)] = total
        return total

    whole = size(root)
    if whole - own > REPEATED:
        raise DataError(f"{shown(path)}: aliases repeat its {own:,} values to more than {own + REPEATED:,}")
