"""Print the section of docs/changes.md about a version: the notes of its release. Fails where it is not complete."""

import re
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
version = sys.argv[1]
changes = (root / "docs" / "changes.md").read_text(encoding="utf-8")
source = (root / "src" / "fastanchor" / "_version.py").read_text(encoding="utf-8")
built = re.search(r'__version__ = "([^"]+)"', source)[1]
section = re.search(rf"^## {re.escape(version)}\n+(.*?)(?=^## |\Z)", changes, re.MULTILINE | re.DOTALL)
if version != built:
    sys.exit(f"src/fastanchor/_version.py: got version {built}, expected {version} as in the tag")
if section is None:
    sys.exit(f"docs/changes.md: no section '## {version}'")
if "Not released yet" in section[1] or not section[1].strip():
    sys.exit(f"docs/changes.md: the section about {version} is empty, or says that it is not released yet")
print(section[1].strip())
