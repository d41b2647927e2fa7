"""Which groups: the rule language, its compiler and the index over all segments."""
