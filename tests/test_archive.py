"""Archives of labels: every format reads the same from an archive as from a folder, and nothing is left behind."""

import io
import os
import re
import stat
import tarfile
import tempfile
import zipfile

import pytest

import fastanchor
from fastanchor import DataError, datasets
from fastanchor.cli import main
from fastanchor.datasets import _members

from contract import expected, planted, rows, write
from labels import FORMATS, IMAGES, png

ENDINGS = {"zip": None, "tar": "w", "tar.gz": "w:gz", "tgz": "w:gz", "tar.bz2": "w:bz2", "tar.xz": "w:xz"}
TEXT = b"<annotation><size><width>100</width><height>50</height></size><object><name>cat</name><bndbox><xmin>10</xmin>"
XML = TEXT + b"<ymin>5</ymin><xmax>40</xmax><ymax>25</ymax></bndbox></object></annotation>"


@pytest.fixture(autouse=True)
def _nothing_is_left(tmp_path, monkeypatch):
    """Fail if a temporary file stays."""
    place = tmp_path / "temporary files"
    place.mkdir()
    monkeypatch.setattr(tempfile, "tempdir", str(place))
    yield
    assert list(place.iterdir()) == []


def pack(folder, file):
    """Write an archive of a folder, under a folder of its own."""
    found = sorted(path for path in folder.rglob("*") if path.is_file())
    if file.suffix == ".zip":
        with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for path in found:
                archive.write(path, f"data/{path.relative_to(folder)}")
    else:
        with tarfile.open(file, ENDINGS[file.name.partition(".")[2]]) as archive:
            for path in found:
                archive.add(path, f"data/{path.relative_to(folder)}")
    return file


def zipped(file, **members):
    with zipfile.ZipFile(file, "w") as archive:
        for name, data in members.items():
            archive.writestr(name, data)
    return file


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
@pytest.mark.parametrize("name", [name for name in FORMATS if name != "labels.cache"])  # read as a single file
def test_every_format(name, ending, tmp_path):
    write(name, tmp_path / "set", planted(("c9", 16, 32, 16, 160)))
    file, said = pack(tmp_path / "set", tmp_path / f"my set.{ending}"), []
    boxes, alone = fastanchor.read(file, report=said.append), fastanchor.read(tmp_path / "set")
    assert rows(boxes) == expected(name)
    assert (boxes.class_names, boxes.skipped) == (alone.class_names, alone.skipped)
    own = f"{tmp_path}/my set.{ending}/data"
    assert [one.replace(own, f"{tmp_path}/set") for one in boxes.files] == list(alone.files)
    assert [remark.text.replace(own, f"{tmp_path}/set") for remark in boxes.remarks] == [r.text for r in alone.remarks]
    assert said[0].startswith(f"{own}/")
    for text in (*said, *boxes.files, *(remark.text for remark in boxes.remarks)):
        assert "temporary files" not in text
    found = list(datasets.iter_images(file))
    assert [(len(one.boxes), one.image_path) for one in found] == [(2, None), (1, None), (1, None)]
    with pytest.raises(DataError, match=re.escape(own)):
        fastanchor.read(file, strict=True)


@pytest.mark.parametrize("ending", ENDINGS)
def test_every_kind_of_archive(ending, tmp_path):
    write("yolo", tmp_path / "set", parts={"train": ["1", "10"], "val": ["9"]})
    file = pack(tmp_path / "set", tmp_path / f"a.{ending}")
    assert rows(fastanchor.read(file, strict=True)) == expected("yolo")
    assert rows(fastanchor.read([file, tmp_path / "set"], split="val")) == sorted(2 * expected("yolo", IMAGES[1:2]))
    assert datasets.detect(file) == "yolo"


@pytest.mark.parametrize("name", ["labels.cache", "coco", "table", "list"])
def test_a_single_file(name, tmp_path):
    path = write(name, tmp_path / "set", pictures=False)
    file = zipped(tmp_path / "a.zip", **{f"x/{path.name}": path.read_bytes()})
    boxes = fastanchor.read(file, source_size=(64, 64) if name == "list" else None)
    assert (len(boxes), datasets.detect(file)) == (4, FORMATS[name].reader)


