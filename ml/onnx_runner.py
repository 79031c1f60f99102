"""Run an ONNX model in this process, with onnxruntime on the CPU.

Rules
-----
1. The model has one required input, float32; it is fed as it comes, nothing is reshaped.
2. Without `output_index` the answer is the first output of float32 or float64, else the first
   that can be converted to float32.
3. One thread: with several, sums may be taken in another order and answers differ in their
   last bit from run to run.
4. `infer` asks for many rows at once only where the model leaves the number of rows open; such a
   model must treat each row alone, so that the answer does not depend on the batch.
"""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from extrema_nb.errors import ConfigError, ModelError, nearest
from ml.tensor import AltTensor, Float32Array, as_float32

__all__ = ["OnnxConfig", "OnnxRunner", "open_runner"]

CONVERTIBLE = {  # onnxruntime's name of an element type -> the name in `output_dtype`
    "tensor(float)": "f32",
    "tensor(double)": "f64",
    "tensor(int64)": "i64",
    "tensor(int32)": "i32",
    "tensor(int16)": "i16",
    "tensor(int8)": "i8",
    "tensor(uint64)": "u64",
    "tensor(uint32)": "u32",
    "tensor(uint16)": "u16",
    "tensor(uint8)": "u8",
    "tensor(bool)": "bool",  # 1.0 and 0.0
}
FLOATS = ("tensor(float)", "tensor(double)")
QUIET = 3  # onnxruntime's log level "error"; its warnings are about models, not about us


class OnnxConfig(NamedTuple):
    """What a target names."""

    model_path: Path  # the .onnx file
    model_name: str  # goes into the metadata of answers
    output_index: int | None = None  # which output is the answer; None: rule 2


class _ConfigFile(msgspec.Struct, forbid_unknown_fields=True):
    model_path: str
    model_name: str | None = None
    output_index: int | None = None


def read_config(target: str | Path) -> OnnxConfig:
    """Return what `target`, a ``.onnx`` file or a JSON file about one, stands for.

    Raises
    ------
    ConfigError
        a file is missing, or the JSON has a wrong key, type or value
    """
    path = Path(target)
    if not path.is_file():
        raise ConfigError(
            f"model {str(path)!r} is not a file; expected an .onnx file or a JSON file with "
            "model_path"
        )
    if path.suffix.lower() == ".onnx":
        return OnnxConfig(path, path.stem)
    raw = path.read_bytes()
    try:
        found = msgspec.json.decode(raw, type=_ConfigFile)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError) as error:
        raise ConfigError(
            f"model config {str(path)!r}: {error}{_key_hint(raw)}; expected model_path, and "
            "model_name and output_index if wanted"
        ) from error
    model_path = path.parent / found.model_path  # an absolute path stays as it is
    if not model_path.is_file():
        raise ConfigError(
            f"model config {str(path)!r}: model_path {found.model_path!r} is not a file in "
            f"{str(path.parent)!r}; paths are relative to the folder of the config"
        )
    return OnnxConfig(model_path, found.model_name or path.stem, found.output_index)


def _key_hint(raw: bytes) -> str:
    try:
        parsed = msgspec.json.decode(raw)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return ""
    known = _ConfigFile.__struct_fields__
    unknown = [key for key in parsed if key not in known] if isinstance(parsed, dict) else []
    return nearest(unknown[0], known) if unknown else ""


