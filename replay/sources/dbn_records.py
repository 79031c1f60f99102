"""Records of Databento DBN files as NumPy arrays, without an object for each.

Rules
-----
1. A file is ``DBN``, its version, the length of its metadata, the metadata, records. Each record
   begins with its length in words of four bytes and its type; plain, or packed with zstd.
2. Metadata are decoded by Databento's own package; records that become rows have had the same
   layout in all versions (https://databento.com/docs/standards-and-conventions).
3. A block of the file becomes one array for each type of record, with their places in the file.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any, BinaryIO, NamedTuple

import numpy as np
import numpy.typing as npt
import zstandard

from extrema_nb import jit
from extrema_nb.errors import ConfigError, DataError

__all__ = ["MAGIC", "NAMES", "ZSTD_MAGIC", "Group", "read_groups", "read_metadata", "walk_records"]

MAGIC, ZSTD_MAGIC = b"DBN", b"\x28\xb5\x2f\xfd"
BLOCK = 1 << 20  # bytes of records that are taken apart at once
PACKED_BLOCK = 1 << 16  # bytes unpacked at once: they may become many times as many
MOST_METADATA = 1 << 28  # bytes; a longer one is damage

Records = npt.NDArray[Any]
Ints = npt.NDArray[np.int64]

_HEAD = {"rtype": ("u1", 1), "instrument_id": ("<u4", 4), "ts_event": ("<u8", 8)}
_TRADE = {
    **_HEAD, "price": ("<i8", 16), "size": ("<u4", 24), "action": ("u1", 28), "side": ("u1", 29),
    "ts_recv": ("<u8", 32), "sequence": ("<u4", 44),
}  # fmt: skip
_TOUCH = {
    "bid_px": ("<i8", 48), "ask_px": ("<i8", 56), "bid_sz": ("<u4", 64), "ask_sz": ("<u4", 68),
}  # fmt: skip
_LEVEL = np.dtype(
    [("bid_px", "<i8"), ("ask_px", "<i8"), ("bid_sz", "<u4"), ("ask_sz", "<u4"), ("ct", "<u8")]
)


def _without(fields: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: field for name, field in fields.items() if name not in names}


def _record(size: int, fields: dict[str, Any]) -> np.dtype[Any]:
    return np.dtype(
        {
            "names": list(fields),
            "formats": [kind for kind, _ in fields.values()],
            "offsets": [offset for _, offset in fields.values()],
            "itemsize": size,
        }
    )


_MBO = {
    **_HEAD, "order_id": ("<u8", 16), "price": ("<i8", 24), "size": ("<u4", 32), "flags": ("u1", 36),
    "action": ("u1", 38), "side": ("u1", 39), "ts_recv": ("<u8", 40), "sequence": ("<u4", 52),
}  # fmt: skip
_BARS = {
    **_HEAD, "open": ("<i8", 16), "high": ("<i8", 24), "low": ("<i8", 32), "close": ("<i8", 40),
    "volume": ("<u8", 48),
}  # fmt: skip
_LAYOUTS = {
    "TradeMsg": _record(48, _TRADE),
    "MBP1Msg": _record(80, {**_TRADE, **_TOUCH}),
    "MBP10Msg": _record(368, {**_TRADE, "levels": ((_LEVEL, (10,)), 48)}),
    "BBOMsg": _record(80, {**_without(_TRADE, "action"), **_TOUCH}),
    "CMBP1Msg": _record(80, {**_without(_TRADE, "sequence"), **_TOUCH}),
    "CBBOMsg": _record(80, {**_without(_TRADE, "sequence", "action"), **_TOUCH}),
    "MBOMsg": _record(56, _MBO),
    "OHLCVMsg": _record(56, _BARS),
}
NAMES = {
    0x00: "TradeMsg", 0x01: "MBP1Msg", 0x0A: "MBP10Msg",
    **dict.fromkeys((0x11, 0x20, 0x21, 0x22, 0x23, 0x24), "OHLCVMsg"),
    0x12: "StatusMsg", 0x13: "InstrumentDefMsg", 0x14: "ImbalanceMsg", 0x15: "ErrorMsg",
    0x16: "SymbolMappingMsg", 0x17: "SystemMsg", 0x18: "StatMsg", 0xA0: "MBOMsg",
    0xB1: "CMBP1Msg", 0xC0: "CBBOMsg", 0xC1: "CBBOMsg", 0xC2: "CMBP1Msg", 0xC3: "BBOMsg",
    0xC4: "BBOMsg", 0xC5: "MBP1Msg",
}  # fmt: skip


class Group(NamedTuple):
    """Records of one type in a block."""

    name: str  # of their class in Databento's package
    records: Records | None  # None for a type that becomes no rows
    places: Ints  # in the block


@jit.kernel
def walk_records(raw: Any, starts: Any) -> Any:
    """Find where records begin; return how many are whole, and where they end.

    Parameters
    ----------
    raw : (n,) uint8
    starts : int64, **written**, a place for each eight bytes of `raw`
    """
    count, at = 0, 0
    while at + 2 <= raw.size:
        size = int(raw[at]) * 4
        if size < 16 or at + size > raw.size:
            break
        starts[count] = at
        count += 1
        at += size
    return count, at


def read_metadata(path: Path) -> Any:
    """Return the metadata of a file, as Databento's package gives them."""
    try:
        import databento_dbn  # noqa: PLC0415 - an optional extra
    except ImportError as error:
        raise ConfigError(
            "reading DBN needs the package databento-dbn, which is not installed; "
            "pip install 'extrema-nb[databento]'"
        ) from error
    head, _ = _split(path, _bytes_of(path))
    decoder = databento_dbn.DBNDecoder()
    try:
        decoder.write(head)
        found = decoder.decode()
    except BaseException as error:  # the package panics on some damage: no Exception
        if not isinstance(error, Exception) and type(error).__name__ != "PanicException":
            raise
        raise DataError(f"{path}: not readable as DBN ({error}); fetch it again") from error
    if not found:
        raise DataError(f"{path}: no metadata in it; fetch it again")
    return found[0]


