"""The file of a checkpoint: a header in JSON, packed arrays, and a digest of it all.

Layout: MAGIC, the header's length as 8 bytes little-endian, the header, the arrays in its order,
each packed by zlib, and 32 bytes of BLAKE2b over everything before. The header's ``arrays`` say
name, dtype, shape and packed length of each. Nothing in the file is ever run or unpickled.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.errors import DataError

__all__ = ["FORMAT", "Stored", "read_file", "signature", "write_file"]

MAGIC = b"XNBSAVE\n"
FORMAT = 1
DIGEST = 32  # bytes
HEAD = len(MAGIC) + 8
LEVEL = 1  # most of it is zeros


class Stored(NamedTuple):
    """What a file holds."""

    header: dict[str, Any]
    packed: dict[str, bytes]
    path: Path

    def array(self, name: str, like: np.dtype[Any]) -> npt.NDArray[Any]:
        """Return an array, which must be of the dtype `like`.

        Raises
        ------
        DataError
            it is not there, or of another dtype
        """
        told = self.header["arrays"].get(name)
        if told is None:
            raise DataError(f"{self.path}: has no array {name!r}; {_ANOTHER}")
        if told["dtype"] != signature(like):
            raise DataError(
                f"{self.path}: {name} has the fields {told['dtype']}, expected {signature(like)}; "
                f"{_ANOTHER}"
            )
        shape = tuple(int(n) for n in told["shape"])
        size = int(np.prod(shape)) * like.itemsize
        unpack = zlib.decompressobj()
        data = unpack.decompress(self.packed[name], size + 1)
        if len(data) != size:
            raise DataError(f"{self.path}: {name} has {len(data)} bytes, expected {size}")
        return np.frombuffer(bytearray(data), like).reshape(shape)


_ANOTHER = "the file was written by another version: run from the start"


def signature(dtype: np.dtype[Any]) -> str:
    """Return a dtype in words that tell fields, types and places apart."""
    return json.dumps(np.dtype(dtype).descr, separators=(",", ":"))


def write_file(
    path: Path, header: Mapping[str, Any], arrays: Mapping[str, npt.NDArray[Any]]
) -> None:
    """Write a checkpoint; it appears whole, and an older one is there until it does.

    Raises
    ------
    DataError
        the disk is full or refuses; the older file is untouched then
    """
    packed = {name: zlib.compress(a.tobytes(), LEVEL) for name, a in arrays.items()}
    told = {
        name: {"dtype": signature(a.dtype), "shape": a.shape, "bytes": len(packed[name])}
        for name, a in arrays.items()
    }
    head = json.dumps({"format": FORMAT, **header, "arrays": told}).encode()
    parts = [MAGIC, len(head).to_bytes(8, "little"), head, *packed.values()]
    digest = hashlib.blake2b(digest_size=DIGEST)
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        with temporary.open("wb") as file:
            for part in parts:
                digest.update(part)
                file.write(part)
            file.write(digest.digest())
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    except OSError as error:
        with contextlib.suppress(OSError):
            temporary.unlink(missing_ok=True)
        raise DataError(
            f"{path}: cannot be written ({error.strerror or error}); give another --checkpoint or "
            "make room; what was there before is untouched"
        ) from error


def read_file(path: Path) -> Stored:
    """Return what a checkpoint holds; its arrays are still packed.

    Raises
    ------
    DataError
        there is no such file, it is no checkpoint, cut off, damaged, or of another format
    """
    try:
        data = path.read_bytes()
    except OSError as error:
        raise DataError(
            f"{path}: {error.strerror or error}; give the file of --checkpoint"
        ) from error
    if data[: len(MAGIC)] != MAGIC[: len(data)] or not data:
        raise DataError(f"{path}: is no checkpoint; give a file that --checkpoint wrote")
    if hashlib.blake2b(data[:-DIGEST], digest_size=DIGEST).digest() != data[-DIGEST:]:
        raise DataError(
            f"{path}: its {len(data):,} bytes are not what was written; it is cut off or damaged: "
            "resume an older checkpoint, or run from the start"
        )
    end = HEAD + int.from_bytes(data[len(MAGIC) : HEAD], "little")
    header: dict[str, Any] = json.loads(data[HEAD:end])
    if header["format"] != FORMAT:
        raise DataError(
            f"{path}: is of format {header['format']}, this version reads {FORMAT}; use the version "
            f"that wrote it ({header['version']}), or run from the start"
        )
    packed = {}
    for name, told in header["arrays"].items():
        packed[name] = data[end : end + int(told["bytes"])]
        end += int(told["bytes"])
    return Stored(header, packed, path)
