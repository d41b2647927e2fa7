"""How fast work in bulk is, and what live traffic feels of it."""
