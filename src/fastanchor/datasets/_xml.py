"""Parse XML from bytes: safe against entities, tolerant of encodings, with places of errors.

The standard parser reads the bytes. Only a file that it refuses is decoded in Python (multi-byte and wrong encodings)
and parsed again; if that fails too, the error says what the file is.
"""

from __future__ import annotations

import codecs
import contextlib
import re
from collections.abc import Callable
from xml.etree.ElementTree import Element, ParseError, fromstring
from xml.parsers import expat

from fastanchor.datasets._skips import Unusable, impostor

__all__ = ["child_line", "outline", "parse"]

ENTITY = "<!ENTITY"
_ENTITY_BYTES = ENTITY.encode()
_DECLARED = re.compile(rb"""\s*<\?xml[^>]*?\sencoding\s*=\s*["']([\w.:-]+)""")
# expat: no element found, unclosed token, partial character, unclosed CDATA section
_CUT_SHORT = (3, 5, 6, 20)
_BOMS = (  # UTF-32 before UTF-16, whose mark it begins with
    (codecs.BOM_UTF8, "utf-8-sig"), (codecs.BOM_UTF32_LE, "utf-32"), (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF16_LE, "utf-16"), (codecs.BOM_UTF16_BE, "utf-16"), (b"<\0", "utf-16-le"), (b"\0<", "utf-16-be"),
)  # fmt: skip


def parse(data: bytes) -> Element:
    """Return the root element of an XML file, element names without namespace."""
    if _ENTITY_BYTES in data:
        raise _entity(data.decode("latin-1"))
    # UTF-16 has NUL bytes, which would hide a declaration from the test above
    if b"\0" in data:
        root = _patient(data)
    else:
        try:
            root = fromstring(data)  # noqa: S314
        except (ParseError, ValueError, LookupError):
            root = _patient(data)
    if root.tag[:1] == "{":
        for element in root.iter():
            element.tag = element.tag.rpartition("}")[2]
    return root


def outline(head: bytes) -> tuple[str, set[str]] | None:
    """Return the names of the root element and its children in `head`, or None without a root."""
    text = _decode(head)
    if ENTITY in text:
        return None
    root, children = "", set[str]()

    def start(depth: int, name: str, _: int) -> None:
        nonlocal root
        if depth == 0:
            root = name
        elif depth == 1:
            children.add(name)

    with contextlib.suppress(expat.ExpatError, ValueError):
        _walk(text, start, whole=False)
    return (root, children) if root else None


def child_line(data: bytes, tag: str, nth: int, inner: str = "") -> int | None:
    """Return the line of the nth child `tag` of the root (from 0), or of its child `inner` if present, or None."""
    seen, inside, found = -1, False, None

    def start(depth: int, name: str, line: int) -> None:
        nonlocal seen, inside, found
        if depth == 1:
            inside = name == tag
            seen += inside
        if seen == nth and inside and (depth == 1 or (depth == 2 and name == inner)):
            found = line

    _walk(_decode(data), start)
    return found


def _walk(text: str, begins: Callable[[int, str, int], None], *, whole: bool = True) -> None:
    """Call `begins` with the depth, name and line of each element."""
    parser = expat.ParserCreate(namespace_separator="}")
    depth = 0

    def start(name: str, _: dict[str, str]) -> None:
        nonlocal depth
        begins(depth, name.rpartition("}")[2], parser.CurrentLineNumber)
        depth += 1

    def end(_: str) -> None:
        nonlocal depth
        depth -= 1

    parser.StartElementHandler, parser.EndElementHandler = start, end
    parser.Parse(text, whole)


def _patient(data: bytes) -> Element:
    text = _decode(data)
    if ENTITY in text:
        raise _entity(text)
    try:
        # for a str the parser ignores the declared encoding
        return fromstring(text)  # noqa: S314
    except ParseError as error:
        what = impostor(text[:512].encode("utf-8", "replace"), "XML", markup=False)
        if what:
            raise Unusable(what, 1) from None
        if not text.strip():
            raise Unusable("empty file", 1 if not text else None) from None
        line = error.position[0]
        reason = "truncated XML file" if error.code in _CUT_SHORT else "not valid XML"
        raise Unusable(reason, line, error.msg.partition(":")[0]) from None
    except ValueError as error:  # lone surrogates
        raise Unusable("not valid XML", None, str(error)) from None


def _entity(text: str) -> Unusable:
    return Unusable("XML file that declares entities", text.count("\n", 0, text.index(ENTITY)) + 1)


def _decode(data: bytes) -> str:
    """Return the text by its byte order mark, its declaration, as UTF-8 or as Latin-1, the first that works."""
    for mark, codec in _BOMS:
        if data.startswith(mark):
            return data.decode(codec, "replace")
    declared = _DECLARED.match(data)
    if declared:
        name = declared[1].decode("ascii", "replace")
        try:
            # a declaration readable as ASCII cannot name an encoding that is not a superset of ASCII
            if codecs.lookup(name).encode("<?xml")[0] == b"<?xml":
                return data.decode(name)
        except (LookupError, ValueError, TypeError):
            pass
    try:
        return data.decode()
    except UnicodeDecodeError:
        return data.decode("latin-1")
