"""How well recommendations foretell what a visitor looks at next, on a real access log."""
