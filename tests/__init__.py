"""Tests; a package so that `tests.generators` and `tests.naive` are found before any namesake."""

from __future__ import annotations
