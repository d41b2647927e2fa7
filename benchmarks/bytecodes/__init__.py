"""What a request makes the interpreter do, counted instead of timed."""
