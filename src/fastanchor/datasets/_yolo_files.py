"""Find the label files of a YOLO data set: by data.yaml, a Darknet .data file, a list of images, or folders."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from pathlib import Path

from fastanchor._errors import DataError
from fastanchor._reading import SETTINGS, is_file, text_of
from fastanchor.datasets import _data_yaml, _label_files
from fastanchor.datasets._probe import Probe, joined
from fastanchor.datasets._record import Source
from fastanchor.datasets._skips import shown

__all__ = ["sniff"]

NAMES = ("classes.txt", "obj.names", "predefined_classes.txt", "_darknet.labels")


def sniff(probe: Probe) -> Source | None:
    """Return the label files of a YOLO data set."""
    if not probe.is_file:
        return _of_folder(probe)
    path = probe.path
    if probe.suffix in _data_yaml.YAML:
        return _data_yaml.of_yaml(probe, path)
    if probe.suffix == ".data":
        return _of_darknet(probe, path)
    if probe.suffix != ".txt":
        return None
    head = probe.head(str(path))
    if _label_files.is_list(head):
        images = _label_files.label_files(path)
        return _described(Source(list(images), 3, images=images), [path.parent])
    sure = probe.named or _label_files.has_rows(head)
    if sure or _label_files.first_row(head):
        return _described(Source([str(path)], 3 if sure else 1), [path.parent, path.parent.parent])
    return None


def _described(source: Source, folders: Sequence[Path]) -> Source:
    """Return a source with class names and key points from files beside the labels or a data.yaml above them."""
    names, shape = _data_yaml.above(folders[0])
    return source._replace(names=_names_beside(folders) or names, hints={"kpt_shape": shape})


def _of_folder(probe: Probe) -> Source | None:
    folders, seen = _label_files.label_folders(probe)
    described = _data_yaml.described(probe)
    try:
        content = _data_yaml.load(described) if described is not None else {}
    except DataError:
        if probe.named or folders:
            raise
        return None
    if described is not None and _data_yaml.part_keys(content):
        return _data_yaml.of_yaml(probe, described)
    root = str(probe.path)
    data = [file for file in joined(root, probe.ending(root, ".data")) if is_file(Path(file))]
    if len(data) == 1 and _data_yaml.part_keys(_settings(Path(data[0]))):
        return _of_darknet(probe, Path(data[0]))
    if not folders:
        return None
    if described is None:
        names, shape = _data_yaml.above(probe.path)
    else:
        names, shape = _data_yaml.class_names(described, content), _data_yaml.kpt_shape(described, content)
    names = _names_beside([*map(Path, folders), probe.path, probe.path.absolute().parent]) or names
    files = [file for some in folders.values() for file in some]
    return Source(files, 3 if seen else 1, names=names, hints={"kpt_shape": shape})


def _of_darknet(probe: Probe, path: Path) -> Source:
    content = _settings(path)
    keys = _data_yaml.part_keys(content)
    if not keys:
        raise DataError(f"{shown(path)}: expected at least one of train, val, test")
    given = _near(path, content["names"]) if "names" in content else None
    names = _names_file(given) if given is not None else None
    entries = {key: [content[key]] for key in keys.values()}
    source = _data_yaml.parts_of(probe, path, entries, _label_files.folders_above(path), by_end=True)
    return source._replace(names=names)


def _settings(path: Path) -> dict[str, str]:
    """Return the settings of a .data file."""
    lines = (line.partition("=") for line in text_of(path, SETTINGS).splitlines() if not line.lstrip().startswith("#"))
    return {key.strip(): value.strip() for key, equals, value in lines if equals}


def _near(path: Path, text: str) -> Path | None:
    """Return the file `text`, relative to the folder of `path` or one above; or its end, relative to the folder."""
    text = text.replace("\\", "/")
    places = [root / text for root in _label_files.folders_above(path)]
    places += [path.parent / end for end in _label_files.ends_of("/" + text)]
    return next(filter(is_file, places), None)


def _names_file(path: Path) -> tuple[str, ...]:
    lines = text_of(path, SETTINGS).splitlines()
    while lines and not lines[-1].strip():
        lines.pop()
    return tuple(line.strip() for line in lines)


def _names_beside(folders: Iterable[Path]) -> tuple[str, ...] | None:
    tries = (folder / name for folder in folders for name in NAMES)
    file = next((place for place in tries if is_file(place)), None)
    return _names_file(file) if file is not None else None
