"""Files back to rows, simulated exchange, backtest, report, local venue."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from replay.loading import Loaded, load

__all__ = ["Loaded", "load"]


def __getattr__(name: str) -> Any:
    """Load what is asked for when it is asked for: commands import single modules of the package."""
    if name in __all__:
        from replay import loading  # noqa: PLC0415

        return getattr(loading, name)
    raise AttributeError(f"module 'replay' has no attribute {name!r}")
