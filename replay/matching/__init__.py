"""A price-time-priority market: matching engine and the simulated traders that use it."""
