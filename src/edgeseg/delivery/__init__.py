"""Faces for websites and CMS templates."""
