"""Pascal VOC: a zoo of odd files, each with the boxes or the reason expected."""

import codecs
import os
from pathlib import Path

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError, datasets
from fastanchor.datasets import voc

SIZE = "<size><width>100</width><height>80</height><depth>3</depth></size>"


def box(x0=10, y0=20, x1=40, y1=60):
    return f"<bndbox><xmin>{x0}</xmin><ymin>{y0}</ymin><xmax>{x1}</xmax><ymax>{y1}</ymax></bndbox>"


def thing(inner=None, name="cat"):
    return f"<object><name>{name}</name>{box() if inner is None else inner}</object>"


def xml(*parts, size=SIZE, head="", root="<annotation>"):
    return f"{head}{root}<filename>a.jpg</filename>{size}{''.join(parts)}</annotation>"


def write(folder, **files):
    folder.mkdir(parents=True, exist_ok=True)
    for stem, content in files.items():
        content = content.encode() if isinstance(content, str) else content
        (folder / f"{stem}.xml").write_bytes(content)
    return folder


def declared(encoding, text):
    return f'<?xml version="1.0" encoding="{encoding}"?>\n{text}'


FINE = {
    "plain": (xml(thing()), "cat"),
    "no object": (xml(), None),
    "children in another order": (
        xml(thing("<bndbox><ymax>60</ymax><xmax>40</xmax><ymin>20</ymin><xmin>10</xmin></bndbox>")),
        "cat",
    ),
    "floats, blanks": (xml(thing(box(" 10.0\n", "2e1", 40.0, "60"))), "cat"),
    "crlf": (xml(thing()).replace("><", ">\r\n<"), "cat"),
    "byte order mark": (codecs.BOM_UTF8 + xml(thing()).encode(), "cat"),
    "utf-16": (declared("UTF-16", xml(thing(name="猫"))).encode("utf-16"), "猫"),
    "utf-16 without mark": (xml(thing(name="猫")).encode("utf-16-le"), "猫"),
    "utf-32": (xml(thing(name="猫")).encode("utf-32"), "猫"),
    "gbk": (declared("gbk", xml(thing(name="猫"))).encode("gbk"), "猫"),
    "shift_jis": (declared("shift_jis", xml(thing(name="猫"))).encode("shift_jis"), "猫"),
    "windows-1252": (declared("windows-1252", xml(thing(name="élan"))).encode("cp1252"), "élan"),
    "encoding nobody knows": (declared("klingon", xml(thing(name="猫"))), "猫"),
    "encoding nobody knows, latin-1": (declared("klingon", xml(thing(name="élan"))).encode("latin-1"), "élan"),
    "encoding that is no text": (declared("zlib", xml(thing())), "cat"),
    "encoding that cannot be": (declared("punycode", xml(thing())), "cat"),
    "latin-1 undeclared": (xml(thing(name="élan")).encode("latin-1"), "élan"),
    "gbk declared, utf-8 inside": (declared("gbk", xml(thing(name="naïve猫é"))), "naïve猫é"),
    "doctype": (xml(thing(), head="<!DOCTYPE annotation>"), "cat"),
    "doctype elsewhere": (xml(thing(), head='<!DOCTYPE annotation SYSTEM "file:///nowhere.dtd">'), "cat"),
    "comment, cdata": (xml("<!-- <object/> -->", thing(name="<![CDATA[cat]]>")), "cat"),
    "namespace": (xml(thing(), root='<annotation xmlns="http://example.org/voc">'), "cat"),
    "empty depth": (xml(thing(), size=SIZE.replace("3", "")), "cat"),
    "part": (xml(thing(box() + f"<part><name>ear</name>{box(1, 1, 2, 2)}</part>")), "cat"),
    "part before the box": (xml(thing(f"<part><name>ear</name>{box(1, 1, 2, 2)}</part>" + box())), "cat"),
    "nested object": (xml(thing(box() + thing(name="dog"))), "cat"),
    "no name": (xml(f"<object>{box()}</object>"), "unnamed"),
    "empty name": (xml(thing(name="  ")), "unnamed"),
    "blanks around the name": (xml(thing(name="\n cat ")), "cat"),
    "escapes": (xml(thing(name="c &amp; t&#233;")), "c & té"),
    "other root": (xml(thing()).replace("annotation>", "Annotation>"), "cat"),
    "no filename": (xml(thing()).replace("<filename>a.jpg</filename>", ""), "cat"),
    "longer than the buffer": (xml("<!--" + "x" * 100_000 + "-->", thing()), "cat"),
}


