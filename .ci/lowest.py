"""Print the lowest version of everything that pyproject.toml promises, a line each: constraints for pip."""

import re
import sys
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    from pip._vendor import tomli as tomllib

content = tomllib.loads((Path(__file__).resolve().parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
project = content["project"]
promises = [*project["dependencies"], *content["dependency-groups"]["test"]]
promises += [promise for extra in project["optional-dependencies"].values() for promise in extra]
lowest: dict[str, str] = {}
for promise in promises:
    found = re.fullmatch(r"([\w.-]+)>=([\d.]+)\s*(?:;.*)?", promise)
    if found is None:
        sys.exit(f"pyproject.toml: {promise}: must be NAME>=VERSION")
    name, version = found.groups()
    if lowest.setdefault(name.lower(), version) != version:
        sys.exit(f"pyproject.toml: {name}: has two lowest versions, {lowest[name.lower()]} and {version}")
for name, version in sorted(lowest.items()):
    print(f"{name}=={version}")
