"""Text formats: what their rows hold, and that none is read as another."""

import itertools

import numpy as np
import pytest

import fastanchor
from fastanchor import DataError, datasets
from fastanchor.datasets._text_kinds import text_kind

from labels import put

VISDRONE = "684,8,273,116,0,0,0,0\n406,119,265,70,1,4,0,0,\n255,22,119,128,1,11,-1,-1\n"
WIDER = (
    "0--Parade/a.jpg\n2\n449 330 122 149 0 0 0 0 0 0 \n361 98 263 339 0 0 0 1 0 0 \n"
    "1--Handshaking/b.jpg\n0\n0 0 0 0 0 0 0 0 0 0 \nc.jpg\n1\n10 20 30 40 2 0 0 0 2 1 \n"
)
MOT = "1,1,912,484,97,109,0,7,1\n1,2,1338,418,167,379,1,1,1\n2,1,3.5,4,5,6,1,3,0.5\n"
MOT15 = "1,1,199,813,140,268,1,-1,-1,-1\n2,1,201,812,140,268,1,-2.1,-1.05,0\n"
HEADER = "imagesource:GoogleEarth\ngsd:0.146\n"
DOTA = HEADER + "10 10 30 30 20 40 0 20 plane 0\n10.0 10.0 20.0 10.0 20.0 30.0 10.0 30.0 ship 1\n"
OBB = "0 0.5 0.25 0.75 0.5 0.5 0.75 0.25 0.5\n1 0.25 0.25 0.5 0.25 0.5 0.75 0.25 0.75\n"
TEXTS = {
    "visdrone": VISDRONE,
    "widerface": WIDER,
    "mot": MOT,
    "dota": DOTA,
    "yolo": OBB,
    "kitti": "Car 0.00 0 -1.5 10 20 40 60 1.6 1.7 3.6 -0.6 1.7 46.7 -1.5\n",
    "list": "a.jpg 10,20,40,60,0 1,2,3,4,1\n",
}
SIZE = (1024, 1024)


def corners(boxes):
    return np.hstack([boxes.xy, boxes.xy + boxes.wh]).tolist()


@pytest.mark.parametrize("single", [True, False])
@pytest.mark.parametrize("name", TEXTS)
def test_each_text_is_its_own_format(tmp_path, name, single):
    file = put(tmp_path / "labels" / "gt.txt", TEXTS[name])
    assert datasets.detect(file if single else tmp_path) == name


@pytest.mark.parametrize(("name", "other"), [*itertools.permutations(TEXTS, 2)])
def test_no_text_is_read_as_another_format(tmp_path, name, other):
    file = put(tmp_path / "gt.txt", TEXTS[name])
    with pytest.raises(DataError, match=r"gt\.txt(?:: |, )(?:nothing could be read; .*, )?line \d"):
        fastanchor.read(file, format=other, source_size=SIZE)


# what is none of the formats by one value, or by one column
NEAR = {
    "a score of 2": VISDRONE.replace("116,0", "116,2"),
    "a category of 12": VISDRONE.replace("116,0,0", "116,0,12"),
    "nine columns from frame 0": "0" + MOT[1:],
    "a part of an identity": MOT.replace("1,1,912", "1,1.5,912"),
    "corners of text": "377,117,463,117,465,130,378,130,Genaxis\n",
    "a count in words": "a.jpg\none\n449 330 122 149 0 0 0 0 0 0\n",
    "faces of three columns": "a.jpg\n1\n449 330 122\n",
    "corners and a number": "10 10 30 30 20 40 0 20 5 0\n",
    "a difficulty in parts": "10 10 30 30 20 40 0 20 plane 0.5\n",
    "seven numbers": "10 10 30 30 20 40 0 plane 0\n",
}


@pytest.mark.parametrize("text", NEAR.values(), ids=NEAR)
def test_texts_that_are_nearly_labels(tmp_path, text):
    assert text_kind(text.encode()) == ""
    file = put(tmp_path / "gt.txt", text)
    with pytest.raises(DataError):
        fastanchor.read(file, source_size=SIZE, strict=True)


KNOWN = {
    "1,-1,912,484,97,109,0.9,-1,-1,-1\n": r"detections of MOT, which have neither identity nor class",
    "1,0,593,43,174,190,1,4,0,0\n": r"VisDrone of a video, which is not read",
    "a.jpg\n1\n449 330 122 149\n": r"WIDER FACE with rows of 4 columns in place of 10",
    "a.jpg\n2\n4 3 12 14 0 0 2\n4 3 12 14 0 1 2\n": r"WIDER FACE with rows of 7 columns in place of 10",
}


