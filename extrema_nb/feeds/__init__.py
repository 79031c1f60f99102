"""Feeds: public market data of a venue as rows, from a socket or from recorded frames."""