@pytest.mark.parametrize(("content", "name"), FINE.values(), ids=FINE)
def test_fine_file(tmp_path, content, name):
    boxes = voc.read(write(tmp_path, a=content), strict=True)
    assert boxes.wh.tolist() == ([] if name is None else [[30, 40]])
    assert boxes.class_names == (() if name is None else (name,))
    assert boxes.image_wh.tolist() == [[100, 80]]
    assert boxes.skipped == {}


def test_boxes_that_leave_the_image_are_kept(tmp_path):
    boxes = voc.read(write(tmp_path, a=xml(thing(box(-5, -5.5, 200, 100)))), strict=True)
    assert boxes.wh.tolist() == [[205, 105.5]]


BOMB = '<!DOCTYPE annotation [<!ENTITY a "x">\n<!ENTITY b "&a;&a;">]>'
STEAL = '<!DOCTYPE annotation [<!ENTITY a SYSTEM "file:///etc/passwd">]>'

# what is in the file -> the reason, and the sentence behind "bad.xml"
BROKEN = {
    "empty": (b"", "empty file", ", line 1: empty file"),
    "text": ("hello\n", "file that is no XML", ", line 1: file that is no XML (syntax error)"),
    "mismatch": (
        "<annotation>\n<size></annotation>",
        "file that is no XML",
        ", line 2: file that is no XML (mismatched tag)",
    ),
    "binary": (bytes(range(256)), "file that is no XML", ", line 1: file that is no XML"),
    "ampersand": (xml(thing(name="a & b")), "file that is no XML", ", line 1: file that is no XML (not well-formed"),
    "cut": (
        xml("\n", thing())[: -len("</object></annotation>")],
        "truncated XML file",
        ", line 2: truncated XML file (no element found)",
    ),
    "cut in a tag": (xml(thing())[:-3], "truncated XML file", ", line 1: truncated XML file (unclosed token)"),
    "lfs": (
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n",
        "Git LFS pointer instead of the file",
        ", line 1: Git LFS",
    ),
    "html": ("<!DOCTYPE html>\n<p>404<br>", "HTML page instead of XML", ", line 1: HTML page"),
    "xhtml": ("<html><p>404</p></html>", "HTML page instead of XML", ", line 1: HTML page"),
    "foreign": (
        "<annotations><image/></annotations>",
        "XML file that is no Pascal VOC annotation",
        ", line 1: XML file that is no Pascal VOC annotation (root element <annotations>)",
    ),
    "bomb": (xml(thing(name="&b;"), head=BOMB), "XML file that declares entities", ", line 1: XML file that declares"),
    "bomb in utf-16": (
        xml(thing(name="&b;"), head="\n" + BOMB).encode("utf-16"),
        "XML file that declares entities",
        ", line 2: XML file that declares",
    ),
    "steal": (xml(thing(name="&a;"), head=STEAL), "XML file that declares entities", ", line 1: XML file that"),
    "undefined entity": (
        xml(thing(name="&a;"), head='<!DOCTYPE annotation SYSTEM "x.dtd">'),
        "file that is no XML",
        ", line 1: file that is no XML (undefined entity",
    ),
    "no size": (xml(thing(), size=""), "image size missing", ": image size missing"),
    "zero size": (xml(thing(), size="\n" + SIZE.replace("100", "0")), "image size missing", ", line 2: image size"),
    "size that is no number": (xml(thing(), size=SIZE.replace("100", "wide")), "image size missing", ", line 1: image"),
    "size not finite": (xml(thing(), size=SIZE.replace("100", "inf")), "image size missing", ", line 1: image"),
}


@pytest.mark.parametrize(("content", "reason", "sentence"), BROKEN.values(), ids=BROKEN)
def test_broken_file(tmp_path, content, reason, sentence):
    folder = write(tmp_path, bad=content, good=xml(thing()))
    said = []
    boxes = fastanchor.read(folder, report=said.append, format="voc")
    assert len(boxes) == 1
    assert boxes.skipped == {reason: 1}
    assert len(said) == 1
    assert said[0].startswith(f"{folder / 'bad.xml'}{sentence}")
    with pytest.raises(DataError) as strict:
        fastanchor.read(folder, strict=True)
    assert str(strict.value) == said[0]
    (folder / "good.xml").unlink()
    with pytest.raises(DataError) as alone:
        fastanchor.read(folder, format="voc")
    assert str(alone.value) == f"{folder}: no file could be read; the first: {said[0]}"


