"""Every exception of the library, split by who must act.

::

    ExtremaError                 root; never raised itself
    ├── ConfigError              the user, before anything starts: settings, arguments, credentials
    │   └── StrategyError        a strategy class that cannot be compiled as written
    ├── DataError                files and rows: schema, order, gaps, truncation
    │   └── PartMissing          a file of a recording that is gone; the manifest may know why
    ├── VenueError               the other side of a connection
    │   ├── VenueDecodeError     a frame that does not mean what its channel promises
    │   ├── VenueDisconnected    the connection ended
    │   └── OrderRejected        the venue answered "no", with its code
    ├── CommandError             a command to a task that was refused, lost or not answered
    ├── InvalidOrder             an order of ours that must not leave the process
    └── ModelError               a model that cannot be loaded or answered wrongly

A message says what was found, what was expected and what to do.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable

__all__ = [
    "CommandError",
    "ConfigError",
    "DataError",
    "ExtremaError",
    "InvalidOrder",
    "ModelError",
    "OrderRejected",
    "PartMissing",
    "StrategyError",
    "VenueDecodeError",
    "VenueDisconnected",
    "VenueError",
    "nearest",
]

QUOTE_CHARS = 160  # how much of a bad frame a message repeats


class ExtremaError(Exception):
    """Root of the tree."""


class ConfigError(ExtremaError):
    """The user's settings cannot be used as they are."""


class StrategyError(ConfigError):
    """A strategy class cannot be compiled as written."""


class DataError(ExtremaError):
    """Rows or files are not what they claim to be."""


class PartMissing(DataError):
    """A file of a recording is gone: joined with others, past its retention, or lost."""


class VenueError(ExtremaError):
    """The venue, or the way to it, failed.

    Attributes
    ----------
    venue : id of the venue, such as ``"binance-usdm"``
    code : the venue's own error code, 0 where there is none
    """

    def __init__(self, message: str, *, venue: str = "", code: int = 0) -> None:
        super().__init__(message)
        self.venue = venue
        self.code = code


class VenueDecodeError(VenueError):
    """A frame does not mean what its channel promises; ``frame`` keeps its beginning."""

    def __init__(self, message: str, *, venue: str = "", frame: bytes = b"") -> None:
        shown = frame[:QUOTE_CHARS].decode("utf-8", "replace")
        more = "…" if len(frame) > QUOTE_CHARS else ""
        super().__init__(f"{message}: {shown}{more}" if frame else message, venue=venue)
        self.frame = frame[:QUOTE_CHARS]


class VenueDisconnected(VenueError):
    """The connection ended, for the reason in the message."""


class OrderRejected(VenueError):
    """The venue refused an order request; ``code`` is its code."""


class CommandError(ExtremaError):
    """A command did not get the answer that its sender waited for."""


class InvalidOrder(ExtremaError):
    """An order of ours breaks a rule of the instrument or of the risk limits."""


class ModelError(ExtremaError):
    """A model cannot be loaded, or its answer is not what was promised."""


def nearest(word: str, known: Iterable[str]) -> str:
    """Return ``"; did you mean 'x'?"`` for the closest known word, or an empty string."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.5)
    return f"; did you mean {close[0]!r}?" if close else ""
