"""Run the set-up commands of the README as they stand there, in a copy of the checkout, each in a fresh environment."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

root = Path(__file__).resolve().parent.parent
work = Path(sys.argv[1])
block = re.search(r"<!-- set-up -->\s*```sh\n(.*?)```", (root / "README.md").read_text(encoding="utf-8"), re.DOTALL)
commands = [line for line in block[1].splitlines() if line.strip() and not line.startswith("#")]
if len(commands) != 2:
    sys.exit(f"README.md: {len(commands)} set-up commands, 2 are promised")
clean = {name: value for name, value in os.environ.items() if name != "VIRTUAL_ENV"}
for command in commands:
    print(f"$ {command}", flush=True)
    shutil.rmtree(work, ignore_errors=True)
    shutil.copytree(root, work, ignore=shutil.ignore_patterns(".git", ".venv", "__pycache__", ".*_cache"))
    clean["NUMBA_CACHE_DIR"] = str(work / ".numba")
    subprocess.run(command, shell=True, check=True, cwd=work, env=clean, executable="/bin/bash")
