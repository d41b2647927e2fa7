"""What came of it: exposures, conversions, comparisons."""
