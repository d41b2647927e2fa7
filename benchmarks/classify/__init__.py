"""How many page views a second one core classifies."""
