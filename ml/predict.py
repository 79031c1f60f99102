"""Predictions for a backtest: all features at once, each answer known after a modelled latency."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

from extrema_nb.contracts import ModelRunner
from extrema_nb.errors import ConfigError
from extrema_nb.events import EventArray, empty_events
from ml.rows import prediction_rows
from ml.tensor import Float32Array
from ml.worker import Feature, ask, groups_of_one_length

__all__ = ["predict_rows"]

BATCH = 8192  # feature rows a question; more gains nothing and costs memory


def predict_rows(
    runner: ModelRunner,
    features: Iterable[tuple[int, int, int, Float32Array]],
    latency_us: int,
    *,
    model: int | None = None,
) -> EventArray:
    """Return the PRED rows that `features` lead to, sorted by ``ts_recv``.

    Parameters
    ----------
    runner : the model; not closed
    features : (module, model, ts, values) as a kernel group emits them
    latency_us : µs from the features to the answer; ``ts_recv = ts + latency_us``
    model : answer only the features for this model; None answers all

    Returns
    -------
    (n,) EVENT; answers of equal time keep the order of their features

    Raises
    ------
    ConfigError
        the latency is negative
    ModelError
        the model failed
    """
    if latency_us < 0:
        raise ConfigError(f"latency of predictions is {latency_us} µs, expected 0 or more")
    wanted = [Feature(*each) for each in features]
    if model is not None:
        wanted = [each for each in wanted if each.model == model]
    parts = [
        _answers(runner, group[at : at + BATCH], latency_us)
        for group in groups_of_one_length(wanted)
        for at in range(0, len(group), BATCH)
    ]
    if not parts:
        return empty_events(0)
    rows = np.concatenate(parts)
    return rows[np.argsort(rows["ts_recv"], kind="stable")]


def _answers(runner: ModelRunner, group: list[Feature], latency_us: int) -> EventArray:
    times = np.array([each.ts for each in group], np.int64)
    return prediction_rows(
        ask(runner, group),
        model=[each.model for each in group],
        ts_feature=times,
        ts_recv=times + latency_us,
    )
