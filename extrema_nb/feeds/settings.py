"""Settings of a market feed."""

from __future__ import annotations

from collections.abc import Iterable

import msgspec

from extrema_nb.channels import Candles, Channel, Lob
from extrema_nb.net.ws import WsSettings

__all__ = ["FeedSettings"]


class FeedSettings(msgspec.Struct, frozen=True, kw_only=True):
    """Times and sizes of a market feed; silence of a stream is silence of its own frames.

    A connection is left when it brings nothing for as long as its liveliest stream may be silent;
    `idle_s` and `first_message_s` of `ws` are replaced by that, unless they are None. Healthy books were silent for 43 s on a small instrument (captured), so the defaults are
    generous; lower them for instruments that never rest.
    """

    ws: WsSettings = WsSettings()
    book_silence_s: float = 90.0  # book and best prices
    trade_silence_s: float = 900.0  # trades and candles
    snapshot_delay_s: float = 2.0  # ask for a snapshot without a diff to join after this
    snapshot_retry_s: float = 0.25  # first delay after a snapshot that failed or was too old
    snapshot_workers: int = 4  # requests at once
    max_buffered: int = 2000  # diff messages kept a book while it waits

    def ws_of(self, channels: Iterable[Channel]) -> WsSettings:
        """Return the settings of a connection that carries `channels`."""
        silence_s = min(self.silence_us(channel) for channel in channels) * 1e-6
        return msgspec.structs.replace(
            self.ws,
            idle_s=None if self.ws.idle_s is None else silence_s,
            first_message_s=None if self.ws.first_message_s is None else silence_s,
        )

    def silence_us(self, channel: Channel) -> int:
        """Return how long a stream of `channel` may be silent, µs."""
        if isinstance(channel, Lob):
            return int(self.book_silence_s * 1e6)
        extra = 60.0 if isinstance(channel, Candles) else 0.0
        return int((self.trade_silence_s + extra) * 1e6)
