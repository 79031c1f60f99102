"""Field types of Params and State, and the record dtypes that they become."""

from __future__ import annotations

import functools
import inspect
import math
import sys
from typing import Any

import numpy as np
import numpy.typing as npt

from extrema_nb.errors import StrategyError, nearest

__all__ = ["FieldType", "b1", "f8", "i4", "i8", "nan", "read_fields", "record_dtype", "record_of"]

nan = math.nan


class FieldType:
    """A fixed-size scalar (``f8``) or array (``f8[64]``, ``f8[8, 2]``) in a Params or State."""

    def __init__(self, code: str, shape: tuple[int, ...] = ()) -> None:
        self.code = code
        self.shape = shape

    def __getitem__(self, shape: int | tuple[int, ...]) -> FieldType:
        sizes: tuple[Any, ...] = shape if isinstance(shape, tuple) else (shape,)  # users may err
        if self.shape or not all(isinstance(n, int) and n > 0 for n in sizes):
            raise StrategyError(f"{self}[{shape}] is no array type; write f8[64] or f8[8, 2]")
        return FieldType(self.code, sizes)

    def __repr__(self) -> str:
        return self.code + (str(list(self.shape)) if self.shape else "")


f8 = FieldType("f8")
i8 = FieldType("i8")
i4 = FieldType("i4")
b1 = FieldType("b1")
_CODES = {"f8": "<f8", "i8": "<i8", "i4": "<i4", "b1": "|b1"}


def _where(owner: type, name: str) -> str:
    """Return ``file:line`` of a field of `owner`, as well as it can be known."""
    try:
        lines, first = inspect.getsourcelines(owner)
        path = inspect.getsourcefile(owner)
    except (OSError, TypeError):
        return owner.__qualname__
    for offset, line in enumerate(lines):
        if line.strip().startswith(f"{name}:") or line.strip().startswith(f"{name} "):
            return f"{path}:{first + offset}"
    return f"{path}:{first}"


def read_fields(owner: type | None, *, defaults: bool = False) -> dict[str, tuple[FieldType, Any]]:
    """Return name → (type, default) of a Params or State class; the default may be missing (None).

    Parameters
    ----------
    defaults : every scalar must have one, as in a State, which nobody fills in

    Raises
    ------
    StrategyError
        a field that is not a fixed-size scalar or array, or that lacks its default; names file,
        line and remedy
    """
    if owner is None:
        return {}
    scope = vars(sys.modules[owner.__module__])
    fields: dict[str, tuple[FieldType, Any]] = {}
    for name, annotation in inspect.get_annotations(owner).items():
        kind = annotation
        if isinstance(annotation, str):
            kind = _resolve(annotation, scope)
        if not isinstance(kind, FieldType):
            shown = annotation if isinstance(annotation, str) else repr(annotation)
            raise StrategyError(
                f"{_where(owner, name)}: field {owner.__qualname__}.{name} has type {shown}, "
                "expected a fixed-size one; use xnb.f8, xnb.i8, xnb.i4, xnb.b1 or an array "
                "such as xnb.f8[64]"
            )
        if name in _TAKEN_NAMES:
            raise StrategyError(
                f"{_where(owner, name)}: {name!r} is a name of NumPy's records, which would hide "
                f"field {owner.__qualname__}.{name} where nothing is compiled; choose another name"
            )
        fields[name] = (kind, owner.__dict__.get(name))
        if defaults and not kind.shape and fields[name][1] is None:
            raise StrategyError(
                f"{_where(owner, name)}: field {owner.__qualname__}.{name} has no first value; "
                f"write {name}: xnb.{kind} = 0"
            )
    for name, value in owner.__dict__.items():
        if not name.startswith("_") and name not in fields and not callable(value):
            raise StrategyError(
                f"{_where(owner, name)}: field {owner.__qualname__}.{name} has no type; "
                f"write {name}: xnb.f8 = {value!r}"
            )
    return fields


_TAKEN_NAMES = frozenset(dir(np.record))


def _resolve(annotation: str, scope: dict[str, Any]) -> Any:
    """Return what a text such as ``xnb.f8[8, 2]`` names: attribute look-ups, no evaluation."""
    head, _, sizes = annotation.strip().removesuffix("]").partition("[")
    found: Any = scope
    for part in head.strip().split("."):
        found = found.get(part) if isinstance(found, dict) else getattr(found, part, None)
    if not isinstance(found, FieldType) or not sizes:
        return found
    shape = []
    for size in sizes.split(","):
        text = size.strip()
        length = int(text) if text.isdigit() else scope.get(text)
        if not isinstance(length, int):
            return None
        shape.append(length)
    return found[tuple(shape)]


def record_dtype(fields: dict[str, tuple[FieldType, Any]]) -> np.dtype[Any]:
    """Return the record dtype of the fields; an empty class becomes one unused word."""
    return _dtype_of(tuple((name, kind) for name, (kind, _) in fields.items()))


@functools.cache
def _dtype_of(fields: tuple[tuple[str, FieldType], ...]) -> np.dtype[Any]:
    described: list[Any] = [
        (name, _CODES[kind.code], kind.shape) if kind.shape else (name, _CODES[kind.code])
        for name, kind in fields
    ]
    return np.dtype((np.record, np.dtype(described or [("unused", "<i8")], align=True)))


def record_of(
    owner: str, fields: dict[str, tuple[FieldType, Any]], values: dict[str, Any]
) -> npt.NDArray[Any]:
    """Return one record with defaults and `values`; unknown, missing or unfit values are errors."""
    for name in values:
        if name not in fields:
            raise StrategyError(
                f"{owner} has no parameter {name!r}; it has {', '.join(fields) or 'none'}"
                + nearest(name, fields)
            )
    out = np.zeros(1, record_dtype(fields))
    for name, (kind, default) in fields.items():
        value = values.get(name, default)
        if value is None:
            if kind.shape:
                continue  # arrays start as zeros
            raise StrategyError(f"{owner} needs parameter {name!r} ({kind}); pass {name}=…")
        try:
            out[name][0] = value
        except (TypeError, ValueError) as error:
            raise StrategyError(
                f"{owner}: {name} is {value!r}, expected {kind} ({error})"
            ) from error
    return out
