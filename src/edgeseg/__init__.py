"""edgeseg: a real-time visitor classifier and personalization edge component."""

__version__ = "0.1.0"
