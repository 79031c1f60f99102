"""Bytes of text files, whatever they are packed in: plain, gzip, bzip2, xz, zip."""

from __future__ import annotations

import bz2
import lzma
import zipfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, BinaryIO

from extrema_nb.errors import DataError

__all__ = ["BLOCK", "first_bytes", "line_blocks", "member_name", "unpacked"]

GZIP_MAGIC = b"\x1f\x8b"
GZIP = 16 + zlib.MAX_WBITS
BZIP_MAGIC = b"BZh"
XZ_MAGIC = b"\xfd7zXZ\x00"
ZIP_MAGIC = b"PK\x03\x04"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"
BLOCK = 1 << 16  # bytes read at once
_PACKED: tuple[tuple[bytes, Callable[[], Any]], ...] = (
    (GZIP_MAGIC, lambda: zlib.decompressobj(GZIP)),
    (BZIP_MAGIC, bz2.BZ2Decompressor),
    (XZ_MAGIC, lzma.LZMADecompressor),
)
DAMAGED = (EOFError, zlib.error, lzma.LZMAError, zipfile.BadZipFile, OSError, ValueError)


def unpacked(path: Path) -> Iterator[bytes]:
    """Yield the contents of a file block by block; of a damaged one all that comes before.

    A zip gives its members one after the other, by name.

    Raises
    ------
    DataError
        the file is empty, packed in a way that is not known here, cut off or damaged
    """
    if not path.is_file():
        raise DataError(f"{path}: no such file")
    if path.stat().st_size == 0:
        raise DataError(f"{path}: empty file; delete it or fetch it again")
    done = 0
    with path.open("rb") as raw:
        head = raw.read(6)
        raw.seek(0)
        if head.startswith(ZSTD_MAGIC):
            raise DataError(f"{path}: packed with zstd, which text files may not be; unpack it")
        try:
            for block in _blocks(raw, head, path):
                done += len(block)
                if block:  # a packed block may end before anything can be unpacked
                    yield block
        except DAMAGED as error:
            raise DataError(
                f"{path}: cut off or damaged after {done:,} bytes of its contents ({error}); fetch "
                "it again, or read what there is with --skip-bad"
            ) from error


def _blocks(raw: BinaryIO, head: bytes, path: Path) -> Iterator[bytes]:
    if head.startswith(ZIP_MAGIC):
        yield from _zipped(raw, path)
        return
    make = next((make for magic, make in _PACKED if head.startswith(magic)), None)
    if make is None:
        while block := raw.read(BLOCK):
            yield block
        return
    unpack, data, whole = make(), b"", True
    while data or (data := raw.read(BLOCK)):
        yield unpack.decompress(data)
        whole, data = unpack.eof, unpack.unused_data.lstrip(b"\0")  # zeros are padding
        if whole:  # one packed stream may follow another
            unpack = make()
    if not whole:
        raise EOFError("the packed stream ends too early")


def _zipped(raw: BinaryIO, path: Path) -> Iterator[bytes]:
    with zipfile.ZipFile(raw) as archive:
        for info in sorted(_members(archive, path), key=lambda each: each.filename):
            with archive.open(info) as member:
                while block := member.read(BLOCK):
                    yield block


def _members(archive: zipfile.ZipFile, path: Path) -> list[zipfile.ZipInfo]:
    found = [info for info in archive.infolist() if not info.is_dir()]
    if not found:
        raise DataError(f"{path}: a zip without a file in it; fetch it again")
    return found


def member_name(path: Path) -> str:
    """Return the name of the first file in a zip, of anything else its own name."""
    try:
        with path.open("rb") as raw:
            if raw.read(4) != ZIP_MAGIC:
                return path.name
        with zipfile.ZipFile(path) as archive:
            return min(info.filename for info in _members(archive, path))
    except (zipfile.BadZipFile, OSError):
        return path.name


def first_bytes(path: Path, count: int = 4096) -> bytes:
    """Return the beginning of the contents, as much of it as can be had; never raises for it."""
    out = b""
    try:
        for block in unpacked(path):
            out += block
            if len(out) >= count:
                break
    except DataError:
        pass  # whoever reads the file says what is wrong with it
    return out[:count]


def line_blocks(path: Path, size: int = 1 << 22, *, keep_going: bool = False) -> Iterator[bytes]:
    """Yield the text in blocks of whole lines, small ones first, growing to about `size` bytes.

    `keep_going` gives what comes before the damage instead of raising.
    """
    held: list[bytes] = []
    total = 0
    enough = min(BLOCK, size)  # who only wants the first time or symbol is served at once
    blocks = unpacked(path)
    while True:
        try:
            block = next(blocks, b"")
        except DataError:
            if not (keep_going and (held or total)):
                raise
            block = b""
            held = [b"".join(held).rpartition(b"\n")[0] + b"\n"]  # the last line may be half a one
        if not block:
            break
        held.append(block)
        total += len(block)
        if total < enough:
            continue
        enough = min(4 * enough, size)
        text, newline, rest = b"".join(held).rpartition(b"\n")
        held, total = [rest], len(rest)
        if newline:
            yield text + newline
    text = b"".join(held)
    if text.strip():
        yield text
