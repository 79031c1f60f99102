"""Save a backtest mid-way and go on with it in another process, to the same bytes."""
