"""Which steps a burst becomes, and what travels together."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.events import Action
from extrema_nb.execution.plan import pack, plan
from extrema_nb.execution.tracker import OrderState
from tests.extrema_nb.execution.desk_of import intent, intents

SUBMIT, CANCEL, AMEND, ALL = Action.SUBMIT, Action.CANCEL, Action.AMEND, Action.CANCEL_ALL


def open_order(order_id, inst=0):
    return OrderState(intents(intent(order_id, inst=inst))[0], 0.1, 0.001)


def steps_of(*rows, known=()):
    found = plan(intents(*rows), lambda: known)
    return [[(s.action, s.order_id) for s in part] for part in found]


def test_cancels_amends_and_submits_are_told_apart_and_keep_their_order():
    assert steps_of(
        intent(9), intent(2, CANCEL), intent(3, AMEND), intent(8), intent(1, CANCEL)
    ) == [[(CANCEL, 2), (CANCEL, 1)], [(AMEND, 3)], [(SUBMIT, 9), (SUBMIT, 8)], []]


def test_what_is_about_an_order_of_the_same_burst_comes_later():
    assert steps_of(intent(1), intent(1, AMEND), intent(2, AMEND), intent(2, CANCEL),
                    intent(1, CANCEL)) == [
        [], [(AMEND, 2)], [(SUBMIT, 1)], [(AMEND, 1), (CANCEL, 2), (CANCEL, 1)],
    ]  # fmt: skip


def test_cancel_all_means_the_open_orders_of_its_instrument_and_those_before_it_in_the_burst():
    known = [open_order(1), open_order(2, inst=1), open_order(3)]
    assert steps_of(intent(7), intent(-1, ALL, inst=0), intent(8), known=known) == [
        [(CANCEL, 1), (CANCEL, 3)], [], [(SUBMIT, 7), (SUBMIT, 8)], [(CANCEL, 7)]
    ]  # fmt: skip


def test_cancel_all_without_an_instrument_means_all():
    known = [open_order(1), open_order(2, inst=1)]
    assert steps_of(intent(-1, ALL, inst=-1), known=known)[0] == [(CANCEL, 1), (CANCEL, 2)]


def test_groups_hold_one_key_and_are_never_too_large():
    steps = plan(intents(*(intent(i, CANCEL, inst=i % 2) for i in range(7))), tuple).cancels
    groups = pack(steps, 3, lambda step: int(step.intent.inst))
    assert [[s.order_id for s in group] for group in groups] == [[0, 2, 4], [1, 3, 5], [6]]


@given(st.lists(st.tuples(st.integers(1, 6), st.sampled_from([SUBMIT, CANCEL, AMEND]))))
def test_no_step_is_lost_or_doubled_and_each_order_keeps_its_sequence(burst):
    rows = [intent(order_id, action) for order_id, action in burst]
    if not rows:
        return
    found = plan(intents(*rows), tuple)
    sent = [(s.order_id, s.action) for part in found for s in part]
    assert sorted(sent) == sorted(burst)
    for order_id in range(1, 7):
        assert [a for i, a in sent if i == order_id] == [a for i, a in burst if i == order_id]
