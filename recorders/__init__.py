"""Write the stream down: rows as Parquet, frames as they came, session journals."""

from __future__ import annotations
