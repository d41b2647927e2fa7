"""What a worker and a visitor take."""
