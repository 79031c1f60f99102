"""Arrays over memory of ours, as compiled kernels see them: an index is a place, never counted from the end.

Numba lets any signed index count from the end, which costs three instructions and the length at
every access; kernels do so nowhere. A slice of a view, as strategies get from ``ctx.orders``, is an
ordinary array, whose indices may.

Only `extrema_nb.jit` uses this.
"""

from __future__ import annotations

import operator
from typing import Any, cast

from numba import extending
from numba.core import imputils, types, typing
from numba.core.datamodel import models
from numba.np import arrayobj

__all__ = ["ViewType"]

_types = cast("Any", types)  # Numba is untyped


class ViewType(types.Array):
    """A contiguous array whose indices are places."""


extending.register_model(ViewType)(models.ArrayModel)


@imputils.lower_cast(ViewType, types.Array)  # type: ignore[untyped-decorator]  # Numba is untyped
def _as_array(_context: Any, _builder: Any, _from: Any, _to: Any, value: Any) -> Any:
    return value  # one layout in memory


def _by_place(context: Any, builder: Any, kind: Any, index: Any) -> tuple[Any, Any]:
    """Return type and value of an index, or of a tuple of them, whose integers are places."""
    if not isinstance(kind, _types.BaseTuple):
        if not isinstance(kind, _types.Integer) or not kind.signed:
            return kind, index
        return types.uintp, context.cast(builder, index, kind, types.uintp)
    several = [
        _by_place(context, builder, one, builder.extract_value(index, at))
        for at, one in enumerate(kind)
    ]
    places = _types.Tuple([place for place, _ in several])
    return places, context.make_tuple(builder, places, [value for _, value in several])


def _lower_read(name: Any, kind: Any, numbas: Any) -> None:
    @extending.lower_builtin(name, ViewType, kind)  # type: ignore[untyped-decorator]
    def read(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
        array, index = signature.args
        place, value = _by_place(context, builder, index, arguments[1])
        by_place = typing.signature(signature.return_type, array, place)
        return numbas(context, builder, by_place, (arguments[0], value))


_lower_read(operator.getitem, types.Integer, arrayobj.getitem_arraynd_intp)
_lower_read(operator.getitem, _types.BaseTuple, arrayobj.getitem_array_tuple)


@extending.lower_builtin(operator.setitem, ViewType, types.Any, types.Any)  # type: ignore[untyped-decorator]
def _write(context: Any, builder: Any, signature: Any, arguments: Any) -> Any:
    array, index, value_type = signature.args
    place, value = _by_place(context, builder, index, arguments[1])
    by_place = typing.signature(signature.return_type, array, place, value_type)
    return arrayobj.setitem_array(context, builder, by_place, (arguments[0], value, arguments[2]))
