"""Pascal VOC: a zoo of odd files, each with the boxes or the reason expected."""

import codecs
import dataclasses
import os
from pathlib import Path

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError, datasets
from fastanchor.cli import main
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
    boxes = fastanchor.read(write(tmp_path, a=content), strict=True)
    assert boxes.wh.tolist() == ([] if name is None else [[30, 40]])
    assert boxes.class_names == (() if name is None else (name,))
    assert boxes.image_wh.tolist() == [[100, 80]]
    assert boxes.skipped == {}


def test_boxes_that_leave_the_image_are_kept(tmp_path):
    boxes = fastanchor.read(write(tmp_path, a=xml(thing(box(-5, -5.5, 200, 100)))), strict=True)
    assert boxes.wh.tolist() == [[205, 105.5]]


BOMB = '<!DOCTYPE annotation [<!ENTITY a "x">\n<!ENTITY b "&a;&a;">]>'
STEAL = '<!DOCTYPE annotation [<!ENTITY a SYSTEM "file:///etc/passwd">]>'

# what is in the file -> the reason, and the sentence behind "bad.xml"
BROKEN = {
    "empty": (b"", "empty file", ", line 1: empty file"),
    "text": ("hello\n", "not valid XML", ", line 1: not valid XML (syntax error)"),
    "mismatch": (
        "<annotation>\n<size></annotation>",
        "not valid XML",
        ", line 2: not valid XML (mismatched tag)",
    ),
    "binary": (bytes(range(256)), "not valid XML", ", line 1: not valid XML"),
    "ampersand": (xml(thing(name="a & b")), "not valid XML", ", line 1: not valid XML (not well-formed"),
    "cut": (
        xml("\n", thing())[: -len("</object></annotation>")],
        "truncated XML file",
        ", line 2: truncated XML file (no element found)",
    ),
    "cut in a tag": (xml(thing())[:-3], "truncated XML file", ", line 1: truncated XML file (unclosed token)"),
    "lfs": (
        "version https://git-lfs.github.com/spec/v1\noid sha256:00\nsize 3\n",
        "Git LFS pointer instead of XML (run: git lfs pull)",
        ", line 1: Git LFS",
    ),
    "html": ("<!DOCTYPE html>\n<p>404<br>", "HTML page instead of XML", ", line 1: HTML page"),
    "xhtml": ("<html><p>404</p></html>", "HTML page instead of XML", ", line 1: HTML page"),
    "foreign": (
        "<plist><dict/></plist>",
        "XML file that is not a Pascal VOC annotation",
        ", line 1: XML file that is not a Pascal VOC annotation (root element <plist>)",
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
        "not valid XML",
        ", line 1: not valid XML (undefined entity",
    ),
}


@pytest.mark.parametrize(("content", "reason", "sentence"), BROKEN.values(), ids=BROKEN)
def test_broken_file(tmp_path, content, reason, sentence):
    folder = write(tmp_path, bad=content, good=xml(*[thing()] * 10))
    said = []
    boxes = fastanchor.read(folder, report=said.append, format="voc")
    assert len(boxes) == 10
    assert boxes.skipped == {reason: 1}
    assert len(said) == 1
    assert said[0].startswith(f"{folder / 'bad.xml'}{sentence}")
    with pytest.raises(DataError) as strict:
        fastanchor.read(folder, strict=True)
    assert str(strict.value) == said[0]
    (folder / "good.xml").unlink()
    with pytest.raises(DataError) as alone:
        fastanchor.read(folder, format="voc")
    assert str(alone.value) == said[0]
    write(folder, worse=content)
    with pytest.raises(DataError) as nothing:
        fastanchor.read(folder, format="voc")
    assert str(nothing.value) == f"{folder}: nothing could be read; {said[0]}"


NO_SIZE = {
    "none": "",
    "zero": SIZE.replace("100", "0"),
    "both zero": "<size><width>0</width><height>0</height><depth>0</depth></size>",
    "no number": SIZE.replace("100", "wide"),
    "not finite": SIZE.replace("100", "inf"),
    "width only": "<size><width>100</width></size>",
}


