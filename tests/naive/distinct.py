"""Pairs that occur, by a set."""

from __future__ import annotations

__all__ = ["pairs"]


def pairs(first: list[int], second: list[int]) -> set[tuple[int, int]]:
    """Return them, without those whose first number is below 0."""
    return {(a, b) for a, b in zip(first, second, strict=True) if a >= 0}
