"""The private side of Binance USD-M in one object: what `extrema_nb.execution` asks of a venue."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

import msgspec

from extrema_nb.channels import Endpoints
from extrema_nb.errors import VenueDecodeError
from extrema_nb.instruments import Instrument, InstrumentTable
from extrema_nb.venues.binance_usdm import encode, sign
from extrema_nb.venues.binance_usdm.account import EVENTS, AccountDecoder
from extrema_nb.venues.binance_usdm.errors import treat
from extrema_nb.wire import ErrorRule, Request

__all__ = ["TRADING", "BinanceTrading"]


_T = TypeVar("_T", bound=msgspec.Struct)


class _Time(msgspec.Struct):
    serverTime: int  # noqa: N815  # ms; the venue's name


class _Key(msgspec.Struct):
    listenKey: str  # noqa: N815  # the venue's name


class _Limit(msgspec.Struct):
    rateLimitType: str  # noqa: N815  # the venue's name
    interval: str
    intervalNum: int  # noqa: N815  # the venue's name
    limit: int


class _Limits(msgspec.Struct):
    rateLimits: list[_Limit] = []  # noqa: N815  # the venue's name


WINDOWS = {
    ("REQUEST_WEIGHT", "MINUTE", 1): ("weight", 60.0),
    ("ORDERS", "SECOND", 10): ("orders_10s", 10.0),
    ("ORDERS", "MINUTE", 1): ("orders_1m", 60.0),
}
RESERVED = 1 / 6  # of the weight, for cancels alone


class BinanceTrading:
    """Implements `extrema_nb.wire.TradingVenue`."""

    id = "binance-usdm"
    recv_window_ms = 5000
    key_renew_s = 1800.0  # a key lives for 60 minutes
    max_submits = encode.MAX_SUBMITS
    max_cancels = encode.MAX_CANCELS
    # Default tiers; the reserve is what only cancels may use. Cancels cost no order count.
    limits: tuple[tuple[str, int, float, int], ...] = (
        ("weight", 2400, 60.0, 400),
        ("orders_10s", 300, 10.0, 0),
        ("orders_1m", 1200, 60.0, 0),
    )
    used_headers = {  # noqa: RUF012  # read only
        "X-MBX-USED-WEIGHT-1M": "weight",
        "X-MBX-ORDER-COUNT-10S": "orders_10s",
        "X-MBX-ORDER-COUNT-1M": "orders_1m",
    }

    def limits_in(self, raw: bytes) -> tuple[tuple[str, int, float, int], ...]:
        """Return the limits of an exchangeInfo answer, the usual ones for what it does not state.

        Cancels cost weight alone, so the reserve is of that window.
        """
        stated = {
            WINDOWS[key][0]: limit.limit
            for limit in _read(raw, _Limits).rateLimits
            if (key := (limit.rateLimitType, limit.interval, limit.intervalNum)) in WINDOWS
            and limit.limit > 0
        }
        if not stated:
            return ()
        out = []
        for name, usual, seconds, _ in self.limits:
            capacity = stated.get(name, usual)
            out.append(
                (name, capacity, seconds, int(capacity * RESERVED) if name == "weight" else 0)
            )
        return tuple(out)

    def account(self, table: InstrumentTable, session: str) -> AccountDecoder:
        """Return a decoder for the session whose client ids carry `session`."""
        return AccountDecoder(table, session)

    def costs(self, request: Request) -> dict[str, int]:
        """Return what a request spends, by window."""
        costs = {"weight": request.weight}
        if request.orders:
            costs |= {"orders_10s": request.orders, "orders_1m": request.orders}
        return costs

    def headers(self, key: str) -> dict[str, str]:
        """Return the header that names the key."""
        return {sign.KEY_HEADER: key}

    def sign(self, request: Request, secret: str, timestamp_ms: int, recv_window_ms: int) -> str:
        """Return the complete query string of a signed request."""
        return sign.sign_query(request.params, secret, timestamp_ms, recv_window_ms)

    def query(self, request: Request) -> str:
        """Return the query string of a request that needs no signature."""
        return sign.encode_query(request.params)

    def treat(self, code: int, status: int = 400) -> ErrorRule:
        """Return what to do about an error."""
        return treat(code, status)

    def server_time(self, raw: bytes) -> int:
        """Return the venue's clock, µs."""
        return _read(raw, _Time).serverTime * 1000

    def listen_key(self, raw: bytes) -> str:
        """Return the listen key; an error never repeats it."""
        return _read(raw, _Key).listenKey

    def user_stream_url(self, endpoints: Endpoints, listen_key: str) -> str:
        """Return the WebSocket URL of the user stream; it is a secret."""
        events = "/".join(EVENTS)
        return f"{endpoints.ws}/private/ws?listenKey={listen_key}&events={events}"

    def order(self, intent: Any, inst: Instrument, session: str) -> Request:
        """Encode a SUBMIT; raises InvalidOrder."""
        return encode.encode_order(intent, inst, session)

    def batch_orders(self, requests: Sequence[Request]) -> Request:
        """Join up to five order requests."""
        return encode.batch_orders(requests)

    def amend(
        self, order_id: int, side: int, price: float, total_qty: float, inst: Instrument,
        session: str,
    ) -> Request:  # fmt: skip
        """Encode an amend; `total_qty` counts what is executed already; raises InvalidOrder."""
        return encode.encode_amend(order_id, side, price, total_qty, inst, session)

    def cancel(self, order_id: int, inst: Instrument, session: str) -> Request:
        """Encode a cancel."""
        return encode.encode_cancel(order_id, inst, session)

    def batch_cancels(self, order_ids: Sequence[int], inst: Instrument, session: str) -> Request:
        """Encode up to ten cancels of one instrument."""
        return encode.batch_cancels(order_ids, inst, session)

    def cancel_all(self, inst: Instrument) -> Request:
        """Encode the cancel of everything open at an instrument."""
        return encode.encode_cancel_all(inst)

    def order_query(self, order_id: int, inst: Instrument, session: str) -> Request:
        """Encode the question how an order stands."""
        return encode.encode_query(order_id, inst, session)

    def open_orders(self, inst: Instrument | None = None) -> Request:
        """Encode the question what is open."""
        return encode.encode_open_orders(inst)

    def own_trades(self, inst: Instrument, venue_order_id: int) -> Request:
        """Encode the question how an order was executed."""
        return encode.encode_trades(inst, venue_order_id)

    def positions(self) -> Request:
        """Encode the question for all positions."""
        return encode.encode_positions()

    def balances(self) -> Request:
        """Encode the question for all balances."""
        return encode.encode_balance()

    def time(self) -> Request:
        """Encode the question for the venue's clock."""
        return encode.encode_time()

    def key_new(self) -> Request:
        """Encode the request for a listen key."""
        return encode.encode_key_new()

    def key_keep(self) -> Request:
        """Encode the renewal of the listen key."""
        return encode.encode_key_keep()


def _read(raw: bytes, kind: type[_T]) -> _T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except msgspec.MsgspecError as error:
        names = ", ".join(kind.__struct_fields__)
        raise VenueDecodeError(
            f"{BinanceTrading.id}: answer without {names}", venue=BinanceTrading.id
        ) from error


TRADING = BinanceTrading()
