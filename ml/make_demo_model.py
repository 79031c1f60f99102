"""Make the small ONNX model of the examples: ``python -m ml.make_demo_model``.

Four features of an order book go in, the expected move of the mid in ticks comes out::

    move = SCALE * tanh(features @ WEIGHTS + BIAS)

The weights are set by hand, not trained: the book leans towards its heavier side, net taker flow
pushes on, the last return is partly given back, and a wide spread says little about direction.
The same script always writes the same bytes.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Sequence
from pathlib import Path

__all__ = ["BIAS", "FEATURES", "SCALE", "WEIGHTS", "build", "main", "write"]

FEATURES = (
    "imbalance",  # (bid qty - ask qty) / (bid qty + ask qty) near the touch, -1 to 1
    "spread",  # ticks
    "flow",  # signed taker quantity / total taker quantity of a short window, -1 to 1
    "return",  # change of the mid over the window, ticks
)
WEIGHTS = (0.9, 0.0, 0.6, -0.1)  # per unit of each feature; positive pushes the mid up
BIAS = 0.0
SCALE = 2.0  # ticks; the largest move that the model ever predicts

OPSET = 17
IR_VERSION = 8  # what OPSET came with, so that old runtimes read the file too
FOLDER = Path(__file__).resolve().parent.parent / "data" / "models"


def build() -> bytes:
    """Return the model as an ONNX file: input ``features`` (n, 4), output ``move`` (n, 1)."""
    from onnx import TensorProto, checker, helper  # noqa: PLC0415 - only this script needs it

    def constant(name: str, dims: list[int], values: Sequence[float]) -> TensorProto:
        return helper.make_tensor(name, TensorProto.FLOAT, dims, values)

    graph = helper.make_graph(
        [
            helper.make_node("MatMul", ["features", "weights"], ["weighted"]),
            helper.make_node("Add", ["weighted", "bias"], ["lean"]),
            helper.make_node("Tanh", ["lean"], ["bounded"]),
            helper.make_node("Mul", ["bounded", "scale"], ["move"]),
        ],
        "demo",
        [helper.make_tensor_value_info("features", TensorProto.FLOAT, ["n", len(FEATURES)])],
        [helper.make_tensor_value_info("move", TensorProto.FLOAT, ["n", 1])],
        [
            constant("weights", [len(FEATURES), 1], WEIGHTS),
            constant("bias", [1], [BIAS]),
            constant("scale", [1], [SCALE]),
        ],
    )
    model = helper.make_model(
        graph,
        producer_name="extrema-nb",
        producer_version="1",
        ir_version=IR_VERSION,
        opset_imports=[helper.make_opsetid("", OPSET)],
    )
    helper.set_model_props(model, {"features": ", ".join(FEATURES)})
    checker.check_model(model)
    return bytes(model.SerializeToString(deterministic=True))


def write(folder: Path) -> Path:
    """Write ``demo.onnx`` and its config ``demo.json``; return the path of the config."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "demo.onnx").write_bytes(build())
    config = {"model_path": "demo.onnx", "model_name": "demo", "output_index": 0}
    path = folder / "demo.json"
    path.write_text(json.dumps(config, indent=2) + "\n", encoding="utf-8")
    return path


def main(argv: Sequence[str] | None = None) -> int:
    """Write the model and name the file."""
    parser = argparse.ArgumentParser(prog="python -m ml.make_demo_model", description=__doc__)
    parser.add_argument("--out", type=Path, default=FOLDER, help="folder (default: data/models)")
    sys.stdout.write(f"{write(parser.parse_args(argv).out)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
