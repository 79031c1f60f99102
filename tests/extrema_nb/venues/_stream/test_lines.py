"""Message numbers: each hole is found, and breaks the links over it and no other."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.venues._stream.lines import KEPT_LINES, LIFT, Lines

SECOND = 1_000_000
PATIENCE = 10 * SECOND


def opened():
    lines = Lines(PATIENCE)
    lines.open("c", 0)
    return lines


def run(lines, messages, key="c", ts=0, answers=()):
    """Take (number, inst or None); return the links of those that are books."""
    links = []
    for number, inst in messages:
        line = lines.advance(key, number, ts, answer=number in answers)
        if inst is not None:
            links.append(lines.link(line, inst, number))
    return links


def test_messages_in_sequence_link_each_book_to_its_own_message_before():
    lines = Lines()
    links = run(lines, [(0, None), (1, 7), (2, 8), (3, 7), (4, None), (5, 8)])
    assert links == [(1, 1, -1), (2, 2, -1), (3, 2, 1), (5, 3, 2)]
    assert lines.losses == 0


def test_a_hole_breaks_the_link_of_every_book_over_it_once():
    lines = Lines()
    links = run(lines, [(1, 7), (2, 8), (4, 7), (5, 8), (6, 7), (7, 8)])
    assert [prev for _, _, prev in links] == [-1, -1, -1, -1, 4, 5]
    assert lines.losses == 1
    assert lines.advance("c", 8, 0).lost == (3, 4, 1)


def test_an_answer_may_come_behind_its_number_soon_after_the_beginning():
    lines = opened()
    links = run(lines, [(0, None), (1, 7), (4, 7), (2, None), (3, None), (5, 7)], answers={2, 3})
    assert [prev for _, _, prev in links] == [-1, 1, 4]
    assert lines.losses == 0


def test_where_one_answer_comes_others_may_be_on_their_way():
    lines = opened()
    run(lines, [(0, None), (1, None)], answers={1})
    later = PATIENCE - 1
    run(lines, [(2, None), (4, 7)], ts=later, answers={2})
    run(lines, [(3, None)], ts=later + PATIENCE - 1, answers={3})  # long after the opening
    (link,) = run(lines, [(5, 7)], ts=later + PATIENCE)
    assert (link, lines.losses) == ((5, 5, 4), 0)


def test_an_answer_that_never_comes_is_a_loss_when_patience_is_over():
    lines = opened()
    run(lines, [(0, None), (1, 7), (3, 7)])
    assert lines.losses == 0
    (link,) = run(lines, [(4, 7)], ts=PATIENCE + 1)
    assert (link[2], lines.losses) == (-1, 1)
    (link,) = run(lines, [(5, 7)], ts=PATIENCE + 2)
    assert link == (5, 5, 4)


def test_data_behind_its_number_is_a_loss_even_where_an_answer_would_not_be():
    lines = opened()
    links = run(lines, [(0, None), (1, 7), (3, 7), (2, 7), (4, 7), (5, 7)])
    assert [prev for _, _, prev in links] == [-1, 1, -1, -1, 4]
    assert lines.losses == 1


def test_later_than_the_beginning_a_hole_is_a_loss_at_once():
    lines = opened()
    run(lines, [(0, None), (1, 7)])
    (link,) = run(lines, [(3, 7)], ts=PATIENCE + 1)
    assert (link[2], lines.losses) == (-1, 1)
    # the books are asked for anew now, so answers may be late again
    links = run(lines, [(5, 7), (4, None), (6, 7)], ts=PATIENCE + 2, answers={4})
    assert [prev for _, _, prev in links] == [3, 5]


def test_a_connection_whose_opening_was_not_heard_has_no_answers_to_wait_for():
    lines = Lines(PATIENCE)
    links = run(lines, [(100, 7), (102, 7)])
    assert [prev for _, _, prev in links] == [-1, -1]
    assert lines.losses == 1


def test_numbers_of_another_connection_are_higher_and_do_not_link():
    lines = Lines()
    run(lines, [(100, 7), (101, 7)], key="a")
    links = run(lines, [(1, 7), (2, 7)], key="b")
    assert links == [((1 << LIFT) + 1, (1 << LIFT) + 1, -1), ((1 << LIFT) + 2, (1 << LIFT) + 2, (1 << LIFT) + 1)]  # fmt: skip
    assert run(lines, [(102, 7)], key="a")[0][0] < links[0][0]


def test_a_repeated_number_is_no_loss_and_no_link_forward():
    lines = Lines()
    links = run(lines, [(1, 7), (2, 7), (2, 7), (3, 7)])
    assert [seq for seq, _, _ in links] == [1, 2, 2, 3]
    assert (links[3][2], lines.losses) == (2, 0)


def test_a_message_can_be_linked_without_a_look_at_what_is_missing():
    lines = Lines()
    run(lines, [(1, 7), (2, 7)])
    assert lines.relink(7, 1 << 60) == (1 << 60, 3, 2)
    assert lines.relink(8, (1 << 60) + 1) == ((1 << 60) + 1, (1 << 60) + 1, -1)


def test_connections_remembered_are_bounded():
    lines = Lines()
    for key in range(3 * KEPT_LINES):
        lines.advance(key, 0, 0)
    assert len(lines._lines) == KEPT_LINES
    assert lines.high(0) == -1


@given(st.lists(st.integers(0, 3), min_size=2, max_size=60), st.data())
def test_one_message_deleted_breaks_exactly_the_links_over_it(insts, data):
    gone = data.draw(st.integers(0, len(insts) - 1))
    messages = list(enumerate(insts))
    kept = messages[:gone] + messages[gone + 1 :]
    whole, cut = run(Lines(), messages), run(Lines(), kept)
    for (number, inst), (_, _, prev) in zip(kept, cut, strict=True):
        before = [n for n, i in messages[:number] if i == inst]
        over = before and before[-1] <= gone < number
        starts_late = gone == 0  # a message before the first one heard can not be missed
        if starts_late:
            continue
        assert prev == (-1 if over or not before else before[-1])
    assert len(whole) == len(insts)


def test_what_is_in_order_may_go_on_unasked():
    lines = Lines()
    assert lines.pace("c") is None
    run(lines, [(1, 7), (2, 8)])
    assert lines.pace("c") == (0, 2, 0)
    lines.went_on("c", 5, {7: 5})
    assert run(lines, [(6, 7), (7, 8)]) == [(6, 6, 5), (7, 3, 2)]
    line = lines.advance("c", 9, 0)
    assert lines.pace("c") is None  # a loss that is not told yet
    line.lost = None
    assert lines.pace("c") == (0, 9, 9)
    lines.went_on("c", 3, {7: 3})  # nothing goes back
    assert lines.pace("c") == (0, 9, 9)


def test_while_an_answer_is_waited_for_everything_is_asked():
    lines = opened()
    run(lines, [(0, None), (1, 7), (3, 7)])
    assert lines.pace("c") is None
    run(lines, [(2, None)], answers={2})
    assert lines.pace("c") == (0, 3, 0)


def test_only_named_connections_without_holes_may_go_on_unasked():
    lines = Lines()
    lines.advance("a", 4, 0)
    lines.advance("b", 1, 0)
    lines.advance("b", 3, 0)
    lines.advance(7, 1, 0)
    assert lines.paces() == {"a": (0, 4, 0)}


def test_a_message_that_comes_again_does_not_turn_its_book_back():
    lines = Lines()
    for number in (1, 2, 1):
        line = lines.advance("a", number, 0)
        lines.link(line, 0, number)
    assert lines.link(lines.advance("a", 3, 0), 0, 3) == (3, 3, 2)