@pytest.mark.parametrize("text", KNOWN)
def test_texts_that_are_not_read_are_named(tmp_path, text):
    file = put(tmp_path / "a.txt", text)
    message = (
        rf"a\.txt: no labels recognised here; it is a \.txt file \({KNOWN[text]}\); formats of \.txt files: dota, "
    )
    with pytest.raises(DataError, match=message):
        fastanchor.read(file)


def test_visdrone(tmp_path):
    put(tmp_path / "annotations" / "a.txt", VISDRONE)
    boxes = fastanchor.read(tmp_path, source_size=SIZE, strict=True)
    assert corners(boxes) == [[406, 119, 671, 189], [255, 22, 374, 150]]
    assert boxes.class_names == ("car", "others")
    assert boxes.skipped == {"region or object to be ignored (score or category 0)": 1}


def test_visdrone_with_other_rows(tmp_path):
    put(tmp_path / "a.txt", VISDRONE + "1,2,3,4,1\n1,2,three,4,1,1,0,0\n")
    said = []
    boxes = fastanchor.read(tmp_path, source_size=SIZE, report=said.append)
    assert len(boxes) == 2
    assert said[:2] == [
        f"{tmp_path / 'a.txt'}, line 4: row of 5 columns (1,2,3,4,1; expected 8 columns, separated by commas)",
        f"{tmp_path / 'a.txt'}, line 5: box with unreadable coordinates (1, 2, ?, 4)",
    ]


def test_wider_face(tmp_path):
    put(tmp_path / "wider_face_split" / "wider_face_train_bbx_gt.txt", WIDER)
    put(tmp_path / "wider_face_split" / "wider_face_test_filelist.txt", "0--Parade/x.jpg\n")
    boxes = fastanchor.read(tmp_path, source_size=SIZE, strict=True)
    assert corners(boxes) == [[449, 330, 571, 479], [10, 20, 40, 60]]
    assert (boxes.class_names, boxes.image_index.tolist()) == (("face",), [0, 2])
    assert boxes.files == ("0--Parade/a.jpg", "1--Handshaking/b.jpg", "c.jpg")
    assert boxes.skipped == {"face marked as invalid": 1}
    assert boxes.split == ("train",) * 3


FAULTS = {
    "count": ("b.jpg\n3\n1 2 3 4 0 0 0 0 0 0\n", 7, "image whose number of faces differs from its rows (3 and 1)"),
    "no count": ("b.jpg\n1 2 3 4 0 0 0 0 0 0\n", 7, "image without a number of faces (got 1 2 3 4 0 0 0 0 0 0)"),
    "nothing": ("b.jpg\n", 6, "image without a number of faces (got nothing)"),
    "columns": ("b.jpg\n1\n1 2 3 4\n", 8, "row of 4 columns (1 2 3 4; expected 10)"),
}


@pytest.mark.parametrize(("text", "line", "reason"), FAULTS.values(), ids=FAULTS)
def test_wider_face_with_a_fault(tmp_path, text, line, reason):
    file = put(
        tmp_path / "gt.txt", f"a.jpg\n2\n{'1 2 30 40 0 0 0 0 0 0 ' + chr(10)}{'5 5 9 9 0 0 0 0 0 0 ' + chr(10)}\n{text}"
    )
    said = []
    assert len(fastanchor.read(file, source_size=SIZE, report=said.append)) == 2
    assert said[0] == f"{file}, line {line}: {reason}"


INFO = "[Sequence]\nname=MOT16-02\nimDir=img1\nframeRate=30\nseqLength=2\nimWidth=1920\nimHeight=1080\nimExt=.jpg\n"


def test_mot(tmp_path):
    put(tmp_path / "train" / "MOT16-02" / "gt" / "gt.txt", MOT)
    put(tmp_path / "train" / "MOT16-02" / "seqinfo.ini", INFO)
    put(tmp_path / "train" / "MOT16-02" / "det" / "det.txt", "1,-1,912,484,97,109,0.9,-1,-1,-1\n")
    put(tmp_path / "train" / "PETS09" / "gt" / "gt.txt", MOT15)
    put(tmp_path / "train" / "PETS09" / "seqinfo.ini", INFO.replace("1920", "768").replace("1080", "1081"))
    boxes = fastanchor.read(tmp_path, strict=True)
    assert corners(boxes) == [
        [1338, 418, 1505, 797], [3.5, 4, 8.5, 10], [199, 813, 339, 1081], [201, 812, 341, 1080],
    ]  # fmt: skip
    assert boxes.files == ("img1/000001.jpg", "img1/000002.jpg") * 2
    assert boxes.image_wh.tolist() == [[1920, 1080]] * 2 + [[768, 1081]] * 2
    assert boxes.class_names == ("1", "3", "unnamed")
    assert boxes.skipped == {"object to be ignored (flag 0)": 1}
    put(tmp_path / "train" / "MOT16-02" / "gt" / "labels.txt", "person\nrider\ncar\n")
    assert fastanchor.read(tmp_path).class_names == ("car", "person", "unnamed")


