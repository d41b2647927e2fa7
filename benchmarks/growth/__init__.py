"""What more segments cost a whole page view."""
