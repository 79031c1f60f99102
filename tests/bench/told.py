"""What every bench says at its end."""

from __future__ import annotations

import json
import sys

__all__ = ["tell"]


def tell(out, path):
    """Print figures as JSON, and write them to a file if one is named; its folder is made."""
    text = json.dumps(out, indent=1)
    if path:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text + "\n")
    sys.stdout.write(text + "\n")
