"""The venue's error answers: code, text and HTTP status, as one table."""

from __future__ import annotations

__all__ = ["MESSAGES", "ApiError"]

MESSAGES: dict[int, str] = {
    -1000: "An unknown error occurred while processing the request.",
    -1003: "Too many requests; current limit is {0} request weight per minute.",
    -1007: "Timeout waiting for response from backend server. Send status unknown; "
    "execution status unknown.",
    -1013: "Filter failure: {0}",
    -1015: "Too many new orders; current limit is {0} orders per {1}.",
    -1021: "Timestamp for this request is outside of the recvWindow.",
    -1022: "Signature for this request is not valid.",
    -1100: "Illegal characters found in parameter '{0}'.",
    -1102: "Mandatory parameter '{0}' was not sent, was empty/null, or malformed.",
    -1106: "Parameter '{0}' sent when not required.",
    -1111: "Precision is over the maximum defined for this asset.",
    -1115: "Invalid timeInForce.",
    -1116: "Invalid orderType.",
    -1117: "Invalid side.",
    -1120: "Invalid interval.",
    -1121: "Invalid symbol.",
    -1125: "This listenKey does not exist.",
    -1130: "Data sent for parameter '{0}' is not valid.",
    -1131: "recvWindow must be less than 60000.",
    -2010: "New order rejected: {0}",
    -2011: "Unknown order sent.",
    -2013: "Order does not exist.",
    -2014: "API-key format invalid.",
    -2015: "Invalid API-key, IP, or permissions for action.",
    -2019: "Margin is insufficient.",
    -2022: "ReduceOnly Order is rejected.",
    -4000: "Invalid order status.",
    -4002: "Price greater than max price.",
    -4013: "Price less than min price.",
    -4014: "Price not increased by tick size.",
    -4015: "Client order id is not valid.",
    -4016: "Limit price can't be higher than {0}.",
    -4021: "'{0}' is not valid depth limit.",
    -4023: "Qty not increased by step size.",
    -4024: "Limit price can't be lower than {0}.",
    -4028: "Leverage {0} is not valid",
    -4046: "No need to change margin type.",
    -4059: "No need to change position side.",
    -4061: "Order's position side does not match user's setting.",
    -4082: "Invalid number of batch place orders: {0}",
    -4084: "Method is not allowed currently: {0}",
    -4116: "ClientOrderId is duplicated.",
    -4120: "Order type not supported for this endpoint. Please use the Algo Order API endpoints "
    "instead.",
    -4131: "The counterparty's best price does not meet the PERCENT_PRICE filter limit.",
    -4164: "Order's notional must be no smaller than {0} (unless you choose reduce only).",
    -5000: "Path {0}, Method {1} is invalid",
    -5022: "Due to the order could not be executed as maker, the Post Only order will be rejected. "
    "The order will not be recorded in the order history",
    -5027: "No need to modify the order.",
}

_STATUS = {-2014: 401, -2015: 401, -1003: 429, -1015: 429, -1000: 500, -1007: 408}


class ApiError(Exception):
    """An answer of the venue that is not what the client hoped for.

    Attributes
    ----------
    code : the venue's error code
    status : HTTP status
    headers : extra HTTP headers
    """

    def __init__(self, code: int, *words: object, status: int = 0, text: str = "") -> None:
        self.code = code
        self.text = text or MESSAGES.get(code, "Unknown error.").format(*words)
        self.status = status or _STATUS.get(code, 400)
        self.headers: dict[str, str] = {}
        super().__init__(f"{code}: {self.text}")

    def body(self) -> dict[str, object]:
        """Return the JSON object of the answer."""
        return {"code": self.code, "msg": self.text}
