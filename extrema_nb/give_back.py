"""Give memory back to the system that only loading or preparing needed.

Rules
-----
1. LLVM, which loads kernels, reads 50 MB of its library for that and little of it afterwards; Polars
   reads 10 MB when it is imported. The system counts them as memory of the process for as long as
   it lives. Pages that are needed again come from the system's file cache, 16 at a time.
2. What is freed between other things stays with the C library, 30 MB after tapes were made.
"""

from __future__ import annotations

import ctypes
import mmap
import struct
import sys
from pathlib import Path

__all__ = ["release_code", "release_heap"]

MAPS = Path("/proc/self/maps")
LEAST = 1 << 20  # bytes of a mapping that is worth a call
_HEAD = struct.Struct("<5sxxxxxxxxxxxHHIQQQIHHHHHH")  # of an ELF file
_SEGMENT = struct.Struct("<IIQQQQQQ")
ELF_64 = b"\x7fELF\x02"
LOADED, WRITABLE = 1, 2  # type of a segment that lies in memory; bit of its flags


def release_code() -> int:
    """Give back memory that holds libraries' code and constants; return of how many bytes.

    Nothing can be lost: a segment that the loader may have written to is left alone, of the others
    the files hold the same. To be called when kernels have been loaded. Does nothing on other systems
    than Linux.
    """
    if sys.platform != "linux" or sys.byteorder != "little":
        return 0
    try:
        mappings = MAPS.read_bytes().splitlines()
    except OSError:  # a system that does not tell
        return 0
    advise = ctypes.CDLL(None).madvise
    advise.argtypes = (ctypes.c_void_p, ctypes.c_size_t, ctypes.c_int)
    known: dict[bytes, frozenset[int]] = {}
    released = 0
    for mapping in mappings:
        span, may, offset, _, _, *path = mapping.split(maxsplit=5)
        begin, end = (int(place, 16) for place in span.split(b"-"))
        if not path or not path[0].startswith(b"/") or b"w" in may or end - begin < LEAST:
            continue
        if path[0] not in known:
            known[path[0]] = _constant(Path(path[0].decode(errors="surrogateescape")))
        constant = int(offset, 16) in known[path[0]]
        if constant and advise(begin, end - begin, mmap.MADV_DONTNEED) == 0:
            released += end - begin
    return released


def release_heap() -> None:
    """Give back what was freed and the C library holds; where it can not, do nothing."""
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    if trim is not None:
        trim(0)


def _constant(path: Path) -> frozenset[int]:
    """Return where in a library's file the segments begin that nobody writes to, at whole pages."""
    begins: dict[bool, set[int]] = {False: set(), True: set()}  # writable -> places
    try:
        with path.open("rb") as file:
            magic, *_, table, _, _, _, size, count, _, _, _ = _HEAD.unpack(file.read(_HEAD.size))
            if magic != ELF_64 or size != _SEGMENT.size:
                return frozenset()
            file.seek(table)
            for kind, flags, offset, *_ in _SEGMENT.iter_unpack(file.read(size * count)):
                if kind == LOADED:
                    begins[bool(flags & WRITABLE)].add(offset // mmap.PAGESIZE * mmap.PAGESIZE)
    except (OSError, struct.error):  # gone, or no library
        return frozenset()
    return frozenset(begins[False] - begins[True])
