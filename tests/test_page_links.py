"""Links inside the README, the documentation and the project's other pages lead somewhere."""

import re
import unicodedata

import pytest

from pages import BLOCK, PAGES, ROOT

NAMES = [str(page.relative_to(ROOT)) for page in PAGES]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)")
OUTSIDE = re.compile(r"[a-z]+:")


def prose(page):
    """Return the text of a page without its blocks."""
    return BLOCK.sub("", page.read_text(encoding="utf-8"))


def slugs(page):
    """Return the anchors of a page's headings, as the site and as a forge makes them."""
    found = set()
    for heading in re.findall(r"^#+ (.+)$", prose(page), re.M):
        text = unicodedata.normalize("NFKD", re.sub(r"[`*]", "", heading)).lower()
        text = re.sub(r"[^\w\s-]", "", text).strip()
        found.add(re.sub(r"[-\s]+", "-", text))
    return found


def wrong(page, root=ROOT):
    for target in LINK.findall(prose(page)):
        path, _, heading = target.partition("#")
        to = (page.parent / path).resolve() if path else page
        if OUTSIDE.match(target):
            continue
        if not to.is_file() or root not in to.parents or (heading and heading not in slugs(to)):
            yield target


def lists_by_accident(text):
    """Return lines of a sentence that begin with its number and full stop, which makes them items of a list."""
    return re.findall(r"^ *(?:\d\d+|[02-9])[.)] .*$", text, re.M) if "\n1. " not in f"\n{text}" else []


@pytest.mark.parametrize("name", NAMES)
def test_no_sentence_becomes_a_list(name):
    assert lists_by_accident(prose(ROOT / name)) == []


def test_a_sentence_that_becomes_a_list_is_noticed():
    assert lists_by_accident("* at most\n  1333. More\n") == ["  1333. More"]
    assert lists_by_accident("1. one\n2. two\n") == []


@pytest.mark.parametrize("name", NAMES)
def test_links_lead_somewhere(name):
    assert list(wrong(ROOT / name)) == []


def test_pages_of_the_site_link_only_inside_it():
    docs = ROOT / "docs"
    for page in PAGES:
        if docs in page.parents:
            for target in LINK.findall(prose(page)):
                to = (page.parent / target.partition("#")[0]).resolve()
                assert OUTSIDE.match(target) or docs in to.parents or to == page.parent, f"{page}: {target}"


def test_every_page_is_in_the_navigation():
    config = (ROOT / "docs" / "zensical.toml").read_text(encoding="utf-8")
    listed = re.findall(r'"([\w/-]+\.md)"', config)
    docs = ROOT / "docs"
    assert sorted(listed) == sorted(page.relative_to(docs).as_posix() for page in PAGES if docs in page.parents)


@pytest.mark.parametrize("link", ["gone.md", "index.md#nowhere", "../pyproject.toml/x", "#nowhere"])
def test_a_wrong_link_is_noticed(tmp_path, link):
    page = tmp_path / "page.md"
    (tmp_path / "index.md").write_text("# Here and there\n")
    page.write_text(f"# Page\n[a]({link}) [b](index.md#here-and-there) [c](#page) [d](https://example.org)\n")
    assert list(wrong(page, tmp_path)) == [link]
