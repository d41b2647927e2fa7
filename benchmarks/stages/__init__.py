"""What the parts of a page view take, each alone in this process."""
