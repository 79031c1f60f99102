"""Compiled maths: pure functions on arrays, one algorithm a file."""
