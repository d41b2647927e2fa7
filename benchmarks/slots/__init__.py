"""What choosing and rendering slots adds to a page view."""
