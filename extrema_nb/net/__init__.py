"""Sockets: the WebSocket loop, the REST client, back-off and rate limits. No venue is known here."""
