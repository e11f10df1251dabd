"""Roles of the columns of a table, by name: more specific names have precedence, unclear ones are refused."""

from __future__ import annotations

import functools
import re
from collections.abc import Mapping, Sequence
from reprlib import repr as brief
from typing import NamedTuple

from fastanchor._frame import IMAGE_SIDES, key
from fastanchor._hints import hint
from fastanchor.datasets._record import Options
from fastanchor.datasets._skips import Unusable

__all__ = ["CORNERS", "SPLIT", "UNCLEAR", "Roles", "roles"]

# names in lower case without blanks, underscores and other signs; each may have one of PREFIXES
PREFIXES = ("bbox", "box", "roi", "bb", "")
CORNERS = (
    ("xmin", "ymin", "xmax", "ymax"), ("x1", "y1", "x2", "y2"), ("x0", "y0", "x1", "y1"),
    ("left", "top", "right", "bottom"), ("xtl", "ytl", "xbr", "ybr"), ("minx", "miny", "maxx", "maxy"),
)  # fmt: skip
POINTS = (("x", "y"), ("xmin", "ymin"), ("left", "top"), ("x1", "y1"), ("x0", "y0"), ("xtl", "ytl"), ("minx", "miny"))
CENTRES = (("xcenter", "ycenter"), ("centerx", "centery"), ("xcentre", "ycentre"), ("cx", "cy"), ("xc", "yc"))
SIDES = (("w", "h"), ("width", "height"))
PACKED = ("bbox", "bboxes", "boundingbox", "bndbox", "box", "boxes")  # all four numbers in one column
IMAGE = ("image", "filename", "imageid", "imagepath", "imagename", "path", "filepath", "imgpath", "imgname", "imgid",
         "file", "img")  # fmt: skip
NAMES = tuple(name for name in IMAGE if name not in ("image", "imageid", "imgid"))
CLASS = ("class", "label", "name", "classname", "labelname", "category", "categoryname", "celltype", "classid",
         "categoryid", "labels", "categories")  # fmt: skip
SPLIT = ("split", "subset", "set")
FLAGS = {"crowd": ("isgroupof", "crowd"), **{name: (name,) for name in ("difficult", "truncated", "occluded")}}
WEIGHT = ("boxweight",)  # not "weight" alone, which may be that of the object
# names of columns that could hold a box, so that width and height could be those of the image
PLACES = re.compile(r"(?:bbox|box|roi|bb)?[xy](?:\d+|min|max|c|center|centre)?|(?!.*id$).*(?:box|roi|coord|corner|poly|"
                    r"segment|annotation|left|right|top|bottom).*")  # fmt: skip
UNCLEAR = "columns that may be the image's or the box's"
QUADS = re.compile(r"(?:bbox|box|roi|bb)?[xy][0-4]")

Names = dict[str, int]


class Roles(NamedTuple):
    """Positions of the columns that matter, -1 where there is none."""

    box: list[int]  # two columns, width and height; four, as `form` says; or one that holds four numbers
    form: str  # "wh", "xyxy", "xywh" or "cxcywh"
    sizes: list[int]  # width and height of the image, or nothing
    image: int  # identifies the image
    name: int  # file name of the image; may be the same column
    label: int
    split: int
    weight: int
    flags: Mapping[str, int]  # columns of flags that there are, by name
    bare: bool = False  # whether the box is width and height alone, as in a table of images
    unclear: str = ""  # the columns, if the header does not say whether the sides are those of boxes or images

    @property
    def numbers(self) -> list[int]:
        """Columns of numbers: the box, unless in a single column; the size of the image; the weight."""
        return [*(self.box if len(self.box) > 1 else []), *self.sizes, *([self.weight] if self.weight >= 0 else [])]

    def texts(self) -> dict[str, int]:
        """Return the columns of texts by role."""
        roles = {"image": self.image, "name": self.name, "label": self.label, "split": self.split}
        roles |= self.flags
        return {role: at for role, at in roles.items() if at >= 0 and not (role == "name" and at == self.image)}


def roles(columns: Sequence[str], options: Options) -> Roles:
    """Return the roles of columns; without a header they are named "0", "1", ..."""
    return _of_names(tuple(columns), options.columns and tuple(options.columns), options.weight)


