"""Which groups: the rule language, its compiler and the index that evaluates all segments at once."""