@pytest.mark.parametrize("size", NO_SIZE.values(), ids=NO_SIZE)
def test_size_that_is_none(tmp_path, size):
    folder = write(tmp_path, bad=xml(thing(), thing(), size=size), good=xml(*[thing()] * 9))
    said = []
    boxes = fastanchor.read(folder, report=said.append)
    assert len(boxes) == 9
    assert boxes.skipped == {"image size missing": 1, "box of an image without a size": 2}
    assert said[0] == f"{folder / 'bad.xml'}: image size missing (a.jpg: image not found; see source_size and images)"
    with pytest.raises(DataError, match=r"bad\.xml: image size missing"):
        fastanchor.read(folder, strict=True)
    given = fastanchor.read(folder, source_size=(64, 48), strict=True)
    assert (len(given), given.image_wh.tolist()) == (11, [[64, 48], [100, 80]])
    (folder / "good.xml").unlink()
    with pytest.raises(DataError, match=r"nothing could be read; .*bad\.xml: image size missing|2 x box of an image"):
        fastanchor.read(folder)


BAD_BOXES = {
    "zero width": (box(10, 20, 10, 60), "box with zero width or height", "10, 20, 10, 60"),
    "zero height": (box(10, 20, 40, 20), "box with zero width or height", "10, 20, 40, 20"),
    "vanishing": (box(0, 0, "1e-200", 5), "box with zero width or height", "0, 0, 1e-200, 5"),
    "reversed": (box(40, 20, 10, 60), "box with reversed corners", "40, 20, 10, 60"),
    "reversed in y alone": (box(10, 60, 40, 20), "box with reversed corners", "10, 60, 40, 20"),
    "nan": (box("nan"), "box with unreadable coordinates", "?, 20, 40, 60"),
    "infinite": (box(x1="inf"), "box with non-finite coordinates", "10, 20, inf, 60"),
    "overflow": (box(x1="1e999"), "box with non-finite coordinates", "10, 20, inf, 60"),
    "word": (box("ten"), "box with unreadable coordinates", "?, 20, 40, 60"),
    "empty": (box(""), "box with unreadable coordinates", "?, 20, 40, 60"),
    "missing": ("<bndbox><xmin>1</xmin></bndbox>", "box with unreadable coordinates", "1, ?, ?, ?"),
    "no box": ("", "object without a bndbox", ""),
    "no point": (f"<polygon>{'<pt><x>3</x></pt>' * 3}</polygon>", "box with unreadable coordinates", "?, ?, ?, ?"),
    "turned": ("<robndbox><cx>3</cx></robndbox>", "box with unreadable coordinates", "?, ?, ?, ?"),
    "box of a part only": (f"<part>{box()}</part>", "object without a bndbox", ""),
}


@pytest.mark.parametrize(("inner", "reason", "detail"), BAD_BOXES.values(), ids=BAD_BOXES)
def test_bad_box(tmp_path, inner, reason, detail):
    folder = write(tmp_path, a=xml("\n", thing(), "\n<part><object/></part>", thing("\n" + inner), "\n", thing()))
    said = []
    boxes = fastanchor.read(folder, report=said.append)
    assert boxes.wh.tolist() == [[30, 40], [30, 40]]
    assert boxes.skipped == {reason: 1}
    line = 4 if "<bndbox>" in inner and "<part>" not in inner else 3
    assert said == [f"{folder / 'a.xml'}, line {line}: {reason}" + (f" ({detail})" if detail else "")]
    with pytest.raises(DataError, match=reason):
        fastanchor.read(folder, strict=True)


TURNED = """<annotation verified="yes"><filename>a</filename>{}<object><type>robndbox</type><name>ship</name>
<truncated>1</truncated><robndbox><cx>50</cx><cy>40</cy><w>20</w><h>10</h><angle>{}</angle></robndbox></object>
<object><type>bndbox</type><name>ship</name><bndbox><xmin>1</xmin><ymin>2</ymin><xmax>31</xmax><ymax>42</ymax></bndbox>
</object></annotation>"""


