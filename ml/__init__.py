"""Models: features leave as tensors for ONNX or ZeroMQ, predictions come back as rows."""

from __future__ import annotations

__all__: list[str] = []
