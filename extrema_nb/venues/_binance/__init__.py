"""What the markets of Binance share: spot, USD-M and COIN-M futures differ in a `Dialect`."""
