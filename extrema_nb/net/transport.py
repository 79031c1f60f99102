"""WebSocket clients behind one face: the connection loop does not care which of them carries it.

Each library has a module of its own, loaded when it is chosen. What they receive a second, with
which latency, is measured by ``tests/bench/receive.py`` and published in docs/benchmarks.md.
"""

from __future__ import annotations

import importlib
import importlib.util
import os
from collections.abc import Callable
from typing import Protocol, cast

import numpy as np
import numpy.typing as npt

from extrema_nb.errors import ConfigError, VenueDisconnected, nearest

__all__ = [
    "BURST",
    "ENV",
    "NATIVE",
    "TRANSPORTS",
    "BurstTransport",
    "TakeBurst",
    "Transport",
    "choose_transport",
    "installed",
    "make_transport",
    "not_open",
]

# Frames handled before other tasks get a turn. Orders leave in such a turn: 256 made them wait
# 0.15 ms behind a busy feed; at 16 the turns cost about a tenth of the throughput.
BURST = 16
ENV = "EXTREMA_NB_WS_CLIENT"  # names the client where nothing else does

# name -> module and class, in order of preference for who takes frame after frame
TRANSPORTS: dict[str, tuple[str, str]] = {
    "picows": ("extrema_nb.net.client_picows", "PicowsTransport"),
    "aiohttp": ("extrema_nb.net.client_aiohttp", "AiohttpTransport"),
    "websockets": ("extrema_nb.net.client_websockets", "WebsocketsTransport"),
    "native": ("extrema_nb.net.client_native", "NativeTransport"),
}
NATIVE = "native"  # needs no library; the quickest for who takes many frames at once

TakeBurst = Callable[
    [npt.NDArray[np.uint8], npt.NDArray[np.int64], npt.NDArray[np.int64]], None
]  # fmt: skip
"""Takes (buffer, where each frame begins in it, where it ends); all are used anew afterwards."""


class Transport(Protocol):
    """One WebSocket connection; server pings are answered by the library underneath."""

    async def open(
        self,
        url: str,
        *,
        max_frame: int,
        ping_s: float | None,
        close_timeout_s: float,
        proxy: str = "",
        headers: tuple[tuple[str, str], ...] = (),
    ) -> None:
        """Connect; raise VenueDisconnected when that fails. Cancelling leaves nothing open.

        Parameters
        ----------
        max_frame : a larger frame ends the connection, bytes
        ping_s : between pings of ours, None for none
        proxy : URL such as ``http://host:3128``; user and password may stand in it
        headers : (name, value) to send with the request to connect
        """
        ...

    async def pump(self, take: Callable[[bytes], None]) -> str:
        """Give every frame to `take` until the connection ends; return why it ended.

        What `take` raises ends the connection and is raised here.
        """
        ...

    async def send(self, frame: str) -> None:
        """Send one text frame; raise VenueDisconnected when the connection is gone."""
        ...

    async def close(self) -> None:
        """Close politely; may be called twice and before `open`."""
        ...


class BurstTransport(Transport, Protocol):
    """A connection that hands over the frames of each read of the socket together."""

    async def pump_bursts(self, take: TakeBurst) -> str:
        """Give the frames of each read to `take`; otherwise like `pump`."""
        ...


def not_open() -> VenueDisconnected:
    """Return the error of a frame that cannot leave."""
    return VenueDisconnected("cannot send: not connected")


def installed() -> list[str]:
    """Return the names of the clients whose libraries are there, the quickest first."""
    return [
        name for name in TRANSPORTS if name == NATIVE or importlib.util.find_spec(name) is not None
    ]


def choose_transport(name: str = "auto", *, bursts: bool = False, proxy: str = "") -> str:
    """Return the client that `name` means.

    ``"auto"`` is what the environment's EXTREMA_NB_WS_CLIENT says, else the quickest that is
    installed.

    Parameters
    ----------
    bursts : whether many frames at once can be taken
    proxy : that the way leads through

    Raises
    ------
    ConfigError
        an unknown name, or a library that is not installed
    """
    said = name
    if name in {"", "auto"}:
        name = os.environ.get(ENV, "") or "auto"
        said = f"{name!r} of {ENV}"
    else:
        said = repr(name)
    if name == "auto":
        return NATIVE if bursts and not proxy and _compiled() else installed()[0]
    if name not in TRANSPORTS:
        raise ConfigError(
            f"unknown transport {said}; expected auto or {' or '.join(TRANSPORTS)}"
            + nearest(name, TRANSPORTS)
        )
    if name not in installed():
        raise ConfigError(
            f"transport {said} is not installed; pip install {name}, or choose one of "
            f"{', '.join(installed())}"
        )
    if name == NATIVE and proxy:
        raise ConfigError(
            f"transport {said} knows no proxy; choose {' or '.join(set(installed()) - {NATIVE})}"
        )
    return name


def _compiled() -> bool:
    """Say whether kernels are compiled; asked late, for who takes no bursts needs no compiler."""
    return bool(importlib.import_module("extrema_nb.jit").ENABLED)


def make_transport(name: str = "auto") -> Transport:
    """Return a new transport; see `choose_transport` for the names."""
    module, kind = TRANSPORTS[choose_transport(name)]
    made = getattr(importlib.import_module(module), kind)()
    return cast("Transport", made)
