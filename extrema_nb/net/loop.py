"""Which event loop carries the sockets: uvloop where it is installed, else asyncio's own.

With the picows client uvloop received 6 to 8 % more messages a second over loopback
(docs/benchmarks.md); ``EXTREMA_NB_LOOP=asyncio`` keeps to the standard one.
"""

from __future__ import annotations

import asyncio
import importlib
import importlib.util
import os
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

from extrema_nb.errors import ConfigError, nearest

__all__ = ["LOOPS", "LOOP_ENV", "choose_loop", "run"]

LOOPS = ("uvloop", "asyncio")  # the quickest first
LOOP_ENV = "EXTREMA_NB_LOOP"
T = TypeVar("T")


def choose_loop(name: str = "") -> str:
    """Return the loop that `name` means; empty is what the environment says, else the quickest.

    Raises
    ------
    ConfigError
        an unknown name, or uvloop where it is not installed
    """
    wanted = name or os.environ.get(LOOP_ENV, "")
    there = importlib.util.find_spec("uvloop") is not None
    if not wanted:
        return "uvloop" if there else "asyncio"
    if wanted not in LOOPS:
        raise ConfigError(
            f"unknown event loop {wanted!r}; expected {' or '.join(LOOPS)}" + nearest(wanted, LOOPS)
        )
    if wanted == "uvloop" and not there:
        raise ConfigError("uvloop is not installed; pip install 'extrema-nb[fast]', or say asyncio")
    return wanted


def run(main: Coroutine[Any, Any, T], loop: str = "") -> T:
    """Run a coroutine to its end, as `asyncio.run` does, on the loop of `choose_loop`."""
    try:
        chosen = choose_loop(loop)
    except ConfigError:
        main.close()
        raise
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    if chosen == "uvloop":
        factory = importlib.import_module("uvloop").new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(main)
