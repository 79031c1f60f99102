"""The private side of Binance USD-M: user-data frames and REST answers into reports and rows.

Rules
-----
1. Optional fields may be absent; a known field that can not be read is a VenueDecodeError.
2. Event types without meaning for us (TRADE_LITE, ALGO_UPDATE, …) give an empty message:
   ORDER_TRADE_UPDATE tells the same executions with their fees.
3. What concerns an instrument that is not in the table is left out.
4. A position row is the net of the account's sides, whose parts are remembered between frames.

https://developers.binance.com/docs/derivatives/usds-margined-futures/user-data-streams
"""

from __future__ import annotations

import math
from typing import Any

import msgspec

from extrema_nb.errors import VenueDecodeError
from extrema_nb.events import (
    ACC_BAL,
    ACC_POS,
    EventArray,
    EventKind,
    Flag,
    OrderEvent,
    OrderStatus,
    OrderType,
    Side,
    TimeInForce,
    empty_events,
    pack_text,
)
from extrema_nb.instruments import InstrumentTable
from extrema_nb.venues.binance_usdm.encode import check_session, own_id
from extrema_nb.venues.binance_usdm.errors import treat
from extrema_nb.wire import AccountMessage, ErrorRule, OrderReport, write_report

__all__ = ["EVENTS", "AccountDecoder"]

VENUE_ID = "binance-usdm"
EVENTS = ("ORDER_TRADE_UPDATE", "ACCOUNT_UPDATE", "listenKeyExpired")  # what we ask to be told

NAN = float("nan")
MS = 1000  # µs
ASSET_LETTERS = 8  # what an ACC_BAL row can hold

STATUS = {
    "NEW": OrderStatus.LIVE,
    "PARTIALLY_FILLED": OrderStatus.PARTIALLY_FILLED,
    "FILLED": OrderStatus.FILLED,
    "CANCELED": OrderStatus.CANCELED,
    "REJECTED": OrderStatus.REJECTED,
    "EXPIRED": OrderStatus.EXPIRED,
    "EXPIRED_IN_MATCH": OrderStatus.EXPIRED,
}
EVENT = {
    "NEW": OrderEvent.ACCEPTED,
    "TRADE": OrderEvent.TRADE,
    "CALCULATED": OrderEvent.TRADE,  # liquidation and auto-deleveraging
    "CANCELED": OrderEvent.CANCELED,
    "REJECTED": OrderEvent.REJECTED,
    "EXPIRED": OrderEvent.EXPIRED,
    "AMENDMENT": OrderEvent.AMENDED,
}
STATE_EVENT = {
    OrderStatus.LIVE: OrderEvent.ACCEPTED,
    OrderStatus.PARTIALLY_FILLED: OrderEvent.TRADE,
    OrderStatus.FILLED: OrderEvent.TRADE,
    OrderStatus.CANCELED: OrderEvent.CANCELED,
    OrderStatus.REJECTED: OrderEvent.REJECTED,
    OrderStatus.EXPIRED: OrderEvent.EXPIRED,
}
TIF = {word: TimeInForce[word] for word in ("GTX", "IOC", "FOK", "GTD")}

_Fields = dict[str, Any]
_UNREADABLE = (AttributeError, KeyError, TypeError, ValueError, OverflowError)
WORD = 2**63  # whole numbers from here on fit no row