def test_turned_boxes_of_rolabelimg(tmp_path, capsys):
    folder = write(tmp_path, a=TURNED.format(SIZE, 0), b=TURNED.format(SIZE, np.pi / 2), c=TURNED.format(SIZE, 0.5))
    boxes = fastanchor.read(folder, strict=True)
    turned = [20 * np.cos(0.5) + 10 * np.sin(0.5), 20 * np.sin(0.5) + 10 * np.cos(0.5)]
    np.testing.assert_allclose(boxes.wh, [(20, 10), (30, 40), (10, 20), (30, 40), turned, (30, 40)])
    np.testing.assert_allclose(boxes.xy[::2], [(40, 35), (45, 30), (50 - turned[0] / 2, 40 - turned[1] / 2)])
    assert boxes.skipped == {}
    assert boxes.flags["truncated"].tolist() == [True, False] * 3
    assert [remark.text for remark in boxes.remarks if remark.kind == "turned boxes"] == [
        "2 turned boxes are read as their upright extents; see turned"
    ]
    assert main(["stats", str(folder)]) == 0
    said = "note      2 turned boxes are read as their upright extents; --turned skip leaves them out\n"
    assert said in capsys.readouterr().out
    boxes = fastanchor.read(folder, turned="skip", strict=True)
    assert (boxes.wh.tolist(), boxes.skipped) == ([[20, 10], [30, 40], [30, 40], [30, 40]], {"turned box": 2})
    assert boxes.remarks == ()
    with pytest.raises(DataError, match=r"turned = 'turn': must be one of 'upright', 'skip'"):
        fastanchor.read(folder, turned="turn")


LABELME = """<annotation><filename>a.jpg</filename><folder>x</folder>
<object><name>car</name><deleted>0</deleted><polygon><username>me</username><pt><x>1</x><y>2</y></pt>
<pt><x>41</x><y>8</y></pt><pt><x>9</x><y>22</y></pt></polygon></object>
<object><name>car</name><deleted>1</deleted><polygon><pt><x>1</x><y>2</y></pt></polygon></object>
<object><name>edge</name><deleted>0</deleted><polygon><pt><x>1</x><y>2</y></pt><pt><x>9</x><y>9</y></pt></polygon></object>
<object><name>sky</name><segm><box><xmin>5</xmin><ymin>6</ymin><xmax>55</xmax><ymax>36</ymax></box></segm></object>
<imagesize><nrows>80</nrows><ncols>100</ncols></imagesize></annotation>"""


def test_polygons_of_labelme(tmp_path):
    write(tmp_path, a=LABELME)
    boxes = fastanchor.read(tmp_path, strict=True)
    assert (boxes.xy.tolist(), boxes.wh.tolist()) == ([[1, 2], [5, 6]], [[40, 20], [50, 30]])
    assert (boxes.class_names, boxes.image_wh.tolist()) == (("car", "sky"), [[100, 80]])
    assert boxes.skipped == {
        "object that was deleted in LabelMe": 1, "polygon of fewer than three points, which is not a box": 1,
    }  # fmt: skip
    write(tmp_path, b=xml(thing("<ellipse/>"), thing()))
    assert fastanchor.read(tmp_path).skipped["object without a bndbox"] == 1


def test_only_the_first_five_are_told_but_all_are_counted(tmp_path):
    said = []
    boxes = fastanchor.read(write(tmp_path, a=xml(thing(), *[thing(box(x1=10))] * 9)), report=said.append)
    assert len(said) == 6
    assert said[5] == "90% of what was found is skipped; most often: box with zero width or height"
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
    assert fastanchor.read(folder, strict=True).image_wh.tolist() == [[64, 32]]
    (image,) = datasets.iter_images(folder)
    assert image.image_path.resolve() == path.resolve()


@pytest.mark.parametrize("filename", ["a", "C:\\data\\a.jpg", "../../far/a.jpg", "a.v2", "wrong.jpg", ""])
def test_file_name_that_is_no_path(tmp_path, filename):
    content = xml(thing(), size="").replace("a.jpg", filename)
    stem = "a.v2" if filename == "a.v2" else "a"
    folder = write(tmp_path / "labels", **{stem: content})
    picture(folder / f"{stem}.jpg")
    assert fastanchor.read(folder).image_wh.tolist() == [[64, 32]]