@pytest.mark.parametrize("info", ["[Other]\nimWidth=3\n", "imWidth=3\n", "[Sequence]\n[Sequence]\n", "\0"])
def test_mot_with_a_faulty_seqinfo(tmp_path, info):
    file = put(tmp_path / "gt" / "gt.txt", MOT)
    put(tmp_path / "seqinfo.ini", info)
    with pytest.raises(DataError, match=r"gt\.txt: seqinfo\.ini without a valid section \[Sequence\]"):
        fastanchor.read(file, source_size=SIZE)


def test_mot_with_other_rows(tmp_path):
    file = put(tmp_path / "gt" / "gt.txt", MOT + "1.5,1,2,3,4,5,1,1,1\n1,2,3\n")
    said = []
    assert len(fastanchor.read(file, source_size=SIZE, report=said.append)) == 2
    assert said[:2] == [
        f"{file}, line 4: frame that is not a whole number >= 1 (1.5)",
        f"{file}, line 5: row of 3 columns (1,2,3; expected 9 or 10 columns, separated by commas)",
    ]


IN_OBB = [[256, 256, 768, 768], [256, 256, 512, 768]]
PREDICTED = OBB.replace("\n", " 0.87\n")
BEYOND = "0 0.5 0.25 0.75 0.5 0.5 0.75 0.25 0.5 0.9\n1 -.25 .25 .5 .25 .5 .75 -.25 .75 0.8\n"
TURNED = {"dota": (DOTA, [[0, 10, 30, 40], [10, 10, 20, 30]]), "yolo": (OBB, IN_OBB),
          "yolo with confidences": (PREDICTED, IN_OBB), "yolo with tracks": (PREDICTED.replace("87", "87 12"), IN_OBB),
          "yolo beyond the image": (BEYOND, [IN_OBB[0], [-256, 256, 512, 768]])}  # fmt: skip


@pytest.mark.parametrize(("name", "text", "expected"), [(k, *v) for k, v in TURNED.items()], ids=TURNED)
def test_turned_boxes(tmp_path, name, text, expected):
    put(tmp_path / "labels" / "a.txt", text)
    boxes = fastanchor.read(tmp_path, source_size=SIZE)
    assert (datasets.detect(tmp_path), corners(boxes)) == (name.partition(" ")[0], expected)
    assert "1 turned box is read as its upright extent; see turned" in [remark.text for remark in boxes.remarks]
    boxes = fastanchor.read(tmp_path, source_size=SIZE, turned="skip")
    assert (corners(boxes), boxes.skipped) == (expected[1:], {"turned box": 1})
    assert "turned boxes" not in [remark.kind for remark in boxes.remarks]


@pytest.mark.parametrize("rows", [None, "polygon"])
def test_polygons_of_four_corners_among_others_are_not_turned_boxes(tmp_path, rows):
    more = "0 0.1 0.1 0.2 0.1 0.2 0.2 0.3 0.3 0.1 0.2\n" if rows is None else ""
    put(tmp_path / "labels" / "a.txt", OBB + more)
    boxes = fastanchor.read(tmp_path, source_size=SIZE, rows=rows, turned="skip", strict=True)
    assert (len(boxes), boxes.remarks) == (3 if more else 2, ())


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("1 2 3 4 5 6 7 ship 0", "row without a class and a difficulty"),
        ("1 2 3 4 5 6 7 8 9 0", "row without a class and a difficulty"),
        ("1 2 3 4 5 6 7 8 ship easy", "row without a class and a difficulty"),
        ("1 2 x 4 5 6 7 8 ship 0", "box with unreadable coordinates"),
        ("1 2 inf 4 5 6 7 8 ship 0", "box with unreadable coordinates"),
        ("1 2 3", "row of 3 columns"),
    ],
)
def test_dota_with_other_rows(tmp_path, row, reason):
    file = put(tmp_path / "a.txt", f"{DOTA}{row}\n")
    said = []
    boxes = fastanchor.read(file, source_size=SIZE, report=said.append)
    assert said[0].startswith(f"{file}, line 5: ")
    assert reason in said[0]
    assert len(boxes) == 2


def test_an_option_without_use_is_refused(tmp_path):
    file = put(tmp_path / "a.txt", VISDRONE)
    with pytest.raises(
        DataError, match=r"turned = 'skip': not supported for visdrone: the labels have upright boxes only"
    ):
        fastanchor.read(file, turned="skip")
