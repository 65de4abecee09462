"""GELF, in which a component may log: its messages are received, filtered by level, and logged."""
