"""Memory at an address or in a buffer, as kernels reach it: what uncompiled code runs.

`extrema_nb.jit` gives the compiler a lowering of its own for each of these; kernels take them there.
"""

from __future__ import annotations

import ctypes
import math
from collections.abc import Callable
from typing import Any

import numpy as np

__all__ = ["field_reader", "first_bit", "record_at", "view_at", "word_at"]

MAX_VIEWS = 4096  # array headers kept for uncompiled code; they own no memory
_views: dict[tuple[Any, Any, int], Any] = {}


def view_at(address: int, shape: Any, dtype: Any) -> Any:
    """Return an array over memory at `address` that somebody else keeps alive.

    Kernels get all their state as addresses: Numba counts references of every array argument at
    every call that is not inlined, which made a step of a dozen arrays cost 900 ns a row, not 5.
    """
    key = (address, shape, id(dtype))
    found = _views.get(key)
    if found is None:
        sizes = shape if isinstance(shape, tuple) else (shape,)
        kind = np.dtype(dtype)
        lengths = tuple(int(n) for n in sizes)
        memory = (ctypes.c_char * (math.prod(lengths) * kind.itemsize)).from_address(int(address))
        found = np.ndarray(lengths, kind, memory)
        if len(_views) >= MAX_VIEWS:
            _views.clear()
        _views[key] = found
    return found


def record_at(address: int, dtype: Any) -> Any:
    """Return the record at `address`, to be read and written by its fields."""
    return view_at(address, 1, dtype)[0]


def field_reader(
    name: str, record: Any, lengths: tuple[Any, ...], dtype: Any
) -> Callable[[Any], Any]:
    """Return what reads view `name` of an owner by the addresses and lengths in its record.

    It stands for the compiled view in digests, so its cells hold all that the view depends on.
    """
    if name == "hub":
        return lambda owner: record_at(owner.at, record)
    size = record.itemsize // 8
    place, *words = (
        record.fields[n][1] // 8 if isinstance(n, str) else ~n for n in (name, *lengths)
    )  # below 0: a number, not where one stands
    if len(words) == 1:
        (word,) = words

        def read(owner: Any) -> Any:
            hub = view_at(owner.at, size, np.int64)
            return view_at(hub.item(place), hub.item(word) if word >= 0 else ~word, dtype)

    else:

        def read(owner: Any) -> Any:
            hub = view_at(owner.at, size, np.int64)
            shape = tuple([hub.item(at) if at >= 0 else ~at for at in words])
            return view_at(hub.item(place), shape, dtype)

    return read


def word_at(text: Any, at: int) -> int:
    """Return the 8 bytes from `at` on as one number, the first one lowest; all must be there."""
    return int.from_bytes(text[at : at + 8].tobytes(), "little", signed=True)


def first_bit(word: int) -> int:
    """Return how many zeros stand below the lowest bit that is set, 64 where none is."""
    return min(64, (word & -word).bit_length() - 1) if word else 64
