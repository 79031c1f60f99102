"""Strategies: classes with handlers, fused into one kernel for each set of them."""