def test_image_that_cannot_be_read(tmp_path):
    folder = write(tmp_path, a=xml(thing(), size=""), b=xml(thing()))
    (folder / "a.jpg").write_bytes(b"no image")
    said = []
    skipped = fastanchor.read(folder, report=said.append).skipped
    assert skipped == {"image size missing": 1, "box of an image without a size": 1}
    assert said == [f"{folder / 'a.xml'}: image size missing (a.jpg: a.jpg: not a readable image; see source_size)"]


@pytest.mark.parametrize(("turn", "size"), [(1, [64, 32]), (3, [64, 32]), (6, [32, 64]), (8, [32, 64])])
def test_size_of_an_image_is_as_it_is_shown(tmp_path, turn, size):
    image = pytest.importorskip("PIL.Image")
    exif = image.Exif()
    exif[0x0112] = turn
    image.new("RGB", (64, 32)).save(tmp_path / "a.jpg", exif=exif)
    assert fastanchor.read(write(tmp_path, a=xml(thing(), size=""))).image_wh.tolist() == [size]


def test_size_in_the_file_wins(tmp_path):
    folder = write(tmp_path, a=xml(thing()))
    picture(folder / "a.jpg")
    assert fastanchor.read(folder).image_wh.tolist() == [[100, 80]]


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
    boxes = fastanchor.read(root)
    assert [Path(file).name for file in boxes.files] == ["a.jpg"] * 5
    assert boxes.split == ("", "train", "", "train", "")
    plain = write(root / "plain", a=xml(), b=xml())
    write(plain / "Annotations", x=xml())
    assert len(fastanchor.read(plain).image_wh) == 3


LAYOUTS = {
    "parts": ["train/a", "valid/b", "test/c"],
    "parts in annotations": ["annotations/train/a", "annotations/val/b", "annotations/test/c"],
    "annotations in parts": ["train/Annotations/a", "val/Annotations/b", "test/Annotations/c"],
    "beside the images of a part": ["data/images/train/a", "data/images/validation/b", "data/images/testing/c"],
    "two levels down": ["xmlLabel/train/a", "xmlLabel/val/b", "xmlLabel/test/c"],
}


@pytest.mark.parametrize("names", LAYOUTS.values(), ids=LAYOUTS)
def test_parts_are_the_words_in_folders(tmp_path, names):
    for i, name in enumerate(names, start=1):
        place = tmp_path / name
        write(place.parent, **{place.name: xml(thing(box(0, 0, i, i)))})
    assert datasets.detect(tmp_path) == "voc"
    boxes = fastanchor.read(tmp_path)
    assert dict(zip(boxes.split, boxes.wh[:, 0].tolist(), strict=True)) == {"train": 1, "val": 2, "test": 3}
    for i, split in enumerate(("train", "val", "test"), start=1):
        assert fastanchor.read(tmp_path, split=split).wh.tolist() == [[i, i]]
    assert fastanchor.read(tmp_path, split="auto").wh.tolist() == [[1, 1]]
    assert sorted(fastanchor.read(tmp_path, split="train+test").wh[:, 0].tolist()) == [1, 3]
    with pytest.raises(DataError, match=r"split = 'trial': must be 'all' or one of 'train', 'val', 'test', in "):
        fastanchor.read(tmp_path, split="trial")


@pytest.mark.parametrize("inner", ["annotations", "xml", "labels/deep/deeper", "BCCD/Annotations", "a/b/c/Annotations"])
def test_files_at_any_depth(tmp_path, inner):
    write(tmp_path / "x" / inner, **{f"img{i}": xml(thing(box(0, 0, i, i))) for i in (1, 9, 10)})
    (tmp_path / "x" / "sitemap.xml").write_text("<urlset/>")
    (tmp_path / "x" / "README.md").write_text("read me")
    boxes = fastanchor.read(tmp_path / "x", strict=True)
    assert boxes.wh[:, 0].tolist() == [1, 9, 10]
    assert boxes.split is None


