"""Foreign formats: one module each, found by name. What a module holds is `Format`."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple, Protocol, cast

from extrema_nb.errors import ConfigError, nearest
from extrema_nb.events import EventArray
from extrema_nb.instruments import Instrument
from replay.sources.text import first_bytes, member_name

__all__ = ["Format", "Options", "Peek", "RowFile", "find", "known", "load", "peek"]


class Peek(NamedTuple):
    """What a first look at a file shows."""

    path: Path
    name: str  # of the file, or of the first one in a zip
    raw: bytes  # the first bytes on disk
    head: bytes  # the first bytes of the contents

    @property
    def line(self) -> str:
        """The first line of the contents."""
        line = self.head.removeprefix(b"\xef\xbb\xbf").partition(b"\n")[0].rstrip(b"\r")
        return line.decode("utf-8", "replace")


class Options(NamedTuple):
    """What a user can say that a file does not."""

    venue: str | None = None  # venue id
    symbol: str | None = None
    skip_bad: bool = False


class RowFile(Protocol):
    """One open file of a foreign format."""

    instruments: list[Instrument]  # all that `blocks` will mention
    skipped: int  # bad lines left out in the last pass
    ignored: dict[str, int]  # what gives no rows -> how often, in the last pass

    def blocks(self) -> Iterator[EventArray]:
        """Yield EVENT rows whose `inst` is a place in `instruments`; `ts_recv` should rise."""
        ...


class Format(Protocol):
    """What a module of this folder offers."""

    HELP: str  # one line: what it reads

    def looks_like(self, seen: Peek) -> bool:
        """Whether a file is of this format."""
        ...

    def open_file(self, path: Path, options: Options) -> RowFile:
        """Open a file; raise DataError that says found, expected, remedy."""
        ...


def known() -> list[str]:
    """Return the names of the formats there are, read from the folder."""
    return sorted(module.name.replace("_", "-") for module in pkgutil.iter_modules(__path__))


def load(name: str) -> Format:
    """Return the module of a format such as ``"tardis"``."""
    if name not in known():
        raise ConfigError(
            f"unknown format {name!r}; there are: {', '.join(known())}" + nearest(name, known())
        )
    module: Any = importlib.import_module(f"{__name__}.{name.replace('-', '_')}")
    return cast("Format", module)


def peek(path: Path) -> Peek:
    """Look at a file."""
    with path.open("rb") as file:
        raw = file.read(64)
    return Peek(path, member_name(path), raw, first_bytes(path))


def find(seen: Peek) -> str | None:
    """Return the format of a file, None if no one knows it."""
    return next((name for name in known() if load(name).looks_like(seen)), None)