BAD_BOXES = {
    "zero width": (box(10, 20, 10, 60), "box with zero width or height", "xmin 10, ymin 20, xmax 10, ymax 60"),
    "zero height": (box(10, 20, 40, 20), "box with zero width or height", "xmin 10, ymin 20, xmax 40, ymax 20"),
    "vanishing": (box(0, 0, "1e-200", 5), "box with zero width or height", "xmin 0, ymin 0, xmax 1e-200, ymax 5"),
    "reversed": (box(40, 20, 10, 60), "box with reversed corners", "xmin 40, ymin 20, xmax 10, ymax 60"),
    "reversed in y alone": (box(10, 60, 40, 20), "box with reversed corners", "xmin 10, ymin 60, xmax 40, ymax 20"),
    "nan": (box("nan"), "box with non-finite coordinates", "xmin nan, ymin 20, xmax 40, ymax 60"),
    "infinite": (box(x1="inf"), "box with non-finite coordinates", "xmin 10, ymin 20, xmax inf, ymax 60"),
    "overflow": (box(x1="1e999"), "box with non-finite coordinates", "xmin 10, ymin 20, xmax 1e999, ymax 60"),
    "word": (box("ten"), "box with unreadable coordinates", "xmin ten, ymin 20, xmax 40, ymax 60"),
    "empty": (box(""), "box with unreadable coordinates", "xmin -, ymin 20, xmax 40, ymax 60"),
    "missing": ("<bndbox><xmin>1</xmin></bndbox>", "box with unreadable coordinates", "xmin 1"),
    "no box": ("", "object without a box", ""),
    "polygon": ("<polygon><x1>3</x1></polygon>", "object without a box", ""),
    "box of a part only": (f"<part>{box()}</part>", "object without a box", ""),
}


@pytest.mark.parametrize(("inner", "reason", "detail"), BAD_BOXES.values(), ids=BAD_BOXES)
def test_bad_box(tmp_path, inner, reason, detail):
    folder = write(tmp_path, a=xml("\n", thing(), "\n<part><object/></part>", thing("\n" + inner), "\n", thing()))
    said = []
    boxes = fastanchor.read(folder, report=said.append)
    assert boxes.wh.tolist() == [[30, 40], [30, 40]]
    assert boxes.skipped == {reason: 1}
    line = 3 if reason == "object without a box" else 4
    assert said == [f"{folder / 'a.xml'}, line {line}: {reason}" + (f" ({detail})" if detail else "")]
    with pytest.raises(DataError, match=reason):
        fastanchor.read(folder, strict=True)


def test_only_the_first_five_are_told_but_all_are_counted(tmp_path):
    said = []
    boxes = voc.read(write(tmp_path, a=xml(*[thing(box(x1=10))] * 9)), report=said.append)
    assert len(said) == 5
    assert boxes.skipped == {"box with zero width or height": 9}


def test_columns(tmp_path):
    folder = write(
        tmp_path,
        b=xml(thing(box(0, 0, 1, 1), "zebra"), thing(box(0, 0, 2, 2), "ant")),
        a=xml(thing(box(0, 0, 3, 3), "cow"), size=SIZE.replace("100", "200")),
        c=xml(),
        d=xml(thing(box(0, 0, 4, 4), "zebra")),
    )
    boxes = fastanchor.read(folder)
    assert boxes.class_names == ("ant", "cow", "zebra")
    assert boxes.wh[:, 0].tolist() == [3, 1, 2, 4]
    assert boxes.image_index.tolist() == [0, 1, 1, 3]
    assert boxes.class_index.tolist() == [1, 2, 0, 2]
    assert boxes.image_wh[:, 0].tolist() == [200, 100, 100, 100]
    assert boxes.wh.flags.c_contiguous
    images = list(datasets.iter_images(folder))
    assert [i.name for i in images] == ["a", "b", "c", "d"]
    assert images[1].boxes.tolist() == [[0, 0, 1, 1], [0, 0, 2, 2]]
    assert images[1].classes == ("zebra", "ant")
    assert images[2].boxes.shape == (0, 4)
    assert (images[0].width, images[0].height, images[0].image_path) == (200, 80, None)


# --- images


def picture(path, size=(64, 32)):
    image = pytest.importorskip("PIL.Image")
    path.parent.mkdir(parents=True, exist_ok=True)
    image.new("RGB", size).save(path)
    return path