def test_a_set_of_several_years(tmp_path):
    for year, side in (("VOC2007", 7), ("VOC2012", 12)):
        write(tmp_path / year / "Annotations", a=xml(thing(box(0, 0, side, 1))), b=xml(thing(box(0, 0, side, 2))))
        lists = tmp_path / year / "ImageSets" / "Main"
        lists.mkdir(parents=True)
        (lists / "train.txt").write_text("a\n")
        (lists / "val.txt").write_text("b\n")
        (lists / "trainval.txt").write_text("a\nb\n")
    assert fastanchor.read(tmp_path, split="train").wh.tolist() == [[7, 1], [12, 1]]
    assert fastanchor.read(tmp_path / "VOC2012", split="val").wh.tolist() == [[12, 2]]
    assert fastanchor.read(tmp_path, split="auto").wh.tolist() == [[7, 1], [7, 2], [12, 1], [12, 2]]
    assert fastanchor.read(tmp_path).split == ("train", "val", "train", "val")


@pytest.mark.parametrize("place", ["ImageSets/Main", "ImageSets"])
def test_the_training_set_where_nothing_is_given(tmp_path, place):
    write(tmp_path / "Annotations", a=xml(thing()), b=xml(thing()), c=xml(thing()))
    (tmp_path / place).mkdir(parents=True)
    (tmp_path / place / "train.txt").write_text("a\n")
    (tmp_path / place / "test.txt").write_text("c\n")
    assert len(fastanchor.read(tmp_path, split="auto")) == 1
    (tmp_path / place / "trainval.txt").write_text("a\nb\n")
    assert len(fastanchor.read(tmp_path, split="auto")) == 2
    assert len(fastanchor.read(tmp_path, split="train+test")) == 2
    assert len(fastanchor.read(tmp_path, split="all")) == 3


@pytest.mark.parametrize("inner", ["", "Annotations", "."])
def test_lists_are_found_from_within(root, inner, monkeypatch):
    monkeypatch.chdir(root / inner)
    assert len(fastanchor.read(".", split="train")) == 2
    if not inner:
        assert len(fastanchor.read("Annotations", split="train")) == 2


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
    assert said[:2] == [
        f"{place}, line 2: file named in the split but missing (zz.xml)",
        f"{place}, line 3: file named twice in the split (a.xml)",
    ]


def test_split_that_is_none(root, tmp_path_factory):
    with pytest.raises(
        DataError, match=r"split = 'tain': must be 'all' or one of 'train', 'cat_val', 'gap', 'holes', 'none', "
    ):
        fastanchor.read(root, split="tain")
    with pytest.raises(DataError, match=r"no label file belongs to the split none"):
        fastanchor.read(root, split="none")
    with pytest.raises(DataError, match="declares no splits; leave it out"):
        fastanchor.read(write(tmp_path_factory.mktemp("plain"), a=xml()), split="train")


def test_a_single_file_of_a_data_set_has_no_split(root):
    write(root, stray=xml(thing()))
    for inner in ("stray.xml", "Annotations/a.xml"):
        with pytest.raises(DataError, match=r"\.xml declares no splits; leave it out$"):
            fastanchor.read(root / inner, split="train")


def test_a_data_set_without_lists_has_no_split(tmp_path):
    write(tmp_path / "Annotations", a=xml(thing()))
    (tmp_path / "ImageSets" / "Main").mkdir(parents=True)
    with pytest.raises(DataError, match=r"declares no splits; leave it out"):
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
    write(tmp_path, a=xml(thing()))
    said = []
    fastanchor.read(tmp_path, report=said.append)
    assert said[0].encode().endswith(b"b\\xe9te.xml, line 1: empty file")


def test_folder_named_like_a_file(tmp_path):
    (tmp_path / "x.xml").mkdir()
    boxes = fastanchor.read(write(tmp_path, a=xml(thing())), strict=True)
    assert (len(boxes), boxes.skipped) == (1, {})


