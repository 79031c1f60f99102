"""Examples: one complete strategy a file."""