@pytest.mark.parametrize("ending", ENDINGS)
def test_the_bar_reaches_its_end(ending, tmp_path):
    class Bar:
        def __init__(self, **options):
            self.__dict__.update(options, moves=[])
            made.append(self)

        def __enter__(self):
            return self

        def __exit__(self, *error):
            pass

        def update(self, count):
            self.moves.append(count)

    made = []
    file = pack(write("voc", tmp_path / "set"), tmp_path / f"a.{ending}")
    fastanchor.read(file, progress=Bar)
    unpacking, reading = made
    assert unpacking.unit == (" files" if ending == "zip" else "B")
    assert (sum(unpacking.moves), sum(reading.moves)) == (unpacking.total, reading.total)
    assert min(unpacking.moves) >= 0


def test_command(tmp_path, capsys):
    file = pack(write("voc", tmp_path / "set"), tmp_path / "a.ZIP".lower())
    assert main(["stats", str(file), "--strict"]) == 0
    assert capsys.readouterr().out.startswith(f"read      {file}: 4 boxes on 3 images")


@pytest.mark.parametrize("ending", ["zip", "tar", "tar.gz"])
@pytest.mark.parametrize("late", [False, True])
def test_sizes_come_from_headers_in_the_archive(ending, late, tmp_path, monkeypatch):
    """A header that does not fit into the first bytes is looked for in more of them."""
    if late:
        monkeypatch.setattr(_members, "HEADERS", (10, 20, 1000))
    write("yolo", tmp_path / "set")
    (tmp_path / "set" / "images" / "9.png").write_bytes(b"version https://git-lfs.github.com/spec/v1\n")
    said = []
    file = pack(tmp_path / "set", tmp_path / f"a.{ending}")
    boxes = fastanchor.read(file, report=said.append, size_cache=tmp_path / "sizes.json")
    assert boxes.image_wh.tolist() == [list(size) for name, size, _ in IMAGES if name != "9"]
    assert said[0] == (f"{file}/data/labels/9.txt: image size missing (9.png: Git LFS pointer instead of an image "
                       "(run: git lfs pull); see source_size)")  # fmt: skip
    assert not (tmp_path / "sizes.json").exists()


def test_an_image_of_another_size_than_its_label(tmp_path):
    png(tmp_path / "set" / "one.png", (200, 50))
    (tmp_path / "set" / "one.xml").write_bytes(XML)
    (remark,) = fastanchor.read(pack(tmp_path / "set", tmp_path / "a.zip")).remarks
    assert f"{tmp_path}/a.zip/data/one.png: 200 x 50, the label says 100 x 50" in remark.text


OUTSIDE = ["../one.xml", "data/../../one.xml", "/one.xml", "..\\one.xml", "C:\\one.xml", "C:one.xml", "a/../one.xml"]


@pytest.mark.parametrize("name", OUTSIDE)
def test_nothing_is_written_outside(name, tmp_path):
    file = zipped(tmp_path / "a.zip", **{"first.xml": XML, name: XML})
    with pytest.raises(DataError, match=r"a\.zip: holds a file outside of the archive, .*; nothing is unpacked"):
        fastanchor.read(file)
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        info = tarfile.TarInfo(name)
        info.size = len(XML)
        archive.addfile(info, io.BytesIO(XML))
    with pytest.raises(DataError, match=r"a\.tar: holds a file outside of the archive"):
        fastanchor.read(tmp_path / "a.tar")
    assert [path.name for path in tmp_path.rglob("*.xml")] == []


def test_links_and_archives_inside_are_not_followed(tmp_path):
    secret = tmp_path / "secret.xml"
    secret.write_bytes(XML)
    link = zipfile.ZipInfo("two.xml")
    link.external_attr = (stat.S_IFLNK | 0o777) << 16
    with zipfile.ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("one.xml", XML)
        archive.writestr(link, str(secret))
        archive.writestr("more/inner.zip", b"PK")
    with tarfile.open(tmp_path / "a.tar", "w") as archive:
        for name, kind in {"two.xml": tarfile.SYMTYPE, "three.xml": tarfile.FIFOTYPE}.items():
            info = tarfile.TarInfo(name)
            info.type, info.linkname = kind, str(secret)
            archive.addfile(info)
        info = tarfile.TarInfo("one.xml")
        info.size = len(XML)
        archive.addfile(info, io.BytesIO(XML))
    inner = {"link in an archive, which is not followed": 1, "archive in an archive, which is not unpacked": 1}
    assert fastanchor.read(tmp_path / "a.zip").skipped == inner
    boxes = fastanchor.read(tmp_path / "a.tar")
    assert (len(boxes), boxes.skipped) == (1, {"link in an archive, which is not followed": 2})


