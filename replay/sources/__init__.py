"""Where rows come from: recordings and captured frames."""

from __future__ import annotations
