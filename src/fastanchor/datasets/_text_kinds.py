"""Identify text files of labels by their first lines. Each kind has another number or type of columns."""

from __future__ import annotations

import re

__all__ = ["DOTA", "MOT", "VISDRONE", "WIDER", "text_kind"]

DOTA = "DOTA"
MOT = "MOT"
VISDRONE = "VisDrone"
WIDER = "WIDER FACE"
_BLANK = b"\xef\xbb\xbf \t\r\n"
_HEADER = re.compile(rb"(?:imagesource|gsd|acquisition dates)\s*:", re.IGNORECASE)
_IMAGE = re.compile(rb"\.(?:jpe?g|png|bmp)$", re.IGNORECASE)
# of the four last columns of VisDrone: score, category, truncation, occlusion
_VISDRONE = (range(2), range(12), range(-1, 2), range(-1, 3))


def text_kind(head: bytes) -> str:
    """Return the kind of a text file, empty for rows of YOLO or KITTI and for anything else."""
    first, _, rest = head.lstrip(_BLANK).partition(b"\n")
    first = first.strip()
    if b"," in first:
        return _of_commas(first.rstrip(b",").split(b","))
    if _HEADER.match(first):
        return DOTA
    if _IMAGE.search(first):
        second, _, third = rest.partition(b"\n")
        columns = third.partition(b"\n")[0].split()
        if not second.strip().isdigit() or len(columns) < 4 or not all(map(_number, columns)):
            return ""
        return WIDER if len(columns) == 10 else f"{WIDER} with rows of {len(columns)} columns in place of 10"
    words = first.split()
    named = len(words) in (9, 10) and not _number(words[8]) and all(map(_number, words[:8]))
    return DOTA if named and all(map(_whole, words[9:])) else ""


def _of_commas(cells: list[bytes]) -> str:
    if not all(map(_number, cells)):
        return ""
    codes = all(_whole(cell) and int(cell) in legal for cell, legal in zip(cells[-4:], _VISDRONE, strict=False))
    if len(cells) == 8:
        return VISDRONE if codes else ""
    if len(cells) not in (9, 10) or not all(map(_whole, cells[:2])) or int(cells[0]) < 1:
        return ""
    if len(cells) == 10 and int(cells[1]) < 0:
        return "detections of MOT, which have neither identity nor class"
    if len(cells) == 10 and codes and b"-1" not in cells[7:]:
        return "VisDrone of a video, which is not read"
    return MOT


def _number(word: bytes) -> bool:
    return re.fullmatch(rb"\s*[-+]?(?:\d+\.?\d*|\.\d+)(?:[eE][-+]?\d+)?\s*", word) is not None


def _whole(word: bytes) -> bool:
    return re.fullmatch(rb"\s*-?\d{1,18}\s*", word) is not None
