"""The public side of every venue on loopback, served from captures; one small dialect a venue."""