@functools.lru_cache(64)
def _of_names(columns: tuple[str, ...], given: tuple[str, ...] | None, weighted: str | None) -> Roles:
    place: Names = {}
    for i, name in enumerate(columns):
        place.setdefault(key(name), i)
    if given is not None:
        box, form = _given(columns, place, given)
    elif list(columns) == ["0", "1"]:
        box, form = [0, 1], "wh"
    else:
        box, form = _box(place)
    if not box:
        _nothing(columns, given)
    sizes = _pair(place, IMAGE_SIDES) or next(
        (pair for names in reversed(SIDES) if (pair := _pair(place, (names,))) and not set(pair) & set(box)), []
    )
    image = _first(place, IMAGE)
    called = _first(place, NAMES) if image == place.get("image", -1) else image
    label, split = _first(place, CLASS), _first(place, SPLIT)
    flags = {name: at for name, names in FLAGS.items() if (at := _first(place, names)) >= 0}
    weight = _first(place, WEIGHT) if weighted is None else _weight(columns, place, weighted)
    unclear, bare = "", given is None and form == "wh" and any(box == _pair(place, (names,)) for names in SIDES)
    if bare:
        used = {*box, *sizes, image, called, label, split, weight, *flags.values()}
        others = [columns[at] for one, at in place.items() if at not in used and PLACES.fullmatch(one)]
        which = " and ".join(map(repr, (columns[at] for at in box)))
        if others:
            raise Unusable(UNCLEAR, None, f"{which} beside {', '.join(map(brief, others[:4]))}; {hint('columns')}")
        if image >= 0 and not sizes and weight < 0:
            unclear = f"{which} beside {columns[image]!r}"
    return Roles(box, form, sizes, image, called, label, split, weight, flags, bare, unclear)


def _box(place: Names) -> tuple[list[int], str]:
    """Return the columns of the box and their form."""
    if any(prefix + "x3" in place for prefix in PREFIXES):  # corners of quadrilaterals, not of boxes
        place = {name: at for name, at in place.items() if not QUADS.fullmatch(name)}
    for prefix in PREFIXES:
        for names in CORNERS:
            if prefix + names[0] in place:
                found = [place.get(prefix + name, -1) for name in names]
                if min(found) >= 0:
                    return found, "xyxy"
    sides = next((pair for prefix in PREFIXES if (pair := _pair(place, SIDES, prefix))), [])
    if sides:
        for points, form in ((POINTS, "xywh"), (CENTRES, "cxcywh")):
            for prefix in PREFIXES:
                if point := _pair(place, points, prefix):
                    return [*point, *sides], form
    packed = _first(place, PACKED)
    prefixed = next((pair for prefix in PREFIXES[:-1] if (pair := _pair(place, SIDES, prefix))), [])
    if prefixed:
        return prefixed, "wh"
    return ([packed], "xywh") if packed >= 0 else (sides, "wh")


def _named(columns: Sequence[str], place: Names, names: Sequence[str]) -> list[int]:
    """Return the positions of columns by name, -1 if absent."""
    exact = {name.strip().lower(): i for i, name in reversed(list(enumerate(columns)))}
    return [exact.get(name.strip().lower(), place.get(key(name), -1)) for name in names]


def _weight(columns: Sequence[str], place: Names, name: str) -> int:
    found = _named(columns, place, [name])[0]
    if found < 0:
        columns_text = ", ".join(map(brief, columns[:12]))
        raise Unusable("no column of weights", None, f"expected {name!r}; got {columns_text}")
    return found


def _given(columns: Sequence[str], place: Names, names: Sequence[str]) -> tuple[list[int], str]:
    found = _named(columns, place, names)
    if min(found) < 0:
        return [], ""
    if len(found) == 2:
        return found, "wh"
    return found, "xywh" if key(names[2]).endswith(("w", "width")) else "xyxy"


def _pair(place: Names, pairs: Sequence[tuple[str, str]], prefix: str = "") -> list[int]:
    """Return the first of these pairs of columns that exists, or an empty list."""
    for a, b in pairs:
        if prefix + a in place and prefix + b in place:
            return [place[prefix + a], place[prefix + b]]
    return []


def _first(place: Names, names: Sequence[str]) -> int:
    return next((place[name] for name in names if name in place), -1)


def _nothing(columns: Sequence[str], given: Sequence[str] | None) -> None:
    wanted = " and ".join(map(repr, given)) if given else "width and height, or xmin, ymin, xmax and ymax"
    bare = list(columns) == [str(i) for i in range(len(columns))]
    columns_text = f"{len(columns)} columns without names" if bare else ", ".join(map(brief, columns[:12]))
    raise Unusable("no columns of boxes", None, f"expected {wanted}; got {columns_text}; {hint('columns')}")
