"""Where what is made of a source's rows may be kept, and under which name.

A source that knows which rows come out of it before it reads them says so with ``keep()``, a digest
of all that decides them. What changes its rows changes the digest; what does not know says None.
"""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import Any, NamedTuple

__all__ = ["Keep", "keep_of"]


class Keep(NamedTuple):
    """A folder of copies, and the identity of rows."""

    folder: Path
    digest: str

    def changed(self, *how: Any) -> Keep:
        """Return the identity of rows that are made of these; `how` is told by its ``repr``."""
        sha = hashlib.sha256(f"{self.digest}|{how!r}".encode())
        return self._replace(digest=sha.hexdigest())


def keep_of(source: Any, *how: Any) -> Keep | None:
    """Return what a source says, changed by `how`; None if it keeps nothing or does not know."""
    ask = getattr(source, "keep", None)
    found: Keep | None = ask() if ask is not None else None
    return found.changed(*how) if found is not None and how else found
