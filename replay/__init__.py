"""Files back to rows: replay, backtest, reports, and a local venue."""
