"""Order books: exact, compiled, best prices always known."""
