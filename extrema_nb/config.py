"""Configuration: TOML into typed structs, with errors that name the remedy.

Rules
-----
1. A key that no field expects is an error, never ignored: the message names the key, its table
   and the nearest known key.
2. A value of the wrong type is an error that names its place, such as ``risk.max_order``.
3. Secrets have no place here: `extrema_nb.execution.credentials` reads them from the environment.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any, TypeVar

import msgspec
from msgspec import inspect

from extrema_nb.errors import ConfigError, nearest

__all__ = ["convert_tree", "load_toml", "parse_toml"]

T = TypeVar("T")
_Unknown = tuple[str, str, list[str]]  # table, key, the keys it knows


def load_toml(
    path: str | Path,
    type: type[T],  # noqa: A002  # reads best at the call
    overrides: Sequence[str] = (),
) -> T:
    """Return the TOML file at `path` as a `type`, a ``msgspec.Struct`` class.

    `overrides` are ``key=value`` texts that win over the file, such as ``risk.max_position=2`` or
    ``strategy.0.params.qty=0.02``; a value that is not TOML is taken as text.

    Raises
    ------
    ConfigError
        the file cannot be read, is not TOML, has an unknown key or a value of another type
    """
    try:
        text = Path(path).read_text(encoding="utf-8")
    except FileNotFoundError as error:
        raise ConfigError(f"{path}: no such file; give the path of a TOML file") from error
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or error
        raise ConfigError(f"{path}: cannot be read as text ({reason})") from error
    return parse_toml(text, type, name=str(path), overrides=overrides)


def parse_toml(
    text: str,
    type: type[T],  # noqa: A002
    *,
    name: str = "configuration",
    overrides: Sequence[str] = (),
) -> T:
    """Return TOML `text` as a `type`; `name` stands at the beginning of each error."""
    try:
        tree = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{name}: not valid TOML: {error}") from error
    for override in overrides:
        _set(tree, override)
    return convert_tree(tree, type, name=name)


def convert_tree(
    tree: dict[str, Any],
    type: type[T],  # noqa: A002
    *,
    name: str = "configuration",
) -> T:
    """Return tables and values as a `type`; `name` stands at the beginning of each error."""
    for table, key, known in _unknown_keys(tree, inspect.type_info(type), ""):
        where = f"in table [{table}]" if table else "at the top level"
        raise ConfigError(
            f"{name}: unknown key {key!r} {where}"
            + (nearest(key, known) or f"; expected one of {', '.join(known) or 'none'}")
        )
    try:
        return msgspec.convert(tree, type)
    except msgspec.ValidationError as error:
        what, _, place = str(error).partition(" - at ")
        place = place.strip("`").removeprefix("$").lstrip(".")
        what = what.replace("`object`", "a table")
        raise ConfigError(f"{name}: {place + ': ' if place else ''}{what}") from error


def _set(tree: dict[str, Any], override: str) -> None:
    """Put ``key=value`` into `tree`; keys are dotted, numbers count through arrays."""
    path, equals, text = override.partition("=")
    keys = [key.strip() for key in path.split(".")]
    if not equals or not all(keys):
        raise ConfigError(
            f"{override!r} sets nothing; expected key=value, as in risk.max_position=2"
        )
    try:
        value = tomllib.loads(f"value = {text}")["value"]
    except tomllib.TOMLDecodeError:
        value = text.strip()
    at: Any = tree
    for i, key in enumerate(keys):
        last = i == len(keys) - 1
        if isinstance(at, list):
            if not key.isdigit() or int(key) >= len(at):
                raise ConfigError(
                    f"{override!r}: {'.'.join(keys[:i])} has {len(at)} entries, "
                    f"expected a number from 0 in the place of {key!r}"
                )
            place: Any = int(key)
        elif isinstance(at, dict):
            place = key
            if not last:
                at.setdefault(key, {})
        else:
            raise ConfigError(f"{override!r}: {'.'.join(keys[:i])} is a value, it has no {key!r}")
        if last:
            at[place] = value
        at = at[place]


def _unknown_keys(value: Any, info: inspect.Type, table: str) -> Iterator[_Unknown]:
    """Yield (table, key, known keys) of each key in `value` that `info` has no field for."""
    options = info.types if isinstance(info, inspect.UnionType) else (info,)
    if isinstance(value, dict):
        fields, others = _fields(value, options)
        for key, item in value.items():
            if key in fields or others is not None:
                inner = fields.get(key, others or inspect.AnyType())
                yield from _unknown_keys(item, inner, f"{table}.{key}" if table else key)
            elif fields:
                yield table, key, sorted(fields)
    elif isinstance(value, list):
        for option in options:
            item_type = getattr(option, "item_type", None)
            if item_type is not None:
                for i, item in enumerate(value):
                    yield from _unknown_keys(item, item_type, f"{table}[{i}]")


def _fields(
    value: dict[str, Any], options: Sequence[inspect.Type]
) -> tuple[dict[str, inspect.Type], inspect.Type | None]:
    """Return the fields that the table `value` may have, and the type of any other key."""
    structs = [option for option in options if isinstance(option, inspect.StructType)]
    for option in options:
        if isinstance(option, inspect.DictType) and not structs:
            return {}, option.value_type
    for struct in sorted(structs, key=lambda s: value.get(s.tag_field or "") != s.tag):
        fields = {field.encode_name: field.type for field in struct.fields}
        if struct.tag_field:
            fields[struct.tag_field] = inspect.AnyType()
        return fields, None
    return {}, None
