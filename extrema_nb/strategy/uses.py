"""What of a book handlers look at, found by the names in their code.

Names say too much rather than too little: a `bid_qty` of a BBO row looks like that of a book, and
then a book is kept up that nobody reads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from types import CodeType, FunctionType

from extrema_nb.kernel_cache import Walker

__all__ = ["looks_at_books", "looks_at_quotes", "looks_behind_the_touch", "names_in"]

Handlers = Iterable[dict[str, Callable[..., None]]]

_BOOK_USERS = frozenset({"book", "books", "buy", "sell", "market", "amend"})
_DEEP = frozenset({"bid_qty", "ask_qty", "qty_at", "level_price", "depth", "imbalance", "seq"})
_QUOTES = frozenset({"bbo", "bbos"})


class _Names(Walker):
    """Collects the names in a function and in what it calls, but for the library's own code."""

    def __init__(self) -> None:
        super().__init__()
        self.found: set[str] = set()

    def function(self, function: FunctionType) -> None:
        if function.__module__.partition(".")[0] != "extrema_nb":
            super().function(function)

    def _code(self, code: CodeType, names: set[str]) -> None:
        super()._code(code, names)
        self.found |= names


def names_in(handlers: Handlers) -> set[str]:
    """Return every name that handlers, and the helpers they call, look up anywhere."""
    walker = _Names()
    for each in handlers:
        for handler in each.values():
            walker.value(handler)
    return walker.found


def looks_at_books(handlers: Handlers) -> bool:
    """Say whether handlers, name → function for each strategy, may look at a book."""
    handlers = list(handlers)
    heard = any("on_lob" in each for each in handlers)
    return heard or bool(names_in(handlers) & _BOOK_USERS)


def looks_behind_the_touch(handlers: Handlers) -> bool:
    """Say whether handlers may look at more of a book than best prices and whether it is valid."""
    handlers = list(handlers)
    names = names_in(handlers)
    if "books" in names:
        return True
    sees = "book" in names or any("on_lob" in each for each in handlers)
    return sees and bool(names & _DEEP)


def looks_at_quotes(handlers: Handlers) -> bool:
    """Say whether handlers may look at the last BBO row of an instrument."""
    return bool(names_in(handlers) & _QUOTES)