@pytest.mark.skipif(os.name == "nt" or not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read all")
def test_file_without_permission(tmp_path):
    folder = write(tmp_path, a=xml(), b=xml(thing()))
    (folder / "a.xml").chmod(0)
    assert fastanchor.read(folder).skipped == {"file that cannot be read": 1}


def test_file_too_large(tmp_path):
    folder = write(tmp_path, a=xml(thing()), b=xml())
    os.truncate(folder / "b.xml", (64 << 20) + 1)
    assert fastanchor.read(folder).skipped == {"file larger than 64 MB, the limit for label files of one image": 1}


# --- the choice of a format


def test_nothing_there(tmp_path):
    with pytest.raises(DataError, match=r"gone: no such file or folder$"):
        fastanchor.read(tmp_path / "gone")
    with pytest.raises(
        DataError, match=r"no labels recognised here; it holds nothing; labels are files with the endings \.xml, "
    ):
        fastanchor.read(tmp_path)
    with pytest.raises(
        DataError, match=r"holds no labels of the format 'voc', Pascal VOC \(XML files\); it holds nothing"
    ):
        fastanchor.read(tmp_path, format="voc")
    with pytest.raises(DataError, match=r"format = 'cocoa' for .*: is unknown; did you mean 'coco'\?"):
        fastanchor.read(tmp_path, format="cocoa")
    with pytest.raises(DataError, match=r"format = 'none' for .*: must be auto, bdd100k, .*, yolo$"):
        fastanchor.read(tmp_path, format="none")
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


OTHER = {
    "root element <kml>": "<kml><Placemark/></kml>",
    "root element <net>": "<net name='x'><layers/></net>",
}


@pytest.mark.parametrize("what", OTHER)
def test_xml_of_another_kind_is_named(tmp_path, what):
    write(tmp_path, a=OTHER[what], b=OTHER[what])
    with pytest.raises(DataError, match=rf"no labels recognised here; it holds 2 \.xml \({what}\)"):
        fastanchor.read(tmp_path)
    with pytest.raises(DataError, match=rf"no labels recognised here; it is a \.xml file \({what}\)"):
        fastanchor.read(tmp_path / "a.xml")
    with pytest.raises(DataError, match=rf"a\.xml, line 1: XML file that is not a Pascal VOC annotation \({what}\)"):
        fastanchor.read(tmp_path, format="voc")


def test_folders_that_cannot_be_read_are_named(tmp_path):
    (tmp_path / "Annotations").symlink_to(tmp_path / "gone")
    with pytest.raises(DataError, match=r"no labels recognised here; it holds .*Annotations: link that cannot be"):
        fastanchor.read(tmp_path)


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16", "utf-32", "gbk"])
def test_large_files_are_known_by_their_beginning(tmp_path, encoding):
    content = declared(encoding, xml(f"<!--{'猫' * 100_000}-->", thing(name="猫"))).encode(encoding)
    write(tmp_path, a=content)
    (tmp_path / "boxes.csv").write_text("no,boxes\n1,2\n")
    assert datasets.detect(tmp_path) == "voc"
    assert fastanchor.read(tmp_path).class_names == ("猫",)


def test_pictures_of_a_few_need_a_few_files(tmp_path, monkeypatch):
    write(tmp_path, **{f"f{i}": xml(thing(box(0, 0, i + 1, 1))) for i in range(300)})
    parsed = []
    real = voc.FORMAT.parse
    counting = dataclasses.replace(voc.FORMAT, parse=lambda *given: parsed.append(given[0]) or real(*given))
    monkeypatch.setattr(voc, "FORMAT", counting)
    found = list(datasets.iter_images(tmp_path, limit=9))
    assert [image.boxes[0, 2] for image in found] == list(range(1, 10))
    assert len(parsed) == 9


def test_relative_coordinates(tmp_path):
    folder = write(tmp_path, **{f"f{i}": xml(thing(box(0.125, 0.25, 0.5, 0.75))) for i in range(5)})
    boxes = fastanchor.read(folder)
    assert boxes.wh.tolist() == [[37.5, 40]] * 5
    assert any("relative" in remark.text for remark in boxes.remarks)
    assert fastanchor.read(folder, unit="pixels").wh.tolist() == [[0.375, 0.5]] * 5


def test_form_by_hand(tmp_path):
    folder = write(tmp_path, a=xml(thing(box(10, 20, 40, 30))))
    assert fastanchor.read(folder, form="xywh").wh.tolist() == [[40, 30]]
    (image,) = datasets.iter_images(folder, form="cxcywh")
    assert image.boxes.tolist() == [[-10, 5, 30, 35]]
