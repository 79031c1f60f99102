"""Rows into files of other programs: one module a format, found by name."""

from __future__ import annotations

import importlib
import pkgutil
from pathlib import Path
from typing import Any, Protocol

from extrema_nb.contracts import Source
from extrema_nb.errors import ConfigError, nearest
from extrema_nb.events import EventArray

__all__ = ["FileWriter", "Written", "known", "open_writer"]

Written = dict[str, Any]
"""What a writer tells: ``files`` (paths), ``rows`` (written), ``left_out`` (what → rows)."""


class FileWriter(Protocol):
    """Writes the rows of one source; files appear when they are complete."""

    def write(self, rows: EventArray) -> None:
        """Take the next (n,) EVENT rows."""
        ...

    def finish(self) -> Written:
        """Complete the files and tell what was done."""
        ...

    def close(self) -> None:
        """Remove what is unfinished; may be called after `finish`."""
        ...


def known() -> list[str]:
    """Return the names of the formats that can be written, read from the folder."""
    return sorted(module.name for module in pkgutil.iter_modules(__path__))


def open_writer(name: str, source: Source, out: Path) -> FileWriter:
    """Return a writer of `source` into the folder `out`; each module has an ``open_writer``."""
    if name not in known():
        raise ConfigError(
            f"unknown format {name!r} to write; expected parquet or one of {', '.join(known())}"
            + nearest(name, [*known(), "parquet"])
        )
    module = importlib.import_module(f"{__name__}.{name}")
    writer: FileWriter = module.open_writer(source, out)
    return writer