def test_what_systems_add_is_left_out(tmp_path):
    names = ("one.xml", "__MACOSX/._one.xml", ".hidden/one.xml", "set/", "movie.mp4")
    assert len(fastanchor.read(zipped(tmp_path / "a.zip", **dict.fromkeys(names, XML)), strict=True)) == 1


@pytest.mark.parametrize("ending", ["zip", "tar.gz"])
def test_more_than_the_limit(ending, tmp_path, monkeypatch):
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.xml").write_bytes(XML + bytes(1 << 20))
    file = pack(tmp_path / "set", tmp_path / f"a.{ending}")
    monkeypatch.setattr(_members, "FREE", 1 << 19)
    with pytest.raises(DataError, match=r"the label files in it exceed 0 MB, the limit for an archive of its size"):
        fastanchor.read(file)
    monkeypatch.setattr(_members, "FREE", 2 << 20)
    with pytest.raises(DataError, match=r"/data/a\.xml, line 1: not valid XML"):  # that is, it was unpacked
        fastanchor.read(file)


DAMAGED = {
    "empty": (b"", "empty file"),
    "no archive": (b"x" * 2000, "not a valid archive"),
    "cut": (None, "not a valid archive|cannot be read"),
    "pointer": (b"version https://git-lfs.github.com/spec/v1\noid sha256:4d\n", "Git LFS pointer instead of an arch"),
    "web page": (b"<!DOCTYPE html>\n<html></html>", "HTML or XML page instead of an archive"),
}


@pytest.mark.parametrize("ending", ENDINGS)
@pytest.mark.parametrize(("data", "rule"), DAMAGED.values(), ids=DAMAGED)
def test_damaged_archive(data, rule, ending, tmp_path):
    file = tmp_path / f"b.{ending}"
    if data is None:
        (tmp_path / "set").mkdir()
        (tmp_path / "set" / "a.xml").write_bytes(XML + os.urandom(4000))
        data = pack(tmp_path / "set", file).read_bytes()[:1200]
    file.write_bytes(data)
    with pytest.raises(DataError, match=rf"b\.{re.escape(ending)}: ({rule})"):
        fastanchor.read(file)


def test_damaged_or_encrypted_member(tmp_path):
    data = zipped(tmp_path / "a.zip", **{"one.xml": XML}).read_bytes()
    (tmp_path / "a.zip").write_bytes(data.replace(b"<name>cat", b"<name>cow", 1))
    with pytest.raises(DataError, match=r"a\.zip: not a valid archive \(Bad CRC-32"):
        fastanchor.read(tmp_path / "a.zip")
    at = data.index(b"PK\x01\x02") + 8
    (tmp_path / "a.zip").write_bytes(data[:at] + b"\x01" + data[at + 1 :])
    with pytest.raises(DataError, match=r"a\.zip/one\.xml: is encrypted; unpack it with its password"):
        fastanchor.read(tmp_path / "a.zip")


def test_archive_without_labels(tmp_path):
    png(tmp_path / "set" / "one.png", (20, 20))
    with pytest.raises(DataError, match=r"a\.zip: no labels recognised here; it holds 1 folder, 1 \.png;"):
        fastanchor.read(pack(tmp_path / "set", tmp_path / "a.zip"))


def test_an_interrupt_leaves_nothing(tmp_path, monkeypatch):
    def stop(*_, **__):
        raise KeyboardInterrupt

    file = zipped(tmp_path / "a.zip", **{"one.xml": XML})
    with pytest.raises(KeyboardInterrupt):
        fastanchor.read(file, progress=stop)
    monkeypatch.setattr(_members.Budget, "copy", stop)
    with pytest.raises(KeyboardInterrupt):
        fastanchor.read(file)


def test_an_image_that_is_damaged_in_the_archive(tmp_path):
    write("yolo", tmp_path / "set")
    data = bytearray(pack(tmp_path / "set", tmp_path / "a.zip").read_bytes())
    at = data.index(b"data/images/9.png") - 30
    data[at : at + 4] = b"????"
    (tmp_path / "a.zip").write_bytes(data)
    said = []
    assert len(fastanchor.read(tmp_path / "a.zip", report=said.append)) == 3
    assert "9.txt: image size missing (9.png: an empty file; see source_size)" in said[0]