class AccountDecoder:
    """Decodes for one session: its client ids become numbers, all others -1."""

    def __init__(self, table: InstrumentTable, session: str) -> None:
        self._table = table
        self._session = check_session(session)
        self._sides: dict[tuple[int, str], tuple[float, float, float]] = {}

    def parse(self, frame: bytes) -> AccountMessage:
        """Return one user-stream message; raises VenueDecodeError."""
        fields = _decode(frame)
        if not isinstance(fields, dict):
            raise _bad("expected an object", frame)
        if "e" not in fields and isinstance(fields.get("data"), dict):
            fields = fields["data"]  # combined stream
        event = str(fields.get("e", ""))
        try:
            if event == "ORDER_TRADE_UPDATE":
                report = self._update(fields)
                return AccountMessage(event, reports=(report,) if report else ())
            if event == "ACCOUNT_UPDATE":
                return AccountMessage(event, rows=self._account(fields))
        except _UNREADABLE as error:
            raise _bad(f"{event}: cannot read {error}", frame) from error
        return AccountMessage(event, key_expired=event == "listenKeyExpired")

    def decode(self, frame: bytes, ts_recv: int, out: EventArray, n: int) -> int:
        """Write the rows of one frame from ``out[n]`` on and return the new `n`.

        Parameters
        ----------
        frame : as it came off the wire
        ts_recv : µs, our clock
        out : EVENT rows with room for two, or for as many balances and positions as it names
        n : rows already in `out`
        """
        message = self.parse(frame)
        for report in message.reports:
            n = write_report(report, ts_recv, out, n)
        if message.rows is not None:
            message.rows["ts_recv"] = ts_recv
            out[n : n + len(message.rows)] = message.rows
            n += len(message.rows)
        return n

    def order(self, raw: bytes) -> OrderReport:
        """Return the report in the answer to a submit, cancel, amend or query."""
        report = self._state(_decode(raw), raw)
        if isinstance(report, OrderReport):
            return report
        raise _bad("expected an order of a known instrument", raw)

    def orders(self, raw: bytes) -> list[OrderReport | ErrorRule]:
        """Return the reports in a list answer; an item that failed is an ErrorRule."""
        found = (self._state(item, raw) for item in _list(raw))
        return [item for item in found if item is not None]

    def trades(self, raw: bytes) -> list[tuple[int, OrderReport]]:
        """Return (venue order id, report) of own executions, oldest first."""
        found = []
        for item in _list(raw):
            try:
                inst = self._table.get_symbol(VENUE_ID, item["symbol"])
                if inst < 0:
                    continue
                report = OrderReport(
                    inst, -1, _whole(item["orderId"]), OrderEvent.TRADE, OrderStatus.NONE,
                    _side(item["side"]), NAN, NAN, NAN, _micros(item["time"]),
                    last_qty=float(item["qty"]), last_price=float(item["price"]),
                    trade_id=_whole(item["id"]), maker=bool(item.get("maker", False)),
                    fee=self._fee(inst, item.get("commissionAsset"), item.get("commission")),
                )  # fmt: skip
            except _UNREADABLE as error:
                raise _bad(f"own trade: cannot read {error}", raw) from error
            found.append((report.venue_order_id, report))
        return sorted(found, key=lambda pair: (pair[1].ts_event, pair[1].trade_id))

    def positions(self, raw: bytes) -> EventArray:
        """Return SNAPSHOT ACC_POS rows, one an instrument of the table, 0 where flat."""
        sides: dict[tuple[int, str], tuple[float, float, float]] = {}
        marks: dict[int, tuple[float, int]] = {}
        for item in _list(raw):
            try:
                inst = self._table.get_symbol(VENUE_ID, item["symbol"])
                if inst >= 0:
                    sides[inst, item.get("positionSide", "BOTH")] = (
                        float(item["positionAmt"]),
                        _number(item, "entryPrice"),
                        _number(item, "unRealizedProfit", 0.0),
                    )
                    ts = _micros(item.get("updateTime"))
                    marks[inst] = (_number(item, "markPrice"), max(ts, marks.get(inst, (0, 0))[1]))
            except _UNREADABLE as error:
                raise _bad(f"position: cannot read {error}", raw) from error
        self._sides = sides
        insts = [i for i, inst in enumerate(self._table) if inst.venue == VENUE_ID]
        rows = empty_events(len(insts))
        for n, inst in enumerate(insts):
            mark, ts = marks.get(inst, (NAN, 0))
            self._position(rows, n, inst, ts)
            rows[n : n + 1].view(ACC_POS)["mark_price"] = mark
        rows["flags"] |= int(Flag.SNAPSHOT)
        return rows

    def balances(self, raw: bytes) -> EventArray:
        """Return SNAPSHOT ACC_BAL rows."""
        items = [item for item in _list(raw) if _fits(item.get("asset"))]
        rows = empty_events(len(items))
        view = rows.view(ACC_BAL)
        for n, item in enumerate(items):
            try:
                view["ts_event"][n] = _micros(item.get("updateTime"))
                view["asset"][n] = pack_text(item["asset"])
                view["balance"][n] = float(item["balance"])
                view["available"][n] = _number(item, "availableBalance")
                view["change"][n] = NAN
            except _UNREADABLE as error:
                raise _bad(f"balance: cannot read {error}", raw) from error
        _mark(rows, EventKind.ACC_BAL, Flag.LAST | Flag.SNAPSHOT)
        return rows

    def _update(self, fields: _Fields) -> OrderReport | None:
        order = fields["o"]
        inst = self._table.get_symbol(VENUE_ID, order["s"])
        if inst < 0:
            return None
        qty, cum = float(order["q"]), float(order["z"])
        status = STATUS.get(order["X"])
        if status is None:  # NEW_INSURANCE, NEW_ADL: liquidations, told by what is executed
            status = OrderStatus.FILLED if cum >= qty else OrderStatus.PARTIALLY_FILLED
        event = EVENT.get(order.get("x", ""), STATE_EVENT[status])
        return OrderReport(
            inst=inst,
            client_order_id=own_id(self._session, str(order.get("c", ""))),
            venue_order_id=_whole(order["i"]),
            event=event,
            status=status,
            side=_side(order["S"]),
            price=_limit(order.get("p")),
            qty=qty,
            cum_qty=cum,
            ts_event=_micros(order.get("T") or fields.get("T") or fields.get("E")),
            tif=TIF.get(order.get("f", ""), TimeInForce.GTC),
            order_type=_order_type(order.get("o", "")),
            last_qty=_number(order, "l", 0.0) if event == OrderEvent.TRADE else 0.0,
            last_price=_limit(order.get("L")),
            trade_id=_whole(order.get("t") or -1),
            fee=self._fee(inst, order.get("N"), order.get("n")),
            maker=bool(order.get("m", False)),
            avg_price=_limit(order.get("ap")),
        )

    def _state(self, item: Any, raw: bytes) -> OrderReport | ErrorRule | None:
        try:
            if "orderId" not in item and "code" in item:
                return treat(_whole(item["code"]))
            inst = self._table.get_symbol(VENUE_ID, item["symbol"])
            if inst < 0:
                return None
            status = STATUS.get(item["status"], OrderStatus.PARTIALLY_FILLED)
            return OrderReport(
                inst=inst,
                client_order_id=own_id(self._session, str(item.get("clientOrderId", ""))),
                venue_order_id=_whole(item["orderId"]),
                event=STATE_EVENT[status],
                status=status,
                side=_side(item["side"]),
                price=_limit(item.get("price")),
                qty=float(item["origQty"]),
                cum_qty=float(item.get("executedQty") or item.get("cumQty") or 0.0),
                ts_event=_micros(item.get("updateTime") or item.get("time")),
                tif=TIF.get(item.get("timeInForce", ""), TimeInForce.GTC),
                order_type=_order_type(item.get("type", "")),
                avg_price=_limit(item.get("avgPrice")),
            )
        except _UNREADABLE as error:
            raise _bad(f"order: cannot read {error}", raw) from error

    def _account(self, fields: _Fields) -> EventArray:
        account = fields.get("a") or {}
        ts = _micros(fields.get("T") or fields.get("E"))
        balances = [b for b in account.get("B") or () if _fits(b.get("a"))]
        touched: list[int] = []
        for position in account.get("P") or ():
            inst = self._table.get_symbol(VENUE_ID, position["s"])
            if inst < 0:
                continue
            self._sides[inst, position.get("ps", "BOTH")] = (
                float(position["pa"]),
                _number(position, "ep"),
                _number(position, "up", 0.0),
            )
            if inst not in touched:
                touched.append(inst)
        rows = empty_events(len(balances) + len(touched))
        view = rows.view(ACC_BAL)
        for n, balance in enumerate(balances):
            view["ts_event"][n] = ts
            view["asset"][n] = pack_text(balance["a"])
            view["balance"][n] = float(balance["wb"])
            view["available"][n] = NAN  # not told; cw is the cross wallet, not what is free
            view["change"][n] = _number(balance, "bc")
        _mark(rows[: len(balances)], EventKind.ACC_BAL, 0)
        for n, inst in enumerate(touched, len(balances)):
            self._position(rows, n, inst, ts)
        rows["flags"] &= ~int(Flag.LAST)
        rows["flags"][-1:] |= int(Flag.LAST)
        return rows

    def _position(self, rows: EventArray, n: int, inst: int, ts: int) -> None:
        parts = [part for (at, _), part in self._sides.items() if at == inst and part[0] != 0]
        row = rows[n : n + 1].view(ACC_POS)[0]
        row.ts_event = ts
        row.inst = inst
        row.kind = EventKind.ACC_POS
        row.flags = Flag.LAST
        row.qty = math.fsum(part[0] for part in parts)
        row.entry_price = parts[0][1] if len(parts) == 1 else NAN
        row.unrealized = math.fsum(part[2] for part in parts)
        row.mark_price = NAN

    def _fee(self, inst: int, asset: Any, fee: Any) -> float:
        if asset in (None, ""):  # no commission, no field
            return float(fee or 0.0)
        return float(fee) if asset == self._table[inst].quote else NAN


