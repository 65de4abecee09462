"""GELF, by which a component may log: its messages are heard, judged by their level, and logged."""
