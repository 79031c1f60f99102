"""Order intents to a venue and its reports back: credentials, state of orders, reconciliation."""