def _bad(message: str, frame: bytes) -> VenueDecodeError:
    return VenueDecodeError(f"{VENUE_ID} private: {message}", venue=VENUE_ID, frame=frame)


def _decode(raw: bytes) -> Any:
    try:
        return msgspec.json.decode(raw)
    except msgspec.DecodeError as error:
        raise _bad(f"not JSON ({error})", raw) from error


def _list(raw: bytes) -> list[_Fields]:
    items = _decode(raw)
    if not isinstance(items, list) or not all(isinstance(item, dict) for item in items):
        raise _bad("expected a list of objects", raw)
    return items


def _whole(value: Any) -> int:
    number = int(value)
    if abs(number) >= WORD:
        raise ValueError(f"{number}, too large")
    return number


def _micros(millis: Any) -> int:
    return _whole(_whole(millis or 0) * MS)


def _number(fields: _Fields, name: str, absent: float = NAN) -> float:
    value = fields.get(name)
    return absent if value in (None, "") else float(value)


def _limit(value: Any) -> float:
    number = float(value or 0.0)
    return number if number > 0 else NAN  # "0" stands where there is no price


def _side(word: str) -> int:
    if word == "BUY":
        return int(Side.BUY)
    if word == "SELL":
        return int(Side.SELL)
    raise ValueError(f"side {word!r}")


def _order_type(word: str) -> int:
    return int(OrderType.MARKET if "MARKET" in word else OrderType.LIMIT)


def _fits(asset: Any) -> bool:
    return isinstance(asset, str) and asset.isascii() and 0 < len(asset) <= ASSET_LETTERS


def _mark(rows: EventArray, kind: EventKind, flags: int) -> None:
    rows["kind"] = kind
    rows["inst"] = -1
    rows["flags"] = flags
