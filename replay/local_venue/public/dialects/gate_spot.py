"""Gate spot."""

from __future__ import annotations

from replay.local_venue.public.dialects._gate import Gate

__all__ = ["DIALECT"]

DIALECT = Gate("gate-spot", "spot", "currency_pair")
