"""YAML as nodes with their places in the text: no objects are built, and aliases are followed to a limit."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from fastanchor._errors import DataError

__all__ = ["Node", "compose", "count_of", "end_of", "entries", "mappings", "under", "words"]

Node = Any  # a node of PyYAML, which has no complete type information

# nodes of a file (a large model has two thousand): composing takes long, and memory, in proportion to them
ALL = 100_000
# nodes looked at below a key; more are not anchors, but a YAML whose aliases multiply
MOST = 10_000


def compose(text: str) -> Node:
    """Return the root of the one document in a YAML.

    Raises
    ------
    DataError
        If it is not YAML, or has more than a hundred thousand values.
    """
    import yaml

    class Loader(yaml.SafeLoader):  # type: ignore[misc]  # PyYAML has no types
        count = 0

        def compose_node(self, parent: Node, index: Node) -> Node:
            self.count += 1
            if self.count > ALL:
                raise DataError(f"more than {ALL:,} values; a detector's configuration has fewer")
            return super().compose_node(parent, index)

    try:
        return yaml.compose(text, Loader=Loader)
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        place = "" if mark is None else f"line {mark.line + 1}: "
        reason = getattr(error, "problem", None) or getattr(error, "reason", None) or "cannot be understood"
        raise DataError(f"not valid YAML ({place}{' '.join(str(reason).split())[:200]})") from None
    except RecursionError:
        raise DataError("not readable as YAML (nested too deeply)") from None


def entries(node: Node, key: str) -> list[tuple[Node, Node]]:
    """Return the (key, value) nodes of a mapping that have this key; [] if the node is not a mapping."""
    if getattr(node, "id", "") != "mapping":
        return []
    return [(name, value) for name, value in node.value if name.id == "scalar" and name.value == key]


def count_of(node: Node, key: str) -> int | None:
    """Return the whole number that a mapping has under this key, if there is one."""
    values = [value.value for _, value in entries(node, key) if value.id == "scalar"]
    return next((int(value) for value in values if re.fullmatch(r"\d{1,9}", value)), None)


def mappings(root: Node) -> Iterator[Node]:
    """Yield every mapping once, in the order of the text as far as aliases let it."""
    seen, waiting = set(), [root]
    while waiting:
        node = waiting.pop()
        if id(node) in seen or getattr(node, "id", "scalar") == "scalar":
            continue
        seen.add(id(node))
        if node.id == "mapping":
            yield node
            waiting += [value for _, value in reversed(node.value)]
        else:
            waiting += reversed(node.value)


def under(node: Node, name: str) -> Iterator[Node]:
    """Yield a node and all below it, depth first.

    Raises
    ------
    DataError
        If there are more than ten thousand, or an entry is a mapping.
    """
    waiting, count = [node], 0
    while waiting:
        now = waiting.pop()
        count += 1
        if count > MOST:
            raise DataError(f"{name}: more than {MOST:,} values")
        if now.id == "mapping":
            raise DataError(f"{name}: not a list of widths and heights")
        yield now
        if now.id == "sequence":
            waiting += reversed(now.value)


def words(node: Node, name: str) -> str:
    """Return the scalars below a node, separated by blanks; quotes do not matter."""
    return " ".join(now.value for now in under(node, name) if now.id == "scalar")


def end_of(node: Node) -> int:
    """Return the place behind the last character of a node, without the blanks and comments that follow it."""
    while node.id != "scalar" and not node.flow_style and node.value:
        node = node.value[-1] if node.id == "sequence" else node.value[-1][1]
    end: int = node.end_mark.index
    return end
