"""What rules cost those who write and change them: trials, and rebuilds beside requests."""
