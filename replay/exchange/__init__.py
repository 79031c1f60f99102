"""The simulated exchange: queues, latency, fees; one for backtest and paper."""
