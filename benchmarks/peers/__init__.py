"""Another maker's service that answers the same kind of question."""
