"""What a second worker brings."""
