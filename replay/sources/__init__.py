"""Where rows come from: recordings and captured frames."""

from __future__ import annotations

from replay.sources.collector import CaptureSource
from replay.sources.open import FORMATS, open_source
from replay.sources.parquet import ParquetSource

__all__ = ["FORMATS", "CaptureSource", "ParquetSource", "open_source"]
