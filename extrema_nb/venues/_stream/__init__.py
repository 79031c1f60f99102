"""What venues that push their snapshots share: message numbers, books, times, symbols."""

from __future__ import annotations

__all__: list[str] = []
