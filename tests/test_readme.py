"""The README and the other pages hold what the repository measured and what its code prints."""

import subprocess
import sys

import pytest

import pages
from pages import PAGES, ROOT, blocks, inside, matches, outputs

NAMES = [str(page.relative_to(ROOT)) for page in PAGES]


def test_tables_are_those_of_the_results():
    done = subprocess.run([sys.executable, ROOT / "bench" / "render.py", "--check"], check=False)
    assert done.returncode == 0, "run python bench/render.py"


# whole searches and limits, and in large.md sets of boxes for which many kernels are compiled
SLOW = {"docs/best.md", "docs/check.md", "docs/large.md"}
SLOW |= {name for name in NAMES if name.startswith("docs/detectors/")} - {"docs/detectors/index.md"}


@pytest.mark.parametrize("name", [pytest.param(name, marks=[pytest.mark.slow] * (name in SLOW)) for name in NAMES])
def test_blocks_print_what_stands_there(name, tmp_path):
    text = (ROOT / name).read_text(encoding="utf-8")
    with inside(tmp_path):
        for one in outputs(text, name):
            where = f"{name}, block at line {one.line}: python tests/pages.py {name} writes it anew"
            assert matches(one.expected, one.got), f"{where}\n{one.got}"


@pytest.mark.parametrize("name", NAMES)
def test_every_fence_is_a_block(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert text.count("```") == 2 * len(blocks(text))


def test_readme_is_short():
    assert len((ROOT / "README.md").read_text(encoding="utf-8").splitlines()) <= 200


@pytest.mark.parametrize("name", NAMES)
def test_no_path_of_a_machine(name):
    text = (ROOT / name).read_text(encoding="utf-8")
    assert [word for word in ("/work/", "/tmp/", "shared/", "pypi.org", "pythonhosted") if word in text] == []


PAGE = """\
```text title="a/b.txt"
seen
```

```python
from pathlib import Path
print(Path("a/b.txt").read_text(), end="")
```

```text
{}
```

1. A list:

   ```console
   $ fastanchor --version
   {}
   $ fastanchor stats nowhere
   ...
   ```

```sh
fastanchor anchors DATA {}
```
"""


def agreement(tmp_path, *parts):
    with inside(tmp_path):
        return [matches(one.expected, one.got) for one in outputs(PAGE.format(*parts))]


def test_wrong_outputs_and_options_are_noticed(tmp_path):
    version = f"fastanchor {pages.cli.__version__}"
    assert agreement(tmp_path, "seen", version, "--json") == [True, True, True]
    assert agreement(tmp_path, "other", "fastanchor 0", "--json") == [False, False, True]
    with pytest.raises(Exception, match="--nothing"):
        agreement(tmp_path, "seen", version, "--nothing")
    with pytest.raises(AssertionError, match="not run"), inside(tmp_path):
        list(outputs("```yaml\na: 1\n```"))


def test_update_writes_what_is_printed(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(PAGE.format("other", "fastanchor 0", "--json"))
    assert pages.update(page) == 2
    assert page.read_text() == PAGE.format("seen", f"fastanchor {pages.cli.__version__}", "--json")
    assert pages.update(page) == 0
