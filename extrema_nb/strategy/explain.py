"""What Numba says about a handler, in one short message that points at the user's line."""

from __future__ import annotations

import dis
import inspect
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import extrema_nb
from extrema_nb.errors import StrategyError, nearest
from extrema_nb.strategy.book_view import Book
from extrema_nb.strategy.context import Context

__all__ = ["explain", "place_of", "reason_of"]

LONGEST = 300  # letters of a reason
LIBRARY = str(Path(extrema_nb.__file__).parent)
OWNERS: dict[str, tuple[type, str]] = {"Context": (Context, "ctx"), "Book": (Book, "a book")}

# beginnings of the lines that say how Numba came to its verdict, not what is wrong
_BORING = (
    "Failed in nopython", "Invalid use of", "Known signatures", "No implementation", "There ",
    "Of which", "Overload ", "File ", "During", "def ", "<source", ">>>", "^", "* ", "raised from",
    "Resolution failure", "Enable logging", "with argument", "With argument", "Rejected as", "--%",
)  # fmt: skip


def explain(owner: str, handler: Callable[..., None], text: str) -> StrategyError:
    """Return the error of a handler for what Numba said of it.

    Parameters
    ----------
    owner : name of the strategy class
    text : Numba's message
    """
    path, line = place_of(text, handler)
    reason = reason_of(text)
    stop = "" if reason.endswith("?") else "."
    return StrategyError(
        f"{path}:{line}: {owner}.{handler.__name__} cannot be compiled: {reason}{stop} "
        "Handlers may use numbers, records, arrays, ctx methods and functions marked @xnb.kernel; "
        "NUMBA_DISABLE_JIT=1 runs them as ordinary Python under a debugger"
    )


def place_of(text: str, handler: Callable[..., None]) -> tuple[str, int]:
    """Return the innermost line of the user's own code that `text` names."""
    own = handler.__code__.co_filename
    for path, line in re.findall(r" (?:at|from) (\S[^\n]*?) \((\d+)\)", text):
        foreign = path.startswith((LIBRARY, "<")) or "site-packages" in path
        if path == own or (not foreign and Path(path).is_file()):
            return path, int(line)
    for path, line in re.findall(r'File "([^"]+)", line (\d+)', text):
        if own.endswith(path.lstrip("./")):
            return own, int(line)
    # an unknown name comes without its place: look for who loads it
    for name in re.findall(r"name '(\w+)'", text):
        for step in dis.get_instructions(handler):
            if step.argval == name and step.positions and step.positions.lineno:
                return own, step.positions.lineno
    return own, handler.__code__.co_firstlineno


def reason_of(text: str) -> str:
    """Return what is wrong, without how Numba found out."""
    lines = [_plain(line) for line in text.splitlines()]
    told = [line for line in lines if line and not line.startswith(_BORING)]
    reason = told[0] if told else next((line for line in lines if line), "no reason given")
    for pattern, rewrite in _REWRITES:
        found = re.search(pattern, reason)
        if found:
            reason = rewrite(found)
            break
    called = re.search(r"BoundFunction\(\(.*?'(\w+)'\) for (\w+)", text)
    if called and called[2] in OWNERS:
        reason = _call(called[1], *OWNERS[called[2]]) + reason
    reason = reason.rstrip(". ")
    return reason if len(reason) <= LONGEST else reason[: LONGEST - 1] + "…"


def _plain(line: str) -> str:
    """Return a line of the message with the names of types made short."""
    short = re.sub(r"Record\([^()]*(?:\([^()]*\)[^()]*)*;\d+;(?:True|False)\)", "record", line)
    short = re.sub(r"Literal\[str\]\(([^)]*)\)", r"text '\1'", short).replace(
        "unicode_type", "text"
    )
    short = re.sub(r"Literal\[int\]\((-?\d+)\)", r"\1", short)
    short = re.sub(r"(<iv=None>|\.+ Raised from .*$|: i8\* null$)", "", short)
    before = ""
    while short != before:
        before = short
        short = re.sub(r"\b(Context|Book|L2Books)\((?:[^()]|\([^()]*\))*\)", r"\1", short)
    return short.strip().removeprefix("- ").removeprefix("TypingError: ").strip()


def _public(owner: type) -> list[str]:
    return [name for name in dir(owner) if not name.startswith("_")]


def _unknown(found: re.Match[str]) -> str:
    name, kind = found[1], found[2]
    if kind not in OWNERS:
        return f"{kind} has no attribute {name!r}"
    owner, shown = OWNERS[kind]
    return f"{shown} has no {name!r}" + nearest(name, _public(owner))


def _untyped(found: re.Match[str]) -> str:
    name, kind = found[1], found[2]
    if kind == "function":
        return f"{name!r} is a plain Python function; mark it @xnb.kernel"
    return f"{name!r} is a {kind}; only numbers, arrays and kernels can be read from outside"


def _call(name: str, owner: type, shown: str) -> str:
    method: Any = getattr(owner, name, None)
    if not callable(method):
        return ""
    words = [
        p.name if p.default is p.empty else f"{p.name}={p.default}"
        for p in list(inspect.signature(method).parameters.values())[1:]
    ]
    return f"{shown}.{name} takes ({', '.join(words)}): "


_REWRITES: tuple[tuple[str, Callable[[re.Match[str]], str]], ...] = (
    (r"Unknown attribute '(\w+)' of type (.+)", _unknown),
    (
        r"Untyped (?:global|closure|freevar) (?:name|variable)? ?'(\w+)'.*<class '(?:\w+\.)*(\w+)'>",
        _untyped,
    ),
    (r"Cannot cast (.+) to (\w+)", lambda found: f"{found[1]} cannot be stored as {found[2]}"),
)
