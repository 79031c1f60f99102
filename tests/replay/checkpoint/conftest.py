"""Fixtures of this folder."""

from __future__ import annotations

from tests.small_books import small_books

__all__ = ["small_books"]
