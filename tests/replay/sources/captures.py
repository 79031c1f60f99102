"""Small captures of Binance USD-M in the format of collectors, for tests."""

from __future__ import annotations

import gzip

T0 = 1_723_161_255_000_000  # µs


def depth(last, prev, *, symbol="BTCUSDT", bids=(("100.0", "1.0"),), asks=(("100.1", "2.0"),)):
    levels = [
        "[" + ",".join(f'["{price}","{qty}"]' for price, qty in side) + "]" for side in (bids, asks)
    ]
    return (
        f'{{"stream":"{symbol.lower()}@depth@0ms","data":{{"e":"depthUpdate","E":1723161256299,'
        f'"T":1723161256298,"s":"{symbol}","U":{prev + 1},"u":{last},"pu":{prev},'
        f'"b":{levels[0]},"a":{levels[1]}}}}}'
    )


def trade(number, price="100.1", *, symbol="BTCUSDT"):
    return (
        f'{{"stream":"{symbol.lower()}@trade","data":{{"e":"trade","E":1723161256300,'
        f'"T":1723161256300,"s":"{symbol}","t":{number},"p":"{price}","q":"0.010","X":"MARKET",'
        f'"m":false}}}}'
    )


def snapshot(last):
    return (
        f'{{"lastUpdateId":{last},"E":1723161256299,"T":1723161256298,'
        f'"bids":[["100.0","3.0"],["99.9","1.0"]],"asks":[["100.1","2.5"]]}}'
    )


SYNCED = [depth(10, 5), snapshot(8), trade(1), depth(15, 10), trade(2), depth(21, 15)]


def write(path, frames, times=None, *, ns=True, zipped=True):
    """Write frames as a capture, 1 ms apart or at `times` (µs after `T0`)."""
    at = range(0, 1000 * len(frames), 1000) if times is None else times
    unit = 1000 if ns else 1
    text = "".join(
        f"{(T0 + t) * unit} {frame}\n" for t, frame in zip(at, frames, strict=True)
    ).encode()
    path.write_bytes(gzip.compress(text) if zipped else text)
    return path
