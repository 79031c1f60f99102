"""Where rows come from: recordings, captured frames, files of other projects."""

from __future__ import annotations

from replay.sources.collector import CaptureSource
from replay.sources.files import FileSource
from replay.sources.open import DEFAULT_VENUE, FORMATS, open_source
from replay.sources.parquet import ParquetSource
from replay.sources.portions import FEW_ROWS, HELD_ROWS
from replay.sources.several import one_group, open_together

__all__ = [
    "DEFAULT_VENUE",
    "FEW_ROWS",
    "FORMATS",
    "HELD_ROWS",
    "CaptureSource",
    "FileSource",
    "ParquetSource",
    "one_group",
    "open_source",
    "open_together",
]
