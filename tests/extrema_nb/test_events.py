"""Rows: sizes and places of every field, the border, text words."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from extrema_nb.errors import DataError
from extrema_nb.events import (
    EVENT,
    FIELDS,
    SCHEMA_VERSION,
    TRADE,
    VIEWS,
    EventKind,
    Field,
    Flag,
    Row,
    as_events,
    empty_events,
    pack_text,
    unpack_text,
)
from extrema_nb.testing import row, rows, trade
from tests.generators import event_arrays

HEAD = {"ts_event": 0, "ts_recv": 8, "inst": 16, "kind": 20, "flags": 22}
PAYLOAD = {
    EventKind.TRADE: "price qty trade_id first_id last_id",
    EventKind.LOB: "price qty seq first_seq prev_seq",
    EventKind.BBO: "bid_price bid_qty ask_price ask_qty seq",
    EventKind.CANDLE: "open high low close volume",
    EventKind.MBO: "price qty order_id action seq",
    EventKind.FUNDING: "rate mark_price index_price open_interest next_ts",
    EventKind.FILL: "client_order_id trade_id price qty fee",
    EventKind.ACC_BAL: "asset balance available change w4",
    EventKind.ACC_POS: "qty entry_price unrealized mark_price w4",
    EventKind.PRED: "value model index count ts_feature",
    EventKind.SCHEDULE: "timer tick period w3 w4",
    EventKind.INST_INTENT: "weight price module w3 w4",
    EventKind.STATUS: "code expected found count task",
    EventKind.LIQUIDATION: "price qty trade_id avg_price cum_qty",
}
NARROW = {  # the two views with words that are split into smaller fields
    EventKind.ACC_ORDER: {
        "client_order_id": 24, "venue_order_id": 32, "price": 40, "leaves_qty": 48,
        "status": 56, "event": 57, "tif": 58, "order_type": 59, "code": 60,
    },
    EventKind.INTENT: {
        "client_order_id": 24, "price": 32, "qty": 40, "module": 48,
        "action": 56, "tif": 57, "order_type": 58, "reserved": 59, "seq": 60,
    },
}  # fmt: skip
CODES = {
    "NONE": 0, "TRADE": 1, "LOB": 2, "BBO": 3, "CANDLE": 4, "MBO": 5, "FUNDING": 6,
    "ACC_ORDER": 7, "FILL": 8, "ACC_BAL": 9, "ACC_POS": 10, "PRED": 11, "SCHEDULE": 12,
    "INST_INTENT": 13, "INTENT": 14, "STATUS": 15, "LIQUIDATION": 16,
}  # fmt: skip


def offsets(dtype):
    return {name: dtype.fields[name][1] for name in dtype.names}


class TestLayout:
    """Files and caches hold these bytes; a change here is a new SCHEMA_VERSION."""

    def test_the_schema_version_is_the_one_that_these_tests_pin(self):
        assert SCHEMA_VERSION == 1

    def test_kinds_keep_their_codes(self):
        assert {kind.name: kind.value for kind in EventKind} == CODES

    @pytest.mark.parametrize("kind", VIEWS)
    def test_a_view_is_one_cache_line_of_signed_fields_without_padding(self, kind):
        dtype = VIEWS[kind]
        fields = [dtype.fields[name][0] for name in dtype.names]
        assert dtype.itemsize == EVENT.itemsize == 64
        assert sum(field.itemsize for field in fields) == 64
        assert {field.kind for field in fields} <= {"i", "f"}
        assert all(field.isnative for field in fields)

    @pytest.mark.parametrize("kind", VIEWS)
    def test_the_head_lies_in_the_same_place_in_every_view(self, kind):
        third = "interval" if kind is EventKind.CANDLE else "side"
        found = offsets(VIEWS[kind])
        assert HEAD | {third: 21} == {name: found[name] for name in [*HEAD, third]}

    @pytest.mark.parametrize("kind", PAYLOAD)
    def test_the_payload_is_five_words_in_this_order(self, kind):
        found = list(offsets(VIEWS[kind]).items())[6:]
        assert found == [(name, 24 + 8 * i) for i, name in enumerate(PAYLOAD[kind].split())]

    @pytest.mark.parametrize("kind", NARROW)
    def test_narrow_fields_share_the_last_word(self, kind):
        assert dict(list(offsets(VIEWS[kind]).items())[6:]) == NARROW[kind]

    def test_views_are_records_so_that_attributes_read_uncompiled(self):
        assert all(dtype.type is Row for dtype in [EVENT, *VIEWS.values()])

    @pytest.mark.parametrize("kind", VIEWS)
    def test_every_field_reads_and_writes_as_an_attribute(self, kind):
        out = empty_events(2).view(VIEWS[kind])
        for name in out.dtype.names:
            setattr(out[1], name, 7)
            assert getattr(out[1], name) == out[name][1] == 7

    def test_copies_of_rows_are_still_rows(self):
        events = rows(trade(1.0, 1.0), trade(2.0, 1.0))
        copies = (
            events[[1, 0]],
            events.copy(),
            np.concatenate([events, events]),
            events[events["inst"] == 0],
        )
        assert all(copy.dtype.type is Row for copy in copies)

    def test_flags_are_single_bits_that_fit_the_field(self):
        assert all(flag.value.bit_count() == 1 and flag.value < 2**15 for flag in Flag)


class TestFieldTable:
    @pytest.mark.parametrize("kind", VIEWS)
    def test_every_field_says_meaning_unit_and_absence(self, kind):
        assert all(isinstance(field, Field) and all(field) for field in FIELDS[kind].values())

    @pytest.mark.parametrize("kind", VIEWS)
    def test_only_float_fields_can_be_nan(self, kind):
        for name, field in FIELDS[kind].items():
            is_float = VIEWS[kind].fields[name][0].kind == "f"
            assert is_float or not field.absent.startswith("NaN"), name


class TestAsEvents:
    def test_what_is_right_already_is_not_copied(self):
        events = rows(trade(1.0, 1.0, ts=1), trade(2.0, 1.0, ts=1))
        assert as_events(events) is events

    @given(event_arrays())
    def test_coercing_twice_is_coercing_once(self, events):
        assert as_events(as_events(events)).tobytes() == events.tobytes()

    @pytest.mark.parametrize(
        "spoil",
        [
            pytest.param(lambda a: np.repeat(a, 2)[::2], id="strided"),
            pytest.param(lambda a: np.frombuffer(a.tobytes(), EVENT), id="read-only"),
            pytest.param(lambda a: a.view(np.recarray), id="recarray"),
            pytest.param(lambda a: a.view(np.dtype(EVENT.fields)), id="plain void"),
            pytest.param(lambda a: a.view(TRADE), id="typed view"),
            pytest.param(lambda a: np.repeat(a.view(TRADE), 2)[::2], id="strided typed view"),
            pytest.param(
                lambda a: np.frombuffer(b"x" + a.tobytes(), EVENT, offset=1), id="unaligned"
            ),
        ],
    )
    def test_any_array_of_rows_becomes_the_one_type_that_kernels_know(self, spoil):
        events = rows(trade(1.0, 2.0, ts=1), trade(3.0, 4.0, ts=2))
        out = as_events(spoil(events))
        assert type(out) is np.ndarray
        assert out.dtype == EVENT
        assert out.dtype.type is Row
        assert out.flags.c_contiguous
        assert out.flags.writeable
        assert out.flags.aligned
        assert out.tobytes() == events.tobytes()

    def test_rows_that_go_back_in_time_are_refused_with_the_place_and_the_remedy(self):
        events = np.concatenate([trade(1.0, 1.0, ts=t) for t in (5, 9, 4)])
        with pytest.raises(DataError, match=r"row 2 is 5 µs earlier than row 1.*sort=True"):
            as_events(events)

    @given(event_arrays(), st.randoms(use_true_random=False))
    def test_sorting_keeps_the_order_of_equal_times(self, events, random):
        events["ts_recv"] //= 500_000
        events["w4"] = np.arange(len(events))
        order = list(range(len(events)))
        random.shuffle(order)
        out = as_events(events[order], sort=True)
        place = {word: i for i, word in enumerate(order)}
        keys = [(row["ts_recv"], place[row["w4"]]) for row in out]
        assert keys == sorted(keys)

    @pytest.mark.parametrize(
        ("bad", "message"),
        [
            (np.zeros((2, 2), EVENT), "2 dimensions, expected 1"),
            (np.zeros(3, "f8"), r"dtype float64, expected extrema_nb\.EVENT"),
            (np.zeros(3, [("a", "V64")]), r"expected extrema_nb\.EVENT"),
        ],
    )
    def test_what_is_no_row_is_refused(self, bad, message):
        with pytest.raises(DataError, match=message):
            as_events(bad)

    def test_no_rows_are_rows(self):
        assert len(as_events(empty_events(0))) == 0


class TestText:
    @given(st.text(st.characters(min_codepoint=1, max_codepoint=126), max_size=8))
    def test_text_comes_back_from_its_word(self, text):
        assert unpack_text(pack_text(text)) == text

    @pytest.mark.parametrize(("text", "word"), [("", 0), ("A", 65), ("USDT", 0x54445355)])
    def test_words_are_little_endian(self, text, word):
        assert pack_text(text) == word

    def test_text_that_is_too_long_is_refused(self):
        with pytest.raises(DataError, match="'BITCOINCASH' has 11 letters, at most 8"):
            pack_text("BITCOINCASH")

    def test_the_word_fits_its_field(self):
        out = row(EventKind.ACC_BAL, asset=pack_text("~~~~~~~~"))
        assert unpack_text(out.view(VIEWS[EventKind.ACC_BAL])[0].asset) == "~~~~~~~~"