@pytest.mark.parametrize(
    "place",
    ["a.jpg", "a.png", "A.JPG", "x.jpeg", "../JPEGImages/a.jpg", "../images/a.jpg", "../images/x.PNG"],
)
def test_size_from_the_image(tmp_path, place):
    folder = write(tmp_path / "labels", x=xml(thing(), size="<size><width>0</width><height>0</height></size>"))
    path = picture(folder / place)
    assert voc.read(folder, strict=True).image_wh.tolist() == [[64, 32]]
    (image,) = voc.iter_images(folder)
    assert image.image_path.resolve() == path.resolve()


@pytest.mark.parametrize("filename", ["a", "C:\\data\\a.jpg", "../../far/a.jpg", "a.v2", "wrong.jpg", ""])
def test_file_name_that_is_no_path(tmp_path, filename):
    content = xml(thing(), size="").replace("a.jpg", filename)
    stem = "a.v2" if filename == "a.v2" else "a"
    folder = write(tmp_path / "labels", **{stem: content})
    picture(folder / f"{stem}.jpg")
    assert voc.read(folder).image_wh.tolist() == [[64, 32]]


def test_image_that_cannot_be_read(tmp_path):
    folder = write(tmp_path, a=xml(thing(), size=""), b=xml(thing()))
    (folder / "a.jpg").write_bytes(b"no image")
    assert voc.read(folder).skipped == {"image size missing": 1}


def test_size_in_the_file_wins(tmp_path):
    folder = write(tmp_path, a=xml(thing()))
    picture(folder / "a.jpg")
    assert voc.read(folder).image_wh.tolist() == [[100, 80]]


# --- folders and splits


@pytest.fixture
def root(tmp_path):
    write(tmp_path / "Annotations", a=xml(thing()), b=xml(thing()), c=xml(thing()), **{"d 1": xml(thing())})
    lists = tmp_path / "ImageSets" / "Main"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_bytes(b"\xef\xbb\xbfc\r\na\r\n\r\n")
    (lists / "cat_val.txt").write_text("b -1\nc  1\nd 1\na.jpg 0\n")
    (lists / "gap.txt").write_text("\na\n\n \nb\n")
    (lists / "holes.txt").write_text("a\nzz\na\n")
    (lists / "none.txt").write_text("\nzz\n")
    return tmp_path


@pytest.mark.parametrize("inner", ["", "Annotations", "Annotations/a.xml"])
def test_root_folder_or_file(root, inner):
    assert len(fastanchor.read(root / inner)) == (1 if inner.endswith("xml") else 4)
    assert datasets.detect(str(root / inner)) == "voc"


def test_folder_of_files_beside_annotations(root):
    write(root, stray=xml())
    assert len(fastanchor.read(root).image_wh) == 4
    plain = write(root / "plain", a=xml(), b=xml())
    write(plain / "Annotations", x=xml())
    assert len(fastanchor.read(plain).image_wh) == 2


@pytest.mark.parametrize("inner", ["", "Annotations"])
def test_split(root, inner):
    boxes = fastanchor.read(root / inner, split="train", strict=True)
    assert len(boxes) == 2
    assert [i.name for i in datasets.iter_images(root / inner, split="train")] == ["c", "a"]
    assert [i.name for i in datasets.iter_images(root / inner, split="gap")] == ["a", "b"]
    assert [i.name for i in datasets.iter_images(root, split="cat_val")] == ["b", "c", "d 1", "a"]


def test_split_with_holes(root):
    said = []
    boxes = fastanchor.read(root, split="holes", report=said.append)
    assert len(boxes) == 1
    assert boxes.skipped == {"file named in the split but missing": 1, "file named twice in the split": 1}
    place = root / "ImageSets" / "Main" / "holes.txt"
    assert said == [
        f"{place}, line 2: file named in the split but missing (zz.xml)",
        f"{place}, line 3: file named twice in the split (a.xml)",
    ]


def test_split_that_is_none(root, tmp_path_factory):
    with pytest.raises(DataError, match=r"split = 'tain': must be one of 'cat_val', 'gap', 'holes', 'none', 'train'"):
        fastanchor.read(root, split="tain")
    with pytest.raises(DataError, match=r"none\.txt: names no XML file of .*Annotations"):
        fastanchor.read(root, split="none")
    with pytest.raises(DataError, match="has no ImageSets/Main, so no split 'train'"):
        fastanchor.read(write(tmp_path_factory.mktemp("plain"), a=xml()), split="train")


