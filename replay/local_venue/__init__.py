"""A venue on loopback that speaks Binance USD-M, over a captured or a simulated market."""
