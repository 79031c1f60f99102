"""Latency models: how long a request is on its way to the exchange, and a report back.

Rules
-----
1. Times are int64 µs. What a kernel returns depends on its arguments alone: cutting the rows into
   other batches changes nothing.
2. A negative entry latency says that the request is refused on its way; the strategy learns of it
   after the absolute value. A response latency is never negative.
3. Between two rows of a table latencies are linear, outside they are those of the edge; if either
   neighbour was refused, so is the request, and it is known after the interpolated round trip.
4. A draw depends on the seed, the direction and the number of the request or report.
5. That messages do not overtake each other is the business of whoever keeps the queues.
"""

from __future__ import annotations

import statistics
from enum import IntEnum
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from extrema_nb.errors import DataError
from extrema_nb.jit import attach_views, kernel
from replay.exchange.latency_config import LONGEST_US, LatencyConfig, parse_latency
from replay.exchange.latency_table import LatencyTable, read_latency_table

__all__ = [
    "Latency",
    "LatencyConfig",
    "LatencyModel",
    "entry_latency",
    "fit_lognormal",
    "latency_identity",
    "make_latency",
    "parse_latency",
    "response_latency",
]

QUANTILES = 1 << 14  # steps of a fitted distribution; it ends at 4 standard deviations
WORD = 0xFFFFFFFF  # 32 bits


class LatencyModel(IntEnum):
    """Where latencies come from."""

    CONSTANT = 0  # two numbers; none is 0 and 0
    FEED = 1  # factor times the latency of the feed, plus an offset
    TABLE = 2  # measured requests, interpolated
    SAMPLED = 3  # seeded draws from a distribution


_CONSTANT = int(LatencyModel.CONSTANT)
_FEED = int(LatencyModel.FEED)
_TABLE = int(LatencyModel.TABLE)

_TABLES = ("request_times", "entry_spans", "round_trips", "refused", "exchange_times",
           "response_spans")  # fmt: skip
LATENCY = np.dtype(
    (
        np.record,
        np.dtype(
            [
                *((name, "<i8") for name in ("model", "entry_us", "response_us")),
                *((name, "<f8") for name in ("factor", "offset_us")),
                *((name, "<f8") for name in ("response_factor", "response_offset_us")),
                *((name, "<i8") for name in ("requests_known", "responses_known")),
                *((name, "<i8") for name in ("entry_key", "entry_key2")),
                *((name, "<i8") for name in ("response_key", "response_key2")),
                *((name, "<i8") for name in _TABLES),
            ],
            align=True,
        ),
    )
)


class Latency(NamedTuple):
    """A latency model for kernels: the address of one record.

    Arrays: of a table ``request_times``, ``entry_spans``, ``round_trips`` and ``refused`` (1 where
    it was) a request, ``exchange_times`` and ``response_spans`` an accepted one; of a distribution
    ``entry_spans`` and ``response_spans``, equally likely values in rising order.
    """

    at: int


attach_views(
    Latency,
    LATENCY,
    request_times=("requests_known", np.int64),
    entry_spans=("requests_known", np.int64),
    round_trips=("requests_known", np.int64),
    refused=("requests_known", np.int64),
    exchange_times=("responses_known", np.int64),
    response_spans=("responses_known", np.int64),
)


@kernel(part=True)
def _neighbour(times: npt.NDArray[Any], ts: int) -> int:
    """Return the last place whose time is at or before `ts`, -1 if there is none."""
    low, high = 0, len(times)
    while low < high:
        middle = (low + high) >> 1
        if times[middle] <= ts:
            low = middle + 1
        else:
            high = middle
    return low - 1


@kernel(part=True)
def _between(times: npt.NDArray[Any], spans: npt.NDArray[Any], place: int, ts: int) -> int:
    """Return the span at `ts`, linear from `place` to the next row, truncated to µs."""
    if place < 0:
        return int(spans[0])
    if place + 1 >= len(times):
        return int(spans[len(times) - 1])
    rise = float(spans[place + 1] - spans[place]) / float(times[place + 1] - times[place])
    return int(spans[place]) + int(rise * float(ts - times[place]))