def test_a_single_file_of_a_data_set_has_no_split(root):
    write(root, stray=xml(thing()))
    for inner in ("stray.xml", "Annotations/a.xml"):
        with pytest.raises(DataError, match=r"\.xml: has no ImageSets/Main, so no split 'train'"):
            fastanchor.read(root / inner, split="train")


def test_a_data_set_without_lists_has_no_split(tmp_path):
    write(tmp_path / "Annotations", a=xml(thing()))
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    with pytest.raises(DataError, match=r"split = 'train': must be one of \(none\), the lists in .*Main"):
        fastanchor.read(tmp_path, split="train")


@pytest.mark.parametrize("name", ["猫 und é", "-rf", "a b.c", "UP.XML", "%s{0}"])
def test_odd_file_name(tmp_path, name):
    path = tmp_path / (name if name.endswith("XML") else f"{name}.xml")
    path.write_text(xml(thing()))
    assert len(fastanchor.read(tmp_path, strict=True)) == 1
    assert len(fastanchor.read(path, strict=True)) == 1


def test_file_name_that_is_no_utf8(tmp_path):
    path = os.fsencode(tmp_path) + b"/b\xe9te.xml"
    try:
        Path(os.fsdecode(path)).write_bytes(b"")
    except OSError:
        pytest.skip("this file system wants UTF-8")
    write(tmp_path, a=xml())
    said = []
    fastanchor.read(tmp_path, report=said.append)
    assert said[0].encode().endswith(b"b\\xe9te.xml, line 1: empty file")


def test_folder_named_like_a_file(tmp_path):
    (tmp_path / "x.xml").mkdir()
    boxes = fastanchor.read(write(tmp_path, a=xml(thing())), strict=True)
    assert (len(boxes), boxes.skipped) == (1, {})


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_file_without_permission(tmp_path):
    folder = write(tmp_path, a=xml(), b=xml())
    (folder / "a.xml").chmod(0)
    assert fastanchor.read(folder).skipped == {"file that cannot be opened": 1}


def test_file_too_large(tmp_path):
    folder = write(tmp_path, a=xml(), b=xml())
    os.truncate(folder / "b.xml", (64 << 20) + 1)
    assert fastanchor.read(folder).skipped == {"file larger than 64 MB, the limit for label files of one image": 1}


# --- the choice of a format


def test_nothing_there(tmp_path):
    with pytest.raises(DataError, match=r"gone: no such file or folder; labels in one of the formats 'voc'"):
        fastanchor.read(tmp_path / "gone")
    with pytest.raises(DataError, match=r"no labels recognised here; known formats: .*'voc'"):
        fastanchor.read(tmp_path)
    with pytest.raises(DataError, match="holds no XML file, neither directly nor in Annotations"):
        fastanchor.read(tmp_path, format="voc")
    with pytest.raises(DataError, match=r"format = 'cocoa' for .*: must be one of 'auto', .*'voc'"):
        fastanchor.read(tmp_path, format="cocoa")
    with pytest.raises(DataError, match="path = 3: must be the path of a file or folder"):
        fastanchor.read(3)
    with pytest.raises(DataError, match="no labels recognised here"):
        datasets.detect(write(tmp_path, a="<annotations/>"))


def test_path_types(tmp_path):
    write(tmp_path, a=xml(thing()))
    for path in (tmp_path, str(tmp_path), os.fsencode(tmp_path)):
        assert len(fastanchor.read(path)) == 1


def test_progress_moves_to_the_end(tmp_path):
    seen = []

    class Bar:
        def __init__(self, *, total, desc, unit):
            self.total = total

        def __enter__(self):
            return self

        def __exit__(self, *_):
            pass

        def update(self, n):
            seen.append((n, self.total))

    write(tmp_path, **{f"f{i}": xml(thing()) for i in range(300)})
    boxes = fastanchor.read(tmp_path, progress=Bar)
    assert sum(n for n, _ in seen) == 300
    assert {total for _, total in seen} == {300}
    np.testing.assert_array_equal(boxes.image_index, np.arange(300))


def test_a_list_that_cannot_be_read_is_named(tmp_path):
    write(tmp_path / "Annotations", a=xml(thing()))
    (tmp_path / "ImageSets" / "Main" / "train.txt").mkdir(parents=True)
    with pytest.raises(DataError, match=r"train\.txt: cannot be read"):
        fastanchor.read(tmp_path, split="train")
