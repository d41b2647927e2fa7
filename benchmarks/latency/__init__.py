"""How long visitors wait at a given rate, whatever the server does."""
