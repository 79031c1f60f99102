"""AltTensor: its checks and its bytes."""

from __future__ import annotations

import contextlib

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from extrema_nb.errors import DataError
from ml.tensor import AltTensor, as_float32, element_count

F4 = np.float32

# pinned by hand from the MessagePack specification: [timestamp, data, shape, metadata]
VECTORS = [
    (AltTensor(0, np.array([], F4), (0,), {}), "94 00 90 91 00 80"),
    (AltTensor.of(5, [[1.0, 2.5]], {"a": "b"}), "94 05 92 ca3f800000 ca40200000 92 01 02 81 a161 a162"),
    (AltTensor.of(1_700_000_000_000_000, -0.5), "94 cf00060a24181e4000 91 cabf000000 90 80"),
    (AltTensor.of(300, [np.nan, np.inf]), "94 cd012c 92 ca7fc00000 ca7f800000 91 02 80"),
]  # fmt: skip


@pytest.mark.parametrize(("tensor", "pinned"), VECTORS)
def test_wire_bytes_are_those_of_the_format(tensor, pinned):
    assert tensor.to_msgpack() == bytes.fromhex(pinned)
    assert AltTensor.from_msgpack(bytes.fromhex(pinned)) == tensor


@pytest.mark.parametrize("count", [15, 16, 65_535, 65_536])
def test_each_length_of_array_head_comes_back(count):
    tensor = AltTensor.of(1, np.arange(count))
    assert AltTensor.from_msgpack(tensor.to_msgpack()) == tensor
    assert msgspec.msgpack.decode(tensor.to_msgpack())[2] == [count]


@given(
    st.integers(0, 2**63 - 1),
    hnp.arrays(F4, hnp.array_shapes(min_dims=0, min_side=0)),
    st.dictionaries(st.text(), st.text(), max_size=4),
)
def test_what_goes_out_comes_back(timestamp, values, metadata):
    tensor = AltTensor.of(timestamp, values, metadata)
    back = AltTensor.from_msgpack(tensor.to_msgpack())
    assert back == tensor
    assert back.array.shape == values.shape
    assert back.array.tobytes() == np.ascontiguousarray(values).tobytes()


def test_a_map_with_the_same_names_is_read():
    raw = msgspec.msgpack.encode(
        {"metadata": {"k": "v"}, "shape": [2, 1], "data": [1, 2.5], "timestamp": 9, "extra": None}
    )
    assert AltTensor.from_msgpack(raw) == AltTensor.of(9, [[1.0], [2.5]], {"k": "v"})


@pytest.mark.parametrize(
    "parts",
    [
        [1, [1.0], [1]],  # a part is missing
        [1, [1.0], [1], {}, 0],  # one too many
        {"timestamp": 1, "data": [1.0], "metadata": {}},
        [1, ["x"], [1], {}],
        [-1, [1.0], [1], {}],
        [1, [1.0], [2], {}],
        [1, [1.0], [-1], {}],
        [1, [1.0], [1], {"k": 1}],
        "text",
        None,
    ],
)
def test_a_frame_that_is_no_tensor_is_refused(parts):
    with pytest.raises(DataError):
        AltTensor.from_msgpack(msgspec.msgpack.encode(parts))


@given(st.binary(max_size=60))
def test_random_bytes_raise_nothing_but_dataerror(raw):
    with contextlib.suppress(DataError):
        AltTensor.from_msgpack(raw)


def test_length_and_shape_must_agree_and_both_are_named():
    with pytest.raises(DataError, match=r"5 values.*\(2, 3\) wants 6"):
        AltTensor(0, np.zeros(5, F4), (2, 3))


@pytest.mark.parametrize("shape", [(2**32, 2**32), (2**62, 2, 0), (3, 2**63)])
def test_a_shape_whose_product_overflows_is_refused(shape):
    with pytest.raises(DataError, match="overflows"):
        AltTensor(0, np.zeros(0, F4), shape)


@pytest.mark.parametrize("shape", [(-1,), (1.0,), (True,), ("1",)])
def test_a_size_that_is_no_count_is_refused(shape):
    with pytest.raises(DataError, match="expected integers"):
        element_count(shape)


@pytest.mark.parametrize(
    "data",
    [np.zeros(4), np.zeros((2, 2), F4), np.zeros(8, F4)[::2], [0.0] * 4, np.zeros(4, ">f4")],
)
def test_only_flat_contiguous_native_float32_is_taken(data):
    with pytest.raises(DataError, match="expected"):
        AltTensor(0, data, (4,))


@pytest.mark.parametrize("timestamp", [-1, 2**63, True])
def test_a_time_that_is_no_time_is_refused(timestamp):
    with pytest.raises(DataError, match="timestamp"):
        AltTensor(timestamp, np.zeros(1, F4), (1,))


def test_of_keeps_row_major_order_of_any_memory_layout():
    values = np.asfortranarray(np.arange(6).reshape(2, 3))
    assert AltTensor.of(0, values).data.tolist() == [0, 1, 2, 3, 4, 5]


def test_what_float32_cannot_hold_becomes_infinite():
    assert as_float32([1e300, -1e300]).tolist() == [np.inf, -np.inf]


def test_tensors_that_differ_in_one_part_are_not_equal():
    one = AltTensor.of(1, [1.0], {"a": "b"})
    others = [
        AltTensor.of(2, [1.0], {"a": "b"}),
        AltTensor.of(1, [2.0], {"a": "b"}),
        AltTensor.of(1, [[1.0]], {"a": "b"}),
        AltTensor.of(1, [1.0]),
        1,
    ]
    assert all(one != other for other in others)
