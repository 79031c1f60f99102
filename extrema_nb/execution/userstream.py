"""The user stream: a listen key, a connection, and the care that both need.

Rules
-----
1. Every connection starts with a fresh request for the key (the venue gives the valid one again).
2. The key is renewed long before it ends; a venue that does not know it any more, or says that it
   expired, makes us connect anew.
3. A frame that can not be read is counted and said, and never ends the stream.
4. The key is not closed at the end: other sessions of the account share it.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable

from extrema_nb.channels import Endpoints
from extrema_nb.errors import VenueDecodeError, VenueError
from extrema_nb.execution.desk import Desk
from extrema_nb.execution.redact import clean
from extrema_nb.execution.rest import rule_of
from extrema_nb.net.ws import WsConnection
from extrema_nb.wire import AccountMessage, Treatment

__all__ = ["UserStream"]

log = logging.getLogger(__name__)

KEEP_RETRY_S = 30.0  # after a renewal that failed


class UserStream:
    """Keeps the user stream connected.

    Parameters
    ----------
    desk : shared state
    endpoints : where the venue is
    on_message : takes each message; must not raise
    on_open, on_close : called at each connection and its end
    """

    def __init__(
        self,
        desk: Desk,
        endpoints: Endpoints,
        *,
        on_message: Callable[[AccountMessage], None],
        on_open: Callable[[], None],
        on_close: Callable[[], None],
    ) -> None:
        self._desk = desk
        self._endpoints = endpoints
        self._on_message = on_message
        self._on_open = on_open
        self._on_close = on_close
        self.decode_errors = 0
        self.connected = asyncio.Event()
        self.connection = WsConnection(
            self._url,
            self._take,
            clock=desk.clock,
            on_open=self._opened,
            on_close=self._closed,
            settings=desk.settings.user_stream,
            name=f"{desk.trading.id} user stream",
        )

    async def run(self, stop: asyncio.Event) -> None:
        """Stay connected and renew the key until `stop`."""
        async with asyncio.TaskGroup() as group:
            keeper = group.create_task(self._keep())
            await self.connection.run(stop)
            keeper.cancel()

    async def _url(self) -> str:
        trading = self._desk.trading
        key = trading.listen_key(await self._desk.rest.send(trading.key_new()))
        return trading.user_stream_url(self._endpoints, key)

    async def _keep(self) -> None:
        trading, settings = self._desk.trading, self._desk.settings
        period_s = settings.key_renew_s or trading.key_renew_s
        wait_s = period_s
        while True:
            await asyncio.sleep(wait_s)
            wait_s = period_s
            try:
                await self._desk.rest.send(trading.key_keep())
            except VenueError as error:
                if rule_of(trading, error).treatment is Treatment.NEW_LISTEN_KEY:
                    self.connection.reconnect("the listen key is gone")
                else:
                    wait_s = min(KEEP_RETRY_S, period_s)
                    log.warning("listen key not renewed: %s", clean(str(error)))

    def _opened(self) -> None:
        self.connected.set()
        self._on_open()

    def _closed(self, _reason: str) -> None:
        self.connected.clear()
        self._on_close()

    def _take(self, frame: bytes, _ts_recv: int) -> bool:
        try:
            message = self._desk.account.parse(frame)
        except VenueDecodeError as error:
            self.decode_errors += 1
            log.error("%s", clean(str(error)))  # noqa: TRY400  # the trace says nothing more
            return False
        if message.key_expired:
            self.connection.reconnect("the listen key expired")
        self._on_message(message)
        return True
