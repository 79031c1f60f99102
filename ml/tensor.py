"""The tensor that features travel in and predictions come back in, and its wire format.

Rules
-----
1. ``len(data) == prod(shape)``, checked when a tensor is made; nothing is reshaped in silence.
2. ``data`` is float32, one-dimensional, row-major (C order).
3. On the wire: MessagePack array ``[timestamp, data, shape, metadata]``, each value of ``data``
   as float32 (type 0xCA). What comes in may be that array or a map with the same four names, and
   its numbers may be of any numeric type.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from extrema_nb.errors import DataError

__all__ = ["AltTensor", "Float32Array", "as_float32", "element_count"]

Float32Array = npt.NDArray[np.float32]

MAX_COUNT = 2**63 - 1  # elements; what a signed 64-bit size can say
FLOAT32_TAG = 0xCA  # MessagePack's type byte before a big-endian float32
_VALUE = np.dtype([("tag", "u1"), ("value", ">f4")])  # one element of `data` on the wire, 5 bytes


def element_count(shape: tuple[Any, ...]) -> int:
    """Return how many elements a tensor of this shape has; the empty shape is a scalar, 1.

    Raises
    ------
    DataError
        a size is negative, no integer, or the product does not fit a signed 64-bit integer
    """
    count = 1
    for size in shape:
        if isinstance(size, bool) or not isinstance(size, int) or size < 0:
            raise DataError(f"tensor shape {shape} has the size {size!r}, expected integers >= 0")
        count *= size
        if count > MAX_COUNT:
            raise DataError(f"tensor shape {shape} overflows: its product is above 2**63 - 1")
    return count


def as_float32(values: npt.ArrayLike) -> Float32Array:
    """Return `values` as float32 in C order; what is too large becomes infinite, as IEEE casts."""
    with np.errstate(over="ignore"):
        return np.ascontiguousarray(values, dtype=np.float32)


@dataclass(frozen=True, slots=True, eq=False)
class AltTensor:
    """A tensor with a time and a few words about it.

    `AltTensor.of` makes one from any array; the constructor takes only what already fits.
    Two tensors are equal when all four parts are, NaN being equal to NaN.
    """

    timestamp: int  # µs since the epoch
    data: Float32Array  # (n,) float32, row-major, n == prod(shape)
    shape: tuple[int, ...]  # sizes; () is a scalar
    metadata: dict[str, str] = field(default_factory=dict)  # text to text

    def __post_init__(self) -> None:
        if isinstance(self.timestamp, bool) or not 0 <= self.timestamp <= MAX_COUNT:
            raise DataError(
                f"tensor timestamp is {self.timestamp!r}, expected µs from 0 to 2**63 - 1"
            )
        data: Any = self.data
        if not isinstance(data, np.ndarray) or data.dtype != np.float32 or data.ndim != 1:
            found = f"{getattr(data, 'dtype', type(data).__name__)}, {getattr(data, 'ndim', '?')}-D"
            raise DataError(
                f"tensor data is {found}, expected a one-dimensional float32 array; "
                "AltTensor.of(timestamp, array) makes it one"
            )
        if not data.flags.c_contiguous:
            raise DataError("tensor data is strided, expected C order; pass np.ascontiguousarray")
        count = element_count(self.shape)
        if count != data.size:
            raise DataError(
                f"tensor has {data.size} values, its shape {self.shape} wants {count}; "
                "pass the shape that the values have"
            )

    @classmethod
    def of(
        cls, timestamp: int, values: npt.ArrayLike, metadata: dict[str, str] | None = None
    ) -> AltTensor:
        """Return a tensor with the values and the shape of an array of any numeric type."""
        array = as_float32(values)
        shape = np.shape(values)  # ascontiguousarray makes a scalar one-dimensional
        return cls(timestamp, array.reshape(-1), shape, dict(metadata or {}))

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AltTensor):
            return NotImplemented
        return (
            self.timestamp == other.timestamp
            and self.shape == other.shape
            and self.metadata == other.metadata
            and np.array_equal(self.data, other.data, equal_nan=True)
        )

    __hash__ = None  # type: ignore[assignment]  # holds an array and a dict

    @property
    def array(self) -> Float32Array:
        """Return the data in its shape; the same memory."""
        return self.data.reshape(self.shape)

    def to_msgpack(self) -> bytes:
        """Return the wire format: ``[timestamp, data, shape, metadata]``."""
        packed = np.empty(self.data.size, _VALUE)
        packed["tag"] = FLOAT32_TAG
        packed["value"] = self.data
        # msgspec writes Python floats as float64, so the values are laid out here
        data = msgspec.Raw(_array_head(self.data.size) + packed.tobytes())
        return msgspec.msgpack.encode((self.timestamp, data, self.shape, self.metadata))

    @classmethod
    def from_msgpack(cls, raw: bytes) -> AltTensor:
        """Return the tensor in a frame, an array of four or a map of the same names.

        Raises
        ------
        DataError
            the frame is no MessagePack, has other parts, or its parts do not fit together
        """
        try:
            parts = _DECODER.decode(raw)
        except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
            raise DataError(
                f"tensor frame of {len(raw)} bytes cannot be read: {error}; expected MessagePack "
                "[timestamp, data, shape, metadata] or a map with these names"
            ) from error
        if isinstance(parts, _Wire):
            parts = (parts.timestamp, parts.data, parts.shape, parts.metadata)
        timestamp, data, shape, metadata = parts
        return cls(timestamp, as_float32(data), shape, metadata)


class _Wire(msgspec.Struct):
    """A tensor that came as a map."""

    timestamp: int
    data: list[float]
    shape: tuple[int, ...]
    metadata: dict[str, str]


_Parts = tuple[int, list[float], tuple[int, ...], dict[str, str]]
_DECODER: msgspec.msgpack.Decoder[Any] = msgspec.msgpack.Decoder(_Parts | _Wire)


def _array_head(size: int) -> bytes:
    if size < 16:
        return bytes([0x90 | size])
    if size < 2**16:
        return b"\xdc" + size.to_bytes(2, "big")
    if size < 2**32:
        return b"\xdd" + size.to_bytes(4, "big")
    raise DataError(f"tensor has {size} values, MessagePack arrays hold less than 2**32")