class OnnxRunner:
    """A loaded model; safe to call from one thread at a time."""

    def __init__(self, config: OnnxConfig) -> None:
        self.config = config
        session = _load(config)
        self._input, self._input_shape = _only_input(session, config)
        self._names, self._types, shapes = _outputs(session)
        self.output_index = _choose_output(self._types, config)
        self.output_dtype = CONVERTIBLE[self._types[self.output_index]]
        # rule 4; with a fixed number of rows, mostly one, the model is asked row by row
        out_shape = shapes[self.output_index]
        self._batches = bool(out_shape) and all(
            not isinstance(shape[0], int) for shape in (self._input_shape, out_shape) if shape
        )
        self._session: Any = session

    @property
    def inputs(self) -> int | None:
        """Return how many features a row has, None where the model leaves it open."""
        size = self._input_shape[1] if len(self._input_shape) == 2 else None
        return size if isinstance(size, int) else None

    def infer(self, features: npt.NDArray[Any]) -> npt.NDArray[Any]:
        """Return the answers to `n` rows of features.

        Parameters
        ----------
        features : (n, inputs) float32

        Returns
        -------
        (n, outputs) float32
        """
        rows = as_float32(features)
        if rows.ndim != 2 or (self._input_shape and len(self._input_shape) != 2):
            raise ModelError(
                f"model {self._name!r} takes input {self._input_shape}, features are "
                f"{rows.ndim}-dimensional; `infer` is for (rows, inputs), use `infer_tensor`"
            )
        if self._batches:
            answer = self._run(rows)
            if answer.ndim == 0 or answer.shape[0] != len(rows):
                raise ModelError(
                    f"model {self._name!r} answered shape {answer.shape} to {len(rows)} rows, "
                    "expected one answer a row"
                )
            return answer.reshape(len(rows), math.prod(answer.shape[1:]))
        answers = [self._run(rows[i : i + 1]).reshape(1, -1) for i in range(len(rows))]
        return np.concatenate(answers) if answers else np.empty((0, 0), np.float32)

    def infer_tensor(self, tensor: AltTensor) -> AltTensor:
        """Return the answer to one tensor: its time and metadata, the model's values and shape."""
        answer = self._run(tensor.array)
        metadata = {
            "model_runner": "onnx",
            "model_name": self.config.model_name,
            "output_index": str(self.output_index),
            "output_count": str(len(self._names)),
            "output_dtype": self.output_dtype,
        } | tensor.metadata  # what is there already stays
        return AltTensor.of(tensor.timestamp, answer, metadata)

    def close(self) -> None:
        """Release the model; twice is fine."""
        self._session = None

    @property
    def _name(self) -> str:
        return self.config.model_name

    def _run(self, values: Float32Array) -> Float32Array:
        if self._session is None:
            raise ModelError(f"model {self._name!r} is closed; open it again")
        try:
            found = self._session.run([self._names[self.output_index]], {self._input: values})[0]
        except Exception as error:  # onnxruntime's errors have no parent of their own
            raise ModelError(
                f"model {self._name!r} takes input {self._input_shape} and failed on shape "
                f"{values.shape}: {_first_line(error)}"
            ) from error
        answer = as_float32(found)
        return answer.reshape(np.shape(found))  # as_float32 gives a scalar one dimension


def open_runner(target: str) -> OnnxRunner:
    """Load the model that `target` names: an ``.onnx`` file, or a JSON config.

    Raises
    ------
    ConfigError
        a file is missing or the config is wrong
    ModelError
        the file holds no model that can be used
    """
    return OnnxRunner(read_config(target))


def _runtime() -> Any:
    try:
        import onnxruntime  # noqa: PLC0415 - heavy, and only those who use a model need it
    except ImportError as error:
        raise ConfigError(
            "onnxruntime is not installed, ONNX models need it; pip install onnxruntime"
        ) from error
    return onnxruntime


def _load(config: OnnxConfig) -> Any:
    runtime = _runtime()
    options = runtime.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.log_severity_level = QUIET
    try:
        return runtime.InferenceSession(
            str(config.model_path), options, providers=["CPUExecutionProvider"]
        )
    except Exception as error:
        raise ModelError(
            f"model {str(config.model_path)!r} cannot be loaded: {_first_line(error)}; expected "
            "an ONNX file that onnxruntime supports"
        ) from error


def _only_input(session: Any, config: OnnxConfig) -> tuple[str, tuple[Any, ...]]:
    inputs = session.get_inputs()
    if len(inputs) != 1:
        names = ", ".join(each.name for each in inputs) or "none"
        raise ModelError(
            f"model {config.model_name!r} has {len(inputs)} required inputs ({names}), expected "
            "one; export it with a single input tensor"
        )
    if inputs[0].type != "tensor(float)":
        raise ModelError(
            f"model {config.model_name!r} takes {inputs[0].type}, expected tensor(float), that is "
            "float32; export it so"
        )
    return inputs[0].name, tuple(inputs[0].shape)


def _outputs(session: Any) -> tuple[list[str], list[str], list[tuple[Any, ...]]]:
    outputs = session.get_outputs()
    return (
        [each.name for each in outputs],
        [each.type for each in outputs],
        [tuple(each.shape or ()) for each in outputs],
    )


def _choose_output(types: list[str], config: OnnxConfig) -> int:
    if not types:
        raise ModelError(f"model {config.model_name!r} has no output, expected at least one")
    index = config.output_index
    if index is not None:
        if not 0 <= index < len(types):
            raise ModelError(
                f"model {config.model_name!r}: output_index {index} is out of range, the model "
                f"has {len(types)} outputs, counted from 0"
            )
        if types[index] not in CONVERTIBLE:
            raise ModelError(
                f"model {config.model_name!r}: output {index} is {types[index]}, which cannot be "
                f"converted to float32; expected one of {', '.join(CONVERTIBLE.values())}"
            )
        return index
    for wanted in (FLOATS, tuple(CONVERTIBLE)):
        for at, found in enumerate(types):
            if found in wanted:
                return at
    raise ModelError(
        f"model {config.model_name!r} has only outputs of {', '.join(types)}, none can be "
        f"converted to float32; expected one of {', '.join(CONVERTIBLE.values())}"
    )


def _first_line(error: Exception) -> str:
    return str(error).strip().splitlines()[0] if str(error).strip() else type(error).__name__
