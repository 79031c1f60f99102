"""Rows packed word by word, as they stand in a list."""

from __future__ import annotations

__all__ = ["pack"]


def pack(rows: list[list[int]]) -> bytes:
    """Return masks and words of rows of eight words each."""
    masks, words, before = b"", b"", [0] * 8
    for row in rows:
        differ = [w for w in range(8) if row[w] != before[w]]
        masks += bytes([sum(1 << w for w in differ)])
        words += b"".join(row[w].to_bytes(8, "little", signed=True) for w in differ)
        before = row
    return masks + bytes(-len(masks) % 8) + words
