"""Funding at the local venue: what is stated, and what the user's positions pay when it is due.

Rules
-----
1. It is due at whole multiples of the interval, as at the venue, for the position of that moment.
2. Positions pay quantity × mark × rate, longs a positive rate; the wallet changes, and an
   ACCOUNT_UPDATE of reason FUNDING_FEE tells it. Who holds nothing pays nothing.
3. A captured market states what was captured, whose times have passed: nothing is paid there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from replay.local_venue.account import Account
from replay.local_venue.port import Market, Terms
from replay.local_venue.users import ListenKeys, funding_update

__all__ = ["pay_funding", "run_funding"]


def pay_funding(
    terms: Terms, market: Market, account: Account, users: ListenKeys, now_ms: int
) -> None:
    """Let every open position pay, and tell the user."""
    for symbol, position in account.positions.items():
        if position.lots:
            account.fund(symbol, market.mark(symbol), terms.rate, now_ms)
            users.publish("ACCOUNT_UPDATE", funding_update(account, now_ms))


async def run_funding(
    terms: Terms,
    market: Market,
    account: Account,
    users: ListenKeys,
    now_ms: Callable[[], int],
) -> None:
    """Let positions pay at each multiple of the interval, until cancelled."""
    due = terms.due_after(now_ms())
    while True:
        await asyncio.sleep(max(due - now_ms(), 0) / 1000)
        if now_ms() < due:  # woken a little early
            continue
        for symbol in market.specs:
            market.refresh(symbol)
        pay_funding(terms, market, account, users, due)
        due = terms.due_after(max(due, now_ms() - 1))
