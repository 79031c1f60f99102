"""One module a venue: what its messages are about, how it acknowledges, what its REST answers."""
