"""Who is in which group, over all stored visitors: lists, recalculation, comparison of rules."""
