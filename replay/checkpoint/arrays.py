"""Everything that hangs on a record of addresses, by name; and back.

Nothing is listed here: what a record holds is found by the views that were attached to its class
(`extrema_nb.jit.attach_views`), so that an array that is added somewhere is saved as well.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import numpy as np
import numpy.typing as npt

__all__ = ["arrays_of", "forget_nothing", "nested_in", "put_arrays", "put_bytes", "sizes_of"]

Arrays = dict[str, npt.NDArray[Any]]


def _views(owner: Any) -> list[str]:
    """Return the fields of a record that are addresses of arrays with a known shape."""
    return [
        name
        for name in owner.hub.dtype.names
        if isinstance(getattr(type(owner), name, None), property)
    ]


def arrays_of(owner: Any) -> Arrays:
    """Return the arrays of a record by name; they are the memory itself, not copies."""
    return {name: getattr(owner, name) for name in _views(owner)}


def nested_in(owner: Any, memory: Iterable[npt.NDArray[Any]]) -> dict[str, int]:
    """Return the fields that are addresses in `memory`, but of no array with a known shape."""
    known = {array.ctypes.data for array in memory}
    views = set(_views(owner))
    fields = {name: int(owner.hub[name]) for name in owner.hub.dtype.names if name not in views}
    return {name: value for name, value in fields.items() if value in known}


def sizes_of(owner: Any, memory: Iterable[npt.NDArray[Any]]) -> dict[str, int]:
    """Return what a record holds beside addresses: lengths of its arrays."""
    others = {*_views(owner), *nested_in(owner, memory)}
    return {name: owner.hub[name].item() for name in owner.hub.dtype.names if name not in others}


def put_arrays(
    owner: Any, arrays: Arrays, sizes: dict[str, int], memory: list[npt.NDArray[Any]]
) -> None:
    """Give a record the contents that `arrays_of` and `sizes_of` told of another like it.

    An array of another length than the record's own, because it has grown, takes its place, also
    in `memory`, which keeps the arrays alive.
    """
    own = arrays_of(owner)
    for name, size in sizes.items():
        owner.hub[name] = size
    for name, saved in arrays.items():
        if own[name].shape == saved.shape:
            put_bytes(own[name], saved)
            continue
        fresh = np.ascontiguousarray(saved)
        address = own[name].ctypes.data
        memory[:] = [array for array in memory if array.ctypes.data != address] + [fresh]
        owner.hub[name] = fresh.ctypes.data


def put_bytes(into: npt.NDArray[Any], saved: npt.NDArray[Any]) -> None:
    """Copy all bytes, also those between the fields of records, which an assignment leaves out."""
    into.reshape(-1).view(np.uint8)[:] = saved.reshape(-1).view(np.uint8)


def forget_nothing(owners: Iterable[Any], memory: Iterable[npt.NDArray[Any]]) -> None:
    """Raise AssertionError if `memory` has an array that no record of `owners` shows."""
    shown = {0}
    for owner in owners:
        shown.add(int(owner.at))
        shown.update(int(owner.hub[name]) for name in _views(owner))
    for array in memory:
        if array.ctypes.data not in shown and array.size:
            raise AssertionError(
                f"an array of {array.shape} {array.dtype} is not in the checkpoint; attach a view "
                "to the record that has its address"
            )
