"""What the stand-ins take from the repository that runs: the law of its release, its logger and its colours."""

import logging
import random
import sys
from types import ModuleType, SimpleNamespace

import numpy as np
import pytest

from fastanchor.compat import yolov5, yolov7

LABELS = np.column_stack([np.zeros((300, 3)), np.random.default_rng(0).uniform(0.002, 0.5, (300, 2))])
DATASET = SimpleNamespace(labels=[LABELS], shapes=np.array([[640, 640]]))


def put(monkeypatch, name, **attributes):
    module = ModuleType(name)
    vars(module).update(attributes)
    monkeypatch.setitem(sys.modules, name, module)


def found(module, **named):
    """Anchors from these seeds, and what the two generators give next."""
    np.random.seed(0)
    random.seed(0)
    anchors = module.kmean_anchors(DATASET, 4, 640, 4.0, 60, False, **named)
    return anchors.tolist(), anchors.dtype, np.random.random(), random.random()


AGES = [  # names of utils.autoanchor, whose law it is, and whether `random` is drawn from
    ((), np.float64, False),
    (("random",), np.float64, True),
    (("random", "TryExcept"), np.float32, True),
]


@pytest.mark.parametrize(("names", "dtype", "drawn"), AGES, ids=["first", "second", "newest"])
def test_the_release_that_runs_decides_what_seeds_give(names, dtype, drawn, monkeypatch):
    put(monkeypatch, "utils.autoanchor", **dict.fromkeys(names))
    random.seed(0)
    untouched = random.random()
    anchors, got, _, after = found(yolov5)
    assert got == dtype
    assert (after != untouched) == drawn
    assert (anchors == found(yolov7)[0]) == (not names)


def test_the_newest_release_is_assumed_where_none_runs(monkeypatch):
    monkeypatch.delitem(sys.modules, "utils.autoanchor", raising=False)
    alone = found(yolov5)
    put(monkeypatch, "utils.autoanchor", random=random, TryExcept=None)
    assert found(yolov5) == alone


def test_the_first_argument_may_be_called_path_as_it_once_was():
    np.random.seed(0)
    random.seed(0)
    expected = yolov5.kmean_anchors(DATASET, 4, 640, 4.0, 60, False)
    np.random.seed(0)
    random.seed(0)
    got = yolov5.kmean_anchors(path=DATASET, n=4, img_size=640, thr=4.0, gen=60, verbose=False)
    np.testing.assert_array_equal(got, expected)


@pytest.mark.parametrize("name", ["yolov5", "ultralytics", "of utils.general"])
def test_remarks_go_to_the_logger_of_the_repository(name, monkeypatch, caplog):
    logger = logging.getLogger(name)
    if name == "of utils.general":  # whose handlers may be the root's
        put(monkeypatch, "utils.general", LOGGER=logger)
    else:
        monkeypatch.setattr(logger, "handlers", [logging.NullHandler()])
    with caplog.at_level(logging.INFO, logger=name):
        yolov5.kmean_anchors(DATASET, 3, 640, 4.0, 5, False)
    levels = {record.getMessage(): record.levelname for record in caplog.records if record.name == name}
    assert levels["AutoAnchor: Running kmeans for 3 anchors on 300 points..."] == "INFO"
    (warning,) = [text for text, level in levels.items() if level == "WARNING"]
    word = "" if name == "ultralytics" else "WARNING: "  # ultralytics' formatter writes it
    assert warning.startswith(f"AutoAnchor: {word}Extremely small objects found: ")


def test_prefixes_have_the_colours_of_the_repository(monkeypatch, capsys):
    for name, prefix in (("yolov5", "AutoAnchor: "), ("yolov7", "autoanchor: ")):
        module = {"yolov5": yolov5, "yolov7": yolov7}[name]
        for helper, wanted in ((None, prefix), (lambda text: f"<{text}>", f"<{prefix}>")):
            put(monkeypatch, "utils.general", colorstr=helper)
            module.kmean_anchors(DATASET, 3, 640, 4.0, 5, False)
            captured = capsys.readouterr()
            lines = (captured.out + captured.err).splitlines()
            assert lines
            assert all(line.startswith(wanted) for line in lines)
            assert any(line.startswith(f"{wanted}WARNING: Extremely small objects found") for line in lines)