def read_groups(path: Path) -> Iterator[list[Group]]:
    """Yield the records of a file a block at a time, by their types."""
    blocks = _bytes_of(path)
    _, rest = _split(path, blocks)
    while True:
        block = next(blocks, None)
        if block is not None and len(rest) + len(block) < BLOCK:
            rest += block
            continue
        raw = np.frombuffer(rest + (block or b""), np.uint8)
        starts = np.empty(raw.size // 8 + 1, np.int64)
        count, end = walk_records(raw, starts)
        if count:
            yield _grouped(path, raw, starts[:count])
        rest = raw[end:].tobytes()
        if len(rest) > 2 and rest[0] < 4:
            raise DataError(
                f"{path}: a record of {rest[0] * 4} bytes, expected 16 and more; the file is "
                "damaged: fetch it again"
            )
        if block is None:
            break
    if rest:
        raise DataError(
            f"{path}: cut off, {len(rest)} bytes are left that make no record; fetch it again"
        )


def _grouped(path: Path, raw: npt.NDArray[np.uint8], starts: Ints) -> list[Group]:
    types, out = raw[starts + 1], []
    for rtype in np.unique(types).tolist():
        name = NAMES.get(rtype, f"type {rtype:#04x}")
        places = np.flatnonzero(types == rtype)
        layout = _LAYOUTS.get(name)
        if layout is None:
            out.append(Group(name, None, places))
            continue
        first = starts[places]
        sizes = raw[first].astype(np.int64) * 4
        if int(sizes.min()) < layout.itemsize:
            raise DataError(
                f"{path}: a record {name} of {int(sizes.min())} bytes, expected "
                f"{layout.itemsize}; the file is damaged: fetch it again"
            )
        if places.size == starts.size and (sizes == layout.itemsize).all():
            whole = raw[int(first[0]) : int(first[-1]) + layout.itemsize]
            out.append(Group(name, whole.view(layout), places))
        else:
            gathered = raw[first[:, None] + np.arange(layout.itemsize)]
            out.append(Group(name, gathered.view(layout).reshape(-1), places))
    return out


def _split(path: Path, blocks: Iterator[bytes]) -> tuple[bytes, bytes]:
    """Return the metadata with their head, and what was read behind them."""
    raw = b""
    while len(raw) < 8 and (block := next(blocks, b"")):
        raw += block
    size = int.from_bytes(raw[4:8], "little") + 8
    if len(raw) < 8 or raw[:3] != MAGIC or size > MOST_METADATA:
        raise DataError(
            f"{path}: not readable as DBN (it begins with {raw[:8]!r}, expected {MAGIC!r}, a "
            "version and a length); fetch it again"
        )
    while len(raw) < size and (block := next(blocks, b"")):
        raw += block
    if len(raw) < size:
        raise DataError(
            f"{path}: not readable as DBN (metadata of {size} bytes, {len(raw)} are there); "
            "fetch it again"
        )
    return raw[:size], raw[size:]


def _bytes_of(path: Path) -> Iterator[bytes]:
    """Yield what the file holds, unpacked."""
    with path.open("rb") as file:
        packed = file.read(4) == ZSTD_MAGIC
        file.seek(0)
        if packed:
            yield from _unpacked(path, file)
        else:
            while block := file.read(BLOCK):
                yield block


def _unpacked(path: Path, file: BinaryIO) -> Iterator[bytes]:
    frame = None
    try:
        while block := file.read(PACKED_BLOCK):
            while block:
                frame = frame or zstandard.ZstdDecompressor().decompressobj()
                if raw := frame.decompress(block):
                    yield raw
                block = frame.unused_data if frame.eof else b""
                frame = None if frame.eof else frame
    except zstandard.ZstdError as error:
        raise DataError(f"{path}: not readable as zstd ({error}); fetch it again") from error
    if frame is not None:
        raise DataError(f"{path}: cut off within its zstd frame; fetch it again")
