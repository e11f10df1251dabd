"""Identify XML and JSON files by their first bytes: supported labels, and others by name."""

from __future__ import annotations

import json
import re
from typing import Any

from fastanchor.datasets import _xml
from fastanchor.datasets._skips import Unusable, impostor
from fastanchor.datasets._text_kinds import text_kind

__all__ = ["COCO", "CVAT", "LABELME", "VOC", "json_kind", "json_of", "kind", "xml_kind"]

VOC = "Pascal VOC"
COCO = "COCO"
LABELME = "LabelMe"
CVAT = "CVAT"
MOST = 6  # keys in a message

_TOKEN = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"(\s*:)?|[{}\[\]"]', re.DOTALL)
_COCO_KEYS = {"images", "annotations", "categories", "info", "licenses"}
# keys of the outermost object, or of the objects in the outermost list; nested keys; kind of file. Where several have
# theirs, the one with most keys counts, outermost ones first; their order here does not matter.
_OBJECTS: tuple[tuple[set[str], set[str], str], ...] = (
    ({"shapes"}, set(), LABELME),
    ({"_via_img_metadata"}, set(), "VGG Image Annotator"),
    ({"attribute", "file", "metadata", "view"}, set(), "VGG Image Annotator"),
    (set(), {"filename", "regions"}, "VGG Image Annotator"),
    ({"asset", "regions"}, set(), "VoTT"),
    ({"assets"}, {"asset", "regions"}, "VoTT"),
    ({"objects", "size"}, set(), "Supervisely"),
    ({"categories", "items"}, set(), "Datumaro"),
    ({"name", "frames"}, set(), "BDD100K"),
    ({"frames"}, {"box2d"}, "BDD100K"),
    ({"data_row", "projects"}, set(), "Labelbox"),
    ({"dataRow"}, set(), "Labelbox"),
    ({"Label", "Labeled Data"}, set(), "Labelbox"),
    ({"metadata", "instances"}, set(), "SuperAnnotate"),
    ({"classes", "labels"}, {"bounding_box"}, "FiftyOne"),
    ({"samples"}, {"filepath"}, "FiftyOne"),
    ({"features"}, {"geometry"}, "GeoJSON"),
)
_LISTS: tuple[tuple[set[str], set[str], str], ...] = (
    ({"annotations"}, {"coordinates"}, "CreateML"),
    ({"annotations", "data"}, set(), "Label Studio"),
    ({"completions", "data"}, set(), "Label Studio"),
    ({"image"}, {"rectanglelabels"}, "Label Studio"),
    ({"labels", "name"}, set(), "BDD100K"),
    ({"Label", "Labeled Data"}, set(), "Labelbox"),
    ({"data_row", "projects"}, set(), "Labelbox"),
    ({"dataRow"}, set(), "Labelbox"),
    ({"type", "classId", "probability"}, set(), "SuperAnnotate"),
    ({"bbox", "image_id"}, set(), "a list of detection results"),
)


def kind(head: bytes, ending: str, *, whole: bool) -> str:
    """Return the kind of a file, empty if unknown."""
    what = impostor(head, "labels", markup=False)
    if what:
        return what
    if not ending and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):  # standard input
        return f"JSON, {json_kind(head, whole=whole) or 'not valid'}"
    if ending == ".xml":
        return xml_kind(head)
    if ending in (".json", ".ndjson"):
        return json_kind(head, whole=whole) or "not valid JSON"
    if ending == ".txt" and (what := text_kind(head)):
        return what
    first = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    return "JSON" if first in (b"{", b"[") else "XML" if first == b"<" else ""


def xml_kind(head: bytes) -> str:
    """Return the kind of an XML file, empty if it is not XML."""
    found = _xml.outline(head)
    if found is None or found[0] == "html":
        return ""
    root, children = found
    if root == "annotation" or children & {"object", "size"}:
        return VOC
    if root == "annotations" and children & {"version", "meta", "image", "track"}:
        return CVAT
    return f"root element <{root}>"


def json_of(data: bytes, *, lines: bool = False) -> Any:
    """Return the contents of a JSON file; raise Unusable if it is not valid.

    With `lines`, a file with a value in each line is a list of them, with None for blank lines.
    """
    what = impostor(data[:512], "JSON")
    if what or not data.strip():
        raise Unusable(what or "empty file", 1)
    try:
        return _decoded(data.decode(json.detect_encoding(data)), lines)
    except json.JSONDecodeError as error:
        raise Unusable("not valid JSON", error.lineno, f"column {error.colno}: {error.msg}") from None
    except UnicodeDecodeError as error:
        raise Unusable("not valid JSON", None, f"byte {error.start}: {error.reason}") from None
    except RecursionError:
        raise Unusable("JSON nested too deeply") from None
    except ValueError:
        raise Unusable("JSON with a number of thousands of digits") from None


def _decoded(text: str, lines: bool) -> Any:
    try:
        return json.loads(text)
    except json.JSONDecodeError as error:
        if not lines or error.msg != "Extra data":
            raise
    values = []
    for number, line in enumerate(text.split("\n")):
        try:
            values.append(json.loads(line) if line.strip() else None)
        except json.JSONDecodeError as error:
            raise json.JSONDecodeError(error.msg, "\n" * number + line, number + error.pos) from None
    return values


def json_kind(head: bytes, *, whole: bool, valid: bool = False) -> str:
    """Return the kind of a JSON file by its keys, empty if it is not JSON or broken before a key that tells."""
    text = head.decode(json.detect_encoding(head), "replace").lstrip("\ufeff \t\r\n")
    if text[:1] not in ("{", "["):
        return ""
    own, inner = _keys(text)
    known = _LISTS if text[0] == "[" else _OBJECTS
    found = [(len(outer), len(deep), name) for outer, deep, name in known if outer <= own and deep <= inner]
    if found:
        return " or ".join(sorted({name for *count, name in found if count == [*max(found)[:2]]}))
    if text[0] == "{" and ("annotations" in own or (not whole and own & _COCO_KEYS)):
        return COCO
    if whole and not valid:
        try:
            json_of(head)
        except Unusable:
            return ""
    return "a list" if text[0] == "[" else f"keys {', '.join(sorted(own)[:MOST])}" if own else "no keys"


def _keys(text: str) -> tuple[set[str], set[str]]:
    """Return the keys of the outermost object, or of the objects in the outermost list, and all nested keys."""
    level = 1 if text[0] == "{" else 2
    own: set[str] = set()
    inner: set[str] = set()
    depth = 0
    for token in _TOKEN.finditer(text):
        mark = token[0]
        if mark in ("{", "["):
            depth += 1
        elif mark in ("}", "]"):
            depth -= 1
        elif mark == '"':
            break  # a text that is cut
        elif token[2]:
            (own if depth == level else inner).add(token[1])
    return own, inner
