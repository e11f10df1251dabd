"""What an XML or JSON file is, from its beginning: the labels that are read here, and the others by their names."""

from __future__ import annotations

import json
import re

from fastanchor.datasets import _xml
from fastanchor.datasets._skips import impostor

__all__ = ["COCO", "VOC", "json_kind", "kind", "xml_kind"]

VOC = "Pascal VOC"
COCO = "COCO"
MOST = 6  # keys that are named
WIDER = re.compile(rb"[^\n]+\.(?:jpe?g|png)\s*\n\s*\d+\s*\n(?:\s*-?\d+\b){10}", re.IGNORECASE)

_TOKEN = re.compile(r'"([^"\\]*(?:\\.[^"\\]*)*)"(\s*:)?|[{}\[\]"]', re.DOTALL)
_COCO_KEYS = {"images", "annotations", "categories", "info", "licenses"}
# keys of the outermost object, or of those in the outermost list; keys further in; what such a file is
_OBJECTS: tuple[tuple[set[str], set[str], str], ...] = (
    ({"shapes"}, set(), "LabelMe"),
    ({"_via_img_metadata"}, set(), "VGG Image Annotator"),
    (set(), {"filename", "regions"}, "VGG Image Annotator"),
    ({"asset", "regions"}, set(), "VoTT"),
    ({"objects", "size"}, set(), "Supervisely"),
    ({"categories", "items"}, set(), "Datumaro"),
    ({"name", "frames"}, set(), "BDD100K"),
    ({"features"}, {"geometry"}, "GeoJSON"),
)
_LISTS: tuple[tuple[set[str], set[str], str], ...] = (
    ({"annotations"}, {"coordinates"}, "CreateML"),
    ({"annotations", "data"}, set(), "Label Studio"),
    ({"completions", "data"}, set(), "Label Studio"),
    ({"image"}, {"rectanglelabels"}, "Label Studio"),
    ({"labels", "name"}, set(), "BDD100K"),
    ({"bbox", "image_id"}, set(), "a list of detection results"),
)


def kind(head: bytes, ending: str, *, whole: bool) -> str:
    """Return what a file is, or nothing if that cannot be told."""
    what = impostor(head, "labels", markup=False)
    if what:
        return what
    if not ending and head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1] in (b"{", b"["):  # standard input
        return ", ".join(filter(None, ("JSON", json_kind(head, whole=whole))))
    if ending == ".xml":
        return xml_kind(head)
    if ending == ".json":
        return json_kind(head, whole=whole)
    if ending == ".txt" and WIDER.match(head):
        return "the list of WIDER FACE, which is not read"
    first = head.lstrip(b"\xef\xbb\xbf \t\r\n")[:1]
    return "JSON" if first in (b"{", b"[") else "XML" if first == b"<" else ""


def xml_kind(head: bytes) -> str:
    """Return what an XML file is, or nothing if it is none."""
    found = _xml.outline(head)
    if found is None or found[0] == "html":
        return ""
    root, children = found
    if root == "annotation" or children & {"object", "size"}:
        return VOC
    if root == "annotations" and children & {"version", "meta", "image", "track"}:
        return "CVAT"
    return f"root element <{root}>"


def json_kind(head: bytes, *, whole: bool) -> str:
    """Return what a JSON file is, or nothing if it is none."""
    text = head.decode(json.detect_encoding(head), "replace").lstrip("\ufeff \t\r\n")
    if text[:1] not in ("{", "["):
        return ""
    own, inner = _keys(text)
    if text[0] == "[":
        return next((name for outer, deep, name in _LISTS if outer <= own and deep <= inner), "a list")
    for outer, deep, name in _OBJECTS:
        if outer <= own and deep <= inner:
            return name
    if "annotations" in own or (not whole and own & _COCO_KEYS):
        return COCO
    return f"keys {', '.join(sorted(own)[:MOST])}" if own else "no keys"


def _keys(text: str) -> tuple[set[str], set[str]]:
    """Return the keys of the outermost object, or of those in the outermost list, and all keys further in."""
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
            break  # a text that is cut off
        elif token[2]:
            (own if depth == level else inner).add(token[1])
    return own, inner
