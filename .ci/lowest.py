"""Print each lowest version that pyproject.toml promises as `name==version`, the constraints of a pip run.

With names of groups and extras after it: theirs and those of the package itself.
"""

import re
import sys
from pathlib import Path

try:
    import tomllib
except ModuleNotFoundError:  # Python 3.10
    from pip._vendor import tomli as tomllib

project = tomllib.loads((Path(__file__).resolve().parent.parent / "pyproject.toml").read_text(encoding="utf-8"))
parts = {**project["project"]["optional-dependencies"], **project["dependency-groups"]}
lines = [*project["project"]["dependencies"], *(line for name in sys.argv[1:] for line in parts[name])]
lowest: dict[str, tuple[int, ...]] = {}
for line in lines:
    found = re.match(r"([\w.-]+)>=([\d.]+)\s*(;|$)", line)
    if found is None:
        sys.exit(f"pyproject.toml: {line}: must be NAME>=VERSION")
    version = tuple(map(int, found[2].split(".")))
    lowest[found[1].lower()] = max(version, lowest.get(found[1].lower(), ()))
for name, version in sorted(lowest.items()):
    print(f"{name}=={'.'.join(map(str, version))}")
