"""Fresh processes that read a table: how they end, which no test within one process sees."""

import collections
import os
import shutil
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from labels import IMAGES, voc

RUNS = 30
READ = "import fastanchor, sys; fastanchor.read(sys.argv[1], format='table', progress=False)"


def write(folder, kind, rows):
    file = folder / f"boxes.{kind}"
    wh = np.random.default_rng(0).uniform(5, 300, (rows, 2)).round(2)
    if kind == "parquet":
        arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
        parquet.write_table(arrow.table({"width": wh[:, 0], "height": wh[:, 1]}), file)
    elif kind == "openimages":
        head = "ImageID,XMin,XMax,YMin,YMax\n"
        file = file.with_suffix(".csv")
        file.write_text(
            head + "".join(f"{i:x},0.1,{0.2 + w / 999},0.1,{0.2 + h / 999}\n" for i, (w, h) in enumerate(wh))
        )
    else:
        np.savetxt(file, wh, delimiter=",", header="width,height", comments="", fmt="%.2f")
    return file


def ends(command, stdin=None):
    """Return how often each exit status came, and the last words."""

    def once(_):
        with Path(stdin or os.devnull).open("rb") as given:
            done = subprocess.run(command, stdin=given, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False)
        return done.returncode, done.stderr[-300:]

    with ThreadPoolExecutor(2) as two:
        found = list(two.map(once, range(RUNS)))
    return collections.Counter(code for code, _ in found), found[-1][1]


@pytest.mark.slow
@pytest.mark.parametrize("rows", [1, 2000])
@pytest.mark.parametrize("way", ["csv", "stdin", "pipe", "parquet", "openimages"])
def test_a_process_that_read_a_table_ends_well(tmp_path, way, rows):
    file = write(tmp_path, "csv" if way in ("stdin", "pipe") else way, rows)
    path = {"stdin": "-", "pipe": "/dev/stdin"}.get(way, str(file))
    code = READ if way != "openimages" else READ.replace("'table'", "'openimages'")
    if way == "pipe":
        if sys.platform == "win32":
            pytest.skip("Windows has no such path")
        code = f"import os; r, w = os.pipe(); os.write(w, {file.read_bytes()!r}); os.close(w); os.dup2(r, 0)\n{code}"
    assert ends([sys.executable, "-c", code, path], file if way == "stdin" else None) == ({0: RUNS}, b"")


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["zip", "gztar"])
def test_a_process_that_read_an_archive_ends_well(tmp_path, monkeypatch, kind):
    file = shutil.make_archive(str(tmp_path / "a"), kind, voc(tmp_path / "voc", IMAGES, pictures=True))
    place = tmp_path / "temporary files"
    place.mkdir()
    monkeypatch.setenv("TMPDIR", str(place))
    command = ["anchors", file, "-n", "2", "--gen", "5", "--backend", "numpy", "--quiet"]
    assert ends([sys.executable, "-m", "fastanchor", *command]) == ({0: RUNS}, b"")
    assert list(place.iterdir()) == []
