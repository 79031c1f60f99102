"""Thrift's compact protocol read field by field."""

from __future__ import annotations

from tests.naive.encodings import varint, zigzag


def structure(raw, at, code=1):
    """Return the numbers and texts of a structure with the way to them, and the next place."""
    out, field = [], 0
    while raw[at]:
        field += raw[at] >> 4
        kind = raw[at] & 15
        told, at = value(raw, at + 1, kind, code * 32 + field)
        out += told
    return out, at + 1


def value(raw, at, kind, code):
    if kind in (1, 2):  # the kind is the value
        return [], at
    if kind == 3:
        return [], at + 1
    if kind in (4, 5, 6):
        number, at = varint(raw, at)
        return [(code, zigzag(number), 0)], at
    if kind == 8:
        size, at = varint(raw, at)
        return [(code, at, size)], at + size
    if kind == 12:
        return structure(raw, at, code)
    assert kind == 9
    size, inside, at = raw[at] >> 4, raw[at] & 15, at + 1
    if size == 15:
        size, at = varint(raw, at)
    out = []
    for _ in range(size):
        told, at = value(raw, at, inside, code)
        out += told
    return out, at
