"""What to show: slots, the campaigns that fill them, their variants and templates."""
