"""Minutes of load: what grows, and what becomes slower."""
