"""What happened: events, how they are read from requests and enriched."""
