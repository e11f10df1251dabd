"""The workflows fit together, and a release has notes."""

import re
import shutil
import subprocess
import sys

import pytest
import yaml

from pages import ROOT

WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
FORMS = sorted((ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml"))


def steps_of(workflow):
    for job in workflow["jobs"].values():
        yield from job.get("steps", [])


@pytest.mark.parametrize("path", [*WORKFLOWS, *FORMS], ids=lambda path: path.name)
def test_is_yaml(path):
    assert isinstance(yaml.safe_load(path.read_text(encoding="utf-8")), dict)


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_jobs_need_jobs_that_exist_and_actions_are_pinned(path):
    workflow = yaml.safe_load(path.read_text(encoding="utf-8"))
    jobs = workflow["jobs"]
    for job in jobs.values():
        needs = job.get("needs", [])
        assert {needs} <= set(jobs) if isinstance(needs, str) else set(needs) <= set(jobs)
    for step in steps_of(workflow):
        assert re.fullmatch(r"[\w.-]+/[\w.-]+@[0-9a-f]{40}", step.get("uses", f"a/b@{'0' * 40}")), step


def test_the_gate_waits_for_every_job():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "ci.yml").read_text(encoding="utf-8"))["jobs"]
    assert {*jobs["gate"]["needs"], "gate", "wheel"} == set(jobs)  # a wheel that is not built fails the tests


def test_what_is_published_is_what_was_tested():
    jobs = yaml.safe_load((ROOT / ".github" / "workflows" / "release.yml").read_text(encoding="utf-8"))["jobs"]
    assert jobs["ci"]["uses"] == "./.github/workflows/ci.yml"
    assert set(jobs["publish"]["needs"]) == {"notes", "ci"}
    assert jobs["publish"]["permissions"] == {"id-token": "write"}
    assert not any("build" in step.get("run", "") for step in steps_of({"jobs": jobs}))


CHANGES = "# Changes\n\n## 0.3.0\n\nNot released yet.\n\n## 0.2.0\n\n* One.\n* Two.\n\n## 0.1.0\n\n"


@pytest.mark.parametrize(
    ("version", "built", "code", "text"),
    [
        ("0.2.0", "0.2.0", 0, "* One.\n* Two.\n"),
        ("0.2.0", "0.2.0.dev0", 1, "got version 0.2.0.dev0, expected 0.2.0"),
        ("0.3.0", "0.3.0", 1, "not released yet"),
        ("0.1.0", "0.1.0", 1, "is empty"),
        ("0.4.0", "0.4.0", 1, "no section '## 0.4.0'"),
    ],
)
def test_notes_of_a_release(tmp_path, version, built, code, text):
    for folder in (".ci", "docs", "src/fastanchor"):
        (tmp_path / folder).mkdir(parents=True)
    shutil.copy(ROOT / ".ci" / "notes.py", tmp_path / ".ci")
    (tmp_path / "docs" / "changes.md").write_text(CHANGES)
    (tmp_path / "src" / "fastanchor" / "_version.py").write_text(f'__version__ = "{built}"\n')
    done = subprocess.run(
        [sys.executable, tmp_path / ".ci" / "notes.py", version], capture_output=True, text=True, check=False
    )
    assert done.returncode == code
    assert (done.stdout == text) if code == 0 else (text in done.stderr)


def test_the_newest_section_of_the_changes_is_this_version():
    import fastanchor

    changes = (ROOT / "docs" / "changes.md").read_text(encoding="utf-8")
    assert re.search(r"^## (\S+)$", changes, re.MULTILINE)[1] == fastanchor.__version__.partition(".dev")[0]
