"""The desk of one kernel group."""

from __future__ import annotations

import numpy as np
import pytest

from extrema_nb.events import EventKind
from extrema_nb.runtime.stepper import Stepper
from extrema_nb.testing import FakeClock, trade
from tests.extrema_nb.runtime.doubles import EchoGroup, ListJournal


def ids(parts):
    return [i for part in parts for i in part["client_order_id"].tolist()]


def test_time_never_goes_back_inside_and_the_journal_sees_the_same():
    group, journal = EchoGroup(), ListJournal()
    stepper = Stepper(group, FakeClock(), on_intents=lambda _: None, journal=journal)
    late = trade(1.0, 1.0, ts=90)
    for rows in (trade(1.0, 1.0, ts=100), late, trade(1.0, 1.0, ts=120)):
        stepper.take(rows)
    assert group.rows["ts_recv"].tolist() == [100, 100, 120]
    assert np.array_equal(journal.input, group.rows)
    assert late["ts_recv"][0] == 90  # the caller's rows are left alone
    assert stepper.clamped == 1


def test_rows_that_come_during_a_step_enter_after_it():
    group, journal = EchoGroup(), ListJournal()
    answered = []

    def answer(intents):
        if not answered:
            answered.append(1)
            reply = trade(2.0, 1.0, ts=int(intents["ts_recv"][0]))
            stepper.take(reply)
            reply["ts_recv"] = 0  # what was offered may be reused at once

    stepper = Stepper(group, FakeClock(), on_intents=answer, journal=journal)
    batch = np.concatenate([trade(1.0, 1.0, ts=10), trade(1.0, 1.0, ts=20)])
    stepper.take(batch)
    assert group.rows["ts_recv"].tolist() == [10, 20, 20]
    assert ids(journal.asked) == [1, 2, 3]
    assert (stepper.row_count, stepper.step_count, stepper.intent_count) == (3, 2, 3)


def test_the_journal_has_the_rows_before_the_kernel():
    journal = ListJournal()

    class Checking(EchoGroup):
        def step(self, rows):
            assert len(journal.input) == len(self.rows) + len(rows)
            return super().step(rows)

    stepper = Stepper(Checking(), FakeClock(), on_intents=lambda _: None, journal=journal)
    stepper.take(trade(1.0, 1.0, ts=10))
    stepper.take(trade(1.0, 1.0, ts=20))


def test_features_and_targets_are_handed_on():
    group = EchoGroup()
    group.feature_values = [(0, 7, 5, np.ones(3, np.float32))]
    features, targets = [], []
    stepper = Stepper(
        group,
        FakeClock(),
        on_intents=lambda _: None,
        on_features=features.extend,
        on_targets=lambda rows: targets.append(rows.copy()),
    )
    group.target_rows = trade(1.0, 1.0)
    group.target_rows["kind"] = EventKind.INST_INTENT
    stepper.take(trade(1.0, 1.0, ts=10))
    assert features[0][1] == 7
    assert len(targets) == 1
    assert stepper.feature_count == 1


def test_an_error_of_the_kernel_is_raised_and_leaves_the_desk_usable():
    class Broken(EchoGroup):
        def step(self, rows):
            if rows["ts_recv"][0] == 1:
                raise ZeroDivisionError
            return super().step(rows)

    stepper = Stepper(Broken(), FakeClock(), on_intents=lambda _: None)
    with pytest.raises(ZeroDivisionError):
        stepper.take(trade(1.0, 1.0, ts=1))
    stepper.take(trade(1.0, 1.0, ts=2))
    assert stepper.row_count == 1
