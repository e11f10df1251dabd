"""``python -m fastanchor``."""

import sys

from fastanchor.cli import main

if __name__ == "__main__":
    sys.exit(main())
