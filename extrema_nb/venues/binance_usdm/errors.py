"""Binance's error codes: what each means for an order of ours, and what to do about it.

https://developers.binance.com/docs/derivatives/usds-margined-futures/error-code
"""

from __future__ import annotations

from extrema_nb.wire import ErrorRule, LocalCode, Treatment

__all__ = ["ERRORS", "treat"]

_T = Treatment

ERRORS: dict[int, ErrorRule] = {
    code: ErrorRule(code, meaning, treatment)
    for code, meaning, treatment in (
        (-1000, "unknown error while processing", _T.QUERY),
        (-1001, "internal error, the venue lost its own connection", _T.QUERY),
        (-1002, "not authorized", _T.FATAL),
        (-1003, "too many requests", _T.BACK_OFF),
        (-1006, "the venue does not know whether it executed the request", _T.QUERY),
        (-1007, "the venue's backend did not answer in time", _T.QUERY),
        (-1008, "the venue is overloaded and refused the request", _T.REJECT),
        (-1013, "price, quantity or notional breaks a filter", _T.REJECT),
        (-1015, "too many orders", _T.BACK_OFF),
        (-1021, "timestamp outside recvWindow", _T.RESYNC_CLOCK),
        (-1022, "bad signature", _T.FATAL),
        (-1102, "a mandatory parameter is missing or malformed", _T.REJECT),
        (-1111, "more decimals than the instrument has", _T.REJECT),
        (-1115, "invalid time in force", _T.REJECT),
        (-1116, "invalid order type", _T.REJECT),
        (-1121, "unknown symbol", _T.REJECT),
        (-1125, "the listen key does not exist", _T.NEW_LISTEN_KEY),
        (-2010, "order rejected", _T.REJECT),
        (-2011, "cancel rejected, the order is unknown or over", _T.GONE),
        (-2013, "the order does not exist", _T.GONE),
        (-2014, "malformed API key", _T.FATAL),
        (-2015, "API key, IP address or permission refused", _T.FATAL),
        (-2018, "balance insufficient", _T.REJECT),
        (-2019, "margin insufficient", _T.REJECT),
        (-2020, "can not be filled", _T.REJECT),
        (-2021, "the order would trigger at once", _T.REJECT),
        (-2022, "reduce-only order rejected", _T.REJECT),
        (-2025, "too many open orders", _T.REJECT),
        (-2027, "position limit at this leverage", _T.REJECT),
        (-4003, "quantity below the least allowed", _T.REJECT),
        (-4005, "quantity above the most allowed", _T.REJECT),
        (-4014, "price is not a multiple of the tick size", _T.REJECT),
        (-4016, "price above the allowed band", _T.REJECT),
        (-4024, "price below the allowed band", _T.REJECT),
        (-4046, "margin type is already so", _T.SUCCESS),
        (-4059, "position mode is already so", _T.SUCCESS),
        (-4061, "position side does not fit; the account must be in one-way mode", _T.REJECT),
        (-4116, "client order id is already in use", _T.QUERY),  # ours: an earlier send arrived
        (-4120, "conditional orders go through the algo service", _T.REJECT),
        (-4131, "the other side of the book is too far away for a market order", _T.REJECT),
        (-4164, "notional below the least allowed", _T.REJECT),
        (-4531, "dual-side sync rejected", _T.REJECT),
        (-5021, "fill-or-kill could not be filled", _T.REJECT),
        (-5022, "post-only order would have traded", _T.REJECT),
        (-5026, "the order was amended too often", _T.REJECT),
        (-5027, "the amend changes nothing", _T.REJECT),
        (-5028, "timestamp outside recvWindow at the matching engine", _T.REJECT),
        (-5029, "notional below the least allowed", _T.REJECT),
    )
}

HTTP_BANNED = 418
HTTP_TOO_MANY = 429
HTTP_FORBIDDEN = 403  # the firewall in front of the venue
HTTP_SERVER = 500


def treat(code: int, status: int = 400) -> ErrorRule:
    """Return what to do about an answer with error `code` (0: none) and HTTP `status`.

    A 5xx without a code that says otherwise means that the outcome is unknown; an unlisted code in
    a 4xx answer is a definite no.
    """
    if status in (HTTP_TOO_MANY, HTTP_BANNED):
        return ErrorRule(code or -1003, "too many requests", Treatment.BACK_OFF)
    known = ERRORS.get(code)
    if known is not None:
        return known
    if status == HTTP_FORBIDDEN:
        return ErrorRule(code or -1003, "refused by the venue's firewall", Treatment.BACK_OFF)
    if status >= HTTP_SERVER:
        return ErrorRule(code or -1006, f"HTTP {status}, outcome unknown", Treatment.QUERY)
    return ErrorRule(code or LocalCode.BAD_ANSWER, f"refused (HTTP {status})", Treatment.REJECT)
