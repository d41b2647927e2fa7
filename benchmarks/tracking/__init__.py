"""How many events a second one core takes from SDKs."""
