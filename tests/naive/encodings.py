"""Parquet's encodings read value by value, as their specification says it."""

from __future__ import annotations

WRAP = 1 << 64


def varint(raw, at):
    """Return an unsigned number of seven bits a byte, and the next place."""
    value = shift = 0
    while True:
        value |= (raw[at] & 0x7F) << shift
        shift += 7
        at += 1
        if not raw[at - 1] & 0x80:
            return value, at


def zigzag(value):
    return value >> 1 if not value & 1 else -(value >> 1) - 1


def bits(raw, at, width, count):
    """Return `count` numbers of `width` bits from byte `at` on, the lowest bit first."""
    whole = int.from_bytes(raw[at : at + (count * width + 7) // 8], "little")
    return [(whole >> (i * width)) & ((1 << width) - 1) for i in range(count)]


def runs(raw, count):
    """Return the numbers of a data page of RLE_DICTIONARY."""
    width, at, out = raw[0], 1, []
    while len(out) < count:
        head, at = varint(raw, at)
        if head & 1:
            out += bits(raw, at, width, (head >> 1) * 8)
            at += (head >> 1) * width
        else:
            size = (width + 7) // 8
            out += [int.from_bytes(raw[at : at + size], "little")] * (head >> 1)
            at += size
    assert at == len(raw)
    return out[:count]


def deltas(raw):
    """Return the numbers of a data page of DELTA_BINARY_PACKED."""
    block, at = varint(raw, 0)
    minis, at = varint(raw, at)
    count, at = varint(raw, at)
    first, at = varint(raw, at)
    out = [zigzag(first)]
    while len(out) < count:
        least, at = varint(raw, at)
        widths, at = raw[at : at + minis], at + minis
        for width in widths:
            size = block // minis
            for each in bits(raw, at, width, size):
                wrapped = (out[-1] + zigzag(least) + each) % WRAP
                out.append(wrapped - WRAP if wrapped >= WRAP // 2 else wrapped)
            at += size * width // 8
    assert at == len(raw)
    return out[:count]
