"""Settings of a market feed."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from extrema_nb.channels import Candles, Channel, Liquidations, Lob
from extrema_nb.errors import ConfigError
from extrema_nb.net.ws import WsSettings

__all__ = ["FeedSettings"]


class FeedSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Times and sizes of a market feed; silence of a stream is silence of its own frames.

    A connection is left when it brings nothing for as long as its liveliest stream may be silent;
    `idle_s` and `first_message_s` of `ws` are replaced by that, unless they are None. Healthy books
    were silent for 43 s on a small instrument (captured), so the defaults are generous; lower them
    for instruments that never rest. Liquidations may be silent for ever.
    """

    ws: WsSettings = WsSettings()
    book_silence_s: float = 90.0  # book and best prices
    trade_silence_s: float = 900.0  # trades, candles, funding
    lines: int = 1  # connections with the same streams; 2: either may fail without a gap
    life_s: float = 0.0  # replace connections before this age; 0: as the venue demands
    overlap_s: float = 3.0  # least time that old and new connection deliver together
    overlap_most_s: float = 60.0  # a new connection that lacks a stream by then goes itself
    hold_s: float = 0.25  # a book change that is ahead waits so long for the other connection
    snapshot_delay_s: float = 2.0  # ask for a snapshot without a diff to join after this
    snapshot_retry_s: float = 0.25  # first delay after a snapshot that failed or was too old
    resync_grace_s: float = 3.0  # for snapshots that come in the stream, after subscribing
    resync_retry_s: float = 1.0  # least time between two requests for such a snapshot
    snapshot_workers: int = 4  # requests at once
    poll_s: float = 60.0  # in which all is asked for that the venue does not push
    gather: bool = False  # decode frames that come together at once; one publish for all of them
    max_buffered: int = 2000  # diff messages kept a book while it waits

    def ws_of(self, channels: Iterable[Channel]) -> WsSettings:
        """Return the settings of a connection that carries `channels`."""
        limits = [self.silence_us(channel) for channel in channels]
        silence_s = min((us * 1e-6 for us in limits if us), default=None)
        return msgspec.structs.replace(
            self.ws,
            idle_s=None if self.ws.idle_s is None else silence_s,
            first_message_s=None if self.ws.first_message_s is None else silence_s,
            lifetime_s=None,  # `extrema_nb.feeds.link` replaces connections
        )

    def check(self) -> None:
        """Raise ConfigError for what makes no sense."""
        if not 1 <= self.lines <= 2:
            raise ConfigError(f"lines is {self.lines}, expected 1, or 2 for two connections")
        for name in ("book_silence_s", "trade_silence_s", "overlap_s", "hold_s", "poll_s"):
            if not getattr(self, name) > 0:
                raise ConfigError(f"{name} is {getattr(self, name)}, expected more than 0")
        if self.life_s < 0:
            raise ConfigError(f"life_s is {self.life_s}, expected 0 (as the venue demands) or more")

    def silence_us(self, channel: Channel) -> int:
        """Return how long a stream of `channel` may be silent, µs; 0 for ever."""
        if isinstance(channel, Liquidations):
            return 0
        if isinstance(channel, Lob):
            return int(self.book_silence_s * 1e6)
        extra = 60.0 if isinstance(channel, Candles) else 0.0
        return int((self.trade_silence_s + extra) * 1e6)