@kernel(part=True)
def _mix(x: int) -> int:
    """Return 32 bits in which every bit of `x` counts; products stay below 2**63."""
    x = ((x ^ (x >> 16)) * 0x21F0AAAD) & WORD
    x = ((x ^ (x >> 15)) * 0x735A2D97) & WORD
    return x ^ (x >> 15)


@kernel(part=True)
def _draw(spans: npt.NDArray[Any], key: int, key2: int, number: int) -> int:
    """Return the span that `number` draws; each is as likely as any other."""
    low = _mix((number & WORD) ^ key)
    bits = _mix(((low + ((number >> 32) & WORD)) & WORD) ^ key2)
    return int(spans[(bits * len(spans)) >> 32])


@kernel(part=True)
def _scaled(factor: float, offset_us: float, feed_latency: int) -> int:
    return int(max(np.floor(factor * feed_latency + offset_us + 0.5), 0.0))


@kernel(part=True)
def entry_latency(latency: Latency, ts: int, feed_latency: int, number: int) -> int:
    """Return µs from us to the exchange; negative: refused, and known after the absolute value.

    Parameters
    ----------
    ts : µs, local clock, when the request leaves
    feed_latency : µs that the latest market row took to us
    number : running number of the request; a draw of the sampled model belongs to it
    """
    hub = latency.hub
    if hub.model == _CONSTANT:
        return int(hub.entry_us)
    if hub.model == _FEED:
        return _scaled(hub.factor, hub.offset_us, feed_latency)
    if hub.model == _TABLE:
        place = _neighbour(latency.request_times, ts)
        here, after = max(place, 0), min(place + 1, len(latency.refused) - 1)
        if latency.refused[here] != 0 or latency.refused[after] != 0:
            return -max(_between(latency.request_times, latency.round_trips, place, ts), 1)
        return _between(latency.request_times, latency.entry_spans, place, ts)
    return _draw(latency.entry_spans, hub.entry_key, hub.entry_key2, number)


@kernel(part=True)
def response_latency(latency: Latency, ts: int, feed_latency: int, number: int) -> int:
    """Return µs from the exchange to us.

    Parameters
    ----------
    ts : µs, exchange clock, when the report leaves
    feed_latency : µs that the latest market row took to us
    number : running number of the report
    """
    hub = latency.hub
    if hub.model == _CONSTANT:
        return int(hub.response_us)
    if hub.model == _FEED:
        return _scaled(hub.response_factor, hub.response_offset_us, feed_latency)
    if hub.model == _TABLE:
        place = _neighbour(latency.exchange_times, ts)
        return _between(latency.exchange_times, latency.response_spans, place, ts)
    return _draw(latency.response_spans, hub.response_key, hub.response_key2, number)


def make_latency(
    config: LatencyConfig, memory: list[npt.NDArray[Any]], *, clock_shift_us: int = 0
) -> Latency:
    """Return a model for kernels; `memory` takes what it points to.

    Parameters
    ----------
    clock_shift_us : what was added to our clock because the venue's was ahead; also added to the
        request and response times of a table
    """
    arrays = dict.fromkeys(_TABLES, np.zeros(1, np.int64))
    record = np.zeros(1, LATENCY)
    record["entry_us"], record["response_us"] = config.entry_us, config.response_us
    record["factor"], record["offset_us"] = config.factor, config.offset_us
    back = config.response_factor, config.response_offset_us
    record["response_factor"] = config.factor if back[0] is None else back[0]
    record["response_offset_us"] = config.offset_us if back[1] is None else back[1]
    if config.model == "none":
        record["entry_us"] = record["response_us"] = 0
    elif config.model != "constant":
        record["model"] = LatencyModel[config.model.upper()]
    if config.model == "table":
        arrays |= _spans(read_latency_table(config.file), clock_shift_us, config.file)
    elif config.model == "sampled":
        arrays |= _distribution(config, clock_shift_us)
        keys = np.random.SeedSequence(config.seed).generate_state(4, np.uint32)
        for name, key in zip(
            ("entry_key", "entry_key2", "response_key", "response_key2"), keys, strict=True
        ):
            record[name] = key
    record["requests_known"] = len(arrays["entry_spans"])
    record["responses_known"] = len(arrays["response_spans"])
    for name, array in arrays.items():
        record[name] = array.ctypes.data
    memory.extend([record, *arrays.values()])
    return Latency(record.ctypes.data)


