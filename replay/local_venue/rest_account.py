"""REST answers about the account: balances, positions, leverage, position mode, listen key."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from replay.local_venue.account import ASSET, Position
from replay.local_venue.errors import ApiError
from replay.local_venue.orders import plain
from replay.local_venue.params import Params
from replay.local_venue.rest import Desk, Endpoint, Security

__all__ = ["ACCOUNT"]

MAX_LEVERAGE = 125
HEDGE = "hedge mode is not offered by the local venue; it keeps one position a symbol"


async def balance(desk: Desk, _params: Params) -> Any:
    """Show the balance."""
    account, marks = desk.account, desk.orders.marks()
    free = plain(account.available(marks, desk.orders.open_orders()))
    return [
        {
            "accountAlias": "local", "asset": ASSET, "balance": plain(account.wallet),
            "crossWalletBalance": plain(account.wallet),
            "crossUnPnl": plain(account.unrealized(marks)), "availableBalance": free,
            "maxWithdrawAmount": free, "marginAvailable": True,
            "updateTime": account.update_time,
        }
    ]  # fmt: skip


def _position(position: Position, mark: Decimal) -> dict[str, Any]:
    spec = position.spec
    notional = spec.qty(position.lots) * mark
    margin = plain(abs(notional) / position.leverage)
    return {
        "symbol": spec.symbol, "positionSide": "BOTH",
        "positionAmt": spec.qty_text_signed(position.lots), "entryPrice": plain(position.entry),
        "breakEvenPrice": plain(position.entry), "markPrice": plain(mark),
        "unRealizedProfit": plain(position.unrealized(mark)), "liquidationPrice": "0",
        "isolatedMargin": "0", "notional": plain(notional), "marginAsset": ASSET,
        "isolatedWallet": "0", "initialMargin": margin, "maintMargin": "0",
        "positionInitialMargin": margin, "openOrderInitialMargin": "0", "adl": 0,
        "bidNotional": "0", "askNotional": "0", "updateTime": position.update_time,
    }  # fmt: skip


def _asked(desk: Desk, params: Params) -> list[Position]:
    if "symbol" in params:
        return [desk.account.positions[desk.orders.spec(params).symbol]]
    return list(desk.account.positions.values())


async def position_risk_v3(desk: Desk, params: Params) -> Any:
    """Show positions that are not flat, or have open orders."""
    busy = {o.spec.symbol for o in desk.orders.open_orders()}
    return [
        _position(p, desk.market.mark(p.spec.symbol))
        for p in _asked(desk, params)
        if p.lots or p.spec.symbol in busy
    ]


async def position_risk_v2(desk: Desk, params: Params) -> Any:
    """Show all positions, also flat ones."""
    more = {"marginType": "cross", "isAutoAddMargin": "false", "maxNotionalValue": "100000000"}
    return [
        {**_position(p, desk.market.mark(p.spec.symbol)), "leverage": str(p.leverage), **more}
        for p in _asked(desk, params)
    ]


async def account(desk: Desk, _params: Params) -> Any:
    """Show balances, margins and positions in one."""
    money, marks = desk.account, desk.orders.marks()
    open_orders = desk.orders.open_orders()
    unrealized = money.unrealized(marks)
    positions, orders = money.position_margin(marks), money.order_margin(open_orders)
    free = plain(money.available(marks, open_orders))
    margins = {
        "initialMargin": plain(positions + orders), "maintMargin": plain(Decimal(0)),
        "positionInitialMargin": plain(positions), "openOrderInitialMargin": plain(orders),
    }  # fmt: skip
    sums = {
        "walletBalance": plain(money.wallet), "unrealizedProfit": plain(unrealized),
        "marginBalance": plain(money.wallet + unrealized), **margins,
        "crossWalletBalance": plain(money.wallet), "crossUnPnl": plain(unrealized),
    }  # fmt: skip
    totals = {"total" + name[0].upper() + name[1:]: value for name, value in sums.items()}
    own = {"availableBalance": free, "maxWithdrawAmount": free}
    asset = {
        "asset": ASSET,
        **sums,
        **own,
        "marginAvailable": True,
        "updateTime": money.update_time,
    }
    return {
        "feeTier": 0, "canTrade": True, "canDeposit": False, "canWithdraw": False,
        "updateTime": 0, "multiAssetsMargin": False, "tradeGroupId": -1, **totals, **own,
        "assets": [asset],
        "positions": [
            {**(shown := _position(p, marks[p.spec.symbol])),
             "unrealizedProfit": shown["unRealizedProfit"], "leverage": str(p.leverage),
             "isolated": False, "maxNotional": "100000000"}
            for p in money.positions.values()
        ],
    }  # fmt: skip


async def leverage(desk: Desk, params: Params) -> Any:
    """Set the leverage of a symbol."""
    spec = desk.orders.spec(params)
    wanted = params.integer("leverage")
    if not 1 <= wanted <= MAX_LEVERAGE:
        raise ApiError(-4028, wanted)
    desk.account.positions[spec.symbol].leverage = wanted
    return {"leverage": wanted, "maxNotionalValue": "100000000", "symbol": spec.symbol}


async def margin_type(desk: Desk, params: Params) -> Any:
    """Refuse isolated margin; crossed is what there is."""
    desk.orders.spec(params)
    if params.need("marginType") == "CROSSED":
        raise ApiError(-4046)
    raise ApiError(-4084, "isolated margin is not offered by the local venue")


async def position_mode(_desk: Desk, _params: Params) -> Any:
    """Show the position mode, always one-way."""
    return {"dualSidePosition": False}


async def set_position_mode(_desk: Desk, params: Params) -> Any:
    """Refuse hedge mode."""
    params.need("dualSidePosition")
    if params.flag("dualSidePosition"):
        raise ApiError(-4084, HEDGE)
    raise ApiError(-4059)


async def commission_rate(desk: Desk, params: Params) -> Any:
    """Show the fees of a symbol."""
    return {
        "symbol": desk.orders.spec(params).symbol,
        "makerCommissionRate": str(desk.account.maker_fee),
        "takerCommissionRate": str(desk.account.taker_fee),
    }


async def open_key(desk: Desk, _params: Params) -> Any:
    """Give the listen key; it lives an hour from now."""
    return {"listenKey": desk.users.create(desk.now_ms())}


async def keep_key(desk: Desk, _params: Params) -> Any:
    """Let the listen key live an hour from now."""
    return {"listenKey": desk.users.extend(desk.now_ms())}


async def close_key(desk: Desk, _params: Params) -> Any:
    """Close the user data stream."""
    desk.users.close()
    return {}


_SIGNED, _KEY = Security.SIGNED, Security.KEY
ACCOUNT = [
    Endpoint("GET", "/fapi/v2/balance", balance, _SIGNED, weight=5),
    Endpoint("GET", "/fapi/v3/balance", balance, _SIGNED, weight=5),
    Endpoint("GET", "/fapi/v2/positionRisk", position_risk_v2, _SIGNED, weight=5),
    Endpoint("GET", "/fapi/v3/positionRisk", position_risk_v3, _SIGNED, weight=5),
    Endpoint("GET", "/fapi/v2/account", account, _SIGNED, weight=5),
    Endpoint("GET", "/fapi/v3/account", account, _SIGNED, weight=5),
    Endpoint("POST", "/fapi/v1/leverage", leverage, _SIGNED),
    Endpoint("POST", "/fapi/v1/marginType", margin_type, _SIGNED),
    Endpoint("GET", "/fapi/v1/positionSide/dual", position_mode, _SIGNED, weight=30),
    Endpoint("POST", "/fapi/v1/positionSide/dual", set_position_mode, _SIGNED),
    Endpoint("GET", "/fapi/v1/commissionRate", commission_rate, _SIGNED, weight=20),
    Endpoint("POST", "/fapi/v1/listenKey", open_key, _KEY),
    Endpoint("PUT", "/fapi/v1/listenKey", keep_key, _KEY),
    Endpoint("DELETE", "/fapi/v1/listenKey", close_key, _KEY),
]
