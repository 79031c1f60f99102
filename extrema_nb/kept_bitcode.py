"""Kernels from the cache without their bitcode, which only a kernel that is compiled later may need.

Numba keeps of each kernel machine code and LLVM's bitcode, and parses both when it loads one. Bitcode
is for other kernels that are compiled with this one in them; parsed it takes 25 to 40 MB and 50 to
90 ms of a process that compiles nothing. Here it is parsed when it is asked for.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from typing import Any

__all__ = ["defer_bitcode", "exported"]

ELF_64 = b"\x7fELF\x02\x01"
_HEAD = struct.Struct("<6s10xHHIQQQIHHHHHH")
_SECTION = struct.Struct("<IIQQQQIIQQ")
_SYMBOL = struct.Struct("<IBBHQQ")
SYMBOLS = 2  # type of a section
GLOBAL, WEAK = 1, 2  # bindings


def defer_bitcode(codegen: Any) -> None:
    """Let libraries that are loaded parse their bitcode when another one is linked with them.

    Parameters
    ----------
    codegen : ``numba.core.codegen``
    """
    owner = codegen.JITCodeLibrary
    load_whole = owner._unserialize.__func__  # noqa: SLF001  # Numba's only seam

    def load(cls: Any, generator: Any, state: Any) -> Any:
        name, kind, data = state
        names = exported(data[0]) if kind == "object" else None
        if names is None:
            return load_whole(cls, generator, state)
        library = generator.create_library(name)
        library.enable_object_caching()
        library._set_compiled_object(data[0])  # noqa: SLF001
        library._shared_module = data[1]  # noqa: SLF001
        library._finalize_final_module()  # noqa: SLF001
        generator._engine._defined_symbols.update(names)  # noqa: SLF001
        return library

    def shared(self: Any) -> Any:
        found = self.__dict__.get("_shared_module")
        if isinstance(found, bytes):
            found = self.__dict__["_shared_module"] = codegen.ll.parse_bitcode(found)
        return found

    def share(self: Any, module: Any) -> None:
        self.__dict__["_shared_module"] = module

    owner._unserialize = classmethod(load)  # noqa: SLF001
    owner._shared_module = property(shared, share)  # noqa: SLF001


def exported(code: bytes) -> set[str] | None:
    """Return the symbols that object code defines for others; None of another format than ELF."""
    if not code.startswith(ELF_64):
        return None
    _, _, _, _, _, _, table, _, _, _, _, size, count, _ = _HEAD.unpack_from(code)
    if size != _SECTION.size or not count:
        return None
    sections = list(_SECTION.iter_unpack(code[table : table + size * count]))
    names = [
        name
        for _, kind, _, _, at, length, link, _, _, _ in sections
        if kind == SYMBOLS
        for name in _defined(code[at : at + length], code, sections[link][4])
    ]
    return set(names)


def _defined(symbols: bytes, code: bytes, texts: int) -> Iterator[str]:
    for name, about, _, section, _, _ in _SYMBOL.iter_unpack(symbols):
        if section and about >> 4 in (GLOBAL, WEAK):
            begin = texts + name
            yield code[begin : code.index(b"\0", begin)].decode()