def _spans(table: LatencyTable, shift: int, file: str) -> dict[str, npt.NDArray[np.int64]]:
    """Return the arrays of a table, its local times moved by `shift`."""
    request, response = table.request + shift, table.response + shift
    arrived = table.exchange > 0
    entry = np.where(arrived, table.exchange - request, 0)
    back = np.where(arrived, response - table.exchange, 0)
    bad = np.flatnonzero((entry < 0) | (back < 0))
    if len(bad):
        at = bad[0]
        raise DataError(
            f"latency table {file}: row {at} takes {entry[at]} µs to the exchange and {back[at]} µs "
            f"back, expected 0 or more ({len(bad)} such rows); the two clocks differ: correct one"
        )
    # reports are looked up by when they left, and requests may have overtaken each other
    order = np.argsort(table.exchange[arrived], kind="stable")
    return {
        "request_times": request,
        "entry_spans": entry,
        "round_trips": response - request,
        "refused": (~arrived).astype(np.int64),
        "exchange_times": table.exchange[arrived][order],
        "response_spans": back[arrived][order],
    }


def _distribution(config: LatencyConfig, shift: int) -> dict[str, npt.NDArray[np.int64]]:
    """Return equally likely latencies each way, in rising order."""
    if config.distribution == "lognormal":
        steps = _quantiles(config.mean_us, config.sigma)
        there, back = steps, steps
    else:
        spans = _spans(read_latency_table(config.file), shift, config.file)
        arrived = spans["refused"] == 0
        there, back = spans["entry_spans"][arrived], np.sort(spans["response_spans"])
        refused = -np.maximum(spans["round_trips"][~arrived], 1)
        if config.distribution == "fit":
            back = _quantiles(*fit_lognormal(back))
            fitted = _quantiles(*fit_lognormal(there))
            # refusals keep their share
            count = round(len(fitted) * len(refused) / max(len(there), 1))
            there, refused = fitted, np.resize(refused, count) if len(refused) else refused
        there = np.sort(np.concatenate([refused, there]))
    # arrays of one record need not have equal lengths: the unused ones are as short as can be
    zeros = np.zeros(len(there), np.int64)
    return {
        "request_times": zeros, "entry_spans": there, "round_trips": zeros, "refused": zeros,
        "exchange_times": np.zeros(len(back), np.int64), "response_spans": back,
    }  # fmt: skip


def _quantiles(mean_us: float, sigma: float) -> npt.NDArray[np.int64]:
    normal = statistics.NormalDist()
    at = [normal.inv_cdf((k + 0.5) / QUANTILES) for k in range(QUANTILES)]
    values = mean_us * np.exp(sigma * np.array(at) - sigma * sigma / 2)
    return np.minimum(np.floor(values + 0.5), LONGEST_US).astype(np.int64)


def fit_lognormal(spans: npt.NDArray[Any]) -> tuple[float, float]:
    """Return mean and sigma, the standard deviation of the logarithm, of latencies in µs."""
    logs = np.log(np.maximum(np.asarray(spans, np.float64), 0.5))  # 0 µs is less than one
    sigma = float(np.std(logs))
    return float(np.exp(np.mean(logs) + sigma * sigma / 2)), sigma


def latency_identity(config: LatencyConfig) -> str | None:
    """Return the digest of the file that a model reads, None if it reads none."""
    if config.model in {"none", "constant", "feed"} or not config.file:
        return None
    return read_latency_table(config.file).digest
