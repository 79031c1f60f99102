"""``python -m extrema_nb``: the same as the command ``extrema-nb``."""

from __future__ import annotations

import sys

from extrema_nb.cli import main

__all__: list[str] = []

if __name__ == "__main__":
    sys.exit(main())
