"""Ctrl-C while LLVM emits code: heard once LLVM is done, never lost.

LLVM asks Numba back, through ctypes, where to load and to keep object code. A `KeyboardInterrupt`
raised inside such a call is printed and forgotten: the program goes on, or fails on the object
code that was not kept. LLVM itself can not be interrupted, so waiting for it costs nothing.
"""

from __future__ import annotations

import functools
import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

__all__ = ["hold_interrupts", "holding_interrupts"]


@contextmanager
def holding_interrupts() -> Iterator[None]:
    """Keep SIGINT for the end of the block, and hand it then to the handler that is set.

    Does nothing outside the main thread, where no handler runs, and where SIGINT has no Python
    handler.
    """
    handler = signal.getsignal(signal.SIGINT)
    if threading.current_thread() is not threading.main_thread() or not callable(handler):
        yield
        return
    held: list[tuple[int, Any]] = []
    signal.signal(signal.SIGINT, lambda number, frame: held.append((number, frame)))
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, handler)
        if held:
            handler(*held[0])


def hold_interrupts(owner: type, name: str) -> None:
    """Let the method `name` of `owner` end before an interrupt is raised."""
    method: Callable[..., Any] = getattr(owner, name)

    @functools.wraps(method)
    def whole(*arguments: Any) -> Any:
        with holding_interrupts():
            return method(*arguments)

    setattr(owner, name, whole)
