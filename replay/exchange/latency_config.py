"""What a run assumes about order latency: as a config, and as one word of a command line."""

from __future__ import annotations

import math
from typing import Any

import msgspec

from extrema_nb.errors import ConfigError, nearest

__all__ = ["LONGEST_US", "LatencyConfig", "parse_latency"]

LONGEST_US = 3_600_000_000  # an hour; a longer latency is a mistake in units
FORMS = (
    "none | constant:ENTRY[,RESPONSE] | feed:FACTOR,OFFSET[,FACTOR,OFFSET] | table:FILE | "
    "sampled:lognormal,MEAN,SIGMA[,SEED] | sampled:fit,FILE[,SEED] | sampled:empirical,FILE[,SEED]"
)


class LatencyConfig(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Assumptions about order latency; all times in µs.

    `model` is ``none``, ``constant`` (`entry_us`, `response_us`), ``feed`` (`factor` times the
    feed's latency plus `offset_us`; `response_factor` and `response_offset_us` unless the same),
    ``table`` (`file`) or ``sampled`` (`distribution` ``lognormal`` with `mean_us` and `sigma`, the
    standard deviation of the logarithm; ``fit``, the same fitted to `file`; or ``empirical``, the
    latencies of `file` themselves; `seed`).
    """

    model: str = "none"
    entry_us: int = 0  # negative: every request is refused
    response_us: int = 0
    factor: float = 1.0
    offset_us: float = 0.0
    response_factor: float | None = None
    response_offset_us: float | None = None
    file: str = ""
    distribution: str = "lognormal"
    mean_us: float = 0.0
    sigma: float = 0.0
    seed: int = 0

    def __post_init__(self) -> None:
        known = ["none", "constant", "feed", "table", "sampled"]
        _one_of("latency model", self.model, known)
        if self.response_us < 0:
            raise ConfigError(f"response_us is {self.response_us}; a report takes 0 µs or more")
        if max(abs(self.entry_us), self.response_us) > LONGEST_US:
            raise ConfigError("a latency is longer than an hour; expected µs")
        numbers = (self.factor, self.offset_us, self.response_factor, self.response_offset_us)
        if not all(n is None or math.isfinite(n) for n in numbers):
            raise ConfigError(f"a latency's factors and offsets are {numbers}, expected numbers")
        if self.factor < 0 or (self.response_factor or 0.0) < 0:
            raise ConfigError("a factor of the feed's latency is negative, expected 0 or more")
        needs_file = self.model == "table"
        if self.model == "sampled":
            _one_of("distribution", self.distribution, ["lognormal", "fit", "empirical"])
            needs_file = self.distribution != "lognormal"
            if not (needs_file or (0 < self.mean_us <= LONGEST_US and 0 <= self.sigma <= 5)):
                raise ConfigError(
                    f"a lognormal latency has mean_us {self.mean_us} and sigma {self.sigma}, "
                    "expected a mean above 0 µs and a sigma of 0 to 5"
                )
            if self.seed < 0:
                raise ConfigError(f"the seed of a latency is {self.seed}, expected 0 or more")
        if needs_file and not self.file:
            raise ConfigError(f"latency model {self.model!r} needs a file; say table:FILE")


def _one_of(what: str, word: str, known: list[str]) -> None:
    if word not in known:
        raise ConfigError(
            f"unknown {what} {word!r}; expected one of {', '.join(known)}" + nearest(word, known)
        )


def parse_latency(text: str) -> LatencyConfig:
    """Return the config that a word such as ``constant:5000,4000`` stands for."""
    model, _, rest = text.partition(":")
    _one_of("latency model", model, ["none", "constant", "feed", "table", "sampled"])
    words = rest.split(",") if rest else []
    if model == "none" and not words:
        return LatencyConfig()
    if model == "constant" and 1 <= len(words) <= 2:
        entry, response = _whole(words[0], text), _whole(words[-1], text)
        if len(words) == 1:
            response = abs(response)
        return LatencyConfig(model, entry_us=entry, response_us=response)
    if model == "feed" and len(words) in {1, 2, 4}:
        numbers: list[Any] = [_number(word, text) for word in words] + [0.0] * (len(words) == 1)
        there, back = numbers[:2], numbers[2:] or [None, None]
        return LatencyConfig(
            model, factor=there[0], offset_us=there[1],
            response_factor=back[0], response_offset_us=back[1],
        )  # fmt: skip
    if model == "table" and rest:
        return LatencyConfig(model, file=rest)
    if model == "sampled" and words:
        _one_of("distribution", words[0], ["lognormal", "fit", "empirical"])
        if words[0] == "lognormal" and 3 <= len(words) <= 4:
            mean, sigma = _number(words[1], text), _number(words[2], text)
            seed = _whole(words[3], text) if words[3:] else 0
            return LatencyConfig(model, distribution=words[0], mean_us=mean, sigma=sigma, seed=seed)
        if words[0] != "lognormal" and 2 <= len(words) <= 3:
            seed = _whole(words[2], text) if words[2:] else 0
            return LatencyConfig(model, distribution=words[0], file=words[1], seed=seed)
    raise ConfigError(f"latency {text!r} is not understood; expected {FORMS}")


def _number(word: str, text: str) -> float:
    try:
        value = float(word)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise ConfigError(f"latency {text!r}: {word!r} is no number; expected {FORMS}")
    return value


def _whole(word: str, text: str) -> int:
    value = _number(word, text)
    if value != int(value):
        raise ConfigError(f"latency {text!r}: {word!r} is no whole number; times are µs")
    return int(value)
