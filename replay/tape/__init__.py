"""Rows made ready for the simulated exchange: what does not depend on any order, computed once."""
