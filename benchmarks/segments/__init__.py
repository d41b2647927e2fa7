"""How long it takes to find the segments of one visitor, by their number."""
